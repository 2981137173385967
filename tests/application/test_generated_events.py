"""Events of the SAM CLI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from s3batch_handler import Task, task_handler
from s3batch_handler.testing import load_event, make_context
from tests.support.sam_cli import needs_sam, tool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.application, needs_sam]


def test_an_event_of_sam_local_generate_event_is_accepted(tmp_path: Path) -> None:
    """Its key is encoded, and a strict handler gets it decoded."""

    @task_handler(strict=True)
    def handler(task: Task) -> str:
        return f"{task.bucket} {task.key}"

    generate = ("local", "generate-event", "s3", "batch-invocation")
    output = tool("sam", *generate, "--key", "2024/a b.txt", "--bucket-arn", "arn:aws:s3:::photos")
    (tmp_path / "event.json").write_text(output)

    (result,) = handler(load_event(tmp_path / "event.json"), make_context())["results"]

    assert result["resultString"] == "photos 2024/a b.txt"
