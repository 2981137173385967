"""``s3batch report html``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.page_documents import document_in
from tests.support.reports import JOB, put_report

if TYPE_CHECKING:
    from tests.support.shell import Shell


def test_the_page_is_one_file_with_the_failed_tasks(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "html", report, "--to", "page.html", "--json")

    document = document_in(Path("page.html").read_text("utf-8"))
    facts = json.loads(run.stdout)
    assert run.returncode == 0
    assert (facts["job_id"], facts["page"], facts["failed"], facts["rows"]) == (
        JOB,
        "page.html",
        3,
        3,
    )
    assert facts["bytes"] == Path("page.html").stat().st_size
    assert document["counts"]["succeeded"] == 2
    assert {row["key"] for row in document["failed_tasks"]["rows"]} >= {
        "2023/gone.jpg",
        "2024/日.jpg",
    }


def test_a_report_alone_does_not_say_where_its_job_ran(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "html", report, "--to", "-")

    assert document_in(run.stdout)["job"]["origin"] is None


def test_text_names_the_page_and_its_rows(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "html", "--to", "page.html", "--rows", "1")

    assert run.stdout.splitlines() == [
        "Page    page.html",
        f"Report  {report}/manifest.json",
        "Failed  3",
        "Rows    1",
    ]
    assert "the latest report here" in run.stderr


def test_standard_output_gets_the_page_alone(s3batch: Shell, report: str) -> None:
    run = s3batch("report", "html", report, "--to", "-")

    assert run.returncode == 0
    assert run.stdout.startswith("<!doctype html>")
    assert run.stdout.rstrip().endswith("</html>")
    assert document_in(run.stdout)["job"]["id"] == JOB


def test_a_page_of_a_local_run_has_its_settings_and_commands(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fail.txt", "b,1", "b,2")
    arguments = ("--arguments", "target=x", "--arguments", "api_key=hunter2")
    s3batch("run", "app.py:handler", "--manifest", manifest, *arguments)

    run = s3batch("report", "html", "--to", "page.html")

    page = Path("page.html").read_text("utf-8")
    document = document_in(page)
    settings = {group["title"]: dict(group["facts"]) for group in document["configuration"]}
    commands = [each["command"] for each in document["commands"]]
    job_id = document["job"]["id"]
    assert run.returncode == 0
    assert (document["job"]["origin"], document["job"]["status"]) == ("run", "Complete")
    assert [change["status"] for change in document["history"]][-1] == "Complete"
    assert document["durations"]["calls"] == 3
    assert sum(document["rate_history"]["succeeded"]) == 2
    assert len(document["slowest"]) == 3
    assert settings["Operation"]["Argument target"] == "x"
    assert settings["Local run"]["Handler"] == "app.py:handler"
    assert "hunter2" not in page
    assert f"s3batch report failed {job_id}" in commands
    assert f"s3batch run --failed-from {job_id}" in commands


def test_hostile_keys_are_data(s3batch: Shell) -> None:
    """They cannot end the element that contains them, and bytes that are not text are kept."""
    rows = (
        b"b,%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E,,failed,200,PermanentFailure,<!--\r\n"
        b"b,%FF%E2%80%AE,,failed,200,PermanentFailure,</script>\r\n"
    )
    put_report(Path("r"), failed=rows)

    run = s3batch("report", "html", "r", "--to", "page.html")

    page = Path("page.html").read_text("utf-8")
    found = [row["key"] for row in document_in(page)["failed_tasks"]["rows"]]
    assert run.returncode == 0
    assert found == ["</script><script>alert(1)</script>", "\udcff\u202e"]
    assert "alert(1)</script>" not in page


def test_a_merged_report_names_its_jobs(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fail.txt", "b,1")
    s3batch("run", "app.py:handler", "--manifest", manifest, "--report", "first")
    s3batch("run", "--failed-from", "first", "--report", "second")
    s3batch("report", "merge", "first", "second", "--to", "merged")

    run = s3batch("report", "html", "merged", "--to", "page.html")

    document = document_in(Path("page.html").read_text("utf-8"))
    merged = next(each for each in document["configuration"] if each["title"] == "Merged reports")
    assert run.returncode == 0
    assert len(merged["facts"]) == 2
    assert document["counts"]["total"] == 2


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--to", "-", "--json"), "cannot be combined"),
        (("--to", "results.csv"), "ends in .html"),
        (("--to", "s3://b/page.html"), "Name a local file"),
        (("--to", "."), "this is a folder"),
        (("--to", "page.html", "--rows", "100001"), "not between 0 and 100000"),
        ((), "Missing option '--to'"),
    ],
)
def test_bad_options_are_refused(
    s3batch: Shell, report: str, options: tuple[str, ...], problem: str
) -> None:
    run = s3batch("report", "html", report, *options)

    assert run.returncode == 2
    assert problem in run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.md5", "results/any.CSV"])
def test_no_file_of_a_report_is_replaced(s3batch: Shell, report: str, name: str) -> None:
    """Not even by a link to it."""
    Path("page.html").symlink_to(Path(report, name).absolute())

    run = s3batch("report", "html", report, "--to", "page.html")

    assert run.returncode == 2
    assert "ends in .html" in run.stderr
    assert Path("page.html").is_symlink()
    assert s3batch("report", "verify", report).returncode == 0


def test_a_damaged_report_leaves_the_old_page(s3batch: Shell) -> None:
    """A page is replaced by a complete one only."""
    folder = put_report(Path("r"), failed=b"b,k,,failed,200,PermanentFailure,no\r\n")
    (folder / "results" / "failed.csv").write_bytes(b"b,k2,,failed,200,PermanentFailure,no\r\n")
    Path("page.html").write_text("old")

    run = s3batch("report", "html", "r", "--to", "page.html")

    assert run.returncode == 1
    assert "MD5" in run.stderr
    assert Path("page.html").read_text() == "old"
    assert sorted(path.name for path in Path().glob("page*")) == ["page.html"]


def test_a_damaged_record_of_the_run_is_named(s3batch: Shell, report: str) -> None:
    """A page that leaves its content out would look complete."""
    Path(report, "run.json").write_text("{}")

    run = s3batch("report", "html", report, "--to", "page.html")

    assert run.returncode == 1
    assert f"{report}/run.json: damaged" in run.stderr
    assert not Path("page.html").exists()
