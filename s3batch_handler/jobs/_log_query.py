"""Run queries of CloudWatch Logs Insights."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.core._errors import JobError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

MAX_LINES: Final = 10_000
"""The most lines that a query returns (CloudWatch Logs User Guide, "limit")."""


class QueryFailed(JobError):
    """A query of CloudWatch Logs Insights has failed."""


class QueryResult(NamedTuple):
    """The rows that a query found, and how many bytes it has scanned, for which AWS charges."""

    rows: list[dict[str, str]]
    bytes_scanned: float | None


def run_query(
    logs: Any,
    query: str,
    *,
    log_groups: Sequence[str],
    start: datetime,
    end: datetime,
    sleep: Callable[[float], None] = time.sleep,
) -> QueryResult:
    """Start a query, wait for it, and return its rows; stop it if waiting is interrupted.

    Args:
        logs: A boto3 client of CloudWatch Logs.
        query: The query in the language of Logs Insights.
        log_groups: The names of the log groups.
        start: Lines since then.
        end: Lines until then.
        sleep: Waits for a number of seconds.

    Raises:
        QueryFailed: CloudWatch Logs ended the query in another way, or timed out.
    """
    query_id = logs.start_query(
        logGroupNames=[*log_groups],
        startTime=int(start.timestamp()),
        endTime=int(end.timestamp()) + 1,
        queryString=query,
    )["queryId"]
    try:
        response = logs.get_query_results(queryId=query_id)
        while response["status"] in _RUNNING:
            sleep(_BETWEEN_REQUESTS)
            response = logs.get_query_results(queryId=query_id)
    except BaseException:  # also Ctrl-C: AWS charges for what a query scans until its end
        with suppress(Exception):
            logs.stop_query(queryId=query_id)
        raise
    if response["status"] != "Complete":
        raise QueryFailed(f"the query {query_id} ended as {response['status']}")
    rows = response["results"]
    bytes_scanned = response.get("statistics", {}).get("bytesScanned")
    while token := response.get("nextToken"):
        response = logs.get_query_results(queryId=query_id, nextToken=token)
        rows += response["results"]
    return QueryResult(
        [{field["field"]: field["value"] for field in row if "value" in field} for row in rows],
        bytes_scanned,
    )


_RUNNING: Final = ("Scheduled", "Running", "Unknown")
_BETWEEN_REQUESTS: Final = 1.0  # seconds
