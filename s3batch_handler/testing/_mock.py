"""AWS for tests of code that makes jobs: moto's, with S3 Batch Operations that really run."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.invoke._functions import Functions
from s3batch_handler.jobs._aws_clients import local_s3_client
from s3batch_handler.local_aws._s3control_calls import mock_aws_with_job_calls, one_for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from s3batch_handler.engine.invoke._target import Target

_Test = TypeVar("_Test", bound="Callable[..., Any]")


def mock_s3batch(
    functions: Mapping[str, Target],
    *,
    max_redrives: int = 3,
    timeout: float | None = None,
) -> _Mock:
    """Be in moto's AWS, in which S3 Batch Operations jobs run.

    moto's ``mock_aws``, and in it ``boto3.client("s3control")`` with all job calls. A job runs in
    this process, on the thread whose call made it ready to run: ``create_job`` returns when it is
    over, or waits for its confirmation. Its report is in the bucket then. Also a decorator of plain
    functions; not of classes or ``async def``, whose work is done after they have returned.

    Args:
        functions: What jobs may invoke, by name (``thumbnails``), name with qualifier
            (``thumbnails:PROD``) or ARN. A name stands for any qualifier, account and Region
            that it does not mention; of several that fit, the one that says most is called.
            :data:`~s3batch_handler.engine.invoke._target.Target` says what can be registered.
        max_redrives: Further tries for a task that failed temporarily.
        timeout: Seconds that a call may take: a function in this process is told of it, and not
            ended. By default 60, and 900 for functions elsewhere, which have one of their own.

    Raises:
        ValueError: One of ``functions`` is neither a name nor an ARN.
        InvalidFunction: What is registered names no function.
        TypeError: Or cannot be one.
    """
    return _Mock(partial(_aws_with_jobs, functions, max_redrives=max_redrives, timeout=timeout))


class _Mock(AbstractContextManager[None]):
    """A context manager that is a decorator as well."""

    def __init__(self, aws: Callable[[], Any]) -> None:
        self._aws = aws
        self._entered = ExitStack()

    @override
    def __enter__(self) -> None:
        self._entered.enter_context(self._aws())

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered.__exit__(kind, error, traceback)

    def __call__(self, test: _Test) -> _Test:
        """Decorate a test: AWS is there, and new, for each call of it.

        Raises:
            TypeError: Its work would be done without it: of a coroutine later, of a class never.
        """
        if any(is_other(test) for is_other in _NO_TESTS):
            name = getattr(test, "__qualname__", test)
            raise TypeError(f"mock_s3batch decorates plain functions: say 'with' in {name}")
        decorated: _Test = self._aws()(test)
        return decorated


_NO_TESTS = (
    inspect.isclass,
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
)


@contextmanager
def _aws_with_jobs(
    functions: Mapping[str, Target], *, max_redrives: int, timeout: float | None
) -> Iterator[None]:
    Functions(functions)  # bad names are told of here, not when the first job is made

    def engine_of(account_id: str, region: str) -> Engine:
        engine = Engine(
            functions,
            s3=_s3(),
            account_id=account_id,
            region=region,
            max_redrives=max_redrives,
            timeout=timeout,
        )
        return engines.enter_context(engine)

    with mock_aws_with_job_calls(one_for_each(engine_of)), ExitStack() as engines:
        yield


@cache
def _s3() -> Any:
    """Make a client once: it costs more than most jobs of tests do, and moto's S3 knows no other.

    A client that was made in one ``mock_aws`` works in the next one as well.
    """
    return local_s3_client("testing")
