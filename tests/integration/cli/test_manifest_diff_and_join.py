"""``s3batch manifest diff`` and ``s3batch manifest join``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.manifest_commands import LINES, facts, lines_of, manifest

if TYPE_CHECKING:
    from tests.support.shell import Shell


@pytest.fixture
def m(s3batch: Shell) -> str:
    """A manifest, in which one object is on two lines."""
    return s3batch.manifest(*LINES, name="m.csv")


def test_equal_manifests_have_no_difference(s3batch: Shell, m: str) -> None:
    """Order and spelling do not matter."""
    s3batch.manifest(*reversed(LINES), name="n.csv")

    run = manifest(s3batch, "diff", m, "n.csv")

    assert run.returncode == 0
    assert run.stdout == "Only in m.csv  0\nOnly in n.csv  0\nIn both        6\n"


def test_differences_are_a_check_that_fails(s3batch: Shell, m: str) -> None:
    """Exit code 1. An object that is on one line less is a difference, too."""
    s3batch.manifest("b,a%20b", "b,z", "c,x", "b,q", "b,new%1B", name="n.csv")

    run = manifest(s3batch, "diff", m, "n.csv")
    counts = json.loads(manifest(s3batch, "diff", m, "n.csv", "--json", "--head", "0").stdout)
    lines = manifest(s3batch, "diff", m, "n.csv", "--lines")

    assert run.returncode == lines.returncode == 1
    assert run.stdout.splitlines()[3:] == ["- b/a b", '- b/{"n":1}', r"+ b/new\x1b"]
    assert (counts["only_in_a"], counts["only_in_b"], counts["in_both"]) == (2, 1, 4)
    assert [json.loads(line)["only_in"] for line in lines.stdout.splitlines()] == ["a", "a", "b"]


def test_what_only_one_manifest_has_is_written(s3batch: Shell, m: str) -> None:
    """Exit code 0, because the manifest was written."""
    s3batch.manifest("b,a%20b", "b,new", name="n.csv")

    found = facts(s3batch, "diff", m, "n.csv", "--only", "b", "--to", "new.csv")
    nothing = manifest(s3batch, "diff", "new.csv", "n.csv", "--only", "a", "--to", "none.csv")

    assert (found["objects"], lines_of(s3batch, "new.csv")) == (1, ["b,new"])
    assert nothing.stderr.endswith("no line is only in new.csv, so nothing was written\n")
    assert nothing.returncode == 1
    assert not (s3batch.folder / "none.csv").exists()


def test_each_manifest_of_a_difference_has_its_own_columns(s3batch: Shell) -> None:
    s3batch.manifest("k,b", name="a.csv")
    s3batch.manifest("9,b,k", name="b.csv")

    run = manifest(
        *(s3batch, "diff", "a.csv", "b.csv"),
        *("--fields", "Key,Bucket", "--fields-b", "Ignore,Bucket,Key"),
    )

    assert run.returncode == 0


# ---------------------------------------------------------------- join


@pytest.fixture
def joined(s3batch: Shell) -> str:
    """A manifest with a line that its report does not have, ``m.csv``, and the report."""
    s3batch.manifest("b,a%20fail", "b,fine", "b,later+", name="m.csv")
    s3batch("run", "app:handler", "--manifest", "m.csv", "--max-redrives", "0", "--quiet")
    s3batch.manifest("b,a+fail", "b,fine", "b,later%20", "b,added", name="m.csv")
    (report,) = (path for path in (s3batch.folder / "s3batch-reports").iterdir() if path.is_dir())
    return str(report)


def test_each_line_is_shown_with_its_result(s3batch: Shell, joined: str) -> None:
    """Spellings may differ."""
    run = manifest(s3batch, "join", "m.csv", joined, "--json")
    table = manifest(s3batch, "join", "m.csv", joined)

    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0
    assert [(row["number"], row["key"], row["status"], row["error_code"]) for row in rows] == [
        (1, "a fail", "failed", "PermanentFailure"),
        (2, "fine", "succeeded", None),
        (3, "later ", "failed", "TemporaryFailure"),
        (4, "added", "missing", None),
    ]
    assert "4 lines: 1 succeeded, 2 failed, 1 missing" in run.stderr
    assert table.stdout.splitlines()[1].split() == [
        *("1", "failed", "PermanentFailure", "b/a", "fail", "it", "says", "fail")
    ]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (["--missing"], ["b,added"]),
        (["--failed"], ["b,a+fail", "b,later%20"]),
        (["--succeeded", "--missing"], ["b,fine", "b,added"]),
        ([], ["b,a+fail", "b,fine", "b,later%20", "b,added"]),
    ],
)
def test_selected_lines_are_written_as_in_the_manifest(
    s3batch: Shell, joined: str, options: list[str], lines: list[str]
) -> None:
    found = facts(s3batch, "join", "m.csv", joined, *options, "--to", "selected.csv")

    assert lines_of(s3batch, "selected.csv") == lines
    assert found["objects"] == len(lines)


def test_a_file_of_the_report_is_not_replaced(s3batch: Shell, joined: str) -> None:
    (part, *_) = Path(joined, "results").iterdir()
    before = part.read_bytes()

    run = manifest(s3batch, "join", "m.csv", joined, "--failed", "--to", str(part))

    assert "this is in the folder of the report" in run.stderr
    assert run.returncode == 2
    assert part.read_bytes() == before


def test_missing_lines_may_have_succeeded_if_no_row_has(s3batch: Shell, joined: str) -> None:
    """Without the record of its job, the scope of a report is not known."""
    options = ["--report", "failures", "--report-scope", "FailedTasksOnly", "--quiet"]
    s3batch("run", "app:handler", "--manifest", "m.csv", "--max-redrives", "0", *options)
    (report,) = (path for path in (s3batch.folder / "failures").iterdir() if path.is_dir())
    (report / "job.json").unlink()

    run = manifest(s3batch, "join", "m.csv", str(report), "--missing")
    all_tasks = manifest(s3batch, "join", "m.csv", joined, "--missing")

    assert "if it lists failed tasks only, missing lines may have succeeded" in run.stderr
    assert "may have succeeded" not in all_tasks.stderr


def test_a_report_of_another_manifest_is_refused(s3batch: Shell, joined: str) -> None:
    s3batch.manifest("b,other", name="o.csv")

    run = manifest(s3batch, "join", "o.csv", joined, "--missing", "--to", "rest.csv")

    assert "a report of another manifest: none of its 3 rows" in run.stderr
    assert run.returncode == 2
    assert not (s3batch.folder / "rest.csv").exists()
