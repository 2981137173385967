"""The folder of ``s3batch run --state``, and what is refused."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch
from tests.support.resumable_run import (
    APP,
    BEGIN,
    RESUME,
    interrupt_run,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_second_run_in_the_same_folder_is_refused(folder: Path) -> None:
    """It would overwrite a job that can be resumed."""
    interrupt_run(folder)

    refused = run(*BEGIN)

    assert refused.returncode == 2
    assert "the folder has an interrupted run. Resume it with --resume" in refused.stderr


def test_a_folder_that_another_process_uses_is_refused(folder: Path) -> None:
    (folder / "state").mkdir()
    with (folder / "state" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = run(*BEGIN)

    assert refused.returncode == 1
    assert "state is in use by another process" in refused.stderr


def test_wrong_options_are_refused(folder: Path) -> None:
    cases = {
        "--resume": "Option --resume needs --state.",
        "--resume --state state": "state has no run to resume",
        "--resume --state state app.py:handler": "--resume and HANDLER cannot be combined",
        "--resume --state state --max-redrives 1": (
            "Options --resume and --max-redrives cannot be combined"
        ),
        "--state state": "Missing argument HANDLER (or --resume).",
        "app.py:handler --source calls --output out=out --state state": (
            "Options --output and --state cannot be combined"
        ),
    }
    for line, problem in cases.items():
        refused = CliRunner().invoke(s3batch, ["run", *line.split()])

        assert refused.exit_code == 2, line
        assert problem in refused.stderr, line


def test_a_run_is_resumed_in_its_directory_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its paths are relative to this directory."""
    interrupt_run(folder)
    monkeypatch.chdir(folder / "calls")

    refused = run("--resume", "--state", "../state")

    assert refused.returncode == 2
    assert f"change to the directory of the run, {folder}" in refused.stderr


def test_a_function_that_cannot_be_loaded_leaves_nothing_to_resume(folder: Path) -> None:
    (folder / "app.py").write_text("import nothing_of_that_name")
    broken = run(*BEGIN)
    (folder / "app.py").write_text(APP)

    assert broken.returncode == 2
    assert json.loads(run(*BEGIN).stdout)["status"] == "Complete"


def test_a_full_disk_is_reported_with_the_folder_and_leaves_no_files(folder: Path) -> None:
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
    assert [path.name for path in (folder / "state").iterdir()] == ["lock"]


def test_other_files_in_the_state_folder_stay(folder: Path) -> None:
    """As with ``--state .`` in a project."""
    (folder / "journal.txt").write_text("dear diary")
    before = (folder / "manifest.csv").read_bytes()

    ended = run("app.py:handler", "--manifest", "manifest.csv", "--state", ".")

    assert json.loads(ended.stdout)["status"] == "Complete"
    assert (folder / "manifest.csv").read_bytes() == before
    assert (folder / "journal.txt").read_text() == "dear diary"
    assert not [*folder.glob("run*")]


def test_a_damaged_state_is_reported_with_its_file(folder: Path) -> None:
    contents = [
        *("", "{}", "[]", "\udcff", "[" * 100_000, '{"run": {}, "checksum": 1}'),
        '{"asked": {}, "manifest": {}}',  # as other versions wrote it
    ]
    (folder / "state").mkdir()
    for content in contents:
        (folder / "state" / "run.json").write_text(content, errors="surrogateescape")

        refused = CliRunner().invoke(s3batch, ["run", *RESUME])

        assert refused.exit_code == 1
        assert refused.stderr == (
            "s3batch: state/run.json is damaged: its checksum does not match, or another version "
            "of s3batch-handler wrote it. Start again with another folder\n"
        )
