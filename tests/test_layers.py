"""Modules look down the layers, never up, and importing the core is cheap.

The table is the one of ``docs/architecture.md``. A new module goes into it first.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.package import PACKAGE, modules

if TYPE_CHECKING:
    from collections.abc import Iterator


LAYERS = [
    ("nouns", {"model", "errors"}),
    (
        "rules",
        {
            *(
                "keys",
                "text",
                "quoted_input",
                "redaction",
                "protocol",
                "classify",
                "declaration",
                "results",
            ),
            *("deadline", "interruption", "kernel_timer", "leftovers"),
        },
    ),
    (
        "runtime",
        {"handler", "event_loop", "observability"},
    ),
    (
        "documents",
        {"manifest", "inventory", "report", "tables", "storage", "job", "shapes", "status"},
    ),
    ("drivers", {"aws", "control", "engine"}),
    (
        "edge",
        {
            *(
                "endpoint",
                "request_check",
                "file_bucket",
                "embedded_s3",
                "http_server",
                "moto_server",
                "server",
            ),
            "starters",
            *("testing", "cli", "__main__"),
        },
    ),
]

# The runtime is all that Lambda needs; a job on one machine needs no runtime, only a function.
STRANGERS = [{"runtime", "documents"}]

# What `import s3batch_handler` gives.
FRONT = {"nouns", "rules", "runtime"}

# The one door to boto3.
DOORS = {"boto3": {"aws"}, "botocore": {"aws"}}

ADD_IT = f"{{}} is in no layer: add it to the table in {Path(__file__).name}"

MODULES = [path.as_posix() for path in modules()]


@pytest.mark.parametrize("module", MODULES)
def test_imports_of(module: str) -> None:
    """A module imports from its own layer or from below; boto3 comes in by one door."""
    own = _name(module)
    assert own == "__init__" or _layer(own), ADD_IT.format(own)

    problems = [
        f"line {line}: {problem}"
        for line, imported, for_types in _imports(PACKAGE / module)
        for problem in _problems(own, imported, for_types=for_types)
    ]

    assert not problems, f"{module}: {'; '.join(problems)}"


def test_the_rule_itself() -> None:
    """The rule sees what it is there to see."""
    assert not _problems("handler", "s3batch_handler.model", for_types=False)
    assert _problems("model", "s3batch_handler.handler", for_types=False)
    assert _problems("model", "s3batch_handler.handler", for_types=True)
    assert _problems("manifest", "s3batch_handler.handler", for_types=False)
    assert _problems("handler", "s3batch_handler.manifest", for_types=False)
    assert _problems("__init__", "s3batch_handler.manifest", for_types=False)
    assert _problems("handler", "s3batch_handler", for_types=False)
    assert _problems("engine", "boto3.session", for_types=False)
    assert not _problems("engine", "boto3.session", for_types=True)
    assert not _problems("aws", "boto3.session", for_types=False)
    assert _problems("handler", "s3batch_handler.brand_new", for_types=False)


def _problems(own: str, imported: str, *, for_types: bool) -> list[str]:
    """Say what is wrong with an import of one module by another."""
    top, _, rest = imported.partition(".")
    if top in DOORS and own not in DOORS[top] and not for_types:
        return [f"only {', '.join(DOORS[top])}.py imports {top}"]
    if top != "s3batch_handler":
        return []
    other = rest.partition(".")[0]
    if other == "__version__":
        return []
    if not other:
        return [] if _rank(own) == len(LAYERS) - 1 else ["import from the module that has it"]
    if _layer(other) is None:
        return [ADD_IT.format(other)]
    if own == "__init__":
        allowed = _layer(other) in FRONT
    else:
        strangers = {_layer(own), _layer(other)} in STRANGERS
        allowed = _rank(other) <= _rank(own) and not strangers
    return [] if allowed else [f"{other} ({_layer(other)}) is not for {own} ({_layer(own)})"]


def _layer(module: str) -> str | None:
    return next((name for name, modules in LAYERS if module in modules), None)


def _rank(module: str) -> int:
    return next((rank for rank, (_, modules) in enumerate(LAYERS) if module in modules), -1)


def _name(path: str) -> str:
    """``engine`` for ``engine/runner.py``, ``__init__`` for the front of the package."""
    return path.removesuffix(".py").partition("/")[0]


def _imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Give line and full name of each import, and whether it is for the type checker only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for statement in block.body
        for node in ast.walk(statement)
    }
    package = ["s3batch_handler", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                full_names = [alias.name for alias in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                near = package[: len(package) - level + 1] if level else []
                source = ".".join([*near, *([module] if module else [])])
                if source == "s3batch_handler":
                    full_names = [_of_package(alias.name) for alias in names]
                else:
                    full_names = [source]
            case _:
                continue
        for name in full_names:
            yield node.lineno, name, id(node) in for_types


def _of_package(name: str) -> str:
    """Tell modules of the package (``from s3batch_handler import keys``) from names in it."""
    is_module = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()
    return f"s3batch_handler.{name}" if is_module or name == "__version__" else "s3batch_handler"


# ---------------------------------------------------------------- what an import costs

# Importing pydantic alone does little: the first model brings most of it in.
PYDANTIC_AT_WORK = """
import pydantic
class Model(pydantic.BaseModel):
    field: str
pydantic.TypeAdapter(Model)
"""

# What the core may bring in beyond that. Each of these costs every cold start its time: look for
# another way (an import where it is needed) before adding one.
AFFORDED = {"signal", "urllib", "urllib.parse"}

FORBIDDEN = {
    "asyncio",
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "click",
    "concurrent.futures.thread",
    "http",
    "moto",
    "multiprocessing",
    "requests",
    "rich",
    "s3batch_handler.aws",
    "s3batch_handler.cli",
    "s3batch_handler.control",
    "s3batch_handler.endpoint",
    "s3batch_handler.engine",
    "s3batch_handler.manifest",
    "s3batch_handler.report",
    "s3batch_handler.testing",
    "sqlite3",
    "ssl",
    "subprocess",
    "urllib.request",
    "urllib3",
}


def test_what_the_import_brings() -> None:
    """``import s3batch_handler`` costs pydantic and next to nothing more."""
    brought = _loaded("import s3batch_handler") - _loaded(PYDANTIC_AT_WORK)

    foreign = {name for name in brought if name.partition(".")[0] != "s3batch_handler"}

    assert foreign <= AFFORDED, f"new: {sorted(foreign - AFFORDED)}"


def test_what_the_import_must_not_bring() -> None:
    """Neither AWS's libraries nor the rest of ours come along with a handler."""
    loaded = _loaded("import s3batch_handler; s3batch_handler.task_handler(lambda task: 'done')")
    brought = loaded - _loaded(PYDANTIC_AT_WORK)

    assert not {name for name in brought if _is_or_is_in(name, FORBIDDEN)}


def _is_or_is_in(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _loaded(code: str) -> set[str]:
    """Run code in a fresh interpreter and tell which modules are there after it."""
    # `json` and `sys` are in both sets that are compared, or in neither.
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    output = subprocess.run(
        [sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True
    ).stdout
    return set(json.loads(output))
