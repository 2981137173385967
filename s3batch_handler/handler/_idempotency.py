"""Run each task once, with the records of a Powertools persistence layer (``idempotency=``).

S3 may deliver a task more than once. A record in the user's store says that a task is in progress,
or keeps its outcome when it is done. Records of failed tasks are deleted, so that retries run them.

This module is imported only by handlers that use the option.
"""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import TemporaryFailure
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._sanitize import sanitize
from s3batch_handler.handler._prepare import prepare
from s3batch_handler.handler._time_limit import call_within, forget_interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.core._model import Task
    from s3batch_handler.handler._failures import FailureHandler
    from s3batch_handler.handler._models import TaskModels
    from s3batch_handler.handler._types import PersistenceLayer

KEEP_SECONDS: Final = 7 * 24 * 3600
"""How long a record is kept, unless the user has configured the layer: longer than most jobs."""

_LONGEST_TIMEOUT: Final = 900.0
"""Lambda's maximum timeout, in seconds. It is assumed if there is no context of Lambda."""

_ATTEMPTS: Final = 3
"""Attempts to create a record while other invocations change it."""


class IdempotencyStoreError(Exception):
    """The idempotency store failed. The cause is the exception of its client."""


@dataclass
class TaskRecord:
    """What is known about a task, while it is run.

    Attributes:
        deadline: When the time of the task is over, on the monotonic clock.
        outcome: The outcome of the task. If it is known in advance, the task must not be run.
            Otherwise the caller sets it.
        data: What identifies the record that this invocation has created; ``None`` without one.
        expires: When the record expires if it is not completed, on the wall clock.
    """

    deadline: float
    outcome: Outcome | None = None
    data: dict[str, Any] | None = None
    expires: float = math.inf


class TaskRecords:
    """The records of the tasks of one handler.

    Args:
        layer: The user's persistence layer.
        key_of: The user's function that returns the key of a task; ``None`` for the default key.
        name: The name of the user's function, which becomes part of the keys in the store.
        models: The models of user arguments and payload, for ``key_of``.
        failures: Converts exceptions to outcomes.
        time_reserve: Seconds between the deadline of an invocation and the function's timeout.
    """

    def __init__(
        self,
        layer: PersistenceLayer,
        key_of: Callable[[Any], str | None] | None,
        *,
        name: str,
        models: TaskModels | None,
        failures: FailureHandler,
        time_reserve: float,
    ) -> None:
        self._layer = layer
        self._key_of = key_of
        self._name = name
        self._models = models
        self._failures = failures
        self._time_reserve = time_reserve
        self._store: Any = None
        self._copied: dict[str, Any] = {}

    @contextmanager
    def open(
        self, task: Task[Any, Any], deadline: float, task_timeout: float
    ) -> Iterator[TaskRecord]:
        """Mark a task as in progress while the block runs, then store its outcome.

        If the task is done, in progress in another invocation, or cannot be marked, the record has
        an outcome when the block begins.

        Args:
            task: The task.
            deadline: The deadline of the invocation.
            task_timeout: Maximum number of seconds for the task, including requests to the store.
        """
        task_deadline = min(deadline, monotonic() + task_timeout)
        record = self._begin(task, deadline, task_deadline)
        try:
            yield record
        finally:
            if record.data is not None:
                self._end(task, record, record.data)

    # ------------------------------------------------------------ before the task

    def _begin(self, task: Task[Any, Any], deadline: float, task_deadline: float) -> TaskRecord:
        seconds = task_deadline - monotonic()
        if seconds <= 0:
            return TaskRecord(task_deadline, self._failures.not_started(task, deadline))
        until_timeout = min(deadline + self._time_reserve - monotonic(), _LONGEST_TIMEOUT)
        record = TaskRecord(task_deadline, expires=time() + until_timeout)
        try:
            found = call_within(
                seconds, partial(self._look_up, record.expires), task, self._time_reserve
            )
        except BaseException as error:  # nothing may end the environment
            # A record that was created meanwhile expires soon. It is not deleted, because it may
            # belong to another invocation.
            found = self._failures.outcome_of(
                task,
                error,
                seconds,
                task_deadline,
                activity=" while looking up its idempotency record",
            )
        if isinstance(found, Outcome):
            record.outcome = found
        else:
            record.data = found
        forget_interruption()
        return record

    def _look_up(self, expires: float, task: Task[Any, Any]) -> dict[str, Any] | Outcome | None:
        """Create a record in the store and return its data, or return the stored outcome.

        ``None`` means that the task is run without a record: it has no key, or idempotency is
        disabled.

        Raises:
            TemporaryFailure: The task is in progress, or the store failed in an unknown way.
            IdempotencyStoreError: The store failed, and its exception can be classified.
        """
        data = None if _is_disabled() else self._data_of(task)
        if data is None:
            return None
        store = self._configured_store()
        for _ in range(_ATTEMPTS):
            milliseconds = max(math.ceil((expires - time()) * 1000), 1)
            existing = _create_record(store, data, milliseconds)
            if existing is None:
                return data
            outcome = _outcome_in(existing)
            if outcome is not None:
                return outcome
        raise TemporaryFailure("another invocation is changing the idempotency record of this task")

    def _data_of(self, task: Task[Any, Any]) -> dict[str, Any] | None:
        """Return what identifies the task. Its hash becomes the key in the store."""
        if self._key_of is None:
            return {
                "job": task.job.id,
                "bucket": task.bucket,
                "key": task.key,  # with the payload
                "version_id": task.version_id,
            }
        key: object = self._key_of(prepare(task, self._models))
        if key is None:
            return None
        if not isinstance(key, str):
            raise TypeError(
                f"idempotency_key returned {type(key).__name__}. Return text, or None to run the "
                "task without a record"
            )
        if not key:
            raise ValueError(
                "idempotency_key returned an empty text, which would be the key of several tasks. "
                "Return None to run the task without a record"
            )
        return {"idempotency_key": str.__str__(key)}

    def _configured_store(self) -> Any:
        """Return a copy of the user's layer with settings of its own.

        Other code may use the layer with another configuration: Powertools sets the prefix of its
        keys for each function. The copy is renewed when the layer is changed, because tests replace
        its client.
        """
        attributes = dict(vars(self._layer))
        if self._store is None or any(
            self._copied.get(name) is not value for name, value in attributes.items()
        ):
            from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig

            # copy.copy() calls the __new__ of the cache layer, which emits a DeprecationWarning.
            store: Any = object.__new__(type(self._layer))
            vars(store).update(attributes)
            # A layer that the user has configured takes only the name.
            config = IdempotencyConfig(expires_after_seconds=KEEP_SECONDS)
            store.configure(config, function_name=self._name)
            store.event_key_jmespath = ""  # intended for other data
            store.payload_validation_enabled = False
            store.hash_function = hashlib.sha256  # with MD5, hostile keys could collide
            self._store, self._copied = store, attributes
        return self._store

    # ------------------------------------------------------------ after the task

    def _end(self, task: Task[Any, Any], record: TaskRecord, data: dict[str, Any]) -> None:
        """Store the outcome of a task that succeeded; delete the record of one that failed."""
        outcome = record.outcome
        if outcome is not None and outcome.code is ResultCode.SUCCEEDED:
            result = {"resultCode": outcome.code.value, "resultString": sanitize(outcome.message)}
            self._write(
                lambda store: store.save_success(data, result),
                task,
                record,
                "the task succeeded, but its outcome could not be stored in the idempotency store",
            )
        elif time() < record.expires:  # later, it may belong to another invocation
            self._write(
                lambda store: store.delete_record(data, Exception("the task failed")),
                task,
                record,
                "the idempotency record of the failed task could not be deleted, so retries fail "
                "until it expires",
            )

    def _write(
        self, write: Callable[[Any], None], task: Task[Any, Any], record: TaskRecord, problem: str
    ) -> None:
        """Write to the store within the reserve; log a failure, which does not affect the task."""
        reason: str | None = "out of time"

        def attempt() -> None:
            nonlocal reason
            try:
                write(self._configured_store())
            except Exception as error:
                reason = describe(error)
            else:
                reason = None

        self._failures.call_safely(attempt, record.deadline)
        if reason is not None:
            self._failures.log_warning(task, f"{problem}: {reason}", record.deadline)


def _is_disabled() -> bool:
    """Return whether the user has disabled Powertools' idempotency, as tests do."""
    value = os.environ.get("POWERTOOLS_IDEMPOTENCY_DISABLED", "").lower()
    if value not in {"1", "y", "yes", "t", "true", "on"}:
        return False
    from aws_lambda_powertools.warnings import PowertoolsUserWarning

    warnings.warn(
        "POWERTOOLS_IDEMPOTENCY_DISABLED is set: tasks are run without idempotency. Unset it in "
        "production",
        PowertoolsUserWarning,
        stacklevel=2,
    )
    return True


def _create_record(store: Any, data: dict[str, Any], milliseconds: int) -> Any:
    """Create a record that is in progress, or return the existing one.

    Raises:
        TemporaryFailure, IdempotencyStoreError: See :meth:`TaskRecords._look_up`.
    """
    from aws_lambda_powertools.utilities.idempotency.exceptions import (
        IdempotencyItemAlreadyExistsError,
        IdempotencyItemNotFoundError,
    )

    try:
        try:
            store.save_inprogress(data, milliseconds)
        except IdempotencyItemAlreadyExistsError as error:
            return error.old_data_record or store.get_record(data)
    except IdempotencyItemNotFoundError:
        return _NO_RECORD
    except Exception as error:
        raise _store_failure(error) from error
    return None


_NO_RECORD: Final = object()
"""The record was deleted meanwhile."""


def _outcome_in(record: Any) -> Outcome | None:
    """Return the stored outcome; ``None`` if the record has expired or was deleted.

    Raises:
        TemporaryFailure: The task is in progress, or the record cannot be read.
    """
    if record is _NO_RECORD:
        return None
    try:
        status = record.status
        result = record.response_json_as_dict() if status == "COMPLETED" else {}
        expires = record.in_progress_expiry_timestamp
        left = None if expires is None else max(float(expires) / 1000 - time(), 0)
    except Exception as error:
        raise _store_failure(error) from error
    if status == "INPROGRESS":
        message = "in progress in another invocation"
        if left is not None:
            message += f". If that invocation was stopped, the task can run in {left:.0f} s"
        raise TemporaryFailure(message)
    if status != "COMPLETED":
        return None
    match result:
        case {"resultCode": ResultCode.SUCCEEDED.value, "resultString": str(message)}:
            return Outcome(ResultCode.SUCCEEDED, message)
    raise TemporaryFailure(
        f"the idempotency record {record.idempotency_key} was not written by s3batch-handler. "
        "Use a table of its own, or delete the record"
    )


def _store_failure(error: Exception) -> Exception:
    """Return the exception to raise. An unknown failure is temporary: the task has not run."""
    if classify(error).code is None:
        return TemporaryFailure(
            f"the idempotency store failed, so the task was not run: {describe(error)}"
        )
    return IdempotencyStoreError("the idempotency store failed, so the task was not run")
