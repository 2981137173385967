"""Ctrl-C during ``s3batch run --state``: the job can be resumed."""

from __future__ import annotations

import io
import itertools
import json
import math
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.cli.run import _saved_run as saved_run
from s3batch_handler.cli.run._saved_run import SavedRun
from s3batch_handler.documents.reports._report import read_report
from s3batch_handler.engine.manifests import _prepared as preparation
from s3batch_handler.engine.manifests._prepared import prepared_manifest
from s3batch_handler.engine.state._sqlite import checksum
from tests.support.resumable_run import (
    APP,
    BEGIN,
    RESUME,
    TASKS,
    interrupt_run,
    limit_calls,
    run,
    start,
    wait_for_calls,
)
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


pytestmark = pytest.mark.slow


def test_ctrl_c_while_the_manifest_is_read_leaves_no_files(folder: Path) -> None:
    """There is no job yet."""
    arguments = ("app.py:handler", "--manifest", "-", "--state", "state")
    command = [sys.executable, "-m", "s3batch_handler.cli", "run", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while not (folder / "state" / "run-manifest.csv.part").exists():
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)

    assert process.returncode == 130
    assert [path.name for path in (folder / "state").iterdir()] == ["lock"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a file that is cut off while it opens
def test_ctrl_c_at_any_moment_leaves_a_complete_run_or_no_files(tmp_path: Path) -> None:
    """Before each instruction that saves the run."""
    for moment in itertools.count():
        state = tmp_path / str(moment)
        with suppress(KeyboardInterrupt), ctrl_c_at(moment) as was_reached:
            begin(state)
        if not was_reached():
            break
        kept = {file.name for file in state.glob("*")} - {"lock"}
        assert kept in ({"run.json", "run-manifest.csv", "run-journal"}, set())

    assert moment > 200
    assert (state / "run.json").exists()


def begin(state: Path) -> None:
    with (
        SavedRun.open(state, resume=False) as run,
        prepared_manifest(
            io.BytesIO(b"photos,cat.jpg\n"), source="m", save_as=run.manifest_file
        ) as manifest,
    ):
        run.begin({"job_id": "1"}, manifest)
        sys.settrace(None)


@contextmanager
def ctrl_c_at(moment: int) -> Iterator[Callable[[], bool]]:
    """Raise KeyboardInterrupt before an instruction that saves a run; yield if it was reached."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal count
        if frame.f_code.co_filename not in {saved_run.__file__, preparation.__file__}:
            return None
        frame.f_trace_opcodes = True
        if event in {"line", "opcode"}:
            count += 1
            if count == moment + 1:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lambda: count > moment
    finally:
        sys.settrace(before)


def test_ctrl_c_before_the_first_task_keeps_the_manifest(folder: Path) -> None:
    """A long listing need not be repeated."""
    os.mkfifo("log")  # opening it to write waits for a reader
    process = start([*BEGIN, "--log", "log"])
    while not (folder / "state" / "run.json").exists():
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    (folder / "log").unlink()

    resumed = run(*RESUME)

    assert process.returncode == 130
    assert "to resume it: s3batch run --resume --state state\n" in err
    assert json.loads(resumed.stdout)["total"] == TASKS


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (signal.SIGINT, "my job's state"),
        (signal.SIGTERM, "my\u00a0job's\tst\\ate\n1"),
        (signal.SIGHUP, os.fsdecode(b"caf\xe9 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xa7")),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_ctrl_c_pauses_a_job_that_the_printed_command_resumes(
    folder: Path, number: int, state: str
) -> None:
    """In a shell, and no task is run twice."""
    limit_calls(folder, 150)
    process = start([*BEGIN, "--state", state])
    wait_for_calls(folder, process, 150)
    process.send_signal(number)
    limit_calls(folder, math.inf)
    out, err = process.communicate(timeout=60)
    (line,) = (line for line in err.splitlines() if "resume" in line)
    python = shlex.quote(sys.executable)
    shell = f's3batch() {{ {python} -m s3batch_handler.cli "$@"; }}\n'

    resumed = subprocess.run(
        ["bash", "-c", shell + line.partition("to resume it: ")[2]],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    paused = json.loads(out)
    assert process.returncode == 130
    assert (paused["status"], paused["report"]) == ("Paused", None)
    assert 0 < paused["succeeded"] < TASKS
    assert resumed.returncode == 1, resumed.stderr  # every seventh task fails
    rows = list(read_report(folder / "s3batch-reports").rows())
    assert Counter(row.key for row in rows) == {str(n): 1 for n in range(TASKS)}
    calls = {int(path.name): path.stat().st_size for path in (folder / "calls").iterdir()}
    assert calls == {n: 2 if n % 5 == 0 and n % 7 else 1 for n in range(TASKS)}


def test_a_second_ctrl_c_ends_a_stuck_function_and_keeps_the_job(folder: Path) -> None:
    (folder / "stuck.py").write_text(
        "import time\ndef handler(event, context):\n    open('calls/0', 'w')\n    time.sleep(600)\n"
    )
    process = start(["stuck.py", *BEGIN[1:]])
    wait_for_calls(folder, process, 1)
    process.send_signal(signal.SIGINT)
    time.sleep(1.2)  # two within a second are one
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    (folder / "stuck.py").write_text(APP)

    resumed = run(*RESUME)

    assert process.returncode == 130
    assert "to resume it: s3batch run --resume --state state\n" in err
    assert json.loads(resumed.stdout)["status"] == "Complete"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
def test_ctrl_c_while_a_resumed_job_starts_keeps_the_job(folder: Path) -> None:
    interrupt_run(folder)
    os.mkfifo("log")
    index = json.loads((folder / "state" / "run.json").read_text())
    index["run"]["options"]["log"] = "log"  # as if it had been begun with --log
    index["checksum"] = checksum(json.dumps(index["run"]))
    (folder / "state" / "run.json").write_text(json.dumps(index))
    process = start(RESUME)
    wait_for(lambda: has_opened(process, (folder / "state" / "lock").resolve()))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    (folder / "log").unlink()

    resumed = run(*RESUME)

    assert process.returncode == 130
    assert json.loads(resumed.stdout)["total"] == TASKS


def has_opened(process: subprocess.Popen[str], file: Path) -> bool:
    links = Path(f"/proc/{process.pid}/fd").iterdir()
    with suppress(FileNotFoundError):  # a file that was closed meanwhile
        return any(link.readlink() == file for link in links)
    return False
