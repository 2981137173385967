"""``s3batch run --page``: the page of a run, as the browser asks for it."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.documents.reports._job_record import read_job_record
from s3batch_handler.documents.reports._report import read_report
from tests.support.waiting import wait_for
from tests.support.watched_run import prepare, watched_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.shell import Shell

pytestmark = pytest.mark.slow


def events_of(response: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names and the data of server-sent events."""
    name = ""
    for line in response:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def shows_blocked(document: Any) -> bool:
    """Return whether the first ten tasks have been run, and a worker waits with a later one."""
    workers: Any = document["workers"] or {"shown": []}
    running: list[str] = [worker["key"] for worker in workers["shown"] if worker["key"]]
    return document["counts"]["succeeded"] == 4 and running != [] and min(map(int, running)) >= 10


def test_the_page_shows_the_run_until_its_end(tmp_path: Path) -> None:
    """The last event has the result, failed tasks and next commands: the page is complete."""
    prepare(tmp_path, tasks=20, allowed=10)
    with watched_run(tmp_path) as run:
        wait_for(lambda: shows_blocked(run.get()))
        during = run.get()
        with run.open("/events") as response:
            events = events_of(response)
            first = next(events)
            run.allow(20)
            *_, (name, last), end = events
        run.end()

    assert (during["job"]["status"], during["job"]["function"]) == ("Active", "app.py:handler")
    assert during["counts"]["total"] == 20
    assert during["counts"]["running"] >= 1
    assert f"begin {during['workers']['shown'][0]['key']}" in during["log"]["lines"]
    assert during["live"]["actions"] == ["cancel"]
    assert first[1]["job"]["id"] == run.job_id
    assert (name, end[0]) == ("job", "end")
    statuses = [change["status"] for change in last["history"]]
    assert statuses == ["Preparing", "Active", "Completing", "Complete"]
    assert (last["counts"]["succeeded"], last["counts"]["failed"]) == (8, 12)
    assert {(each["code"], each["count"]) for each in last["failures"]} == {
        ("PermanentFailure", 4),
        ("TemporaryFailure", 4),
    }
    assert last["failed_tasks"]["total"] == len(last["failed_tasks"]["rows"]) == 12
    assert last["job"]["report"] == f"s3batch-reports/job-{run.job_id}/manifest.json"
    assert any("--failed-from" in each["command"] for each in last["commands"])
    assert last["live"]["actions"] == []


def test_failed_tasks_are_searched_while_the_job_runs(tmp_path: Path) -> None:
    """The rows come from the journal; a page of them continues after the one before."""
    prepare(tmp_path, tasks=50, allowed=40)
    with watched_run(tmp_path) as run:
        wait_for(lambda: run.get("/failed")["total"] == 16)
        first = run.get("/failed?limit=10")
        second = run.get(f"/failed?limit=10&after={first['next']}")
        found = run.get("/failed?search=IMAGE+36&code=PermanentFailure")

    keys = [row["key"] for row in (*first["rows"], *second["rows"])]
    assert sorted(map(int, keys)) == [n for n in range(40) if n % 5 in (1, 3)]
    assert (second["next"], second["searched"]) == (None, 6)
    assert [row["message"] for row in found["rows"]] == ["cannot identify image 36"]


def test_a_run_without_report_shows_its_failed_tasks(tmp_path: Path) -> None:
    """Only the page has them, and the end of what the function writes to standard error."""
    prepare(tmp_path, tasks=10, allowed=9)
    with watched_run(tmp_path, "--no-report") as run:
        wait_for(lambda: "begin 9" in str(run.get()["log"]))
        during = run.get()
        with run.open("/events") as response:
            run.allow(10)
            *_, (_, last), _end = events_of(response)
        run.end()

    assert during["log"]["location"] is None
    assert "begin 9" in run.stderr
    assert len(last["failed_tasks"]["rows"]) == last["counts"]["failed"] == 6
    assert last["job"]["report"] is None
    assert not (tmp_path / "s3batch-reports").exists()


def test_a_page_that_polls_gets_the_end(tmp_path: Path) -> None:
    """A browser without server-sent events asks every two seconds: the command waits for it."""
    prepare(tmp_path, tasks=3, allowed=0)
    with watched_run(tmp_path) as run:
        run.allow(3)
        while (document := run.get())["job"]["status"] != "Complete":
            pass
        run.end()

    assert document["counts"]["failed"] == 2


def test_a_run_is_cancelled_from_its_page(tmp_path: Path) -> None:
    """The reason is in the summary and in job.json, and a second request is refused."""
    prepare(tmp_path, tasks=20, allowed=10)
    with watched_run(tmp_path, "--json") as run:
        wait_for(lambda: run.get()["counts"]["succeeded"] == 4)
        answer = run.act("cancel", reason="wrong prefix")
        again = run.act("cancel", reason="again") if run.process.poll() is None else None
        summary = json.loads(run.end())

    record = read_job_record(read_report(tmp_path / "s3batch-reports"))
    assert answer == (200, {})
    assert again is None or again[0] == 409
    assert run.process.returncode == 130
    assert (summary["status"], summary["reason"]) == ("Cancelled", "wrong prefix")
    assert record is not None
    assert record.description["StatusUpdateReason"] == "wrong prefix"


def test_other_actions_are_refused(tmp_path: Path) -> None:
    """A run has one job, which neither waits for a confirmation nor has a priority."""
    prepare(tmp_path, tasks=2, allowed=0)
    with watched_run(tmp_path) as run:
        answers = [
            run.act("confirm"),
            run.act("priority", priority=2),
            run.act("redrive", token="1"),
            run.act("cancel", reason="x" * 300),
        ]

    assert [status for status, _ in answers] == [409, 400, 400, 400]


def test_a_paused_run_is_continued_with_another_page(tmp_path: Path) -> None:
    """Ctrl-C ends the page with the command that resumes the job, with its counts."""
    prepare(tmp_path, tasks=20, allowed=10)
    with watched_run(tmp_path, "--state", "state") as run:
        wait_for(lambda: run.get()["counts"]["succeeded"] == 4)
        with run.open("/events") as response:
            events = events_of(response)
            next(events)
            run.process.send_signal(signal.SIGINT)
            *_, (_, paused), end = events
        run.end()
        run.allow(12)
    with watched_run(tmp_path, "--resume", "--state", "state") as resumed:
        wait_for(lambda: resumed.get()["counts"]["succeeded"] == 5)
        during = resumed.get()
        run.allow(20)
        resumed.end()

    assert (run.process.returncode, resumed.process.returncode) == (130, 1)
    assert (paused["job"]["status"], paused["counts"]["succeeded"]) == ("Paused", 4)
    assert end == ("end", {"reason": "stopped"})
    assert "--resume" in paused["commands"][0]["command"]
    assert during["job"]["id"] == run.job_id
    assert during["job"]["created"] == paused["job"]["created"]


def test_a_run_that_cannot_begin_says_so_on_its_page(tmp_path: Path) -> None:
    """The page shows the error, and the command ends with it."""
    prepare(tmp_path, tasks=2, allowed=0)
    (tmp_path / "app.py").write_text("import time\ntime.sleep(2)\n")
    with watched_run(tmp_path) as run:
        with run.open("/events") as response:
            *_, (_, last), _end = events_of(response)
        run.end()

    assert run.process.returncode == 2
    assert last["job"]["status"] == "Failed"
    assert "handler" in last["job"]["reasons"][0]["reason"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--page", "--dry-run"), "cannot be combined"),
        (("--page-port", "0"), "Option --page-port needs --page"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    s3batch: Shell, arguments: tuple[str, ...], problem: str
) -> None:
    """A dry run has nothing to watch."""
    run = s3batch("run", "app:handler", "--manifest", s3batch.manifest("b,one"), *arguments)

    assert run.returncode == 2
    assert problem in run.stderr


def test_a_port_that_is_taken_is_an_error_before_the_job(tmp_path: Path, s3batch: Shell) -> None:
    """No task is run, and nothing is written."""
    prepare(tmp_path, tasks=2, allowed=0)
    with watched_run(tmp_path) as run:
        port = run.origin.rpartition(":")[2]
        arguments = ("--manifest", "manifest.csv", "--page", "--page-port", port)
        second = s3batch("run", "app:handler", *arguments)

    assert second.returncode != 0
    assert "Address already in use" in second.stderr
