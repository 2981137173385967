"""``s3batch run --state`` and ``--resume``: a job that is cut off goes on."""

from __future__ import annotations

import fcntl
import io
import itertools
import json
import math
import os
import random
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
from s3batch_handler.documents._report import read_report
from s3batch_handler.engine.manifests import _prepared as preparation
from s3batch_handler.engine.manifests._prepared import prepared_manifest
from s3batch_handler.engine.state._sqlite import checksum
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

pytestmark = pytest.mark.slow

TASKS = 500

# Every seventh fails for good, every fifth once for a time. It waits where it was told to.
APP = """
import os, time
from pathlib import Path

def handler(event, context):
    (task,) = event["tasks"]
    number = int(task["s3Key"])
    time.sleep(0.001)
    while len(os.listdir("calls")) >= float(Path("most").read_text()):
        time.sleep(0.01)
    with Path("calls", task["s3Key"]).open("a") as calls:
        calls.write("x")
        tries = calls.tell()
    code = "Succeeded"
    if number % 7 == 0:
        code = "PermanentFailure"
    elif number % 5 == 0 and tries == 1:
        code = "TemporaryFailure"
    result = {"taskId": task["taskId"], "resultCode": code, "resultString": "done"}
    return {"invocationSchemaVersion": "1.0", "results": [result]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a function and a manifest."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls").mkdir()
    (tmp_path / "app.py").write_text(APP)
    let(tmp_path, math.inf)
    (tmp_path / "manifest.csv").write_text("".join(f"photos,{n}\n" for n in range(TASKS)))
    return tmp_path


def let(folder: Path, most: float) -> None:
    """Let the function be called for so many tasks, about, and hold it up then."""
    (folder / "most.new").write_text(str(most))
    (folder / "most.new").replace(folder / "most")


BEGIN = ("app.py:handler", "--manifest", "manifest.csv", "--state", "state", "--workers", "2")
RESUME = ("--resume", "--state", "state")


def start(arguments: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "s3batch_handler.cli", "run", *arguments, "--json"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    process = start(arguments)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """End it as nothing can prevent; its workers see to themselves."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


def wait_for_calls(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    while process.poll() is None and len(os.listdir(folder / "calls")) < count:  # noqa: PTH208
        time.sleep(0.005)


def test_a_job_that_is_killed_again_and_again(folder: Path) -> None:
    """Its report has the rows of the manifest, each once, whenever it was killed."""
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    arguments: tuple[str, ...] = BEGIN
    for kills in range(1, 5):
        let(folder, kills * TASKS // 5 + 30)
        process = start(arguments)
        wait_for_calls(folder, process, kills * TASKS // 5)
        time.sleep(chance.random() * 0.1)
        kill(process)
        arguments = RESUME
    let(folder, math.inf)

    summary = json.loads(run(*RESUME).stdout)

    rows = list(read_report(folder / "s3batch-reports").rows())
    assert Counter(row.key for row in rows) == {str(n): 1 for n in range(TASKS)}, seed
    assert {int(row.key) for row in rows if row.status == "failed"} == set(range(0, TASKS, 7)), seed
    assert (summary["total"], summary["failed"]) == (TASKS, len(range(0, TASKS, 7))), seed
    assert not (folder / "state" / "run.json").exists()


def cut_off(folder: Path) -> None:
    let(folder, 200)
    process = start(BEGIN)
    wait_for_calls(folder, process, 200)
    kill(process)
    let(folder, math.inf)


def test_what_was_done_is_not_done_again(folder: Path) -> None:
    """But for the tasks of the last moments."""
    cut_off(folder)
    before = len(os.listdir(folder / "calls"))  # noqa: PTH208

    summary = json.loads(run(*RESUME).stdout)

    calls = {int(path.name): path.stat().st_size for path in (folder / "calls").iterdir()}
    expected = {n: 2 if n % 5 == 0 and n % 7 else 1 for n in range(TASKS)}
    twice = sum(calls[n] > expected[n] for n in range(TASKS))
    assert summary["status"] == "Complete"
    assert twice < before


def test_the_manifest_may_be_gone(folder: Path) -> None:
    """S3 keeps a manifest as it was when the job was made; so do we."""
    cut_off(folder)
    (folder / "manifest.csv").unlink()

    assert json.loads(run(*RESUME).stdout)["total"] == TASKS


def test_a_job_over_the_folder_that_its_state_is_in(folder: Path) -> None:
    """What is kept of a run is no input."""
    (folder / "source").mkdir()
    for number in range(TASKS):
        (folder / "source" / str(number)).touch()
    options = ("--state", "source/state", "--save-manifest", "source/saved.csv", "--workers", "2")
    let(folder, 200)
    process = start(("app.py:handler", "--source", "source", *options))
    wait_for_calls(folder, process, 200)
    kill(process)
    let(folder, math.inf)

    summary = json.loads(run("--resume", "--state", "source/state").stdout)

    assert summary["total"] == TASKS


def test_a_second_run_in_the_same_folder(folder: Path) -> None:
    """It would overwrite a job that can go on."""
    cut_off(folder)

    refused = run(*BEGIN)

    assert refused.returncode == 2
    assert "it has an interrupted run. Resume it with --resume" in refused.stderr


def test_a_folder_that_another_process_uses(folder: Path) -> None:
    """Two engines on one journal would do everything twice."""
    (folder / "state").mkdir()
    with (folder / "state" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = run(*BEGIN)

    assert refused.returncode == 1
    assert "state is in use by another process" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--resume"], "Option --resume needs --state."),
        (["--resume", "--state", "state"], "state has no run to resume"),
        (
            ["--resume", "--state", "state", "app.py:handler"],
            "--resume and HANDLER cannot be combined",
        ),
        (
            ["--resume", "--state", "state", "--max-redrives", "1"],
            "Options --resume and --max-redrives cannot be combined",
        ),
        (["--state", "state"], "Missing argument HANDLER (or --resume)."),
        (
            ["app.py:handler", "--source", "calls", "--output", "out=out", "--state", "state"],
            "Options --output and --state cannot be combined",
        ),
    ],
)
def test_slips_of_the_pen(folder: Path, arguments: list[str], problem: str) -> None:
    """One line says what to do."""
    refused = run(*arguments)

    assert refused.returncode == 2
    assert problem in refused.stderr


def test_resumed_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are those of where it was begun."""
    cut_off(folder)
    monkeypatch.chdir(folder / "calls")

    refused = run("--resume", "--state", "../state")

    assert refused.returncode == 2
    assert f"change to the directory of the run, {folder}" in refused.stderr


def test_a_function_that_cannot_be_loaded_leaves_nothing_to_resume(folder: Path) -> None:
    """The next try is a new run."""
    (folder / "app.py").write_text("import nothing_of_that_name")
    broken = run(*BEGIN)
    (folder / "app.py").write_text(APP)

    assert broken.returncode == 2
    assert json.loads(run(*BEGIN).stdout)["status"] == "Complete"


def test_a_disk_that_is_full_when_the_manifest_is_kept(folder: Path) -> None:
    """It is said which one, and nothing stays that makes it any fuller."""
    command = [sys.executable, "-m", "s3batch_handler.cli", "run", *BEGIN]

    refused = subprocess.run(
        ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *command],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert refused.returncode == 1
    assert refused.stderr == "s3batch: state cannot be written: File too large\n"
    assert os.listdir("state") == ["lock"]  # noqa: PTH208


def test_a_state_folder_with_other_files(folder: Path) -> None:
    """What is not of the run stays, whatever it is called: ``--state .`` in a project, say."""
    (folder / "journal.txt").write_text("dear diary")
    before = (folder / "manifest.csv").read_bytes()

    ended = run("app.py:handler", "--manifest", "manifest.csv", "--state", ".")

    assert json.loads(ended.stdout)["status"] == "Complete"
    assert (folder / "manifest.csv").read_bytes() == before
    assert (folder / "journal.txt").read_text() == "dear diary"
    assert not [*folder.glob("run*")]


def test_ctrl_c_while_the_manifest_is_read(folder: Path) -> None:
    """There is no job yet, and nothing of it stays."""
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
    assert os.listdir("state") == ["lock"]  # noqa: PTH208


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a file that is cut off while it opens
def test_ctrl_c_at_any_moment_until_the_run_is_kept(tmp_path: Path) -> None:
    """Whatever instruction it comes before, the run can be resumed, or nothing stays of it."""
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
    """Raise it before the given instruction of what keeps a run; tell whether it was reached."""
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


def test_ctrl_c_before_the_first_task(folder: Path) -> None:
    """The manifest is kept: nobody has to wait for a long listing again."""
    os.mkfifo("log")  # whoever opens it to write waits for a reader
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
def test_ctrl_c_pauses_a_job_with_state(folder: Path, number: int, state: str) -> None:
    """The printed command, pasted into a shell, resumes it, and no task is done twice."""
    let(folder, 150)
    process = start([*BEGIN, "--state", state])
    wait_for_calls(folder, process, 150)
    process.send_signal(number)
    let(folder, math.inf)
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


def test_a_second_ctrl_c_keeps_the_job_too(folder: Path) -> None:
    """A function that does not end holds it up no longer, and the job can be resumed."""
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
def test_ctrl_c_while_a_resumed_job_starts(folder: Path) -> None:
    """It can still be resumed, although this time no task was run."""
    cut_off(folder)
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


def test_a_state_folder_that_is_removed_meanwhile(folder: Path) -> None:
    """The job can no more go on after a crash, but it has had none."""
    let(folder, 100)
    process = start(BEGIN)
    wait_for_calls(folder, process, 100)
    (folder / "state").rename(folder / "elsewhere")
    let(folder, math.inf)

    out, err = process.communicate(timeout=60)

    assert (json.loads(out)["status"], "No such file" in err) == ("Complete", False)


@pytest.mark.parametrize(
    "content",
    [
        *("", "{}", "[]", "\udcff", "[" * 100_000, '{"run": {}, "checksum": 1}'),
        '{"asked": {}, "manifest": {}}',  # as other versions wrote it
    ],
)
def test_a_state_that_is_damaged(folder: Path, content: str) -> None:
    """It is said which file it is, and that the job cannot go on."""
    (folder / "state").mkdir()
    (folder / "state" / "run.json").write_text(content, errors="surrogateescape")

    refused = run(*RESUME)

    assert refused.returncode == 1
    assert refused.stderr == (
        "s3batch: state/run.json is damaged: its checksum does not match, or another version of "
        "s3batch-handler wrote it. Start again with another folder\n"
    )


def test_a_report_that_cannot_be_written_is_written_later(folder: Path) -> None:
    """All tasks were run: only the report is made anew."""
    (folder / "s3batch-reports").mkdir()
    blocker = folder / "s3batch-reports"
    let(folder, 100)
    process = start(BEGIN)
    wait_for_calls(folder, process, 100)
    (folder / "moved").mkdir()
    blocker.rename(folder / "moved" / "reports")
    blocker.touch()  # a file where a folder should be
    let(folder, math.inf)
    out, err = process.communicate(timeout=60)
    calls = sum(path.stat().st_size for path in (folder / "calls").iterdir())

    blocker.unlink()
    summary = json.loads(run(*RESUME).stdout)

    first: dict[str, Any] = json.loads(out)
    assert (first["status"], first["report"]) == ("Failed", None)
    assert "--resume --state state writes the report" in err
    assert (summary["status"], summary["total"]) == ("Complete", TASKS)
    assert sum(path.stat().st_size for path in (folder / "calls").iterdir()) == calls
