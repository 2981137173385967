"""Find the report that LOCATION means: a folder, an S3 URL, a job ID, or the latest report here."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._job_completers import complete_reports
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.report._state_folder import (
    has_state,
    stored_report,
    stored_reports,
)
from s3batch_handler.cli.report._suggestions import report_of_part, suggest_location
from s3batch_handler.cli.run._report import DEFAULT_REPORTS
from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.core._errors import JobNotFound, ReportError
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.documents.reports._report_files import INDEX
from s3batch_handler.jobs._locations import report_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.report._state_folder import StoredReport
    from s3batch_handler.documents.reports._report import Report
    from s3batch_handler.jobs._job import Job


@dataclass(frozen=True, slots=True)
class FoundReport:
    """A report.

    Attributes:
        arguments: The words that mean this report on the command line.
        job: The job if the report was found by its ID, in AWS or in s3batch serve.
        connection: The options for the services that were given, with their values.
        read_tags: Returns the tags of that job.
    """

    report: Report
    arguments: tuple[str, ...]
    job: Job | None = None
    connection: Mapping[str, str] = field(default_factory=dict)
    read_tags: Callable[[], Mapping[str, str]] = dict


state_option: Callable[[Any], Any] = click.option(
    "--state",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="State folder of s3batch serve or run that has the job.",
)


def location_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that :func:`find_report` needs to a command, which gets ``find``.

    ``find(location)`` returns a :class:`FoundReport`.
    """

    @state_option
    @service_options
    @wraps(command)
    def with_find(*, services: AwsServices, state: Path | None, **options: Any) -> None:
        def find(location: str | None) -> FoundReport:
            return find_report(location, services=services, state=state)

        command(find=find, **options)

    decorated: Callable[..., None] = with_find
    return decorated


location_argument: Callable[[Any], Any] = click.argument(
    "location", metavar="[LOCATION]", required=False, shell_complete=complete_reports
)


def find_report(
    location: str | None, *, services: AwsServices, state: Path | None = None
) -> FoundReport:
    """Find and open a report.

    Args:
        location: A folder, the path of a ``manifest.json``, an ``s3://`` URL of either, a state
            folder, or a job ID; ``None`` for the latest report of ``state``, or of the current
            folder and ``s3batch-reports``.
        services: For S3 URLs, and for job IDs whose report is not in ``s3batch-reports``.
        state: The state folder of ``s3batch serve`` or ``s3batch run`` that has the job.

    Raises:
        ReportError: There is no such report, it is not written yet, or it is damaged.
        InvalidArgument: ``location`` is empty, or ``state`` is given with a path.
    """
    return replace(_find(location, services, state), connection=services.connection)


def _find(location: str | None, services: AwsServices, state: Path | None) -> FoundReport:
    if location is None:
        return _latest_report() if state is None else _latest_in(state, services)
    if not location:  # an empty variable of a shell, perhaps
        raise InvalidArgument("LOCATION is empty. Pass a report or a job ID")
    job_id = job_id_of(location)
    if state is not None:
        if job_id is None:
            raise InvalidArgument(f"--state needs a job ID as LOCATION, not {location}")
        return _open_stored(stored_report(state, job_id), state, services)
    if is_s3_url(location):
        report = read_report(location, s3=services.s3)
        return FoundReport(report, (location, *services.options))
    if Path(location).exists():
        return _report_in(Path(location), services)
    if job_id is None:
        raise ReportError(f"{location}: no such file or folder; {suggest_location(location)}")
    for folder in (Path(DEFAULT_REPORTS, f"job-{job_id}"), Path(f"job-{job_id}")):
        if (folder / INDEX).exists():
            return FoundReport(read_report(folder), (str(folder),))
    return _report_of_job(job_id, services)


def job_id_of(location: str) -> str | None:
    """Return the ID of the job that a LOCATION names; ``None`` if it is something else."""
    match = _JOB_ID.fullmatch(location)
    return match[1].lower() if match else None


_JOB_ID: Final = re.compile(
    r"(?:job-)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?", re.IGNORECASE
)


# ---------------------------------------------------------------- the latest report here


def _latest_report() -> FoundReport:
    indexes = [*_indexes_here()]
    if not indexes:
        raise ReportError(
            f"no report in the current folder or in {DEFAULT_REPORTS}: pass the folder of a "
            "report, an s3:// URL or a job ID"
        )
    latest = max(indexes, key=lambda index: index.stat().st_mtime_ns)
    report = read_report(latest)
    print_message(f"the latest report here: {escape_unprintable(str(latest.parent))}")
    name = job_id_of(latest.parent.name) or str(latest.parent)
    return FoundReport(report, (name,))


def _indexes_here() -> Iterator[Path]:
    """Yield the ``manifest.json`` of each report that LOCATION may mean when it is left out."""
    here = Path(INDEX)
    if here.is_file() and _is_report(here):
        yield here
        return
    for folder in (Path(), Path(DEFAULT_REPORTS)):
        yield from folder.glob(f"job-*/{INDEX}")


def _is_report(index: Path) -> bool:
    """Return whether this is a report: manifests of inventories have the same name."""
    try:
        read_report(index)
    except ReportError:
        return False
    return True


# ---------------------------------------------------------------- the reports of a state folder


def _report_in(path: Path, services: AwsServices) -> FoundReport:
    """Open the report at a path, or the only one of a state folder."""
    if not has_state(path):
        if whole := report_of_part(path):
            raise ReportError(f"{path}: a part of a report; pass its folder, {whole}")
        return FoundReport(read_report(path), (str(path),))
    found = stored_reports(path)
    if len(found) > 1:
        places = ", ".join(report.location for report in found[-_MAX_LISTED:])
        raise ReportError(
            f"{path}: more than one report; pass one of {places}; or to the commands of s3batch "
            f"report a job ID with --state {path}"
        )
    return _open_stored(found[0], path, services)


_MAX_LISTED: Final = 5


def _latest_in(state: Path, services: AwsServices) -> FoundReport:
    latest = stored_reports(state)[-1]
    print_message(escape_unprintable(f"the latest report of {state}: job {latest.job_id}"))
    return _open_stored(latest, state, services)


def _open_stored(stored: StoredReport, state: Path, services: AwsServices) -> FoundReport:
    s3 = services.s3 if is_s3_url(stored.location) else None
    report = read_report(stored.location, s3=s3)
    arguments = (stored.job_id, "--state", str(state))
    return FoundReport(report, arguments, stored.job, read_tags=lambda: stored.tags)


# ---------------------------------------------------------------- the report of a job


def _report_of_job(job_id: str, services: AwsServices) -> FoundReport:
    """Open the report of a job of AWS or of s3batch serve, as DescribeJob describes it."""
    try:
        job = services.control.describe_job(job_id)
    except JobNotFound as error:
        raise ReportError(
            f"job {job_id} was not found in {services.region}, account {services.account_id}: S3 "
            "keeps a job for 90 days after its end. Check --region and --profile, or pass the "
            "location of its report: s3://bucket/prefix/job-…"
        ) from error
    url = _url_of_report(job)
    try:
        report = read_report(url, s3=services.s3)
    except ReportError as error:  # deleted or moved, or it could not be written
        advice = f"See where job {job_id} wrote it: s3batch job describe {job_id}"
        if "--endpoint-url" in services.connection or os.environ.get("AWS_ENDPOINT_URL"):
            advice += ". s3batch serve loses its objects when it ends: pass its --state DIR"
        raise ReportError(f"{error}. {advice}") from error
    read_tags = partial(services.tags_of, job_id)
    return FoundReport(report, (job_id, *services.options), job, read_tags=read_tags)


def _url_of_report(job: Job) -> str:
    """Return the URL of the report of a job.

    Raises:
        ReportError: The job has no report, or not yet.
    """
    url = report_url(job)
    if url is None:
        raise ReportError(f"job {job.job_id} was created without a report")
    if not job.status.is_final:
        raise ReportError(
            f"job {job.job_id} is {job.status}: its report is written at its end. Wait for it: "
            f"s3batch job wait {job.job_id}"
        )
    if not job.progress.done:
        raise ReportError(
            f"job {job.job_id} has no report, because none of its tasks has run. See why: "
            f"s3batch job describe {job.job_id}"
        )
    return url
