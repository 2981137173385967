"""Public names of packages, imported on first use (PEP 562) to keep imports fast."""

from __future__ import annotations

from importlib import import_module

from s3batch_handler.core._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def import_public(package: str, name: str, modules: Mapping[str, str]) -> Any:
    """Return a public name of a package from the module that defines it.

    Raises:
        AttributeError: The package has no such public name.
        ModuleNotFoundError: A package that the name needs is not installed. The text says how to
            install it.
    """
    if name not in modules:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{package}.{modules[name]}"), name)
    except ModuleNotFoundError as error:
        from s3batch_handler.core._extras import raise_missing

        raise_missing(error, f"{package}.{name}")
