"""``s3batch run --resume`` continues a job that was killed."""

from __future__ import annotations

import json
import math
import random
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.documents.reports._report import read_report
from tests.support.resumable_run import (
    BEGIN,
    RESUME,
    TASKS,
    count_calls,
    interrupt_run,
    kill,
    limit_calls,
    run,
    start,
    wait_for_calls,
)

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow


def test_a_job_that_is_killed_repeatedly_has_each_row_once(folder: Path) -> None:
    """At random moments; the message of a failure has the seed."""
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    arguments: tuple[str, ...] = BEGIN
    for kills in range(1, 5):
        limit_calls(folder, kills * TASKS // 5 + 30)
        process = start(arguments)
        wait_for_calls(folder, process, kills * TASKS // 5)
        time.sleep(chance.random() * 0.1)
        kill(process)
        arguments = RESUME
    limit_calls(folder, math.inf)

    summary = json.loads(run(*RESUME).stdout)

    rows = list(read_report(folder / "s3batch-reports").rows())
    assert Counter(row.key for row in rows) == {str(n): 1 for n in range(TASKS)}, seed
    assert {int(row.key) for row in rows if row.status == "failed"} == set(range(0, TASKS, 7)), seed
    assert (summary["total"], summary["failed"]) == (TASKS, len(range(0, TASKS, 7))), seed
    assert not (folder / "state" / "run.json").exists()


def test_finished_tasks_are_not_run_again(folder: Path) -> None:
    """Except the tasks of the last moments."""
    interrupt_run(folder)
    before = count_calls(folder)

    summary = json.loads(run(*RESUME).stdout)

    calls = {int(path.name): path.stat().st_size for path in (folder / "calls").iterdir()}
    expected = {n: 2 if n % 5 == 0 and n % 7 else 1 for n in range(TASKS)}
    twice = sum(calls[n] > expected[n] for n in range(TASKS))
    assert summary["status"] == "Complete"
    assert twice < before


def test_a_run_is_resumed_without_its_manifest_file(folder: Path) -> None:
    """The manifest is saved when the job is created, as in S3."""
    interrupt_run(folder)
    (folder / "manifest.csv").unlink()

    assert json.loads(run(*RESUME).stdout)["total"] == TASKS


def test_saved_state_in_the_source_folder_is_not_input(folder: Path) -> None:
    (folder / "source").mkdir()
    for number in range(TASKS):
        (folder / "source" / str(number)).touch()
    options = ("--state", "source/state", "--save-manifest", "source/saved.csv", "--workers", "2")
    limit_calls(folder, 200)
    process = start(("app.py:handler", "--source", "source", *options))
    wait_for_calls(folder, process, 200)
    kill(process)
    limit_calls(folder, math.inf)

    summary = json.loads(run("--resume", "--state", "source/state").stdout)

    assert summary["total"] == TASKS


def test_a_job_continues_if_its_state_folder_is_removed(folder: Path) -> None:
    """It cannot be resumed any longer, but it was not interrupted."""
    limit_calls(folder, 100)
    process = start(BEGIN)
    wait_for_calls(folder, process, 100)
    (folder / "state").rename(folder / "elsewhere")
    limit_calls(folder, math.inf)

    out, err = process.communicate(timeout=60)

    assert (json.loads(out)["status"], "No such file" in err) == ("Complete", False)


def test_resume_writes_a_report_that_could_not_be_written(folder: Path) -> None:
    """No task is run again."""
    (folder / "s3batch-reports").mkdir()
    blocker = folder / "s3batch-reports"
    limit_calls(folder, 100)
    process = start(BEGIN)
    wait_for_calls(folder, process, 100)
    (folder / "moved").mkdir()
    blocker.rename(folder / "moved" / "reports")
    blocker.touch()  # a file where a folder should be
    limit_calls(folder, math.inf)
    out, err = process.communicate(timeout=60)
    calls = sum(path.stat().st_size for path in (folder / "calls").iterdir())

    blocker.unlink()
    summary = json.loads(run(*RESUME).stdout)

    first: dict[str, Any] = json.loads(out)
    assert (first["status"], first["report"]) == ("Failed", None)
    assert re.search(r"to write the report: .*--resume --state state", err)
    assert (summary["status"], summary["total"]) == ("Complete", TASKS)
    assert sum(path.stat().st_size for path in (folder / "calls").iterdir()) == calls
