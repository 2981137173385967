"""``s3batch report html``: the page of a job in one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli._options import json_option
from s3batch_handler.cli._paths import check_file
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.report._location import location_argument, location_options
from s3batch_handler.cli.report._next_commands import next_commands
from s3batch_handler.cli.report._redrive_manifest import record_of
from s3batch_handler.cli.report._rerun import is_of_local_job
from s3batch_handler.cli.terminal._facts import print_facts
from s3batch_handler.cli.terminal._output import print_data, print_json
from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.documents.files._local_folder import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from s3batch_handler.cli.report._location import FoundReport
    from s3batch_handler.documents.reports._job_record import JobRecord
    from s3batch_handler.documents.reports._run_record import RunRecord
    from s3batch_handler.page import _document as documents

MAX_ROWS: Final = 100_000


@click.command(cls=Command)
@location_argument
@click.option(
    "--to",
    "target",
    metavar="FILE|-",
    shell_complete=complete_files,
    required=True,
    help="HTML file, replaced if it exists; - for standard output.",
)
@click.option(
    "--rows",
    type=Integer(0, MAX_ROWS),
    default=1000,
    show_default=True,
    metavar="NUMBER",
    help="Maximum number of failed tasks on the page.",
)
@json_option
@location_options
def html(
    *,
    find: Callable[[str | None], FoundReport],
    location: str | None,
    target: str,
    rows: int,
    as_json: bool,
) -> None:
    r"""Save a report as an HTML page in one file.

    The page shows the outcome, why tasks failed, the failed tasks with a search, the settings of
    the job and the commands for next steps. It needs no other file and no network.

    Examples:
        s3batch report html --to report.html
        s3batch report html s3://my-jobs/reports/job-… \
            --to report.html
    """
    _check_target(target, as_json=as_json)
    found = find(location)
    with spinner(escape_unprintable(f"Reading {found.report.location}")):
        page, document = _page(found, rows)
    if target == "-":
        print_data(page)
        return
    write_file(Path(target), page)
    _print(target, page, document, as_json=as_json)


def _check_target(target: str, *, as_json: bool) -> None:
    """Check ``--to`` before the report is read, which may take long."""
    if target == "-":
        if as_json:
            raise InvalidArgument("--json cannot be combined with --to -. Name a file")
        return
    check_file(Path(target), "--to")
    # A file of the report must not be replaced, neither directly nor through a symbolic link.
    names = target, Path(target).resolve().name
    if any(name.lower().endswith((".json", ".csv", ".md5")) for name in names):
        raise InvalidArgument(f"--to {target}: the page is HTML. Name a file that ends in .html")


def _page(found: FoundReport, rows: int) -> tuple[bytes, documents.JobDocument]:
    """Read a report, and return its page and what the page shows."""
    from s3batch_handler.documents.reports._run_record import read_run_record
    from s3batch_handler.page._html import saved_page
    from s3batch_handler.page._report_document import ReportedJob, report_document

    record, run = record_of(found), read_run_record(found.report)
    job = ReportedJob(
        report=found.report,
        origin=_origin(found, run),
        record=record,
        tags=_tags(found, record),
        run=run,
    )
    summary = found.report.summary()
    document = report_document(job, summary, rows=rows)
    document["commands"] = [*next_commands(found, record, document["counts"])]
    # Text of the report may have lone surrogates, which are not valid in a file.
    return saved_page(document).encode("utf-8", "backslashreplace"), document


def _origin(found: FoundReport, run: RunRecord | None) -> documents.Origin | None:
    """Return where a job ran. It is unknown from a report alone: AWS and servers write the same."""
    if is_of_local_job(found):
        return "run"
    if run is not None or "--state" in found.arguments:
        return "serve"
    if found.job is None:
        return None
    has_endpoint = "--endpoint-url" in found.connection or os.environ.get("AWS_ENDPOINT_URL")
    return "serve" if has_endpoint else "aws"


def _tags(found: FoundReport, record: JobRecord | None) -> Mapping[str, str]:
    if found.job is not None:
        return found.read_tags()
    tags: list[Any] = (record.description.get("Tags") if record else None) or []
    return {tag["Key"]: tag["Value"] for tag in tags}  # the record was validated


def _print(target: str, page: bytes, document: documents.JobDocument, *, as_json: bool) -> None:
    failed_tasks = document["failed_tasks"]
    facts = {
        "page": target,
        "report": document["job"]["report"],
        "failed": document["counts"]["failed"],
        "rows": len(failed_tasks["rows"]) if failed_tasks else 0,
    }
    if as_json:
        print_json({"job_id": document["job"]["id"] or None, **facts, "bytes": len(page)})
    else:
        print_facts(facts)
