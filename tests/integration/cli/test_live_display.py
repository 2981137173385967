"""The progress of ``s3batch run`` in a real terminal."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from s3batch_handler.documents.reports._report import read_report
from tests.support.screen import Screen
from tests.support.terminal import Terminal, terminal
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.shell import Shell

WAITS = """
import os, time

def handler(event, context):
    (task,) = event["tasks"]
    key = task["s3Key"]
    if key.startswith("last"):
        open("waits", "w").close()
        while not os.path.exists("goes"):
            time.sleep(0.02)
    code = "PermanentFailure" if "bad" in key else "Succeeded"
    results = [{"taskId": task["taskId"], "resultCode": code, "resultString": f"no: {key}"}]
    return {"invocationSchemaVersion": "1.0", "invocationId": event["invocationId"],
            "treatMissingKeysAs": "PermanentFailure", "results": results}
"""
"""A function that waits for a file named ``goes`` in tasks whose key begins with ``last``."""

HOSTILE = [
    "bad-" + "漢字" * 40,
    "bad-\x1b[2J\x1b]0;title\x07",
    "bad-" + "e\u0301" * 60,
    "bad-" + "❤️" * 60,
    "bad-\u202egpj",
    "bad-שלום/" + "a" * 300,
    "bad-[bold red]x[/] :smile:",
]


def keys(s3batch: Shell, *names: str) -> str:
    return s3batch.manifest(*(f"b,{quote(name)}" for name in names))


@contextmanager
def running(
    s3batch: Shell,
    line: str,
    columns: int = 80,
    *,
    kind: str = "xterm-256color",
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Terminal]:
    """Run a line in a terminal, with a function that waits in its last task."""
    (s3batch.folder / "waits.py").write_text(WAITS)
    environment = {**s3batch.environment, **variables}
    for name in ("CI", "NO_COLOR"):
        if name not in variables:
            environment.pop(name, None)
    with terminal(line, s3batch.folder, environment, columns=columns, kind=kind) as shell:
        yield shell


def release(s3batch: Shell) -> None:
    (s3batch.folder / "goes").touch()


def on_screen(text: str, columns: int) -> Screen:
    screen = Screen(columns)
    screen.feed(text)
    return screen


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_the_display_is_not_wider_than_the_terminal(s3batch: Shell, columns: int) -> None:
    """Keys and messages are escaped and cut, also with wide and combining characters."""
    manifest = keys(s3batch, *HOSTILE, "last")
    line = f"s3batch run waits.py --manifest {manifest} --workers 1 > out"

    with running(s3batch, line, columns) as shell:
        shell.expect("7 failed(?s:.*?)\x1b\\[J")
        frame = on_screen(shell.shown, columns)
        release(s3batch)
        code = shell.end()

    shown = "\n".join(frame.lines)
    assert code == 1
    assert frame.widest < columns
    assert len(frame.lines) <= 12
    assert re.search(r"━.*\d%", shown)
    assert "Active" in shown
    assert ("7 of 8 tasks done" in shown) or columns == 20
    assert "\x07" not in shell.shown
    assert "\x1b[2J" not in shell.shown


def test_the_terminal_is_clean_at_the_end(s3batch: Shell) -> None:
    """Messages are printed above the display, the summary in its place."""
    manifest = keys(s3batch, "bad", "a", "last")
    with running(s3batch, f"s3batch run waits.py --manifest {manifest} --report out") as shell:
        shell.expect("1 failed(?s:.*?)\x1b\\[J")
        release(s3batch)
        shell.end()

    lines = on_screen(shell.shown, 80).lines
    assert lines[0].split()[0] == "Job"
    assert not any("━" in line or "Active" in line for line in lines)
    assert shell.shown.rfind("\x1b[?7l") < shell.shown.rfind("\x1b[?7h")


def test_a_terminal_that_becomes_narrower_has_no_remains_of_old_frames(s3batch: Shell) -> None:
    """Terminals wrap the lines that are too long for the new width."""
    manifest = keys(s3batch, *HOSTILE, "last")
    with running(s3batch, f"s3batch run waits.py --manifest {manifest} > out", 200) as shell:
        shell.expect("7 failed(?s:.*?)\x1b\\[J")
        screen = on_screen(shell.shown, 200)
        before = len(shell.shown)
        screen.resize(40)
        shell.resize(40)
        shell.expect(r"left\x1b\[K\s+\S+running(?s:.*?)\x1b\[J")  # now on a line of its own
        release(s3batch)
        shell.end()

    screen.feed(shell.shown[before:])
    assert not "".join(screen.lines)


@pytest.mark.parametrize("state", ["", " --state job"])
def test_ctrl_c_leaves_the_terminal_clean(s3batch: Shell, state: str) -> None:
    """The job is cancelled, or paused, and its summary printed."""
    manifest = keys(s3batch, "a", "last")
    line = f"s3batch run waits.py --manifest {manifest} --json{state} > out"
    with running(s3batch, line) as shell:
        shell.expect("1 of 2 tasks done(?s:.*?)\x1b\\[J")
        shell.type("\x03")
        release(s3batch)
        code = shell.end()

    shown = "\n".join(on_screen(shell.shown, 80).lines)
    status = json.loads((s3batch.folder / "out").read_text())["status"]
    assert (code, status) == (130, "Paused" if state else "Cancelled")
    assert "tasks done" not in shown
    assert ("to resume it: s3batch run --resume" in shown) is bool(state)


def test_a_job_continues_when_its_terminal_is_closed(s3batch: Shell) -> None:
    """If the signal of a closed terminal is ignored, as with ``nohup``."""
    manifest = keys(s3batch, "a", "last")
    line = f"trap '' HUP; s3batch run waits.py --manifest {manifest} --report out > summary; :"
    with running(s3batch, line) as shell:
        shell.expect("1 of 2 tasks done(?s:.*?)\x1b\\[J")
        shell.close()
        release(s3batch)
        wait_for(lambda: "Complete" in (s3batch.folder / "summary").read_text())

    assert len(list(read_report(s3batch.folder / "out").rows())) == 2


@pytest.mark.parametrize(
    ("kind", "variables", "redirection"),
    [
        ("dumb", {}, ""),
        ("xterm", {"CI": "true"}, ""),
        ("xterm", {"PYTHONIOENCODING": "latin-1"}, ""),
        ("xterm", {}, "2>&1 | cat"),
    ],
)
def test_without_a_terminal_progress_is_printed_as_lines(
    s3batch: Shell, kind: str, variables: dict[str, str], redirection: str
) -> None:
    """In a pipe, in CI, in simple terminals."""
    release(s3batch)
    line = f"s3batch run waits.py --manifest {keys(s3batch, 'a', 'last')} {redirection}"
    with running(s3batch, line, kind=kind, variables=variables) as shell:
        shell.end()

    assert shell.shown.startswith("2 tasks\r\n")
    assert "\x1b[?7l" not in shell.shown
    assert "━" not in shell.shown


def test_no_color_switches_off_the_colors(s3batch: Shell) -> None:
    manifest = keys(s3batch, "bad", "last")
    line = f"s3batch run waits.py --manifest {manifest}"
    with running(s3batch, line, variables={"NO_COLOR": "1"}) as shell:
        shell.expect("1 failed(?s:.*?)\x1b\\[J")
        release(s3batch)
        shell.end()

    colors = {
        code for codes in re.findall(r"\x1b\[([\d;]*)m", shell.shown) for code in codes.split(";")
    }
    assert colors <= {"", "0", "1", "2"}  # bold and dim are not colors


def test_quiet_shows_no_progress(s3batch: Shell) -> None:
    release(s3batch)
    line = f"s3batch run waits.py --manifest {keys(s3batch, 'last')} --quiet > out"
    with running(s3batch, line) as shell:
        code = shell.end()

    assert (code, shell.shown) == (0, "")
