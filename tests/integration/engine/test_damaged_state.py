"""Damaged state causes an error that names the damage, or the result is correct."""

from __future__ import annotations

import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.run._saved_run import SavedRun
from s3batch_handler.core._errors import StateDamaged, StateError
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.manifests._prepared import prepared_manifest
from s3batch_handler.engine.run._run_job import run_job
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.local_aws._server import serve
from tests.support.engine_jobs import client, function, spec_of_keys
from tests.support.job_run import JOB, Crash, Row, Rows, ScriptedFunction
from tests.support.local_server import send
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from s3batch_handler.engine.run._ledger import JobResult

TASKS = 120
SCRIPT = {
    str(number): ["TemporaryFailure", "Succeeded"] if number % 5 == 0 else ["PermanentFailure"]
    for number in range(0, TASKS, 7)
} | {"10": ["TemporaryFailure", "Succeeded"]}

# A run that is killed, so that SQLite's files beside the journal are not removed.
KILLED = """
import os, sys
from pathlib import Path
from unittest.mock import patch
from tests.integration.engine import test_damaged_state as this

class Killed(this.ScriptedFunction):
    def __call__(self, event, context):
        if self.calls_left == 0:
            os._exit(9)
        return super().__call__(event, context)

often = patch("s3batch_handler.engine.run._ledger._COMMIT_SECONDS", 0)
with patch.object(this, "ScriptedFunction", Killed), often:
    this.run(Path(sys.argv[1]), calls=int(sys.argv[2]), resume=False)
"""


def run(state: Path, *, calls: int, resume: bool) -> tuple[JobResult, Rows]:
    """Start or resume a run in a folder. It crashes after some calls."""
    function, report = ScriptedFunction(SCRIPT), Rows()
    function.calls_left = calls
    with SavedRun.open(state, resume=resume) as saved:
        if not resume:
            lines = "".join(f"photos,{number}\n" for number in range(TASKS)).encode()
            with prepared_manifest(
                io.BytesIO(lines), source="m", save_as=saved.manifest_file
            ) as manifest:
                saved.begin({"job_id": "j"}, manifest)
        with saved.manifest() as manifest, saved.journal() as journal:
            waiting = journal.all_waiting()
            function.tries.update({task.encoded_key: task.tries for task, _ in waiting})
            entries, total = manifest.entries(), manifest.count
            invoker = InProcess(function)
            ended = run_job(
                entries, invoker, replace(JOB, total=total), report=report, journal=journal
            )
    return ended, report


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the folders of runs that crashed early or late, or were killed."""
    folders = [tmp_path_factory.mktemp("states") / name for name in ("0", "1", "2", "3")]
    for folder, calls in zip(folders[:2], (3, TASKS + 5), strict=True):
        with suppress(Crash):
            run(folder, calls=calls, resume=False)
    for folder, calls in zip(folders[2:], (40, TASKS + 3), strict=True):
        command = [sys.executable, "-c", KILLED, str(folder), str(calls)]
        assert subprocess.run(command, check=False, timeout=60).returncode == 9
    return folders


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    _, report = run(tmp_path_factory.mktemp("whole") / "state", calls=-1, resume=False)
    return sorted(report.rows)


def flip(data: bytearray, place: int, many: int) -> None:
    for _ in range(many):
        data[place % len(data)] ^= 1 << many % 8
        place = place * 31 + 7


def cut_off(data: bytearray, place: int, _many: int) -> None:
    del data[place % len(data) :]


def take_out(data: bytearray, place: int, many: int) -> None:
    del data[place % len(data) :][:many]
    start = place % len(data) if data else 0
    del data[start : start + many]


def put_in(data: bytearray, place: int, many: int) -> None:
    start = place % len(data)
    data[start:start] = bytes(range(many))


def forget(data: bytearray, place: int, _many: int) -> None:
    start = place % len(data) // 512 * 512
    data[start : start + 512] = bytes(len(data[start : start + 512]))


def miscount(data: bytearray, place: int, many: int) -> None:
    digits = [match.start() for match in re.finditer(rb"[0-9]", data)]
    if digits:
        data[digits[place % len(digits)]] = ord("0") + many % 10


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    which=st.integers(0, 3),
    name=st.sampled_from(["run.json", "run-manifest.csv", "run-journal", "run-journal-journal"]),
    how=st.sampled_from([flip, cut_off, take_out, put_in, forget, miscount]),
    place=st.integers(0, 1 << 23),
    many=st.integers(1, 60),
)
def test_a_damaged_run_raises_or_has_a_correct_report(
    states: list[Path],
    expected: list[Row],
    tmp_path_factory: pytest.TempPathFactory,
    which: int,
    name: str,
    how: Callable[[bytearray, int, int], None],
    place: int,
    many: int,
) -> None:
    """A report never has a wrong, missing or duplicate row."""
    folder = tmp_path_factory.mktemp("damaged") / "state"
    shutil.copytree(states[which], folder)
    file = folder / name
    data = bytearray(file.read_bytes() if file.exists() else b"")
    if data:
        how(data, place, many)
        file.write_bytes(data)

    try:
        ended, report = run(folder, calls=-1, resume=True)
    except StateError:
        pass
    else:
        assert (ended.status, ended.progress.done) == (JobStatus.COMPLETE, TASKS)
        assert sorted(report.rows) == expected


@pytest.mark.parametrize("name", ["run.json", "run-manifest.csv", "run-journal"])
@pytest.mark.parametrize("instead", ["a folder", "nothing", "an empty file", "a pipe"])
@pytest.mark.parametrize("which", [1, 2], ids=["after a crash", "after a kill"])
def test_a_missing_or_replaced_file_of_a_run_is_named(
    states: list[Path], tmp_path: Path, name: str, instead: str, which: int
) -> None:
    """No task is run again."""
    folder = tmp_path / "state"
    shutil.copytree(states[which], folder)
    (folder / name).unlink()
    if instead == "a folder":
        (folder / name).mkdir()
    elif instead == "an empty file":
        (folder / name).touch()
    elif instead == "a pipe":
        os.mkfifo(folder / name)

    named = folder if (name, instead) == ("run.json", "nothing") else folder / name
    with pytest.raises((StateError, InvalidArgument), match=re.escape(str(named))):
        run(folder, calls=0, resume=True)


@pytest.mark.parametrize("which", [2, 3])
def test_all_commits_of_a_killed_run_are_in_its_journal(
    states: list[Path], tmp_path: Path, which: int
) -> None:
    """Without the files beside the journal, no task is run again."""
    folder = tmp_path / "state"
    shutil.copytree(states[which], folder)
    known = {"run.json", "run-manifest.csv", "run-journal", "lock"}
    for path in folder.iterdir():
        if path.name not in known:
            path.unlink()

    with SavedRun.open(folder, resume=True) as saved, saved.journal() as journal:
        answered = journal.answered

    assert answered >= (40, TASKS)[which - 2] - 1


def test_a_pipe_beside_the_journal_is_refused(states: list[Path], tmp_path: Path) -> None:
    """SQLite would wait forever to read from it."""
    folder = tmp_path / "state"
    shutil.copytree(states[2], folder)
    (folder / "run-journal-journal").unlink()
    os.mkfifo(folder / "run-journal-journal")

    with pytest.raises(StateDamaged, match="run-journal-journal is damaged: it is not a file"):
        run(folder, calls=0, resume=True)


@pytest.mark.parametrize("damage", ["UPDATE rows SET rows = x'00'", "DELETE FROM rows"])
def test_damaged_rows_are_found_before_a_task_is_run(
    states: list[Path], tmp_path: Path, damage: str
) -> None:
    """The report could not be written after all tasks have run."""
    folder = tmp_path / "state"
    shutil.copytree(states[2], folder)
    with closing(sqlite3.connect(folder / "run-journal")) as database:
        database.execute(damage)
        database.commit()

    with pytest.raises(StateDamaged, match="rows"):
        run(folder, calls=0, resume=True)


def test_a_run_that_is_killed_before_its_first_task_can_be_resumed(
    expected: list[Row], tmp_path: Path
) -> None:
    """Its journal exists from the start, so it is not considered damaged."""
    with suppress(Crash):
        run(tmp_path / "state", calls=0, resume=False)

    _, report = run(tmp_path / "state", calls=-1, resume=True)

    assert sorted(report.rows) == expected


# ---------------------------------------------------------------- files of a killed run


def test_unfinished_files_of_a_killed_run_are_removed(states: list[Path], tmp_path: Path) -> None:
    """Files with similar names are kept."""
    folder = tmp_path / "state"
    shutil.copytree(states[1], folder)
    left = ["run-manifest.csv.part", ".run.json.0123abcd.part"]
    others = ["other.csv.part", ".run.json.part", ".run.json.x.part", ".notes.0123abcd.part"]
    for name in [*left, *others]:
        (folder / name).touch()

    run(folder, calls=-1, resume=True)

    assert {path.name for path in folder.iterdir()} >= set(others)
    assert not {path.name for path in folder.iterdir()} & set(left)


# ---------------------------------------------------------------- the jobs of an engine


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client().create_bucket(Bucket="photos")
        yield client()


def request_for(keys: list[str], **members: Any) -> Any:
    operation = {"LambdaInvoke": {"FunctionArn": "function"}}
    defaults = {"ConfirmationRequired": True, "Operation": operation, "Priority": 1}
    return spec_of_keys(keys, **{**defaults, **members})


DAMAGES = [
    "UPDATE jobs SET {column} = {column} || ' ' WHERE number = 1",
    "UPDATE jobs SET {column} = 'no JSON' WHERE number = 1",
    "UPDATE jobs SET {column} = CAST(x'ff' AS TEXT) WHERE number = 1",
    "UPDATE jobs SET {column} = x'ff' WHERE number = 1",
    "UPDATE jobs SET {column} = '' WHERE number = 1",
    "UPDATE jobs SET {column} = 7 WHERE number = 1",
    "UPDATE jobs SET {column} = (SELECT {column} FROM jobs WHERE number = 2) WHERE number = 1",
]


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("column", ["spec", "job", "manifest"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_job_does_not_affect_other_jobs(
    s3: Any, tmp_path: Path, damage: str, column: str, background: bool
) -> None:
    """It fails, or requests for it raise StateDamaged. Other jobs run and are listed."""
    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        bad, good = (engine.create_job(request_for(["fine"])) for _ in range(2))
    with closing(sqlite3.connect(tmp_path / "jobs")) as database:
        database.execute(damage.format(column=column))
        database.commit()

    with Engine({"function": function}, s3=s3, state=tmp_path, background=background) as engine:
        for job_id in (bad, good):
            with suppress(StateDamaged):
                engine.update_job_status(job_id, JobStatus.READY)
        wait_for(lambda: engine.describe_job(good).status.is_final)

        assert engine.describe_job(good).status is JobStatus.COMPLETE
        listed = {job.job_id: job.status for job in engine.list_jobs().jobs}
        if column in ("spec", "job"):
            assert list(listed) == [good]
            with pytest.raises(StateDamaged, match=bad):
                engine.describe_job(bad)
        else:
            wait_for(lambda: engine.describe_job(bad).status.is_final)
            (reason,) = engine.describe_job(bad).failure_reasons
            assert reason.failure_code == "StateDamaged"
            assert listed.keys() == {bad, good}


@pytest.mark.parametrize("status", ["Complete", "no status", None])
def test_a_damaged_status_column_is_corrected(s3: Any, tmp_path: Path, status: str | None) -> None:
    """The status in the job's description counts: the job is neither lost nor run again."""
    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        waiting = engine.create_job(request_for(["fine"]))
    with closing(sqlite3.connect(tmp_path / "jobs")) as database:
        database.execute("UPDATE jobs SET status = ?", (status,))
        database.commit()

    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        engine.update_job_status(waiting, JobStatus.READY)

        assert [job.status for job in engine.list_jobs().jobs] == [JobStatus.COMPLETE]


@pytest.mark.parametrize("what", ["manifest.csv", "journal"])
@pytest.mark.parametrize("content", ["photos,fine\nphotos,another\n" * 50, "", None])
def test_a_damaged_file_of_a_job_fails_the_job(
    s3: Any, tmp_path: Path, what: str, content: str | None
) -> None:
    """The reason names the file."""
    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        job_id = engine.create_job(request_for(["fine", "broken"]))
        path = tmp_path / f"job-{job_id}" / what
        path.unlink()
        if content is not None:
            path.write_text(content)

        engine.update_job_status(job_id, JobStatus.READY)

        job = engine.describe_job(job_id)
    assert job.status is JobStatus.FAILED
    assert job.failure_reasons[0].failure_code == "StateDamaged"
    assert what in (job.failure_reasons[0].failure_reason or "")


@pytest.mark.parametrize("is_there", [True, False], ids=["empty", "missing"])
def test_an_engine_does_not_open_without_the_store_of_its_jobs(
    s3: Any, tmp_path: Path, is_there: bool
) -> None:
    """The folders of the jobs are kept."""
    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        job_id = engine.create_job(request_for(["fine"]))
    (tmp_path / "jobs").unlink()
    if is_there:
        (tmp_path / "jobs").touch()

    with pytest.raises(StateDamaged, match=re.escape(str(tmp_path / "jobs"))):
        Engine({"function": function}, s3=s3, state=tmp_path)

    assert (tmp_path / f"job-{job_id}").is_dir()


def test_an_empty_store_of_jobs_is_damaged(s3: Any, tmp_path: Path) -> None:
    """A store is never empty, even if all jobs are over."""
    with Engine({"function": function}, s3=s3, state=tmp_path):
        pass
    (tmp_path / "jobs").write_bytes(b"")

    with pytest.raises(StateDamaged, match="it is empty"):
        Engine({"function": function}, s3=s3, state=tmp_path)


def test_the_folder_of_a_lost_job_causes_a_warning(
    s3: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The job cannot continue."""
    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        job_id = engine.create_job(request_for(["fine"]))
    with closing(sqlite3.connect(tmp_path / "jobs")) as database:
        database.execute("DELETE FROM jobs")
        database.commit()

    with Engine({"function": function}, s3=s3, state=tmp_path) as engine:
        assert engine.list_jobs().jobs == ()

    assert f"job-{job_id} belongs to a job that is lost" in caplog.text


def test_a_store_of_another_version_is_refused(s3: Any, tmp_path: Path) -> None:
    """The error says what to do."""
    with Engine({"function": function}, s3=s3, state=tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "jobs")) as database:
        database.execute("PRAGMA user_version = 1")

    with pytest.raises(StateDamaged, match="another version"):
        Engine({"function": function}, s3=s3, state=tmp_path)


@pytest.mark.parametrize("content", ["no database at all, but a text" * 20, "", None])
def test_a_server_with_a_damaged_store_serves_other_accounts(
    tmp_path: Path, content: str | None
) -> None:
    """Requests to the account of the damaged store fail with the reason."""
    place = tmp_path / "111122223333" / "eu-west-1"
    (place / "job-2845ca0d-38d9-4c4b-abcf-379dc749c452").mkdir(parents=True)
    if content is not None:
        (place / "jobs").write_text(content)
    (tmp_path / "notes" / "of mine").mkdir(parents=True)

    with serve({}, state=tmp_path) as address:
        others, _ = send(f"{address}/v20180820/jobs", {})
        status, answer = send(f"{address}/v20180820/jobs", {"x-amz-account-id": "111122223333"})

    assert others == 200
    assert (status >= 400, "is damaged" in answer) == (True, True)
    assert not any((tmp_path / "notes" / "of mine").iterdir())
