"""``s3batch serve --s3-endpoint-url``: jobs for an S3 that exists already, here another server."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch as s3batch_command
from s3batch_handler.documents import read_report
from tests.support.local_server import session
from tests.support.serving import APP, COMMAND, clean_environment, server_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a bucket with a manifest, as another program would; yield the address."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "photos").mkdir()
    (folder / "photos" / "m.csv").write_text("".join(f"photos,{key}.txt\n" for key in "abc"))
    for key in "abc":
        (folder / "photos" / f"{key}.txt").write_text(f"body {key}")
    with server_process(folder, "--source", "photos") as (_, address):
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def run(folder: Path, variables: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env={**clean_environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def variables_in(log: Path) -> dict[str, str]:
    """Return the variables that the server tells its clients to set."""
    (line,) = [each for each in log.read_text().splitlines() if each.startswith("Set ")]
    words = line.removeprefix("Set ").partition(" for ")[0].split()
    return dict(word.split("=", 1) for word in words)


def test_a_job_works_on_the_objects_of_the_existing_s3(store: str, folder: Path) -> None:
    """Manifest, objects and report are there; clients set what the server prints."""
    arguments = ("--s3-endpoint-url", store, "--function", "read=app.py:handler")
    with server_process(folder, *arguments, "--state", "state") as (_, address):
        clients = variables_in(folder / "server.log")
        submitted = run(
            folder,
            clients,
            *("job", "submit", "--manifest", "s3://photos/m.csv", "--function", "read"),
            *(
                "--role",
                "any",
                "--report",
                "s3://photos/reports",
                "--no-confirm",
                "--wait",
                "--json",
            ),
        )
        assert submitted.returncode == 0, submitted.stderr
        job_id = json.loads(submitted.stdout)["JobId"]
        with urllib.request.urlopen(f"{address}/_s3batch/api/jobs/{job_id}") as response:
            commands = json.load(response)["commands"]

    s3 = session().client("s3", endpoint_url=store)
    rows = list(read_report(f"s3://photos/reports/job-{job_id}", s3=s3).rows())
    assert {row.key: row.message for row in rows} == {
        f"{key}.txt": f"read body {key}" for key in "abc"
    }
    assert clients["AWS_ENDPOINT_URL_S3"] == store
    assert clients["AWS_ENDPOINT_URL_S3_CONTROL"] == address
    assert commands, "the page shows the next commands"


def test_the_commands_of_the_page_work_as_they_are(store: str, folder: Path) -> None:
    """Jobs and objects are at two addresses, which one option cannot name."""
    arguments = ("--s3-endpoint-url", store, "--function", "read=app.py:handler")
    with server_process(folder, *arguments) as (_, address):
        submitted = run(
            folder,
            variables_in(folder / "server.log"),
            *("job", "submit", "--manifest", "s3://photos/m.csv", "--function", "read"),
            *(
                "--role",
                "any",
                "--report",
                "s3://photos/reports",
                "--no-confirm",
                "--wait",
                "--json",
            ),
        )
        job_id = json.loads(submitted.stdout)["JobId"]
        with urllib.request.urlopen(f"{address}/_s3batch/api/jobs/{job_id}") as response:
            commands = {each["title"]: each["command"] for each in json.load(response)["commands"]}
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "s3batch").write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
        (bin_folder / "s3batch").chmod(0o755)
        check = subprocess.run(
            commands["Check that the report is complete"],
            shell=True,
            cwd=folder,
            env={**clean_environment(), "PATH": f"{bin_folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )

    assert (check.returncode, check.stderr) == (0, ""), check.stdout


def test_the_server_itself_has_no_objects(store: str, folder: Path) -> None:
    """A client that sends requests for objects there gets an error that says what to set."""
    with server_process(folder, "--s3-endpoint-url", store) as (_, address):
        s3 = session().client("s3", endpoint_url=address)
        with pytest.raises(ClientError, match=f"set AWS_ENDPOINT_URL_S3={store}"):
            s3.get_object(Bucket="photos", Key="a.txt")


def test_a_store_that_does_not_respond_yet_is_a_warning(folder: Path) -> None:
    """After a restart of a machine, the store may start later. Jobs wait for it."""
    port = 1  # nothing listens there
    with server_process(folder, "--s3-endpoint-url", f"http://127.0.0.1:{port}"):
        pass

    log = (folder / "server.log").read_text()
    assert "WARNING: Could not connect" in log
    assert "Jobs wait until it responds" in log


WRONG = {
    "a folder, too": (
        ["--s3-endpoint-url", "http://127.0.0.1:1", "--source", "."],
        "--s3-endpoint-url cannot be combined with --source",
    ),
    "a CA without an S3": (["--ca-bundle", "app.py"], "--ca-bundle needs --s3-endpoint-url"),
    "a profile without an S3": (["--profile", "x"], "--profile needs --s3-endpoint-url"),
    "a style without an S3": (["--addressing-style", "path"], "--addressing-style needs"),
    "no certificates": (
        ["--s3-endpoint-url", "https://127.0.0.1:1", "--ca-bundle", "app.py"],
        "has no certificates in PEM",
    ),
    "no such profile": (
        ["--s3-endpoint-url", "http://127.0.0.1:1", "--profile", "nobody"],
        "profile nobody: there is no such profile",
    ),
    "not a URL": (["--s3-endpoint-url", "ceph.example.com"], "is not a URL"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings_are_one_clear_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    arguments, message = WRONG[case]
    monkeypatch.chdir(folder)

    refused = CliRunner().invoke(s3batch_command, ["serve", *arguments])

    assert refused.exit_code == 2
    assert message in refused.stderr
    assert refused.stdout == ""


def test_missing_credentials_are_one_clear_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))

    refused = CliRunner().invoke(
        s3batch_command, ["serve", "--s3-endpoint-url", "http://127.0.0.1:1"]
    )

    assert refused.exit_code == 2
    assert "no credentials for http://127.0.0.1:1: set AWS_ACCESS_KEY_ID" in refused.stderr
