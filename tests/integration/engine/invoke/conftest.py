"""Fixtures for tests of invokers."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.support.lambda_server import At, Server, fleet_at, threads_at


@pytest.fixture(scope="module")
def plain_client() -> Any:
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client("lambda", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture(params=["threads", "fleet"])
def at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> At:
    """Calls a function in both ways."""
    if request.param == "threads":
        return threads_at
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("NO_PROXY", "*")

    def create(server: Server, **options: Any) -> Any:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
        return fleet_at(server, **options)

    return create
