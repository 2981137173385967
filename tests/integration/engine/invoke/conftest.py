"""Fixtures for tests of invokers."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config


@pytest.fixture(scope="module")
def plain_client() -> Any:
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client("lambda", config=Config(retries={"total_max_attempts": 1}))
