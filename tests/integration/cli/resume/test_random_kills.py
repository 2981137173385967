"""Runs whose processes are killed at random moments: no task is lost, and none has two rows."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from s3batch_handler.cli.run._saved_run import INTERRUPTED_RUN
from s3batch_handler.documents.reports._report import read_report
from tests.support.resumable_run import RESUME, kill, start

KILLS = int(os.environ.get("S3BATCH_TEST_KILLS", "10"))
SEED = int(os.environ.get("S3BATCH_TEST_SEED", "1"))
LINES = 20_000

APP = """
import time

def handler(event, context):
    (task,) = event["tasks"]
    number = int(task["s3Key"])
    end = time.perf_counter() + 0.0001
    while time.perf_counter() < end:
        pass
    code = "Succeeded" if number % 50 else "PermanentFailure"
    result = {"taskId": task["taskId"], "resultCode": code, "resultString": f"n{number}"}
    return {"invocationSchemaVersion": "1.0", "treatMissingKeysAs": "PermanentFailure",
            "invocationId": event["invocationId"], "results": [result]}
"""

BEGIN = (
    *("app.py:handler", "--manifest", "manifest.csv", "--state", "state", "--workers", "2"),
    *("--tolerate", "100%"),
)


def workers_of(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except FileNotFoundError:
        return []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux lists child processes")
def test_a_job_that_is_killed_again_and_again_has_a_row_for_each_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process of the job and its workers are killed. Only the death of a worker costs a task.

    ``S3BATCH_TEST_KILLS=200`` kills more often, ``S3BATCH_TEST_SEED`` at other moments: see
    CONTRIBUTING.md.
    """
    chance = random.Random(SEED)
    kills = job = 0
    while kills < KILLS:
        folder = tmp_path / f"job-{job}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        Path("app.py").write_text(APP)
        Path("manifest.csv").write_text("".join(f"photos,{n}\n" for n in range(LINES)))
        job += 1

        killed_workers = 0
        process = start(BEGIN)
        while process.poll() is None:
            if kills >= KILLS:
                break
            time.sleep(chance.uniform(0.1, 0.8))
            if chance.random() < 0.4 and (workers := workers_of(process.pid)):
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    killed_workers += 1
                    kills += 1
            elif process.poll() is None:
                kill(process)
                kills += 1
                if Path("state", INTERRUPTED_RUN).exists():
                    process = start(RESUME)
                elif not list(Path("s3batch-reports").glob("job-*/manifest.json")):
                    process = start(BEGIN)  # it was killed before the run was saved
        _, err = process.communicate(timeout=120)

        assert process.returncode in (0, 1, -signal.SIGKILL), err
        assert_one_row_for_each_line(killed_workers)


def assert_one_row_for_each_line(killed_workers: int) -> None:
    (location,) = Path("s3batch-reports").glob("job-*/manifest.json")
    report = read_report(str(location))
    rows = list(report.rows())
    odd = [row for row in rows if row.message != f"n{row.key}"]

    assert sorted(int(row.key) for row in rows) == list(range(LINES))
    assert all("signal: killed" in row.message for row in odd)
    assert len(odd) <= killed_workers
