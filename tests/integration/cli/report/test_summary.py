"""``s3batch report summary``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.reports import JOB, put_report
from tests.support.serving import clean_environment
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from tests.support.shell import Shell


def test_json_has_counts_and_failures_with_examples(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "summary", report, "--json")

    summary = json.loads(run.stdout)
    assert run.returncode == 0
    assert (summary["job_id"], summary["total"]) == (JOB, 5)
    assert (summary["succeeded"], summary["failed"]) == (2, 3)
    codes = {failure["code"]: failure for failure in summary["failures"]}
    assert codes["NoSuchKey"]["count"] == 1
    assert codes["NoSuchKey"]["message"] == "The key does not exist"
    (example,) = codes["NoSuchKey"]["examples"]
    assert (example["bucket"], example["key"]) == ("photos", "2023/gone.jpg")


def test_text_shows_what_failed_and_what_to_do_next(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "summary")

    lines = run.stdout.splitlines()
    assert run.returncode == 0
    assert f"Job         {JOB}" in lines
    assert "Succeeded   2 (40.0%)" in lines
    assert "Failed      3 (60.0%)" in lines
    assert [line.split(maxsplit=2)[:2] for line in lines if "too long" in line][:2] == [
        ["1", "PermanentFailure"],
        ["1", "TemporaryFailure"],
    ]
    assert "3 failed objects:" in lines
    assert any(line.split() == ["s3://photos/2023/gone.jpg", *REASON] for line in lines)
    assert f"  s3batch report failed {JOB}" in lines
    assert f"  s3batch report redrive {JOB} --to failed.csv" in lines
    assert "\x1b" not in run.stdout


REASON = ["NoSuchKey", "(404):", "The", "key", "does", "not", "exist"]


@pytest.mark.usefixtures("report")
def test_narrow_terminals_show_reasons_below_the_objects(tmp_path: Path) -> None:
    """Elsewhere they are beside them."""
    line = "s3batch report summary"
    with terminal(line, tmp_path, clean_environment(), columns=40) as shown:
        assert shown.end() == 0

    lines = shown.shown.splitlines()
    number = lines.index("s3://photos/2023/gone.jpg")
    assert lines[number + 1].startswith("  The key does not exist")


def test_report_without_failures_is_short(s3batch: Shell, tmp_path: Path) -> None:
    put_report(tmp_path / "r", succeeded=b"b,k,,succeeded,200,,\r\n")

    run = s3batch("report", "summary", "r")

    assert run.returncode == 0
    assert run.stdout.splitlines()[-2:] == ["Succeeded   1 (100%)", "Failed      0 (0%)"]


def test_counts_of_the_job_are_shown_if_the_report_has_failed_tasks_only(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fail.txt", "b,1", "b,2", "b,3")
    scope = ("--report-scope", "FailedTasksOnly")
    s3batch("run", "app.py:handler", "--manifest", manifest, *scope)

    lines = s3batch("report", "summary").stdout.splitlines()

    assert any(line.startswith("Scope       FailedTasksOnly") for line in lines)
    assert {"Tasks       4", "Succeeded   3 (75.0%)", "Failed      1 (25.0%)"} <= {*lines}


def test_history_of_a_local_job_is_shown(s3batch: Shell) -> None:
    s3batch("run", "app.py:handler", "--manifest", s3batch.manifest("b,fail.txt"))
    (first,) = Path("s3batch-reports").glob("job-*/")
    s3batch("run", "--failed-from", str(first))
    redrive = s3batch("report", "summary").stdout.splitlines()
    s3batch("report", "merge", *map(str, Path("s3batch-reports").glob("job-*/")), "--to", "merged")
    merged = s3batch("report", "summary", "merged").stdout.splitlines()

    assert "Status      Complete" in redrive
    assert f"Redrive of  {first.name.removeprefix('job-')}" in redrive
    assert any(line.startswith("Merged") and first.name[4:] in line for line in merged)


def test_counts_are_not_cut_in_a_narrow_terminal(s3batch: Shell, report: str) -> None:
    line = f"stty cols 20; s3batch report summary {report}"

    with terminal(line, s3batch.folder, s3batch.environment | {"NO_COLOR": "1"}) as shown:
        shown.end()

    assert re.search(r"(?m)^COUNT  .*\n +\d+  ", shown.shown.replace("\r", ""))


@pytest.mark.parametrize("columns", [40, 200])
def test_summary_is_not_wider_than_the_terminal(s3batch: Shell, report: str, columns: int) -> None:
    line = f"stty cols {columns}; s3batch report summary {report}"
    environment = {**s3batch.environment, "NO_COLOR": "1"}
    with terminal(line, s3batch.folder, environment) as shown:
        assert shown.end() == 0

    words = (report, "s3batch-reports")  # a path that is longer than the terminal stays whole
    lines = [line for line in shown.shown.splitlines() if not any(word in line for word in words)]
    assert max(len(line) + line.count("日") for line in lines) <= columns
    assert "\x1b" not in shown.shown


def test_full_disk_is_reported(s3batch: Shell, report: str) -> None:
    run = s3batch.line(f"s3batch report summary {report} > /dev/full")

    assert run.returncode == 1
    assert run.stderr == "s3batch: standard output: No space left on device\n"
