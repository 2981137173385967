"""``s3batch policy explain``: why a request was denied."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._job_completers import complete_reports
from s3batch_handler.cli._options import file_option, json_option
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.job._aws_services import service_options
from s3batch_handler.cli.policy._denied_texts import texts_of_job, texts_of_report
from s3batch_handler.cli.policy._options import job_file_options
from s3batch_handler.cli.terminal._output import counted, print_data, print_json, print_message
from s3batch_handler.core._sanitize import escape_unprintable, escape_unprintable_json, safe_line
from s3batch_handler.policies._resources import IncompleteJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.policies._job import JobAccess, Request
    from s3batch_handler.policies.explain._explain import Explained


@click.command(cls=Command)
@click.argument("text", metavar="[TEXT|-]", required=False)
@click.option(
    "--report",
    metavar="LOCATION",
    shell_complete=complete_reports,
    help="Explain the failed tasks of this report.",
)
@click.option("--job", metavar="ID", help="Explain why this job and its tasks failed.")
@file_option
@job_file_options
@json_option
@service_options
def explain(
    *,
    services: AwsServices,
    text: str | None,
    report: str | None,
    job: str | None,
    file: str | None,
    variables: dict[str, str],
    job_profile: str | None,
    as_json: bool,
) -> None:
    r"""Explain an access-denied failure, and print the missing statement.

    TEXT is a message of a report, of a failed job, of boto3 or of the AWS CLI; - reads it from
    standard input. Exit code 1: the text has no known message about
    denied access.

    Examples:
        s3batch policy explain --report job-… -f job.yaml
        s3batch policy explain --job JOB-ID
        aws s3control create-job … 2>&1 \
            | s3batch policy explain -f job.yaml -
    """
    from s3batch_handler.policies.explain._explain import causes_in
    from s3batch_handler.policies.explain._explain import explain as explain_causes

    given = [source for source in (text, report, job) if source is not None]
    if len(given) != 1:
        raise click.UsageError("Pass one of TEXT, --report and --job.")
    request: Request | None = None
    buckets: set[str] = set()
    if file is not None:
        from s3batch_handler.jobs.files._job_file import read_job_file

        try:
            request = read_job_file(file, variables=variables, profile=job_profile).request
        except OSError as error:
            raise InvalidArgument(f"--file {file}: {error.strerror}. Check the path") from error
    texts: Iterable[str]
    if job is not None:
        described, texts = texts_of_job(job, services, buckets)
        request = request or described
    elif report is not None:
        texts = texts_of_report(report, services, buckets)
    else:
        texts = [_failure_text(text or "")]
    causes = causes_in(texts)
    explained = explain_causes(causes, _job(request, file, buckets))
    if as_json:
        print_json({"explanations": [_as_json(one) for one in explained]})
    else:
        print_data("\n\n".join("\n".join(_lines(one)) for one in explained)) if explained else None
    if not explained:
        print_message(
            "No known message denies access. Pass the whole text of the failure, or look for the "
            "request in CloudTrail."
        )
        sys.exit(1)


def _failure_text(text: str) -> str:
    """Return the text of a failure, from the command line or from standard input (``-``)."""
    whole = sys.stdin.read(_MAX_CHARACTERS) if text == "-" else text
    if not whole or whole.isspace():
        raise InvalidArgument("the text of the failure is empty. Pass the message that says denied")
    return whole


_MAX_CHARACTERS = 10_000_000


def _job(request: Request | None, file: str | None, buckets: set[str]) -> JobAccess | None:
    from s3batch_handler.policies._job import JobAccess, PolicyOptions

    if request is None:
        return None
    try:
        return JobAccess.of_request(request, PolicyOptions(objects=tuple(sorted(buckets))))
    except IncompleteJob as error:
        if file is None:
            return None
        raise InvalidArgument(f"{file}: {error}") from error


def _as_json(explained: Explained) -> dict[str, object]:
    return {**explained.explanation.to_json(), "count": explained.occurrences}


def _lines(explained: Explained) -> Iterator[str]:
    """Yield the lines of an explanation, with its statements as JSON to copy."""
    explanation, count = explained
    times = f" ({counted(count, 'failure')})" if count > 1 else ""
    yield f"{safe_line(explanation.what, _MAX_LINE)}{times}."
    where = safe_line(explanation.where, _MAX_LINE)
    if explanation.statements:
        yield f"Add to {where}:"
        for statement in explanation.statements:
            yield escape_unprintable_json(json.dumps(statement, indent=2))
    elif explanation.condition is not None:
        yield f"Change {where}. This condition in the Deny statement exempts the principal:"
        yield escape_unprintable_json(json.dumps(explanation.condition, indent=2))
    else:
        yield f"Change {where}."
    for hint in explanation.hints:
        yield f"- {escape_unprintable(hint[0].upper() + hint[1:])}."


_MAX_LINE = 4000
