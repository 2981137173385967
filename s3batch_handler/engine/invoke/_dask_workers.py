"""The Dask workers that may run the tasks of a job: each is checked before it gets one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke import _dask_worker as on_worker
from s3batch_handler.engine.invoke._dask_cluster import Cluster, is_on_this_machine

if TYPE_CHECKING:
    from collections.abc import Iterable


class Workers:
    """The workers of a cluster that have the versions and the code of the driver.

    Args:
        cluster: The cluster.
        job: The job.
        archive: The code of the function, to upload to the workers.
        local_endpoint: The URL of the function's S3, if only this machine can reach it.

    Attributes:
        threads: The number of threads of each suitable worker, by its address.
        refused: The addresses of the others.

    Raises:
        InvalidFunction: A worker that is there now is not suitable.
    """

    def __init__(
        self,
        cluster: Cluster,
        job: on_worker.JobOnWorkers,
        *,
        archive: bytes | None,
        local_endpoint: str | None,
    ) -> None:
        self._cluster = cluster
        self._job = job
        self._archive = archive
        self._local_endpoint = local_endpoint
        self._checked: set[str] = set()
        self.refused: set[str] = set()
        self.threads: dict[str, int] = {}
        self._had_one = False
        for worker, problem in self._check(cluster.threads()).items():
            raise InvalidFunction(f"Dask worker {worker}: {problem}")

    def look(self) -> None:
        """Find workers that have joined or left.

        Raises:
            InvalidFunction: There are workers, and none was ever suitable.
            OSError: The scheduler does not respond.
        """
        threads = self._cluster.threads()
        problems = self._check(threads.keys() - self._checked)
        self.threads = {
            each: n for each, n in threads.items() if each not in self.refused | problems.keys()
        }
        self._had_one |= bool(self.threads)
        for worker, problem in problems.items():
            if not self._had_one:
                raise InvalidFunction(f"Dask worker {worker}: {problem}")
            self._refuse(worker, problem)

    def complained(self, worker: str, problem: str) -> None:
        """Refuse a worker that returned a chunk, unless it has just joined."""
        if worker in self._checked:
            self._refuse(worker, problem)

    def _refuse(self, worker: str, problem: str) -> None:
        if worker not in self.refused:
            self.refused.add(worker)
            _LOG.warning("Dask worker %s gets no tasks: %s", worker, problem)

    def _check(self, workers: Iterable[str]) -> dict[str, str]:
        """Return why workers are not suitable, by address; upload the code to the others."""
        new = set(workers)
        if not new:
            return {}
        self._checked |= new
        versions = {each: found for each, found in self._cluster.versions().items() if each in new}
        problems = {
            worker: problem
            for worker, found in versions.items()
            if (problem := self._problem(worker, *found))
        }
        suitable = versions.keys() - problems.keys()
        if not suitable:
            return problems
        if self._archive is not None:
            token = self._job.token
            self._cluster.run(on_worker.extract_code, token, self._archive, workers=suitable)
        found = self._cluster.run(on_worker.difference, self._job.to_bytes(), workers=suitable)
        for worker in suitable:
            problem = found.get(worker, "it has left")
            if isinstance(problem, Exception):  # a package is missing there, for example
                problem = f"the code of s3batch-handler cannot be loaded there: {describe(problem)}"
            if problem is not None:
                problems[worker] = problem
        return problems

    def _problem(self, worker: str, python: str, package: str | None) -> str | None:
        """Return why our own code cannot run on a worker, given its versions."""
        if self._local_endpoint is not None and not is_on_this_machine(worker):
            return (
                f"it cannot reach the S3 at {self._local_endpoint}, which is on this machine. "
                "Pass --endpoint-url with an S3 that all workers reach"
            )
        own_python, own_package = on_worker.own_versions()
        if package is None:
            return (
                "s3batch-handler is not installed there. Install it: "
                f"pip install s3batch-handler=={own_package}"
            )
        for name, there, here in (
            ("Python", python, own_python),
            ("s3batch-handler", package, own_package),
        ):
            if there != here:
                return f"it has {name} {there}, and the job was started with {here}"
        return None


_LOG: Final = logging.getLogger("s3batch_handler.engine")
