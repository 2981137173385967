"""The code of the deployed function on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.doctor._template import TemplateFunction, find_template, functions_of
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._target import check_target, is_remote
from s3batch_handler.engine.invoke._target_check import check_function

if TYPE_CHECKING:
    from collections.abc import Mapping


class LocalHandler(NamedTuple):
    """A handler on this machine.

    Attributes:
        spec: Such as ``app.py:handler``.
        timeout: The timeout of its function in ``template.yaml``, if that is where it was found.
    """

    spec: str
    timeout: float | None

    def check(self, variables: Mapping[str, str]) -> None:
        """Load the handler in another process, without calling it.

        Raises:
            InvalidArgument: It cannot be loaded.
        """
        try:
            check_function(self.spec, variables=variables)
        except InvalidFunction as error:
            raise InvalidArgument(f"HANDLER: {error}") from error


def find_handler(handler: str | None, function_arn: str | None = None) -> LocalHandler:
    """Return HANDLER, or the handler of the function in ``template.yaml`` of the current folder.

    Args:
        handler: The argument of the command.
        function_arn: The deployed function. Of several functions of the template, it is the one
            whose logical ID is in its name.

    Raises:
        UsageError: HANDLER is missing, and no function of the template is meant.
        InvalidArgument: HANDLER does not name a function on this machine.
    """
    timeout = None
    if handler is None:
        function = _function_of_template(function_arn)
        assert function.spec is not None
        handler, timeout = function.spec, function.timeout
    if is_remote(handler):
        raise InvalidArgument(
            f"HANDLER is {handler}: name the code on this machine, as module:name or "
            "path/to/app.py:name"
        )
    try:
        check_target(handler)
    except InvalidFunction as error:
        raise InvalidArgument(f"HANDLER: {error}") from error
    return LocalHandler(handler, timeout)


def _function_of_template(function_arn: str | None) -> TemplateFunction:
    template = find_template(Path())
    if template is None:
        raise click.UsageError(
            "Missing argument HANDLER: there is no template.yaml in this folder that names it."
        )
    functions = [each for each in functions_of(template) if each.spec is not None]
    if len(functions) > 1 and function_arn is not None:
        functions = [each for each in functions if f"-{each.name}-" in function_arn] or functions
    if len(functions) != 1:
        found = ", ".join(each.name for each in functions) or "no function in Python"
        raise click.UsageError(f"Missing argument HANDLER: {template} has {found}.")
    return functions[0]
