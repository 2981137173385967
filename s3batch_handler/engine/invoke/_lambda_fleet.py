"""Call a function in Lambda: thousands of calls at a time, as fast as Lambda allows."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._call_tasks import CallTasks
from s3batch_handler.engine.invoke._call_threads import answers_of
from s3batch_handler.engine.invoke._call_tries import TryRules
from s3batch_handler.engine.invoke._invoker import running_call
from s3batch_handler.engine.invoke._lambda_api import client_error
from s3batch_handler.engine.invoke._pace import Pace
from s3batch_handler.jobs._signed_calls import SignedCalls

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.engine.invoke._events import EventTemplate
    from s3batch_handler.engine.invoke._invoker import Answers, Entries, RunningCall, Stop


class LambdaFleet:
    """Calls a function in Lambda. An :class:`Invoker`.

    It retries failed calls as :class:`~._remote.RemoteFunction` does. But throttled calls pause
    together, and are retried as often as necessary: see :class:`~._pace.Pace`.

    Args:
        arn: The ARN of the function.
        region: Its Region.
        profile: The AWS profile with the credentials.
        concurrency: Calls at a time.
        read_timeout: Seconds to wait for a response.
        grace: Seconds that running calls have to end when the job is stopped.
        backoff: Seconds before the second try, at most.
        patience: Seconds that a call waits for a server, for a function to be ready, or for Lambda
            to accept any call.
    """

    def __init__(
        self,
        arn: str,
        *,
        region: str,
        profile: str | None = None,
        concurrency: int,
        read_timeout: float,
        grace: float = 2.0,
        backoff: float = 0.1,
        patience: float = 180.0,
    ) -> None:
        self._arn = arn
        self._region = region
        self._profile = profile
        self._concurrency = concurrency
        self._read_timeout = read_timeout
        self._grace = grace
        self._rules = TryRules(arn, backoff=backoff, patience=patience)
        self._pace = Pace(concurrency, pause=2 * backoff)
        self._running: dict[int, tuple[ManifestEntry, float]] = {}

    @property
    def workers(self) -> int:
        """The number of calls at the same time."""
        return self._concurrency

    def invoke_all(self, template: EventTemplate, entries: Entries, /, *, stop: Stop) -> Answers:
        """Call the function for all entries: see :meth:`Invoker.invoke_all`.

        Raises:
            InvalidFunction: The function does not exist, cannot be called, or was not ready in
                time; or Lambda has throttled all calls for ``patience`` seconds.
        """
        _allow_open_files(self._concurrency)
        try:
            signed = SignedCalls(self._arn, region=self._region, profile=self._profile)
            signed.refresh()
        except Exception as error:  # botocore's
            raise InvalidFunction(f"{self._arn}: {client_error(error)}") from error
        calls = CallTasks(
            *(template, signed, self._pace, self._rules),
            size=self._concurrency,
            read_timeout=self._read_timeout,
        )
        self._running = calls.running
        yield from answers_of(calls, iter(entries), stop=stop, grace=self._grace)

    def running(self) -> list[RunningCall]:
        """Return the running calls. Any thread may call this at any time."""
        return [running_call(str(number), call) for number, call in self._running.copy().items()]

    def close(self) -> None:
        """Return immediately: :meth:`invoke_all` has closed its connections."""


def _allow_open_files(connections: int) -> None:
    """Raise the limit of this process for open files, of which each connection is one.

    Raises:
        InvalidFunction: The system does not allow so many.
    """
    needed = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (ValueError, OSError) as error:
        raise InvalidFunction(
            f"{connections:,} parallel calls need {needed:,} open files, and the system allows "
            f"{hard:,}: make fewer calls at a time, or raise the limit (ulimit -n)"
        ) from error


_OTHER_FILES: Final = 100
