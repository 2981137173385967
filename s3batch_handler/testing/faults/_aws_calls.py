"""Intercept and record the calls of boto3 clients."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

from botocore.client import BaseClient
from botocore.exceptions import ReadTimeoutError

from s3batch_handler.core._keys import is_utf8
from s3batch_handler.testing.faults._aws_faults import no_such_key
from s3batch_handler.testing.faults._empty_responses import empty_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.core._model import Task


@dataclass(frozen=True)
class Call:
    """One call of a boto3 client.

    Attributes:
        client: The client.
        operation: The name of the operation, such as ``GetObject``.
        parameters: The arguments of the call.
        task: The task for which the handler runs.
        encoded_key: The key of the task as the event contains it.
        make: botocore's method that makes a call.
    """

    client: Any
    operation: str
    parameters: dict[str, Any]
    task: Task[Any, Any]
    encoded_key: str
    make: Callable[[Any, str, dict[str, Any]], Any]

    @property
    def service(self) -> str:
        return str(self.client.meta.service_model.service_name)

    @property
    def name(self) -> str:
        """Return service and operation: ``s3:GetObject``."""
        return f"{self.service}:{self.operation}"

    @property
    def url(self) -> str:
        return str(self.client.meta.endpoint_url)

    @property
    def names_object(self) -> bool:
        """Return whether the call is about the object of the task."""
        return self.service == "s3" and self._names(self.task.key)

    @property
    def misses_object(self) -> bool:
        """Return whether the key of the call is a wrong form of the key of the task.

        The handler has not decoded the key, or it has replaced what is not valid UTF-8.
        """
        if self.service != "s3":
            return False
        if not is_utf8(self.task.key):
            return self.parameters.get("Bucket") == self.task.bucket and "Key" in self.parameters
        return self.encoded_key != self.task.key and self._names(self.encoded_key)

    def _names(self, key: str) -> bool:
        source = self.parameters.get("CopySource")
        if isinstance(source, str):
            source = dict(zip(("Bucket", "Key"), source.split("/", 1), strict=False))
        return any(
            isinstance(place, dict)
            and place.get("Bucket") == self.task.bucket
            and place.get("Key") == key
            for place in (self.parameters, source)
        )

    @property
    def is_served(self) -> bool:
        """Return whether moto, or a server on this machine, responds to the call."""
        return is_moto_active() or urlsplit(self.url).hostname in _LOOPBACK

    def respond(self) -> Any:
        """Return the response of moto or of a server on this machine, or one without content."""
        if self.is_served:
            return self.request(self.operation, self.parameters)
        if self.misses_object:
            raise no_such_key(self)
        return empty_response(self.client.meta.service_model.operation_model(self.operation))

    def request(self, operation: str, parameters: dict[str, Any]) -> Any:
        """Send another request with the client, which is not recorded."""
        return self.make(self.client, operation, parameters)


_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


def is_moto_active() -> bool:
    """Return whether the code runs within ``mock_aws``."""
    models = sys.modules.get("moto.core.models")
    return models is not None and bool(models.botocore_stubber.enabled)


@contextmanager
def intercepted_calls(
    task: Task[Any, Any], encoded_key: str, answer: Callable[[Call], Any]
) -> Iterator[list[Call]]:
    """Intercept all calls of boto3 in a ``with`` block, in all threads, and list them.

    Args:
        task: The task for which a handler runs.
        encoded_key: The key of the task as the event contains it.
        answer: Returns the response of a call, or raises a fault.
    """
    calls: list[Call] = []
    make = getattr(BaseClient, _METHOD)

    def intercept(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        call = Call(client, operation, parameters, task, encoded_key, make)
        calls.append(call)
        return answer(call)

    setattr(BaseClient, _METHOD, intercept)
    _replace_child_processes()
    try:
        yield calls
    finally:
        setattr(BaseClient, _METHOD, make)
        _replace_child_processes()


def _replace_child_processes() -> None:
    """Replace the child processes of ``isolation="process"``.

    A child process that was created before would still have the original method, and call AWS.
    """
    if "s3batch_handler.handler._isolation" in sys.modules:
        from s3batch_handler.handler._isolation import replace_child_processes

        replace_child_processes()


_METHOD: Final = "_make_api_call"
"""The method that all calls of boto3 use, also those of resources, paginators and transfers."""


def hang(call: Call, until: float) -> NoReturn:
    """Wait until a time of the monotonic clock, as for a server that does not respond.

    Raises:
        ReadTimeoutError: Always, at the end.
    """
    wait_until(until)
    raise ReadTimeoutError(endpoint_url=call.url)


def wait_until(end: float) -> None:
    """Wait until a time of the monotonic clock."""
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))
