"""The exit codes of ``s3batch``, which docs/reference.md lists."""

from __future__ import annotations

import shlex
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
def s3batch(s3batch: Shell) -> Shell:
    (s3batch.folder / "app.py").write_text(APP)
    (s3batch.folder / "slow.py").write_text(SLOW)
    s3batch.manifest("b,a", name="good.csv")
    s3batch.manifest("b,fail", name="bad.csv")
    s3batch.manifest("b", name="no.csv")
    return s3batch


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


def test_exit_codes(s3batch: Shell) -> None:
    """0: done; 1: tasks or the job failed, or an error; 2: wrong usage; 3: not watched."""
    for line, code in EXIT_CODES.items():
        arguments = shlex.split(line)[1:]

        run = s3batch(*arguments, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")

        assert run.returncode == code, (line, run.stderr)
        assert ("Traceback" in run.stderr) is ("--debug" in line), line


def test_a_closed_standard_input_is_wrong_usage(s3batch: Shell) -> None:
    assert s3batch.line("s3batch invoke app.py <&-").returncode == 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("s3batch --help", 0),
        ("s3batch job wait --help", 0),
        ("s3batch event k", 0),
        ("s3batch invoke app.py --bucket b --key fail 2>&-", 1),
        ("s3batch run app.py --manifest good.csv -q", 0),
        ("s3batch run app.py --manifest bad.csv -q", 1),
    ],
)
def test_a_closed_pipe_changes_no_exit_code(s3batch: Shell, line: str, code: int) -> None:
    """``s3batch … | true`` prints no error."""
    run = s3batch.line(f"set -o pipefail; {{ sleep 0.2; {line}; }} | true; exit ${{PIPESTATUS[0]}}")

    assert (run.returncode, run.stderr) == (code, "")


@pytest.mark.parametrize("line", ["s3batch none", "s3batch run none.py --manifest good.csv"])
@pytest.mark.parametrize("errors", ["2>&-", "2> >(true)"])
def test_wrong_usage_exits_with_2_even_if_the_message_cannot_be_written(
    s3batch: Shell, line: str, errors: str
) -> None:
    assert s3batch.line(f"{line} {errors}").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("line", ["s3batch --help", "s3batch job wait --help", "s3batch event"])
def test_a_full_standard_output_is_one_line_and_exit_code_1(s3batch: Shell, line: str) -> None:
    run = s3batch.line(f"{line} > /dev/full")

    assert run.returncode == 1
    assert run.stderr == "s3batch: standard output: No space left on device\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("run", signal.SIGINT),
        ("invoke", signal.SIGINT),
        ("invoke", signal.SIGTERM),
        ("invoke", signal.SIGHUP),
    ],
)
def test_signals_end_a_command_with_130(s3batch: Shell, command: str, number: int) -> None:
    """Ctrl-C, ``kill`` and a closed terminal."""
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


def test_a_signal_while_the_event_is_read_ends_the_command(s3batch: Shell) -> None:
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
