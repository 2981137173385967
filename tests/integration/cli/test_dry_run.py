"""``s3batch run --dry-run``: check what a job needs, and run no task."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from s3batch_handler.engine.invoke._target_check import check_function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.shell import Run, Shell

APP = """
print("this is loaded")

def handler(event, context):
    open("called", "w").close()
"""


@pytest.fixture
def shell(s3batch: Shell) -> Shell:
    (s3batch.folder / "app.py").write_text(APP)
    (s3batch.folder / "photos").mkdir()
    for number in range(7):
        (s3batch.folder / "photos" / f"a b{number}").touch()
    return s3batch


def run(shell: Shell, *options: str, handler: str = "app:handler") -> Run:
    return shell("run", handler, "--dry-run", *options)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_the_plan_of_a_job_is_printed(shell: Shell) -> None:
    """The function is loaded but not called, and no file is written."""
    before = files(shell.folder)

    planned = run(
        *(shell, "--source", "photos", "--workers", "3", "--timeout", "5", "-a", "target=x"),
        *("--save-manifest", "saved.csv", "--tolerate", "5%", "--log", "new.log"),
    )

    assert planned.returncode == 0
    assert planned.stdout == (
        "A dry run: no task was run, and nothing was written.\n"
        "\n"
        "Handler    app:handler\n"
        "Objects    7 objects of s3://photos/\n"
        "Workers    3\n"
        "Timeout    5 s\n"
        "Schema     2.0\n"
        "Arguments  target=x\n"
        "Retries    3\n"
        "Tolerate   5%\n"
        "Report     s3batch-reports, AllTasks\n"
        "\n"
        "The first objects:\n" + "".join(f"  s3://photos/a b{number}\n" for number in range(5))
    )
    assert files(shell.folder) == before


def test_the_plan_is_json_for_programs(shell: Shell) -> None:
    """With the defaults, and with the selected objects."""
    planned = run(shell, "--source", "photos", "--sample", "2", "--seed", "1", "--json")

    plan = json.loads(planned.stdout)
    assert (plan["total"], plan["selection"]) == (2, {"sample": 2, "from": 7, "seed": 1})
    assert [item["bucket"] for item in plan["first_objects"]] == ["photos", "photos"]
    assert (plan["timeout"], plan["schema"], plan["report"]) == (60, "1.0", "s3batch-reports")
    assert plan["workers"] >= 1
    assert plan["warnings"] == []


def test_hostile_keys_are_escaped(shell: Shell) -> None:
    """In both forms."""
    manifest = shell.manifest("b,k%1B%5B2J%0A")

    text = run(shell, "--manifest", manifest).stdout
    as_json = run(shell, "--manifest", manifest, "--json").stdout

    assert r"  s3://b/k\x1b[2J\n" in text
    assert as_json.isascii()
    assert json.loads(as_json)["first_objects"][0]["key"] == "k\x1b[2J\n"


def test_an_object_that_cannot_be_read_here_is_a_warning(shell: Shell) -> None:
    """The function may have other credentials, or need none."""
    planned = run(shell, "--manifest", shell.manifest("b,k"))

    assert planned.returncode == 0
    assert "WARNING: the first object, s3://b/k, cannot be read here: NoCreden" in planned.stderr


@pytest.mark.parametrize(
    ("code", "exit_code", "says"),
    [
        ("raise ValueError('no')", 2, "ValueError: no"),
        ("import os; os._exit(3)", 2, "the process ended while it loaded app:handler"),
        ("x = 1", 2, "has no 'handler'"),
    ],
)
def test_a_function_that_cannot_be_loaded_is_an_error(
    shell: Shell, code: str, exit_code: int, says: str
) -> None:
    (shell.folder / "app.py").write_text(code)

    planned = run(shell, "--source", "photos")

    assert planned.returncode == exit_code
    assert says in planned.stderr


@pytest.mark.parametrize(
    ("options", "exit_code", "says"),
    [
        ("--manifest bad.csv", 1, "bad.csv, line 2: has 1 columns"),
        ("--manifest none.csv", 1, "none.csv: No such file"),
        ("--source photos --report /dev/null/x", 2, "--report /dev/null/x: cannot write there"),
        ("--source photos --log /dev/null/x/y", 2, "--log /dev/null/x: cannot write there"),
        ("--source photos --env-file none.env", 2, "--env-file none.env: No such file"),
        ("--source photos --report s3://none", 1, "NoSuchBucket"),
        ("--source photos -a a=b --schema 1.0", 2, "Option --arguments needs --schema 2.0"),
        ("--source photos --state job", 2, "--dry-run and --state cannot be combined"),
    ],
)
def test_other_mistakes_have_the_errors_of_a_job(
    shell: Shell, options: str, exit_code: int, says: str
) -> None:
    shell.manifest("b,k", "b", name="bad.csv")
    before = files(shell.folder)

    planned = run(shell, *options.split())

    assert (planned.returncode, planned.stdout) == (exit_code, "")
    assert says in planned.stderr
    assert files(shell.folder) == before


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_the_server_of_a_function_has_to_accept_connections(
    shell: Shell, listening: socket.socket
) -> None:
    """It gets no request."""
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    accepted = run(shell, "--manifest", shell.manifest("b,k"), "--json", handler=url)
    connection, _ = listening.accept()
    with connection:
        assert connection.recv(1) == b""
    listening.close()
    refused = run(shell, "--manifest", "manifest.csv", handler=url)

    plan = json.loads(accepted.stdout)
    assert (plan["workers"], plan["timeout"]) == (1, 900)
    assert refused.returncode == 2
    assert f"{url}: no server responds" in refused.stderr


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"


def test_a_function_in_lambda_has_to_exist_if_that_can_be_checked(shell: Shell) -> None:
    """Without the permission to read it, this is a warning."""
    configuration: Any = "s3batch_handler.jobs._aws_clients.function_configuration"
    missing = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "x")
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "x")

    with patch(configuration, return_value={}):
        assert check_function(ARN) is None
    with patch(configuration, side_effect=denied):
        assert check_function(ARN) == f"{ARN}: no permission for lambda:GetFunctionConfiguration"
    with patch(configuration, side_effect=missing):
        planned = run(shell, "--manifest", shell.manifest("b,k"), handler=ARN)

    assert planned.returncode == 2
    assert f"{ARN}: ResourceNotFoundException" in planned.stderr
