"""``s3batch job submit --dry-run``: print the request of a job, and what would be refused."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli.doctor._check import Check, CheckStatus, run_checks
from s3batch_handler.cli.job._dry_run_checks import plan_checks
from s3batch_handler.cli.job._dry_run_manifest import Found
from s3batch_handler.cli.terminal._output import counted, print_json, print_message
from s3batch_handler.cli.terminal._progress import spinner
from s3batch_handler.core._sanitize import escape_unprintable, one_line
from s3batch_handler.jobs.files._members import ACCOUNT_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.jobs.files._job_file import JobFile


def dry_run(job: JobFile, services: AwsServices, *, as_json: bool, quiet: bool) -> int:
    """Print the request, as far as it is known, and the results of its checks.

    Returns:
        The exit code: 1 if the request would be refused, or the job would fail.
    """
    given = _place(services)
    account_id = services.given_account_id
    found = Found(account_id=account_id)
    request = job.known_request(account_id=account_id, **given)
    with spinner("checking the request"):
        checks = run_checks([*plan_checks(request, services, found)], limit=_TIME_LIMIT)
    request = job.known_request(account_id=found.account_id, etag=found.etag, **given)
    print_json(_with_token(request))
    if as_json:
        for check in checks:
            print_message(json.dumps(check._asdict()))
    else:
        for line in _lines(checks, quiet=quiet):
            print_message(line)
    return int(any(check.status is CheckStatus.ERROR for check in checks))


def _place(services: AwsServices) -> dict[str, str]:
    """Return Region and partition of the job; nothing if the configuration is not valid."""
    connection = services.quick_connection()
    try:
        partition = connection.session.get_partition_for_region(connection.region)
    except Exception:  # no such profile, no such Region, …: the checks say so
        return {}
    return {"region": connection.region, "partition": partition}


_TIME_LIMIT: Final = 20.0


def _with_token(request: dict[str, Any]) -> dict[str, Any]:
    """Return the request with a token, which the AWS CLI does not add to a file."""
    account = {ACCOUNT_ID: request[ACCOUNT_ID]} if ACCOUNT_ID in request else {}
    return {**account, "ClientRequestToken": str(uuid.uuid4()), **request}


def _lines(checks: Sequence[Check], *, quiet: bool) -> Iterator[str]:
    by_result: dict[tuple[CheckStatus, str, str], list[str]] = defaultdict(list)
    for check in checks:
        if check.status is not CheckStatus.OK:
            message = check.message.removeprefix("cannot tell: ")
            by_result[check.status, message, check.remedy].append(check.name)
    for (status, message, remedy), names in by_result.items():
        if quiet and status is not CheckStatus.ERROR:
            continue
        text = f"{', '.join(names)}: {message}"
        text = one_line(f"{text}; {remedy}" if remedy else text)
        yield f"{_WORDS[status]}: {escape_unprintable(text)}"
    if not quiet:
        yield _summary(checks)


_WORDS: Final = {
    CheckStatus.ERROR: "error",
    CheckStatus.WARNING: "warning",
    CheckStatus.SKIPPED: "not checked",
}


def _summary(checks: Sequence[Check]) -> str:
    counts = {status: sum(check.status is status for check in checks) for status in CheckStatus}
    parts = [
        f"{counts[CheckStatus.OK]} ok",
        counted(counts[CheckStatus.ERROR], "error"),
        counted(counts[CheckStatus.WARNING], "warning"),
        f"{counts[CheckStatus.SKIPPED]} not checked",
    ]
    return f"dry run: no job was created; checks: {', '.join(parts)}"
