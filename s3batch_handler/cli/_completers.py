"""Complete the values of arguments and options in a shell: jobs, starters and files.

The functions are values of ``shell_complete=``. They never raise, because the shell would print the
error into the line that is being typed.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeAlias

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

Items: TypeAlias = "list[CompletionItem[str]]"  # a string: no generic class before click 8.4


def complete_files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Return the files that the shell finds."""
    return [CompletionItem(incomplete, type="file")]


def complete_starters(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> Items:
    """Return the names of the starters, with their descriptions."""
    from s3batch_handler.cli._scaffolding import starters

    names: dict[str, str] = {}
    with suppress(Exception):
        names = {name: starter.about for name, starter in starters().items()}
    return _items(names, incomplete)


def complete_jobs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Return the IDs of jobs: of the reports here, and of the service if it responds soon."""
    return _items({**dict(_local_jobs()), **_jobs_of_service(context)}, incomplete)


def complete_reports(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Return the IDs of jobs; if there are none, the files that the shell finds."""
    jobs = complete_jobs(context, parameter, incomplete) if _is_id(incomplete) else []
    return jobs or complete_files(context, parameter, incomplete)


def _items(names: dict[str, str], incomplete: str) -> Items:
    """Return the names that begin with ``incomplete``, with their descriptions.

    Other names are left out: the scripts of click expand ``*``, and split at commas.
    """
    from s3batch_handler.core._sanitize import safe_line

    return [
        CompletionItem(name, help=safe_line(about, _MAX_HELP) or None)
        for name, about in names.items()
        if name.startswith(incomplete) and _is_id(name)
    ]


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]{0,100}", text) is not None


_MAX_HELP: Final = 100  # characters

# ---------------------------------------------------------------- jobs


def _local_jobs() -> Iterator[tuple[str, str]]:
    """Yield the IDs of the jobs whose reports are here, the newest first, with their statuses."""
    from s3batch_handler.cli.run._report import DEFAULT_REPORTS

    with suppress(Exception):
        folders = [*Path(DEFAULT_REPORTS).glob("job-*/")]
        folders.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in folders[:_MAX_JOBS]:
            yield folder.name.removeprefix("job-"), _status_of(folder)


def _status_of(folder: Path) -> str:
    from s3batch_handler.documents._job_record import read_job_record
    from s3batch_handler.documents._report import read_report

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
