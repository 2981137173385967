"""Print jobs: as tables on a terminal, as lines in a pipe, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli.job._facts import job_facts
from s3batch_handler.cli.terminal._console import data_console, print_rich, shows_tables
from s3batch_handler.cli.terminal._job_style import exact_time, task_counts
from s3batch_handler.cli.terminal._output import print_data, print_json, print_message
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.jobs._status import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from s3batch_handler.jobs._job import Job


def exit_code_of_job(job: Job) -> int:
    """Return 0 if a job is complete and no task failed: AWS calls both complete."""
    return 0 if job.status is JobStatus.COMPLETE and not job.progress.failed else 1


def print_job(
    job: Job,
    *,
    as_json: bool,
    tags: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    more: Mapping[str, str] | None = None,
) -> None:
    """Print the details of a job; JSON as returned by DescribeJob.

    Args:
        job: The job.
        as_json: Print JSON.
        tags: The tags of the job, which DescribeJob does not return.
        options: The options that the next command needs, too, such as ``--region``.
        more: Members that are added to the JSON.
    """
    if as_json:
        print_json({**job.to_description(), **(more or {})})
        return
    facts = [*job_facts(job, tags=tags or {}, options=options)]
    if shows_tables():
        from s3batch_handler.cli.job._tables import details_of  # Rich is a slow import

        print_rich(details_of(facts))
        return
    for fact in facts:
        print_data(f"{fact.name:<11} {escape_unprintable(fact.text)}")


def print_listed_jobs(jobs: Iterable[Job], *, as_json: bool) -> None:
    """Print jobs, each on one line; JSON as returned by ListJobs."""
    if shows_tables() and not as_json:
        _print_table([*jobs])
        return
    for job in jobs:
        if as_json:
            print_json(job.to_listing(), indent=None)
        else:
            print_data(escape_unprintable(_line(job)))


def _print_table(jobs: Sequence[Job]) -> None:
    from s3batch_handler.cli.job._tables import list_of

    if jobs:
        print_rich(list_of(jobs, data_console().width))
    else:
        print_message("No jobs.")


def _line(job: Job) -> str:
    text = f"{job.job_id}  {job.status:<10}  {exact_time(job.creation_time)}  {job.operation_name}"
    return "  ".join(part for part in (text, task_counts(job.progress), job.description) if part)
