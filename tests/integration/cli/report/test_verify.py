"""``s3batch report verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.reports import put_report

if TYPE_CHECKING:
    from tests.support.shell import Shell

MANIFEST = ("b,a.txt", "b,fail%20b.txt")


@pytest.fixture
def folder(s3batch: Shell) -> Path:
    """The folder of a job on this machine, whose manifest is ``manifest.csv``."""
    s3batch("run", "app.py:handler", "--manifest", s3batch.manifest(*MANIFEST))
    (folder,) = Path("s3batch-reports").glob("job-*/")
    return folder


def test_undamaged_report_of_a_local_job_is_verified(s3batch: Shell, folder: Path) -> None:
    run = s3batch("report", "verify", "--manifest", "manifest.csv")

    assert run.returncode == 0
    assert run.stdout.splitlines() == [
        "✓ MD5s of all files",
        "✓ Counts of the job: 1 succeeded, 1 failed",
        "✓ One row for each line of the manifest",
    ]


def test_json_says_what_was_checked(s3batch: Shell, folder: Path) -> None:
    run = s3batch("report", "verify", str(folder), "--json")

    assert json.loads(run.stdout) == {
        "ok": True,
        "report": str(folder / "manifest.json"),
        "checked": ["MD5s of all files", "Counts of the job: 1 succeeded, 1 failed"],
        "problems": [],
    }


def _problem(s3batch: Shell, *arguments: str) -> str:
    """Return the only problem that ``verify`` finds."""
    text = s3batch("report", "verify", *arguments)
    as_json = s3batch("report", "verify", *arguments, "--json")
    assert (text.returncode, as_json.returncode) == (1, 1)
    found = json.loads(as_json.stdout)
    problem: str
    (problem,) = found["problems"]
    assert not found["ok"]
    assert problem in text.stdout
    assert "✗ " in text.stdout
    return problem


def test_changed_results_file_is_a_problem(s3batch: Shell, folder: Path) -> None:
    changed = next(folder.glob("results/*.csv"))
    changed.write_bytes(changed.read_bytes().replace(b"200", b"201"))

    assert f"{changed.name}: its MD5 is" in _problem(s3batch)


def test_changed_index_is_a_problem(s3batch: Shell, folder: Path) -> None:
    index = folder / "manifest.json"
    index.write_text(index.read_text() + " ")

    assert "manifest.json: its MD5 is" in _problem(s3batch)


def test_missing_results_file_is_a_problem(s3batch: Shell, folder: Path) -> None:
    next(folder.glob("results/*.csv")).unlink()

    assert "missing, but listed in manifest.json" in _problem(s3batch)


def test_other_counts_than_those_of_the_job_are_a_problem(s3batch: Shell, folder: Path) -> None:
    record = json.loads((folder / "job.json").read_text())
    record["ProgressSummary"]["NumberOfTasksFailed"] = 2
    (folder / "job.json").write_text(json.dumps(record))

    assert "1 rows of tasks that failed" in _problem(s3batch)


def test_wrong_counts_do_not_hide_lines_without_a_row(s3batch: Shell, folder: Path) -> None:
    record = folder / "job.json"
    text = record.read_text()
    record.write_text(text.replace('"NumberOfTasksFailed": 1', '"NumberOfTasksFailed": 2'))
    longer = s3batch.manifest(*MANIFEST, "b,c.txt", name="longer.csv")

    run = s3batch("report", "verify", "--manifest", longer, "--json")

    counts, lines = json.loads(run.stdout)["problems"]
    assert "1 rows of tasks that failed, but in job" in counts
    assert "lines of the manifest without a row: 1, for example s3://b/c.txt" in lines


def test_line_without_a_row_is_a_problem(s3batch: Shell, folder: Path) -> None:
    longer = s3batch.manifest(*MANIFEST, "b,forgotten.txt", name="longer.csv")

    problem = _problem(s3batch, "--manifest", longer)

    assert "lines of the manifest without a row: 1, for example s3://b/forgotten.txt" in problem


@pytest.mark.parametrize("suffix", ["", "\x1b[31m"])
def test_two_rows_of_a_task_are_a_problem(s3batch: Shell, tmp_path: Path, suffix: str) -> None:
    row = f"b,k{suffix},,failed,200,X,m\r\n".encode()
    put_report(tmp_path / "r", failed=row * 2)

    text = s3batch("report", "verify", "r")

    assert text.returncode == 1
    assert "duplicate rows: 1, for example s3://b/k" in text.stdout
    assert "\x1b" not in text.stdout


def test_report_without_a_job_says_that_counts_are_not_known(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "verify", report)

    assert run.returncode == 0
    assert run.stdout.splitlines() == [
        "✓ MD5s of all files",
        "✓ No task has two rows",
        "- Counts of the job: not known; pass its job ID",
    ]


def test_report_that_cannot_be_read_is_an_error(s3batch: Shell) -> None:
    run = s3batch("report", "verify", "nothing")

    assert run.returncode == 1
    assert "nothing: no such file or folder" in run.stderr
