"""``s3batch job logs``: the failures that the function of a job has logged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.terminal._output import counted, print_data, print_json, print_message
from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.jobs._arns import split_function
from s3batch_handler.jobs._log_filter import LEVELS, LogFilter
from s3batch_handler.jobs._log_lines import LogLine
from s3batch_handler.jobs._log_query import MAX_LINES, run_query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.jobs._job import Job


def _task_id(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (len(value) == _TASK_DIGITS and set(value) <= set(_HEX)):
        raise click.BadParameter(f"{value!r} is not the 12 hex digits of a task in a log line")
    return value


_TASK_DIGITS: Final = 12
_HEX: Final = "0123456789abcdef"

log_options: tuple[Callable[[Any], Any], ...] = (
    click.option("--key", metavar="KEY", help="Only lines about this object."),
    click.option(
        "--task",
        metavar="DIGITS",
        callback=_task_id,
        help="Only lines of this task: its 12 digits in log lines.",
    ),
    click.option(
        "--level",
        type=Choice([*LEVELS], case_sensitive=False),
        default="WARNING",
        show_default=True,
        metavar="LEVEL",
        help="Lowest level of lines with the job ID.",
    ),
    click.option(
        "--limit",
        type=Integer(1, MAX_LINES),
        default=100,
        show_default=True,
        metavar="NUMBER",
        help="Maximum number of lines.",
    ),
    click.option(
        "--log-group",
        "log_groups",
        multiple=True,
        metavar="NAME",
        help="Log group; repeat for more.  [default: the function's]",
    ),
    click.option("--query", "only_query", is_flag=True, help="Print the query; do not run it."),
)


def print_logs(
    services: AwsServices,
    job: Job,
    *,
    key: str | None,
    task: str | None,
    level: str,
    limit: int,
    log_groups: Sequence[str],
    only_query: bool,
    as_json: bool,
) -> None:
    """Print the failures that the function of a job has logged."""
    groups = [*log_groups] or [_log_group(job, services)]
    wanted = LogFilter(job_id=job.job_id, level=level, key=key, task=task)
    start = job.creation_time - _BEFORE
    end = min((job.termination_date or _now()) + _AFTER, _now())
    end = max(end, job.creation_time)  # the clock of this machine may be late
    place = f"{', '.join(map(escape_unprintable, groups))} from {_iso(start)} to {_iso(end)}"
    most_rows = min(limit + 1, MAX_LINES)
    query = wanted.query(most_rows)
    if only_query:
        if as_json:
            names = {"logGroupNames": groups, "queryString": query}
            times = {"startTime": int(start.timestamp()), "endTime": int(end.timestamp()) + 1}
            print_json({**names, **times})
        else:
            print_data(query)
            print_message(f"for {place}")
        return
    try:
        result = run_query(services.logs, query, log_groups=groups, start=start, end=end)
    except Exception as error:
        problem = _PROBLEMS.get(aws_error_code(error) or "")
        if _OUTSIDE_RETENTION in str(error):
            problem = _NO_LINES_LEFT
        if problem is None:
            raise
        raise InvalidArgument(problem.format(", ".join(groups))) from error
    lines = [*filter(wanted.accepts, map(LogLine.from_row, result.rows))]
    is_cut = len(result.rows) == most_rows
    lines = lines[:limit]
    for line in (line.redacted() for line in lines):
        if as_json:
            print_json(line.to_json(), indent=None)
        else:
            print_data(escape_unprintable(_text(line)))
    for message in _remarks(lines, limit, place, is_cut=is_cut):
        print_message(message)


_PROBLEMS: Final = {
    "ResourceNotFoundException": (
        "log group {} does not exist: the function has not run, or it logs to another group. "
        "Pass --log-group"
    ),
    "501": (
        "this endpoint has no CloudWatch Logs. Functions of s3batch serve log to the standard "
        "error of the server"
    ),
}


_OUTSIDE_RETENTION: Final = "log retention settings"
"""In the error of StartQuery for a time of which a log group has no lines. No code is specific."""

_NO_LINES_LEFT: Final = (
    "log group {} has no lines of the time of the job: it was created later, or its retention "
    "period is shorter. Pass --log-group if the function logged to another group"
)


def _log_group(job: Job, services: AwsServices) -> str:
    """Return the log group of the function, or its default one if Lambda does not name it."""
    invoke = None if job.operation is None else job.operation.lambda_invoke
    if invoke is None or invoke.function_arn is None:
        raise InvalidArgument(
            f"job {job.job_id} invokes no function ({job.operation_name}), so nothing is logged. "
            "Its failures are in its report: s3batch report summary"
        )
    configuration = services.function(invoke.function_arn)
    name = split_function(invoke.function_arn)[1].partition(":")[0]
    group = configuration.get("LoggingConfig", {}).get("LogGroup")
    return group or f"/aws/lambda/{name}"


def _text(line: LogLine) -> str:
    parts = (line.time, line.level, line.task, line.message)
    return "  ".join(part.replace("\n", " ") for part in parts if part)


def _remarks(lines: Sequence[LogLine], limit: int, place: str, *, is_cut: bool) -> list[str]:
    """Return what the lines do not say themselves."""
    if not lines and not is_cut:
        return [f"No failures in {place}. New lines may take some minutes to appear."]
    remarks: list[str] = []
    others = sum(line.job_id is None for line in lines)
    if others and others == len(lines):
        remarks.append(
            "These lines have no job ID: other jobs may have caused them, too. The handlers of "
            "@task_handler log it with a Powertools logger, or with Lambda's log format JSON."
        )
    elif others:
        remarks.append(f"{others} of these lines have no job ID: other jobs may have caused them.")
    if is_cut:
        more = "increase --limit" if limit < MAX_LINES else "use --key, --task or --level"
        remarks.append(f"Only the first {counted(len(lines), 'line')}: for more, {more}.")
    return remarks


def _now() -> datetime:
    return datetime.now(UTC)


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


_BEFORE: Final = timedelta(minutes=1)
_AFTER: Final = timedelta(minutes=16)  # an invocation takes up to 15 minutes
