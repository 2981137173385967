"""The reports of a state folder: of ``s3batch serve --state``, or of ``s3batch run --state``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from s3batch_handler.cli.run._saved_run import INTERRUPTED_RUN, LAST_RUN
from s3batch_handler.cli.terminal._output import shell_command
from s3batch_handler.core._errors import ReportError
from s3batch_handler.documents.reports._report_files import INDEX
from s3batch_handler.engine.state._saved_jobs import is_state_folder, saved_jobs
from s3batch_handler.jobs._locations import report_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from s3batch_handler.engine.state._saved_jobs import SavedJob
    from s3batch_handler.jobs._job import Job


class StoredReport(NamedTuple):
    """The location of the report of a job in a state folder."""

    job_id: str
    location: str
    job: Job | None
    tags: Mapping[str, str]


def has_state(folder: Path) -> bool:
    """Return whether a folder was used as ``--state``."""
    if (folder / INDEX).is_file():  # a report: its run.json is the record of a run, not a state
        return False
    names = (INTERRUPTED_RUN, LAST_RUN)
    return any((folder / name).is_file() for name in names) or is_state_folder(folder)


def stored_report(folder: Path, job_id: str) -> StoredReport:
    """Return the report of a job in a state folder.

    Raises:
        ReportError: The folder does not have the job, or the job has no report or not yet.
    """
    for saved in saved_jobs(folder):
        if saved.job.job_id == job_id:
            return _of_server(saved, folder)
    run = _of_run(folder)
    if run is not None and run.job_id == job_id:
        return run
    raise ReportError(f"{folder} has no job {job_id}; choose one of {_named(folder)}")


def stored_reports(folder: Path) -> list[StoredReport]:
    """Return the reports of all jobs in a state folder, the latest last.

    Raises:
        ReportError: The folder has no report.
    """
    saved = [each for each in saved_jobs(folder) if (each.report / INDEX).exists()]
    found = [_of_server(each, folder) for each in sorted(saved, key=_time_of_report)]
    run = _of_run(folder)
    if run is not None:
        found.append(run)
    if not found:
        raise ReportError(
            f"{folder} has no report: no job of s3batch serve or s3batch run has ended there"
        )
    return found


def _time_of_report(saved: SavedJob) -> int:
    return (saved.report / INDEX).stat().st_mtime_ns


def _of_server(saved: SavedJob, folder: Path) -> StoredReport:
    if not (saved.report / INDEX).exists():
        raise ReportError(f"job {saved.job.job_id} in {folder} {_why_no_report(saved.job)}")
    return StoredReport(saved.job.job_id, str(saved.report), saved.job, saved.tags)


def _why_no_report(job: Job) -> str:
    if not job.status.is_final:
        return f"is {job.status}: its report is written at its end"
    if report_url(job) is None:
        return "was created without a report"
    for failure in job.failure_reasons:
        return f"has no report: {failure.failure_code}: {failure.failure_reason}"
    return "has no report here: the folder has no copy of it"


def _of_run(folder: Path) -> StoredReport | None:
    """Return the report of the last run of ``s3batch run`` in a folder."""
    if (folder / INTERRUPTED_RUN).exists():
        command = shell_command(["s3batch", "run", "--resume", "--state", str(folder)])
        raise ReportError(f"{folder} has an interrupted run: its report is written by {command}")
    try:
        record = json.loads((folder / LAST_RUN).read_bytes())
        return StoredReport(str(record["JobId"]), str(record["Report"]), None, {})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        problem = "is damaged: pass the location of the report instead"
        raise ReportError(f"{folder / LAST_RUN} {problem}") from error


def _named(folder: Path) -> str:
    return ", ".join(report.job_id for report in stored_reports(folder)[-10:])
