"""Jobs when their engine is closed or killed, and opened again."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, cast
from unittest.mock import patch

import boto3
import pytest
from moto.server import ThreadedMotoServer
from typing_extensions import override

from s3batch_handler.core._errors import JobError, StateError
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine._job_execution import JobExecution
from s3batch_handler.engine._scheduler import Scheduler
from s3batch_handler.engine.state._job_store import JobStore
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.engine.run._cancellation import RunControl
    from s3batch_handler.jobs._job import Job

from tests.support.engine_jobs import Gate, Unavailable, close, over, rows, spec, status
from tests.support.waiting import wait_for


def test_jobs_are_kept_between_engines(s3: Any, tmp_path: Path) -> None:
    """Their order, tags, request tokens and counts are kept."""
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


def test_a_job_continues_in_the_next_engine(s3: Any, tmp_path: Path) -> None:
    """A closed engine leaves its job after the running task."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        job_id = engine.create_job(spec(s3, 5))
        gate.let(2)
        wait_for(lambda: gate.began.total() == 3)
        close(engine, gate)

    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        gate.let(9)
        job = over(engine, job_id)

        assert (job.status, job.progress.succeeded) == (JobStatus.COMPLETE, 5)
        assert gate.began == {str(number): 1 for number in range(5)}
        assert sorted(row.key for row in rows(s3, job_id)) == list("01234")


def test_a_job_that_is_prepared_while_the_engine_opens_runs(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The threads of the engine notice it."""

    class Ahead(Scheduler):
        """Threads that prepare a job before the engine is opened."""

        @override
        def __enter__(self) -> Self:
            scheduler = super().__enter__()
            scheduler._wake_threads()
            assert prepared.wait(60)
            return scheduler

        @override
        def _advance(self, job_id: str, control: RunControl) -> None:
            super()._advance(job_id, control)
            prepared.set()

    away, gate, prepared = Unavailable(s3, "get_object"), Gate(), threading.Event()
    functions = {"function": gate}
    with Engine(functions, s3=cast("Any", away), state=tmp_path, background=True) as engine:
        job_id = engine.create_job(spec(s3))
        wait_for(lambda: away.calls > 0)
    gate.let(3)

    monkeypatch.setattr("s3batch_handler.engine._engine.Scheduler", Ahead)
    with Engine(functions, s3=s3, state=tmp_path, background=True) as engine:
        assert over(engine, job_id).status is JobStatus.COMPLETE


def test_an_engine_without_threads_continues_jobs_when_it_is_opened(
    s3: Any, tmp_path: Path
) -> None:
    """An interrupted job is over when the constructor returns."""
    gate = Gate()
    gate.let(2)
    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        job_id = engine.create_job(spec(s3))
        wait_for(lambda: gate.began.total() == 3)
        close(engine, gate)
    gate.let(3)

    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        assert status(engine, job_id) is JobStatus.COMPLETE
        assert sorted(row.key for row in rows(s3, job_id)) == list("012")


def test_a_job_that_another_thread_confirms_continues_on_the_thread_of_create_job(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other thread leaves the job to the thread that has claimed it."""

    class Busy(JobExecution):
        @override
        def advance(self, job_id: str, control: RunControl) -> None:
            super().advance(job_id, control)
            if self.jobs.status_of(job_id) is JobStatus.SUSPENDED:
                arguments = (job_id, JobStatus.READY)
                other = threading.Thread(target=engine.update_job_status, args=arguments)
                other.start()
                other.join()

    gate = Gate()
    gate.let(3)
    monkeypatch.setattr("s3batch_handler.engine._engine.JobExecution", Busy)
    with Engine({"function": gate}, s3=s3) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))

        assert status(engine, job_id) is JobStatus.COMPLETE


def test_a_suspended_job_can_be_confirmed_in_the_next_engine(s3: Any, tmp_path: Path) -> None:
    """Its manifest may have been deleted."""
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))
    s3.delete_object(Bucket="photos", Key="3.csv")

    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        engine.update_job_status(job_id, JobStatus.READY)

        assert status(engine, job_id) is JobStatus.COMPLETE


def test_a_job_fails_if_the_next_engine_does_not_have_its_function(s3: Any, tmp_path: Path) -> None:
    """The reason names the function."""
    gate = Gate()
    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        job_id = engine.create_job(spec(s3, ConfirmationRequired=True))

    with Engine({}, s3=s3, state=tmp_path) as engine:
        engine.update_job_status(job_id, JobStatus.READY)

        (reason,) = engine.describe_job(job_id).failure_reasons
        assert reason.failure_code == "ResourceNotFoundException"


def test_a_damaged_journal_fails_only_its_job(s3: Any, tmp_path: Path) -> None:
    """The next job runs."""
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


def test_a_second_engine_in_the_same_folder_is_refused(s3: Any, tmp_path: Path) -> None:
    """After the first engine is closed, another one may use the folder."""
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


def test_requests_to_a_closed_engine_raise_state_error() -> None:
    """SQLite would end the process instead."""
    process = subprocess.run([sys.executable, "-c", CLOSING], check=False, timeout=60)

    assert process.returncode == 0


def test_the_folder_of_a_job_is_removed_at_its_end(s3: Any, tmp_path: Path) -> None:
    """Only its description is kept."""
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
def test_ctrl_c_right_after_the_end_of_a_job_does_not_change_it(
    s3: Any, tmp_path: Path, function: str
) -> None:
    """create_job raises KeyboardInterrupt, and the saved job does not change."""
    save = JobStore.save

    def interrupted(store: JobStore, job: Job, *history: Any) -> None:
        save(store, job, *history)
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


@pytest.mark.slow
def test_jobs_of_an_engine_that_is_killed_repeatedly_are_complete(tmp_path: Path) -> None:
    """Each job ends, and has one row for each entry of its manifest."""
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
