"""``run.json``: how a local job ran."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._report_files import RUN_RECORD, write_run_record
from s3batch_handler.documents.reports._run_record import RunRecord, read_run_record
from s3batch_handler.documents.reports._writer import ReportWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from s3batch_handler.documents.reports._report import Report

JOB = "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"


def record(**changes: Any) -> RunRecord:
    task: Any = {"bucket": "photos", "key": "a\udcff<b>.jpg", "version_id": None}
    task |= {"status": "failed", "code": "PermanentFailure", "http_status": 200}
    task |= {"message": "\ud800 no", "seconds": 0.2}
    durations: Any = {"calls": 4, "average": 0.1, "p50": 0.1, "p90": 0.2, "p99": 0.2}
    durations |= {"maximum": 0.2, "histogram": [(0.1, 3), (0.2, 1)]}
    value: Any = {
        "version": 1,
        "job_id": JOB,
        "active_seconds": 2.5,
        "history": [{"status": "Active", "time": "2026-11-30T12:00:00+00:00"}],
        "rate_history": {"seconds": 0.5, "succeeded": [1, 2], "failed": [0, 1]},
        "durations": durations,
        "slowest": [task],
        "threshold": {"rule": "10 tasks", "tolerated": 10},
        "workers": 2,
        "function_timeout": 60.0,
    }
    return cast("RunRecord", {**value, **changes})


@pytest.fixture
def report(tmp_path: Path) -> Report:
    ReportWriter(LocalFolder(tmp_path), job_id=JOB).write(lambda status: [])
    return read_report(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], None]:
    def write_content(content: Any) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        LocalFolder(tmp_path / f"job-{JOB}").write(RUN_RECORD, io.BytesIO(data))

    return write_content


def test_a_record_is_read_as_it_was_written(report: Report, tmp_path: Path) -> None:
    """Keys may have lone surrogates."""
    assert read_run_record(report) is None

    write_run_record(LocalFolder(tmp_path / f"job-{JOB}"), RUN_RECORD, record())

    assert read_run_record(report) == record()


@pytest.mark.parametrize("time", ["20261130T120000Z", "2026-W49-1T12:00+00"])
def test_times_are_written_as_browsers_read_them(
    time: str, report: Report, write: Callable[[Any], None]
) -> None:
    write(record(history=[{"status": "Active", "time": time}]))

    assert read_run_record(report) == record()


def test_members_that_are_unknown_are_ignored(report: Report, write: Callable[[Any], None]) -> None:
    """A later version may add members."""
    write(record(later={"x": 1}))

    assert read_run_record(report) == record()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "Expecting value"),
        (b"\xff", "invalid start byte"),
        (b"[" * 100_000, "recursion|nested"),
        (b'{"active_seconds": NaN}', "NaN is not JSON"),
        (b" " * (1 << 20) + b"{}", "more than 1,048,576 bytes"),
        (b"[]", "expected an object"),
        (record(version=2), "version"),
        (record(active_seconds=-1), "active_seconds"),
        (record(active_seconds="1"), "active_seconds"),
        (record(history=[{"status": "Active", "time": "now"}]), "time"),
        (record(history=[{"status": "Active", "time": "2026-11-30T12:00:00"}]), "time"),
        (record(history=[{"status": "Active", "time": "2026-11-30T12:00:00+01:00:01"}]), "time"),
        (record(history=record()["history"] * 101), "history"),
        (record(workers=1.5), "workers"),
        (record(workers=1 << 60), "workers"),
        (record(rate_history={"seconds": 1.0, "succeeded": [1], "failed": []}), "lengths"),
        (record(rate_history={"seconds": 0.0, "succeeded": [], "failed": []}), "seconds"),
        (record(threshold={"rule": "x" * 10_001, "tolerated": None}), "rule"),
    ],
)
def test_a_damaged_record_is_an_error_that_names_the_file(
    report: Report, write: Callable[[Any], None], content: Any, problem: str
) -> None:
    """Others may write to the folder of a report."""
    write(content)

    with pytest.raises(ReportError, match=rf"run\.json: damaged: .*({problem}).*remove it$"):
        read_run_record(report)


def test_the_record_of_another_job_is_an_error(
    report: Report, write: Callable[[Any], None]
) -> None:
    """Files may be copied to the wrong folder."""
    write(record(job_id="another"))

    with pytest.raises(ReportError, match=r"run\.json: of another job than f3cc4f60-"):
        read_run_record(report)


class _Beside:
    """A report with a ``run.json``."""

    job_id = JOB

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read_beside(self, name: str, *, limit: int) -> bytes:
        return self._content[:limit]

    def location_beside(self, name: str) -> str:
        return name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(record())), JSON)
def test_any_other_content_is_read_or_refused(member: str, value: Any) -> None:
    """There is no other error."""
    report: Any = _Beside(json.dumps({**record(), member: value}).encode())

    try:
        found = read_run_record(report)
    except ReportError:
        return
    assert found is not None
    json.dumps(found, allow_nan=False)
