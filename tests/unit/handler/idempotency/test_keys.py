"""What identifies a task in the idempotency store, and what keeps records apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from pydantic import BaseModel

from s3batch_handler import Outcome, Task, task_handler
from s3batch_handler.testing import make_context, make_event, make_task
from tests.support.handlers import decorate, results_of
from tests.support.idempotency import TABLE, counting

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer


def test_job_bucket_key_and_version_identify_a_task(layer: BasePersistenceLayer) -> None:
    """The ID of the task does not, because its format is not documented."""
    handler = counting(layer)
    tasks: list[dict[str, Any]] = [
        {},
        {"job_id": "another"},
        {"bucket": "another"},
        {"key": "another"},
        {"version_id": "null"},
        {"version_id": "1"},
    ]

    numbers = [handler.run(make_task(**task)).message for task in tasks]
    again = [handler.run(make_task(**task, id="another")).message for task in tasks]

    assert numbers == [f"call {number}" for number in range(1, 7)]
    assert again == numbers


def test_the_payload_in_the_key_identifies_a_task(dynamodb: DynamoDBPersistenceLayer) -> None:
    class Instruction(BaseModel):
        width: int

    handler = counting(dynamodb, payload=Instruction)

    messages = [handler.run(make_task(key)).message for key in ('{"width":1}', '{"width":2}') * 2]

    assert messages == ["call 1", "call 2"] * 2


def test_a_key_without_the_job_finds_what_another_job_has_done(
    layer: BasePersistenceLayer,
) -> None:
    handler = counting(layer, idempotency_key=lambda task: f"{task.bucket}/{task.key}")

    first = handler(make_event("a", "b", job_id="first"), make_context())
    second = handler(make_event("b", "c", job_id="second"), make_context())

    assert results_of(first) == [("Succeeded", "call 1"), ("Succeeded", "call 2")]
    assert results_of(second) == [("Succeeded", "call 2"), ("Succeeded", "call 3")]


def test_the_function_for_keys_gets_parsed_arguments_and_payload(
    dynamodb: DynamoDBPersistenceLayer,
) -> None:
    class Arguments(BaseModel):
        size: int

    class Instruction(BaseModel):
        source: str

    seen = []

    def key_of(task: Task[Arguments, Instruction]) -> str:
        seen.append((task.job.arguments.size, task.payload.source))
        return f"{task.payload.source} {task.job.arguments.size}"

    handler = counting(dynamodb, arguments=Arguments, payload=Instruction, idempotency_key=key_of)
    task = make_task('{"source":"a"}', user_arguments={"size": "7"})

    assert [handler.run(task).message for _ in range(2)] == ["call 1"] * 2
    assert seen == [(7, "a")] * 2


def test_a_task_without_a_key_is_run_without_a_record(
    table: Any, dynamodb: DynamoDBPersistenceLayer
) -> None:
    handler = counting(dynamodb, idempotency_key=lambda task: None)

    assert [handler.run(make_task()).message for _ in range(2)] == ["call 1", "call 2"]
    assert table.scan()["Items"] == []


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (lambda _: "", "ValueError: idempotency_key returned an empty text"),
        (lambda _: 7, "TypeError: idempotency_key returned int. Return text, or None"),
        (lambda _: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_task_whose_key_is_unusable_is_not_run(
    dynamodb: DynamoDBPersistenceLayer, key: Any, message: str
) -> None:
    handler = counting(dynamodb, idempotency_key=key)

    outcome = handler.run(make_task())

    assert outcome.code == "PermanentFailure"
    assert outcome.message.startswith(message)


HOSTILE = {
    "long": "x" * 1024,
    "separators": "a#b\0c/../d",
    "quotes": '","job":"another',
    "not ASCII": "日本\U0001f600",
    "an expression": "[*].key",
}


@pytest.mark.parametrize("key", HOSTILE.values(), ids=HOSTILE)
def test_any_key_of_an_object_fits_the_store(
    table: Any, dynamodb: DynamoDBPersistenceLayer, key: str
) -> None:
    handler = counting(dynamodb)
    task = make_task(key, job_id="j" * 5000)

    assert [handler.run(task).message for _ in range(2)] == ["call 1"] * 2
    (item,) = table.scan()["Items"]
    prefix, digest = item["id"].split("#")
    assert prefix.endswith("tests.support.idempotency.function")
    assert len(digest) == 64


@pytest.mark.parametrize("key_of", [None, lambda task: task.key])
def test_a_key_that_is_not_utf8_fails_as_without_idempotency(
    table: Any, dynamodb: DynamoDBPersistenceLayer, key_of: Any
) -> None:
    handler = counting(dynamodb, idempotency_key=key_of)

    outcome = handler.run(make_task("caf\udce9"))

    assert outcome.code == "PermanentFailure"
    assert "not valid UTF-8" in outcome.message
    assert table.scan()["Items"] == []


# ---------------------------------------------------------------- the user's layer


def test_the_user_configures_how_long_records_are_kept(
    table: Any, dynamodb: DynamoDBPersistenceLayer
) -> None:
    """Without that, it is a week."""
    other = DynamoDBPersistenceLayer(table_name=table.name)
    other.configure(IdempotencyConfig(expires_after_seconds=3600))

    counting(dynamodb).run(make_task("a week"))
    counting(other).run(make_task("an hour"))

    hour, week = sorted(int(item["expiration"]) for item in table.scan()["Items"])
    assert 6 * 24 * 3600 < week - hour < 7 * 24 * 3600


def test_settings_for_other_functions_do_not_change_the_keys(
    table: Any, dynamodb: DynamoDBPersistenceLayer
) -> None:
    """They apply to other data, where each task would have no key, or all the same."""
    dynamodb.configure(
        IdempotencyConfig(
            event_key_jmespath="body.order_id",
            payload_validation_jmespath="powertools_json(body).amount",
            raise_on_no_idempotency_key=True,
        )
    )
    handler = counting(dynamodb)

    messages = [handler.run(make_task(key)).message for key in "abab"]

    assert messages == ["call 1", "call 2", "call 1", "call 2"]
    assert len(table.scan()["Items"]) == 2


def test_a_task_may_call_functions_that_use_the_same_layer(
    table: Any, dynamodb: DynamoDBPersistenceLayer
) -> None:
    charged = []

    def charge_always(order: dict[str, Any]) -> int:
        charged.append(order)
        return len(charged)

    charge: Any = idempotent_function(
        charge_always,
        data_keyword_argument="order",
        persistence_store=dynamodb,
        config=IdempotencyConfig(event_key_jmespath="id"),
    )

    @task_handler(idempotency=dynamodb)
    def handler(task: Task) -> object:
        return charge(order={"id": task.bucket, "time": task.key})

    with pytest.warns(UserWarning, match="remaining time"):  # of Powertools, for charge()
        outcomes = [handler.run(make_task(key)) for key in "abab"]

    assert outcomes == [Outcome(outcomes[0].code, "1")] * 4
    assert len(charged) == 1
    statuses = [item["status"] for item in table.scan()["Items"]]
    assert statuses == ["COMPLETED"] * 3


def test_two_handlers_can_share_a_layer(dynamodb: DynamoDBPersistenceLayer) -> None:
    @task_handler(idempotency=dynamodb)
    def thumbnails(task: Task) -> str:
        return "thumbnail"

    @task_handler(idempotency=dynamodb)
    def labels(task: Task) -> str:
        return "label"

    outcomes = [handler.run(make_task()).message for handler in (thumbnails, labels) * 2]

    assert outcomes == ["thumbnail", "label"] * 2


def test_tests_can_replace_the_client_of_a_layer(
    table: Any, dynamodb: DynamoDBPersistenceLayer
) -> None:
    """Powertools' documentation recommends it."""
    handler = counting(dynamodb)
    handler.run(make_task())
    boto3.client("dynamodb", region_name="eu-west-1").create_table(**TABLE)

    dynamodb.client = boto3.client("dynamodb", region_name="eu-west-1")

    assert [handler.run(make_task()).message for _ in range(2)] == ["call 2"] * 2


def test_the_local_cache_saves_requests(dynamodb: DynamoDBPersistenceLayer) -> None:
    dynamodb.configure(IdempotencyConfig(use_local_cache=True))
    handler = counting(dynamodb)
    handler.run(make_task())

    dynamodb.client.delete_table(TableName=dynamodb.table_name)

    assert handler.run(make_task()) == ("Succeeded", "call 1")


def test_a_table_with_a_sort_key_can_be_used(table: Any) -> None:
    boto3.client("dynamodb").create_table(
        TableName="shared",
        KeySchema=[
            {"AttributeName": "PK", "KeyType": "HASH"},
            {"AttributeName": "SK", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "PK", "AttributeType": "S"},
            {"AttributeName": "SK", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    layer = DynamoDBPersistenceLayer("shared", key_attr="PK", sort_key_attr="SK")
    handler = counting(layer)

    assert [handler.run(make_task()).message for _ in range(2)] == ["call 1"] * 2


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"idempotency": "table"}, r"idempotency takes a persistence layer of Powertools, got 't"),
        ({"idempotency": DynamoDBPersistenceLayer}, "idempotency takes a persistence layer"),
        ({"idempotency": IdempotencyConfig()}, "idempotency takes a persistence layer"),
        ({"idempotency_key": lambda task: task.key}, "idempotency_key requires idempotency"),
    ],
)
def test_mistakes_are_refused_when_the_function_is_decorated(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        decorate(**options)(lambda task: None)


def test_an_async_function_for_keys_is_refused(dynamodb: DynamoDBPersistenceLayer) -> None:
    async def key_of(task: Task) -> str:
        return task.key

    with pytest.raises(TypeError, match="not async"):
        counting(dynamodb, idempotency_key=key_of)
    with pytest.raises(TypeError, match="idempotency_key takes a function, got 'key'"):
        counting(dynamodb, idempotency_key="key")
