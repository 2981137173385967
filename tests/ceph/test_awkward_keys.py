"""Objects of Ceph with awkward keys."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

import pytest

from s3batch_handler.engine._engine import Engine
from tests.support.ceph_jobs import DONE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.ceph import Ceph
    from tests.support.ceph_jobs import Store

pytestmark = pytest.mark.ceph

PARTS: Final = (
    *("a", "B", "0", ".", "..", "./", "/", "//", "-", "_", "~", "!", "*", "'", "(", ")", " ", "  "),
    *("+", "%", "%20", "%2F", "%25", "%zz", "&", "=", "?", "#", ";", ":", ",", '"', "\\", "|", "^"),
    *(
        "<",
        ">",
        "[",
        "]",
        "{",
        "}",
        "`",
        "$",
        "@",
        "ü",
        "u\u0308",
        "é",
        "ß",
        "日本",
        "🪣",
        "\u200b",
    ),
    *("\u202e", "\t", "versionId=1", "?tagging", "null", "NULL", "None", "=1+1", "\u2028"),
)
"""Each has a meaning in a URL, in CSV, in XML or in a shell, or is spelled in two ways."""


def awkward_keys(count: int) -> list[str]:
    """Return different keys, always the same ones."""
    choose = random.Random(1)
    keys = dict.fromkeys(f"{part}x" for part in PARTS)
    keys |= dict.fromkeys(["x" * 1024, "ü" * 512, "🪣" * 256])
    while len(keys) < count:
        keys["".join(choose.choices(PARTS, k=choose.randint(2, 6))) + "x"] = None
    return list(keys)[:count]


@pytest.fixture
def lines(store: Store) -> list[str]:
    """Create a thousand objects; return the lines of their manifest."""
    return store.put_objects(awkward_keys(1_000))


def test_a_thousand_objects_with_awkward_keys(
    ceph: Ceph, store: Store, lines: list[str], tmp_path: Path
) -> None:
    """They are copied and tagged, and a function gets exactly these keys."""
    keys = set(awkward_keys(1_000))
    tags = {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}

    copied = store.run(store.copying(), lines, s3_concurrency=16)
    tagged = store.run(tags, lines, s3_concurrency=16)
    app = tmp_path / "app.py"
    app.write_text(_APP)
    function: Any = {"LambdaInvoke": {"FunctionArn": "read"}}
    with Engine({"read": f"{app}:handler"}, s3=store.s3, environment=ceph.environment) as engine:
        invoked = engine.describe_job(engine.create_job(store.spec(function, lines)))

    assert store.results(copied) == store.results(tagged) == [DONE] * 1_000
    assert store.keys(store.copies) == keys
    assert {row.key for row in store.rows(copied)} == keys
    rows = store.rows(invoked)
    assert {row.key for row in rows} == keys
    assert [row for row in rows if row.message != "the same"] == []


_APP: Final = """
import boto3
from botocore.config import Config
from s3batch_handler import task_handler

s3 = boto3.client("s3", config=Config(proxies={}))


@task_handler
def handler(task):
    body = s3.get_object(**task.location)["Body"].read()
    return "the same" if body == task.key.encode() else "another one"
"""
