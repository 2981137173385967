"""Load the function that a user names: ``module:name`` or ``path/app.py:name``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.core._sanitize import one_line

if TYPE_CHECKING:
    from types import ModuleType

Function = Callable[[Any, Any], Any]
"""A Lambda function: it receives event and context, and returns a JSON serializable value."""

DEFAULT_NAME = "handler"


def load_function(spec: str) -> Function:
    """Import the function that ``spec`` names.

    ``module:name`` is searched in the current directory, then on Python's path.
    ``path/to/app.py:name`` may import modules from its folder. The default name is ``handler``.

    Raises:
        InvalidFunction: The function does not exist, is not callable, or its import fails.
    """
    place, name = split_spec(spec)
    module = _from_file(Path(place)) if place.endswith(".py") else _from_module(place)
    try:
        function = getattr(module, name)
    except AttributeError:
        raise InvalidFunction(f"{place} has no {name!r}: write {place}:<name>") from None
    if not callable(function):
        kind = type(function).__name__
        raise InvalidFunction(f"{name!r} in {place} is not callable: it is of type {kind}")
    return function  # type: ignore[no-any-return]  # its parameters are checked by the call


def split_spec(spec: str) -> tuple[str, str]:
    """Split a function's spec into its module or file, and its name."""
    place, colon, name = spec.rpartition(":")
    if not colon or spec.endswith(".py"):  # the name of a folder may contain a colon
        place, name = spec, DEFAULT_NAME
    if not place or not name:
        raise InvalidFunction(
            f"{spec!r} is not the name of a function: write module:name or path/app.py:name"
        )
    return place, name


def _from_module(name: str) -> ModuleType:
    try:
        sys.path.insert(0, str(Path.cwd()))
    except FileNotFoundError as error:
        raise InvalidFunction(
            f"cannot look for {name}: the current directory was deleted. Pass path/to/app.py"
        ) from error
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise InvalidFunction(_import_failure(name, error)) from error
        hint = "write path/to/app.py:name, or start in the folder of the module"
        if "." in name:
            hint = f"did you mean {name.rpartition('.')[0]}:{name.rpartition('.')[2]}?"
        raise InvalidFunction(f"there is no module {name}: {hint}") from error
    except BaseException as error:  # an import runs any code, even sys.exit()
        raise InvalidFunction(_import_failure(name, error)) from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():  # or the current directory was deleted
        raise InvalidFunction(f"there is no file {path}")
    sys.path.insert(0, str(path.resolve().parent))
    # The name that an import would use, unless another module has this name.
    name = path.stem if path.stem not in sys.modules else f"{path.stem} (function)"
    module_spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert module_spec is not None
    assert module_spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
    except BaseException as error:  # as in _from_module
        raise InvalidFunction(_import_failure(str(path), error)) from error
    return module


def _import_failure(place: str, error: BaseException) -> str:
    """Return the error message in one line, with the place in the user's code."""
    text = one_line(redacted_text(error))
    problem = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if "no known parent package" in problem:
        problem += "; for a module of a package write package.module:name"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen ") and frame.filename not in _OWN_FILES
    ]
    # The text of a SyntaxError contains its place.
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"cannot import {place}: {problem}{where}"


_OWN_FILES = {__file__, importlib.__file__}
