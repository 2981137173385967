"""Jobs while S3 is not available or a disk is full."""

from __future__ import annotations

import gc
import resource
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import pytest
from botocore.exceptions import EndpointConnectionError

from s3batch_handler.core._errors import StateError
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.state._job_store import JobStore
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.jobs._job import Job

from tests.support.engine_jobs import Clock, Gate, Unavailable, over, spec, status
from tests.support.waiting import wait_for


@pytest.mark.parametrize("operation", ["get_object", "upload_fileobj"])
def test_a_job_continues_when_s3_is_available_again(
    s3: Any, operation: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It waits with its manifest or its report. No task runs again."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    away, gate = Unavailable(s3, operation), Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=cast("Any", away), background=True) as engine:
        job_id = engine.create_job(spec(s3))
        wait_for(lambda: away.calls >= 3)
        meanwhile = status(engine, job_id)
        away.is_unavailable = False

        assert not meanwhile.is_final
        assert over(engine, job_id).status is JobStatus.COMPLETE
        assert gate.began == {"0": 1, "1": 1, "2": 1}
        assert "EndpointConnectionError" in caplog.text


def test_a_pausing_job_whose_report_fails_writes_it_later(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tasks are done. The report is written at the job's next turn."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    gate = Gate()
    gate.let(6)
    created: list[str] = []

    class BecomesUnavailable(Unavailable):
        """Fails to store the first report, after a job of higher priority was created."""

        def upload_fileobj(self, *args: Any, **options: Any) -> None:
            if not created:
                created.append(engine.create_job(spec(s3, Priority=2)))
                wait_for(lambda: status(engine, low) is JobStatus.PAUSING)
                raise EndpointConnectionError(endpoint_url="https://s3.amazonaws.com")
            s3.upload_fileobj(*args, **options)

    leaving = cast("Any", BecomesUnavailable(s3, "nothing"))
    with Engine({"function": gate}, s3=leaving, background=True) as engine:
        low = engine.create_job(spec(s3, Priority=1))

        assert over(engine, low).status is JobStatus.COMPLETE
        assert over(engine, created[0]).status is JobStatus.COMPLETE
        assert gate.began == {"0": 2, "1": 2, "2": 2}


@pytest.mark.parametrize("operation", ["get_paginator", "upload_fileobj", "put_object"])
def test_a_manifest_is_generated_when_s3_is_available_again(
    s3: Any, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket is listed again if necessary, and the output is written once."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    away, gate = Unavailable(s3, operation), Gate()
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
        wait_for(lambda: away.calls >= 3)
        meanwhile = status(engine, job_id)
        away.is_unavailable = False

        assert not meanwhile.is_final
        assert over(engine, job_id).status is JobStatus.COMPLETE
        assert gate.began == {"3.csv": 1}
        kept = [item["Key"] for item in s3.list_objects_v2(Bucket="kept")["Contents"]]
        assert [key.rpartition("/")[2] for key in kept] == ["manifest.json", f"{job_id}.csv.gz"]


def test_a_job_waits_while_the_disk_has_no_room_for_its_manifest(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its status remains Preparing, and it can be cancelled."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    gate = Gate()
    gate.let(30_000)
    wanted = spec(s3, 30_000)
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, hard))
            job_id = engine.create_job(wanted)
            wait_for(lambda: "File too large" in caplog.text)
            meanwhile = status(engine, job_id)
            engine.update_job_status(job_id, JobStatus.CANCELLED)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

        assert meanwhile is JobStatus.PREPARING
        assert over(engine, job_id).status is JobStatus.CANCELLED


@pytest.mark.parametrize("function", ["function", "unknown"])
def test_a_job_whose_end_cannot_be_saved_ends_later(
    s3: Any,
    tmp_path: Path,
    function: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It ends in the same way when the disk has room, and no task runs again."""
    monkeypatch.setattr("s3batch_handler.engine._scheduler._RETRY_SECONDS", 0.02)
    save, room = JobStore.save, threading.Event()

    def full(store: JobStore, job: Job, *history: Any) -> None:
        if job.status.is_final and not room.is_set():
            raise StateError("the disk is full")
        save(store, job, *history)

    monkeypatch.setattr(JobStore, "save", full)
    gate = Gate()
    gate.let(3)
    with Engine({"function": gate}, s3=s3, state=tmp_path, background=True) as engine:
        operation = {"LambdaInvoke": {"FunctionArn": function}}
        job_id = engine.create_job(spec(s3, Operation=operation))
        wait_for(lambda: caplog.text.count("the disk is full") > 1)
        meanwhile = status(engine, job_id)
        room.set()
        job = over(engine, job_id)

    if function == "function":
        assert (meanwhile, job.status) == (JobStatus.COMPLETING, JobStatus.COMPLETE)
        assert gate.began == {"0": 1, "1": 1, "2": 1}
    else:
        assert (meanwhile, job.status) == (JobStatus.FAILING, JobStatus.FAILED)
        assert job.failure_reasons[0].failure_code == "ResourceNotFoundException"


def test_an_engine_that_cannot_save_does_not_open(s3: Any, tmp_path: Path) -> None:
    """It raises StateError and releases the folder. The next engine finds all jobs unchanged."""
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
    gc.collect()  # warns about a database that is not closed

    with Engine({"function": gate}, s3=s3, state=tmp_path) as engine:
        assert status(engine, job_id) is JobStatus.COMPLETE
