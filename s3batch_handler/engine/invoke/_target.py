"""The targets that a job may invoke, and the invoker for each of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from s3batch_handler.core._defaults import DEFAULT_TIMEOUT
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._function_loader import Function, split_spec
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.engine.invoke._invoker import Invoker
    from s3batch_handler.engine.invoke._lambda_api import LambdaClient
    from s3batch_handler.engine.invoke._log_tail import Log
    from s3batch_handler.engine.invoke._remote import RemoteFunction

Target: TypeAlias = "Function | str | LambdaClient"
"""What can be registered as a function of jobs:

===========================================  ======================================================
a callable                                   called in this process
``module:name``, ``path/to/app.py:name``     loaded and called in worker processes
``http://…``, ``https://…``                  called there: see :class:`~._lambda_api.HttpApi`
``arn:aws:lambda:…``                         invoked in Lambda, in the Region of the ARN; with the
                                             extra ``fleet`` thousands of times at a time
``boto3.client("lambda")``                   invoked by this client, by its registered name
===========================================  ======================================================
"""


def invoker_for(
    target: Target,
    *,
    name: str = "function",
    workers: int | None = None,
    timeout: float | None = None,
    variables: Mapping[str, str] | None = None,
    profile: str | None = None,
    log: Log | None = None,
) -> Invoker:
    """Create the invoker for a target.

    Args:
        target: The function.
        name: The name or ARN of the function, for a boto3 client.
        workers: Calls at a time. By default one for each processor, 10 for Lambda, and one at an
            address, because the runtime interface emulator crashes from two. In this process, one.
        timeout: Seconds that a call may take; by default 60. A remote function has its own timeout:
            the invoker waits 30 seconds longer than this, by default longer than 900 seconds, the
            maximum of Lambda.
        variables: Environment variables for worker processes.
        profile: The AWS profile whose credentials invoke an ARN.
        log: Where the output of worker processes is written.

    Raises:
        InvalidFunction: The target is not a valid name of a function.
    """
    if isinstance(target, str) and target.startswith("arn:") and _needs_a_fleet(workers):
        from s3batch_handler.engine.invoke._lambda_fleet import LambdaFleet  # a slow import

        return LambdaFleet(
            target,
            region=region_of_arn(target),
            profile=profile,
            concurrency=workers or default_workers(target),
            read_timeout=(default_timeout(target) if timeout is None else timeout) + _INIT_SECONDS,
        )
    if isinstance(target, str) and is_remote(target):
        return remote_function(target, workers=workers, timeout=timeout, profile=profile)
    local_timeout = default_timeout(target) if timeout is None else timeout
    if isinstance(target, str):
        return WorkerPool(
            target,
            workers=workers or default_workers(target),
            timeout=local_timeout,
            variables=variables,
            log=log,
        )
    if callable(target):
        return InProcess(target, timeout=local_timeout)
    return remote_function(target, name=name, workers=workers)


def _needs_a_fleet(workers: int | None) -> bool:
    """Return whether there are too many parallel calls for threads.

    Raises:
        InvalidFunction: The package for so many calls is not installed.
    """
    if workers is None or workers <= _MOST_THREADS:
        return False
    if _has_aiohttp():
        return True
    raise InvalidFunction(
        f"more than {_MOST_THREADS} parallel calls of a function in Lambda need aiohttp 3.12 or "
        "later, which is not installed: pip install 's3batch-handler[fleet]'"
    )


def _has_aiohttp() -> bool:
    """Return whether a version of aiohttp is installed that the extra ``fleet`` accepts."""
    from importlib.metadata import PackageNotFoundError, version  # a slow import

    try:
        major, minor = version("aiohttp").split(".")[:2]
    except PackageNotFoundError:
        return False
    return (int(major), int(minor)) >= (3, 12)  # the first with ``socket_factory``


def remote_function(
    target: str | LambdaClient,
    *,
    name: str = "",
    workers: int | None = None,
    timeout: float | None = None,
    profile: str | None = None,
) -> RemoteFunction:
    """Create the invoker for a URL, an ARN or a client: see :func:`invoker_for`."""
    # Imported here, because http.client takes 10 ms.
    from s3batch_handler.engine.invoke._lambda_api import ClientApi, HttpApi
    from s3batch_handler.engine.invoke._remote import RemoteFunction

    calls = workers or default_workers(target)
    if not isinstance(target, str):
        return RemoteFunction(ClientApi(target, name), concurrency=calls)
    read_timeout = (default_timeout(target) if timeout is None else timeout) + _INIT_SECONDS
    if not target.startswith("arn:"):
        api = HttpApi(target, read_timeout=read_timeout)
        return RemoteFunction(api, concurrency=calls)
    from s3batch_handler.jobs._aws_clients import lambda_client

    client = lambda_client(
        region=region_of_arn(target), profile=profile, read_timeout=read_timeout, connections=calls
    )
    return RemoteFunction(ClientApi(client, target), concurrency=calls)


def default_workers(target: str | LambdaClient) -> int:
    """Return the calls at a time, unless the target is in this process: see :func:`invoker_for`."""
    if not isinstance(target, str) or target.startswith("arn:"):
        return _LAMBDA_CALLS
    return 1 if is_remote(target) else os.cpu_count() or 1


def default_timeout(target: Target) -> float:
    """Return the seconds that a call may take: see :func:`invoker_for`."""
    is_local = not is_remote(target) if isinstance(target, str) else callable(target)
    return DEFAULT_TIMEOUT if is_local else _MAX_TIMEOUT


def runs_in_workers(target: Target) -> bool:
    """Return whether a target is called in worker processes."""
    return isinstance(target, str) and not is_remote(target)


def is_remote(target: str) -> bool:
    """Return whether a target is a URL or an ARN, and not a function on this machine's disk."""
    return target.startswith(("http://", "https://", "arn:"))


def check_target(target: object, *, name: str = "function") -> None:
    """Check a target, without calling or loading anything.

    Args:
        target: The target.
        name: The name that it is registered as, for errors.

    Raises:
        InvalidFunction: A text that is not the name of a function.
        TypeError: An object that cannot be a function.
    """
    if isinstance(target, str):
        if target.startswith("arn:"):
            region_of_arn(target)
        elif is_remote(target):
            remote_function(target)
        else:
            place, _ = split_spec(target)
            if place.endswith(".py") and not Path(place).is_file():
                raise InvalidFunction(f"there is no file {place}")
    elif not callable(target) and not callable(getattr(target, "invoke", None)):
        kind = type(target).__name__
        raise TypeError(f"{name!r} must be a function, got an object of type {kind}")


def region_of_arn(arn: str) -> str:
    """Return the Region of a function.

    Raises:
        InvalidFunction: This is not the ARN of a function.
    """
    parts = arn.split(":")
    if len(parts) not in (7, 8) or parts[2] != "lambda" or parts[5] != "function" or not parts[3]:
        raise InvalidFunction(
            f"{arn} is not the ARN of a function: write arn:aws:lambda:REGION:ACCOUNT:function:NAME"
        )
    return parts[3]


_LAMBDA_CALLS: Final = 10
_MOST_THREADS: Final = 100
_MAX_TIMEOUT: Final = 900.0  # seconds; Lambda quotas
_INIT_SECONDS: Final = 30.0  # Lambda gives a function 10 s to start, beside its timeout
