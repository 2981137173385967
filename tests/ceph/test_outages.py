"""Jobs while the gateway of Ceph restarts, or wants fewer requests."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.operations import _copy_in_parts, _put_object_copy
from s3batch_handler.jobs._status import JobStatus
from tests.support.ceph_jobs import DONE, Store
from tests.support.engine_jobs import over
from tests.support.operation_jobs import refuse
from tests.support.proxy import changing_proxy
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from tests.support.ceph import Ceph
    from tests.support.proxy import Exchange

pytestmark = pytest.mark.ceph

OBJECTS = 200


def engine_of(s3: Any, **settings: Any) -> Engine:
    """Create an engine that tries each task once."""
    usual: dict[str, Any] = {"max_redrives": 0, "s3_concurrency": 8, "background": True}
    return Engine({}, s3=s3, existing_s3=True, **{**usual, **settings})


def test_a_gateway_that_restarts_fails_no_task(ceph: Ceph, store: Store) -> None:
    """It is killed in the middle of a job, and does not respond for some seconds."""
    lines = store.put_objects(str(number) for number in range(OBJECTS))
    with engine_of(store.s3) as engine:
        job_id = engine.create_job(store.spec(store.copying(), lines))
        wait_for(lambda: engine.describe_job(job_id).progress.succeeded >= 20)
        ceph.kill_gateway()
        before = engine.describe_job(job_id)
        threading.Event().wait(3)
        during = engine.describe_job(job_id)
        ceph.start_gateway()
        job = over(engine, job_id)

    assert before.progress.succeeded < OBJECTS
    assert during.status == "Active"
    assert store.results(job) == [DONE] * OBJECTS
    assert len(store.keys(store.copies)) == OBJECTS


def test_a_job_continues_with_the_next_engine(ceph: Ceph, store: Store, tmp_path: Any) -> None:
    """The first one ends while the gateway does not respond; each object has one row."""
    lines = store.put_objects(str(number) for number in range(OBJECTS))
    with engine_of(store.s3, state=tmp_path) as engine:
        job_id = engine.create_job(store.spec(store.copying(), lines))
        wait_for(lambda: engine.describe_job(job_id).progress.succeeded >= 20)
        ceph.kill_gateway()
    ceph.start_gateway()

    with engine_of(store.s3, state=tmp_path) as engine:
        job = over(engine, job_id)

    assert store.results(job) == [DONE] * OBJECTS


def test_a_gateway_that_restarts_during_a_copy_in_parts_fails_no_task(
    ceph: Ceph, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts that were copied before are not copied again."""
    monkeypatch.setattr(_put_object_copy, "MAX_COPY_BYTES", 1)
    monkeypatch.setattr(_copy_in_parts, "_PART_BYTES", 5 * 1024**2)
    body = os.urandom(1024) * (40 * 1024)  # 8 parts
    store.s3.put_object(Bucket=store.photos, Key="large", Body=body)
    parts = 0

    def refuse_copies(**_: Any) -> None:
        raise refuse(400, "InvalidRequest")

    is_copying = threading.Event()

    def count(**_: Any) -> None:
        nonlocal parts
        parts += 1
        if parts == 3:
            is_copying.set()

    store.s3.meta.events.register("before-call.s3.CopyObject", refuse_copies)
    store.s3.meta.events.register("after-call.s3.UploadPartCopy", count)
    with engine_of(store.s3) as engine:
        job_id = engine.create_job(store.spec(store.copying(), [store.line("large")]))
        assert is_copying.wait(60)
        ceph.kill_gateway()
        ceph.start_gateway()  # not in the hook: it ends with the thread that starts it
        job = over(engine, job_id)

    assert store.results(job) == [DONE]
    assert store.s3.get_object(Bucket=store.copies, Key="large")["Body"].read() == body
    assert 8 <= parts <= 12  # four are copied at a time
    assert "Uploads" not in store.s3.list_multipart_uploads(Bucket=store.copies)


def test_throttling_fails_no_task(ceph: Ceph, store: Store) -> None:
    """Every fourth copy is refused at first; later ones are accepted."""
    lines = store.put_objects(str(number) for number in range(OBJECTS))
    lock = threading.Lock()
    copies = refused = 0

    def throttle(exchange: Exchange) -> tuple[int, bytes] | None:
        nonlocal copies, refused
        if exchange.method != "PUT" or store.copies not in exchange.path:
            return None
        with lock:
            copies += 1
            if copies > OBJECTS or copies % 4:
                return None
            refused += 1
        return 503, b"<Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>"

    with changing_proxy(ceph.url, throttle, before=True, keep_host=True) as address:
        s3 = ceph.client(endpoint_url=address, max_pool_connections=16)
        with engine_of(s3) as engine:
            job = over(engine, engine.create_job(store.spec(store.copying(), lines)))

    assert refused == OBJECTS // 4
    assert copies == OBJECTS + refused  # no request was repeated without need
    assert store.results(job) == [DONE] * OBJECTS


def test_a_cancelled_job_ends_while_the_gateway_does_not_respond(ceph: Ceph, store: Store) -> None:
    """It does not wait until the requests have an answer; the report is written afterwards."""
    lines = store.put_objects(str(number) for number in range(OBJECTS))
    with closing(engine_of(store.s3)) as engine:
        job_id = engine.create_job(store.spec(store.copying(), lines))
        wait_for(lambda: engine.describe_job(job_id).progress.succeeded >= 20)
        ceph.kill_gateway()
        engine.update_job_status(job_id, JobStatus.CANCELLED)
        ceph.start_gateway()
        job = over(engine, job_id)

    assert job.status == "Cancelled"
    assert 20 <= job.progress.succeeded < OBJECTS
