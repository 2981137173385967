"""From a manifest to a report in which every line is answered, with the failed tasks run again."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest
from click.testing import CliRunner

from s3batch_handler import ObjectRef
from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.documents import write_manifest
from s3batch_handler.documents.manifests._manifest import read_entries
from s3batch_handler.jobs._aws_clients import s3control_client
from tests.support.serving import COMMAND, clean_environment, server_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Fails for objects that contain "bad" until they are repaired: first "bad once", then "bad twice".
APP = """
from pathlib import Path

import boto3
from s3batch_handler import PermanentFailure, task_handler

s3 = boto3.client("s3")
repaired = Path(__file__).with_name("repaired")


@task_handler
def handler(task):
    body = s3.get_object(**task.location)["Body"].read().decode()
    if "bad" in body and body not in (repaired.read_text() if repaired.exists() else ""):
        raise PermanentFailure(f"{task.job.arguments['say']}: {body}")
    return f"{task.job.arguments['say']}: {body}"
"""
OBJECTS = {
    "2024/a b+c.txt": "good",
    'quote ",comma.txt': "bad once",
    '{"source": "x y", "n": 1}': "bad once",
    "twice.txt": "bad twice",
    "käse.txt": "bad never",
}


class World(NamedTuple):
    """A server with a function and a bucket that has versions, and commands that use it."""

    folder: Path
    address: str
    s3: Any
    control: Any

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run ``s3batch`` as a process, and return its output."""
        run = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**clean_environment(), "AWS_ENDPOINT_URL": self.address},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == code, run.stderr
        return run.stdout

    def quickly(self, *arguments: str, code: int = 0) -> str:
        """Run ``s3batch`` in this process: to start a process takes a second."""
        others: dict[str, str | None] = {name: None for name in os.environ if "AWS" in name}
        variables = {**others, **clean_environment(), "AWS_ENDPOINT_URL": self.address}
        with contextlib.chdir(self.folder):
            run = CliRunner(env=variables).invoke(s3batch_command, arguments)
        assert run.exit_code == code, run.stderr
        return run.stdout

    def json_quickly(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.quickly(*arguments, "--json", code=code))
        return found

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self(*arguments, "--json", code=code))
        return found

    def repair(self, *bodies: str) -> None:
        (self.folder / "repaired").write_text(" ".join(bodies))

    def manifest(self, location: str) -> None:
        """Create a manifest of all versions of all objects; one object is on two lines."""
        versions = self.s3.list_object_versions(Bucket="photos")["Versions"]
        objects = [
            ObjectRef(bucket="photos", key=version["Key"], version_id=version["VersionId"])
            for version in versions
        ]
        content = io.BytesIO()
        write_manifest(content, [*objects, *(item for item in objects if "twice" in item.key)])
        if location.startswith("s3://"):
            key = location.removeprefix("s3://jobs/")
            self.s3.put_object(Bucket="jobs", Key=key, Body=content.getvalue())
        else:
            (self.folder / location).write_bytes(content.getvalue())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("story")
    (folder / "app.py").write_text(APP)
    with server_process(folder, "--function", "read=app.py:handler") as (_, address):
        session: Any = boto3.Session("testing", "testing", region_name="eu-west-1")
        s3 = session.client("s3", endpoint_url=address)
        where = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
        for bucket in ("photos", "jobs"):
            s3.create_bucket(Bucket=bucket, **where)
        s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
        for key, body in OBJECTS.items():
            s3.put_object(Bucket="photos", Key=key, Body=body.encode())
            s3.put_object(Bucket="photos", Key=key, Body=f"{body}, version 2".encode())
        control = s3control_client(session, endpoint_url=address)
        yield World(folder, address, s3, control)


def test_failed_tasks_of_local_jobs_are_run_again(world: World) -> None:
    """Two redrives, merged with the first job, answer every line of the manifest."""
    world.repair()
    world.manifest("manifest.csv")

    first = world.json_quickly(
        "run", "app.py", "--manifest", "manifest.csv", "-a", "say=hi", "-q", code=1
    )
    world.repair("bad once", "bad once, version 2")
    second = world.json_quickly("run", "--failed-from", first["report"], "-q", code=1)
    world.repair("bad once bad twice", "bad twice, version 2")
    third = world.json_quickly("run", "--failed-from", second["job_id"], "-q", code=1)

    assert (first["total"], first["failed"]) == (12, 10)
    assert (second["total"], third["total"], third["failed"]) == (10, 6, 2)
    reports = [job["report"] for job in (third, first, second)]
    merged = world.json_quickly("report", "merge", *reports, "--to", "merged")
    assert (merged["succeeded"], merged["failed"], merged["warnings"]) == (10, 2, [])
    assert merged["jobs"] == [job["job_id"] for job in (first, second, third)]
    world.quickly("report", "verify", "merged", "--manifest", "manifest.csv")
    failed = world.quickly("report", "failed", "merged", "--json")
    rows = [json.loads(line) for line in failed.splitlines()]
    assert {row["message"] for row in rows} == {"hi: bad never", "hi: bad never, version 2"}
    assert all(row["version_id"] for row in rows)


def test_failed_tasks_of_jobs_of_a_server_are_run_again(world: World) -> None:
    """The new job has the settings of the old one, and a tag with its ID."""
    world.repair()
    world.manifest("s3://jobs/manifests/m.csv")
    how = ("--no-confirm", "--wait", "-q")

    first = world.json(
        *("job", "submit", "--manifest", "s3://jobs/manifests/m.csv", "--function", "read"),
        *("--fields", "Bucket,Key,VersionId", "--role", "batch", "--report", "s3://jobs/reports"),
        *("--priority", "7", "-a", "say=hi", *how),
        code=1,
    )
    world.repair("bad once", "bad once, version 2")
    second = world.json("job", "submit", "--failed-from", first["JobId"], *how, code=1)
    world.repair("bad once bad twice", "bad twice, version 2")
    report = f"s3://jobs/reports/job-{second['JobId']}"
    invoke = {"LambdaInvoke": {"UserArguments": {"say": "forged"}}}
    forged = {"JobId": second["JobId"], "Operation": invoke, "Local": {"Handler": "forged.py"}}
    world.s3.put_object(
        Bucket="jobs", Key=f"reports/job-{second['JobId']}/job.json", Body=json.dumps(forged)
    )
    third = world.json_quickly(
        *("job", "submit", "--failed-from", report, "--priority", "8", *how), code=1
    )

    jobs = (first, second, third)
    assert [job["ProgressSummary"]["NumberOfTasksFailed"] for job in jobs] == [10, 6, 2]
    assert [job["Priority"] for job in jobs] == [7, 7, 8]
    assert [job["Operation"] for job in jobs] == [first["Operation"]] * 3
    assert [job["Report"] for job in jobs] == [first["Report"]] * 3
    tags = world.control.get_job_tagging(AccountId="123456789012", JobId=third["JobId"])["Tags"]
    assert tags == [{"Key": "s3batch:redrive-of", "Value": second["JobId"]}]
    manifest = third["Manifest"]["Location"]["ObjectArn"]
    assert manifest.startswith(f"arn:aws:s3:::jobs/manifests/job-{second['JobId']}-redrive-")
    merged = world.json(
        *("report", "merge", *(job["JobId"] for job in reversed(jobs)), "--to", "s3://jobs/merged")
    )
    assert (merged["succeeded"], merged["failed"], merged["warnings"]) == (10, 2, [])
    verify = ("report", "verify", "s3://jobs/merged", "--manifest", "s3://jobs/manifests/m.csv")
    world(*verify)
    fourth = world.json_quickly("job", "submit", "--failed-from", "s3://jobs/merged", *how, code=1)
    assert fourth["ProgressSummary"]["TotalNumberOfTasks"] == 2
    assert fourth["Operation"] == first["Operation"]
    world.quickly("report", "verify", first["JobId"], "--manifest", "s3://jobs/manifests/m.csv")


def test_failed_tasks_of_a_job_of_a_server_run_on_this_machine(world: World) -> None:
    """With the arguments of the job; the report of the run is merged with that of the job."""
    world.repair()
    world.manifest("s3://jobs/here/m.csv")
    job = world.json_quickly(
        *("job", "submit", "--manifest", "s3://jobs/here/m.csv", "--function", "read"),
        *("--fields", "Bucket,Key,VersionId", "--role", "batch", "--report", "s3://jobs/reports"),
        *("-a", "say=hi", "--no-confirm", "--wait", "-q"),
        code=1,
    )
    endpoint = ("--endpoint-url", world.address)
    summary = world.quickly("report", "summary", job["JobId"], *endpoint)
    command = f"s3batch job submit --failed-from {job['JobId']} {' '.join(endpoint)}"
    assert command in " ".join(summary.replace("\\\n", " ").split())
    world.repair("bad once, version 2", "bad twice, version 2")

    run = world.json_quickly("run", "app.py", "--failed-from", job["JobId"], "-q", code=1)

    assert (run["total"], run["succeeded"]) == (10, 8)
    merge = ("report", "merge", run["job_id"], job["JobId"], "--to", "here")
    merged = world.json_quickly(*merge)
    assert (merged["total"], merged["failed"], merged["warnings"]) == (12, 2, [])
    assert merged["jobs"] == [job["JobId"], run["job_id"]]


def test_a_job_without_failures_is_not_run_again(world: World) -> None:
    """No manifest is uploaded and no job is created."""
    world.s3.put_object(Bucket="jobs", Key="fine/m.csv", Body=b"photos,2024/a%20b%2Bc.txt\n")
    job = world.json_quickly(
        *("job", "submit", "--manifest", "s3://jobs/fine/m.csv", "--function", "read"),
        *("--role", "batch", "--report", "s3://jobs/reports", "-a", "say=hi"),
        *("--no-confirm", "--wait", "-q"),
    )

    world.quickly("job", "submit", "--failed-from", job["JobId"], code=1)

    listed = world.s3.list_objects_v2(Bucket="jobs", Prefix="fine/")["Contents"]
    assert [item["Key"] for item in listed] == ["fine/m.csv"]


def test_a_local_report_needs_the_settings_of_a_job(world: World) -> None:
    """With these, the failed tasks of a local job are run again in AWS."""
    world.repair()
    world.manifest("local.csv")
    run = ("run", "app.py", "--manifest", "local.csv", "-a", "say=hi", "-q")
    local = world.json_quickly(*run, code=1)
    world.repair("bad once", "bad once, version 2")

    redrive = ("job", "submit", "--failed-from", local["report"], "--function", "read")
    where = ("--role", "batch", "--report", "s3://jobs/local")
    world.quickly(*redrive, code=2)
    job = world.json_quickly(*redrive, *where, "--no-confirm", "--wait", "-q", code=1)

    assert job["ProgressSummary"]["NumberOfTasksSucceeded"] == 4
    name = job["Manifest"]["Location"]["ObjectArn"].removeprefix("arn:aws:s3:::jobs/")
    assert name.startswith(f"local/job-{local['job_id']}-redrive-")
    entries = [*read_entries(world.s3.get_object(Bucket="jobs", Key=name)["Body"])]
    assert len(entries) == 10
