"""Where ``s3batch smoke`` keeps its objects, and what it removes."""

from __future__ import annotations

from typing import Any

import pytest

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.job._stack_outputs import StackOutputs
from s3batch_handler.cli.smoke._places import Places

STACK = StackOutputs(
    "arn:…:function:f:1", "arn:…:role/r", "s3://jobs/manifests", "s3://jobs/reports/"
)


def _places(parameters: dict[str, str] | None = None, **options: Any) -> Places:
    given: dict[str, Any] = {"bucket": None, "outputs": (), "partition": "aws", **options}
    return Places.of_stack(given.pop("stack", STACK), parameters or {}, **given)


def test_parameters_of_the_stack_are_defaults() -> None:
    parameters = {"SourceBucket": "photos", "TargetBucket": "results"}

    assert _places(parameters).bucket == "photos"
    assert _places(parameters).outputs == ("results",)
    assert _places().bucket == "jobs"
    assert _places(parameters, bucket="mine", outputs=("a", "b", "a")).buckets == (
        *("mine", "jobs", "a", "b", "results"),
    )


def test_every_folder_has_the_name_of_the_test() -> None:
    places = _places({"SourceBucket": "photos", "TargetBucket": "results"})
    name = places.name

    assert [*places.folders()] == [
        ("photos", f"{name}/"),
        ("results", f"{name}/"),
        ("jobs", f"manifests/{name}/"),
        ("jobs", f"reports/{name}/"),
    ]
    assert places.name != _places().name


def test_a_stack_without_prefixes_has_folders_of_its_own() -> None:
    places = _places(stack=STACK._replace(manifests="s3://jobs", reports="s3://jobs/"))

    assert [*places.folders()] == [("jobs", places.prefix)]


@pytest.mark.parametrize("bucket", ["my\x7fphotos", "my photos", "arn:aws:s3:::my-photos"])
def test_a_bucket_with_another_name_is_refused(bucket: str) -> None:
    """Nothing is asked, and so nothing is created."""
    places = _places(bucket=bucket)

    with pytest.raises(InvalidArgument, match="is not a valid bucket name"):
        places.check(None)


def test_an_output_that_is_not_in_s3_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="ReportLocation is not s3://bucket/prefix"):
        _places(stack=STACK._replace(reports="reports"))
