"""``--env-file``, ``--profile`` and ``--region``: the environment variables of a function."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.jobs._aws_clients import lambda_client
from tests.support.job_server import SUBMIT, Server
from tests.support.serving import server_process

if TYPE_CHECKING:
    from tests.support.shell import Run, Shell

APP = """
import json, os
import boto3

NAMES = ("MODE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_S3")
at_import = os.environ.get("MODE")

def handler(event, context):
    (task,) = event["tasks"]
    values = {name: os.environ.get(name) for name in NAMES}
    credentials = boto3.Session().get_credentials()
    values["credentials"] = credentials and credentials.access_key
    values["import"] = at_import
    result = {"taskId": task["taskId"], "resultCode": "Succeeded",
              "resultString": json.dumps(values)}
    return {"invocationSchemaVersion": "1.0", "results": [result]}
"""

CONFIG = """
[profile work]
region = eu-central-1
aws_access_key_id = OF-THE-PROFILE
aws_secret_access_key = s
"""

IN_PROCESS = {"AWS_ACCESS_KEY_ID": "OF-THE-PROCESS", "AWS_SECRET_ACCESS_KEY": "s"}


@pytest.fixture
def shell(s3batch: Shell) -> Shell:
    (s3batch.folder / "app.py").write_text(APP)
    (s3batch.folder / "config").write_text(CONFIG)
    s3batch.manifest("b,k")
    return s3batch


def run(shell: Shell, *options: str, **variables: str) -> Run:
    config = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "none"}
    manifest = () if "--source" in options else ("--manifest", "manifest.csv")
    return shell("run", "app:handler", *manifest, *options, "--json", **config, **variables)


def seen(shell: Shell, result: Run) -> dict[str, str | None]:
    """Return what the function saw."""
    assert result.returncode == 0, result.stderr
    row, *_ = read_report(shell.folder / json.loads(result.stdout)["report"]).rows()
    values: dict[str, str | None] = json.loads(row.message)
    return values


def test_variables_of_a_file_reach_the_function_before_it_is_loaded(shell: Shell) -> None:
    """They override those of the process."""
    (shell.folder / "my.env").write_text("MODE='of the file'\nAWS_ACCESS_KEY_ID=OF-THE-FILE\n")

    values = seen(shell, run(shell, "--env-file", "my.env", MODE="of the process", **IN_PROCESS))

    assert values["MODE"] == values["import"] == "of the file"
    assert values["credentials"] == "OF-THE-FILE"


def test_a_profile_and_a_region_reach_the_function(shell: Shell) -> None:
    """The profile has precedence over credentials in the environment, as for s3batch itself."""
    with_profile = seen(shell, run(shell, "--profile", "work", **IN_PROCESS))
    with_region = seen(shell, run(shell, "--region", "eu-west-3", AWS_REGION="us-west-1"))

    assert with_profile["credentials"] == "OF-THE-PROFILE"
    assert with_region["AWS_REGION"] == with_region["AWS_DEFAULT_REGION"] == "eu-west-3"


def test_credentials_of_a_file_have_precedence_over_the_profile(shell: Shell) -> None:
    """The file is for the function only; the profile is for s3batch, too."""
    (shell.folder / "my.env").write_text("AWS_ACCESS_KEY_ID=OF-THE-FILE\nAWS_SECRET_ACCESS_KEY=s\n")

    values = seen(shell, run(shell, "--profile", "work", "--env-file", "my.env"))

    assert values["credentials"] == "OF-THE-FILE"


def test_an_arn_is_invoked_with_the_credentials_of_the_profile(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have precedence over those in the environment, as for all clients."""
    for name, value in {**IN_PROCESS, "AWS_CONFIG_FILE": "config"}.items():
        monkeypatch.setenv(name, value)

    client = lambda_client(region="eu-west-1", profile="work", read_timeout=1, connections=1)

    assert client._request_signer._credentials.access_key == "OF-THE-PROFILE"


def test_with_a_folder_the_function_has_the_credentials_of_the_local_s3(shell: Shell) -> None:
    """A file cannot let the function reach AWS by mistake."""
    lines = "AWS_ACCESS_KEY_ID=OF-THE-FILE\nAWS_ENDPOINT_URL_S3=https://s3.aws\nMODE=test\n"
    (shell.folder / "my.env").write_text(lines)
    (shell.folder / "photos").mkdir()
    (shell.folder / "photos" / "k").touch()

    values = seen(shell, run(shell, "--source", "photos", "--env-file", "my.env"))

    assert values["AWS_ACCESS_KEY_ID"] not in (None, "OF-THE-FILE")
    assert str(values["AWS_ENDPOINT_URL_S3"]).startswith("http://127.0.0.1:")
    assert values["MODE"] == "test"


def test_variables_of_a_file_reach_a_function_of_invoke(shell: Shell) -> None:
    """They end with the command."""
    (shell.folder / "my.env").write_text("MODE=of the file\n")

    invoked = shell(
        *("invoke", "app.py:handler", "--key", "k", "--bucket", "b", "--env-file", "my.env")
    )

    (result,) = json.loads(invoked.stdout)["results"]
    assert json.loads(result["resultString"])["MODE"] == "of the file"
    assert "MODE" not in os.environ


def test_variables_of_a_file_reach_a_function_of_serve(shell: Shell) -> None:
    """The function uses the S3 of the server nevertheless."""
    (shell.folder / "my.env").write_text("MODE=of the file\nAWS_ENDPOINT_URL_S3=https://s3.aws\n")
    options = ("--function", "read=app.py:handler", "--env-file", "my.env")
    with server_process(shell.folder, *options) as (_, address):
        server = Server(shell.folder, address)
        location = {"LocationConstraint": "eu-west-1"}
        server.s3.create_bucket(Bucket="inbox", CreateBucketConfiguration=location)
        server.s3.put_object(Bucket="inbox", Key="m.csv", Body=b"inbox,k\n")

        server.job("submit", *SUBMIT, "--no-confirm", "--wait")
        (row,) = read_report("s3://inbox/reports/", s3=server.s3).rows()

    values = json.loads(row.message)
    assert (values["MODE"], values["AWS_ENDPOINT_URL_S3"]) == ("of the file", address)


WAITS = """
import time
def waits(event, context):
    open("began", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return handler(event, context)
"""


def test_saved_state_has_the_path_of_the_file_and_no_value(shell: Shell) -> None:
    """A resumed run reads the file again, or the one that it is given."""
    (shell.folder / "app.py").write_text(APP + WAITS)
    (shell.folder / "my.env").write_text("MODE=s3cret1\n")
    shell.line(
        '"$PYTHON" -m s3batch_handler.cli run app:waits --manifest manifest.csv '
        "--env-file my.env --state job & "
        "until test -e began; do sleep 0.02; done; kill -KILL $!; wait $!; touch go"
    )
    saved = b"".join(path.read_bytes() for path in (shell.folder / "job").iterdir())
    (shell.folder / "new.env").write_text("MODE=s3cret2\n")

    resumed = shell("run", "--resume", "--state", "job", "--env-file", "new.env", "--json")

    assert b"my.env" in saved
    assert b"s3cret1" not in saved
    assert seen(shell, resumed)["MODE"] == "s3cret2"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--env-file none.env", "--env-file none.env: No such file or directory"),
        ("--env-file manifest.csv", "--env-file manifest.csv, line 1: write NAME=VALUE"),
        ("--profile none", "--profile none: there is no such profile"),
        ("--source . --profile work", "Options --source and --profile cannot be combined"),
        ("--source . --region us-east-1", "Options --source and --region cannot be combined"),
    ],
)
def test_a_mistake_is_found_before_the_job(shell: Shell, options: str, says: str) -> None:
    result = run(shell, *options.split())

    assert result.returncode == 2
    assert says in result.stderr
