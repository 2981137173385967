"""The table and the policy of docs/handlers.md are what records need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml  # type: ignore[import-untyped]
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

from s3batch_handler import PermanentFailure, Task, task_handler
from s3batch_handler.testing import make_context, make_task

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def documented(project: Path) -> tuple[dict[str, Any], list[str]]:
    """The properties of the table, and the allowed actions."""
    page = (project / "docs" / "handlers.md").read_text()
    table, policy = (
        yaml.safe_load(text.replace("!GetAtt ", ""))
        for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
        if "IdempotencyTable" in text
    )
    (statement,) = policy["Policies"][0]["Statement"]
    return table["IdempotencyTable"]["Properties"], statement["Action"]


def test_a_handler_works_with_the_table_and_needs_no_other_permission(
    documented: tuple[dict[str, Any], list[str]], table: Any
) -> None:
    properties, actions = documented
    expiry = properties.pop("TimeToLiveSpecification")
    layer = DynamoDBPersistenceLayer("documented")
    boto3.client("dynamodb").create_table(TableName="documented", **properties)
    requests: set[str] = set()
    layer.client.meta.events.register(
        "before-call.dynamodb", lambda model, **_: requests.add(f"dynamodb:{model.name}")
    )

    @task_handler(idempotency=layer)
    def handler(task: Task) -> str:
        if task.key == "fails":
            raise PermanentFailure("not a photo")
        handler.run(task, make_context())  # in progress
        return "done"

    codes = [handler.run(make_task(key)).code for key in ("done", "done", "fails")]
    layer.return_value_on_condition = {}  # an old version of boto3
    codes.append(handler.run(make_task("done")).code)

    assert codes == ["Succeeded", "Succeeded", "PermanentFailure", "Succeeded"]
    assert requests == set(actions)
    assert expiry == {"AttributeName": layer.expiry_attr, "Enabled": True}


def test_a_task_takes_two_requests_and_one_if_it_is_done(
    dynamodb: DynamoDBPersistenceLayer,
) -> None:
    requests: list[str] = []
    dynamodb.client.meta.events.register(
        "before-call.dynamodb", lambda model, **_: requests.append(model.name)
    )
    handler = task_handler(idempotency=dynamodb)(lambda task: None)

    handler.run(make_task())
    first = requests.copy()
    handler.run(make_task())

    assert first == ["PutItem", "UpdateItem"]
    assert requests[2:] == ["PutItem"]
