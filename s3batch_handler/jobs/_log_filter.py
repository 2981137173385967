"""The failures that a function has logged for a job: the query for them, and the lines found.

The query is in the language of CloudWatch Logs Insights. It only preselects lines: what it finds
is compared again here. So a key needs no quoting, whose rules AWS does not document: in the query,
each character of a key that may have a meaning matches any character. In lines that are not of our
handler, only the longest part of a key without such characters is searched.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._sanitize import escape_surrogates

if TYPE_CHECKING:
    from s3batch_handler.jobs._log_lines import LogLine

LEVELS: Final = {
    "DEBUG": ("DEBUG", "TRACE"),
    "INFO": ("INFO",),
    "WARNING": ("WARNING", "WARN"),
    "ERROR": ("ERROR",),
    "CRITICAL": ("CRITICAL", "FATAL"),
}
"""The levels of log lines, in ascending order, with the names that loggers use for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which log lines of a function belong to a job.

    Attributes:
        level: The lowest level of lines with the job ID.
        key: Only lines about this object.
        task: Only lines with this ID: 12 hex digits, as our handler logs them.
    """

    job_id: str
    level: str = "WARNING"
    key: str | None = None
    task: str | None = None

    def query(self, limit: int) -> str:
        """Return the query, which returns up to ``limit`` lines, the first ones first."""
        levels = ", ".join(f'"{level}"' for level in self._levels)
        own = f'job_id = "{_plain(self.job_id)}" and level in [{levels}]'
        others = f"not ispresent(job_id) and @message like /{FAILURE}/"
        if self.task is not None:
            own += f' and task = "{_plain(self.task)}"'
            others = ""
        if self.key is not None:
            key = escape_surrogates(self.key)
            end = key[-_LONGEST_PATTERN:]  # a query has up to 10,000 characters
            start = "^" if end == key else ""
            own += f" and key like /{start}{_pattern(end)}$/"
            if plain := _longest_plain_part(key):
                others += f" and @message like /{plain}/"
        condition = f"({own}) or ({others})" if self.task is None else own
        return "\n".join(
            (
                "fields @timestamp, @message, @requestId, @log, @logStream",
                f"| filter {condition}",
                "| sort @timestamp asc",
                f"| limit {limit}",
            )
        )

    def accepts(self, line: LogLine) -> bool:
        """Return whether a line is one of the job, or a failure without a job ID."""
        if line.job_id is None:
            if self.task is not None or not _FAILURE.search(line.text):
                return False
            return self.key is None or any(key in line.text for key in _spellings(self.key))
        return (
            line.job_id == self.job_id
            and line.level in self._levels
            and self.task in (None, line.task)
            and (self.key is None or line.key == escape_surrogates(self.key))
        )

    @property
    def _levels(self) -> list[str]:
        names = [*LEVELS]
        return [name for level in names[names.index(self.level) :] for name in LEVELS[level]]


FAILURE: Final = (
    r"\[(WARN|WARNING|ERROR|CRITICAL|FATAL)\]"
    r"|Traceback|Task timed out|Runtime exited|Runtime\.[A-Z]"
    r'|"level": ?"(WARN|WARNING|ERROR|CRITICAL|FATAL)"'
    r'|"status": ?"(timeout|error|failure)"|Status: (timeout|error|failure)'
)
"""What lines about failures contain that have no job ID: of loggers without keys, and of Lambda."""

_FAILURE: Final = re.compile(FAILURE)


def _plain(value: str) -> str:
    """Check a value that is quoted in a query."""
    if not re.fullmatch(r"[\w-]+", value, re.ASCII):
        raise ValueError(f"{value!r} is not an ID: it has letters, digits, _ and - only")
    return value


_LONGEST_PATTERN: Final = 400  # characters of a key


def _pattern(key: str) -> str:
    """Return a regular expression that matches a key, without characters to be escaped."""
    return "".join(
        character
        if re.fullmatch(_PLAIN, character)
        else "."
        if character.isprintable()
        else "[^_]"  # any other character, also a line break
        for character in key
    )


_PLAIN: Final = "[A-Za-z0-9_ -]"


def _longest_plain_part(key: str) -> str:
    """Return the longest part of a key that JSON does not escape, in up to 400 characters.

    A pattern for the whole key, with each escape that a logger may use, takes minutes to match.
    """
    return max(re.findall(f"{_PLAIN}+", key), key=len, default="")[:_LONGEST_PATTERN]


def _spellings(key: str) -> set[str]:
    """Return a key as it is logged in plain text, and in JSON with and without escapes."""
    logged = escape_surrogates(key)
    return {
        logged,
        *(json.dumps(logged, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)),
    }
