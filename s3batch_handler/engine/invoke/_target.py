"""What a job may be told to call, and how: in this process, in worker processes, or elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._function_loader import Function, split_spec
from s3batch_handler.engine.invoke._invoker import DEFAULT_TIMEOUT, InProcess
from s3batch_handler.engine.invoke._worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.engine.invoke._invoker import Invoker
    from s3batch_handler.engine.invoke._lambda_api import LambdaClient
    from s3batch_handler.engine.invoke._remote import RemoteFunction

Target: TypeAlias = "Function | str | LambdaClient"
"""What can be registered as a function of jobs:

===========================================  ======================================================
a callable                                   called right here
``module:name``, ``path/to/app.py:name``     loaded and called in worker processes
``http://…``, ``https://…``                  at an address, see :class:`~.lambda_api.HttpApi`
``arn:aws:lambda:…``                         by Lambda, in the Region of the ARN
``boto3.client("lambda")``                   by this client, under the name it is registered as
===========================================  ======================================================
"""


def invoker_for(
    target: Target,
    *,
    name: str = "function",
    workers: int | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    log: BinaryIO | None = None,
) -> Invoker:
    """Give what calls the function.

    Args:
        target: The function.
        name: What it is called, for a boto3 client to find it.
        workers: Calls at a time. By default one for each processor, 10 for Lambda, and one at an
            address, as the runtime interface emulator crashes from two; in this process, one.
        timeout: Seconds that a call may take; by default 60. A function elsewhere has a timeout
            of its own: it is waited for a little longer than this, by default than the 900
            seconds that Lambda allows at most.
        env: Environment variables for worker processes.
        log: Where the output of worker processes goes.

    Raises:
        InvalidFunction: This names no function.
    """
    if isinstance(target, str) and is_elsewhere(target):
        return remote_function(target, workers=workers, timeout=timeout)
    here = DEFAULT_TIMEOUT if timeout is None else timeout
    if isinstance(target, str):
        return WorkerPool(target, workers=workers, timeout=here, env=env, log=log)
    if callable(target):
        return InProcess(target, timeout=here)
    from s3batch_handler.engine.invoke._lambda_api import ClientApi
    from s3batch_handler.engine.invoke._remote import RemoteFunction

    return RemoteFunction(ClientApi(target, name), concurrency=workers or _LAMBDA_CALLS)


def remote_function(
    target: str, *, workers: int | None = None, timeout: float | None = None
) -> RemoteFunction:
    """Give what calls a function at an address, or one with an ARN: see :func:`invoker_for`."""
    # http.client takes 10 ms to come.
    from s3batch_handler.engine.invoke._lambda_api import ClientApi, HttpApi
    from s3batch_handler.engine.invoke._remote import RemoteFunction

    read_timeout = (_LONGEST_TIMEOUT if timeout is None else timeout) + _PATIENCE
    if not target.startswith("arn:"):
        return RemoteFunction(HttpApi(target, read_timeout=read_timeout), concurrency=workers or 1)
    from s3batch_handler.jobs._aws_clients import lambda_client

    workers = workers or _LAMBDA_CALLS
    client = lambda_client(region=_region(target), read_timeout=read_timeout, connections=workers)
    return RemoteFunction(ClientApi(client, target), concurrency=workers)


def is_elsewhere(target: str) -> bool:
    """Tell whether a text names a function that does not run on behalf of this process."""
    return target.startswith(("http://", "https://", "arn:"))


def check_target(target: object, *, name: str = "function") -> None:
    """Find out what can be known without calling or loading anything.

    ``name`` is what it is registered as.

    Raises:
        InvalidFunction: A text that names no function.
        TypeError: Nothing that can be a function.
    """
    if isinstance(target, str):
        if target.startswith("arn:"):
            _region(target)
        elif is_elsewhere(target):
            remote_function(target)
        else:
            place, _ = split_spec(target)
            if place.endswith(".py") and not Path(place).is_file():
                raise InvalidFunction(f"there is no file {place}")
    elif not callable(target) and not callable(getattr(target, "invoke", None)):
        kind = type(target).__name__
        raise TypeError(f"{name!r}: a function is needed, not an object of type {kind}")


def _region(arn: str) -> str:
    parts = arn.split(":")
    if len(parts) not in (7, 8) or parts[2] != "lambda" or parts[5] != "function" or not parts[3]:
        raise InvalidFunction(
            f"{arn} is no ARN of a function: write arn:aws:lambda:REGION:ACCOUNT:function:NAME"
        )
    return parts[3]


_LAMBDA_CALLS: Final = 10
_LONGEST_TIMEOUT: Final = 900.0  # seconds; Lambda quotas
# A function may have to start first: for that Lambda gives it 10 s that its timeout does not count.
_PATIENCE: Final = 30.0
