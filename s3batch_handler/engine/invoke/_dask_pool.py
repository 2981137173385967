"""Call a function on the workers of a Dask cluster.

Tasks travel in chunks. Each chunk is run by a Dask worker, in a worker pool of its own; this
process records the answers as always. If a Dask worker is lost, Dask runs its chunks again
elsewhere, so a function may be called twice for a task, but each task is answered once.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import InvalidFunction, WorkersLost
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke import _dask_worker as on_worker
from s3batch_handler.engine.invoke._answer import NotRun
from s3batch_handler.engine.invoke._dask_chunks import answers_from_bytes, chunk_to_bytes
from s3batch_handler.engine.invoke._dask_cluster import Cluster, endpoint_on_this_machine
from s3batch_handler.engine.invoke._dask_workers import Workers
from s3batch_handler.engine.invoke._function_code import CodeArchive, code_digest
from s3batch_handler.engine.invoke._function_errors import process_ended
from s3batch_handler.engine.invoke._invoker import RunningCall
from s3batch_handler.engine.invoke._task_queue import TaskQueue, part_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from distributed import Future

    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import Answers, Entries, LineAnswers, Stop
    from s3batch_handler.engine.invoke._task_queue import Tasks


@dataclass(slots=True, eq=False)
class _Chunk:
    """A chunk that was submitted.

    Attributes:
        items: Its tasks.
        workers: The workers that may run it; ``None`` for all.
        is_alone: Whether no other chunk runs, because this one may have killed workers.
        future: Its answers.
    """

    items: list[Tasks]
    workers: frozenset[str] | None
    is_alone: bool
    future: Future[bytes] | None = None

    def __len__(self) -> int:
        return sum(map(len, self.items))


class DaskPool:
    """Calls a function on Dask workers. A :class:`~._invoker.LinesInvoker`.

    Args:
        spec: The function, as :func:`~._function_loader.load_function` accepts it.
        address: The scheduler: see :class:`~._dask_cluster.Cluster`.
        timeout: Seconds that a call may take.
        upload: Send the code of the function to the workers.
        variables: Environment variables for the function.
        log: The file for the output of the function, for workers on this machine. Default: their
            standard error.
        grace: Seconds in which the workers have to return their chunks when the job is stopped.
    """

    def __init__(
        self,
        spec: str,
        address: str,
        *,
        timeout: float,
        upload: bool = False,
        variables: Mapping[str, str] | None = None,
        log: str | None = None,
        grace: float = 10.0,
    ) -> None:
        self._spec = spec
        self._address = address
        self._timeout = timeout
        self._variables = dict(variables or {})
        self._log = log
        self._local_endpoint = endpoint_on_this_machine(self._variables)
        self._grace = grace
        self._archive = CodeArchive.of(spec) if upload else None
        self._digest = None if upload else code_digest(spec)
        self._token = uuid.uuid4().hex
        self._job = b""
        self._cluster: Cluster | None = None
        self._workers: Workers | None = None
        self._next_look = 0.0
        self._chunks: set[_Chunk] = set()
        self._suspicious: deque[list[Tasks]] = deque()
        self._ended: SimpleQueue[_Chunk] = SimpleQueue()
        self._size = 1
        self._running: list[RunningCall] = []
        self._running_until = 0.0

    @property
    def workers(self) -> int:
        """The number of calls at the same time."""
        return 0 if self._workers is None else sum(self._workers.threads.values())

    def invoke_all(self, template: EventTemplate, entries: Entries, /, *, stop: Stop) -> Answers:
        """Call the function for all entries: see :meth:`invoke_lines`."""
        return cast("Answers", self.invoke_lines(template, entries, stop=stop))

    def invoke_lines(
        self, template: EventTemplate, tasks: Iterable[PlainLines | ManifestEntry], *, stop: Stop
    ) -> Iterator[LineAnswers]:
        """Call the function for plain lines and entries: see :meth:`LinesInvoker.invoke_lines`.

        Raises:
            InvalidFunction: A worker cannot run the function, or it cannot be loaded.
            WorkersLost: The scheduler does not respond.
        """
        queue = TaskQueue(tasks)
        try:
            cluster = self._connect(template)
            while not stop():
                self._look(cluster, queue)
                self._submit(cluster, queue)
                if not self._chunks and not self._suspicious and not queue.has(1):
                    return
                yield from self._answers(queue)
        except Exception:  # the scheduler is lost, or an entry cannot be read
            yield from self._stop(queue)
            raise
        yield from self._stop(queue)

    # -------------------------------------------------------- workers

    def _connect(self, template: EventTemplate) -> Cluster:
        """Connect to the cluster, and check its workers, at the first pass of the job."""
        if self._cluster is None:
            archive = self._archive
            job = on_worker.JobOnWorkers(
                token=self._token,
                spec=self._spec if archive is None else archive.spec,
                digest=self._digest,
                timeout=self._timeout,
                variables=self._variables,
                template=(template.schema_version, template.job),
                log=self._log,
                versions=on_worker.own_versions(),
            )
            self._job = job.to_bytes()
            self._cluster = Cluster(self._address)
            self._workers = Workers(
                self._cluster,
                job,
                archive=None if archive is None else archive.data,
                local_endpoint=self._local_endpoint,
            )
        return self._cluster

    def _look(self, cluster: Cluster, queue: TaskQueue) -> None:
        """Once a second: find new workers, and chunks whose workers have left."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        workers = cast("Workers", self._workers)
        if not cluster.is_connected:
            raise WorkersLost(self._lost)
        try:
            workers.look()
        except OSError as error:
            raise WorkersLost(self._lost) from error
        for chunk in list(self._chunks):
            if chunk.workers is not None and not chunk.workers & workers.threads.keys():
                self._remove(chunk)
                queue.put_back(chunk.items)

    @property
    def _lost(self) -> str:
        return f"the Dask scheduler at {self._address} does not respond any more"

    # -------------------------------------------------------- chunks

    def _submit(self, cluster: Cluster, queue: TaskQueue) -> None:
        """Submit chunks until each thread has one to run and one to run next.

        Those that were lost with their workers run first, and alone: Dask does not know which one
        has killed the workers.
        """
        if self._suspicious:
            if not self._chunks:
                self._send(cluster, self._suspicious.popleft(), is_alone=True)
            return
        while len(self._chunks) < _CHUNKS_PER_THREAD * self.workers and cluster.is_connected:
            items: list[Tasks] = []
            missing = self._size
            while missing > 0 and (tasks := queue.take(missing)):
                items.append(tasks)
                missing -= len(tasks)
            if not items:
                return
            self._send(cluster, items)

    def _send(self, cluster: Cluster, items: list[Tasks], *, is_alone: bool = False) -> None:
        suitable = cast("Workers", self._workers)
        workers = frozenset(suitable.threads) if suitable.refused else None
        chunk = _Chunk(items, workers, is_alone)
        chunk.future = cluster.client.submit(
            on_worker.run_chunk,
            self._job,
            chunk_to_bytes(items),
            workers=None if workers is None else list(workers),
            key=f"s3batch-{self._token[:8]}-{uuid.uuid4().hex}",
            pure=False,
        )
        self._chunks.add(chunk)
        chunk.future.add_done_callback(  # type: ignore[no-untyped-call]
            lambda _: self._ended.put(chunk)
        )

    def _remove(self, chunk: _Chunk) -> None:
        self._chunks.discard(chunk)
        if chunk.future is not None:
            with suppress(Exception):  # the scheduler may have ended
                chunk.future.cancel()  # type: ignore[no-untyped-call]

    def _answers(self, queue: TaskQueue) -> Iterator[LineAnswers]:
        """Yield the answers of chunks that have ended, after waiting briefly for the first one."""
        with suppress(Empty):
            chunk = self._ended.get(timeout=_TICK)
            while True:
                if chunk in self._chunks:  # or else it was removed
                    self._chunks.discard(chunk)
                    yield from self._answers_of(chunk, queue)
                chunk = self._ended.get_nowait()

    def _answers_of(self, chunk: _Chunk, queue: TaskQueue) -> Iterator[LineAnswers]:
        future = chunk.future
        assert future is not None
        if future.status == "finished":
            try:
                data = future.result(timeout=_RESULT_SECONDS)
            except Exception as error:  # the worker or the scheduler was lost at this moment
                queue.put_back(chunk.items)
                _LOG.info("the answers to a chunk are lost: %s", describe(error))
                return
            answers, seconds = answers_from_bytes(chunk.items, data)
            self._adapt(len(chunk), seconds)
            yield from answers
        elif future.status == "error":
            raised: Any = future.exception()  # type: ignore[no-untyped-call]
            yield from self._after_error(chunk, queue, raised)
        else:  # Dask cancels all futures when the scheduler is lost
            queue.put_back(chunk.items)
            raise WorkersLost(self._lost)

    def _after_error(
        self, chunk: _Chunk, queue: TaskQueue, error: Exception
    ) -> Iterator[LineAnswers]:
        from distributed import KilledWorker  # a slow import

        if isinstance(error, KilledWorker):
            if not chunk.is_alone:
                _LOG.warning("Dask workers have ended, and %d tasks with them", len(chunk))
                self._suspicious.append(chunk.items)
                return
            if len(chunk) > 1:
                self._suspicious.extendleft(reversed([*_halves(chunk.items)]))
                return
            answer = process_ended(_SIGKILL, str(uuid.uuid4()))
            (item,) = chunk.items
            yield item if isinstance(item, PlainLines) else item[0], answer, None
            return
        queue.put_back(chunk.items)
        if isinstance(error, on_worker.UnsuitableWorker):
            cast("Workers", self._workers).complained(*error.args)
            self._next_look = 0.0  # checks a worker that has just joined
            return
        if isinstance(error, InvalidFunction):
            raise error
        raise InvalidFunction(
            f"a Dask worker cannot run the function: {describe(error)}"
        ) from error

    def _adapt(self, count: int, seconds: float) -> None:
        """Adapt the size of chunks to the pace of the last one."""
        fitting = int(count * _CHUNK_SECONDS / max(seconds, 1e-3))
        self._size = max(1, min(fitting, _GROWTH * max(count, self._size // _GROWTH), _MOST_TASKS))

    # -------------------------------------------------------- running tasks

    def running(self) -> list[RunningCall]:
        """Return what each worker did about a second ago. Any thread may call this at any time."""
        now = time.monotonic()
        if now >= self._running_until and self._cluster is not None:
            self._running_until = now + _LOOK_SECONDS
            threading.Thread(target=self._read_running, daemon=True).start()
        return self._running

    def _read_running(self) -> None:
        cluster = self._cluster
        if cluster is None:
            return
        with suppress(Exception):  # it is being closed, or the scheduler was lost
            self._running = [
                RunningCall(f"{urlsplit(worker).netloc} {number}", entry, seconds)
                for worker, calls in cluster.run(on_worker.running_tasks, self._token).items()
                if not isinstance(calls, Exception)
                for number, (entry, seconds) in enumerate(_with_entries(calls), 1)
            ]

    # -------------------------------------------------------- stop

    def _stop(self, queue: TaskQueue) -> Iterator[LineAnswers]:
        """Wait for the chunks, whose tasks stop soon. Yield all tasks that were read."""
        cluster = self._cluster
        if cluster is not None and cluster.is_connected and self._chunks:
            with suppress(Exception):  # the scheduler was lost
                cluster.run(on_worker.stop_job, self._token)
            deadline = time.monotonic() + self._grace
            while self._chunks and time.monotonic() < deadline and cluster.is_connected:
                with suppress(InvalidFunction, WorkersLost):
                    yield from self._answers(queue)
        for chunk in list(self._chunks):
            self._remove(chunk)
            queue.put_back(chunk.items)
        while self._suspicious:
            queue.put_back(self._suspicious.popleft())
        for tasks in queue.rest():
            if isinstance(tasks, PlainLines):
                yield tasks, NotRun(), None
            else:
                for entry in tasks:
                    yield entry, NotRun(), None

    def close(self) -> None:
        """End the processes of the job on the workers, and disconnect."""
        cluster, self._cluster = self._cluster, None
        if cluster is None:
            return
        if cluster.is_connected:
            with suppress(Exception):  # the scheduler was lost
                cluster.run(on_worker.stop_job, self._token)  # chunks that a Ctrl-C has left
                cluster.run(on_worker.end_job, self._token)
        cluster.close()


def _halves(items: Sequence[Tasks]) -> Iterator[list[Tasks]]:
    """Yield two parts of the tasks of a chunk."""
    first: list[Tasks] = []
    second: list[Tasks] = []
    missing = sum(map(len, items)) // 2
    for item in items:
        count = min(missing, len(item))
        missing -= count
        if count:
            first.append(part_of(item, 0, count))
        if count < len(item):
            second.append(part_of(item, count))
    yield first
    yield second


def _with_entries(calls: Any) -> Iterator[tuple[ManifestEntry | None, float]]:
    for entry, seconds in calls:
        yield None if entry is None else ManifestEntry(*entry), seconds


_LOG: Final = logging.getLogger("s3batch_handler.engine")
_TICK: Final = 0.1  # seconds
_LOOK_SECONDS: Final = 1.0
_RESULT_SECONDS: Final = 60.0
_CHUNKS_PER_THREAD: Final = 2
_CHUNK_SECONDS: Final = 1.0
_GROWTH: Final = 8
_MOST_TASKS: Final = 50_000
_SIGKILL: Final = -9
