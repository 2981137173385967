"""The IDs of jobs are completed with what the service lists."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tests.support.completion import complete

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.job_server import Server


def test_job_ids_are_completed_with_status_and_description(server: Server, tmp_path: Path) -> None:
    """Descriptions are one line without control characters, and nothing in them is run."""
    job_id = server.submit("--description", "a,b $(touch pwned) `touch pwned` \x9b\nplain,c")

    (found,) = complete(
        "fish", f"s3batch job cancel {job_id[:13]}", tmp_path, AWS_ENDPOINT_URL=server.address
    )

    name, _, description = found.partition("\t")
    assert name == job_id
    assert description.startswith("Suspended · a,b $(touch pwned) `touch pwned` \\x9b")
    assert not (tmp_path / "pwned").exists()


def test_a_service_that_does_not_respond_is_not_waited_for(tmp_path: Path) -> None:
    """The local jobs are completed without it."""
    (tmp_path / "s3batch-reports" / "job-1-2").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"

        found = complete("bash", "s3batch job wait ", tmp_path, AWS_ENDPOINT_URL=address)

    assert found == ["1-2"]
