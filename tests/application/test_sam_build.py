"""The application of ``template.yaml``, built and called with the real SAM CLI."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from s3batch_handler.documents.reports._report import read_report
from tests.support.lambda_environment import free_ports, in_lambda
from tests.support.sam_cli import (
    PARAMETERS,
    PROJECT,
    build,
    command,
    needs_sam,
    require_containers,
    variables,
)
from tests.support.serving import COMMAND, clean_environment, server_process

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.application, needs_sam]

for_linux = pytest.mark.skipif(sys.platform != "linux", reason="the built function is for Linux")

# A cold start downloads all of it.
MAX_ZIPPED = 400_000


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the application, and return its template, next to which the functions are."""
    return build(PROJECT / "template.yaml", tmp_path_factory.mktemp("built"), *PARAMETERS)


@pytest.fixture(scope="module")
def function(template: Path) -> Path:
    return template.with_name("CompressFunction")


@pytest.fixture(scope="module")
def containers() -> None:
    require_containers()


# ---------------------------------------------------------------- the built function


def test_the_built_function_contains_this_package_and_no_other(function: Path) -> None:
    """It has the handler and this package, but nothing of the Lambda runtime."""
    names = {path.name for path in function.iterdir() if path.suffix != ".dist-info"}

    source = PROJECT / "examples" / "compress"
    code = {path.name for path in source.iterdir() if path.is_file()}
    assert names == code | {"s3batch_handler"}


def test_the_built_function_is_below_the_documented_size(function: Path, tmp_path: Path) -> None:
    """It is below the limit, zipped, and runs on each processor."""
    files = [path for path in function.rglob("*") if path.is_file()]

    archive = shutil.make_archive(str(tmp_path / "function"), "zip", function)

    assert Path(archive).stat().st_size < MAX_ZIPPED
    assert not [path for path in files if path.suffix in {".pyc", ".so"}]
    assert {path.name for path in (function / "s3batch_handler").iterdir() if path.is_dir()} == {
        *("core", "documents", "handler", "jobs")
    }


@for_linux
def test_the_built_function_loads_with_boto3_alone(function: Path) -> None:
    """It can be imported with Python and boto3."""
    boto3 = "import sys, types; sys.modules['boto3'] = types.SimpleNamespace(client=print)"
    program = f"{boto3}; sys.path.insert(0, {str(function)!r}); import app, s3batch_handler"

    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", f"{program}; print(s3batch_handler.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.splitlines() == ["s3", str(function / "s3batch_handler" / "__init__.py")]


@for_linux
def test_the_built_function_runs_a_job_in_the_lambda_runtime(
    function: Path, tmp_path: Path
) -> None:
    """The built function with its packages runs a whole job in Lambda's runtime."""
    for bucket in ("texts", "compressed"):
        (tmp_path / bucket).mkdir()
    (tmp_path / "texts" / "a b.txt").write_text("text " * 1000)
    (tmp_path / "texts" / "empty.txt").write_text("")

    with (
        server_process(tmp_path, "--source", "texts", "--source", "compressed") as (_, s3),
        in_lambda("app.handler", folder=function, s3=s3) as address,
    ):
        subprocess.run(
            [
                *(*COMMAND, "run", address, "--bucket", "texts", "--endpoint-url", s3),
                *("--arguments", "target=compressed", "--report", "."),
            ],
            cwd=tmp_path,
            env=clean_environment(),
            check=False,
        )
        client = boto3.client(
            "s3", endpoint_url=s3, aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        written = client.get_object(Bucket="compressed", Key="a b.txt.gz")["Body"].read()

    (job,) = tmp_path.glob("job-*/manifest.json")
    rows = {row.key: row for row in read_report(job).rows()}
    assert rows["empty.txt"].message == "empty"
    assert json.loads(rows["a b.txt"].message)["size"] == 5000
    assert gzip.decompress(written) == b"text " * 1000


# ---------------------------------------------------------------- sam local, in containers


def test_sam_local_invoke_accepts_an_event_of_s3batch_event(
    containers: None, template: Path
) -> None:
    """``s3batch event … | sam local invoke -e -`` with the built application."""
    event = subprocess.run(
        [*COMMAND, "event", "a b.txt", "--bucket", "photos"], capture_output=True, check=True
    ).stdout

    response = local_invoke(template, "CompressFunction", event)

    (result,) = response["results"]
    assert result["resultCode"] == "PermanentFailure"
    assert "target" in result["resultString"]


@pytest.fixture(scope="module")
def misbehaving(containers: None) -> Path:
    """Return the template of functions that fail; they need no build."""
    return PROJECT / "tests" / "sam" / "template.yaml"


def test_a_missing_module_is_a_function_error(misbehaving: Path) -> None:
    """The response is the error of the runtime."""
    response = local_invoke(misbehaving, "Absent", b"{}")

    assert response["errorType"] == "Runtime.ImportModuleError"


@pytest.fixture(scope="module")
def server(misbehaving: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start ``sam local start-lambda`` on loopback, and yield its address."""
    (port,) = free_ports(1)
    log = tmp_path_factory.mktemp("sam") / "start-lambda.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(
                *("sam", "local", "start-lambda", "--template", misbehaving),
                *("--host", "127.0.0.1", "--port", str(port), *PARAMETERS),
            ),
            env=variables(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def test_a_job_runs_through_sam_local_start_lambda(server: str, tmp_path: Path) -> None:
    """Errors in the container become the rows that AWS writes."""
    keys = ["one%20photo.jpg", "a%20bug", "exit", "nonsense", "too%20slow", "last.jpg"]
    (tmp_path / "m.csv").write_text("".join(f"photos,{key}\n" for key in keys))
    address = f"{server}/2015-03-31/functions/Plain/invocations"

    run = subprocess.run(
        [*COMMAND, "run", address, "--manifest", "m.csv", "--report", ".", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1, run.stderr
    (job,) = tmp_path.glob("job-*/manifest.json")
    messages = {row.key: row.message for row in read_report(job).rows()}
    assert messages["one photo.jpg"] == "did one photo.jpg"
    assert messages["last.jpg"] == "did last.jpg"
    assert "ZeroDivisionError" in messages["a bug"]
    assert messages["nonsense"] == "Invalid JSON returned in Lambda payload"
    for key in ("exit", "too slow"):
        assert messages[key].startswith("Lambda returned function error: ")


def test_a_function_that_cannot_be_loaded_fails_its_tasks(server: str, tmp_path: Path) -> None:
    """The report has the error."""
    (tmp_path / "m.csv").write_text("photos,a.jpg\n")

    run = subprocess.run(
        [
            *(*COMMAND, "run", f"{server}/2015-03-31/functions/Absent/invocations"),
            *("--manifest", "m.csv", "--report", "."),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert run.returncode == 1
    (row,) = read_report(next(tmp_path.glob("job-*/manifest.json"))).rows()
    assert "No module named 'absent'" in row.message


# ---------------------------------------------------------------- helpers


def local_invoke(template: Path, function: str, event: bytes) -> Any:
    run = subprocess.run(
        command(
            *("sam", "local", "invoke", function, "--template", template, "--event", "-"),
            *PARAMETERS,
        ),
        env=variables(),
        input=event,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    return json.loads(run.stdout)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    pytest.fail(f"sam local start-lambda did not start:\n{log.read_text()}")
