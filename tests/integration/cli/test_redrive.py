"""``s3batch report redrive``: a manifest of the tasks that failed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from s3batch_handler.documents.manifests._manifest import read_entries

if TYPE_CHECKING:
    from tests.support.shell import Shell


def test_the_manifest_of_the_failed_tasks_can_be_run(s3batch: Shell) -> None:
    """Its lines are those of the first manifest, and the facts are what CreateJob requires."""
    lines = ("b,fine", "b,fail%2C1", 'b,"fail,2"')
    manifest = s3batch.manifest(*lines)
    s3batch("run", "app:handler", "--manifest", manifest)

    made = s3batch("report", "redrive", "--to", "failed.csv", "--manifest", manifest, "--json")

    facts = json.loads(made.stdout)
    content = (s3batch.folder / "failed.csv").read_bytes()
    assert sorted(content.decode().splitlines()) == sorted(lines[1:])
    assert (facts["objects"], facts["fields"]) == (2, ["Bucket", "Key"])
    assert facts["etag"] == hashlib.md5(content).hexdigest()
    again = s3batch("run", "app:handler", "--manifest", "failed.csv", "--json")
    assert json.loads(again.stdout)["failed"] == 2


@mock_aws
def test_the_etag_of_an_upload_needs_no_other_request(
    s3batch: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The permission to write is enough, and nobody can replace the manifest meanwhile."""
    s3: Any = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="lists")
    s3batch("run", "app:handler", "--manifest", s3batch.manifest("b,fail"))
    operations: list[str] = []
    client_class: Any = BaseClient
    call = client_class._make_api_call

    def recording_call(client: Any, operation: str, arguments: Any) -> Any:
        operations.append(operation)
        return call(client, operation, arguments)

    monkeypatch.setattr(client_class, "_make_api_call", recording_call)
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    made = s3batch("report", "redrive", "--to", "s3://lists/failed.csv", "--json", **keys)

    assert operations == ["PutObject"]
    etag = s3.head_object(Bucket="lists", Key="failed.csv")["ETag"]
    assert etag == f'"{json.loads(made.stdout)["etag"]}"'


def test_a_folder_is_not_a_manifest(s3batch: Shell) -> None:
    refused = s3batch("report", "redrive", "--to", "failed.csv/")

    assert refused.returncode == 2
    assert "--to failed.csv/: this is a folder. Name a file" in refused.stderr


def test_failures_are_selected_by_code_and_message(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fail", "b,later", "b,fine")
    s3batch("run", "app:handler", "--manifest", manifest)

    by_code = s3batch("report", "redrive", "--to", "code.csv", "--code", "TemporaryFailure")
    s3batch("report", "redrive", "--to", "message.csv", "--message", "it says")

    assert by_code.returncode == 0
    assert "s3batch run app:handler --manifest code.csv" in by_code.stderr
    for name, key in (("code.csv", "later"), ("message.csv", "fail")):
        with (s3batch.folder / name).open("rb") as file:
            assert [entry.encoded_key for entry in read_entries(file)] == [key]


def test_the_next_command_runs_the_tasks_as_in_their_job(s3batch: Shell) -> None:
    (s3batch.folder / "photos").mkdir()
    (s3batch.folder / "photos" / "fail").touch()
    job = _run(s3batch, "app:handler", "--source", "photos", "-a", "target=x")["job_id"]

    of_all = s3batch("report", "redrive", "--to", "all.csv")
    of_some = s3batch("report", "redrive", "--to", "some.csv", "--prefix", "f")
    summary = s3batch("report", "summary")

    assert f"next: s3batch run --failed-from {job}\n" in of_all.stderr
    source = f"--source {s3batch.folder / 'photos'} --bucket photos"
    command = f"s3batch run app:handler --manifest some.csv {source} --arguments target=x"
    assert f"next: {command}\n" in of_some.stderr
    assert f"\n  s3batch run --failed-from {job}\n" in summary.stdout
    again = s3batch.line(command)
    assert (again.returncode, "it says fail" in again.stdout) == (1, True), again.stderr


@pytest.mark.parametrize(
    "command", ["report redrive --to", "run app:handler --source . --save-manifest"]
)
def test_a_csv_manifest_is_not_saved_as_json(s3batch: Shell, command: str) -> None:
    """Such a name means an inventory, and perhaps the index of the report, which would be lost."""
    s3batch("run", "app:handler", "--manifest", s3batch.manifest("b,fail"))
    (index,) = s3batch.folder.glob("s3batch-reports/job-*/manifest.json")
    content = index.read_bytes()

    run = s3batch(*command.split(), str(index))

    assert (run.returncode, run.stdout) == (2, "")
    assert "the manifest is a CSV file. Name a file that ends in .csv" in run.stderr
    assert index.read_bytes() == content


def test_nothing_is_written_if_no_task_failed(s3batch: Shell) -> None:
    """S3 refuses empty manifests. A file that exists keeps its content."""
    manifest = s3batch.manifest("b,fine")
    s3batch("run", "app:handler", "--manifest", manifest)
    (s3batch.folder / "old.csv").write_text("old")

    for name in ("new.csv", "old.csv"):
        made = s3batch("report", "redrive", "--to", name)
        assert made.returncode == 1
        assert "no task failed, so there is no task to run again" in made.stderr

    assert not (s3batch.folder / "new.csv").exists()
    assert (s3batch.folder / "old.csv").read_text() == "old"


def test_the_manifest_of_the_job_is_not_replaced(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fail")
    s3batch("run", "app:handler", "--manifest", manifest)

    made = s3batch("report", "redrive", "--to", manifest, "--manifest", f"./{manifest}")

    assert made.returncode == 2
    assert "this is the manifest of the job" in made.stderr


def test_tasks_without_their_version_id_are_left_out_and_counted(s3batch: Shell) -> None:
    """S3 fails them each time. The merged report still has them, so every line is answered."""
    manifest = s3batch.manifest("b,fail1,v1", "b,fail2,", "b,fail3,null")
    first = _run(s3batch, "app:handler", "--manifest", manifest)

    made = s3batch("report", "redrive", "--to", "failed.csv", "--json")
    second = _run(s3batch, "--failed-from", first["report"], "--manifest", manifest)

    assert json.loads(made.stdout)["left_out"] == 1
    assert "left out: 1 task without a version ID" in made.stderr
    assert sorted((s3batch.folder / "failed.csv").read_text().split()) == [
        "b,fail1,v1",
        "b,fail3,null",
    ]
    assert second["total"] == 2
    s3batch("report", "merge", second["report"], first["report"], "--to", "merged")
    assert s3batch("report", "verify", "merged", "--manifest", manifest).returncode == 0


def test_a_merge_prints_the_counts_and_all_jobs(s3batch: Shell) -> None:
    """Exit code 0, although tasks have failed."""
    manifest = s3batch.manifest("b,fine", "b,fail")
    first = _run(s3batch, "app:handler", "--manifest", manifest)
    second = _run(s3batch, "--failed-from", first["report"])

    merge = ("report", "merge", second["report"], first["report"])
    merged = s3batch(*merge, "--to", "merged", "--json")
    text = s3batch(*merge, "--to", "other")

    assert (merged.returncode, text.returncode) == (0, 0)
    facts = json.loads(merged.stdout)
    assert (facts["total"], facts["succeeded"], facts["failed"]) == (2, 1, 1)
    assert facts["jobs"] == [first["job_id"], second["job_id"]]
    assert f"Jobs       {first['job_id']}, {second['job_id']}" in text.stdout


def test_reports_that_do_not_belong_together_are_not_merged(s3batch: Shell) -> None:
    """Exit code 1, and one line that names the report and the key. Nothing is written."""
    first = _run(s3batch, "app:handler", "--manifest", s3batch.manifest("b,fine", "b,fail"))
    other = _run(s3batch, "app:handler", "--manifest", s3batch.manifest("b,other", name="o.csv"))

    merged = s3batch("report", "merge", first["report"], other["report"], "--to", "merged")

    assert merged.returncode == 1
    assert other["job_id"] in merged.stderr
    assert "another manifest: s3://b/other" in merged.stderr
    assert not (s3batch.folder / "merged").exists()


def _run(s3batch: Shell, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(s3batch("run", *arguments, "--json").stdout)
    return found
