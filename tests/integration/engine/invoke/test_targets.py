"""The targets that can be registered as functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._lambda_fleet import LambdaFleet
from s3batch_handler.engine.invoke._remote import RemoteFunction
from s3batch_handler.engine.invoke._target import check_target, invoker_for
from s3batch_handler.engine.invoke._worker_pool import WorkerPool

if TYPE_CHECKING:
    from pathlib import Path
from tests.support.lambda_server import done, serving


def test_the_command_line_accepts_an_arn(tmp_path: Path) -> None:
    """The client uses the standard settings, with the Region of the ARN."""
    (tmp_path / "manifest.csv").write_text("photos,a\nphotos,b\n")
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:thumbnails:PROD"
    settings = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "*",
    }
    command = [sys.executable, "-m", "s3batch_handler.cli", "run", arn]

    with serving(done) as server:
        run = subprocess.run(
            [*command, "--manifest", "manifest.csv", "--json"],
            cwd=tmp_path,
            env={**os.environ, **settings, "AWS_ENDPOINT_URL_LAMBDA": server.url},
            capture_output=True,
            check=True,
        )

    assert json.loads(run.stdout)["succeeded"] == 2
    assert {path for path, _ in server.calls} == {
        f"/2015-03-31/functions/{quote(arn, safe='')}/invocations"
    }
    assert all("/eu-west-1/lambda/" in headers["Authorization"] for headers in server.headers)


def test_each_target_has_its_invoker(plain_client: Any) -> None:
    """The form of a target decides how the function is called."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:thumbnails:PROD"
    expected = {
        done: InProcess,
        "app:handler": WorkerPool,
        "http://127.0.0.1:3001": RemoteFunction,
        "https://host/2015-03-31/functions/f/invocations?Qualifier=PROD": RemoteFunction,
        arn: RemoteFunction,
        plain_client: RemoteFunction,
    }

    for target, kind in expected.items():
        with closing(invoker_for(target)) as invoker:
            assert isinstance(invoker, kind)
    assert isinstance(invoker_for(arn, workers=101), LambdaFleet)


def test_valid_targets_are_accepted() -> None:
    """They are checked without a call."""
    check_target("http://127.0.0.1:3001/")
    check_target("http://127.0.0.1:3001/2015-03-31/functions/f/invocations")
    check_target("arn:aws-cn:lambda:cn-north-1:123456789012:function:f")
    check_target("app:handler")


def test_invalid_targets_are_refused() -> None:
    """The error says what to write instead."""
    for target, text in {
        "http://127.0.0.1:3001/f": "write http://host:port/2015-03-31",
        "http://me:secret@127.0.0.1:3001": "is not the address",
        "http://127.0.0.1:99999": "Port out of range",
        "http://": "is not the address",
        "arn:aws:s3:::bucket": "is not the ARN of a function",
        "arn:aws:lambda:us-east-1:123456789012:layer:f": "is not the ARN of a function",
        "no/such/app.py:handler": "there is no file no/such/app.py",
        ":": "is not the name of a function",
    }.items():
        with pytest.raises(InvalidFunction, match=text):
            check_target(target)
