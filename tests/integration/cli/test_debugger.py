"""The debugger of ``s3batch invoke``, and Ctrl-C in a terminal."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.testing import make_event
from tests.support.terminal import Terminal, terminal

if TYPE_CHECKING:
    from tests.support.shell import Shell


pytestmark = pytest.mark.slow

DEBUGGED = """
import pdb
from s3batch_handler import PermanentFailure, Task, task_handler

@task_handler
def handler(task: Task) -> str:
    answer = 41
    breakpoint()
    return f"{answer + 1} {task.key}"

@task_handler
def old_style(task: Task) -> str:
    answer = 41
    pdb.set_trace()
    return f"{answer + 1} {task.key}"

@task_handler(concurrency=2)
def together(task: Task) -> str:
    breakpoint()
    return task.key

@task_handler
def asks(task: Task) -> str:
    return input("your name? ")

@task_handler
def raises(task: Task) -> str:
    secret = "local value"
    if task.key == "expected":
        raise PermanentFailure("no")
    return {}["nothing"]

@task_handler
async def raises_later(task: Task) -> str:
    secret = "local value"
    return {}["nothing"]

def plain(event, context):
    secret = "local value"
    return {}["nothing"]

def ends(event, context):
    raise SystemExit(0)
"""


SLOW = """
import asyncio, time
from s3batch_handler import Task, task_handler

@task_handler
def handler(task: Task) -> str:
    print("begun", flush=True)
    time.sleep(60)
    return "done"

@task_handler
async def later(task: Task) -> str:
    print("begun", flush=True)
    await asyncio.sleep(60)
    return "done"

@task_handler
def catches(task: Task) -> str:
    try:
        print("begun", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        return "caught"
"""


@pytest.fixture
def s3batch(s3batch: Shell) -> Shell:
    (s3batch.folder / "debugged.py").write_text(DEBUGGED)
    (s3batch.folder / "slow.py").write_text(SLOW)
    (s3batch.folder / "event.json").write_text(json.dumps(make_event("k")))
    return s3batch


PROMPT = r"\(Pdb\) "


@pytest.mark.parametrize("function", ["handler", "old_style"])
def test_a_breakpoint_opens_in_the_terminal_if_the_event_is_piped(
    s3batch: Shell, function: str
) -> None:
    """The response goes to standard output as usual."""
    line = f"cat event.json | s3batch invoke debugged.py:{function} > out 2> log"

    with terminal(line, s3batch.folder, s3batch.environment) as shell:
        shell.expect(PROMPT)
        shell.type("p answer, task.key\n")
        values = shell.expect(PROMPT)
        shell.type("c\n")
        code = shell.end()

    assert "(41, 'k')" in values
    assert (code, (s3batch.folder / "log").read_text()) == (0, "")
    (result,) = json.loads((s3batch.folder / "out").read_text())["results"]
    assert result["resultString"] == "42 k"


def test_a_function_reads_from_the_terminal_if_the_event_is_piped(s3batch: Shell) -> None:
    with terminal(
        "cat event.json | s3batch invoke debugged.py:asks > out",
        s3batch.folder,
        s3batch.environment,
    ) as shell:
        shell.expect("your name")
        shell.type("me\n")
        code = shell.end()

    assert (code, '"me"' in (s3batch.folder / "out").read_text()) == (0, True)


def test_time_in_the_debugger_does_not_count(s3batch: Shell) -> None:
    """Users need more time than functions."""
    line = "cat event.json | s3batch invoke debugged.py --timeout 2"
    with terminal(line, s3batch.folder, s3batch.environment) as shell:
        shell.expect(PROMPT)
        time.sleep(2.5)  # more than the task has
        shell.type("import time; time.sleep(0.5)\n")
        shell.expect(PROMPT)
        shell.type("c\n")
        code = shell.end()

    assert "OutOfTime" not in shell.shown
    assert (code, "42 k" in shell.shown) == (0, True)


def test_one_thread_at_a_time_uses_the_terminal(s3batch: Shell) -> None:
    line = "s3batch invoke debugged.py:together --bucket b --key first --key second"
    with terminal(line, s3batch.folder, s3batch.environment) as shell:
        for _ in range(2):
            shell.expect(PROMPT)
            shell.type("p task.key\n")
            shell.expect("'(first|second)'")
            shell.expect(PROMPT)
            shell.type("c\n")
        code = shell.end()

    assert code == 0
    assert '"first"' in shell.shown
    assert '"second"' in shell.shown


def interrupt(shell: Terminal) -> None:
    """Press Ctrl-C until there is a new prompt.

    Python handles a signal that arrives just before a blocking read only after this read.
    """
    for _ in range(30):
        shell.type("nonsense\x03")
        with suppress(AssertionError):
            shell.expect(PROMPT, seconds=2)
            return


def test_ctrl_c_at_the_prompt_discards_the_line(s3batch: Shell) -> None:
    """As in pdb; the task continues."""
    with terminal(
        "cat event.json | s3batch invoke debugged.py", s3batch.folder, s3batch.environment
    ) as shell:
        shell.expect(PROMPT)
        interrupt(shell)
        shell.type("c\n")
        code = shell.end()

    assert (code, "42 k" in shell.shown) == (0, True)


@pytest.mark.parametrize("typed", ["q\n", "\x04"])
def test_quit_and_ctrl_d_end_the_command(s3batch: Shell, typed: str) -> None:
    """Like Ctrl-C: there is no response to print."""
    with terminal(
        "cat event.json | s3batch invoke debugged.py 2>&1; exit ${PIPESTATUS[1]}",
        s3batch.folder,
        s3batch.environment,
    ) as shell:
        shell.expect(PROMPT)
        shell.type(typed)
        code = shell.end()

    assert code == 130
    assert "Aborted!" in shell.shown
    assert "Traceback" not in shell.shown


@pytest.mark.parametrize("function", ["handler", "old_style"])
def test_a_breakpoint_without_a_terminal_is_skipped_with_a_line(
    s3batch: Shell, function: str
) -> None:
    run = s3batch.line(
        f'cat event.json | python3 -c \'import os; os.setsid(); os.execvp("bash", '
        f'["bash", "-c", "$PYTHON -m s3batch_handler.cli invoke debugged.py:{function}"])\''
    )

    (result,) = json.loads(run.stdout)["results"]
    assert (run.returncode, result["resultString"]) == (0, "42 k")
    assert re.fullmatch(
        r"s3batch: breakpoint\(\) in \S+debugged\.py, line \d+ skipped: "
        r"there is no terminal for the debugger\n",
        run.stderr,
    )


def test_debugger_commands_are_read_from_a_pipe_if_the_event_is_a_file(s3batch: Shell) -> None:
    run = s3batch.line("printf 'p answer\nc\nc\n' | s3batch invoke debugged.py event.json")

    assert "41" in run.stderr
    assert run.returncode == 0


@pytest.mark.parametrize("function", ["raises", "raises_later", "plain"])
def test_pdb_stops_where_an_exception_was_raised(s3batch: Shell, function: str) -> None:
    """The response is the same as without ``--pdb``."""
    line = f"cat event.json | s3batch invoke debugged.py:{function} --pdb > out"
    with terminal(line, s3batch.folder, s3batch.environment) as shell:
        shell.expect("KeyError: 'nothing'")
        shell.expect(PROMPT)
        shell.type("p secret\n")
        values = shell.expect(PROMPT)
        shell.type("q\n")
        code = shell.end()

    assert "'local value'" in values
    assert code == 1
    answer = (s3batch.folder / "out").read_text()
    assert ("PermanentFailure" in answer) is (function != "plain")


def test_pdb_ignores_expected_failures(s3batch: Shell) -> None:
    with terminal(
        "s3batch event expected | s3batch invoke debugged.py:raises --pdb > out",
        s3batch.folder,
        s3batch.environment,
    ) as shell:
        code = shell.end()

    assert (code, "(Pdb)" in shell.shown) == (1, False)


@pytest.mark.parametrize("function", ["handler", "later", "catches"])
def test_ctrl_c_ends_an_invocation_without_a_response(s3batch: Shell, function: str) -> None:
    """A handler would turn the exception into a failed task."""
    with terminal(
        f"cat event.json | s3batch invoke slow.py:{function} > out; exit ${{PIPESTATUS[1]}}",
        s3batch.folder,
        s3batch.environment,
    ) as shell:
        shell.expect("begun")
        shell.type("\x03")
        code = shell.end()

    assert (code, (s3batch.folder / "out").read_text()) == (130, "")
    assert "Traceback" not in shell.shown
