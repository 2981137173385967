"""Six packages export public names; the reference lists them."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

import pytest

from s3batch_handler import S3BatchError
from tests.support.package import modules

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = [
    "s3batch_handler",
    "s3batch_handler.testing",
    "s3batch_handler.testing.strategies",
    "s3batch_handler.documents",
    "s3batch_handler.jobs",
    "s3batch_handler.engine",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_lists_exactly_the_exported_names(package: str, project: Path) -> None:
    """A name in ``__all__`` is documented, and a documented name is in ``__all__``."""
    page = (project / "docs" / "reference.md").read_text()
    (table,) = re.findall(rf"^\| `{re.escape(package)}` \| \|\n((?:\|.*\n)+)", page, re.MULTILINE)
    documented = set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\|(.*?)\|", table, re.MULTILINE)))
    )
    exported = importlib.import_module(package)

    names = {name for name in exported.__all__ if not _is_error(getattr(exported, name))}

    assert names == documented


@pytest.mark.parametrize("package", PACKAGES)
def test_names_that_a_package_does_not_export_are_errors(package: str) -> None:
    """Lazy imports raise ``AttributeError`` as usual."""
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = importlib.import_module(package).no_such_name


def test_all_other_modules_are_private() -> None:
    """Only packages and ``__main__`` have a name without an underscore."""
    public = [module.as_posix() for module in modules() if not module.name.startswith("_")]

    assert public == []


def test_other_packages_export_nothing() -> None:
    """``__all__`` is in the six packages only."""
    folders = {module.parent for module in modules()}
    names = {".".join(["s3batch_handler", *folder.parts]) for folder in folders}

    exporting = {name for name in names if hasattr(importlib.import_module(name), "__all__")}

    assert exporting == {*PACKAGES}


def test_documentation_and_examples_import_public_names_only(project: Path) -> None:
    """Readers copy the examples."""
    folders = (project / "docs", project / "examples", project / "templates")
    files = [project / "README.md", *(path for folder in folders for path in folder.rglob("*"))]

    private = [
        f"{path.relative_to(project)}: {line.strip()}"
        for path in files
        if path.suffix in {".md", ".py"}
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"(from|import) s3batch_handler[.\w]*\._", line)
        or re.search(r"from s3batch_handler\.(core|handler|local_aws|cli)\b", line)
    ]

    assert not private


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, S3BatchError)
