"""A store that fails or is slow: no task is run without its record, and no result is late."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from s3batch_handler import PermanentFailure, Task, task_handler
from s3batch_handler.core._typing import override
from s3batch_handler.testing import make_context, make_task
from tests.support.handlers import LONG, codes_of, decorate, invoke_in_time, results_of, soon
from tests.support.idempotency import FileLayer, counting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer


@contextlib.contextmanager
def failing(layer: DynamoDBPersistenceLayer, operation: str, code: str) -> Iterator[None]:
    """Fail the next request with an error code, without retries of the client."""
    stubber = Stubber(layer.client)
    stubber.add_client_error(operation, code, "this is a test", http_status_code=400)
    with stubber:
        yield


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("ProvisionedThroughputExceededException", "TemporaryFailure"),
        ("InternalServerError", "TemporaryFailure"),
        ("ExpiredTokenException", "TemporaryFailure"),
        ("AccessDeniedException", "PermanentFailure"),
    ],
)
def test_a_task_whose_record_cannot_be_created_is_not_run(
    dynamodb: DynamoDBPersistenceLayer, error: str, code: str
) -> None:
    calls: list[Task] = []
    handler = decorate(idempotency=dynamodb)(calls.append)

    with failing(dynamodb, "put_item", error):
        outcome = handler.run(make_task())

    assert calls == []
    assert outcome.code == code
    assert "idempotency store" in outcome.message
    assert f"{error} calling PutItem: this is a test" in outcome.message
    assert handler.run(make_task()).code == "Succeeded"


def test_an_unknown_error_of_a_store_is_temporary(slow: SlowLayer) -> None:
    """The task was not run, so it is retried whatever ``unexpected`` says."""
    slow.hangs_in = "put"
    handler = decorate(idempotency=slow, unexpected="raise")(lambda task: None)

    slow.error = LookupError("no such shelf")

    assert handler.run(make_task()) == (
        "TemporaryFailure",
        "the idempotency store failed, so the task was not run: LookupError: no such shelf",
    )


def test_a_table_that_does_not_exist_fails_the_task(dynamodb: DynamoDBPersistenceLayer) -> None:
    dynamodb.client.delete_table(TableName=dynamodb.table_name)
    handler = decorate(idempotency=dynamodb)(lambda task: None)

    code, message = handler.run(make_task())

    assert code == "PermanentFailure"
    assert "idempotency store" in message
    assert "ResourceNotFoundException calling PutItem" in message


def test_a_record_of_other_code_fails_the_task_temporarily(
    dynamodb: DynamoDBPersistenceLayer, table: Any
) -> None:
    handler = decorate(idempotency=dynamodb)(lambda task: None)
    handler.run(make_task())
    (item,) = table.scan()["Items"]
    for data in ('{"resultCode": "PermanentFailure", "resultString": ""}', "[]", "{", "7"):
        table.put_item(Item={**item, "data": data})

        code, message = handler.run(make_task())

        assert code == "TemporaryFailure"
        assert "idempotency" in message


def test_a_success_that_cannot_be_stored_remains_a_success(
    dynamodb: DynamoDBPersistenceLayer, caplog: pytest.LogCaptureFixture
) -> None:
    """Until the record expires, the task is not run again."""
    handler = counting(dynamodb)
    dynamodb.client.meta.events.register(
        "before-send.dynamodb.UpdateItem", raising(ConnectionResetError("reset by peer"))
    )

    first = handler.run(make_task("a b"))
    again = handler.run(make_task("a b"))

    assert first == ("Succeeded", "call 1")
    assert again.code == "TemporaryFailure"
    (line, _) = caplog.records
    assert line.levelname == "WARNING"
    assert line.getMessage().startswith(
        "s3://bucket/a b: the task succeeded, but its outcome could not be stored in the "
        "idempotency store"
    )
    assert "reset by peer" in line.getMessage()


def test_a_record_that_cannot_be_deleted_does_not_change_the_failure(
    dynamodb: DynamoDBPersistenceLayer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(task: Task) -> None:
        raise PermanentFailure("not a photo")

    handler = task_handler(idempotency=dynamodb)(fail)
    dynamodb.client.meta.events.register(
        "before-send.dynamodb.DeleteItem", raising(ConnectionResetError("reset by peer"))
    )

    outcome = handler.run(make_task())

    assert outcome == ("PermanentFailure", "not a photo")
    assert "could not be deleted" in caplog.records[-1].getMessage()


def raising(error: Exception) -> Any:
    def hook(**_: Any) -> None:
        raise error

    return hook


# ---------------------------------------------------------------- slow stores


class SlowLayer(FileLayer):
    """A store that does not respond to some requests."""

    hangs_in = ""
    error: Exception | None = None

    @override
    def _put_record(self, data_record: Any) -> None:
        self._maybe_hang("put")
        super()._put_record(data_record)

    @override
    def _update_record(self, data_record: Any) -> None:
        self._maybe_hang("update")
        super()._update_record(data_record)

    @override
    def _delete_record(self, data_record: Any) -> None:
        self._maybe_hang("delete")
        super()._delete_record(data_record)

    def _maybe_hang(self, request: str) -> None:
        if self.hangs_in == request:
            if self.error is not None:
                raise self.error
            time.sleep(LONG)


@pytest.fixture
def slow(tmp_path: Path) -> SlowLayer:
    return SlowLayer(tmp_path)


def succeed(task: Task) -> str:
    return "done"


async def succeed_async(task: Task) -> str:
    return "done"


@pytest.mark.parametrize("function", [succeed, succeed_async])
@pytest.mark.parametrize(("options", "timeout"), [({}, 1.1), ({"task_timeout": 0.1}, 100)])
def test_a_store_that_does_not_respond_is_a_timeout(
    slow: SlowLayer, function: Any, options: dict[str, float], timeout: float
) -> None:
    slow.hangs_in = "put"
    handler = decorate(idempotency=slow, **options)(function)

    with soon():
        code, message = handler.run(make_task(), make_context(timeout=timeout))

    assert code == "TemporaryFailure"
    assert message.endswith("while looking up its idempotency record: out of time")
    assert slow.statuses() == []


@pytest.mark.parametrize("function", [succeed, succeed_async])
def test_a_slow_store_does_not_delay_a_success(
    slow: SlowLayer, function: Any, caplog: pytest.LogCaptureFixture
) -> None:
    slow.hangs_in = "update"
    handler = decorate(idempotency=slow, time_reserve=1.0)(function)

    response = invoke_in_time(handler)

    assert results_of(response) == [("Succeeded", "done")]
    assert slow.statuses() == ["INPROGRESS"]
    assert caplog.records[-1].getMessage().endswith("out of time")


@pytest.mark.parametrize("limit", [{"time_reserve": 3.5}, {"task_timeout": 0.5}])
def test_a_slow_store_does_not_delay_a_failure(slow: SlowLayer, limit: dict[str, float]) -> None:
    slow.hangs_in = "delete"

    handler = decorate(idempotency=slow, **limit)(lambda task: time.sleep(LONG))

    response = invoke_in_time(handler)

    assert codes_of(response) == ["TemporaryFailure"]
