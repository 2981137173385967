"""Complete the IDs of jobs in a shell: those of reports here, and those of AWS.

The functions never raise, as those of ``_completers.py``.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli._completers import complete_files, completion_items, is_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

    from s3batch_handler.cli._completers import Items


def complete_jobs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Return the IDs of jobs: of the reports here, and of the service if it responds soon."""
    return completion_items({**dict(_local_jobs()), **_jobs_of_service(context)}, incomplete)


def complete_reports(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Return the IDs of jobs; if there are none, the files that the shell finds."""
    jobs = complete_jobs(context, parameter, incomplete) if is_id(incomplete) else []
    return jobs or complete_files(context, parameter, incomplete)


def _local_jobs() -> Iterator[tuple[str, str]]:
    """Yield the IDs of the jobs whose reports are here, the newest first, with their statuses."""
    from s3batch_handler.cli.run._report import DEFAULT_REPORTS

    with suppress(Exception):
        folders = [*Path(DEFAULT_REPORTS).glob("job-*/")]
        folders.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in folders[:_MAX_JOBS]:
            yield folder.name.removeprefix("job-"), _status_of(folder)


def _status_of(folder: Path) -> str:
    from s3batch_handler.documents.reports._job_record import read_job_record
    from s3batch_handler.documents.reports._report import read_report

    with suppress(Exception):
        record = read_job_record(read_report(folder))
        if record is not None:
            return f"{record.status}, on this machine"
    return "on this machine"


def _jobs_of_service(context: click.Context) -> dict[str, str]:
    """Return the IDs of the latest jobs of AWS or ``s3batch serve``, if it responds soon."""
    names = ("endpoint_url", "account_id", "profile", "region")
    connection = {name: context.params.get(name) for name in names}
    found: dict[str, str] = {}

    def list_jobs() -> None:
        from s3batch_handler.cli.job._aws_services import AwsServices

        with suppress(Exception):
            services = AwsServices(**connection)
            control = services.control_without_retries(read_timeout=_TIME_LIMIT)
            for job in control.list_jobs(max_results=_MAX_JOBS).jobs:
                found[job.job_id] = " · ".join(filter(None, (job.status, job.description)))

    listing = Thread(target=list_jobs, daemon=True)  # it may continue: the process ends first
    listing.start()
    listing.join(_TIME_LIMIT)
    return dict(found)


_TIME_LIMIT: Final = 2.0  # seconds: a user waits for the completion
_MAX_JOBS: Final = 100
