"""Write completion reports as AWS does."""

from __future__ import annotations

import hashlib
import io
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import ReportNotWritten, StateError
from s3batch_handler.core._typing import override
from s3batch_handler.documents.files._csv_rows import csv_cell, needs_quotes
from s3batch_handler.documents.reports._report_files import INDEX, REPORT_FORMAT
from s3batch_handler.documents.reports._results_file import CHUNK_SIZE
from s3batch_handler.documents.reports._rows import COLUMNS, NO_VERSION, ReportScope, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from typing_extensions import Buffer

    from s3batch_handler.documents.files._folder import Folder
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.manifests._plain_lines import PlainLines


def report_row(
    entry: ManifestEntry, status: TaskStatus, http_status: int | None, error_code: str, message: str
) -> bytes:
    r"""Return the row of a task, with the key as it is in the manifest, byte for byte.

    A manifest without version IDs results in an empty cell, an empty cell of a manifest in ``\N``.
    The HTTP status precedes the error code, as in the reports of AWS, although their schema has
    the reverse order. A lone surrogate in a message becomes ``\ud800``.
    """
    bucket, key, version = entry
    if not version:
        version = "" if version is None else NO_VERSION
    code = "" if http_status is None else str(http_status)
    cells = (bucket, key, version, status, code, error_code)
    start = ",".join(cells)
    if needs_quotes(start.replace(",", "", 5)):  # one check for all cells is faster
        start = ",".join(map(csv_cell, cells))
    return f"{start},{csv_cell(message)}\r\n".encode("utf-8", "backslashreplace")


def succeeded_rows(lines: PlainLines, cells: Sequence[bytes]) -> bytes:
    """Return the rows of plain lines whose tasks have succeeded, each with a message as a cell."""
    no_version = b"," if lines.lines[0].count(b",") == 1 else b""
    middle = b"%b,%b,200,," % (no_version, TaskStatus.SUCCEEDED.encode())
    if len(same := {*cells}) == 1:  # as of most functions; this is faster
        end = b"%b%b\r\n" % (middle, *same)
        return end.join(lines.lines) + end
    return b"\r\n".join([*map(middle.join, zip(lines.lines, cells, strict=True)), b""])


class ReportWriter:
    """Writes a completion report.

    Args:
        folder: Where ``<prefix>/job-<id>/`` is created.
        job_id: The ID of the job.
        scope: The tasks that get a row.
        prefix: One that ends in ``/`` results in a double slash in S3, as with AWS.
        fallback: Where the report is written if ``folder`` cannot be written.

    Attributes:
        statuses: The statuses of tasks that get a row.

    Raises:
        ValueError: ``prefix`` or ``job_id`` lead out of the folder.
    """

    def __init__(
        self,
        folder: Folder,
        *,
        job_id: str,
        scope: ReportScope = ReportScope.ALL_TASKS,
        prefix: str = "",
        fallback: Folder | None = None,
    ) -> None:
        self._folder = folder
        self._fallback = fallback
        self._job = f"{prefix}/job-{job_id}" if prefix else f"job-{job_id}"
        self._location = folder.location(f"{self._job}/{INDEX}")
        self._stored: list[str] = []
        has_all = scope is ReportScope.ALL_TASKS
        self.statuses = tuple(TaskStatus) if has_all else (TaskStatus.FAILED,)

    def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
        """Write the report, and return the location of its ``manifest.json``.

        ``manifest.json`` is written last, so a report is either complete or missing. After an
        error the report can be written again. Until then, files that were stored remain.

        Args:
            rows: Returns the rows of a status as :func:`report_row` formats them, in chunks of any
                size. It is called again for each pass over the rows.

        Raises:
            StateError: The rows cannot be read.
            ReportNotWritten: The report is in ``fallback`` instead, or in neither place. Without a
                ``fallback``, the error of the folder is raised.
        """
        try:
            self._write_to(self._folder, rows)
        except StateError:
            raise
        except Exception as error:
            if self._fallback is None:
                raise
            raise self._write_elsewhere(self._fallback, rows, error) from error
        return self._location

    def write_beside(self, name: str, content: bytes) -> None:
        """Write a file beside the ``manifest.json`` of a report that was written."""
        self._folder.write(f"{self._job}/{name}", io.BytesIO(content))

    def _write_elsewhere(
        self, fallback: Folder, rows: Callable[[TaskStatus], Iterable[bytes]], error: Exception
    ) -> ReportNotWritten:
        problem = f"{self._location}: {describe(error)}"
        if self._stored:
            problem += f"; files that were written there: {', '.join(self._stored)}"
        try:
            self._write_to(fallback, rows)
        except Exception as another:  # for example a full disk
            problem += f"; it could not be written elsewhere either: {describe(another)}"
            return ReportNotWritten(problem, kept=None)
        kept = fallback.location(f"{self._job}/{INDEX}")
        return ReportNotWritten(f"{problem}; it was written to {kept} instead", kept=kept)

    def _write_to(self, folder: Folder, rows: Callable[[TaskStatus], Iterable[bytes]]) -> None:
        results = []
        for status in self.statuses:
            digests = _digests(rows(status))
            if digests is None:  # a status without rows has no file
                continue
            name, checksum = digests
            path = f"{self._job}/results/{name}.csv"
            self._store(folder, path, io.BufferedReader(_ChunkReader(rows(status)), CHUNK_SIZE))
            results.append(
                {
                    "TaskExecutionStatus": status,
                    "Bucket": folder.bucket,
                    "MD5Checksum": checksum,
                    "Key": folder.key(path),
                }
            )
        index = {
            "Format": REPORT_FORMAT,
            "ReportCreationDate": _now(),
            "Results": results,
            "ReportSchema": ", ".join(COLUMNS),
        }
        content = json.dumps(index, indent=4).encode()
        checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
        self._store(folder, f"{self._job}/{INDEX}.md5", io.BytesIO(checksum.encode()))
        self._store(folder, f"{self._job}/{INDEX}", io.BytesIO(content))

    def _store(self, folder: Folder, name: str, source: BinaryIO) -> None:
        folder.write(name, source)
        self._stored.append(folder.location(name))


class _ChunkReader(io.RawIOBase):
    """A file whose content comes in chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = b""

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        self._rest = self._rest or next(self._chunks, b"")
        part, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(part)] = part
        return len(part)


def _now() -> str:
    seconds, fraction = divmod(time.time_ns(), 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def _digests(chunks: Iterable[bytes]) -> tuple[str, str] | None:
    """Return the name of a results file and its MD5; ``None`` for an empty file.

    The names in AWS's reports have 40 hex digits of unknown meaning. Here they depend on the
    content, so a report that replaces another never changes a file that the other one refers to.
    """
    md5 = hashlib.md5(usedforsecurity=False)
    is_empty = True
    for chunk in chunks:
        is_empty = False
        md5.update(chunk)
    name = hashlib.sha1(md5.digest(), usedforsecurity=False).hexdigest()
    return None if is_empty else (name, md5.hexdigest())
