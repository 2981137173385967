"""``s3batch run``: the report, the summary and the log of a job."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from s3batch_handler.documents.reports._report import read_report
from tests.support.shell import SLOW, Shell

if TYPE_CHECKING:
    from pathlib import Path


def test_each_entry_of_a_manifest_gets_its_row(s3batch: Shell) -> None:
    """Exit code 1, because tasks failed."""
    manifest = s3batch.manifest("b,fine.txt", "b,a%20b%2Bc", "b,fail", "b,later")

    run = s3batch.line(f"s3batch run app:handler --manifest {manifest} --json")

    summary = json.loads(run.stdout)
    assert run.returncode == 1
    assert (summary["status"], summary["total"]) == ("Complete", 4)
    assert (summary["succeeded"], summary["failed"]) == (2, 2)
    rows = {row.key: row for row in read_report(s3batch.folder / summary["report"]).rows()}
    assert rows["a b+c"].message == '{"key":"a b+c"}'
    assert rows["fail"].error_code == "PermanentFailure"
    assert (rows["later"].error_code, rows["later"].message) == ("TemporaryFailure", "not yet")


def test_user_arguments_reach_the_function(s3batch: Shell) -> None:
    """They select schema 2.0. Exit code 0, because every task succeeded."""
    manifest = s3batch.manifest("b,k")

    run = s3batch(
        "run", "app.py:handler", "--manifest", manifest, "-a", "target=x", "-a", "e=a=b", "--json"
    )

    summary = json.loads(run.stdout)
    (row,) = read_report(s3batch.folder / summary["report"]).rows()
    assert run.returncode == 0
    assert json.loads(row.message) == {"key": "k", "target": "x", "e": "a=b"}


def test_the_summary_groups_failures_and_names_the_report(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fail1", "b,fail2", "b,fine")

    run = s3batch("run", "app:handler", "--manifest", manifest)

    assert "Status     Complete" in run.stdout
    assert "Failed     2" in run.stdout
    assert "2  PermanentFailure: it says fail" in run.stdout
    assert "s3batch-reports/job-" in run.stdout


def test_quiet_leaves_standard_error_empty(s3batch: Shell) -> None:
    """The output of the function is in a file beside the report."""
    manifest = s3batch.manifest("b,fine", "b,fail")

    run = s3batch("run", "app:handler", "--manifest", manifest, "--json", "--quiet")

    (log,) = (s3batch.folder / "s3batch-reports").glob("job-*.log")
    assert run.stderr == ""
    assert json.loads(run.stdout)["log"] == str(log.relative_to(s3batch.folder))
    assert "this is a log line" in log.read_text()
    assert "it says fail" in log.read_text()


def test_log_can_be_standard_error(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fine")

    run = s3batch.line(f"s3batch run app:handler --manifest {manifest} --log - --json")

    assert "this is a log line" in run.stderr
    assert json.loads(run.stdout)["log"] is None


def test_a_manifest_can_be_read_from_standard_input_with_other_columns(s3batch: Shell) -> None:
    run = s3batch(
        *("run", "app:handler", "--manifest", "-", "--fields", "Key,Ignore,Bucket", "--json"),
        stdin="fine,ignored,b\n",
    )

    summary = json.loads(run.stdout)
    (row,) = read_report(s3batch.folder / summary["report"]).rows()
    assert (row.bucket, row.key) == ("b", "fine")


def test_a_report_can_list_failed_tasks_only(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fine", "b,fail")

    s3batch(
        *("run", "app:handler", "--manifest", manifest, "--report", "out"),
        *("--report-scope", "FailedTasksOnly"),
    )

    assert [row.key for row in read_report(s3batch.folder / "out").rows()] == ["fail"]


def test_no_report_leaves_no_files(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fine")
    before = {path.name for path in s3batch.folder.iterdir()}

    run = s3batch("run", "app:handler", "--manifest", manifest, "--no-report", "--json")

    after = {path.name for path in s3batch.folder.iterdir()}
    assert json.loads(run.stdout)["report"] is None
    assert after - {"__pycache__"} == before


def test_unusual_keys_reach_the_function_unchanged(s3batch: Shell) -> None:
    """Keys like paths, and 1,024 bytes of emoji."""
    emoji = "%F0%9F%98%80" * 256
    keys = ["%2E%2E/%2E%2E/x", "../../x", "//x", ".", emoji]
    manifest = s3batch.manifest(*(f"b,{key}" for key in keys))

    run = s3batch("run", "app:handler", "--manifest", manifest, "--json")

    summary = json.loads(run.stdout)
    assert summary["succeeded"] == 5
    found = {row.key for row in read_report(s3batch.folder / summary["report"]).rows()}
    assert found == {"../../x", "//x", ".", "😀" * 256}


def test_a_manifest_can_be_a_link_or_the_rest_of_standard_input(s3batch: Shell) -> None:
    (s3batch.folder / "elsewhere").mkdir()
    s3batch.manifest("b,skipped", "b,one", "b,two", name="elsewhere/manifest.csv")
    (s3batch.folder / "links").mkdir()
    (s3batch.folder / "links" / "m.csv").symlink_to("../elsewhere/manifest.csv")

    run = s3batch.line("{ read -r; s3batch run app --manifest - --json; } < links/m.csv")
    linked = s3batch("run", "app", "--manifest", "links/m.csv", "--json")

    assert json.loads(run.stdout)["succeeded"] == 2
    assert json.loads(linked.stdout)["succeeded"] == 3


def test_the_file_of_log_is_kept_even_if_it_is_empty(s3batch: Shell) -> None:
    (s3batch.folder / "silent.py").write_text(SLOW)
    manifest = s3batch.manifest("b,k")

    run = s3batch("run", "silent", "--manifest", manifest, "--log", "mine.log", "--json")

    assert json.loads(run.stdout)["log"] == "mine.log"
    assert (s3batch.folder / "mine.log").read_text() == ""


def test_rows_of_a_report_are_as_aws_writes_them(s3batch: Shell) -> None:
    """CRLF, the HTTP status before the error code, keys as in the manifest."""
    manifest = s3batch.manifest("b,a%20b%2Bfail,v1", "b,c+d,null", "b,e,")

    s3batch("run", "app:handler", "--manifest", manifest, "--report", "out")

    (failed,) = (_rows(path) for path in _results(s3batch.folder) if "failed" in path.read_text())
    missing = "Task failed due to missing VersionId"
    assert sorted(failed) == [
        ["b", "a%20b%2Bfail", "v1", "failed", "200", "PermanentFailure", "it says fail"],
        ["b", "e", "\\N", "failed", "400", "InvalidRequest", missing],
    ]
    assert all(path.read_bytes().endswith(b"\r\n") for path in _results(s3batch.folder))


def _results(folder: Path) -> list[Path]:
    return sorted(folder.glob("out/job-*/results/*.csv"))


def _rows(path: Path) -> list[Any]:
    with path.open(newline="") as file:
        return list(csv.reader(file))
