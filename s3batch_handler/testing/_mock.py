"""moto's AWS for tests, with S3 Batch Operations jobs that run."""

from __future__ import annotations

import inspect
import os
import re
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from s3batch_handler.core._defaults import DEFAULT_MAX_REDRIVES
from s3batch_handler.core._typing import override
from s3batch_handler.engine.invoke._registered_functions import check_functions
from s3batch_handler.jobs._aws_clients import local_s3_client
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.local_aws._engines import Engines
from s3batch_handler.local_aws._s3control_calls import mock_aws_with_job_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from s3batch_handler.engine.invoke._target import Target

_Test = TypeVar("_Test", bound="Callable[..., Any]")


def mock_s3batch(
    functions: Mapping[str, Target],
    *,
    max_redrives: int = DEFAULT_MAX_REDRIVES,
    tolerate: str | int | None = None,
    timeout: float | None = None,
) -> _Mock:
    """Mock AWS with moto, and run S3 Batch Operations jobs in it.

    This is moto's ``mock_aws`` in which ``boto3.client("s3control")`` has all calls for jobs. A job
    runs in this process, in the thread whose call made it ready: ``create_job`` returns when the
    job has ended, with its report in the bucket, or when the job waits for its confirmation. Use it
    in a ``with`` block, or as a decorator of plain functions (not of classes or ``async def``).
    ``with mock_s3batch(…) as aws`` returns a :class:`MockAws`, which registers more functions.

    Args:
        functions: The functions that jobs can invoke, by name (``thumbnails``), name with qualifier
            (``thumbnails:PROD``) or ARN. A name without a qualifier, an account or a
            Region matches all of them. If several match, the most specific one is called.
            :data:`~s3batch_handler.engine.invoke._target.Target` lists what can be registered.
        max_redrives: Retries of a task that fails temporarily.
        tolerate: How many tasks of a job may fail: a number, or a percentage such as ``"5%"``. With
            one failure more the job fails. By default S3's rule: half of at least 1,000 tasks.
        timeout: Seconds that a call may take. A function in this process gets them in its context
            and is not interrupted. Default: 60; 900 for remote functions, which have their own
            limit.

    Raises:
        ValueError: A key of ``functions`` is neither a name nor an ARN, or ``tolerate`` has another
            form.
        InvalidFunction: A string does not name a function.
        TypeError: A value of another type is not callable and not a Lambda client.
    """
    FailureThreshold.parse(tolerate)  # an error now, not when the first job is created
    settings = {"max_redrives": max_redrives, "tolerate": tolerate, "timeout": timeout}
    return _Mock(partial(_aws_with_jobs, functions, **settings))


class MockAws:
    """The mocked AWS of :func:`mock_s3batch`."""

    def __init__(self, functions: dict[str, Target]) -> None:
        self._functions = functions

    def register(self, name: str, function: Target) -> None:
        """Register a function that jobs can invoke, as :func:`mock_s3batch` does.

        Raises:
            ValueError, InvalidFunction, TypeError: See :func:`mock_s3batch`.
        """
        check_functions({name: function})
        self._functions[name] = function


class _Mock(AbstractContextManager[MockAws]):
    """A context manager that is also a decorator."""

    def __init__(self, aws: Callable[[], Any]) -> None:
        self._aws = aws
        self._entered = ExitStack()

    @override
    def __enter__(self) -> MockAws:
        aws: MockAws = self._entered.enter_context(self._aws())
        return aws

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered.__exit__(kind, error, traceback)

    def __call__(self, test: _Test) -> _Test:
        """Decorate a test: each call of it gets a new AWS.

        Raises:
            TypeError: A class, a coroutine or a generator, which would run outside of the mock.
        """
        if any(is_kind(test) for is_kind in _NOT_DECORATED):
            name = getattr(test, "__qualname__", test)
            raise TypeError(
                f"mock_s3batch cannot decorate {name}, only plain functions: "
                "use 'with mock_s3batch(...)' in it"
            )
        decorated: _Test = self._aws()(test)
        return decorated


_NOT_DECORATED = (
    inspect.isclass,
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
)


@contextmanager
def _aws_with_jobs(functions: Mapping[str, Target], **settings: Any) -> Iterator[MockAws]:
    check_functions(functions)  # now, not when the first job is created
    registered = dict(functions)
    engines = Engines(registered, s3=_s3(), **settings)
    with mock_aws_with_job_calls(engines.get), engines:
        yield MockAws(registered)


@cache
def _s3() -> Any:
    """Create a client once, because that takes longer than most jobs of tests.

    A client that was created in one ``mock_aws`` also works in the next one.
    """
    return local_s3_client("testing")


def aws_variables() -> dict[str, str | None]:
    """Return environment variables for code that uses boto3 in a mock: a Region and credentials.

    A variable with the value ``None`` must not be set: it would choose other credentials, another
    endpoint or a profile.
    """
    unset = [name for name in os.environ if _VARIABLES_OF_ACCOUNTS.fullmatch(name)]
    return {**dict.fromkeys(unset), **_AWS_VARIABLES}


_AWS_VARIABLES: Final = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

_VARIABLES_OF_ACCOUNTS: Final = re.compile(
    "AWS_(ACCOUNT_ID|CONTAINER_.+|CREDENTIAL_.+|(DEFAULT_)?PROFILE|ENDPOINT_URL.*|ROLE_.+"
    "|(SECURITY|SESSION)_TOKEN|USE_.+_ENDPOINT|WEB_IDENTITY_.+)"
)
"""Variables that choose an account, its credentials or an endpoint."""
