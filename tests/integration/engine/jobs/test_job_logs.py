"""The last lines that the function of a job wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine._job_logs import JobLogs
from s3batch_handler.jobs._status import JobStatus
from tests.support.engine_jobs import answer, over, spec
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

APP = """
import time
from pathlib import Path
from s3batch_handler import task_handler

@task_handler
def function(task):
    print("password=hunter2, key", task.key)
    while not Path("go").exists():
        time.sleep(0.01)
"""


def test_the_log_of_a_job_can_be_read_while_it_runs_and_later(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Lines arrive while the task runs, without credentials; standard error has them unchanged."""
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    with Engine({"function": "app.py:function"}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3, 1))
        wait_for(lambda: engine.reader.log_lines(job_id) == ["password=***, key 0"])
        (tmp_path / "go").touch()
        job = over(engine, job_id)
        after = engine.reader.log_lines(job_id)

    assert (job.status, after) == (JobStatus.COMPLETE, ["password=***, key 0"])
    assert "password=hunter2, key 0\n" in capfd.readouterr().err


def test_other_functions_have_no_log(s3: Any) -> None:
    """What a function in this process writes is not the log of its job alone."""
    with Engine({"function": lambda event, _: answer(event)}, s3=s3, background=True) as engine:
        job_id = engine.create_job(spec(s3, 1))
        over(engine, job_id)

        assert engine.reader.log_lines(job_id) is None


def test_the_logs_of_the_latest_jobs_are_kept() -> None:
    """A server that runs many jobs does not need more and more memory."""
    logs = JobLogs(limit=2)
    for job_id in ("first", "second", "first", "third"):
        with logs.recording(job_id):
            pass

    assert (logs.lines("first"), logs.lines("second"), logs.lines("third")) == ([], None, [])
