"""Functions that fail: exceptions, timeouts, and processes that end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from tests.support.invoker_calls import Write, error_of, invoke, invoke_one, is_gone, keys, text_of

if TYPE_CHECKING:
    from pathlib import Path


def test_exceptions_are_reported_as_in_lambda(function: Write) -> None:
    """The error has type, message, request ID, and a stack trace that begins in the user's code."""
    spec = function(
        """
        def handler(event, context):
            raise KeyError(context.aws_request_id)
        """
    )

    error = error_of(invoke_one(spec))

    assert error["errorType"] == "KeyError"
    assert error["errorMessage"] == f"'{error['requestId']}'"
    assert len(error["stackTrace"]) == 1
    assert "raise KeyError(context.aws_request_id)" in error["stackTrace"][0]


def test_a_function_that_ends_its_process_fails_one_task(function: Write) -> None:
    """A new process runs the next task."""
    reasons = {
        "sys.exit(3)": "Runtime exited with error: exit status 3",
        "sys.exit()": "Runtime exited without providing a reason",
        "os._exit(0)": "Runtime exited without providing a reason",
        "os.kill(os.getpid(), signal.SIGKILL)": "Runtime exited with error: signal: killed",
        "os.abort()": "Runtime exited with error: signal: aborted",
        "raise BaseException(1)": "Runtime exited with error: exit status 1",
    }
    spec = function(
        """
        def handler(event, context):
            exec(key(event))
            return answer(event, text=str(os.getpid()))
        """
    )

    answers = invoke(WorkerPool(spec, workers=1), keys("first = 1", *reasons, "last = 1"))

    for body, reason in reasons.items():
        error = error_of(answers[body])
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].endswith(f" Error: {reason}")
    assert text_of(answers["first = 1"]) != text_of(answers["last = 1"])


def test_a_call_is_killed_at_its_timeout(function: Write, tmp_path: Path) -> None:
    """Its child processes are killed, too. The message is that of AWS's example report."""
    spec = function(
        f"""
        import subprocess
        def handler(event, context):
            if key(event) == "slow":
                child = subprocess.Popen(["sleep", "60"])
                Path({str(tmp_path / "pids")!r}).write_text(f"{{child.pid}} {{os.getpid()}}")
                try:
                    time.sleep(60)
                except BaseException:
                    pass
            return answer(event)
        """
    )
    started = time.monotonic()

    answers = invoke(WorkerPool(spec, workers=1, timeout=2), keys("a", "slow", "b"))

    assert time.monotonic() - started < 40
    (message,) = error_of(answers["slow"]).values()
    assert message.endswith("Task timed out after 2.00 seconds")
    assert message[:2] == "20"
    assert answers["a"] == answers["b"] == Outcome(ResultCode.SUCCEEDED, "")
    for pid in (tmp_path / "pids").read_text().split():
        assert is_gone(int(pid))


def test_each_task_has_its_own_timeout(function: Write) -> None:
    """Tasks share a batch, but not the timeout."""
    spec = function(
        "def handler(event, context):\n  time.sleep(0.06 * key(event).isdigit())\n"
        "  return answer(event)"
    )
    fast = [f"k{number}" for number in range(200)]
    slow = [str(number) for number in range(20)]

    answers = invoke(WorkerPool(spec, workers=1, timeout=1), keys(*fast, *slow))

    assert set(answers.values()) == {Outcome(ResultCode.SUCCEEDED, "")}
    assert len(answers) == 220


def test_a_forked_child_that_returns_adds_no_answer(function: Write) -> None:
    """Each task has one answer."""
    spec = function(
        """
        def handler(event, context):
            child = os.fork()
            if child:
                os.waitpid(child, 0)
            return answer(event, text="child" if not child else "parent")
        """
    )

    answers = invoke(WorkerPool(spec, workers=1), keys("a", "b", "c"))

    assert {text_of(answer) for answer in answers.values()} == {"parent"}


def test_child_processes_of_child_processes_keep_their_files(function: Write) -> None:
    """A file of the child process may have the number that a pipe of the worker had."""
    spec = function(
        """
        def check(files):
            for file in files:
                os.fstat(file)

        def in_child(function):
            child = os.fork()
            if child == 0:
                try:
                    function()
                except OSError:
                    os._exit(1)
                os._exit(0)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        def handler(event, context):
            def fork_again():
                files = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
                if in_child(lambda: check(files)):
                    raise OSError
            return answer(event, text=str(in_child(fork_again)))
        """
    )

    assert text_of(invoke_one(spec)) == "0"


def test_a_crash_is_noticed_while_a_forked_child_runs(function: Write) -> None:
    """The child process keeps the pipes open."""
    spec = function(
        """
        def handler(event, context):
            if os.fork() == 0:
                time.sleep(60)
            os._exit(7)
        """
    )

    error = error_of(invoke_one(spec, timeout=30))

    assert error["errorMessage"].endswith("exit status 7")


def test_a_function_may_close_standard_error(function: Write) -> None:
    """Its own error is reported, although it cannot be logged."""
    spec = function(
        """
        def handler(event, context):
            sys.stderr.close()
            raise ValueError("mine")
        """
    )

    answer = invoke_one(spec)

    assert error_of(answer)["errorMessage"] == "mine"


def test_keys_cannot_forge_log_lines(function: Write, capfd: pytest.CaptureFixture[str]) -> None:
    """A failure is one line of the log, without control characters."""
    spec = function("handler = lambda event, context: 1")

    invoke(WorkerPool(spec, workers=1), keys("a\nFunctionError: forged\x1b[2J"))

    (line,) = capfd.readouterr().err.splitlines()
    assert "/a\\nFunctionError: forged\\x1b[2J: " in line


@pytest.mark.slow
def test_a_function_that_writes_to_the_results_pipe_is_killed(function: Write) -> None:
    """Its task fails, but not the job."""
    texts = {
        "garbage": "garbage",
        "a number": "1",
        "a text": '"ab"',
        "a number for a text": '["Succeeded", 1]',
        "three texts": '["a", "b", "c"]',
        "an error that is not JSON": '["FunctionError", "garbage"]',
        "an error without a message": '["FunctionError", "{}"]',
        "a count that is not a number": '["not started", "many"]',
        "a number that is too long": f'["not started", "{"9" * 5_000}"]',
        "JSON that is nested too deeply": "[" * 50_000,
    }
    spec = function(
        f"""
        texts = {texts!r}
        def handler(event, context):
            text = texts.get(key(event))
            if text is not None:
                for file in range(3, 1000):  # the function does not know the number of the pipe
                    try:
                        os.write(file, text.encode() + b"\\n")
                    except OSError:
                        pass
                time.sleep(60)
            return answer(event, text="fine")
        """
    )

    answers = invoke(WorkerPool(spec, workers=1), keys(*texts, "good"))

    for name in texts:
        assert error_of(answers[name])["errorMessage"].endswith("signal: killed"), name
    assert text_of(answers["good"]) == "fine"


def test_a_long_line_of_source_code_is_shortened(function: Write) -> None:
    """Minified code may have lines of megabytes, and a stack trace a hundred of them."""
    spec = function(
        f"""
        def fail(depth): return 1 / 0 if not depth else fail(depth - 1); {"x" * 1_000_000} = 1
        def handler(event, context):
            fail(80)
        """
    )

    error = error_of(invoke_one(spec))

    assert error["errorType"] == "ZeroDivisionError"
    assert max(map(len, error["stackTrace"])) <= 10_000
