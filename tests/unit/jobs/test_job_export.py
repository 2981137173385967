"""Job files of existing jobs: the same request, in each format."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3batch_handler.core._errors import JobError
from s3batch_handler.jobs import Job, JobSpec, read_job_file
from s3batch_handler.jobs.files._export import JobFileFormat, job_file_text, request_like
from tests.support.job_requests import REQUEST, invalid, requests
from tests.support.jobs import CREATED, a_request

FORMATS: tuple[JobFileFormat, ...] = get_args(JobFileFormat)


def job_of(request: dict[str, Any]) -> tuple[Job, dict[str, str]]:
    """Return the job of a request, as DescribeJob returns it, and its tags."""
    spec = JobSpec.from_request(request)
    job = Job.new(spec, job_id="job-1", job_arn="arn:x", creation_time=CREATED)
    return Job.from_description(job.to_description()), dict(spec.tags)


def read_back(text: str, file_format: str) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"job.{file_format}")
        path.write_text(text, encoding="utf-8")
        return read_job_file(path).request


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(request=requests(), file_format=st.sampled_from(FORMATS))
def test_an_exported_job_has_the_same_request(
    request: dict[str, Any], file_format: JobFileFormat
) -> None:
    """For each operation, in each format. botocore accepts it."""
    job, tags = job_of(request)

    read = read_back(job_file_text(job, tags, file_format=file_format), file_format)

    expected = {**request, "ConfirmationRequired": request.get("ConfirmationRequired", True)}
    del expected["ClientRequestToken"]
    assert read == expected
    assert not invalid(REQUEST, {**read, "AccountId": "1" * 12, "ClientRequestToken": "t"})


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        "${name} $${x} $",
        "a\u202eb",
        "\U0001f600 ü",
        "x: [1, 2] # no",
        "ON",
        "line\nline",
        "\x7f'\"",
    ],
)
def test_texts_are_exported_without_change(file_format: JobFileFormat, text: str) -> None:
    """References are escaped; no text controls a terminal."""
    job, tags = job_of(a_request(Description=text))

    exported = job_file_text(job, tags, file_format=file_format)

    assert read_back(exported, file_format)["Description"] == text
    assert exported.replace("\n", "").isprintable()


@pytest.mark.parametrize("text", ["012345678901", "1e3", "0o17", "-0009", ".5", "1_0", "0x1f"])
def test_text_that_yaml_1_2_reads_as_a_number_has_quotes(text: str) -> None:
    """PyYAML reads YAML 1.1; the AWS CLI and editors read 1.2, in which account IDs are numbers."""
    job, tags = job_of(a_request(Description=text, Priority=9))

    exported = job_file_text(job, tags, file_format="yaml")

    assert f"\nDescription: '{text}'\n" in exported
    assert "\nPriority: 9\n" in exported


def test_comments_say_what_is_left_out() -> None:
    job, tags = job_of(a_request())

    for file_format in ("yaml", "toml"):
        text = job_file_text(job, tags, file_format=file_format)
        assert text.startswith(f"# Job job-1, created {CREATED.isoformat(' ', 'seconds')}\n")
        assert "AccountId" in text
        assert "ClientRequestToken" in text


def test_a_generated_manifest_is_generated_again() -> None:
    """AWS's console cannot clone such jobs; the comment names the manifest that was generated."""
    generator = {
        "S3JobManifestGenerator": {
            "SourceBucket": "arn:aws:s3:::photos",
            "EnableManifestOutput": False,
            "Filter": {"CreatedAfter": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)},
        }
    }
    request = a_request(ManifestGenerator=generator)
    del request["Manifest"]
    job, tags = job_of(request)
    location = {"ObjectArn": "arn:aws:s3:::made/manifest.json", "ETag": "x"}
    described = {
        **job.to_description(),
        "GeneratedManifestDescriptor": {"Format": "f", "Location": location},
    }

    text = job_file_text(Job.from_description(described), tags, file_format="yaml")

    assert "The manifest that was generated: arn:aws:s3:::made/manifest.json" in text
    assert read_back(text, "yaml")["ManifestGenerator"] == generator


def test_a_job_without_a_manifest_cannot_be_created_again() -> None:
    job, _ = job_of(a_request())

    with pytest.raises(JobError, match="its description has no Manifest, so it cannot"):
        request_like(job.model_copy(update={"manifest": None}), {})
