"""``s3batch job wait`` and ``submit --wait`` while AWS or the network fails."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
    """S3 Control, S3 and STS over HTTP. Looks at a job end as scripted, the last one for ever.

    ``Active``: a status of the job. ``503 SlowDown``: an error. ``502``: a page of a proxy.
    ``close``: no answer. ``half``: half of one. ``html``: something else. ``hang``: silence.
    """

    def __init__(self, *script: str) -> None:
        self._script = list(script)
        self.looks: list[str] = []
        self.failures: list[tuple[int, str]] = []
        self.failures_of_sts: list[tuple[int, str]] = []
        self.end_hanging = threading.Event()

    def next_step(self) -> str:
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        self.looks.append(step)
        return step


def handler_of(aws: FakeAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/jobs/" not in self.path:  # is the function as it should be?
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
            """Stay quiet."""

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
def test_waiting_goes_on_after_a_failure(failure: str) -> None:
    """It is said once for each outage, and that the job is watched again."""
    with serving(failure, failure, "Active", failure, "Complete") as (aws, address):
        run = wait(address, "--json", "--quiet")

    assert run.exit_code == 0, run.stderr
    assert json.loads(run.stdout)["Status"] == "Complete"
    assert len(aws.looks) == 5
    lines = run.stderr.splitlines()
    away = f"s3batch: job {JOB_ID} cannot be watched at the moment: "
    assert [line.startswith(away) for line in lines] == [True, False] * 2
    assert lines[0].endswith("; retrying for up to 600 s")
    assert lines[1] == lines[3] == f"job {JOB_ID} is watched again"


@pytest.mark.parametrize(
    "answer", [(503, ""), (400, ERROR.format("Throttling")), (200, "<html></html>"), (200, "<ht")]
)
def test_sts_may_fail_as_well(answer: tuple[int, str]) -> None:
    """It is asked first, for the account."""
    with serving("Complete") as (aws, address):
        aws.failures_of_sts = [answer] * 2
        run = wait(address, "--json")

    assert (run.exit_code, aws.failures_of_sts) == (0, []), run.stderr
    assert "cannot be watched at the moment" in run.stderr


def test_an_address_that_does_not_resolve() -> None:
    """Waiting ends after ``--retry-for`` seconds, with the command that waits again."""
    run = s3batch("http://sts.invalid:1", "wait", JOB_ID, "--poll", "0.01", "--retry-for", "0.1")

    assert run.exit_code == 3
    assert run.stdout == ""
    first, last = run.stderr.splitlines()
    assert "cannot be watched at the moment: EndpointConnectionError" in first
    assert last.endswith(f"to wait again: s3batch job wait {JOB_ID}")


def test_an_outage_that_lasts(tmp_path: Path) -> None:
    """Exit code 3: whether the job failed is not known. The last line fits a shell."""
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
def test_a_refusal_ends_the_waiting_at_once(refusal: str, hint: str) -> None:
    """With a hint, and exit code 3: the job has not failed."""
    with serving("Active", refusal) as (aws, address):
        run = wait(address, "--json")

    assert (run.exit_code, run.stdout) == (3, "")
    assert hint in run.stderr
    assert len(aws.looks) <= 3
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "page",
    [
        "<html><head><title>No</title></head></html>",
        "<!DOCTYPE html>\n<html><body>No</body></html>",
        "<html><br></html>",
        "<error/>",
        "no",
        "",
    ],
)
@pytest.mark.parametrize("verb", ["wait", "describe"])
@pytest.mark.parametrize("problem", ["403: Forbidden", "404: Not Found"])
def test_page_of_a_proxy(page: str, verb: str, problem: str) -> None:
    """The error has the HTTP status, whatever the body is."""
    with serving("Active") as (aws, address):
        aws.failures = [(int(problem[:3]), page)]
        run = s3batch(address, verb, JOB_ID)

    assert run.exit_code == (3 if verb == "wait" else 1)
    assert run.stderr.startswith(f"s3batch: {problem}")


def test_a_redirect_of_a_proxy_is_survived() -> None:
    """The log-in page of a network says nothing about the job."""
    with serving("Active", "Complete") as (aws, address):
        aws.failures = [(302, "<html>log in</html>")]
        run = wait(address)

    assert run.exit_code == 0
    assert "cannot be watched at the moment: 302" in run.stderr


def test_credentials_that_were_renewed_meanwhile() -> None:
    """They are read again once: another program may have written new ones."""
    with serving("Active", "400 ExpiredToken", "Active", "400 ExpiredToken", "Complete") as (
        _,
        address,
    ):
        run = wait(address, "--quiet")

    assert (run.exit_code, run.stderr) == (0, "")


def test_no_credentials() -> None:
    """Exit code 3, with what to do."""
    run = wait(
        "http://127.0.0.1:1",
        AWS_ACCESS_KEY_ID=None,
        AWS_SECRET_ACCESS_KEY=None,
        AWS_SHARED_CREDENTIALS_FILE="/none",
        AWS_CONFIG_FILE="/none",
    )

    assert run.exit_code == 3
    assert "run 'aws configure'" in run.stderr


def test_a_job_of_another_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not found for longer than a new job is invisible: the error says where it is not."""
    monkeypatch.setattr("s3batch_handler.jobs._waiting._UNTIL_VISIBLE", 0.1)
    with serving("404 NoSuchJobException") as (_, address):
        run = wait(address, "--region", "us-west-2")

    assert run.exit_code == 3
    assert "(account 123456789012, Region us-west-2: see --account-id" in run.stderr


def test_a_server_that_does_not_answer() -> None:
    """botocore's own time-outs and retries do not multiply ``--retry-for``."""
    with serving("hang") as (aws, address):
        run = wait(address, "--retry-for", "0.5")

    assert run.exit_code == 3
    assert "ReadTimeoutError" in run.stderr
    assert len(aws.looks) == 2


def test_a_job_that_is_not_over_in_time_has_been_watched() -> None:
    """Exit code 1, as before."""
    with serving("Active") as (_, address):
        assert wait(address, "--timeout", "0.05").exit_code == 1


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--retry-for", "0.1"), 3)])
def test_submit_never_loses_the_id_of_a_job(options: tuple[str, ...], code: int) -> None:
    """``submit --wait`` survives as ``wait`` does; if it cannot, it prints the id as without it."""
    script = ("503 SlowDown",) if options else ("503 SlowDown", "Complete")
    with serving(*script) as (_, address):
        run = s3batch(address, *SUBMIT, "--wait", "--json", "--quiet", *options)

    assert (run.exit_code, json.loads(run.stdout)["JobId"]) == (code, JOB_ID)


def test_retry_for_without_wait() -> None:
    """No option is silently ignored."""
    run = s3batch("http://127.0.0.1:1", *SUBMIT, "--retry-for", "3")

    assert run.exit_code == 2
    assert "Option --retry-for needs --wait." in run.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("script", [("Active",), ("503 SlowDown",), ("hang",)])
def test_ctrl_c_while_waiting(script: tuple[str, ...], number: int) -> None:
    """Exit code 130, also in an outage; the job goes on, and the error says how to wait again."""
    with serving(*script) as (aws, address):
        environment: Any = {**clean_environment(), "AWS_ENDPOINT_URL": address}
        command = [*COMMAND, "job", *SUBMIT, "--wait"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            wait_for(lambda: bool(aws.looks))

            process.send_signal(number)

            out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert out == f"{JOB_ID}\n"
    assert f"the job continues; to wait again: s3batch job wait {JOB_ID}\n" in err
    assert "Traceback" not in err
