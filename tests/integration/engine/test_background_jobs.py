"""Jobs in the background: priorities, pauses, and what outlives the engine."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from moto.server import ThreadedMotoServer
from typing_extensions import override

from s3batch_handler.core._errors import JobError, JobNotFound, StateError
from s3batch_handler.documents._report import read_report
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine._scheduler import Scheduler
from s3batch_handler.engine.state._job_store import JobStore
from s3batch_handler.jobs._control import wait_for_job
from s3batch_handler.jobs._job import Job, JobSpec
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from s3batch_handler.documents._report import ReportRow

ACCOUNT = "123456789012"


@pytest.fixture
def s3() -> Iterator[Any]:
    """S3 with a bucket."""
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    with mock_aws():
        client = session.client("s3")
        client.create_bucket(Bucket="photos")
        yield client


def put_once(s3: Any, key: str, body: bytes) -> str:
    """Put an object that is the same each time: moto breaks off reading what is written anew."""
    try:
        answer = s3.head_object(Bucket="photos", Key=key)
    except ClientError:
        answer = s3.put_object(Bucket="photos", Key=key, Body=body)
    etag: str = answer["ETag"]
    return etag.strip('"')


def spec(s3: Any, tasks: int = 3, **members: Any) -> JobSpec:
    """Put a manifest into the bucket, and ask for a job over it."""
    manifest = "".join(f"photos,{number}\n" for number in range(tasks)).encode()
    etag = put_once(s3, f"{tasks}.csv", manifest)
    request = {
        "ConfirmationRequired": False,
        "Operation": {"LambdaInvoke": {"FunctionArn": "function"}},
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": f"arn:aws:s3:::photos/{tasks}.csv", "ETag": etag},
        },
        "Report": {
            "Enabled": True,
            "Bucket": "arn:aws:s3:::photos",
            "Format": "Report_CSV_20180820",
            "ReportScope": "AllTasks",
        },
        "Priority": 1,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
    }
    return JobSpec.from_request({"ClientRequestToken": os.urandom(8).hex(), **request, **members})


def answer(event: Any, text: str = "") -> Any:
    (task,) = event["tasks"]
    result = {"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": text}
    return {"invocationSchemaVersion": "1.0", "results": [result]}


class Gate:
    """A function that works on a task only when it is let."""

    def __init__(self) -> None:
        self.began: Counter[str] = Counter()
        self.jobs: list[str] = []
        self._may_go = threading.Semaphore(0)

    def let(self, tasks: int) -> None:
        self._may_go.release(tasks)

    def __call__(self, event: Any, context: object) -> Any:
        self.began[event["tasks"][0]["s3Key"]] += 1
        self.jobs.append(event["job"]["id"])
        assert self._may_go.acquire(timeout=60)
        return answer(event)


def until(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.002)


def close(engine: Engine, gate: Gate) -> None:
    """Close an engine; let the task that holds it up go on as soon as no other may follow it."""

    def let() -> None:
        until(lambda: engine._scheduler.is_closing)
        gate.let(1)

    letting = threading.Thread(target=let)
    letting.start()
    engine.close()
    letting.join()


def status(engine: Engine, job_id: str) -> JobStatus:
    return engine.describe_job(job_id).status


def over(engine: Engine, job_id: str) -> Job:
    return wait_for_job(engine, job_id, sleep=lambda _: time.sleep(0.01), timeout=60)


def rows(s3: Any, job_id: str) -> list[ReportRow]:
    report = read_report(f"s3://photos/job-{job_id}", s3=s3)
    report.verify()
    return list(report.rows())


# ---------------------------------------------------------------- in the background


def test_a_job_is_made_at_once(s3: Any) -> None:
    """Whoever asks for it need not wait until it is over."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3))
        at_first = status(engine, job_id)
        gate.let(3)
        job = over(engine, job_id)

        assert not at_first.is_final
        assert (job.status, job.progress.succeeded) == (JobStatus.COMPLETE, 3)
        assert sorted(row.key for row in rows(s3, job_id)) == ["0", "1", "2"]


def test_a_job_of_higher_priority_comes_first(s3: Any) -> None:
    """The job that runs pauses after its task, and goes on where it was when the other is over."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        low = engine.create_job(spec(s3, 3, Priority=1))
        gate.let(1)
        until(lambda: gate.jobs == [low, low])
        high = engine.create_job(spec(s3, 2, Priority=2))
        until(lambda: status(engine, low) is JobStatus.PAUSING)
        gate.let(1)
        until(lambda: gate.jobs == [low, low, high])
        meanwhile = engine.describe_job(low)
        gate.let(4)

        assert (over(engine, high).status, over(engine, low).status) == ("Complete", "Complete")
        assert (meanwhile.status, meanwhile.progress.succeeded) == (JobStatus.PAUSED, 2)
        assert gate.jobs == [low, low, high, high, low]
        assert sorted(row.key for row in rows(s3, low)) == ["0", "1", "2"]


def test_a_priority_that_is_raised_counts_at_once(s3: Any) -> None:
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        first = engine.create_job(spec(s3, 2, Priority=5))
        until(lambda: gate.jobs == [first])
        second = engine.create_job(spec(s3, 2, Priority=5))
        until(lambda: status(engine, second) is JobStatus.READY)
        engine.update_job_priority(second, 6)
        gate.let(4)
        over(engine, first)

        assert gate.jobs == [first, second, second, first]


def test_jobs_of_the_same_priority_take_turns_in_their_order(s3: Any) -> None:
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        jobs = [engine.create_job(spec(s3, 1)) for _ in range(4)]
        gate.let(4)
        for job_id in jobs:
            over(engine, job_id)

    assert gate.jobs == jobs


@pytest.mark.parametrize("when", ["ready", "paused", "active"])
def test_a_job_is_cancelled(s3: Any, when: str) -> None:
    """Whether it runs, waits for its turn or pauses: its report has what was done by then."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3, 3, Priority=1))
        until(lambda: gate.jobs == [job_id])
        if when == "ready":
            job_id = engine.create_job(spec(s3, 3, Priority=0))
            until(lambda: status(engine, job_id) is JobStatus.READY)
        elif when == "paused":
            engine.create_job(spec(s3, 3, Priority=2))
            until(lambda: status(engine, job_id) is JobStatus.PAUSING)
            gate.let(1)
            until(lambda: status(engine, job_id) is JobStatus.PAUSED)

        told = engine.update_job_status(job_id, JobStatus.CANCELLED)
        gate.let(9)
        job = over(engine, job_id)

        done = {"ready": 0, "paused": 1, "active": 1}[when]
        assert (told.status, job.status) == (JobStatus.CANCELLING, JobStatus.CANCELLED)
        assert (job.progress.total, job.progress.done) == (3, done)
        if done:
            assert len(rows(s3, job_id)) == done


def test_a_job_waits_for_its_confirmation(s3: Any) -> None:
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
        until(lambda: status(engine, job_id) is JobStatus.SUSPENDED)
        began = list(gate.jobs)
        engine.update_job_status(job_id, JobStatus.READY)

        assert began == []
        assert over(engine, job_id).status is JobStatus.COMPLETE


def test_a_job_that_cannot_run_does_not_stop_others(s3: Any) -> None:
    """The next has its turn."""
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, background=True) as engine:
        bad = engine.create_job(spec(s3, Operation={"LambdaInvoke": {"FunctionArn": "unknown"}}))
        good = engine.create_job(spec(s3))

        assert over(engine, good).status is JobStatus.COMPLETE
        assert over(engine, bad).failure_reasons[0].failure_code == "ResourceNotFoundException"


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_a_function_that_breaks_the_job_while_it_shall_pause(
    s3: Any, error: type[BaseException]
) -> None:
    """What is no answer fails the job at any moment; the thread goes on with the others."""
    gate = Gate()

    def breaks(event: Any, context: object) -> Any:
        gate(event, context)
        raise error

    with Engine({"function": gate, "breaks": breaks}, s3=s3, background=True) as engine:
        operation = {"LambdaInvoke": {"FunctionArn": "breaks"}}
        low = engine.create_job(spec(s3, Priority=1, Operation=operation))
        until(lambda: gate.jobs == [low])
        high = engine.create_job(spec(s3, Priority=2))
        until(lambda: status(engine, low) is JobStatus.PAUSING)
        gate.let(4)

        (reason,) = over(engine, low).failure_reasons
        assert reason.failure_reason == f"interrupted by {error.__name__}"
        assert over(engine, high).status is JobStatus.COMPLETE


# ---------------------------------------------------------------- S3 is away for a while


class Away:
    """An S3 that cannot be reached, until it can."""

    def __init__(self, s3: Any, operation: str) -> None:
        self._s3 = s3
        self._operation = operation
        self.is_away = True
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        if name == self._operation and self.is_away:
            self.asked += 1
            raise EndpointConnectionError(endpoint_url="https://s3.amazonaws.com")
        return getattr(self._s3, name)


@pytest.mark.parametrize("operation", ["get_object", "upload_fileobj"])
def test_s3_is_away_for_a_while(
    s3: Any, operation: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the manifest nor the report is given up; no task is run a second time for it."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    away, gate = Away(s3, operation), Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=cast("Any", away), background=True) as engine:
        job_id = engine.create_job(spec(s3))
        until(lambda: away.asked >= 3)
        meanwhile = status(engine, job_id)
        away.is_away = False

        assert not meanwhile.is_final
        assert over(engine, job_id).status is JobStatus.COMPLETE
        assert gate.began == {"0": 1, "1": 1, "2": 1}
        assert "EndpointConnectionError" in caplog.text


def test_s3_goes_away_while_a_job_shall_pause(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks are done but the report is not: it is written when it is the job's turn again."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    gate = Gate()
    gate.let(6)
    created: list[str] = []

    class Leaving(Away):
        """Goes away when it gets the first report, and a job of higher priority has come."""

        def upload_fileobj(self, *args: Any, **options: Any) -> None:
            if not created:
                created.append(engine.create_job(spec(s3, Priority=2)))
                until(lambda: status(engine, low) is JobStatus.PAUSING)
                raise EndpointConnectionError(endpoint_url="https://s3.amazonaws.com")
            s3.upload_fileobj(*args, **options)

    leaving = cast("Any", Leaving(s3, "nothing"))
    with Engine({"function": gate}, s3=leaving, background=True) as engine:
        low = engine.create_job(spec(s3, Priority=1))

        assert over(engine, low).status is JobStatus.COMPLETE
        assert over(engine, created[0]).status is JobStatus.COMPLETE
        assert gate.began == {"0": 2, "1": 2, "2": 2}


@pytest.mark.parametrize("operation", ["get_paginator", "upload_fileobj", "put_object"])
def test_s3_is_away_while_a_manifest_is_made(
    s3: Any, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the listing nor what is kept of it is given up; it is kept once."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    away, gate = Away(s3, operation), Gate()
    gate.let(1)
    output = {"Bucket": "arn:aws:s3:::kept", "ManifestFormat": "S3InventoryReport_CSV_20211130"}
    generator = {
        "SourceBucket": "arn:aws:s3:::photos",
        "EnableManifestOutput": True,
        "ManifestOutputLocation": output,
    }
    s3.create_bucket(Bucket="kept")
    members: Any = {"Manifest": None, "ManifestGenerator": {"S3JobManifestGenerator": generator}}
    with Engine({"function": gate}, s3=cast("Any", away), background=True) as engine:
        job_id = engine.create_job(spec(s3, Report={"Enabled": False}, **members))
        until(lambda: away.asked >= 3)
        meanwhile = status(engine, job_id)
        away.is_away = False

        assert not meanwhile.is_final
        assert over(engine, job_id).status is JobStatus.COMPLETE
        assert gate.began == {"3.csv": 1}
        kept = [item["Key"] for item in s3.list_objects_v2(Bucket="kept")["Contents"]]
        assert [key.rpartition("/")[2] for key in kept] == ["manifest.json", f"{job_id}.csv.gz"]


def test_a_disk_that_is_full_while_the_manifest_is_kept(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The job waits until there is room again."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    gate = Gate()
    gate.let(30_000)
    wanted = spec(s3, 30_000)
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, hard))
            job_id = engine.create_job(wanted)
            until(lambda: "File too large" in caplog.text)
            meanwhile = status(engine, job_id)
            engine.update_job_status(job_id, JobStatus.CANCELLED)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

        assert meanwhile is JobStatus.PREPARING
        assert over(engine, job_id).status is JobStatus.CANCELLED


@pytest.mark.parametrize("function", ["function", "unknown"])
def test_a_disk_that_is_full_when_a_job_ends(
    s3: Any,
    tmp_path: Path,
    function: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It ends once there is room, in the same way, and no task is run a second time."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    save, room = JobStore.save, threading.Event()

    def full(store: JobStore, job: Job) -> None:
        if job.status.is_final and not room.is_set():
            raise StateError("the disk is full")
        save(store, job)

    monkeypatch.setattr(JobStore, "save", full)
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        operation = {"LambdaInvoke": {"FunctionArn": function}}
        job_id = engine.create_job(spec(s3, Operation=operation))
        until(lambda: caplog.text.count("the disk is full") > 1)
        meanwhile = status(engine, job_id)
        room.set()
        job = over(engine, job_id)

    if function == "function":
        assert (meanwhile, job.status) == (JobStatus.COMPLETING, JobStatus.COMPLETE)
        assert gate.began == {"0": 1, "1": 1, "2": 1}
    else:
        assert (meanwhile, job.status) == (JobStatus.FAILING, JobStatus.FAILED)
        assert job.failure_reasons[0].failure_code == "ResourceNotFoundException"


# ---------------------------------------------------------------- what outlives the engine


def test_jobs_are_there_when_the_engine_is_opened_again(s3: Any, tmp_path: Path) -> None:
    """With all that was said of them: order, tags, tokens, counts."""
    wanted = spec(s3, Tags=[{"Key": "team", "Value": "photos"}], ClientRequestToken="one")
    gate = Gate()
    gate.let(6)
    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        jobs = [engine.create_job(wanted), engine.create_job(spec(s3))]
        before = [engine.describe_job(job_id) for job_id in jobs]

    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        assert [engine.describe_job(job_id) for job_id in jobs] == before
        assert [job.job_id for job in engine.list_jobs().jobs] == jobs[::-1]
        assert engine.get_job_tagging(jobs[0]) == {"team": "photos"}
        assert engine.create_job(wanted) == jobs[0]
        with pytest.raises(JobError, match="belongs to another request"):
            engine.create_job(spec(s3, Priority=9, ClientRequestToken="one"))


def test_a_job_goes_on_in_the_next_engine(s3: Any, tmp_path: Path) -> None:
    """An engine that is closed leaves its job after the task that runs."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        job_id = engine.create_job(spec(s3, 5))
        gate.let(2)
        until(lambda: gate.began.total() == 3)
        close(engine, gate)

    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        gate.let(9)
        job = over(engine, job_id)

        assert (job.status, job.progress.succeeded) == (JobStatus.COMPLETE, 5)
        assert gate.began == {str(number): 1 for number in range(5)}
        assert sorted(row.key for row in rows(s3, job_id)) == list("01234")


def test_a_job_that_is_prepared_before_the_engine_is_there(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its threads tell each other of it all the same."""

    class Ahead(Scheduler):
        """Threads that find time to prepare a job while the last of them is being started."""

        @override
        def __enter__(self) -> Self:
            scheduler = super().__enter__()
            scheduler._wake_threads()
            assert prepared.wait(60)
            return scheduler

        @override
        @contextmanager
        def _released(self, job_id: str) -> Iterator[None]:
            with super()._released(job_id):
                yield
            prepared.set()

    away, gate, prepared = Away(s3, "get_object"), Gate(), threading.Event()
    functions = {"function": gate}
    with Engine(functions, s3=cast("Any", away), state=tmp_path, background=True) as engine:
        job_id = engine.create_job(spec(s3))
        until(lambda: away.asked)
    gate.let(3)

    monkeypatch.setattr("s3batch_handler.engine._engine.Scheduler", Ahead)
    with Engine(functions, s3=s3, state=tmp_path, background=True) as engine:
        assert over(engine, job_id).status is JobStatus.COMPLETE


def test_a_job_goes_on_in_the_foreground(s3: Any, tmp_path: Path) -> None:
    """What was cut off is over when an engine without threads has been opened."""
    gate = Gate()
    gate.let(2)
    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        job_id = engine.create_job(spec(s3))
        until(lambda: gate.began.total() == 3)
        close(engine, gate)
    gate.let(3)

    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        assert status(engine, job_id) is JobStatus.COMPLETE
        assert sorted(row.key for row in rows(s3, job_id)) == list("012")


def test_a_job_is_confirmed_while_its_maker_lets_go_of_it(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another thread, which leaves it to the one that made the job."""

    class Busy(Scheduler):
        @override
        @contextmanager
        def _released(self, job_id: str) -> Iterator[None]:
            with super()._released(job_id):
                yield
                if self._jobs.status_of(job_id) is JobStatus.SUSPENDED:
                    arguments = (job_id, JobStatus.READY)
                    other = threading.Thread(target=engine.update_job_status, args=arguments)
                    other.start()
                    other.join()

    gate = Gate()
    gate.let(3)
    monkeypatch.setattr("s3batch_handler.engine._engine.Scheduler", Busy)
    with Engine({"function": gate}, s3=s3) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))

        assert status(engine, job_id) is JobStatus.COMPLETE


def test_a_job_is_confirmed_in_the_next_engine(s3: Any, tmp_path: Path) -> None:
    """It was suspended when the engine was closed; its manifest may be gone by now."""
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
    s3.delete_object(Bucket="photos", Key="3.csv")

    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        engine.update_job_status(job_id, JobStatus.READY)

        assert status(engine, job_id) is JobStatus.COMPLETE


def test_a_function_that_the_next_engine_does_not_have(s3: Any, tmp_path: Path) -> None:
    """The job fails, and says what is missing."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))

    with Engine({}, s3=s3, state=tmp_path) as engine:
        engine.update_job_status(job_id, JobStatus.READY)

        (reason,) = engine.describe_job(job_id).failure_reasons
        assert reason.failure_code == "ResourceNotFoundException"


def test_a_journal_that_is_damaged(s3: Any, tmp_path: Path) -> None:
    """It will not mend by itself: its job fails, and does not hold up the next."""
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        damaged = engine.create_job(spec(s3, ConfirmationRequired=True))
    (tmp_path / f"job-{damaged}" / "journal").write_bytes(b"no journal" * 1000)

    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        engine.update_job_status(damaged, JobStatus.READY)
        good = engine.create_job(spec(s3))

        (reason,) = over(engine, damaged).failure_reasons
        assert reason.failure_code == "StateDamaged"
        assert over(engine, good).status is JobStatus.COMPLETE


def test_a_second_engine_in_the_same_folder(s3: Any, tmp_path: Path) -> None:
    """It is refused; once the first is closed it may."""
    with (
        Engine({}, s3=s3, state=tmp_path),
        pytest.raises(StateError, match="in use by another process"),
    ):
        Engine({}, s3=s3, state=tmp_path)

    Engine({}, s3=s3, state=tmp_path).close()


CLOSING = """
import threading
from contextlib import suppress
from s3batch_handler.engine._engine import Engine
from s3batch_handler.core._errors import StateError

def ask(engine, asked):
    with suppress(StateError):
        while True:
            engine.list_jobs()
            asked.set()

for _ in range(30):
    engine, asked = Engine({}, s3=None), threading.Event()
    threads = [threading.Thread(target=ask, args=(engine, asked)) for _ in range(3)]
    for thread in threads:
        thread.start()
    asked.wait()
    engine.close()
    for thread in threads:
        thread.join()
"""


def test_an_engine_that_is_closed_while_others_ask() -> None:
    """They are told that it is closed; SQLite would end the process instead."""
    process = subprocess.run([sys.executable, "-c", CLOSING], check=False, timeout=60)

    assert process.returncode == 0


def test_a_disk_that_is_full_when_an_engine_is_opened(s3: Any, tmp_path: Path) -> None:
    """The engine is refused, and has let go of the state: the next one finds all as it was."""
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
    with closing(JobStore(tmp_path, tmp_path / "jobs", clock=Clock())) as register:
        register.move(job_id, JobStatus.READY, JobStatus.ACTIVE, JobStatus.PAUSING)

    def full(*_: object) -> None:
        raise StateError("the disk is full")

    with patch.object(JobStore, "save", full), pytest.raises(StateError, match="full"):
        Engine({"function": gate}, s3=s3, state=tmp_path)
    gc.collect()  # tells of a database that nobody has closed

    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        assert status(engine, job_id) is JobStatus.COMPLETE


def test_nothing_stays_of_a_job_that_is_over(s3: Any, tmp_path: Path) -> None:
    """But what DescribeJob tells."""
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        engine.create_job(spec(s3))

    assert not list(tmp_path.glob("job-*"))


ENGINE = """
import sys, time
from pathlib import Path
import boto3
from s3batch_handler.engine._engine import Engine

def function(event, context):
    (task,) = event["tasks"]
    time.sleep(0.002)
    result = {"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": "done"}
    return {"invocationSchemaVersion": "1.0", "results": [result]}

state, url = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1",
                  aws_access_key_id="testing", aws_secret_access_key="testing")
with Engine({"function": function}, s3=s3, state=Path(state), background=True) as engine:
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("function", ["function", "unknown"])
def test_ctrl_c_as_soon_as_a_job_is_over(s3: Any, tmp_path: Path, function: str) -> None:
    """It is over as it was kept, and whoever made it is told of the Ctrl-C."""
    save = JobStore.save

    def interrupted(store: JobStore, job: Job) -> None:
        save(store, job)
        if job.status.is_final:
            raise KeyboardInterrupt

    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        with patch.object(JobStore, "save", interrupted), pytest.raises(KeyboardInterrupt):
            engine.create_job(spec(s3, Operation={"LambdaInvoke": {"FunctionArn": function}}))
        (listed,) = engine.list_jobs().jobs
        job = engine.describe_job(listed.job_id)

    codes = [reason.failure_code for reason in job.failure_reasons]
    assert job.status is (JobStatus.COMPLETE if function == "function" else JobStatus.FAILED)
    assert codes == ([] if function == "function" else ["ResourceNotFoundException"])


def test_an_engine_that_is_killed_again_and_again(tmp_path: Path) -> None:
    """Each of its jobs ends all the same, and has one row for each line of its manifest."""
    script = tmp_path / "engine.py"
    script.write_text(textwrap.dedent(ENGINE))
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
        s3 = session.client("s3", endpoint_url=url)
        s3.create_bucket(Bucket="photos")
        gate = Gate()
        gate.let(10_000)
        state = tmp_path / "state"
        with Engine({"function": gate}, s3=s3, state=state) as engine:
            jobs = [
                engine.create_job(spec(s3, tasks, ConfirmationRequired=True, Priority=tasks))
                for tasks in (150, 200)
            ]
        with closing(JobStore(state, state / "jobs", clock=lambda: datetime.now(UTC))) as register:
            for job_id in jobs:  # confirmed, and not begun
                register.move(job_id, JobStatus.READY)

        for delay in (0.1, 0.3, 0.2, 0.05):
            process = subprocess.Popen(
                [sys.executable, str(script), str(tmp_path / "state"), url],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
        with Engine({"function": gate}, s3=s3, state=tmp_path / "state", background=True) as engine:
            ended = [over(engine, job_id) for job_id in jobs]

        assert [job.status for job in ended] == [JobStatus.COMPLETE] * 2
        for job_id, tasks in zip(jobs, (150, 200), strict=True):
            found = Counter(row.key for row in rows(s3, job_id))
            assert found == {str(number): 1 for number in range(tasks)}
    finally:
        server.stop()


REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["create", "ask", "confirm", "cancel", "priority", "reopen", "let"]),
        st.integers(0, 3),
    ),
    max_size=25,
)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(requests=REQUESTS)
def test_requests_in_any_order(
    s3: Any, tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[str, int]]
) -> None:
    """Moves are legal, counts add up, and in the end each task that was done has one row."""
    gate, jobs, state = Gate(), list[str](), tmp_path_factory.mktemp("state")

    def opened() -> Engine:
        return Engine({"function": gate}, s3=s3, state=state, background=True)

    engine = opened()
    try:
        for verb, number in requests:
            with suppress(JobError):  # refusals are answers
                if verb in ("create", "ask"):
                    wanted = spec(s3, 3, Priority=number, ConfirmationRequired=verb == "ask")
                    jobs.append(engine.create_job(wanted))
                elif verb == "reopen":
                    close(engine, gate)
                    engine = opened()
                elif verb == "let":
                    gate.let(number + 1)
                elif jobs and verb == "priority":
                    engine.update_job_priority(jobs[number % len(jobs)], number)
                elif jobs:
                    asked = JobStatus.READY if verb == "confirm" else JobStatus.CANCELLED
                    engine.update_job_status(jobs[number % len(jobs)], asked)
        gate.let(1_000)
        for job_id in jobs:
            until(partial(rests, engine, job_id))
            if status(engine, job_id) is JobStatus.SUSPENDED:
                engine.update_job_status(job_id, JobStatus.READY)
            job = over(engine, job_id)

            assert job.status in (JobStatus.COMPLETE, JobStatus.CANCELLED), job.failure_reasons
            assert job.termination_date is not None
            assert job.progress.failed == 0
            assert job.progress.done == 3 or job.status is JobStatus.CANCELLED
            if job.progress.done:
                found = Counter(row.key for row in rows(s3, job_id))
                assert found.total() == len(found) == job.progress.done
    finally:
        gate.let(1_000)
        engine.close()


def rests(engine: Engine, job_id: str) -> bool:
    """Tell whether a job stays as it is unless somebody asks for more."""
    now = status(engine, job_id)
    return now.is_final or now is JobStatus.SUSPENDED


# ---------------------------------------------------------------- as time goes by


class Clock:
    """Goes only when it is told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_a_job_that_nobody_confirms(s3: Any) -> None:
    """After 30 days it has failed."""
    clock = Clock()
    with Engine({"function": Gate()}, s3=s3, clock=clock) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
        clock.now += timedelta(days=29)
        still = status(engine, job_id)
        clock.now += timedelta(days=2)

        assert (still, status(engine, job_id)) == (JobStatus.SUSPENDED, JobStatus.FAILED)


def test_a_job_that_has_long_been_over(s3: Any) -> None:
    """After 90 days nobody knows of it any more."""
    clock, gate = Clock(), Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, clock=clock) as engine:
        job_id = engine.create_job(spec(s3))
        clock.now += timedelta(days=89)
        still = status(engine, job_id)
        clock.now += timedelta(days=2)

        assert still is JobStatus.COMPLETE
        assert engine.list_jobs().jobs == ()
        with pytest.raises(JobNotFound):
            engine.describe_job(job_id)
