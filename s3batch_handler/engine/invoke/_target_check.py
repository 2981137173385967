"""Check that a function can be called, without calling it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._target import is_remote, region_of_arn
from s3batch_handler.engine.invoke._worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_function(
    target: str, *, variables: Mapping[str, str] | None = None, profile: str | None = None
) -> str | None:
    """Check that a function can be called.

    The function of a file or module is loaded in a worker process. A server at a URL has to accept
    a connection. The function of an ARN has to exist.

    Args:
        target: The function: see :data:`~._target.Target`.
        variables: Environment variables for the worker process.
        profile: The AWS profile whose credentials read the function of an ARN.

    Returns:
        What could not be checked.

    Raises:
        InvalidFunction: The function cannot be loaded, reached or found.
    """
    if not is_remote(target):
        with closing(WorkerPool(target, workers=1, variables=variables)) as pool:
            pool.load()
        return None
    if target.startswith("arn:"):
        return _check_arn(target, profile)
    # Imported here, because http.client takes 10 ms.
    from s3batch_handler.engine.invoke._lambda_api import HttpApi, Unreachable

    try:
        HttpApi(target, read_timeout=1).connect()
    except Unreachable as error:
        raise InvalidFunction(f"{target}: {error}") from error
    return None


def _check_arn(arn: str, profile: str | None) -> str | None:
    from s3batch_handler.jobs._aws_clients import create_session, function_configuration

    session = create_session(profile=profile, region=region_of_arn(arn))
    try:
        function_configuration(arn, session)
    except Exception as error:
        if aws_error_code(error) in _DENIED:
            return f"{arn}: no permission for lambda:GetFunctionConfiguration"
        raise InvalidFunction(f"{arn}: {describe(error)}") from error
    return None


_DENIED: Final = ("AccessDenied", "AccessDeniedException")
