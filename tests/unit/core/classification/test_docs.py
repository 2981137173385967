"""docs/classification.md lists what the tables contain."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from s3batch_handler.core import _aws_error_table as aws
from s3batch_handler.core import _exception_class_table as classes
from s3batch_handler.core import _inspection as inspection
from s3batch_handler.core import _library_error_table as libraries
from s3batch_handler.core._error_text import describe
from tests.support.classification_page import DOCS, names_in, row_of
from tests.support.exceptions import TEMPORARY

if TYPE_CHECKING:
    import pytest


def test_page_and_tables_have_the_same_rows(subtests: pytest.Subtests) -> None:
    """Each name and reason of a table is in the section of the page for it, and nothing else is."""
    for title, data in [
        ("Temporary codes", aws.TEMPORARY_CODES),
        ("Permanent codes", aws.PERMANENT_CODES),
        ("Temporary classes", classes.TEMPORARY_CLASSES),
        ("Permanent classes", classes.PERMANENT_CLASSES),
        ("Undecided classes", classes.UNDECIDED_CLASSES),
    ]:
        with subtests.test(title=title):
            beside = {*aws.TEMPORARY_PARTS, *libraries.TEMPORARY_ERRNOS, *aws.ORIGINAL_STATUSES}
            beside |= {*classes.UNTRUSTED_TEXTS}
            beside |= {"AWS.SimpleQueueService.QueueDeletedRecently", "KMS.KeyUnavailableException"}
            beside |= {"OSError", "socket.gaierror", "EAI_AGAIN", "socket.herror", "TRY_AGAIN"}
            beside |= {
                *inspection.CAUSES,
                *inspection.REMOTE_TRACEBACKS,
                "ConcurrentAccess",
                "INTERNAL_FAILURE",
            }

            assert names_in(title) - beside == {name for names in data.values() for name in names}
            for reason, names in data.items():
                row = row_of(reason)
                assert set(re.findall(r"`([^`]+)`", row)) - beside == set(names)
                assert row.split("|")[3].strip(), f"{reason}: no source"


def test_page_lists_the_rules_that_inspect_exceptions(subtests: pytest.Subtests) -> None:
    """Each row has the names of the table."""
    for title, rows in [
        (
            "Codes whose message decides",
            {
                why: [name for names in w[1:] for name in names]
                for why, w in aws.MESSAGE_RULES.items()
            },
        ),
        (
            "By what the message says",
            {f"`{name}`": [name, *texts] for name, texts in libraries.TEMPORARY_TEXTS.items()},
        ),
        (
            "By the number of an error",
            {
                f"`{name}`": [name, where, *map(str, numbers)]
                for name, (where, numbers) in libraries.ERROR_NUMBERS.items()
            },
        ),
        (
            "By the SQLSTATE of a database",
            {why: [*states] for why, states in libraries.TEMPORARY_SQLSTATES.items()},
        ),
        (
            "By the status of a gRPC call",
            {
                "temporary": [*libraries.TEMPORARY_RPC_STATUSES],
                "permanent": [*libraries.PERMANENT_RPC_STATUSES],
            },
        ),
        (
            "By the reply of a mail server",
            {f"`{name}`": [name, where] for name, where in libraries.REPLY_CODES.items()},
        ),
        (
            "By the results of a bulk request",
            {f"`{name}`": [name, where] for name, where in libraries.BULK_ERRORS.items()},
        ),
        (
            "By the module that raised the exception",
            {why: [*modules, *cls] for why, (modules, cls) in libraries.TEMPORARY_PLACES.items()},
        ),
    ]:
        with subtests.test(title=title):
            section = DOCS.read_text().split(f"### {title}\n")[1]
            lines = [line for line in section.split("\n#")[0].splitlines() if line.startswith("|")]

            assert len(lines) == len(rows) + 2  # and the head
            for first, names in rows.items():
                assert set(re.findall(r"`([^`]+)`", row_of(first))) == set(names)


def test_page_has_the_lists_of_reasons() -> None:
    section = DOCS.read_text().split("### Several reasons")[1].split("\n#")[0]
    names = set(re.findall(r"`([^`]+)`", section))
    tables = (aws.REASON_LISTS, aws.REASON_LIST_PARTS, aws.REASON_KEYS, aws.UNPROCESSED)

    assert names >= {*itertools.chain(*tables)}


def test_page_has_the_small_tables() -> None:
    page = DOCS.read_text()

    assert names_in("HTTP statuses") >= {str(status) for status in aws.HTTP_STATUSES}
    for status, (code, words) in aws.HTTP_STATUSES.items():
        kind = "temporary" if code is TEMPORARY else "permanent"
        assert f"| `{status}` | {words} | {kind} |" in page
    small = (
        libraries.TEMPORARY_ERRNOS,
        aws.TEMPORARY_PARTS,
        aws.RESPONSE_ATTRIBUTES,
        [inspection.MEMBERS_ATTRIBUTE],
        [libraries.CRT_ERROR],
        [*inspection.MEMBERS_OF.values()],
        classes.UNTRUSTED_TEXTS,
        itertools.chain(*libraries.SQLSTATES_IN.items()),
        libraries.UNDECIDED_SQLSTATES,
        [libraries.RPC_ERROR, *libraries.PERMANENT_RPC_TEXTS],
        itertools.chain(*libraries.GOOGLE_REASONS_IN.items()),
        libraries.TEMPORARY_GOOGLE_REASONS,
        [libraries.MINIO_ERROR, libraries.NO_CONNECTION, libraries.BULK_WRITE_ERROR],
        libraries.BULK_WRITE_LISTS,
        itertools.chain(*libraries.RETRY_FLAGS.items()),
        aws.ORIGINAL_STATUSES,
    )
    for name in itertools.chain(*small):
        assert f"`{name}`" in page
    for name in libraries.STATUS_BY_HEADERS:
        assert f"`.{name}`" in page


def test_import_loads_no_other_library() -> None:
    """AWS errors and timeouts are recognized without the libraries that raise them."""
    heavy = {"botocore", "boto3", "urllib3", "requests", "httpx", "aiohttp", "asyncio", "logging"}
    program = (
        "import sys; import s3batch_handler.core._classification; "
        f"print(sorted({heavy!r} & sys.modules.keys()))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "[]"


def test_signature_of_a_presigned_url_is_removed() -> None:
    """Many people can read a report, and a presigned URL would give them the object."""
    url = "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA/x&X-Amz-Signature=abc123&x=1"
    error = ConnectionError(f"HTTPSConnectionPool: Max retries exceeded with url: {url} (Caused…)")

    words = describe(error)

    assert "abc123" not in words
    assert "AKIA" not in words
    assert (
        "https://b.s3.amazonaws.com/k?X-Amz-Credential=***&X-Amz-Signature=***&x=1 (Caused" in words
    )
