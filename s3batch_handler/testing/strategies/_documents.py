"""Hypothesis strategies for the documents of a job: manifests and completion reports."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote_plus

from hypothesis import strategies as st

from s3batch_handler.core._keys import encode_key
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.reports._report_files import REPORT_FORMAT
from s3batch_handler.documents.reports._rows import COLUMNS, ReportRow, TaskStatus
from s3batch_handler.testing.strategies._objects import buckets, version_ids
from s3batch_handler.testing.strategies._objects import keys as all_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

# Both encodings of keys occur in manifests: %20 and + for a space.
_ENCODINGS: Final = (
    encode_key,
    lambda key: quote_plus(key, safe="/", errors="surrogateescape"),
)


class ManifestFile(NamedTuple):
    """A CSV manifest, and what is in it.

    Attributes:
        content: The bytes of the manifest.
        objects: Its objects, in order.
        fields: Its columns, for ``Manifest.Spec.Fields``.
    """

    content: bytes
    objects: list[ObjectRef]
    fields: tuple[str, ...]


def manifests(
    *, keys: SearchStrategy[str] | None = None, min_objects: int = 1, max_objects: int = 5
) -> SearchStrategy[ManifestFile]:
    """Generate CSV manifests as different programs write them.

    They have version IDs on all lines or on none, columns in any order, ignored columns, quotes
    where they are necessary or everywhere, either line ending, and either encoding of keys.

    Args:
        keys: The keys of the objects  [default: all keys].
        min_objects: The smallest number of objects.
        max_objects: The largest number of objects.
    """
    chosen = all_keys() if keys is None else keys

    def lists(version: SearchStrategy[str | None]) -> SearchStrategy[list[ObjectRef]]:
        item = st.builds(ObjectRef, bucket=_BUCKET_NAMES, key=chosen, version_id=version)
        return st.lists(item, min_size=min_objects, max_size=max_objects)

    def files(
        objects: SearchStrategy[list[ObjectRef]], columns: tuple[str, ...]
    ) -> SearchStrategy[ManifestFile]:
        return st.builds(
            _manifest_file,
            objects,
            st.sampled_from(columns).map(lambda names: tuple(names.split(","))),
            st.sampled_from(_ENCODINGS),
            st.sampled_from(["\n", "\r\n"]),
            st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        )

    return files(lists(st.none()), _COLUMNS) | files(lists(version_ids()), _COLUMNS_WITH_VERSION)


_COLUMNS: Final = ("Bucket,Key", "Key,Bucket", "Bucket,Key,Ignore", "Ignore,Bucket,Ignore,Key")
_COLUMNS_WITH_VERSION: Final = (
    "Bucket,Key,VersionId",
    "VersionId,Bucket,Key",
    "Bucket,Key,VersionId,Ignore",
    "Ignore,Key,VersionId,Ignore,Bucket",
)


def _manifest_file(
    objects: list[ObjectRef],
    fields: tuple[str, ...],
    encode: Callable[[str], str],
    line_ending: str,
    quoting: Any,
) -> ManifestFile:
    lines = [[_cell(field, item, encode) for field in fields] for item in objects]
    return ManifestFile(_csv(lines, line_ending, quoting), objects, fields)


_BUCKET_NAMES: Final = buckets().filter(lambda name: not name.startswith("arn:"))


def _cell(field: str, item: ObjectRef, encode: Callable[[str], str]) -> str:
    cells = {"Bucket": item.bucket, "Key": encode(item.key), "VersionId": item.version_id or ""}
    return cells.get(field, "1024")


def _csv(rows: Iterable[Iterable[str]], line_ending: str, quoting: Any) -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target, lineterminator=line_ending, quoting=quoting).writerows(rows)
    return target.getvalue().encode()


def rows(*, keys: SearchStrategy[str] | None = None) -> SearchStrategy[ReportRow]:
    """Generate rows of completion reports, of tasks that succeeded and that failed.

    Args:
        keys: The keys of the rows  [default: all keys].
    """
    chosen = all_keys() if keys is None else keys
    version = st.none() | version_ids()
    succeeded = st.builds(
        ReportRow,
        bucket=_BUCKET_NAMES,
        key=chosen,
        version_id=version,
        status=st.just(TaskStatus.SUCCEEDED),
        http_status=st.just(200),
        error_code=st.none(),
        message=_MESSAGES,
    )
    failed = st.builds(
        _failed_row, _BUCKET_NAMES, chosen, version, st.sampled_from(_FAILURES), _MESSAGES
    )
    return succeeded | failed


_MESSAGES: Final = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    ['{"width": 80}', 'a "quoted" word, and more', "two\r\nlines", ",", '"', "x" * 1024]
)
_FAILURES: Final = (
    (200, "PermanentFailure"),
    (200, "TemporaryFailure"),
    (403, "AccessDenied"),
    (404, "NoSuchKey"),
    (500, "InternalError"),
)


def _failed_row(
    bucket: str, key: str, version_id: str | None, failure: tuple[int, str], message: str
) -> ReportRow:
    status, code = failure
    return ReportRow(
        bucket=bucket,
        key=key,
        version_id=version_id,
        status=TaskStatus.FAILED,
        http_status=status,
        error_code=code,
        message=message,
    )


class ReportFiles(NamedTuple):
    """A completion report, and what is in it.

    Attributes:
        files: The content of each file by its path below the prefix of the report.
        rows: Its rows, those that succeeded first.
        job_id: The ID of the job.
    """

    files: dict[str, bytes]
    rows: list[ReportRow]
    job_id: str

    def save(self, folder: Path) -> Path:
        """Write the files below a folder, and return the folder of the report."""
        for path, content in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return folder / f"job-{self.job_id}"


def reports(
    *, keys: SearchStrategy[str] | None = None, max_rows: int = 5
) -> SearchStrategy[ReportFiles]:
    """Generate completion reports with their files, as AWS writes them.

    Args:
        keys: The keys of the rows  [default: all keys].
        max_rows: The largest number of rows. A report has at least one.
    """
    return st.builds(
        _report_files,
        st.lists(rows(keys=keys), min_size=1, max_size=max_rows),
        st.uuids().map(str),
        st.sampled_from(_ENCODINGS),
    )


def _report_files(rows: list[ReportRow], job_id: str, encode: Callable[[str], str]) -> ReportFiles:
    rows = sorted(rows, key=lambda row: row.status is TaskStatus.FAILED)
    files: dict[str, bytes] = {}
    results = []
    for status in TaskStatus:
        lines = [_report_line(row, encode(row.key)) for row in rows if row.status is status]
        if not lines:
            continue
        content = _csv(lines, "\r\n", csv.QUOTE_MINIMAL)
        path = (
            f"job-{job_id}/results/{hashlib.sha1(content, usedforsecurity=False).hexdigest()}.csv"
        )
        files[path] = content
        results.append(
            {
                "TaskExecutionStatus": str(status),
                "Bucket": "reports",
                "MD5Checksum": _md5(content),
                "Key": path,
            }
        )
    index = json.dumps(
        {
            "Format": REPORT_FORMAT,
            "ReportCreationDate": "2026-01-02T03:04:05.678Z",
            "Results": results,
            "ReportSchema": ", ".join(COLUMNS),
        }
    ).encode()
    files[f"job-{job_id}/manifest.json"] = index
    files[f"job-{job_id}/manifest.json.md5"] = _md5(index).encode()
    return ReportFiles(files, rows, job_id)


def _report_line(row: ReportRow, encoded_key: str) -> list[str]:
    """Return the cells of a row: the HTTP status precedes the error code, unlike in the schema."""
    return [
        row.bucket,
        encoded_key,
        row.version_id or "",
        str(row.status),
        str(row.http_status),
        row.error_code or "",
        row.message,
    ]


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
