"""The pages of the jobs of a server, over HTTP."""

from __future__ import annotations

import gc
import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.local_aws._server import page_of, serve
from s3batch_handler.page._events import EventStream
from s3batch_handler.page._report_document import ReportedJob, report_document
from tests.support.local_server import ACCOUNT
from tests.support.page_documents import document_in
from tests.support.served_jobs import Function, ServedJobs, get
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[ServedJobs]:
    function = Function()
    with serve({"function": function}) as address:
        yield ServedJobs(address, function)
        function.gate.set()


# ---------------------------------------------------------------- addresses


def test_the_list_of_jobs_is_beside_s3(server: ServedJobs) -> None:
    status, headers, body = get(f"{server.address}/_s3batch/")

    assert status == 200
    assert b'data-page="list"' in body
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert server.get("")["jobs"] == []
    assert server.s3.list_buckets()["Buckets"] == []


def test_a_bucket_before_the_host_means_s3(server: ServedJobs) -> None:
    """There, the path of a page is the key of an object."""
    _, headers, _ = get(f"{server.address}/_s3batch/", Host="photos.localhost")

    assert headers["Content-Type"].startswith("application/xml")


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.7"])
def test_the_page_has_no_other_host(server: ServedJobs, host: str) -> None:
    assert get(f"{server.address}/_s3batch/", Host=host)[0] == 403


BROWSERS = [{"User_Agent": "Mozilla/5.0 (X11)"}, {"Sec_Fetch_Site": "cross-site"}]


@pytest.mark.parametrize("headers", BROWSERS)
def test_an_object_in_a_browser_runs_no_script(server: ServedJobs, headers: dict[str, str]) -> None:
    """Objects have the address of the page, so their scripts could act on jobs."""
    server.create_bucket()
    html = {"ContentType": "text/html", "Body": b"<script>alert(1)</script>"}
    server.s3.put_object(Bucket="photos", Key="a.html", **html)

    for path in ("photos/a.html", "photos/missing", ""):
        _, found, _ = get(f"{server.address}/{path}", None, **headers)

        assert found["Content-Security-Policy"] == "sandbox"


def test_clients_of_s3_get_the_headers_of_s3(server: ServedJobs) -> None:
    _, headers, _ = get(f"{server.address}/")

    assert "Content-Security-Policy" not in headers


def test_the_address_of_the_page_is_one_of_this_machine() -> None:
    assert page_of("http://0.0.0.0:5005") == "http://127.0.0.1:5005/_s3batch/"
    assert page_of("http://[::1]:5005") == "http://[::1]:5005/_s3batch/"
    assert page_of("http://192.168.1.7:5005") is None


# ---------------------------------------------------------------- a job


def test_a_job_is_shown_from_its_confirmation_to_its_end(server: ServedJobs) -> None:
    job_id = server.create(ConfirmationRequired=True, Description="Thumbnails", Tags=[])
    waiting = server.wait(job_id, lambda document: document["job"]["status"] == "Suspended")

    assert waiting["live"]["actions"] == ["confirm", "cancel", "priority"]
    assert waiting["counts"]["pending"] == waiting["counts"]["total"] == 20

    server.function.gate.clear()

    assert server.act(job_id, "confirm") == (200, {})

    running = server.wait(job_id, lambda document: document["counts"]["running"])

    assert running["workers"]["shown"][0]["key"].startswith("image-")
    assert running["live"]["actions"] == ["cancel", "priority"]
    assert running["configuration"][-1]["title"] == "Server"
    assert ["Function timeout", "60 s"] in running["configuration"][-1]["facts"]

    server.function.gate.set()
    ended = server.ended(job_id)
    counts = ended["counts"]

    assert [change["status"] for change in ended["history"]] == [
        *("New", "Preparing", "Suspended", "Ready", "Active", "Completing", "Complete")
    ]
    assert (counts["succeeded"], counts["failed"], counts["pending"]) == (14, 6, 0)
    assert {(group["message"], group["count"]) for group in ended["failures"]} == {
        ("not an image", 4),
        ("Too <b>large</b>", 2),
    }
    assert ended["durations"]["calls"] == 20
    assert len(ended["latest"]) == 20
    assert len(ended["slowest"]) == 10
    assert ended["live"]["actions"] == ["redrive"]
    assert ended["job"]["report"].startswith("s3://photos/reports/job-")
    settings = {group["title"]: dict(group["facts"]) for group in ended["configuration"]}
    assert settings["Report"]["Location"] == ended["job"]["report"]


def test_the_events_of_a_job_end_with_it(server: ServedJobs) -> None:
    job_id = server.create()

    body = get(f"{server.api}/{job_id}/events")[2].decode("ascii")
    documents = [
        json.loads(line.removeprefix("data: "))
        for line in body.splitlines()
        if line.startswith('data: {"version"')
    ]

    assert body.endswith('event: end\ndata: {"reason":"ended"}\n\n')
    assert documents[-1]["job"]["status"] == "Complete"
    assert documents[-1]["failures"]


def test_a_job_is_cancelled_with_a_reason_and_gets_another_priority(server: ServedJobs) -> None:
    server.function.gate.clear()
    job_id = server.create()
    server.wait(job_id, lambda document: document["job"]["status"] == "Active")

    assert server.act(job_id, "priority", priority=7) == (200, {})
    assert server.act(job_id, "cancel", reason="wrong bucket") == (200, {})

    server.function.gate.set()
    ended = server.ended(job_id)["job"]

    assert (ended["status"], ended["priority"]) == ("Cancelled", 7)
    assert ended["update_reason"] == "wrong bucket"


@pytest.mark.parametrize(
    ("action", "content", "status"),
    [
        ("confirm", {}, 409),
        ("priority", {"priority": 3}, 400),
        ("priority", {"priority": -1}, 400),
        ("cancel", {"reason": "x"}, 409),
        ("cancel", {"reason": "x" * 257}, 400),
        ("cancel", {"reason": "\x1b[31m"}, 400),  # XML could not represent it in DescribeJob
        ("cancel", {"reason": "\udc80"}, 400),
    ],
)
def test_an_action_that_the_status_does_not_allow_is_refused(
    server: ServedJobs, action: str, content: dict[str, Any], status: int
) -> None:
    job_id = server.create()
    server.ended(job_id)

    found, answer = server.act(job_id, action, **content)

    assert (found, bool(answer["error"])) == (status, True)


# ---------------------------------------------------------------- redrive


def test_the_failed_tasks_that_a_search_finds_run_again_in_a_new_job(server: ServedJobs) -> None:
    job_id = server.create(Priority=5)
    server.ended(job_id)

    status, answer = server.act(job_id, "redrive", search="TOO <b>", code="", token="once")
    redriven = server.ended(answer["job_id"])

    assert status == 200
    assert redriven["job"]["redrive_of"] == job_id
    assert redriven["job"]["priority"] == 5
    assert redriven["counts"]["total"] == 2
    assert [group["message"] for group in redriven["failures"]] == ["Too <b>large</b>"]


def test_requests_with_the_same_token_create_one_job(server: ServedJobs) -> None:
    """Also at the same time, as with a double click."""
    job_id = server.create()
    server.ended(job_id)
    answers: list[Any] = []

    def click() -> None:
        answers.append(server.act(job_id, "redrive", token="once"))

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert answers == [answers[0]] * 4
    assert answers[0][0] == 200
    assert server.get("")["matching"] == 2


def test_failed_tasks_do_not_run_again_twice_at_the_same_time(server: ServedJobs) -> None:
    """Two tabs have tokens of their own: both lead to the job that one of them created."""
    job_id = server.create()
    server.ended(job_id)
    server.function.gate.clear()

    first = server.act(job_id, "redrive", search="large", token="first tab")
    second = server.act(job_id, "redrive", search="large", token="second tab")
    other = server.act(job_id, "redrive", token="other tasks")
    server.function.gate.set()
    server.ended(first[1]["job_id"])
    later = server.act(job_id, "redrive", search="large", token="later")

    assert first == second
    assert len({answer["job_id"] for _, answer in (first, other, later)}) == 3


def test_a_redrive_of_nothing_is_refused(server: ServedJobs) -> None:
    server.function.gate.clear()
    job_id = server.create()

    status, answer = server.act(job_id, "redrive", token="while it runs")

    assert status == 400
    assert "when it has ended" in answer["error"]

    server.function.gate.set()
    server.ended(job_id)
    status, answer = server.act(job_id, "redrive", search="no such text", token="nothing")

    assert status == 409
    assert "no failed task is selected" in answer["error"]
    assert server.get("")["matching"] == 1


def test_a_job_without_a_report_has_no_redrive(server: ServedJobs) -> None:
    job_id = server.create(Report={"Enabled": False})

    ended = server.ended(job_id)

    assert ended["live"]["actions"] == []
    assert ended["failures"]
    assert server.act(job_id, "redrive", token="x")[0] == 400


# ---------------------------------------------------------------- the list


def test_jobs_of_all_accounts_and_regions_are_in_one_list(server: ServedJobs) -> None:
    created = [
        server.create(1, region="eu-west-1"),
        server.create(1, region="us-east-1"),
        server.create(1, account="999999999999"),
    ]

    listed = server.get("")["jobs"]

    assert [job["id"] for job in listed] == created[::-1]
    assert [(job["account_id"], job["region"]) for job in listed] == [
        ("999999999999", "eu-west-1"),
        (ACCOUNT, "us-east-1"),
        (ACCOUNT, "eu-west-1"),
    ]


def test_jobs_are_searched_filtered_and_paged(server: ServedJobs) -> None:
    server.function.gate.clear()
    ids = [
        server.create(1, ConfirmationRequired=number % 2 == 0, Description=f"Größe {number}")
        for number in range(5)
    ]
    for job_id in ids[::2]:
        server.wait(job_id, lambda document: document["job"]["status"] == "Suspended")

    suspended = server.get("?status=Suspended&limit=2")
    rest = server.get(f"?status=Suspended&limit=2&after={quote(suspended['next'])}")
    found = server.get(f"?search={quote('GRÖSSE 3')}")

    assert [job["id"] for job in (*suspended["jobs"], *rest["jobs"])] == ids[::2][::-1]
    assert (suspended["matching"], suspended["by_status"]["Suspended"], rest["next"]) == (
        3,
        3,
        None,
    )
    assert [job["id"] for job in found["jobs"]] == [ids[3]]
    assert get(f"{server.api}?after=nonsense")[0] == 400


def test_a_job_that_changes_is_read_again(server: ServedJobs) -> None:
    server.function.gate.clear()
    job_id = server.create()
    first = server.get("")["jobs"][0]
    server.function.gate.set()
    server.ended(job_id)
    (second,) = server.get("")["jobs"]

    assert first["ended"] is None
    assert (second["status"], second["succeeded"], second["failed"]) == ("Complete", 14, 6)


# ---------------------------------------------------------------- the saved page


@pytest.mark.slow
def test_a_saved_page_has_the_failed_tasks_of_that_of_report_html(server: ServedJobs) -> None:
    """The first 1,000 rows alone would have fewer tasks of the rarer failure."""
    job_id = server.create(tasks=4_000)
    server.ended(job_id)
    report = read_report(f"s3://photos/reports/job-{job_id}", s3=server.s3)

    saved = document_in(get(f"{server.api}/{job_id}/saved")[2].decode())
    of_report = report_document(ReportedJob(report=report, origin="serve"), report.summary())

    assert saved["failed_tasks"] == of_report["failed_tasks"]
    counts = Counter(row["message"] for row in saved["failed_tasks"]["rows"])
    assert counts == {"not an image": 600, "Too <b>large</b>": 400}


def test_a_page_is_saved_while_its_job_runs(server: ServedJobs) -> None:
    server.function.seconds = 0.02
    job_id = server.create(tasks=1_000)
    server.wait(job_id, lambda document: document["counts"]["failed"] > 0)

    saved = document_in(get(f"{server.api}/{job_id}/saved")[2].decode())
    server.act(job_id, "cancel")

    assert saved["failed_tasks"]["rows"][0]["key"] == "image-1"
    assert saved["job"]["status"] == "Active"
    assert saved["live"] is None


def test_a_page_is_saved_without_failed_tasks_if_the_report_is_lost(server: ServedJobs) -> None:
    job_id = server.create()
    server.ended(job_id)
    for each in server.s3.list_objects_v2(Bucket="photos", Prefix="reports/")["Contents"]:
        server.s3.delete_object(Bucket="photos", Key=each["Key"])

    status, _, page = get(f"{server.api}/{job_id}/saved")

    assert status == 200
    saved = document_in(page.decode())
    assert saved["failed_tasks"] is None
    assert [group["count"] for group in saved["failures"]] == [4, 2]


def test_a_page_is_saved_after_a_restart_of_the_server(tmp_path: Path) -> None:
    with serve({"function": Function()}, state=tmp_path) as address:
        server = ServedJobs(address, Function())
        job_id = server.create()
        server.ended(job_id)
        before = document_in(get(f"{server.api}/{job_id}/saved")[2].decode())
    with serve({}, state=tmp_path) as address:
        url = f"{ServedJobs(address, Function()).api}/{job_id}/saved"
        after = document_in(get(url)[2].decode())

    assert len(after["failed_tasks"]["rows"]) == 6
    assert after["failed_tasks"] == before["failed_tasks"]


# ---------------------------------------------------------------- the server


def test_a_job_is_shown_after_a_restart_of_the_server(tmp_path: Path) -> None:
    with serve({"function": Function()}, state=tmp_path) as address:
        server = ServedJobs(address, Function())
        job_id = server.create()
        before = server.ended(job_id)
    with serve({"function": Function()}, state=tmp_path) as address:
        after = ServedJobs(address, Function()).get(f"/{job_id}")

    for name in ("counts", "history", "failures", "configuration"):
        assert after[name] == before[name]
    assert after["live"]["token"] != before["live"]["token"]


def test_the_server_ends_while_pages_are_open() -> None:
    received: list[bytes] = []

    def browse(url: str) -> None:
        received.append(get(url)[2])

    with serve({}) as address:
        thread = threading.Thread(
            target=browse, args=(f"{address}/_s3batch/api/jobs/events",), daemon=True
        )
        thread.start()
        wait_for(lambda: _open_streams() > 0)
    thread.join(60)

    assert received[0].endswith(b'event: end\ndata: {"reason":"stopped"}\n\n')


def _open_streams() -> int:
    return sum(isinstance(each, EventStream) for each in gc.get_objects())
