"""Log lines of a function: those of Powertools, of Lambda's JSON format, and plain text."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from s3batch_handler.core._redaction import redact

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A log line of a function.

    Attributes:
        time: When the line was logged, in ISO 8601.
        text: The line as it is stored.
        message: The message of the line, without time and level.
        job_id: The job; ``None`` if the line does not name one, like ``level`` and the others.
        task: The ID of the task, shortened to 12 hex digits.
        fields: All fields of a line that is JSON.
    """

    time: str
    text: str
    message: str
    level: str | None = None
    job_id: str | None = None
    task: str | None = None
    bucket: str | None = None
    key: str | None = None
    version_id: str | None = None
    result_code: str | None = None
    request_id: str | None = None
    log_group: str | None = None
    log_stream: str | None = None
    fields: Mapping[str, Any] | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> LogLine:
        """Read a row of a query, which has the fields of ``LogFilter.query``."""
        text = row.get("@message", "").removesuffix("\n")
        fields = _json_object(text)
        known = {name: _text(fields.get(name)) for name in _NAMES}
        level, request_id, message = _parts(text)
        if fields:
            level = _text(fields.get("level"))
            message = _message(fields, text)
            request_id = _request_id(fields)
        return cls(
            time=_time(row.get("@timestamp", "")),
            text=text,
            message=message,
            level=level,
            request_id=row.get("@requestId") or request_id,
            log_group=row.get("@log", "").partition(":")[2] or row.get("@log"),
            log_stream=row.get("@logStream"),
            fields=fields or None,
            **known,
        )

    def redacted(self) -> LogLine:
        """Return the line without credentials, like the messages of failed tasks."""
        fields = self.fields and {
            name: value if name in _NAMES else _redacted(name, value)
            for name, value in self.fields.items()
        }
        return replace(
            self, text=redact(self.text), message=redact(self.message), fields=fields or None
        )

    def to_json(self) -> dict[str, Any]:
        """Return the members that have a value; the text only if the line is not JSON."""
        members = asdict(self)
        if self.fields is not None:
            del members["text"]
        return {name: value for name, value in members.items() if value is not None}


_NAMES: Final = ("job_id", "task", "bucket", "key", "version_id", "result_code")


def _redacted(name: str, value: Any) -> Any:
    """Return the value of a field without credentials."""
    if isinstance(value, dict):
        members: dict[str, Any] = value
        return {inner: _redacted(inner, each) for inner, each in members.items()}
    if isinstance(value, list):
        items: list[Any] = value
        return [_redacted(name, each) for each in items]
    if value is None or isinstance(value, bool):
        return value
    if redact(json.dumps({name: "value"})) != json.dumps({name: "value"}):
        return _MASK
    return redact(value) if isinstance(value, str) else value


_MASK: Final = "***"


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return _mapping(value)


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _request_id(fields: Mapping[str, Any]) -> str | None:
    """Return the ID that Lambda's JSON format, Powertools or Lambda itself has logged."""
    record = _mapping(fields.get("record"))
    ids = (fields.get("requestId"), fields.get("function_request_id"), record.get("requestId"))
    return next(filter(None, map(_text, ids)), None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _message(fields: Mapping[str, Any], text: str) -> str:
    """Return the message of a line of a logger, or what a line of Lambda itself says."""
    message = fields.get("message", fields.get("errorMessage"))
    if message is not None:
        return message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    record = _mapping(fields.get("record"))
    if "status" in record:
        parts = (fields.get("type"), record["status"], record.get("errorType"))
        return " ".join(str(part) for part in parts if part)
    return text


def _parts(text: str) -> tuple[str | None, str | None, str]:
    """Split a line of Lambda's text format: level, time, request ID and message."""
    found = _TEXT_FORMAT.match(text)
    if found is None:
        return None, None, text.strip()
    level, request_id = found.groups()
    return level, request_id, text[found.end() :].strip()


_TEXT_FORMAT: Final = re.compile(r"\[([A-Z]+)\]\t\S+\t(\S+)\t")


def _time(timestamp: str) -> str:
    """Convert a time of Insights, in UTC (or of moto, in milliseconds) to ISO 8601."""
    if timestamp.isdigit():
        time = datetime.fromtimestamp(int(timestamp) / 1000, UTC)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return timestamp.replace(" ", "T") + "Z" if timestamp else ""
