"""``s3batch report redrive``: a manifest of the tasks that failed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from s3batch_handler.documents._manifest import read_entries

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
    assert content.decode().splitlines() == list(lines[1:])
    assert (facts["objects"], facts["fields"]) == (2, ["Bucket", "Key"])
    assert facts["etag"] == hashlib.md5(content).hexdigest()
    again = s3batch("run", "app:handler", "--manifest", "failed.csv", "--json")
    assert json.loads(again.stdout)["failed"] == 2


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


def test_nothing_is_written_if_no_task_failed(s3batch: Shell) -> None:
    """S3 refuses empty manifests. A file that exists keeps its content."""
    manifest = s3batch.manifest("b,fine")
    s3batch("run", "app:handler", "--manifest", manifest)
    (s3batch.folder / "old.csv").write_text("old")

    for name in ("new.csv", "old.csv"):
        made = s3batch("report", "redrive", "--to", name)
        assert made.returncode == 1
        assert "no task failed, so there is nothing to do again" in made.stderr

    assert not (s3batch.folder / "new.csv").exists()
    assert (s3batch.folder / "old.csv").read_text() == "old"


def test_the_manifest_of_the_job_is_not_replaced(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,fail")
    s3batch("run", "app:handler", "--manifest", manifest)

    made = s3batch("report", "redrive", "--to", manifest, "--manifest", f"./{manifest}")

    assert made.returncode == 2
    assert "this is the manifest of the job" in made.stderr
