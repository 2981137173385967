"""The header with the progress of a job that ``s3batch serve`` runs."""

from __future__ import annotations

import pytest

from s3batch_handler.documents.reports._failure_groups import FailureGroup
from s3batch_handler.documents.reports._rows import ReportRow, TaskStatus
from s3batch_handler.engine.run._progress_header import to_header, with_header
from s3batch_handler.engine.run._run_progress import RunProgress


def failure(message: str, key: str) -> FailureGroup:
    row = ReportRow(
        bucket="b",
        key=key,
        version_id=None,
        status=TaskStatus.FAILED,
        http_status=200,
        error_code="PermanentFailure",
        message=message,
    )
    return FailureGroup("PermanentFailure", message, 7, (row,))


COUNTS = RunProgress(10, 4, 3, 60)


def test_a_client_reads_the_progress_that_the_server_sends() -> None:
    """The counts are those of DescribeJob."""
    known = RunProgress(
        9,
        9,
        9,
        waiting=2,
        pass_number=3,
        answers=12,
        workers=4,
        failures=(failure("no: é\n", "a/漢"),),
    )

    read = with_header(COUNTS, to_header(known))

    assert read is not None
    assert (read.total, read.succeeded, read.failed, read.active_seconds) == (10, 4, 3, 60)
    assert (read.waiting, read.pass_number, read.answers, read.workers) == (2, 3, 12, 4)
    assert read.tolerated is None
    (group,) = read.failures
    assert (group.error_code, group.message, group.count) == ("PermanentFailure", "no: é\n", 7)
    assert group.examples[0].key == "a/漢"


def test_a_header_is_short_printable_ascii() -> None:
    """Whatever keys and messages contain."""
    hostile = failure("\r\nX-Evil: 1\x00" + "漢" * 2000, "\ud800\x1b[2J" * 500)

    header = to_header(RunProgress(10, 4, 3, failures=(hostile,) * 3))

    assert header.isascii()
    assert header.isprintable()
    assert len(header) < 8192


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"waiting":"x","pass_number":1,"answers":1,"workers":1,"tolerated":1,"failures":[]}',
        '{"waiting":1,"pass_number":1,"answers":1,"workers":1,"tolerated":1,"failures":[1]}',
        '{"waiting":1,"pass_number":null,"answers":1,"workers":1,"tolerated":1,"failures":[]}',
        "[" * 100_000,
        *(
            f'{{"waiting":{number},"pass_number":1,"answers":1,"workers":1,"tolerated":1,'
            '"failures":[]}'
            for number in ("Infinity", "-Infinity", "NaN", "1e999", "-1", "1.5", "true", '"1"')
        ),
        *(
            f'{{"waiting":1,"pass_number":1,"answers":1,"workers":{number},"tolerated":1,'
            '"failures":[]}'
            for number in ("Infinity", "[]", '""', "9" * 400, "9" * 5000)
        ),
        (
            '{"waiting":1,"pass_number":1,"answers":1,"workers":1,"tolerated":1,"failures":'
            '[{"code":"c","message":"m","key":"k","count":Infinity}]}'
        ),
    ],
)
def test_a_header_that_is_not_valid_is_ignored(header: str) -> None:
    """Another server or a proxy may have sent it."""
    assert with_header(COUNTS, header) is None
