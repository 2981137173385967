"""What the workers of a job do now, and how long their calls took."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from tests.support.engine_jobs import answer
from tests.support.invoker_calls import TEMPLATE, Write, keys

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.engine.invoke._invoker import RunningCall


def test_worker_processes_and_their_tasks_are_listed(function: Write, tmp_path: Path) -> None:
    """Each worker has a name of its own; a worker that waits for tasks has none."""
    spec = function(
        f"""
        def handler(event, context):
            while not Path({str(tmp_path / "go")!r}).exists():
                time.sleep(0.01)
            return answer(event)
        """
    )
    seen: list[RunningCall] = []
    with closing(WorkerPool(spec, workers=2)) as pool:

        def stop() -> bool:
            running = [call for call in pool.running() if call.entry is not None]
            if len(running) == 2 and not seen:
                seen.extend(running)
                (tmp_path / "go").touch()
            return False

        answers = list(pool.invoke_all(TEMPLATE, keys("a", "b"), stop=stop))

        assert {call.worker for call in seen} == {"1", "2"}
        assert {call.entry for call in seen} == {*keys("a", "b")}
        assert all(call.seconds >= 0 for call in seen)
        assert all(seconds is not None for _, _, seconds in answers)
        assert [call.entry for call in pool.running()] == [None, None]
    assert pool.running() == []


def test_the_call_in_this_process_is_listed() -> None:
    """Other threads can read it while the function runs."""
    seen: list[RunningCall] = []

    def function(event: Any, context: object) -> Any:
        seen.extend(invoker.running())
        return answer(event)

    invoker = InProcess(function)
    ((_, _, seconds),) = invoker.invoke_all(TEMPLATE, keys("a"), stop=lambda: False)

    assert [call.entry for call in seen] == keys("a")
    assert seconds is not None
    assert [call.entry for call in invoker.running()] == [None]


def test_the_object_of_an_operation_is_listed() -> None:
    """S3's own operations change one object after the other."""
    seen: list[RunningCall] = []

    def operation(item: ObjectRef) -> Outcome:
        seen.extend(invoker.running())
        return Outcome(ResultCode.SUCCEEDED, item.key)

    invoker = S3Invoker(operation, "S3PutObjectCopy")
    ((_, _, seconds),) = invoker.invoke_all(TEMPLATE, keys("a"), stop=lambda: False)

    assert [call.entry for call in seen] == keys("a")
    assert seconds is not None


def test_durations_that_are_longer_than_possible_are_not_used(function: Write) -> None:
    """A function may write results in the name of its worker."""
    spec = function(
        """
        def handler(event, context):
            for pipe in range(3, 20):
                try:
                    os.write(pipe, b'["Succeeded","forged",900000000]\\\\n')
                except OSError:
                    pass
            time.sleep(0.1)
            return answer(event)
        """
    )
    with closing(WorkerPool(spec, workers=1)) as pool:
        ((_, _, seconds), *_) = pool.invoke_all(TEMPLATE, keys("a"), stop=lambda: False)

    assert seconds is not None
    assert seconds < 300


@pytest.mark.parametrize(
    "microseconds",
    [
        pytest.param("1" + "0" * 400, id="400 digits"),
        *("9" * 15, "-1", "NaN", "Infinity", '"x"'),
    ],
)
def test_forged_durations_do_not_end_the_job(function: Write, microseconds: str) -> None:
    """Each task has an answer, and no call took longer than the test."""
    spec = function(
        f"""
        def handler(event, context):
            if event["tasks"][0]["s3Key"] == "b":
                for pipe in range(3, 20):
                    try:
                        os.write(pipe, b'["Succeeded","forged",{microseconds}]\\n')
                    except OSError:
                        pass
            return answer(event)
        """
    )
    with closing(WorkerPool(spec, workers=1)) as pool:
        answers = list(pool.invoke_all(TEMPLATE, keys("a", "b", "c"), stop=lambda: False))

    assert sorted(entry.encoded_key for entry, _, _ in answers) == ["a", "b", "c"]
    assert all(seconds is not None and 0 <= seconds < 300 for _, _, seconds in answers)
