"""The JSON Schema of job files, for editors."""

from __future__ import annotations

import copy
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings

from s3batch_handler.jobs import Job, JobSpec, read_job_file
from s3batch_handler.jobs.files._export import job_file_text
from s3batch_handler.jobs.files._schema import SCHEMA_FILE
from tests.support.job_file_schema import text
from tests.support.job_requests import requests
from tests.support.jobs import CREATED

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = files("s3batch_handler.jobs.files").joinpath(SCHEMA_FILE).read_text("utf-8")
VALIDATOR = jsonschema.Draft7Validator(json.loads(PUBLISHED))

JOB: dict[str, Any] = {
    "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails:PROD", "UserArguments": {"w": 80}}},
    "Manifest": {"Location": {"ObjectArn": "s3://my-jobs/${name}.csv"}},
    "Report": {"Bucket": "s3://my-jobs/reports"},
    "RoleArn": "service-role/batch",
    "Priority": "${priority}",
    "Tags": {"team": "photos"},
    "Variables": {"name": "photos", "priority": 3, "other": None},
    "Profiles": {"prod": {"Priority": 9, "Variables": {"name": "all"}}},
}


def changed(*path: str, to: Any) -> dict[str, Any]:
    """Return the job file with another value at a path; ``...`` removes the member."""
    job = copy.deepcopy(JOB)
    container = job
    for name in path[:-1]:
        container = container[name]
    if to is ...:
        del container[path[-1]]
    else:
        container[path[-1]] = to
    return job


def test_the_published_schema_is_that_of_the_models() -> None:
    """Run ``tests/support/job_file_schema.py`` after a change of the models."""
    assert text() == PUBLISHED
    jsonschema.Draft7Validator.check_schema(json.loads(PUBLISHED))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(request=requests())
def test_it_accepts_each_exported_job(request: dict[str, Any]) -> None:
    spec = JobSpec.from_request(request)
    job = Job.new(spec, job_id="job-1", job_arn="arn:x", creation_time=CREATED)

    exported = json.loads(job_file_text(job, spec.tags, file_format="json"))

    assert [error.message for error in VALIDATOR.iter_errors(exported)] == []


def test_the_example_of_the_page_is_valid(project: Path, tmp_path: Path) -> None:
    """By the schema and by the reader, with and without its profile."""
    page = (project / "docs" / "job-files.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "job.yaml").write_text(example)

    errors = [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(example))]

    assert errors == []
    assert read_job_file(tmp_path / "job.yaml").request["Priority"] == 10
    assert read_job_file(tmp_path / "job.yaml", profile="prod").request["Priority"] == 100


@pytest.mark.parametrize(
    "job",
    [
        JOB,
        changed("Operation", to={"S3DeleteObjectTagging": None}),
        changed("Operation", to={"S3PutObjectLegalHold": {"LegalHold": {"Status": "${status}"}}}),
        changed("Report", to={"Enabled": False}),
        changed("RoleArn", to=...),  # a profile may have it
        changed("Tags", to=[{"Key": "team", "Value": "photos"}]),
    ],
)
def test_it_accepts_what_job_files_may_have(job: dict[str, Any]) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(job)] == []


@pytest.mark.parametrize(
    "job",
    [
        changed("operation", to={}),
        changed("Operation", to={"LambdaInvok": {"FunctionArn": "f"}}),
        changed("Operation", to={}),
        changed("Operation", "S3DeleteObjectTagging", to={}),
        changed("Operation", "LambdaInvoke", "Function", to="f"),
        changed("Operation", "LambdaInvoke", "FunctionArn", to="a b"),
        changed("Operation", to={"S3PutObjectLegalHold": {"LegalHold": {"Status": "YES"}}}),
        changed("Operation", "LambdaInvoke", "UserArguments", to={}),
        changed("Manifest", "Location", "ObjectArn", to="m.csv"),
        changed("Report", to={}),
        changed("RoleArn", to="a b"),
        changed("Priority", to=-1),
        changed("Priority", to="high"),
        changed("Tags", to=["team"]),
        changed("Variables", to={"a b": "c"}),
        changed("Profiles", to={"prod": {"priority": 1}}),
        {name: member for name, member in JOB.items() if name not in ("Profiles", "RoleArn")},
        {name: member for name, member in JOB.items() if name not in ("Profiles", "Manifest")},
    ],
)
def test_it_refuses_wrong_job_files(job: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(job)
