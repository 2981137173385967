"""The exit codes of ``s3batch``, as docs/reference.md lists them, on the paths that all share."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.shell import COMMAND, Shell
from tests.support.waiting import wait_for

APP = """
from s3batch_handler import PermanentFailure, Task, task_handler

@task_handler
def handler(task: Task) -> str:
    if task.key == "fail":
        raise PermanentFailure("no")
    return "done"
"""

SLOW = """
import time
def handler(event, context):
    open("called", "w").close()
    time.sleep(60)
"""


@pytest.fixture
def s3batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "good.csv").write_text("b,a\n")
    (tmp_path / "bad.csv").write_text("b,fail\n")
    (tmp_path / "no.csv").write_text("b\n")
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


EXIT_CODES = {
    "s3batch event k": 0,
    "s3batch init": 0,
    "s3batch run app.py --manifest good.csv": 0,
    "s3batch run app.py --manifest bad.csv": 1,
    "s3batch run app.py --manifest no.csv": 1,
    "s3batch run app.py --manifest none.csv": 1,
    "s3batch --debug run app.py --manifest none.csv": 1,
    "s3batch run none.py --manifest good.csv": 2,
    "s3batch --debug run none.py --manifest good.csv": 2,
    "s3batch run --resume --state state": 2,
    "s3batch invoke app.py --bucket b --key a": 0,
    "s3batch invoke app.py --bucket b --key fail": 1,
    "s3batch invoke none.py --bucket b --key a": 2,
    "s3batch invoke app.py <&-": 2,
    "s3batch init none": 2,
    "s3batch serve --function f": 2,
    "s3batch serve --port 1 --host 192.0.2.1": 1,
    "s3batch job": 2,
    "s3batch job list --endpoint-url http://127.0.0.1:9": 1,
    "s3batch job wait job-id --endpoint-url http://127.0.0.1:9 --retry-for 0": 3,
    "s3batch manifest create m.csv --bucket b --endpoint-url http://127.0.0.1:9": 1,
    "s3batch manifest create": 2,
    "s3batch none": 2,
    "s3batch": 2,
    "s3batch --help": 0,
    "s3batch --version": 0,
}


@pytest.mark.parametrize("line", EXIT_CODES)
def test_exit_codes(s3batch: Shell, line: str) -> None:
    """0: done; 1: tasks or the job failed, or an error; 2: wrong usage; 3: not watched."""
    run = s3batch.line(f"export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b\n{line}")

    assert run.returncode == EXIT_CODES[line], run.stderr
    assert ("Traceback" in run.stderr) is ("--debug" in line)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("s3batch --help", 0),
        ("s3batch --version", 0),
        ("s3batch job wait --help", 0),
        ("s3batch event k", 0),
        ("s3batch init", 0),
        ("s3batch invoke app.py --bucket b --key a", 0),
        ("s3batch invoke app.py --bucket b --key fail 2>&-", 1),
        ("s3batch run app.py --manifest good.csv -q", 0),
        ("s3batch run app.py --manifest bad.csv -q", 1),
    ],
)
def test_nobody_reads_standard_output(s3batch: Shell, line: str, code: int) -> None:
    """A closed pipe (``| true``) changes no exit code, and is nothing to complain about."""
    run = s3batch.line(f"set -o pipefail; {{ sleep 0.2; {line}; }} | true; exit ${{PIPESTATUS[0]}}")

    assert (run.returncode, run.stderr) == (code, "")


@pytest.mark.parametrize("line", ["s3batch none", "s3batch run none.py --manifest good.csv"])
@pytest.mark.parametrize("errors", ["2>&-", "2> >(true)"])
def test_nobody_reads_standard_error(s3batch: Shell, line: str, errors: str) -> None:
    """Wrong usage is 2, even if it cannot be said."""
    assert s3batch.line(f"{line} {errors}").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("line", ["s3batch --help", "s3batch job wait --help", "s3batch event"])
def test_standard_output_is_full(s3batch: Shell, line: str) -> None:
    """Exit code 1, and one line that says so."""
    run = s3batch.line(f"{line} > /dev/full")

    assert run.returncode == 1
    assert run.stderr == "s3batch: standard output: No space left on device\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["run", "invoke"])
def test_signals_that_end_a_command(s3batch: Shell, command: str, number: int) -> None:
    """Ctrl-C, ``kill`` and a closed terminal: exit code 130."""
    arguments = {
        "run": ["run", "slow.py", "--manifest", "good.csv", "-q"],
        "invoke": ["invoke", "slow.py", "--bucket", "b", "--key", "a"],
    }
    with subprocess.Popen(
        [*COMMAND, *arguments[command]],
        cwd=s3batch.folder,
        env=s3batch.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for((s3batch.folder / "called").exists)

        process.send_signal(number)

        _, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in errors


def test_signals_before_a_command_has_begun(s3batch: Shell) -> None:
    """As soon as it handles signals at all: while the event is read."""
    with subprocess.Popen(
        [*COMMAND, "invoke", "app.py"],
        cwd=s3batch.folder,
        env=s3batch.environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b" " * 1_000_000)  # more than a pipe holds: it is reading

        process.send_signal(signal.SIGTERM)

        _, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert errors.split() == [b"Aborted!"]
