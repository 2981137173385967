"""``s3batch smoke`` against a server that behaves as AWS, or not.

The server has the role of AWS. The command runs as a process, because its local server would empty
moto's memory in this one.
"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.cli.smoke._objects import OBJECTS
from tests.support.proxy import Exchange, changing_proxy, denied
from tests.support.terminal import terminal

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.integration.cli.smoke.conftest import Stacks

pytestmark = pytest.mark.slow

SMOKE = ("--stack", "smoke", "--yes", "--quiet", "--arguments", "target=my-results")


def _comparisons(run: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_every_kind_of_object_is_the_same_in_both_jobs(stacks: Stacks) -> None:
    """The server runs the same code as the local engine, so nothing differs."""
    run = stacks.run(*SMOKE, "--json")

    assert run.returncode == 0, run.stdout + run.stderr
    comparisons = _comparisons(run)
    objects = [each for each in comparisons if each["subject"] == "object"]
    assert {each["name"] for each in objects} == {item.kind for item in OBJECTS}
    assert all(each["same"] for each in comparisons)
    assert {each["aws"]["status"] for each in objects} == {"succeeded", "failed"}


def test_nothing_is_left_and_nothing_else_is_touched(stacks: Stacks) -> None:
    """The objects, the manifest, the report and what the function wrote are removed."""
    stacks.server.s3.put_object(Bucket="my-photos", Key="smoke-1/mine.txt", Body=b"mine")

    run = stacks.run(*SMOKE)

    assert run.returncode == 0, run.stderr
    assert stacks.keys() == {"my-photos/smoke-1/mine.txt"}
    assert "All " in run.stdout
    assert "comparisons are the same." in run.stdout


def test_versions_are_compared_by_their_number_and_removed(stacks: Stacks) -> None:
    """Version IDs differ in each bucket; the manifest names the first version of an object."""
    enabled = {"Status": "Enabled"}
    stacks.server.s3.put_bucket_versioning(Bucket="my-photos", VersioningConfiguration=enabled)
    stacks.server.s3.put_bucket_versioning(Bucket="my-jobs", VersioningConfiguration=enabled)
    before = stacks.keys()
    try:
        run = stacks.run(*SMOKE, "--version-ids", "--json")
    finally:
        suspended = {"Status": "Suspended"}
        for bucket in ("my-photos", "my-jobs"):
            stacks.server.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=suspended)

    assert run.returncode == 0, run.stdout + run.stderr
    versions = {each["name"]: each["aws"].get("version_id") for each in _comparisons(run)}
    assert versions["overwritten object"] == "<version 1>"
    assert versions["missing object"] == "null"
    assert stacks.keys() == before


def test_another_function_in_aws_is_found(stacks: Stacks, tmp_path: Path) -> None:
    """The deployed function does not decode a plus, HANDLER does."""
    wrong = (stacks.folder / "functions.py").read_text()
    code = tmp_path / "right.py"
    code.write_text(wrong.replace("unquote", "unquote_plus"))

    run = stacks.run(f"{code}:other", "--stack", "other", "--yes", "--json")

    different = {each["name"]: each for each in _comparisons(run) if not each["same"]}
    assert run.returncode == 1
    assert different["space as +"]["differences"] == ["status", "error_code"]
    assert "please report" in run.stderr
    text = stacks.run(f"{code}:other", "--stack", "other", "--yes", "--quiet").stdout
    assert "object space as +, status" in text


def test_a_changed_row_of_the_report_is_found(stacks: Stacks) -> None:
    """AWS spells a space ``+`` in its report, and the local engine ``%20``."""

    def change(exchange: Exchange) -> tuple[int, bytes] | None:
        if exchange.method == "GET" and "/results/" in exchange.path:
            return exchange.status, exchange.body.replace(b"two%20words", b"two+words")
        return None

    with changing_proxy(stacks.server.address, change) as proxy:
        run = stacks.run(*SMOKE, "--json", s3=proxy)

    different = {
        each["name"]: each["differences"] for each in _comparisons(run) if not each["same"]
    }
    assert run.returncode == 1
    # The checksum of the file shows the change, too.
    assert different == {"space": ["key"], "Results": ["value"]}


def test_a_job_that_fails_in_aws_only_is_found_with_its_reason(stacks: Stacks) -> None:
    """A failed job may have no report, so it has no rows."""
    run = stacks.run("functions.py:other", "--stack", "unknown", "--yes", "--quiet", here=True)

    assert run.returncode == 1
    assert "object plain key: only in the local engine" in run.stdout
    assert "job FailureReasons" in run.stdout
    assert "ResourceNotFoundException" in run.stdout


def test_the_user_is_asked_before_anything_is_created(stacks: Stacks) -> None:
    """The question names the account, the price and every place."""
    before = stacks.server.s3control.list_jobs(AccountId="123456789012")["Jobs"]
    with terminal(
        "s3batch smoke functions.py:other --stack other", stacks.folder, stacks.environment
    ) as screen:
        question = " ".join(screen.expect(r"Continue\? \[y/N\]").split())
        screen.type("n\n")
        assert screen.end() == 130

    assert "one job in account 123456789012, eu-west-1" in question
    assert "0.25 USD" in question
    assert "s3://my-jobs/reports/smoke-" in question
    assert stacks.server.s3control.list_jobs(AccountId="123456789012")["Jobs"] == before


def test_a_stack_that_does_not_exist_is_a_wrong_argument(stacks: Stacks) -> None:
    run = stacks.run("--stack", "none", "--yes")

    assert run.returncode == 2
    assert "--stack none: this stack does not exist" in run.stderr


def test_a_bucket_that_does_not_exist_is_a_wrong_argument(stacks: Stacks) -> None:
    run = stacks.run(*SMOKE, "--bucket", "nowhere")

    assert run.returncode == 2
    assert run.stderr == (
        "s3batch: the bucket nowhere does not exist. Check --bucket and --output\n"
    )


def test_without_a_terminal_the_costs_must_be_accepted(stacks: Stacks) -> None:
    run = stacks.run("--stack", "smoke")

    assert run.returncode == 2
    assert "Missing option --yes" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "Missing argument HANDLER: there is no template.yaml"),
        (("no.py:handler",), "there is no file no.py"),
        (("http://127.0.0.1:9",), "name the code on this machine"),
        (("functions.py:none",), "functions.py"),
        (("functions.py:other", "--save", "none/x.json"), "there is no such folder"),
        (("functions.py:other", "--save", ""), "this is a folder"),
        (("functions.py:other", "--output", ""), "not a bucket name"),
        (("functions.py:other", "--output", "my results"), "not a bucket name"),
        (("functions.py:other", "--bucket", ""), "not a bucket name"),
    ],
)
def test_a_handler_that_cannot_be_used_costs_nothing(
    stacks: Stacks, arguments: tuple[str, ...], problem: str
) -> None:
    """The job on this machine comes first, so no job is created in AWS."""
    before = stacks.server.s3control.list_jobs(AccountId="123456789012")["Jobs"]

    run = stacks.run(*arguments, "--stack", "other", "--yes", here=True)

    assert run.returncode == 2, run.stderr
    assert problem in run.stderr
    assert stacks.server.s3control.list_jobs(AccountId="123456789012")["Jobs"] == before


def test_a_missing_permission_to_upload_is_named(stacks: Stacks) -> None:
    before = stacks.keys()

    def change(exchange: Exchange) -> tuple[int, bytes] | None:
        return denied(exchange) if exchange.method == "PUT" else None

    with changing_proxy(stacks.server.address, change, before=True) as proxy:
        run = stacks.run(*SMOKE, s3=proxy)

    assert run.returncode == 1
    assert "AccessDenied" in run.stderr
    assert "needed: s3:PutObject" in run.stderr
    assert stacks.keys() == before


def test_a_missing_permission_to_create_jobs_is_named_and_the_objects_are_removed(
    stacks: Stacks,
) -> None:
    before = stacks.keys()

    def change(exchange: Exchange) -> tuple[int, bytes] | None:
        return denied(exchange) if exchange.method == "POST" else None

    with changing_proxy(stacks.server.address, change, before=True) as proxy:
        run = stacks.run(*SMOKE, s3control=proxy)

    assert run.returncode == 1
    assert "needed: s3:CreateJob" in run.stderr
    assert stacks.keys() == before


def test_a_job_that_cannot_be_watched_is_cancelled(stacks: Stacks) -> None:
    """Its objects are removed, so its tasks could only fail."""
    before = stacks.keys()

    def change(exchange: Exchange) -> tuple[int, bytes] | None:
        return denied(exchange) if exchange.method == "GET" else None

    with changing_proxy(stacks.server.address, change, before=True) as proxy:
        run = stacks.run(
            *("functions.py:other", "--stack", "slow", "--yes"), s3control=proxy, here=True
        )

    assert run.returncode == 3, run.stderr
    assert stacks.last_job()["Status"] in ("Cancelling", "Cancelled")
    assert stacks.keys() == before


def test_ctrl_c_cancels_the_job_and_removes_the_objects(stacks: Stacks) -> None:
    before = stacks.keys()
    with stacks.start(*("functions.py:other", "--stack", "slow", "--yes"), here=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Active"):
                break
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
        process.wait(60)

    assert process.returncode == 130, errors
    assert "is cancelled" in errors
    assert stacks.last_job()["Status"] == "Cancelled"
    assert stacks.keys() == before


def test_a_job_whose_tasks_all_fail_here_is_not_created_unasked(stacks: Stacks) -> None:
    """Without its user argument the function fails each task: AWS would say the same, for money."""
    before = stacks.keys(), stacks.last_job()["JobId"]
    with terminal(
        "s3batch smoke --stack smoke --quiet", stacks.project, stacks.environment
    ) as screen:
        screen.expect(r"Continue\? \[y/N\]")
        screen.type("y\n")
        warning = " ".join(screen.expect(r"Continue\? \[y/N\]").split())
        screen.type("n\n")
        assert screen.end() == 130

    assert "all tasks failed on this machine" in warning
    assert "the job has no user argument 'target'" in warning
    assert (stacks.keys(), stacks.last_job()["JobId"]) == before


def test_a_signal_during_the_local_job_removes_the_objects(stacks: Stacks) -> None:
    """No job is created."""
    before = stacks.keys(), stacks.last_job()["JobId"]
    code = "functions.py:slow"
    with stacks.start(code, "--stack", "other", "--yes", here=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("running the job on this machine"):
                break
        process.send_signal(signal.SIGTERM)
        errors = process.stderr.read()
        process.wait(60)

    assert process.returncode == 130, errors
    assert (stacks.keys(), stacks.last_job()["JobId"]) == before


def test_the_objects_and_the_report_can_be_kept(stacks: Stacks, tmp_path: Path) -> None:
    """``--save`` has both reports, without account and buckets."""
    before = stacks.keys()
    evidence = tmp_path / "smoke.json"

    run = stacks.run(*SMOKE, "--keep", "--save", str(evidence))

    kept = stacks.keys() - before
    assert run.returncode == 0, run.stderr
    assert {key.partition("/")[0] for key in kept} == {"my-photos", "my-results", "my-jobs"}
    text = evidence.read_text()
    saved = json.loads(text)
    assert saved["aws"]["description"]["Status"] == saved["local"]["description"]["Status"]
    assert len(saved["aws"]["report"]) == 4
    assert "my-photos" not in text
    for bucket_and_key in kept:
        bucket, _, key = bucket_and_key.partition("/")
        stacks.server.s3.delete_object(Bucket=bucket, Key=key)
