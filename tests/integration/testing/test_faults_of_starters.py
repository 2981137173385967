"""The functions of the starters handle every fault."""

from __future__ import annotations

import importlib
import io
import json
import shutil
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from PIL import Image

from s3batch_handler.testing import assert_handles_every_fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def photo() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (300, 200)).save(content, "JPEG")
    return content.getvalue()


STARTERS: dict[str, tuple[str, bytes]] = {
    "minimal": ("2024/a.txt", b"one\ntwo\n"),
    "scan-text": ("2024/a.txt", b"ann@example.com\n"),
    "image-thumbnails": ("2024/a.jpg", photo()),
    "copy-large": ("2024/a.bin", b"content"),
    "json-payload": (json.dumps({"key": "2024/a.txt", "tags": {"owner": "ann"}}), b""),
}


WITH_SLOW_FAULTS = ("minimal", "copy-large")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a client of an S3 with the two buckets of the starters."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("TARGET_BUCKET", "target")
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    with mock_aws():
        client = boto3.client("s3")
        for bucket in ("source", "target"):
            client.create_bucket(Bucket=bucket)
        client.put_object(Bucket="source", Key="2024/a.txt", Body=b"")
        yield client


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No application metrics")  # of Powertools, if a task failed
@pytest.mark.parametrize("starter", STARTERS)
def test_a_starter_handles_every_fault(
    starter: str, s3: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time reserve is shorter than the timeout."""
    (source,) = (project / "templates" / starter).glob("*/function")
    function = shutil.copytree(source, tmp_path / "function")  # Python writes bytecode there
    monkeypatch.syspath_prepend(function)
    for name in ("app", "multipart"):
        monkeypatch.delitem(importlib.sys.modules, name, raising=False)  # type: ignore[attr-defined]
    app = importlib.import_module("app")
    key, content = STARTERS[starter]
    s3.put_object(Bucket="source", Key=key, Body=content)
    timeout = getattr(app, "TIME_RESERVE", 1.0) + 1
    without = () if starter in WITH_SLOW_FAULTS else ("no response", "slow responses")

    results = assert_handles_every_fault(
        app.handler, key, bucket="source", timeout=timeout, without=without
    )

    assert all(result.is_handled for result in results)
