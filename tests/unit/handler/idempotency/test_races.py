"""Equal tasks that are delivered at the same time: one of them is run."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord

from s3batch_handler import Outcome, Task, task_handler
from s3batch_handler.core._typing import override
from s3batch_handler.testing import make_context, make_event, make_task
from tests.support.handlers import LONG, codes_of, results_of
from tests.support.idempotency import FileLayer, counting

if TYPE_CHECKING:
    from pathlib import Path

    from aws_lambda_powertools.utilities.idempotency import (
        BasePersistenceLayer,
        DynamoDBPersistenceLayer,
    )


@pytest.fixture
def atomic(layer: Any, monkeypatch: pytest.MonkeyPatch) -> BasePersistenceLayer:
    """A layer whose conditional writes are atomic, as in AWS. Those of moto are not."""
    lock = threading.Lock()
    name = "put_item" if hasattr(layer.client, "put_item") else "set"
    write = getattr(layer.client, name)

    def locked(**arguments: Any) -> Any:
        with lock:
            return write(**arguments)

    monkeypatch.setattr(layer.client, name, locked)
    return layer  # type: ignore[no-any-return]


def test_one_of_many_threads_runs_the_task(atomic: BasePersistenceLayer) -> None:
    number = 8
    start = threading.Barrier(number)
    others_are_done = threading.Event()
    calls: list[str] = []
    outcomes: list[Outcome] = []

    @task_handler(idempotency=atomic)
    def handler(task: Task) -> str:
        calls.append(task.key)
        others_are_done.wait(LONG)
        return "done"

    def deliver() -> None:
        start.wait(LONG)
        outcomes.append(handler.run(make_task()))
        if len(outcomes) == number - 1:
            others_are_done.set()

    threads = [threading.Thread(target=deliver) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(calls) == 1
    assert [code for code, _ in outcomes] == ["TemporaryFailure"] * (number - 1) + ["Succeeded"]
    assert handler.run(make_task()) == ("Succeeded", "done")


def test_equal_tasks_of_one_event_do_not_run_at_the_same_time(
    atomic: BasePersistenceLayer,
) -> None:
    """``concurrency=2`` in threads: the second one gets the outcome, or is retried later."""
    at_work: list[Task] = []
    most = []

    @task_handler(idempotency=atomic, concurrency=2)
    def handler(task: Task) -> str:
        at_work.append(task)
        most.append(len(at_work))
        at_work.pop()
        return "done"

    response = handler(make_event(*["a"] * 6), None)

    assert most == [1]
    assert set(codes_of(response)) <= {"Succeeded", "TemporaryFailure"}
    assert "Succeeded" in codes_of(response)


def test_equal_tasks_of_one_event_loop_do_not_run_at_the_same_time(
    dynamodb: DynamoDBPersistenceLayer,
) -> None:
    import asyncio

    calls: list[str] = []

    @task_handler(idempotency=dynamodb, concurrency=3)
    async def handler(task: Task) -> str:
        calls.append(task.key)
        await asyncio.sleep(0)
        return task.key

    response = handler(make_event("a", "b", "a"), make_context())

    assert calls == ["a", "b"]
    assert codes_of(response) == ["Succeeded", "Succeeded", "TemporaryFailure"]
    assert results_of(handler(make_event("a", "b", "a"), make_context())) == [
        ("Succeeded", "a"),
        ("Succeeded", "b"),
        ("Succeeded", "a"),
    ]


class ChangingLayer(FileLayer):
    """A store whose record expires, or is deleted, between two requests of this invocation."""

    def __init__(self, folder: Path, changes: int, existing: DataRecord | None) -> None:
        super().__init__(folder)
        self._changes = iter(range(changes))
        self._existing = existing

    @override
    def _put_record(self, data_record: DataRecord) -> None:
        if next(self._changes, None) is not None:
            raise IdempotencyItemAlreadyExistsError(old_data_record=self._existing)
        super()._put_record(data_record)


EXPIRED = DataRecord("key", "COMPLETED", expiry_timestamp=1, response_data="{}")


@pytest.mark.parametrize("existing", [EXPIRED, None], ids=["expires", "is deleted"])
def test_a_task_runs_if_its_record_disappears(tmp_path: Path, existing: DataRecord | None) -> None:
    """If that happens again and again, the task is retried later."""
    changing = counting(ChangingLayer(tmp_path, changes=2, existing=existing))
    busy = counting(ChangingLayer(tmp_path, changes=99, existing=existing))

    assert changing.run(make_task("a")) == ("Succeeded", "call 1")
    assert busy.run(make_task("b")) == (
        "TemporaryFailure",
        "another invocation is changing the idempotency record of this task",
    )


PROGRAM = """
    import json, sys, time
    from pathlib import Path
    from s3batch_handler import task_handler
    from s3batch_handler.testing import make_context, make_task
    from tests.support.idempotency import FileLayer
    from tests.support.waiting import wait_for

    folder, number, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

    def charge(task):
        (folder / f"charged-{number}").touch()
        wait_for(lambda: len(list(folder.glob("answered-*"))) == count - 1)
        return number

    handler = task_handler(idempotency=FileLayer(folder))(charge)
    (folder / f"ready-{number}").touch()
    wait_for(lambda: len(list(folder.glob("ready-*"))) == count)
    code, message = handler.run(make_task(), make_context(timeout=60))
    (folder / f"answered-{number}").touch()
    print(json.dumps([code, message]))
"""


@pytest.mark.slow
def test_one_of_several_processes_runs_the_task(tmp_path: Path, project: Path) -> None:
    count = 2
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                textwrap.dedent(PROGRAM),
                str(tmp_path),
                str(number),
                str(count),
            ],
            cwd=project,
            stdout=subprocess.PIPE,
        )
        for number in range(count)
    ]

    results = sorted(json.loads(process.communicate()[0]) for process in processes)

    assert [code for code, _ in results] == ["Succeeded"] + ["TemporaryFailure"] * (count - 1)
    (charged,) = tmp_path.glob("charged-*")
    assert charged.name == f"charged-{results[0][1]}"
