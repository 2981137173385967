"""A whole job in a test: in this process, without AWS, files or workers."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._defaults import DEFAULT_MAX_REDRIVES, DEFAULT_TIMEOUT
from s3batch_handler.core._keys import encode_key
from s3batch_handler.core._model import JobRef, ObjectRef
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus, read_rows
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.run._run_job import JobSettings
from s3batch_handler.engine.run._run_job import run_job as run_engine
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.testing.events._factories import JOB_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping


def run_job(
    handler: Callable[[Any, Any], Any],
    objects: Iterable[str | ObjectRef],
    *,
    bucket: str = "bucket",
    user_arguments: Mapping[str, str] | None = None,
    schema_version: str = "2.0",
    max_redrives: int = DEFAULT_MAX_REDRIVES,
    tolerate: str | int | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> ReportRows:
    """Run a handler over objects as a job does, and return the rows of its completion report.

    There is one row for each object, in the order of the objects. Events and responses pass through
    JSON, temporary failures are retried, and an exception of the handler becomes the row that AWS
    writes.

    Args:
        handler: Any Lambda handler for S3 Batch Operations.
        objects: Decoded keys in ``bucket``, or objects.
        bucket: The bucket of objects that are given as keys.
        user_arguments: User arguments of the job; they require schema 2.0.
        schema_version: Schema version of the events.
        max_redrives: Retries of a task that fails temporarily.
        tolerate: How many tasks may fail: a number, or a percentage such as ``"5%"``. With one
            failure more the job ends, and the other objects have no row. By default S3's rule: half
            of at least 1,000 tasks.
        timeout: Seconds that the context of each call shows.

    Raises:
        ValueError: There are user arguments, but schema 1.0 has none; or ``tolerate`` has another
            form.
    """
    if user_arguments and schema_version == "1.0":
        raise ValueError("user_arguments require schema_version='2.0': schema 1.0 has none")
    threshold = FailureThreshold.parse(tolerate)
    report = _Rows()
    entries = [
        ManifestEntry(item.bucket, encode_key(item.key), item.version_id)
        if isinstance(item, ObjectRef)
        else ManifestEntry(bucket, encode_key(item), None)
        for item in objects
    ]
    run_engine(
        entries,
        InProcess(handler, timeout=timeout),
        JobSettings(
            job=JobRef(id=JOB_ID, arguments=dict(user_arguments or {})),
            schema_version=schema_version,
            max_redrives=max_redrives,
            total=len(entries),
            threshold=threshold,
        ),
        report=report,
    )
    order = {entry.object: number for number, entry in enumerate(entries)}
    return ReportRows(sorted(report.rows, key=lambda row: order[_object_of(row)]))


class ReportRows(list[ReportRow]):
    """The rows of a completion report, in the order of the objects."""

    @property
    def succeeded(self) -> list[ReportRow]:
        """Return the rows of the tasks that succeeded."""
        return [row for row in self if row.status is TaskStatus.SUCCEEDED]

    @property
    def failed(self) -> list[ReportRow]:
        """Return the rows of the tasks that failed."""
        return [row for row in self if row.status is TaskStatus.FAILED]

    @property
    def by_key(self) -> dict[str, ReportRow]:
        """Return the rows by their keys.

        Raises:
            ValueError: Several rows have the same key.
        """
        rows = {row.key: row for row in self}
        if len(rows) < len(self):
            repeated = next(
                key for key, count in Counter(row.key for row in self).items() if count > 1
            )
            raise ValueError(
                f"several rows have the key {repeated!r}: iterate over the rows instead"
            )
        return rows


class JobRunner:
    """Runs jobs of one schema version: the fixture ``s3batch_job``.

    Args:
        schema_version: The schema version of jobs that do not name another one.
    """

    def __init__(self, schema_version: str) -> None:
        self._schema_version = schema_version

    def __call__(
        self,
        handler: Callable[[Any, Any], Any],
        objects: Iterable[str | ObjectRef],
        *,
        bucket: str = "bucket",
        user_arguments: Mapping[str, str] | None = None,
        schema_version: str | None = None,
        max_redrives: int = DEFAULT_MAX_REDRIVES,
        tolerate: str | int | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> ReportRows:
        """Run a handler over objects, as :func:`run_job` does."""
        return run_job(
            handler,
            objects,
            bucket=bucket,
            user_arguments=user_arguments,
            schema_version=schema_version or self._schema_version,
            max_redrives=max_redrives,
            tolerate=tolerate,
            timeout=timeout,
        )


def _object_of(row: ReportRow) -> ObjectRef:
    return ObjectRef(bucket=row.bucket, key=row.key, version_id=row.version_id)


class _Rows:
    """A report whose rows are in a list."""

    statuses: Collection[TaskStatus] = tuple(TaskStatus)

    def __init__(self) -> None:
        self.rows: list[ReportRow] = []

    def write(self, rows: Callable[[TaskStatus], Iterable[bytes]]) -> str:
        for status in self.statuses:
            results = io.BytesIO(b"".join(rows(status)))
            self.rows += read_rows(results, status, source="the report")
        return "the report"
