"""The comparison of two jobs: each change of one of them is found."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.cli.smoke._compare import Comparison, compare
from s3batch_handler.cli.smoke._job import Observed
from s3batch_handler.cli.smoke._objects import OBJECTS
from s3batch_handler.cli.smoke._places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES = Places(
    name="smoke-0123456789ab",
    bucket="photos",
    outputs=(),
    manifest_bucket="jobs",
    manifest_folder="manifests/smoke-0123456789ab",
    report_bucket="jobs",
    report_prefix="reports/smoke-0123456789ab",
    partition="aws",
)


def _observed(job_id: str) -> Observed:
    index = f"{PLACES.report_prefix}/job-{job_id}/manifest.json"
    rows = "".join(
        f'photos,{item.spelling(PLACES.prefix)},\\N,succeeded,200,,"done, in 3 seconds"\r\n'
        for item in OBJECTS
        for _ in range(item.lines)
    ).encode()
    results = index.replace("manifest.json", f"results/{hashlib.sha1(rows).hexdigest()}.csv")
    manifest = {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": "2026-11-30T17:44:04.806979317Z",
        "Results": [
            {
                "TaskExecutionStatus": "succeeded",
                "Bucket": "jobs",
                "MD5Checksum": hashlib.md5(rows).hexdigest(),
                "Key": results,
            }
        ],
        "ReportSchema": "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, …",
    }
    content = json.dumps(manifest).encode()
    return Observed(
        description={
            "JobId": job_id,
            "Status": "Complete",
            "ProgressSummary": {"TotalNumberOfTasks": 28, "Timers": {"ElapsedTime…": 1}},
        },
        statuses=("New", "Active", "Complete"),
        files={
            index: content,
            f"{index}.md5": hashlib.md5(content).hexdigest().encode(),
            results: rows,
        },
        index=index,
        labels={job_id: "<job ID>"},
    )


def _with_rows(observed: Observed, old: str, new: str) -> Observed:
    """Return a job with another text in its results, with the right checksums."""
    manifest = copy.deepcopy(observed.manifest())
    (result,) = manifest["Results"]
    rows = observed.files[result["Key"]].replace(old.encode(), new.encode(), 1)
    assert rows != observed.files[result["Key"]]
    result["MD5Checksum"] = hashlib.md5(rows).hexdigest()
    content = json.dumps(manifest).encode()
    index_md5 = hashlib.md5(content).hexdigest().encode()
    files = {observed.index: content, f"{observed.index}.md5": index_md5, result["Key"]: rows}
    return replace(observed, files=files)


def _different(aws: Observed, local: Observed) -> dict[tuple[str, str], list[str]]:
    return {
        (each.subject, each.name): each.differences
        for each in compare(aws, local, OBJECTS, PLACES)
        if not each.is_same
    }


def test_two_runs_of_the_same_job_are_the_same() -> None:
    """Job IDs, statuses that were not seen and durations do not count."""
    aws = _with_rows(_observed("1-a"), "in 3 seconds", "in 4.1 seconds")
    local = replace(_observed("2-b"), statuses=("Preparing", "Ready", "Complete"))

    assert _different(aws, local) == {}


@pytest.mark.parametrize(
    ("old", "new", "name", "differences"),
    [
        ("/plain.txt", "/pl%61in.txt", "plain key", ["key"]),
        ("%20words.txt,\\N", "%20words.txt,", "space", ["version_id"]),
        ("%20words.txt,\\N,succeeded,200,,", "%20words.txt,\\N,succeeded,,200,", "space",
         ["http_status", "error_code"]),
        ("twice.txt,\\N,succeeded", "twice.txt,\\N,failed", "listed twice", ["status"]),
        ('plain.txt,\\N,succeeded,200,,"done, in 3 seconds"', "plain.txt,\\N,succeeded,200,,done",
         "plain key", ["message", "quoted"]),
        ("photos,", '"photos",', "plain key", ["quoted"]),
        ('seconds"', 'seconds",', "plain key", ["columns"]),
        ("photos", "other", "plain key", ["bucket"]),
    ],
)  # fmt: skip
def test_each_difference_of_a_row_is_named(
    old: str, new: str, name: str, differences: list[str]
) -> None:
    aws = _with_rows(_observed("1-a"), old, new)

    assert _different(aws, _observed("2-b")) == {("object", name): differences}


def test_a_row_that_is_missing_or_has_another_key_is_found() -> None:
    aws = _with_rows(_observed("1-a"), "/plain.txt", "/plane.txt")

    different = _different(aws, _observed("2-b"))

    assert {*different} == {("object", "plain key"), ("object", "row of an unknown key")}


def _without_report(observed: Observed) -> Observed:
    return replace(observed, files={})


def _with_line_feeds(observed: Observed) -> Observed:
    return replace(
        observed,
        files={key: body.replace(b"\r\n", b"\n") for key, body in observed.files.items()},
    )


def _with(**members: Any) -> Callable[[Observed], Observed]:
    """Return a function that changes the description of a job."""
    return lambda job: replace(job, description={**job.description, **members})


def _with_statuses(*statuses: str) -> Callable[[Observed], Observed]:
    return lambda job: replace(job, statuses=statuses)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (_without_report, {"manifest.json", "Format", "line ends"}),
        (_with_line_feeds, {"line ends", "Results"}),
        (_with(Status="Failed"), {"Status"}),
        (
            _with(ProgressSummary={"TotalNumberOfTasks": 27}),
            {"TotalNumberOfTasks", "members of Job"},
        ),
        (_with(FailureReasons=[{"FailureCode": "X"}]), {"FailureReasons"}),
        (_with(SuspendedCause="?"), {"members of Job"}),
        (_with_statuses("New", "Suspended", "Complete"), {"statuses"}),
        (_with_statuses("Active", "Preparing", "Complete"), {"statuses"}),
    ],
)
def test_each_difference_of_a_report_or_a_job_is_named(
    change: Callable[[Observed], Observed], names: set[str]
) -> None:
    different = _different(change(_observed("1-a")), _observed("2-b"))

    assert names <= {name for subject, name in different if subject != "object"}


def test_a_comparison_lists_the_values_that_only_one_job_has() -> None:
    comparison = Comparison(subject="object", name="x", aws={"a": 1}, local={"a": 1, "b": None})

    assert comparison.is_same  # a value that is missing and one that is None are the same
    assert Comparison(subject="job", name="x", aws={}, local={"a": 1}).differences == ["a"]


@pytest.mark.parametrize(
    "content",
    [b"", b"no JSON", b"[]", b"{}", b'{"Results": 1}', b'{"Results": [1, {}, {"Key": null}]}'],
)
def test_a_report_in_another_format_is_a_difference_and_not_an_error(content: bytes) -> None:
    """Otherwise the command would end before it shows what AWS does."""
    local = _observed("1-a")
    aws = replace(local, files={**local.files, local.index: content})

    comparisons = compare(aws, local, OBJECTS, PLACES)

    different = {each.name for each in comparisons if not each.is_same}
    assert {"plain key", "manifest.json"} <= different
