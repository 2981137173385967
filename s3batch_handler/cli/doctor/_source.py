"""The handler of a function in a template, as its source defines it; no code is run."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING, Any

from s3batch_handler.cli.doctor._check import error, ok, skipped
from s3batch_handler.cli.doctor._handler import LoadedHandler
from s3batch_handler.handler._options import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3batch_handler.cli.doctor._check import Check


def read_handler(name: str, path: Path, function: str) -> tuple[Check, LoadedHandler | None]:
    """Check that a file defines a handler; return its options, if they can be read.

    Args:
        name: The name of the check.
        path: The file.
        function: The name of the handler.
    """
    try:
        tree = _parse(path)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        return error(name, f"cannot read {path}: {problem}", "correct the file, or Handler"), None
    definitions = dict(_definitions(tree))
    if function in definitions:
        handler = _options_of(definitions[function])
        options = f", with time_reserve={handler.time_reserve:g} s" if handler else ""
        return ok(name, f"{path} defines {function}{options} (not imported)"), handler
    if "*" in definitions or "__getattr__" in definitions:
        return skipped(name, f"cannot tell: {path} may get {function} when it is imported"), None
    return error(name, f"{path} does not define {function}", "correct Handler"), None


def _parse(path: Path) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as for invalid escape sequences
        return ast.parse(path.read_bytes())


def _definitions(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names that a module defines, with what defines them; ``*`` if it imports all."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name, child
        elif isinstance(child, ast.alias):
            yield child.asname or child.name.partition(".")[0], child
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id, child
        elif not isinstance(child, ast.Lambda):
            yield from _definitions(child)


def _options_of(definition: ast.AST) -> LoadedHandler | None:
    """Return the options of ``@task_handler``; ``None`` if it is not there, or not a literal."""
    for decorator in getattr(definition, "decorator_list", ()):
        call = decorator if isinstance(decorator, ast.Call) else None
        called = decorator.func if call else decorator
        if getattr(called, "attr", getattr(called, "id", "")) != "task_handler":
            continue
        given = {each.arg: each.value for each in call.keywords} if call else {}
        reserve = _number(given.get("time_reserve"), DEFAULTS["time_reserve"])
        if reserve is None or None in given:  # None: **options
            return None
        return LoadedHandler(reserve, _number(given.get("task_timeout"), None), 0.0)
    return None


def _number(node: ast.expr | None, default: float | None) -> float | None:
    """Return the number of a literal; ``None`` if it is something else."""
    if node is None:
        return default
    value: Any = node.value if isinstance(node, ast.Constant) else None
    return float(value) if type(value) in {int, float} and 0 <= value < _LONGEST else None


_LONGEST = 1e9
