"""Fixtures for tests of jobs."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws

from s3batch_handler.engine._engine import Engine
from s3batch_handler.jobs._aws_clients import s3control_client
from s3batch_handler.jobs._control import JobControl, S3Control
from s3batch_handler.local_aws._server import serve
from s3batch_handler.testing import mock_s3batch

if TYPE_CHECKING:
    from collections.abc import Iterator

from tests.support.job_contract import (
    ACCOUNT,
    Enter,
    HeldToTheModel,
    World,
    client,
    held_to_the_model,
    session,
    thumbnails,
)


@pytest.fixture(params=["engine", "boto3", "http"])
def enter(request: pytest.FixtureRequest) -> Iterator[Enter]:
    """Create a world in which jobs can invoke the given functions."""
    with ExitStack() as worlds:

        def make(functions: Any, **settings: Any) -> World:
            control: JobControl
            s3 = client("s3")
            if request.param == "http":
                address = worlds.enter_context(serve(functions, **settings))
                s3 = session().client("s3", endpoint_url=address)
                s3control = s3control_client(session(), endpoint_url=address)
                control = S3Control(held_to_the_model(s3control), account_id=ACCOUNT)
            elif request.param == "boto3":
                worlds.enter_context(mock_s3batch(functions, **settings))
                control = S3Control(client("s3control"), account_id=ACCOUNT)
            else:
                worlds.enter_context(mock_aws())
                engine = worlds.enter_context(Engine(functions, s3=s3, **settings))
                control = cast("JobControl", HeldToTheModel(engine))
            s3.create_bucket(Bucket="photos")
            return World(control, s3)

        yield make


@pytest.fixture
def world(enter: Enter) -> World:
    """Return a world with one function, ``thumbnails``."""
    return enter({"thumbnails": thumbnails})


@pytest.fixture
def s3() -> Iterator[Any]:
    """Yield S3 with a bucket."""
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    with mock_aws():
        client = session.client("s3")
        client.create_bucket(Bucket="photos")
        yield client
