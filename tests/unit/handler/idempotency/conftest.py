"""Persistence layers of Powertools: with moto's DynamoDB, and with a fake Redis."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency import (
    BasePersistenceLayer,
    DynamoDBPersistenceLayer,
)
from moto import mock_aws

from tests.support.idempotency import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def resource() -> Any:
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.resource("dynamodb")  # takes 0.1 s


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A table for idempotency records."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield resource().create_table(**TABLE)


@pytest.fixture
def dynamodb(table: Any) -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(table_name=table.name)


@pytest.fixture(params=["dynamodb", "cache"])
def layer(request: pytest.FixtureRequest) -> BasePersistenceLayer:
    """A layer with an empty store: DynamoDB, then Redis."""
    if request.param == "dynamodb":
        layer: BasePersistenceLayer = request.getfixturevalue("dynamodb")
        return layer
    fakeredis = pytest.importorskip("fakeredis")
    from aws_lambda_powertools.utilities.idempotency.persistence.cache import CachePersistenceLayer

    with pytest.deprecated_call():  # of its old name
        return CachePersistenceLayer(client=fakeredis.FakeRedis(decode_responses=True))
