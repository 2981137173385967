"""``idempotency=``: a task that is done is not run again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer
from moto import mock_aws

from s3batch_handler import Task, task_handler
from s3batch_handler.testing import make_context, make_event

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBPersistenceLayer]:
    """A Powertools layer with a table of moto's DynamoDB."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="idempotency",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield DynamoDBPersistenceLayer(table_name="idempotency")


def items_of(layer: DynamoDBPersistenceLayer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = layer.client.scan(TableName=layer.table_name)["Items"]
    return items


@pytest.mark.parametrize("schema_version", ["1.0", "2.0"])
def test_a_task_that_is_done_returns_its_stored_outcome(
    layer: DynamoDBPersistenceLayer, schema_version: str
) -> None:
    calls = []

    @task_handler(idempotency=layer)
    def handler(task: Task) -> dict[str, Any]:
        calls.append(task.key)
        return {"calls": len(calls), "text": "é\n" * 2000}

    event = make_event("a b.txt", schema_version=schema_version)
    first = handler(event, make_context())
    again = handler(event, make_context())

    assert calls == ["a b.txt"]
    assert again == first
    (item,) = items_of(layer)
    assert item["status"] == {"S": "COMPLETED"}
    stored = json.loads(item["data"]["S"])
    assert {"taskId": event["tasks"][0]["taskId"], **stored} == first["results"][0]
