"""Workers whose functions run in child processes."""

from __future__ import annotations

from pathlib import Path

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from tests.support.invoker_calls import invoke, keys

CRASHING = Path(__file__).parents[3] / "functions" / "crashing.py"


def test_a_crash_fails_a_task_and_not_its_worker() -> None:
    """All tasks have a result of the handler, and one worker has run them."""
    pool = WorkerPool(f"{CRASHING}:handler", workers=1)

    answers = invoke(pool, keys("a", "crash", "b", "exit_process", "use_memory", "c"))

    results = {key: answer for key, answer in answers.items() if isinstance(answer, Outcome)}
    assert results.keys() == answers.keys()
    assert {key: result.code for key, result in results.items()} == {
        "a": ResultCode.SUCCEEDED,
        "crash": ResultCode.PERMANENT_FAILURE,
        "b": ResultCode.SUCCEEDED,
        "exit_process": ResultCode.PERMANENT_FAILURE,
        "use_memory": ResultCode.TEMPORARY_FAILURE,
        "c": ResultCode.SUCCEEDED,
    }
    workers = {results[key].message.split()[1] for key in "abc"}
    assert len(workers) == 1
