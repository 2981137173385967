"""``s3batch event`` and ``s3batch invoke``: one event through a function, and the debugger."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._payload import parse_event
from tests.support.shell import APP, Shell
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from pathlib import Path


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
def s3batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_imports: None) -> Shell:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "debugged.py").write_text(DEBUGGED)
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


# ---------------------------------------------------------------- invoke and event


def test_an_event_through_a_handler(s3batch: Shell) -> None:
    """``event | invoke`` is the shortest way to try a function."""
    answer = s3batch.line(
        "s3batch event 'year 2024/a+b.jpg' -a target=x | s3batch invoke app.py:handler"
    )

    (result,) = json.loads(answer.stdout)["results"]
    assert json.loads(result["resultString"]) == {"key": "year 2024/a+b.jpg", "target": "x"}
    assert "this is a log line" in answer.stderr
    assert answer.returncode == 0


def test_nobody_reads_the_answer_to_its_end(s3batch: Shell) -> None:
    """As with a job: no reason to complain."""
    run = s3batch.line("s3batch event k | s3batch invoke app | true; exit ${PIPESTATUS[1]}")

    assert (run.returncode, run.stderr) == (0, "this is a log line\n")


def test_invoking_tells_of_a_failed_task(s3batch: Shell) -> None:
    """Exit code 1 although there is an answer."""
    event = s3batch("event", "fail").stdout

    answer = s3batch("invoke", "app:handler", "-", stdin=event)

    assert json.loads(answer.stdout)["results"][0]["resultCode"] == "PermanentFailure"
    assert answer.returncode == 1


@pytest.mark.parametrize(
    ("handler", "event", "message", "code"),
    [
        ("app:handler", "not json", "not valid JSON", 2),
        ("app:handler", "{}", "not an S3 Batch Operations event", 1),
        ("app:nothing", "{}", "app has no 'nothing'", 2),
    ],
)
def test_what_cannot_be_invoked(
    s3batch: Shell, handler: str, event: str, message: str, code: int
) -> None:
    """One clear line."""
    answer = s3batch("invoke", handler, "-", stdin=event)

    assert message in answer.stderr
    assert answer.returncode == code
    assert "Traceback" not in answer.stderr


def test_an_answer_that_s3_could_not_use(s3batch: Shell) -> None:
    """It is printed all the same, with what is wrong about it."""
    event = s3batch("event").stdout

    answer = s3batch("invoke", "app:not_an_answer", "-", stdin=event)

    assert json.loads(answer.stdout) == json.loads(event)
    assert "results: missing" in answer.stderr
    assert answer.returncode == 1


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
def test_events_of_both_schemas(s3batch: Shell, schema: str) -> None:
    """What ``event`` prints is what AWS documents, to the letter."""
    made = s3batch(
        *("event", "a b.txt", "c.txt", "--schema", schema),
        *("--bucket", "photos", "--version-id", "null", "--job-id", "job-1"),
    )

    invocation = parse_event(json.loads(made.stdout), strict=True)
    assert invocation.schema_version == schema
    assert invocation.job.id == "job-1"
    assert [(task.bucket, task.key, task.version_id) for task in invocation.tasks] == [
        ("photos", "a b.txt", "null"),
        ("photos", "c.txt", "null"),
    ]


@pytest.mark.parametrize("code", ["SystemExit(0)", "SystemExit", "asyncio.CancelledError"])
def test_a_function_that_ends_the_process(s3batch: Shell, code: str) -> None:
    """There is no answer then, so the exit code is 1, whatever the function had in mind."""
    (s3batch.folder / "ending.py").write_text(
        f"import asyncio\ndef handler(event, context):\n    raise {code}\n"
    )

    run = s3batch("invoke", "ending.py", "--bucket", "photos", "--key", "a")

    assert (run.returncode, run.stdout) == (1, "")
    assert code.partition("(")[0].rpartition(".")[2] in run.stderr


def test_an_exception_of_click_in_a_function(s3batch: Shell) -> None:
    """The exit codes are ours: 2 is wrong usage of s3batch, not of what a function calls."""
    (s3batch.folder / "clicking.py").write_text(
        "import click\ndef handler(event, context):\n    raise click.UsageError('theirs')\n"
    )

    run = s3batch("invoke", "clicking.py", "--bucket", "photos", "--key", "a")

    assert run.returncode == 1
    assert run.stderr == "s3batch: UsageError: theirs\n"


# ---------------------------------------------------------------- without AWS and without an event

README_FUNCTION = re.compile(r"```python\n(.*?@task_handler\n.*?)```", re.DOTALL)


def test_the_function_of_the_readme_without_aws(s3batch: Shell, project: Path) -> None:
    """``--source`` and ``--key`` are all it needs: no event, no account, no credentials."""
    found = README_FUNCTION.search((project / "README.md").read_text())
    assert found is not None
    (s3batch.folder / "readme.py").write_text(found[1])
    (s3batch.folder / "photos").mkdir()
    (s3batch.folder / "photos" / "a b.txt").write_text("two\nlines\n")

    run = s3batch.line("s3batch invoke readme.py:handler --source photos --key 'a b.txt'")

    (result,) = json.loads(run.stdout)["results"]
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(result["resultString"]) == {"bytes": 10, "lines": 2}


def test_an_event_for_a_folder(s3batch: Shell) -> None:
    """``--source`` also serves the objects of an EVENT; what is written to it is counted."""
    (s3batch.folder / "photos").mkdir()
    (s3batch.folder / "photos" / "a").write_text("text")
    (s3batch.folder / "writer.py").write_text(
        "import boto3\nfrom s3batch_handler import Task, task_handler\n"
        "@task_handler\ndef handler(task: Task) -> str:\n"
        "    s3 = boto3.client('s3')\n"
        "    s3.copy_object(Bucket='mine', Key='b', CopySource={'Bucket': 'mine', 'Key': 'a'})\n"
        "    return 'done'\n"
    )

    run = s3batch.line(
        "s3batch event a --bucket mine | s3batch invoke writer.py --source photos --bucket mine"
    )

    assert run.returncode == 0, run.stderr
    assert run.stderr == "s3batch: mine: 1 object was written but not saved\n"


def test_user_arguments_of_a_key(s3batch: Shell) -> None:
    """``--key`` takes what ``s3batch event`` takes."""
    run = s3batch("invoke", "app.py", "--bucket", "photos", "--key", "a", "-a", "target=x")

    (result,) = json.loads(run.stdout)["results"]
    assert json.loads(result["resultString"]) == {"key": "a", "target": "x"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["event.json", "--key", "a", "--bucket", "b"],
            "--key and EVENT cannot be combined: choose one.",
        ),
        (["--key", "a"], "Option --key needs --source or --bucket."),
        (["--bucket", "photos"], "Option --bucket needs --key or --source."),
        (["event.json", "-a", "a=b"], "Option --arguments needs --key."),
        (["event.json", "--schema", "2.0"], "Option --schema needs --key."),
        (["none.json"], "does not exist"),
        (["--source", "none", "--key", "a"], "does not exist"),
    ],
)
def test_options_of_invoke_that_make_no_sense(
    s3batch: Shell, arguments: list[str], message: str
) -> None:
    """Exit code 2, and nothing is invoked."""
    (s3batch.folder / "event.json").write_text("{}")

    run = s3batch("invoke", "app.py", *arguments)

    assert (run.returncode, run.stdout) == (2, "")
    assert message in run.stderr


@pytest.mark.parametrize("option", [["--source", "."], ["--pdb"]])
def test_options_that_a_function_elsewhere_does_not_have(s3batch: Shell, option: list[str]) -> None:
    """What it calls, and where it fails, is in another process."""
    run = s3batch("invoke", "http://127.0.0.1:9", *option)

    assert run.returncode == 2


# ---------------------------------------------------------------- the debugger

PROMPT = r"\(Pdb\) "


@pytest.mark.parametrize("function", ["handler", "old_style"])
def test_a_breakpoint_although_the_event_came_through_a_pipe(s3batch: Shell, function: str) -> None:
    """The debugger talks to the terminal, the answer goes to standard output as ever."""
    line = f"s3batch event k | s3batch invoke debugged.py:{function} > out 2> log"

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


def test_a_function_that_asks(s3batch: Shell) -> None:
    """Whatever else reads standard input gets the terminal, too."""
    with terminal(
        "s3batch event k | s3batch invoke debugged.py:asks > out",
        s3batch.folder,
        s3batch.environment,
    ) as shell:
        shell.expect("your name")
        shell.type("me\n")
        code = shell.end()

    assert (code, '"me"' in (s3batch.folder / "out").read_text()) == (0, True)


def test_time_in_the_debugger_does_not_count(s3batch: Shell) -> None:
    """A person takes longer than a function."""
    line = "s3batch event k | s3batch invoke debugged.py --timeout 2"
    with terminal(line, s3batch.folder, s3batch.environment) as shell:
        shell.expect(PROMPT)
        time.sleep(2.5)  # more than the task has
        shell.type("import time; time.sleep(0.5)\n")
        shell.expect(PROMPT)
        shell.type("c\n")
        code = shell.end()

    assert "OutOfTime" not in shell.shown
    assert (code, "42 k" in shell.shown) == (0, True)


def test_breakpoints_of_two_threads(s3batch: Shell) -> None:
    """One after the other has the terminal."""
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


def test_ctrl_c_at_the_prompt(s3batch: Shell) -> None:
    """It takes back what was typed, as pdb does it, and the task goes on."""
    with terminal(
        "s3batch event k | s3batch invoke debugged.py", s3batch.folder, s3batch.environment
    ) as shell:
        shell.expect(PROMPT)
        shell.type("nonsense\x03")
        shell.expect(PROMPT)
        shell.type("c\n")
        code = shell.end()

    assert (code, "42 k" in shell.shown) == (0, True)


@pytest.mark.parametrize("typed", ["q\n", "\x04"])
def test_leaving_the_debugger(s3batch: Shell, typed: str) -> None:
    """``quit`` and Ctrl-D end the command like Ctrl-C: there is no answer that means anything."""
    with terminal(
        "s3batch event k | s3batch invoke debugged.py 2>&1; exit ${PIPESTATUS[1]}",
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
def test_a_breakpoint_without_a_terminal(s3batch: Shell, function: str) -> None:
    """It is skipped, which is said with its line; the answer is as without it."""
    run = s3batch.line(
        f's3batch event k | python3 -c \'import os; os.setsid(); os.execvp("bash", '
        f'["bash", "-c", "$PYTHON -m s3batch_handler.cli invoke debugged.py:{function}"])\''
    )

    (result,) = json.loads(run.stdout)["results"]
    assert (run.returncode, result["resultString"]) == (0, "42 k")
    assert re.fullmatch(
        r"s3batch: breakpoint\(\) in \S+debugged\.py, line \d+ skipped: "
        r"there is no terminal for the debugger\n",
        run.stderr,
    )


def test_commands_for_the_debugger_from_a_pipe(s3batch: Shell) -> None:
    """Where the event is a file, standard input is free."""
    run = s3batch.line(
        "s3batch event k > event.json; "
        "printf 'p answer\nc\nc\n' | s3batch invoke debugged.py event.json"
    )

    assert "41" in run.stderr
    assert run.returncode == 0


@pytest.mark.parametrize("function", ["raises", "raises_later", "plain"])
def test_pdb_stops_where_an_exception_was_raised(s3batch: Shell, function: str) -> None:
    """``--pdb`` as in pytest; afterwards the answer is what it would have been."""
    line = f"s3batch event k | s3batch invoke debugged.py:{function} --pdb > out"
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


def test_pdb_leaves_expected_failures_alone(s3batch: Shell) -> None:
    """A function that raises PermanentFailure works as it should."""
    with terminal(
        "s3batch event expected | s3batch invoke debugged.py:raises --pdb > out",
        s3batch.folder,
        s3batch.environment,
    ) as shell:
        code = shell.end()

    assert (code, "(Pdb)" in shell.shown) == (1, False)


@pytest.mark.parametrize("function", ["handler", "later", "catches"])
def test_ctrl_c_ends_an_invocation(s3batch: Shell, function: str) -> None:
    """Exit code 130 and no answer, although a handler answers for whatever is raised in it."""
    with terminal(
        f"s3batch event k | s3batch invoke slow.py:{function} > out; exit ${{PIPESTATUS[1]}}",
        s3batch.folder,
        s3batch.environment,
    ) as shell:
        shell.expect("begun")
        shell.type("\x03")
        code = shell.end()

    assert (code, (s3batch.folder / "out").read_text()) == (130, "")
    assert "Traceback" not in shell.shown
