"""Jobs as tables on a terminal, and as lines elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from s3batch_handler.cli.job._display import print_job, print_listed_jobs
from s3batch_handler.cli.job._facts import job_facts
from s3batch_handler.cli.job._tables import details_of, list_of
from s3batch_handler.jobs._job import Job
from tests.support.jobs import JOB_ID, described

if TYPE_CHECKING:
    from rich.console import RenderableType

HOSTILE = "nightly \x1b[2J\u202e [bold]日本語[/bold] " * 4


def a_job(status: str = "Complete", total: int = 1000, failed: int = 0, **members: Any) -> Job:
    progress = {
        "TotalNumberOfTasks": total,
        "NumberOfTasksSucceeded": total - failed,
        "NumberOfTasksFailed": failed,
        "Timers": {"ElapsedTimeInActiveSeconds": 200},
    }
    created = datetime.now(UTC) - timedelta(minutes=3)
    members = {"ProgressSummary": progress, "CreationTime": created, **members}
    return Job.from_description(described(status, **members)["Job"])


def the_jobs() -> list[Job]:
    """Return three jobs that were created three minutes ago."""
    return [
        a_job("Active", 5_000_000, 7, Description=HOSTILE),
        a_job("Complete", failed=10),
        a_job("Suspended"),
    ]


def shown(renderable: RenderableType, width: int) -> list[str]:
    console = Console(file=StringIO(), width=width, markup=False, emoji=False, highlight=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [10, 36, 40, 60, 80, 120, 200])
def test_a_list_is_never_wider_than_the_terminal(width: int) -> None:
    lines = shown(list_of(the_jobs(), width), width)

    assert max(map(cell_len, lines)) <= width
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("width", [36, 40, 60, 200])
def test_a_list_has_whole_ids_and_statuses_in_words(width: int) -> None:
    """The other columns are shown where there is place for them."""
    text = "\n".join(shown(list_of(the_jobs(), width), width))

    assert text.count(JOB_ID) == 3
    assert "Active" in text
    assert "Suspended" in text


def test_a_wide_list_has_headers_shares_and_descriptions() -> None:
    header, active, complete, _ = shown(list_of(the_jobs(), 200), 200)

    assert header.split("  ")[0] == "JOB ID"
    assert "7 (<0.1%)" in active
    assert "nightly \\x1b[2J\\u202e [bold]" in active
    assert "3 min ago" in complete
    assert "10 (1.0%)" in complete
    assert "3 min 20 s" in complete


@pytest.mark.parametrize("width", [30, 80, 200])
def test_the_details_of_a_job_are_folded_and_not_cut(width: int) -> None:
    facts = [*job_facts(the_jobs()[0], tags={"team": "photos"}, options=())]

    lines = shown(details_of(facts), width)

    assert max(map(cell_len, lines)) <= width
    values = "".join("".join(line[13:] for line in lines).split())
    assert JOB_ID in values
    assert "team=photos" in values
    assert "(3minago)" in values


FAILED: dict[str, Any] = {
    "FailureReasons": [{"FailureCode": "ManifestNotFound", "FailureReason": "It is \x1b[2J gone"}],
    "Report": {"Enabled": True, "Bucket": "arn:aws:s3:::reports", "Prefix": "daily"},
}


def test_a_pipe_gets_one_line_for_each_fact(capsys: pytest.CaptureFixture[str]) -> None:
    """Failure reasons are near the top; the lines have no relative times, which change."""
    job = a_job("Failed", failed=900, **FAILED)

    print_job(job, as_json=False, tags={"s3batch:redrive-of": "job-1"}, options=("--region", "x"))

    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert list(lines)[:4] == ["Job", "Status", "Failure", "Tasks"]
    assert lines["Failure"] == "ManifestNotFound: It is \\x1b[2J gone"
    assert lines["Tasks"] == "100 succeeded, 900 failed (90.0%) of 1,000"
    assert lines["Report"] == f"s3://reports/daily/job-{JOB_ID}/manifest.json"
    assert lines["Redrive"] == "of  job-1"
    assert lines["Next"] == f"s3batch job submit --failed-from {JOB_ID} --region x"
    assert "ago" not in lines["Created"]


@pytest.mark.parametrize(
    ("status", "commands"),
    [
        ("Suspended", ["job confirm", "job cancel"]),
        ("Active", ["job wait"]),
        ("Complete", ["report summary", "report failed", "job submit --failed-from"]),
    ],
)
def test_a_job_comes_with_the_commands_that_are_useful_next(
    status: str, commands: list[str]
) -> None:
    facts = job_facts(a_job(status, failed=1, **FAILED), tags={}, options=())

    found = [fact.text for fact in facts if fact.name == "Next"]

    assert found == [f"s3batch {command} {JOB_ID}" for command in commands]


def test_a_job_without_a_report_has_no_next_command() -> None:
    facts = job_facts(a_job("Complete"), tags={}, options=())

    assert "Next" not in {fact.name for fact in facts}


def test_a_pipe_gets_one_line_for_each_job_which_is_not_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_listed_jobs(the_jobs(), as_json=False)

    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{JOB_ID}  Active      ")
    assert first.count("nightly \\x1b[2J") == 4
    assert len(others) == 2
