"""Completion reports (``Report_CSV_20180820``): the result of every task of a job.

::

    <prefix>/job-<id>/manifest.json          lists the files of the report, with their MD5s
    <prefix>/job-<id>/manifest.json.md5
    <prefix>/job-<id>/results/<40 hex>.csv   one for each status that occurs; CRLF, no header

Sources: S3 User Guide, "Examples: S3 Batch Operations completion reports", and reports that AWS
wrote. Where the two differ (the order of the code columns, the digits of a second), this package
writes what AWS writes, and reads both.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal, NotRequired, TypeVar

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from s3batch_handler.core._errors import ReportError
from s3batch_handler.core._validation import explain_error
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._hashing import HashingReader
from s3batch_handler.documents.files._locations import is_s3_url, split_location
from s3batch_handler.documents.reports._failed_pages import rows_with_ends
from s3batch_handler.documents.reports._read_ahead import read_ahead
from s3batch_handler.documents.reports._report_files import INDEX
from s3batch_handler.documents.reports._results_file import (
    CHUNK_SIZE,
    ResultsFile,
    check_md5,
    verify_files,
)
from s3batch_handler.documents.reports._rows import (
    TaskStatus,
    layout_of,
    read_entries_of_rows,
    read_rows,
    read_rows_with_entries,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from s3batch_handler.documents.files._folder import Folder
    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.reports._rows import Layout, ReportRow
    from s3batch_handler.documents.reports._summary import ReportSummary
    from s3batch_handler.documents.reports._tables import QueryResult


class _Result(TypedDict):
    TaskExecutionStatus: Literal["succeeded", "failed"]
    MD5Checksum: str
    Key: str


class _Index(TypedDict):
    Format: Literal["Report_CSV_20180820"]
    ReportCreationDate: str
    ReportSchema: NotRequired[str]
    Results: list[_Result]


_RowT = TypeVar("_RowT")
_INDEX_DOCUMENT: Final = TypeAdapter(_Index)


@dataclass(frozen=True)
class Report:
    """A completion report. Its rows are streamed.

    Attributes:
        job_id: ``""`` if neither the folder nor a results file contains it.
        created: The time of the report, with its time zone.
        location: The path or URL of its ``manifest.json``.
    """

    job_id: str
    created: datetime
    location: str
    _folder: Folder = field(repr=False)
    _index: str = field(repr=False)
    _files: tuple[ResultsFile, ...] = field(repr=False)

    def __iter__(self) -> Iterator[ReportRow]:
        """Yield all rows, as :meth:`rows`."""
        return self.rows()

    def rows(self) -> Iterator[ReportRow]:
        """Yield all rows. AWS does not guarantee an order.

        Raises:
            ReportError: A results file is missing, or has a faulty row, or (detected at its end) a
                different MD5. The message contains the file and the line.
        """
        return self._rows(*TaskStatus)

    def succeeded(self) -> Iterator[ReportRow]:
        """Yield the rows of the tasks that succeeded; raise the same errors as :meth:`rows`."""
        return self._rows(TaskStatus.SUCCEEDED)

    def failed(self) -> Iterator[ReportRow]:
        """Yield the rows of the tasks that failed; raise the same errors as :meth:`rows`."""
        return self._rows(TaskStatus.FAILED)

    def failed_from(self, start: int) -> Iterator[tuple[int, ReportRow]]:
        """Yield failed tasks from an offset in their results file, each with the offset after it.

        Only for reports that this package wrote, which have one such file. Its MD5 is not checked.

        Raises:
            ReportError: The file is missing, or no row begins at this offset.
        """
        for file in self._files:
            if file.status is TaskStatus.FAILED:
                with file.open_from(start) as stream:
                    yield from rows_with_ends(stream, start)
                return

    def summary(self) -> ReportSummary:
        """Count the tasks, and group the failed ones by error code and message.

        Raises:
            ReportError: As for :meth:`rows`.
        """
        from s3batch_handler.documents.reports._summary_sql import summarize

        return summarize(self._files)

    def query(self, sql: str) -> QueryResult:
        """Run a query of DuckDB on the table ``report``, whose columns are those of ``ReportRow``.

        ::

            report.query("SELECT error_code, count(*) FROM report GROUP BY ALL").rows

        The query can neither change files nor read other files. A key that is not valid UTF-8 is
        as in the report, not decoded.

        Raises:
            ReportError: The query failed, or as for :meth:`rows`.
            ModuleNotFoundError: DuckDB is not installed.
        """
        from s3batch_handler.documents.reports._tables import query

        return query(self._files, sql)

    def to_arrow(self) -> pa.Table:
        """Return all rows as a table of pyarrow, with the columns of :meth:`query`.

        Raises:
            ReportError: As for :meth:`rows`.
            ModuleNotFoundError: DuckDB or pyarrow is not installed.
        """
        from s3batch_handler.documents.reports._tables import to_arrow

        return to_arrow(self._files)

    def to_pandas(self) -> pd.DataFrame:
        """Return all rows as a DataFrame of pandas; raise errors as :meth:`to_arrow`."""
        from s3batch_handler.documents.reports._tables import to_pandas

        return to_pandas(self._files)

    def to_polars(self) -> pl.DataFrame:
        """Return all rows as a DataFrame of polars; raise errors as :meth:`to_arrow`."""
        from s3batch_handler.documents.reports._tables import to_polars

        return to_polars(self._files)

    def verify(self) -> None:
        """Check the MD5 of every file, without parsing the files.

        Raises:
            ReportError: A file is missing, or has a different MD5.
        """
        verify_files(self._files)
        try:
            with self._folder.read(f"{self._index}.md5") as stream:
                expected = stream.read(CHUNK_SIZE).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return  # copies of reports often lack this file
        if _MD5.fullmatch(expected):  # AWS does not document the format
            with HashingReader(self._folder.read(self._index)) as source:
                source.read()
                check_md5(self.location, source, expected)

    def _repr_html_(self) -> str:
        """Return a table for notebooks, of what ``manifest.json`` contains: no row is read."""
        from s3batch_handler.core._html import html_table  # only there

        counts = Counter(file.status.value for file in self._files)
        facts = [
            ("Job", self.job_id),
            ("Created", self.created.isoformat(" ", "seconds")),
            ("Location", self.location),
            ("Files", ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"),
            ("Rows", "not counted: summary() counts them"),
        ]
        return html_table("Completion report", facts)

    def read_beside(self, name: str, *, limit: int = -1) -> bytes | None:
        """Return the content of a file beside ``manifest.json``; ``None`` if it is missing.

        ``limit`` is the maximum number of bytes, by default all.

        Raises:
            ReportError: It is a link that leads out of the folder.
        """
        try:
            return _content(self._folder, self._beside(name), limit)
        except ValueError as error:
            raise ReportError(f"{self.location}: {error}; remove it") from error

    def location_beside(self, name: str) -> str:
        """Return the path or URL of a file beside ``manifest.json``."""
        return self._folder.location(self._beside(name))

    def _beside(self, name: str) -> str:
        return _beside(self._index, name)

    def rows_with_entries(self, *statuses: TaskStatus) -> Iterator[tuple[ReportRow, ManifestEntry]]:
        """Yield each row with the line of the manifest that it repeats, as it is written there.

        Args:
            statuses: The statuses of the rows; none for all.

        Raises:
            ReportError: As for :meth:`rows`.
        """
        return self._read(read_rows_with_entries, *(statuses or TaskStatus))

    def entries(self) -> Iterator[ManifestEntry]:
        """Yield the line of the manifest that each row repeats; raise errors as :meth:`rows`."""
        return self._read(read_entries_of_rows, *TaskStatus)

    def _rows(self, *statuses: TaskStatus) -> Iterator[ReportRow]:
        return self._read(read_rows, *statuses)

    def _read(self, read: Callable[..., Iterator[_RowT]], *statuses: TaskStatus) -> Iterator[_RowT]:
        files = [file for file in self._files if file.status in statuses]
        if is_s3_url(self.location):
            yield from read_ahead(files, read)
        else:
            for file in files:
                yield from file.read(read)


def _beside(index: str, name: str) -> str:
    return f"{index.removesuffix(_name(index))}{name}"


def _name(path: str) -> str:
    return path.rpartition("/")[2]


_MD5: Final = re.compile(r"[0-9a-fA-F]{32}")


# ---------------------------------------------------------------- find a report


def read_report(location: str | Path, *, s3: S3Client | None = None) -> Report:
    """Open a completion report that AWS or this package wrote.

    Args:
        location: The report's folder (``job-…``), a folder that contains exactly one of these, or
            the path of its ``manifest.json``; or an ``s3://`` URL of any of these.
        s3: ``boto3.client("s3")``, for an S3 URL.

    Raises:
        ReportError: There is no report, or more than one, or its ``manifest.json`` is not valid.
    """
    try:
        folder, index, content = _find_index(location, s3)
    except ValueError as error:
        raise ReportError(str(error)) from error
    path = folder.location(index)
    try:
        document = _INDEX_DOCUMENT.validate_json(content)
        created = datetime.fromisoformat(document["ReportCreationDate"])
    except ValidationError as error:
        problem = explain_error(error, whole="")
        raise ReportError(f"{path}: not a completion report: {problem}") from None
    except ValueError as error:
        problem = f"ReportCreationDate: {error}"
        raise ReportError(f"{path}: not a completion report: {problem}") from error
    results = tuple(document["Results"])
    layout = layout_of(document.get("ReportSchema", ""))
    return Report(
        job_id=_job_id(*(result["Key"] for result in results), path.replace("\\", "/")),
        created=created if created.tzinfo else created.replace(tzinfo=UTC),
        location=path,
        _folder=folder,
        _index=index,
        _files=tuple(_results_file(result, folder, index, layout) for result in results),
    )


def _results_file(
    result: _Result, folder: Folder, index: str, layout: Layout | None
) -> ResultsFile:
    # Reports are often copied from their bucket. Then a results file is in results/ or beside
    # manifest.json, or the copied folder has the structure of the bucket.
    key = result["Key"]
    name = _name(key)
    return ResultsFile(
        status=TaskStatus(result["TaskExecutionStatus"]),
        md5=result["MD5Checksum"],
        folder=folder,
        names=(_beside(index, f"results/{name}"), _beside(index, name), key),
        index=folder.location(index),
        layout=layout,
    )


def _find_index(location: str | Path, s3: S3Client | None) -> tuple[Folder, str, bytes]:
    """Return a folder, the name of the report's index in it, and the content of the index."""
    parent, name = split_location(location)
    if name.endswith(".json"):
        folder = open_folder(parent, s3=s3)
        if (content := _content(folder, name)) is None:
            raise ReportError(f"{location}: no such file")
        return folder, name, content
    folder = open_folder(location, s3=s3)
    if (content := _content(folder, INDEX)) is not None:
        return folder, INDEX, content
    job = _only_job(folder, location)
    if (content := _content(folder, f"{job}/{INDEX}")) is None:
        raise ReportError(f"{location}: {job}/ has no {INDEX}, so its report is not complete")
    return folder, f"{job}/{INDEX}", content


def _only_job(folder: Folder, location: str | Path) -> str:
    for start in ("job-", "/job-"):  # the second for a report prefix that ends in a slash
        jobs = list(islice(folder.subfolders(start), _MAX_LISTED))
        if len(jobs) == 1:
            return jobs[0]
        if jobs:
            raise ReportError(f"{location}: more than one report; choose one: {', '.join(jobs)}")
    raise ReportError(
        f"{location}: no report found; pass the folder of a job (job-…) or its {INDEX}"
    )


_MAX_LISTED: Final = 10


def _content(folder: Folder, name: str, limit: int = -1) -> bytes | None:
    try:
        with folder.read(name) as stream:
            return stream.read(limit)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _job_id(*paths: str) -> str:
    """Return the job ID that the path of a file contains: the index itself does not contain it."""
    return next((match[1] for match in map(_JOB.search, paths) if match), "")


_JOB: Final = re.compile(r"(?:^|/)job-([^/]+)/(?:results/)?[^/]+$")
