"""What notebooks show of reports, jobs and manifests."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._errors import ReportError
from s3batch_handler.core._html import html_table
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.core._typing import override
from s3batch_handler.documents import FailureGroup, ReportSummary, read_report, write_manifest
from s3batch_handler.jobs import Job
from tests.support.jobs import JOB_ID, described

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<script src=//evil></script>\"'&\x1b[2J\u202e"


class Table(HTMLParser):
    """The cells of a table, and the elements and attributes that it has."""

    def __init__(self, shown: Any) -> None:
        super().__init__()
        self.text: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(shown._repr_html_() if hasattr(shown, "_repr_html_") else shown)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attrs)

    @override
    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_all_text_is_escaped() -> None:
    """A table has no element and no attribute that comes from data."""
    table = Table(html_table(HOSTILE, [(HOSTILE, HOSTILE), ("long", "x" * 5000)]))

    assert table.elements == {"table", "caption", "tbody", "tr", "th", "td"}
    assert table.attributes == {"scope", "style"}
    assert "\x1b" not in "".join(table.text)
    assert "\u202e" not in "".join(table.text)
    assert table.text[0].startswith("<script src=//evil></script>")
    assert len(table.text[-1]) <= 1000


def test_a_report_is_shown_without_reading_its_rows(project: Path) -> None:
    """Of this example only the index exists."""
    report = read_report(project / "tests" / "reports" / "aws_example")

    text = Table(report).text

    assert report.location in text
    assert report.created.isoformat(" ", "seconds") in text
    with pytest.raises(ReportError, match="missing"):
        next(report.rows())


def test_a_summary_has_counts_and_failures() -> None:
    group = FailureGroup("AccessDenied", HOSTILE, 1234, ())
    summary = ReportSummary(succeeded=5, failed=1234, failures=(group,), first_failures=())

    table = Table(summary)

    assert table.text[1:7] == ["Total", "1,239", "Succeeded", "5", "Failed", "1,234"]
    assert table.text[8].startswith("AccessDenied: <script")


def test_a_job_is_shown_with_its_failures() -> None:
    job = Job.from_description(
        described(
            "Failed",
            Description=HOSTILE,
            FailureReasons=[{"FailureCode": "ManifestNotFound", "FailureReason": HOSTILE}],
            ProgressSummary={
                "TotalNumberOfTasks": 1000,
                "NumberOfTasksSucceeded": 990,
                "NumberOfTasksFailed": 10,
            },
        )["Job"]
    )

    table = Table(job)

    assert "script" not in table.elements
    assert JOB_ID in table.text
    assert "1,000" in table.text
    assert any(text.startswith("ManifestNotFound: <script") for text in table.text)


def test_a_listed_job_is_shown_with_what_is_known() -> None:
    """The list of jobs has fewer members."""
    descriptor = described()["Job"]
    del descriptor["Operation"]

    text = Table(Job.from_listing({**descriptor, "Operation": "LambdaInvoke"})).text

    assert "LambdaInvoke" in text
    assert "Manifest" not in text


def test_the_facts_of_a_manifest_are_shown() -> None:
    info = write_manifest(io.BytesIO(), [ObjectRef(bucket="photos", key="a")])

    assert {"1", "Bucket, Key", info.etag} <= {*Table(info).text}


def test_the_repr_of_a_job_leaves_out_members_without_a_value() -> None:
    shown = repr(Job.from_description(described()["Job"]))

    assert "None" not in shown
    assert "LambdaInvoke(function_arn='thumbnails')" in shown
