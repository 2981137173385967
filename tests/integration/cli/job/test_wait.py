"""``s3batch job wait`` and ``submit --wait`` while AWS or the network fails."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from typing_extensions import override

from s3batch_handler.cli._commands import s3batch as s3batch_command
from tests.support.serving import COMMAND, clean_environment
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

JOB_ID = "f3cc4f60-61f6-4a2b-8a21-d07600c373ce"

JOB = """<DescribeJobResult><Job><JobId>{job_id}</JobId><Status>{status}</Status>
<Priority>10</Priority><CreationTime>2026-11-03T12:00:00Z</CreationTime>
<Operation><LambdaInvoke><FunctionArn>f</FunctionArn></LambdaInvoke></Operation>
<ProgressSummary><TotalNumberOfTasks>1</TotalNumberOfTasks>
<NumberOfTasksSucceeded>1</NumberOfTasksSucceeded><NumberOfTasksFailed>0</NumberOfTasksFailed>
</ProgressSummary></Job></DescribeJobResult>"""
ERROR = "<ErrorResponse><Error><Code>{}</Code><Message>no</Message></Error></ErrorResponse>"


class FakeAws:
    """S3 Control, S3 and STS over HTTP. DescribeJob answers by a script, whose last step repeats.

    ``Active``: a status of the job. ``503 SlowDown``: an error. ``502``: a page of a proxy.
    ``close``: no response. ``half``: half a response. ``html``: a page. ``hang``: a late response.
    """

    def __init__(self, *script: str) -> None:
        self._script = list(script)
        self.requests: list[str] = []
        self.failures: list[tuple[int, str]] = []
        self.failures_of_sts: list[tuple[int, str]] = []
        self.end_hanging = threading.Event()

    def next_step(self) -> str:
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        self.requests.append(step)
        return step


def handler_of(aws: FakeAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/jobs/" not in self.path:  # GetFunctionConfiguration
                self._send(404, ERROR.format("ResourceNotFoundException"))
                return
            if aws.failures:
                self._send(*aws.failures.pop())
                return
            step = aws.next_step()
            code, _, error = step.partition(" ")
            text = JOB.format(job_id=JOB_ID, status=step)
            if step == "hang":
                aws.end_hanging.wait(60)
            elif step == "html":
                self._send(200, "<html><br></html>")
            elif step == "half":
                self._send(200, text[:90], length=len(text))
            elif code.isdigit():
                self._send(int(code), ERROR.format(error) if error else "<html>bad</html>")
            elif step != "close":
                self._send(200, text)

        def do_HEAD(self) -> None:
            self._send(200, "")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if b"GetCallerIdentity" in body and aws.failures_of_sts:
                self._send(*aws.failures_of_sts.pop())
                return
            if b"GetCallerIdentity" not in body:
                self._send(200, f"<CreateJobResult><JobId>{JOB_ID}</JobId></CreateJobResult>")
                return
            account = "<GetCallerIdentityResult><Account>123456789012</Account>"
            account += "</GetCallerIdentityResult>"
            self._send(200, f"<GetCallerIdentityResponse>{account}</GetCallerIdentityResponse>")

        def _send(self, status: int, text: str, length: int | None = None) -> None:
            self.send_response(status)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", str(length or len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        @override
        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


@contextmanager
def serving(*script: str) -> Iterator[tuple[FakeAws, str]]:
    aws = FakeAws(*script)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(aws)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield aws, f"http://127.0.0.1:{server.server_port}"
        finally:
            aws.end_hanging.set()
            server.shutdown()
            thread.join()


def s3batch(address: str, *arguments: str, **variables: str | None) -> Result:
    environment: dict[str, str | None] = {
        **clean_environment(),
        "AWS_ENDPOINT_URL": address,
        **variables,
    }
    return CliRunner(env=environment).invoke(s3batch_command, ["job", *arguments])


def wait(address: str, *arguments: str, **variables: str | None) -> Result:
    return s3batch(address, "wait", JOB_ID, "--poll", "0.01", *arguments, **variables)


SUBMIT = (
    *("submit", "--manifest", "s3://inbox/m.csv", "--function", "f", "--role", "r"),
    *("--no-report", "--no-confirm"),
)


@pytest.mark.parametrize(
    "failure", ["503 SlowDown", "500 InternalError", "502", "close", "half", "html"]
)
def test_waiting_continues_after_a_failure(failure: str) -> None:
    """Each outage is reported once, and its end, too."""
    with serving(failure, failure, "Active", failure, "Complete") as (aws, address):
        run = wait(address, "--json", "--quiet")

    assert run.exit_code == 0, run.stderr
    assert json.loads(run.stdout)["Status"] == "Complete"
    assert len(aws.requests) == 5
    lines = run.stderr.splitlines()
    outage = f"s3batch: job {JOB_ID} cannot be watched at the moment: "
    assert [line.startswith(outage) for line in lines] == [True, False] * 2
    assert lines[0].endswith("; retrying for up to 600 s")
    assert lines[1] == lines[3] == f"job {JOB_ID} is watched again"


@pytest.mark.parametrize(
    "answer", [(503, ""), (400, ERROR.format("Throttling")), (200, "<html></html>"), (200, "<ht")]
)
def test_waiting_continues_after_a_failure_of_sts(answer: tuple[int, str]) -> None:
    """STS is requested first, for the account ID."""
    with serving("Complete") as (aws, address):
        aws.failures_of_sts = [answer] * 2
        run = wait(address, "--json")

    assert (run.exit_code, aws.failures_of_sts) == (0, []), run.stderr
    assert "cannot be watched at the moment" in run.stderr


def test_waiting_ends_after_retry_for_with_the_command_to_wait_again() -> None:
    run = s3batch("http://sts.invalid:1", "wait", JOB_ID, "--poll", "0.01", "--retry-for", "0.1")

    assert run.exit_code == 3
    assert run.stdout == ""
    first, last = run.stderr.splitlines()
    assert "cannot be watched at the moment: EndpointConnectionError" in first
    assert last.endswith(f"to wait again: s3batch job wait {JOB_ID}")


def test_the_command_to_wait_again_is_quoted_for_a_shell(tmp_path: Path) -> None:
    """Exit code 3: whether the job failed is not known."""
    (tmp_path / "config").write_text("[profile a b]\nregion = eu-west-1\n")
    with serving("Active", "503 SlowDown") as (_, address):
        run = wait(
            address,
            *("--retry-for", "0.1", "--profile", "a b"),
            AWS_CONFIG_FILE=str(tmp_path / "config"),
        )

    assert run.exit_code == 3
    assert run.stderr.endswith(f"s3batch job wait {JOB_ID} --profile 'a b'\n")


@pytest.mark.parametrize(
    ("refusal", "hint"),
    [
        ("403 AccessDenied", "the permission s3:DescribeJob"),
        ("400 ExpiredToken", "renew the credentials"),
        ("403 InvalidClientTokenId", "InvalidClientTokenId"),
    ],
)
def test_a_permanent_error_ends_the_waiting_at_once(refusal: str, hint: str) -> None:
    """Exit code 3, with a hint: the job has not failed."""
    with serving("Active", refusal) as (aws, address):
        run = wait(address, "--json")

    assert (run.exit_code, run.stdout) == (3, "")
    assert hint in run.stderr
    assert len(aws.requests) <= 3
    assert "Traceback" not in run.stderr


PAGES = (
    "<html><head><title>No</title></head></html>",
    "<!DOCTYPE html>\n<html><body>No</body></html>",
    "<html><br></html>",
    "<error/>",
    "no",
    "",
)


@pytest.mark.parametrize(("verb", "exit_code"), [("wait", 3), ("describe", 1)])
def test_the_page_of_a_proxy_is_reported_by_its_http_status(verb: str, exit_code: int) -> None:
    with serving("Active") as (aws, address):
        for page, problem in product(PAGES, ("403: Forbidden", "404: Not Found")):
            aws.failures = [(int(problem[:3]), page)]

            run = s3batch(address, verb, JOB_ID)

            assert run.exit_code == exit_code
            assert run.stderr.startswith(f"s3batch: {problem}")


def test_waiting_continues_after_a_redirect_of_a_proxy() -> None:
    """A log-in page of a network says nothing about the job."""
    with serving("Active", "Complete") as (aws, address):
        aws.failures = [(302, "<html>log in</html>")]
        run = wait(address)

    assert run.exit_code == 0
    assert "cannot be watched at the moment: 302" in run.stderr


def test_expired_credentials_are_loaded_again_once() -> None:
    """Another program may have renewed them."""
    with serving("Active", "400 ExpiredToken", "Active", "400 ExpiredToken", "Complete") as (
        _,
        address,
    ):
        run = wait(address, "--quiet")

    assert (run.exit_code, run.stderr) == (0, "")


def test_missing_credentials_are_reported_with_what_to_do() -> None:
    run = wait(
        "http://127.0.0.1:1",
        AWS_ACCESS_KEY_ID=None,
        AWS_SECRET_ACCESS_KEY=None,
        AWS_SHARED_CREDENTIALS_FILE="/none",
        AWS_CONFIG_FILE="/none",
    )

    assert run.exit_code == 3
    assert "run 'aws configure'" in run.stderr


def test_a_job_that_does_not_exist_is_reported_with_account_and_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AWS may not find a new job for some seconds, so the request is retried."""
    monkeypatch.setattr("s3batch_handler.jobs._waiting_steps._UNTIL_VISIBLE", 0.1)
    with serving("404 NoSuchJobException") as (_, address):
        run = wait(address, "--region", "us-west-2")

    assert run.exit_code == 3
    assert "(account 123456789012, Region us-west-2: see --account-id" in run.stderr


def test_timeouts_of_botocore_do_not_extend_retry_for() -> None:
    with serving("hang") as (aws, address):
        run = wait(address, "--retry-for", "0.5")

    assert run.exit_code == 3
    assert "ReadTimeoutError" in run.stderr
    assert len(aws.requests) == 2


def test_a_timeout_exits_with_1_not_3() -> None:
    with serving("Active") as (_, address):
        assert wait(address, "--timeout", "0.05").exit_code == 1


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--retry-for", "0.1"), 3)])
def test_submit_prints_the_job_id_even_if_waiting_fails(
    options: tuple[str, ...], code: int
) -> None:
    script = ("503 SlowDown",) if options else ("503 SlowDown", "Complete")
    with serving(*script) as (_, address):
        run = s3batch(address, *SUBMIT, "--wait", "--json", "--quiet", *options)

    assert (run.exit_code, json.loads(run.stdout)["JobId"]) == (code, JOB_ID)


def test_retry_for_without_wait_is_wrong_usage() -> None:
    run = s3batch("http://127.0.0.1:1", *SUBMIT, "--retry-for", "3")

    assert run.exit_code == 2
    assert "Option --retry-for needs --wait or --sample." in run.stderr


@pytest.mark.parametrize(
    ("step", "number", "shown"),
    [
        ("Active", signal.SIGTERM, "Active"),
        ("Active", signal.SIGINT, "Active"),
        ("503 SlowDown", signal.SIGINT, "cannot be watched"),
        ("hang", signal.SIGINT, ""),
    ],
)
def test_ctrl_c_prints_the_command_to_wait_again(step: str, number: int, shown: str) -> None:
    """The job continues; exit code 130.

    The signal arrives between two requests, or while the command waits for a response: inside
    ``HTTPResponse.__init__``, Python would print "Exception ignored" with a traceback.
    """
    with serving(step) as (aws, address):
        environment: Any = {**clean_environment(), "AWS_ENDPOINT_URL": address}
        command = [*COMMAND, "job", *SUBMIT, "--wait"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            wait_for(lambda: bool(aws.requests))
            assert process.stderr is not None
            assert not shown or any(shown in line for line in process.stderr)

            process.send_signal(number)

            out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert out == f"{JOB_ID}\n"
    assert f"the job continues; to wait again: s3batch job wait {JOB_ID}\n" in err
    assert "Traceback" not in err
