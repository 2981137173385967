"""``s3batch run`` with signals, and with closed standard streams."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from s3batch_handler.documents.reports._report import read_report
from tests.support.shell import COMMAND, SLOW, Shell
from tests.support.waiting import wait_for


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_job_that_is_ended_by_a_signal_writes_its_report(s3batch: Shell, number: int) -> None:
    """``kill`` and a closed terminal are handled like Ctrl-C."""
    (s3batch.folder / "slow.py").write_text(SLOW)
    manifest = s3batch.manifest(*(f"b,{number}" for number in range(10_000)))
    command = [*COMMAND, "run", "slow", "--manifest", manifest, "--json", "-q"]
    with subprocess.Popen(
        command, cwd=s3batch.folder, env=s3batch.environment, stdout=subprocess.PIPE, text=True
    ) as job:
        wait_for((s3batch.folder / "answered").exists)  # the first task is

        job.send_signal(number)

        out, _ = job.communicate(timeout=60)

    summary = json.loads(out)
    rows = list(read_report(s3batch.folder / summary["report"]).rows())
    assert (job.returncode, summary["status"]) == (130, "Cancelled")
    assert len(rows) == summary["succeeded"] > 0


def test_a_signal_while_the_manifest_is_read_leaves_no_files(s3batch: Shell) -> None:
    command = [*COMMAND, "run", "app", "--manifest", "-", "--report", "out"]
    with subprocess.Popen(
        command,
        cwd=s3batch.folder,
        env=s3batch.environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as job:
        assert job.stdin is not None
        job.stdin.write(b"b,k\n" * 100_000)  # more than a pipe holds: it is reading now

        job.send_signal(signal.SIGTERM)

        _, errors = job.communicate(timeout=60)

    assert job.returncode == 130
    assert errors.split() == [b"Aborted!"]
    assert not (s3batch.folder / "out").exists()


@pytest.mark.parametrize("streams", ["<&- 2>&-", "<&- >&- 2>&-"])
def test_a_job_runs_with_closed_standard_streams(s3batch: Shell, streams: str) -> None:
    """As from cron or in a daemon."""
    manifest = s3batch.manifest("b,fine")

    run = s3batch.line(f"s3batch run app --manifest {manifest} {streams}")

    (row,) = read_report(s3batch.folder / "s3batch-reports").rows()
    assert row.message == '{"key":"fine"}'
    assert run.returncode == 0
    assert ("Succeeded  1" in run.stdout) is (">&- 2" not in streams)
