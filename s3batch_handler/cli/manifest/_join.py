"""``s3batch manifest join``."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._errors import bad_input_exits_with_2
from s3batch_handler.cli._job_completers import complete_reports
from s3batch_handler.cli._options import not_empty, quiet_option
from s3batch_handler.cli._s3 import S3OfServices
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.manifest._file_options import (
    fields_option,
    source_argument,
    target_option,
)
from s3batch_handler.cli.manifest._files import Source, Target
from s3batch_handler.cli.report._location import find_report, state_option
from s3batch_handler.cli.report._redrive_manifest import record_of
from s3batch_handler.cli.report._row_output import csv_lines, format_options
from s3batch_handler.cli.terminal._job_style import FAILED, MUTED, SUCCEEDED
from s3batch_handler.cli.terminal._output import counted, print_lines, print_message
from s3batch_handler.cli.terminal._progress import report_listing, spinner
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table
from s3batch_handler.core._errors import S3BatchError
from s3batch_handler.documents.manifests._summary import object_facts
from s3batch_handler.documents.reports._failure_groups import failure_reason
from s3batch_handler.documents.reports._join import LineStatus
from s3batch_handler.documents.reports._join import join as join_report
from s3batch_handler.documents.reports._rows import ReportScope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.cli.report._location import FoundReport
    from s3batch_handler.documents.reports._join import Join, JoinedLine


@click.command(cls=Command)
@source_argument
@click.argument("report", metavar="REPORT", type=not_empty, shell_complete=complete_reports)
@click.option("--missing", is_flag=True, help="Select the lines without a row in the report.")
@click.option("--failed", is_flag=True, help="Select the lines whose task failed.")
@click.option("--succeeded", is_flag=True, help="Select the lines whose task succeeded.")
@target_option("Manifest of the selected lines; an existing one is replaced.", required=False)
@fields_option
@format_options
@quiet_option
@state_option
@service_options
def join(
    *,
    location: str,
    report: str,
    missing: bool,
    failed: bool,
    succeeded: bool,
    target: str | None,
    fields: str | None,
    format_: str,
    quiet: bool,
    state: Path | None,
    services: AwsServices,
) -> None:
    r"""Show the result of each line, from the completion report of the job.

    REPORT is a folder, an s3:// URL or a job ID, as for "s3batch report". Lines without a row were
    not run, for example because the job was cancelled. With --to, the selected lines are written as
    a manifest, as they are spelled in FILE. Both may be larger than the memory; the command needs
    the extra "report" (DuckDB).

    Examples:
        s3batch manifest join manifest.csv job-… --failed
        s3batch manifest join manifest.csv job-… \
            --missing --to rest.csv
    """
    s3 = S3OfServices(services)
    flags = {
        LineStatus.SUCCEEDED: succeeded,
        LineStatus.FAILED: failed,
        LineStatus.MISSING: missing,
    }
    selected = [status for status, is_given in flags.items() if is_given] or [*LineStatus]
    with bad_input_exits_with_2():
        source = Source(location, fields, s3, quiet)
        source.check()
        written = None if target is None else Target(target, s3, as_json=format_ == "jsonl")
        if written is not None:
            written.check(source)
        found = find_report(report, services=services, state=state)
        if written is not None:
            written.check_outside_of(found.report)
        rows = report_listing(
            found.report.rows_with_entries(), quiet=quiet, noun="row", verb="read"
        )
        with ExitStack() as stack:
            with spinner("Joining"):
                joining = join_report(source.entries(), rows, report=found.report.location)
                joined = stack.enter_context(joining)
            _print_counts(joined, found, selected)
            if written is None:
                _print(joined.lines(selected), format_)
            else:
                _write(joined, selected, written, source=location)


def _write(joined: Join, selected: list[LineStatus], target: Target, *, source: str) -> None:
    if not sum(joined.counts[status] for status in selected):
        raise S3BatchError(f"no line is {' or '.join(selected)}, so nothing was written")
    target.write(joined.entries(selected), source=source)


def _print_counts(joined: Join, found: FoundReport, selected: list[LineStatus]) -> None:
    counts = ", ".join(f"{count:,} {status}" for status, count in joined.counts.items())
    print_message(f"{counted(sum(joined.counts.values()), 'line')}: {counts}")
    if joined.unknown:
        print_message(
            f"s3batch: the report has {counted(joined.unknown, 'row')} more, of objects that are "
            "not in this manifest"
        )
    if LineStatus.MISSING in selected and joined.counts[LineStatus.MISSING]:
        record = record_of(found)
        if record is not None and record.report_scope is ReportScope.FAILED_TASKS_ONLY:
            print_message(
                "s3batch: the report lists failed tasks only, so missing lines may have succeeded"
            )
        elif record is None and not joined.counts[LineStatus.SUCCEEDED]:
            print_message(
                "s3batch: the report has no succeeded task; if it lists failed tasks only, missing "
                "lines may have succeeded"
            )


# ---------------------------------------------------------------- output


def _print(lines: Iterable[JoinedLine], format_: str) -> None:
    if format_ == "table":
        print_lines(_table_lines(lines))
    elif format_ == "jsonl":
        print_lines(json.dumps(_facts(line)) for line in lines)
    else:
        print_lines(csv_lines(_NAMES, (tuple(_facts(line).values()) for line in lines)))


_NAMES = ("number", "bucket", "key", "version_id", "status", "http_status", "error_code", "message")


def _facts(line: JoinedLine) -> dict[str, Any]:
    (names,) = object_facts([line.entry])
    return {
        "number": line.number,
        **names,
        "status": line.status.value,
        "http_status": line.http_status,
        "error_code": line.error_code,
        "message": line.message,
    }


def _table_lines(lines: Iterable[JoinedLine]) -> Iterator[str]:
    columns = [
        Column("NUMBER", may_be_cut=False),
        Column("STATUS", style_of=_STYLES.get),
        Column("CODE"),
        Column("OBJECT", keeps_end=True),
        Column("MESSAGE"),
    ]
    return lines_of_table(columns, map(_cells, lines))


_STYLES = {"succeeded": SUCCEEDED, "failed": FAILED, "missing": MUTED}


def _cells(line: JoinedLine) -> tuple[str, ...]:
    (names,) = object_facts([line.entry])
    version = f" ({names['version_id']})" if names["version_id"] else ""
    return (
        f"{line.number:,}",
        line.status,
        line.error_code or "",
        f"{names['bucket']}/{names['key']}{version}",
        failure_reason(line.message),
    )
