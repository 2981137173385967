"""Compare what was seen of two jobs: their rows, their reports and their descriptions."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, cast

from s3batch_handler.cli.smoke._normalize import normalize
from s3batch_handler.cli.smoke._report_rows import RawRow, raw_rows
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from s3batch_handler.cli.smoke._job import Observed
    from s3batch_handler.cli.smoke._objects import SmokeObject
    from s3batch_handler.cli.smoke._places import Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One object, or one property of the report or the job, in both jobs.

    Attributes:
        subject: ``object``, ``report`` or ``job``.
        name: The kind of the object, or the name of the property.
        key: The key of the object below the prefix.
        aws: The values in AWS, by name; empty if the report has no such row.
        local: The values of the local engine.
    """

    subject: str
    name: str
    key: str | None = None
    aws: Mapping[str, Any]
    local: Mapping[str, Any]

    @property
    def differences(self) -> list[str]:
        """Return the names of the values that differ."""
        names = dict.fromkeys((*self.aws, *self.local))
        return [name for name in names if self.aws.get(name) != self.local.get(name)]

    @property
    def is_same(self) -> bool:
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return {
            "subject": self.subject,
            "name": self.name,
            "key": self.key,
            "same": self.is_same,
            "differences": self.differences,
            "aws": dict(self.aws),
            "local": dict(self.local),
        }


def compare(
    aws: Observed, local: Observed, objects: Iterable[SmokeObject], places: Places
) -> list[Comparison]:
    """Compare two jobs over the same objects.

    The order of the rows is not compared: AWS does not document one.
    """
    return [
        *_compare_rows(aws, local, objects, places),
        *_compare_values("report", _report_values(aws), _report_values(local)),
        *_compare_values("job", _job_values(aws), _job_values(local)),
    ]


# ---------------------------------------------------------------- rows


def _compare_rows(
    aws: Observed, local: Observed, objects: Iterable[SmokeObject], places: Places
) -> Iterator[Comparison]:
    rows_of_aws, rows_of_local = _rows_by_key(aws), _rows_by_key(local)
    in_aws: Mapping[str, Any]
    in_local: Mapping[str, Any]
    for item in objects:
        key = item.key(places.prefix)
        rows = rows_of_aws.pop(key, []), rows_of_local.pop(key, [])
        for in_aws, in_local in zip_longest(*rows, fillvalue=_NO_ROW) if any(rows) else _NO_ROWS:
            yield Comparison(
                subject="object", name=item.kind, key=item.name, aws=in_aws, local=in_local
            )
    # Rows of other keys: one job has decoded or encoded a key in another way.
    for key in dict.fromkeys((*rows_of_aws, *rows_of_local)):
        rows = rows_of_aws.get(key, []), rows_of_local.get(key, [])
        for in_aws, in_local in zip_longest(*rows, fillvalue=_NO_ROW):
            name = "row of an unknown key"
            yield Comparison(subject="object", name=name, key=key, aws=in_aws, local=in_local)


_NO_ROW: Final[dict[str, Any]] = {}
_NO_ROWS: Final = [(_NO_ROW, _NO_ROW)]


def _rows_by_key(observed: Observed) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(raw_rows(observed)):
        rows[row.key].append(_row_values(row, observed.labels))
    return rows


def _row_values(row: RawRow, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the cells of a row by name, in the order of AWS's rows."""
    cells = [normalize(cell, labels) for cell in row.cells]
    values: dict[str, Any] = dict(zip(_CELLS, cells, strict=False))
    return {**values, "columns": len(cells), "quoted": [*row.quoted]}


_CELLS: Final = ("bucket", "key", "version_id", "status", "http_status", "error_code", "message")


# ---------------------------------------------------------------- report and job


def _compare_values(
    subject: str, aws: Mapping[str, Any], local: Mapping[str, Any]
) -> Iterator[Comparison]:
    for name in dict.fromkeys((*aws, *local)):
        yield Comparison(
            subject=subject, name=name, aws=_value(aws, name), local=_value(local, name)
        )


def _value(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"value": values[name]} if name in values else {}


def _report_values(observed: Observed) -> dict[str, Any]:
    """Return the properties of the files of a report."""
    manifest = observed.manifest()
    if not manifest:
        return {"manifest.json": None}
    index = observed.files[observed.index]
    return {
        "manifest.json": sorted(manifest),
        "Format": manifest.get("Format"),
        "ReportSchema": manifest.get("ReportSchema"),
        "ReportCreationDate": normalize(str(manifest.get("ReportCreationDate")), {}),
        "Results": [
            _result(result, observed) for result in sorted(observed.results(), key=_status_of)
        ],
        "manifest.json.md5": _kind_of_md5(observed.files.get(f"{observed.index}.md5"), index),
        "line ends": sorted({row.end for row in raw_rows(observed)}),
    }


def _status_of(result: Mapping[str, Any]) -> str:
    return str(result.get("TaskExecutionStatus"))


def _result(result: Mapping[str, Any], observed: Observed) -> dict[str, Any]:
    """Return an entry of ``Results`` with the file that it names."""
    content = observed.files.get(result["Key"])
    return {
        **{name: normalize(str(value), observed.labels) for name, value in result.items()},
        "MD5Checksum": _kind_of_md5(str(result.get("MD5Checksum")).encode(), content),
    }


def _kind_of_md5(found: bytes | None, content: bytes | None) -> str:
    """Return how a checksum fits to a file: its value differs in each run."""
    if found is None or content is None:
        return "no file"
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest().encode()
    if found == digest:
        return "hexadecimal MD5"
    return "hexadecimal MD5, in another form" if digest in found.lower() else "another value"


def _job_values(observed: Observed) -> dict[str, Any]:
    """Return the properties of a job. Its times differ in each run."""
    job = observed.description
    progress = job.get("ProgressSummary", {})
    counts = ("TotalNumberOfTasks", "NumberOfTasksSucceeded", "NumberOfTasksFailed")
    reasons = (
        f"{reason.get('FailureCode')}: {reason.get('FailureReason')}"
        for reason in job.get("FailureReasons", ())
    )
    return {
        "Status": job.get("Status"),
        "statuses": _order_of(observed.statuses),
        **{name: progress.get(name) for name in counts},
        "FailureReasons": [normalize(reason, observed.labels) for reason in reasons],
        "members of Job": sorted(_members(job)),
    }


def _order_of(statuses: tuple[str, ...]) -> str:
    """Return the statuses, unless these are some of the usual ones: not all of them are seen."""
    known = [status for status in _USUAL_ORDER if status in statuses]
    return "in the usual order" if known == [*statuses] else " → ".join(statuses)


_USUAL_ORDER: Final = (
    *(JobStatus.NEW, JobStatus.PREPARING, JobStatus.READY, JobStatus.ACTIVE),
    *(JobStatus.COMPLETING, JobStatus.COMPLETE),
)


def _members(value: object, path: str = "") -> Iterator[str]:
    """Yield the paths of all members of a description."""
    if not isinstance(value, dict) or path.endswith("UserArguments"):
        yield path
        return
    for name, member in cast("dict[str, object]", value).items():
        if name != "ResponseMetadata":
            yield from _members(member, f"{path}.{name}" if path else name)
