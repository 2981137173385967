"""Completion reports (``Report_CSV_20180820``): what became of every task of a job.

::

    <prefix>/job-<id>/manifest.json          what the report consists of, with MD5s
    <prefix>/job-<id>/manifest.json.md5
    <prefix>/job-<id>/results/<40 hex>.csv   one for each status that occurs; CRLF, no header

Sources: S3 User Guide, "Examples: S3 Batch Operations completion reports", and reports that AWS
wrote. Where the two differ (the order of the code columns, the digits of a second) we write what
AWS writes, and read both.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError
from typing_extensions import Buffer, TypedDict, override

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import ReportError, ReportNotWritten, StateError
from s3batch_handler.core._keys import decode_key
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.core._payload import explain
from s3batch_handler.documents._csv_reader import csv_reader, line_of_decode_error
from s3batch_handler.documents._storage import HashingReader, open_folder, split_location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from s3batch_handler.documents._manifest import ManifestEntry
    from s3batch_handler.documents._storage import Folder, S3Client

REPORT_FORMAT: Final = "Report_CSV_20180820"


class TaskStatus(StrEnum):
    """What became of a task in the end, spelled as in a report."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class ReportScope(StrEnum):
    """Which tasks a report tells of, spelled as in CreateJob."""

    ALL_TASKS = "AllTasks"
    FAILED_TASKS_ONLY = "FailedTasksOnly"


class ReportRow(ObjectRef):
    """One line of a completion report.

    Attributes:
        status: What became of the task.
        http_status: 200 whenever the function was called, whatever it said.
        error_code: ``PermanentFailure`` and the like; ``None`` for a success.
        message: What the function said, or why it could not.
    """

    status: TaskStatus
    http_status: int | None = None
    error_code: str | None = None
    message: str = ""


# ---------------------------------------------------------------- writing


def report_row(
    entry: ManifestEntry, status: TaskStatus, http_status: int, error_code: str, message: str
) -> bytes:
    r"""Give a task's row of a report; the key stands in it as in the manifest, byte for byte.

    A manifest without version ids gives an empty cell, an empty cell of a manifest gives ``\N``.
    The HTTP status comes before the error code, although the report's own schema says the reverse:
    that is what AWS writes. A lone surrogate in a message must not stop a job at its very end: it
    becomes ``\ud800``.
    """
    bucket, key, version = entry
    if not version:
        version = "" if version is None else _NO_VERSION
    # Half the price of csv.writer, which is there for cells that hardly ever need quotes.
    head = f"{bucket},{key},{version},{status},{http_status},{error_code},"
    if head.count(",") == 6 and '"' not in head and "\n" not in head and "\r" not in head:
        if '"' in message or "," in message or "\n" in message or "\r" in message:
            message = '"' + message.replace('"', '""') + '"'
        return f"{head}{message}\r\n".encode("utf-8", "backslashreplace")
    row = io.StringIO()
    cells = (bucket, key, version, status, http_status, error_code, message)
    csv.writer(row, lineterminator="\r\n").writerow(cells)
    return row.getvalue().encode("utf-8", "backslashreplace")


class ReportWriter:
    """Writes a completion report as AWS does.

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
        self._location = folder.location(f"{self._job}/{_INDEX}")
        self._stored: list[str] = []
        is_for_all = scope is ReportScope.ALL_TASKS
        self.statuses = tuple(TaskStatus) if is_for_all else (TaskStatus.FAILED,)

    def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
        """Write the report, and return the location of its ``manifest.json``.

        ``manifest.json`` is written last, so a report is either complete or not there. After an
        error the report can be written again. Until then, files that were stored stay.

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

    def _write_elsewhere(
        self, fallback: Folder, rows: Callable[[TaskStatus], Iterable[bytes]], error: Exception
    ) -> ReportNotWritten:
        problem = f"{self._location}: {describe(error)}"
        if self._stored:
            problem += f"; left behind there: {', '.join(self._stored)}"
        try:
            self._write_to(fallback, rows)
        except Exception as another:  # a full disk, a read-only place
            problem += f"; nor could it be kept elsewhere: {describe(another)}"
            return ReportNotWritten(problem, kept=None)
        kept = fallback.location(f"{self._job}/{_INDEX}")
        return ReportNotWritten(f"{problem}; it is kept in {kept}", kept=kept)

    def _write_to(self, folder: Folder, rows: Callable[[TaskStatus], Iterable[bytes]]) -> None:
        results = []
        for status in self.statuses:
            digests = _digests(rows(status))
            if digests is None:  # a status without rows has no file
                continue
            name, checksum = digests
            path = f"{self._job}/results/{name}.csv"
            self._store(folder, path, io.BufferedReader(_ChunkReader(rows(status)), _CHUNK))
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
            "ReportSchema": _DECLARED_SCHEMA,
        }
        content = json.dumps(index, indent=4).encode()
        checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
        self._store(folder, f"{self._job}/{_INDEX_MD5}", io.BytesIO(checksum.encode()))
        self._store(folder, f"{self._job}/{_INDEX}", io.BytesIO(content))

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


_INDEX: Final = "manifest.json"
_INDEX_MD5: Final = "manifest.json.md5"
_NO_VERSION: Final = r"\N"

# As AWS declares it; the rows have the two codes the other way round.
_DECLARED_SCHEMA: Final = (
    "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
)


def _now() -> str:
    seconds, fraction = divmod(time.time_ns(), 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def _digests(chunks: Iterable[bytes]) -> tuple[str, str] | None:
    """Return the name of a results file and its MD5; ``None`` for an empty file.

    What AWS's names mean is not known. Ours are the SHA-1 of the content, so that a report which
    replaces another never changes a file that the other one names.
    """
    sha1, md5 = hashlib.sha1(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    is_empty = True
    for chunk in chunks:
        is_empty = False
        sha1.update(chunk)
        md5.update(chunk)
    return None if is_empty else (sha1.hexdigest(), md5.hexdigest())


_CHUNK: Final = 1 << 17


# ---------------------------------------------------------------- reading


def read_report(location: str | Path, *, s3: S3Client | None = None) -> Report:
    """Open a completion report, written by AWS or by us.

    Args:
        location: The report's folder (``job-…``), a folder with exactly one of those in it, or the
            path of its ``manifest.json``; or an ``s3://`` URL of any of these.
        s3: ``boto3.client("s3")``, for an S3 URL.

    Raises:
        ReportError: There is no report, more than one, or its ``manifest.json`` cannot be used.
    """
    try:
        folder, base, name, content = _find(location, s3)
    except ValueError as error:
        raise ReportError(str(error)) from error
    place = folder.location(base + name)
    try:
        index = _INDEX_DOCUMENT.validate_json(content)
        created = datetime.fromisoformat(index["ReportCreationDate"])
    except ValidationError as error:
        raise ReportError(
            f"{place}: not a completion report: {explain(error, whole='it')}"
        ) from None
    except ValueError as error:
        problem = f"ReportCreationDate: {error}"
        raise ReportError(f"{place}: not a completion report: {problem}") from error
    return Report(
        job_id=_job_id(index["Results"], place),
        created=created if created.tzinfo else created.replace(tzinfo=UTC),
        location=place,
        _folder=folder,
        _index=base + name,
        _files=tuple(_ResultsFile.of(result, base) for result in index["Results"]),
    )


@dataclass(frozen=True)
class Report:
    """A completion report; rows are read as they are asked for, and never kept.

    Attributes:
        job_id: ``""`` where neither a results file nor the folder tells.
        created: When the report was made, with its time zone.
        location: Its ``manifest.json``.
    """

    job_id: str
    created: datetime
    location: str
    _folder: Folder = field(repr=False)
    _index: str = field(repr=False)
    _files: tuple[_ResultsFile, ...] = field(repr=False)

    def rows(self) -> Iterator[ReportRow]:
        """Give all rows; AWS promises no order.

        Raises:
            ReportError: A results file is not there, or not what a report has, or (found at its
                end) not what its MD5 says. The text names the file, and the line.
        """
        for file in self._files:
            yield from self._rows_of(file)

    def succeeded(self) -> Iterator[ReportRow]:
        """Give the rows of the tasks that succeeded; errors as with :meth:`rows`."""
        return self._with(TaskStatus.SUCCEEDED)

    def failed(self) -> Iterator[ReportRow]:
        """Give the rows of the tasks that failed; errors as with :meth:`rows`."""
        return self._with(TaskStatus.FAILED)

    def verify(self) -> None:
        """Compare every file with its MD5, without looking into it.

        Raises:
            ReportError: A file is not there, or not what its MD5 says.
        """
        for file in self._files:
            with self._open(file) as (place, source):
                while source.read(_CHUNK):
                    pass
                _check(place, source, file.md5)
        try:
            with self._folder.read(f"{self._index}.md5") as stream:
                expected = stream.read(_CHUNK).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return  # easily left behind when a report is copied
        if _MD5.fullmatch(expected):  # what else AWS may put there is not known
            with HashingReader(self._folder.read(self._index)) as source:
                source.read()
                _check(self.location, source, expected)

    def _with(self, status: TaskStatus) -> Iterator[ReportRow]:
        for file in self._files:
            if file.status is status:
                yield from self._rows_of(file)

    def _rows_of(self, file: _ResultsFile) -> Iterator[ReportRow]:
        with self._open(file) as (place, source):
            yield from read_rows(io.BufferedReader(source, _CHUNK), file.status, source=place)
            _check(place, source, file.md5)

    @contextmanager
    def _open(self, file: _ResultsFile) -> Iterator[tuple[str, HashingReader]]:
        for name in file.names:
            try:
                source = HashingReader(self._folder.read(name))
            except (FileNotFoundError, IsADirectoryError):
                continue
            except ValueError as error:  # a name that leads out of the folder
                raise ReportError(f"{self.location}: {error}; {_DAMAGED}") from error
            with source:
                yield self._folder.location(name), source
            return
        place = self._folder.location(file.names[0])
        raise ReportError(f"{place}: not there, but named by manifest.json; {_DAMAGED}")


def read_rows(stream: BinaryIO, status: TaskStatus, *, source: str) -> Iterator[ReportRow]:
    """Give the rows of one results file.

    Raises:
        ReportError: It is not what a report has; the text names ``source``, and the line.
    """
    text = io.TextIOWrapper(stream, "utf-8", newline="\n")
    reader = csv_reader(text, strict=False)  # rows of AWS with faulty quoting are known
    line = 0
    try:
        for cells in reader:
            yield _row(cells, status)
            line = reader.line_num
    except UnicodeDecodeError as error:
        line = line_of_decode_error(error, reader)
        raise ReportError(f"{source}, line {line}: not UTF-8; {_DAMAGED}") from error
    except (_BadRow, csv.Error) as error:
        raise ReportError(f"{source}, line {line + 1}: {error}; {_DAMAGED}") from error


_DAMAGED: Final = "get the report from its bucket again"


class _Result(TypedDict):
    TaskExecutionStatus: Literal["succeeded", "failed"]
    MD5Checksum: str
    Key: str


class _Index(TypedDict):
    Format: Literal["Report_CSV_20180820"]
    ReportCreationDate: str
    Results: list[_Result]


_INDEX_DOCUMENT: Final = TypeAdapter(_Index)


class _ResultsFile(NamedTuple):
    status: TaskStatus
    md5: str
    names: tuple[str, ...]  # where it may be, in the folder

    @classmethod
    def of(cls, result: _Result, base: str) -> _ResultsFile:
        # A report is often copied out of its bucket, so the key says little about where the file
        # is now; and a report must never make us read anything outside of its folder.
        key = result["Key"]
        beside = f"{base}results/{key.rpartition('/')[2]}"
        return cls(
            TaskStatus(result["TaskExecutionStatus"]), result["MD5Checksum"].lower(), (beside, key)
        )


def _find(location: str | Path, s3: S3Client | None) -> tuple[Folder, str, str, bytes]:
    """Give the folder, where in it the report is, the name of its index, and what is in that."""
    parent, name = split_location(location)
    if name.endswith(".json"):
        folder = open_folder(parent, s3=s3)
        content = _content(folder, name)
        if content is None:
            raise ReportError(f"{location}: no such file")
        return folder, "", name, content
    folder = open_folder(location, s3=s3)
    content = _content(folder, _INDEX)
    if content is not None:
        return folder, "", _INDEX, content
    base = _only_job(folder, location)
    content = _content(folder, base + _INDEX)
    if content is None:
        raise ReportError(f"{location}: {base} has no {_INDEX}, so its report is not complete")
    return folder, base, _INDEX, content


def _only_job(folder: Folder, location: str | Path) -> str:
    for start in ("job-", "/job-"):  # the second: a report prefix that ended in a slash
        jobs = list(islice(folder.subfolders(start), _MAX_NAMED))
        if len(jobs) == 1:
            return f"{jobs[0]}/"
        if jobs:
            names = ", ".join(jobs)
            raise ReportError(f"{location}: more than one report, give one of them: {names}")
    raise ReportError(
        f"{location}: no report here: give the folder of a job (job-…) or its {_INDEX}"
    )


_MAX_NAMED: Final = 10


def _content(folder: Folder, name: str) -> bytes | None:
    try:
        with folder.read(name) as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _job_id(results: list[_Result], place: str) -> str:
    """Find the job's id in the path of the index or of a file: the index does not contain it."""
    paths = [result["Key"] for result in results] + [place.replace("\\", "/")]
    found = filter(None, map(_JOB.search, paths))
    return next((match[1] for match in found), "")


_JOB: Final = re.compile(r"(?:^|/)job-([^/]+)/(?:results/)?[^/]+$")


class _BadRow(Exception):
    """A row that no report has."""


def _row(cells: list[str], status: TaskStatus) -> ReportRow:
    if len(cells) < _COLUMNS:
        raise _BadRow(f"has {len(cells)} columns, a report has {_COLUMNS}")
    bucket, key, version, said, http_status, error_code, message = cells[:_COLUMNS]
    if message.startswith("error details: {"):
        # AWS's examples of failed checksums have quotes that are not doubled, so the CSV reader
        # splits such a message at its commas.
        message = ",".join(cells[_COLUMNS - 1 :])
    if said != status:
        raise _BadRow(f"status is {said!r}, in a file of tasks that {_DID[status]}")
    if not _HTTP_STATUS.fullmatch(http_status) and _HTTP_STATUS.fullmatch(error_code):
        # The order that AWS declares, should rows ever come to follow it.
        http_status, error_code = error_code, http_status
    return ReportRow.from_valid(
        {
            "bucket": bucket,
            "key": decode_key(key),
            "version_id": None if version == _NO_VERSION else version or None,
            "status": status,
            "http_status": int(http_status) if _HTTP_STATUS.fullmatch(http_status) else None,
            "error_code": error_code or None,
            "message": message,
        }
    )


_COLUMNS: Final = 7
_DID: Final = {TaskStatus.SUCCEEDED: "succeeded", TaskStatus.FAILED: "failed"}
_HTTP_STATUS: Final = re.compile(r"[0-9]{1,9}")
_MD5: Final = re.compile(r"[0-9a-fA-F]{32}")


def _check(place: str, source: HashingReader, expected: str) -> None:
    actual = source.md5.hexdigest()
    if actual != expected.lower():
        raise ReportError(
            f"{place}: its MD5 is {actual}, not {expected}: changed or cut off; {_DAMAGED}"
        )
