"""What runs in a Dask worker: chunks of tasks, each in a worker pool of one process.

The pool runs the function in a process of its own, so a crash fails one task and not the Dask
worker, and each task has its own time limit. Pools are kept for the next chunk of their job.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
import zipfile
from contextlib import contextmanager
from importlib.metadata import version
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from distributed import get_worker

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke._dask_chunks import answers_to_bytes, chunk_from_bytes
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._function_code import code_digest
from s3batch_handler.engine.invoke._worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    RunningTask = tuple[tuple[str | None, ...] | None, float]


class JobOnWorkers(NamedTuple):
    """What a Dask worker needs to know about a job.

    Attributes:
        token: Identifies the run of the job.
        spec: The function.
        digest: The digest of the function's code; ``None`` if it was uploaded.
        timeout: Seconds that a call may take.
        variables: Environment variables for the function.
        template: The event template of the job.
        log: The file for the output of the function; ``None`` for standard error.
        versions: The versions of Python and of this package that the driver has.
    """

    token: str
    spec: str
    digest: str | None
    timeout: float
    variables: dict[str, str]
    template: tuple[str, dict[str, Any]]
    log: str | None
    versions: tuple[str, str]

    def to_bytes(self) -> bytes:
        """Convert it for :func:`run_chunk`."""
        return json.dumps(self).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> JobOnWorkers:
        """Convert it back."""
        return cls(*json.loads(data))


class UnsuitableWorker(Exception):
    """A Dask worker has other versions, or other code, than the driver: its address, and why."""


def own_versions() -> tuple[str, str]:
    """Return the minor version of Python, and the version of this package."""
    return "{}.{}".format(*sys.version_info), version("s3batch-handler")


def difference(job: bytes) -> str | None:
    """Return why this worker cannot run a job, or ``None``."""
    return _difference(JobOnWorkers.from_bytes(job))


def _difference(job: JobOnWorkers) -> str | None:
    if own_versions() != tuple(job.versions):
        return f"it has versions {own_versions()}, and the job was started with {job.versions}"
    if job.digest is None:
        return None if job.token in _UPLOADED else "the code of the function has not arrived"
    try:
        is_same = code_digest(job.spec) == job.digest
    except (InvalidFunction, OSError) as error:
        return f"{error}. Put the function there, or pass --upload"
    return None if is_same else f"it has other code of {job.spec}. Update it, or pass --upload"


# ---------------------------------------------------------------- chunks


def run_chunk(job: bytes, chunk: bytes) -> bytes:
    """Run the tasks of a chunk, and return the answers.

    Raises:
        UnsuitableWorker: This worker cannot run the job.
        InvalidFunction: The function cannot be loaded.
    """
    found = _Job.of(job)
    items = chunk_from_bytes(chunk)
    tasks = (task for item in items for task in ([item] if isinstance(item, PlainLines) else item))
    with found.pool() as pool:
        start = time.monotonic()
        answers = pool.invoke_lines(found.template, tasks, stop=found.has_stopped)
        return answers_to_bytes(items, answers, seconds=lambda: time.monotonic() - start)


class _Job:
    """A job of which this worker has run chunks."""

    def __init__(self, job: JobOnWorkers) -> None:
        self.template = EventTemplate(*job.template)
        self.busy: list[WorkerPool] = []
        self._job = job
        self._idle: list[tuple[WorkerPool, float]] = []
        self._log = None if job.log is None else _LogFile(job.log)

    @classmethod
    def of(cls, data: bytes) -> _Job:
        """Return a job; at the first time check that this worker can run it."""
        job = JobOnWorkers.from_bytes(data)
        with _LOCK:
            found = _JOBS.get(job.token)
        if found is not None:
            return found
        if problem := _difference(job):
            raise UnsuitableWorker(get_worker().address, problem)
        with _LOCK:
            return _JOBS.setdefault(job.token, cls(job))

    def has_stopped(self) -> bool:
        return self._job.token in _STOPPED

    @contextmanager
    def pool(self) -> Iterator[WorkerPool]:
        """Lend a pool that no other thread uses."""
        with _LOCK:
            pool = self._idle.pop()[0] if self._idle else self._new_pool()
            self.busy.append(pool)
            _JOBS[self._job.token] = self  # it may have been removed meanwhile
        _CLOSING.start()
        try:
            yield pool
        except BaseException:
            pool.close()
            with _LOCK:
                self.busy.remove(pool)
            raise
        with _LOCK:
            self.busy.remove(pool)
            self._idle.append((pool, time.monotonic()))

    def _new_pool(self) -> WorkerPool:
        job = self._job
        spec, variables = job.spec, job.variables
        if folder := _UPLOADED.get(job.token):
            spec = f"{folder}/{spec}" if ".py:" in spec else spec
            variables = {**variables, "PYTHONPATH": folder}
        return WorkerPool(spec, workers=1, timeout=job.timeout, variables=variables, log=self._log)

    def close_idle_pools(self, seconds: float) -> None:
        """End the pools that have been idle for so long; forget the job if it has no other."""
        latest = time.monotonic() - seconds
        with _LOCK:
            ending = [pool for pool, since in self._idle if since <= latest]
            self._idle = [each for each in self._idle if each[1] > latest]
            if not self._idle and not self.busy:
                _JOBS.pop(self._job.token, None)
        for pool in ending:
            pool.close()


class _LogFile:
    """A file to which the processes of several workers write."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)

    def fileno(self) -> int:
        return self._file

    def __del__(self) -> None:
        os.close(self._file)


class _Closing:
    """A thread that ends idle processes of jobs whose driver has been killed."""

    def __init__(self) -> None:
        self._has_started = False

    def start(self) -> None:
        if not self._has_started:
            self._has_started = True
            threading.Thread(target=self._run, name="s3batch idle", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(_IDLE_SECONDS / 4)
            for job in list(_JOBS.values()):
                job.close_idle_pools(_IDLE_SECONDS)


_IDLE_SECONDS: Final = 20.0
_LOCK: Final = threading.Lock()
_JOBS: Final[dict[str, _Job]] = {}
_STOPPED: Final[set[str]] = set()  # also jobs whose first chunk has not arrived yet
_CLOSING: Final = _Closing()


# ---------------------------------------------------------------- called beside the chunks


def running_tasks(token: str) -> list[RunningTask]:
    """Return the running task of each chunk, and for how many seconds it has been running."""
    job = _JOBS.get(token)
    calls = [call for pool in list(job.busy) for call in pool.running()] if job else []
    return [(None if call.entry is None else tuple(call.entry), call.seconds) for call in calls]


def stop_job(token: str) -> None:
    """Start no further task of a job; running tasks have a short time to end."""
    _STOPPED.add(token)


def end_job(token: str) -> None:
    """End the processes of a job, without waiting for them."""
    job = _JOBS.get(token)
    if job is not None:
        threading.Thread(target=job.close_idle_pools, args=(0.0,), daemon=True).start()


def extract_code(token: str, archive: bytes) -> None:
    """Extract the code of a function to a temporary folder, which is removed with the process."""
    folder = tempfile.TemporaryDirectory(prefix="s3batch-code-")
    with zipfile.ZipFile(BytesIO(archive)) as files:
        files.extractall(folder.name)
    _FOLDERS.append(folder)
    _UPLOADED[token] = folder.name


_UPLOADED: Final[dict[str, str]] = {}
_FOLDERS: Final[list[tempfile.TemporaryDirectory[str]]] = []
