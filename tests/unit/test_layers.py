"""Folders are layers: a module imports from its own folder and from lower ones, never up."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.support.package import PACKAGE, modules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# From the lowest layer to the highest. Folders on one layer do not import each other.
LAYERS = [
    {"core"},
    {"documents/files", "jobs/listing"},
    {"documents/manifests"},
    {"documents/manifests/check"},
    {"documents/reports"},
    {"handler", "documents", "jobs"},
    {"jobs/files"},
    {"estimates", "policies"},
    {"policies/formats", "policies/explain"},
    {"engine/state"},
    {"engine/invoke"},
    {"engine/manifests"},
    {"engine/operations"},
    {"engine/run"},
    {"engine"},
    {"page"},
    {"local_aws"},
    {"testing/events"},
    {"testing/strategies", "testing/faults"},
    {"testing"},
    {"cli/terminal"},
    {"cli/help"},
    {
        *("cli", "cli/run", "cli/job", "cli/manifest", "cli/report", "cli/doctor"),
        *("cli/estimate", "cli/policy", "cli/smoke"),
    },
]

# Also not allowed: the engine calls functions as AWS does, so it does not need the runtime.
NOT_IMPORTED = {
    *(("engine", "handler"), ("local_aws", "handler")),
    *(("jobs", "documents"), ("jobs", "handler")),
}

# The only modules that import a package of AWS's, moto or Hypothesis.
ONLY_IMPORTED_BY = {
    "boto3": ("jobs/_aws_clients.py", "jobs/_signed_calls.py"),
    "duckdb": ("documents/",),
    "botocore": (
        "jobs/_aws_clients.py",
        "jobs/_boto3_waiters.py",
        "jobs/_signed_calls.py",
        "local_aws/",
        "testing/faults/",
        "testing/strategies/",
    ),
    "hypothesis": ("testing/strategies/",),
    "moto": ("local_aws/",),
}

LAYER_OF = {folder: layer for layer, folders in enumerate(LAYERS) for folder in folders}

MODULES = [path.as_posix() for path in modules()]


def test_a_module_imports_from_its_own_folder_and_from_lower_ones() -> None:
    """The order of the folders answers "may I import this?"."""
    problems = [
        f"{module}, line {line}: {problem}"
        for module in MODULES
        for line, imported, for_types in _imports(PACKAGE / module)
        if (problem := _problem(module, imported, for_types=for_types))
    ]

    assert not problems, "\n".join(problems)


def test_every_folder_has_a_layer() -> None:
    """A new folder is added to the table, and a removed folder is deleted from it."""
    folders = {_folder(module) for module in MODULES} - {""}

    assert folders == LAYER_OF.keys()


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("core/_model.py", "s3batch_handler.handler._results"),
        ("documents/manifests/_manifest.py", "s3batch_handler.jobs._job"),
        ("engine/invoke/_target.py", "s3batch_handler.engine.run._journal"),
        ("engine/run/_journal.py", "s3batch_handler.engine._engine"),
        ("engine/_engine.py", "s3batch_handler.handler._decorator"),
        ("engine/_engine.py", "s3batch_handler"),
        ("__init__.py", "s3batch_handler.documents"),
        ("engine/_engine.py", "boto3.session"),
        ("testing/_mock.py", "moto"),
        ("testing/_assertions.py", "hypothesis"),
        ("testing/events/_factories.py", "s3batch_handler.testing._jobs"),
        ("jobs/_control.py", "s3batch_handler.no_such_folder._module"),
        ("jobs/_control.py", "s3batch_handler.jobs.files._job_file"),
        ("jobs/files/_job_file.py", "s3batch_handler.documents.manifests._manifest"),
    ],
)
def test_the_check_finds_imports_that_are_not_allowed(module: str, imported: str) -> None:
    """Imports upwards, between siblings, or of AWS's packages elsewhere are found."""
    assert _problem(module, imported, for_types=False)


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("handler/_decorator.py", "s3batch_handler.core._model"),
        ("engine/_engine.py", "s3batch_handler.engine.run._journal"),
        ("jobs/_aws_clients.py", "boto3.session"),
        ("cli/run/_command.py", "s3batch_handler.cli._options"),
    ],
)
def test_the_check_accepts_imports_that_are_allowed(module: str, imported: str) -> None:
    """Imports downwards and within a folder are accepted."""
    assert not _problem(module, imported, for_types=False)


def _problem(module: str, imported: str, *, for_types: bool) -> str | None:
    """Return what is wrong with an import of one module by another."""
    package = imported.partition(".")[0]
    if (
        package in ONLY_IMPORTED_BY
        and not module.startswith(ONLY_IMPORTED_BY[package])
        and not for_types
    ):
        return f"only {' and '.join(ONLY_IMPORTED_BY[package])} may import {package}"
    if package != "s3batch_handler" or imported.endswith("__version__"):
        return None
    own, other = _folder(module), _folder_of(imported)
    if not own:
        allowed = other in {"core", "handler"}  # what `import s3batch_handler` loads
    elif (own.partition("/")[0], other.partition("/")[0]) in NOT_IMPORTED:
        allowed = False
    elif own == other or own.partition("/")[0] == other.partition("/")[0] == "cli":
        allowed = True
    elif module == f"{own}/__init__.py" and other.startswith(f"{own}/"):
        allowed = True  # the public names of the folders below it
    else:
        allowed = LAYER_OF.get(other, 99) < LAYER_OF[own]
    return None if allowed else f"{own or 'the package'} may not import {imported}"


def _folder(module: str) -> str:
    """Return ``engine/run`` for ``engine/run/_journal.py``, and nothing for ``__init__.py``."""
    return module.rpartition("/")[0]


def _folder_of(imported: str) -> str:
    """Return the folder of an imported module, or of a package whose names are imported."""
    path = imported.removeprefix("s3batch_handler").lstrip(".").replace(".", "/")
    return path if (PACKAGE / path).is_dir() else _folder(path)


def _imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield line and full name of each import, and whether it is for the type checker only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                full_names = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                full_names = [_module_or_package(module, alias.name) for alias in names]
            case ast.ImportFrom():
                full_names = ["s3batch_handler.relative_import"]
            case _:
                continue
        for name in dict.fromkeys(full_names):
            yield node.lineno, name, id(node) in for_types


def _module_or_package(package: str, name: str) -> str:
    """Return ``package.name`` if it is a module of this package, and ``package`` otherwise."""
    path = PACKAGE.parent / package.replace(".", "/") / f"{name}.py"
    return f"{package}.{name}" if path.exists() or name == "__version__" else package
