"""The commands for the next steps with a job of a server."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from s3batch_handler.jobs._locations import report_url
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from s3batch_handler.jobs._job import Job
    from s3batch_handler.page._document import Command


def next_commands(
    job: Job,
    *,
    clients: Mapping[str, str],
    account_id: str,
    region: str,
    state: Path | None = None,
) -> Iterator[Command]:
    """Yield the commands, which work in any folder.

    Args:
        job: The job.
        clients: Environment variables with which clients use the server and its S3.
        account_id: The account of the job.
        region: The Region of the job.
        state: The state folder of the server. It has a copy of the report, which still exists after
            the server has ended.
    """
    if list(clients) == ["AWS_ENDPOINT_URL"]:
        variables, server = [], ["--endpoint-url", clients["AWS_ENDPOINT_URL"], "--region", region]
    else:  # one option cannot name two addresses
        variables = [f"{name}={value}" for name, value in clients.items()]
        server = ["--region", region]
    if account_id != _DEFAULT_ACCOUNT:
        server += ["--account-id", account_id]
    stored = server if state is None else ["--state", str(state.absolute())]

    def command(title: str, *words: str) -> Command:
        needs_server = "--state" not in words
        return {
            "title": title,
            "command": shlex.join([*(variables if needs_server else ()), "s3batch", *words]),
        }

    if not job.status.is_final:
        if job.status is JobStatus.SUSPENDED:
            yield command("Confirm the job", "job", "confirm", job.job_id, *server)
        yield command("Wait for the end of the job", "job", "wait", job.job_id, *server)
        return
    if report_url(job) is None:
        return
    if job.progress.failed:
        yield command("List the failed tasks", "report", "failed", job.job_id, *stored)
        words = ("job", "submit", "--failed-from", job.job_id)
        yield command("Run the failed tasks again", *words, *server)
    page = f"job-{job.job_id}.html"
    yield command("Save this page", "report", "html", job.job_id, "--to", page, *stored)
    yield command("Check that the report is complete", "report", "verify", job.job_id, *stored)


_DEFAULT_ACCOUNT: Final = "123456789012"  # that of all credentials on a server
