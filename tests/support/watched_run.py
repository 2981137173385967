"""Run ``s3batch run --page`` as a process, and ask for its page as the page itself does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.serving import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = """
import os, time
from pathlib import Path
from s3batch_handler import PermanentFailure, Task, TemporaryFailure, task_handler

@task_handler
def handler(task: Task) -> str:
    number = int(task.key)
    print(f"begin {number}")
    while number >= int(Path("most").read_text()):
        time.sleep(0.01)
    if number % 5 == 1:
        raise PermanentFailure(f"cannot identify image {number}")
    if number % 5 == 2:
        raise TemporaryFailure("SlowDown")
    if number % 5 == 3:
        raise ValueError(f"width {number}")
    return "done"
"""
"""A function that fails in three ways, and waits before the task with the number in ``most``."""


class WatchedRun:
    """A run, the address of its page, and what it has written to standard error."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.process = process
        self.stderr = ""
        assert process.stderr is not None
        while (found := re.search(r"http://\S+", self.stderr)) is None:
            line = process.stderr.readline()
            assert line, self.stderr
            self.stderr += line
        self.address = found[0]
        self.origin, _, rest = self.address.partition("/_s3batch/")
        self.job_id = rest.removeprefix("jobs/")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.stderr += line

    def allow(self, tasks: int) -> None:
        """Allow the tasks with numbers below this one to end."""
        (self.folder / "most.new").write_text(str(tasks))
        (self.folder / "most.new").replace(self.folder / "most")

    def get(self, path: str = "") -> Any:
        """Return a document of the page."""
        with self.open(path) as response:
            return json.load(response)

    def open(self, path: str = "") -> Any:
        """Open an address below that of the job's documents."""
        url = f"{self.origin}/_s3batch/api/jobs/{self.job_id}{path}"
        return urllib.request.urlopen(url, timeout=60)

    def act(self, action: str, **body: object) -> tuple[int, Any]:
        """Send an action, and return the status and the content of the response."""
        request = urllib.request.Request(
            f"{self.origin}/_s3batch/api/jobs/{self.job_id}/{action}",
            json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "Origin": self.origin,
                "X-S3Batch-Token": self.get()["live"]["token"],
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def end(self) -> str:
        """Wait for the end of the command, and return its standard output."""
        assert self.process.stdout is not None
        output = self.process.stdout.read()
        self.process.wait(60)
        self._reader.join(60)
        return output


def prepare(folder: Path, *, tasks: int, allowed: int) -> None:
    """Write the function and the manifest."""
    (folder / "app.py").write_text(APP)
    (folder / "most").write_text(str(allowed))
    (folder / "manifest.csv").write_text("".join(f"photos,{n}\n" for n in range(tasks)))


@contextmanager
def watched_run(folder: Path, *arguments: str) -> Iterator[WatchedRun]:
    """Run the function of :func:`prepare` with a page; kill it at the end."""
    command = [sys.executable, "-m", "s3batch_handler.cli", "run", *arguments, "--page"]
    if "--resume" not in arguments:
        command += ["app.py:handler", "--manifest", "manifest.csv", "--workers", "2"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield WatchedRun(folder, process)
        finally:
            process.kill()
