"""A subsegment for each task, with the real X-Ray SDK."""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Tracer

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.handler._observability import Observer
from tests.support.observation import PERMANENT, SUCCEEDED, TEMPORARY, task

if TYPE_CHECKING:
    from collections.abc import Iterator


xray_sdk: Any = importlib.import_module("aws_xray_sdk").global_sdk_config  # it has no types


@functools.cache
def import_xray() -> Any:
    """Import X-Ray's recorder, which takes a while."""
    xray = importlib.import_module("aws_xray_sdk.core")
    xray.xray_recorder.emitter._socket.close()  # the import opens it, and nothing closes it
    return xray


class Trace:
    """A Powertools Tracer over a real X-Ray recorder that sends to a list."""

    def __init__(self, recorder: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.recorder = recorder
        recorder.emitter._socket.close()
        recorder.emitter = SimpleNamespace(
            send_entity=lambda entity: self.sent.append(json.loads(entity.serialize()))
        )
        self.tracer = Tracer(
            service="thumbnails", disabled=False, auto_patch=False, provider=recorder
        )
        self.observer = Observer(tracer=self.tracer)

    def subsegments(self, name: str = "s3batch task") -> list[dict[str, Any]]:
        """Return the subsegment with a name; no subsegment may still be open."""

        def below(entities: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
            for entity in entities:
                assert not entity.get("in_progress"), entity
                if entity["name"] == name:
                    yield entity
                yield from below(entity.get("subsegments", []))

        return list(below(self.sent))


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trace]:
    """A tracer as in Lambda: the segment is AWS's, subsegments are sent one by one."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE_HEADER)
    before = xray_sdk.sdk_enabled()
    xray_sdk.set_sdk_enabled(True)
    Tracer._reset_config()  # type: ignore[no-untyped-call]
    recorder = import_xray().AWSXRayRecorder()
    context = importlib.import_module("aws_xray_sdk.core.lambda_launcher").LambdaContext()
    recorder.configure(context=context, streaming_threshold=0, sampling=False)
    try:
        yield Trace(recorder)
    finally:
        Tracer._reset_config()  # type: ignore[no-untyped-call]
        xray_sdk.set_sdk_enabled(before)


TRACE_HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def test_a_task_is_a_subsegment_with_its_result(trace: Trace) -> None:
    """The result can be searched; the object is in the metadata."""

    @trace.tracer.capture_lambda_handler
    def handler(event: object, context: object) -> None:
        with trace.observer.observe(task(), math.inf) as watched:
            watched.outcome = TEMPORARY

    handler({}, None)

    (subsegment,) = trace.subsegments()
    assert subsegment["annotations"] == {"ResultCode": "TemporaryFailure"}
    assert subsegment["metadata"] == {"s3batch": {"bucket": "photos", "key": "a b.jpg"}}
    assert len(trace.subsegments("## handler")) == 1


def test_calls_of_a_task_are_below_its_subsegment(trace: Trace) -> None:
    with trace.observer.observe(task(), math.inf), trace.recorder.in_subsegment("s3"):
        pass

    (own,), (call,) = trace.subsegments(), trace.subsegments("s3")
    assert call["parent_id"] == own["id"]


@pytest.mark.parametrize("error", [ValueError(), SystemExit(), KeyboardInterrupt()])
def test_the_subsegment_is_closed_however_a_task_ends(trace: Trace, error: BaseException) -> None:
    with pytest.raises(type(error)), trace.observer.observe(task(), math.inf):
        raise error

    (subsegment,) = trace.subsegments()
    assert subsegment["fault"]
    assert subsegment["end_time"]
    assert "annotations" not in subsegment


def test_threads_have_a_subsegment_per_task(trace: Trace) -> None:
    together = threading.Barrier(4)

    def work(key: str) -> None:
        with trace.observer.observe(task(key), math.inf) as watched:
            together.wait()
            watched.outcome = Outcome(ResultCode.SUCCEEDED if key < "c" else PERMANENT.code)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))

    assert results_in(trace) == EXPECTED_RESULTS


def test_tasks_of_an_event_loop_have_a_subsegment_each(trace: Trace) -> None:
    """They share one thread, for which X-Ray has one stack."""

    async def work(key: str, may_end: asyncio.Event, ended: asyncio.Event) -> None:
        with trace.observer.observe(task(key), math.inf) as watched:
            await may_end.wait()
            watched.outcome = Outcome(ResultCode.SUCCEEDED if key < "c" else PERMANENT.code)
        ended.set()

    async def work_all() -> None:
        done, c, b, a, go = (asyncio.Event() for _ in range(5))
        go.set()
        waits = [work("a", a, done), work("b", b, a), work("c", c, b), work("d", go, c)]
        await asyncio.gather(*waits)  # the first ends last

    @trace.tracer.capture_lambda_handler
    def handler(event: object, context: object) -> None:
        asyncio.run(work_all())

    handler({}, None)

    assert results_in(trace) == EXPECTED_RESULTS
    (outside,) = trace.subsegments("## handler")
    assert {each.get("parent_id", outside["id"]) for each in trace.subsegments()} == {outside["id"]}
    ends = {each["metadata"]["s3batch"]["key"]: each["end_time"] for each in trace.subsegments()}
    assert sorted(ends, key=lambda key: ends[key]) == list("dcba")


def test_only_the_task_that_fails_in_an_event_loop_is_a_fault(trace: Trace) -> None:
    async def work(key: str) -> None:
        with trace.observer.observe(task(key), math.inf) as watched:
            await asyncio.sleep(0)
            if key == "b":
                raise ValueError
            watched.outcome = SUCCEEDED

    async def work_all() -> None:
        await asyncio.gather(*map(work, "abc"), return_exceptions=True)

    asyncio.run(work_all())

    faults = {
        each["metadata"]["s3batch"]["key"]: each.get("fault", False) for each in trace.subsegments()
    }
    assert faults == {"a": False, "b": True, "c": False}


EXPECTED_RESULTS = {
    "a": "Succeeded",
    "b": "Succeeded",
    "c": "PermanentFailure",
    "d": "PermanentFailure",
}


def results_in(trace: Trace) -> dict[str, str]:
    return {
        each["metadata"]["s3batch"]["key"]: each["annotations"]["ResultCode"]
        for each in trace.subsegments()
    }


def test_nothing_is_traced_without_a_segment(
    trace: Trace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A developer's machine has none."""
    monkeypatch.delenv("_X_AMZN_TRACE_ID")

    with trace.observer.observe(task(), math.inf) as watched:
        watched.outcome = SUCCEEDED

    assert trace.sent == []
    assert [record for record in caplog.records if record.name == "s3batch_handler"] == []


def test_tasks_of_an_event_loop_are_not_traced_without_a_segment(
    trace: Trace, caplog: pytest.LogCaptureFixture
) -> None:
    trace.recorder.configure(context=import_xray().context.Context("IGNORE_ERROR"))

    async def work(key: str) -> None:
        with trace.observer.observe(task(key), math.inf) as watched:
            await asyncio.sleep(0)
            watched.outcome = SUCCEEDED

    async def work_all() -> None:
        await asyncio.gather(*map(work, "abc"))

    asyncio.run(work_all())

    assert trace.sent == []
    assert [record for record in caplog.records if record.name == "s3batch_handler"] == []


def test_a_disabled_tracer_is_not_used(trace: Trace) -> None:
    """Powertools disables it outside of Lambda."""
    tracer = Tracer(disabled=True, auto_patch=False)
    try:
        with Observer(tracer=tracer).observe(task(), math.inf) as watched:
            watched.outcome = SUCCEEDED
    finally:
        xray_sdk.set_sdk_enabled(True)

    assert trace.sent == []
