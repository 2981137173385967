"""Import pydantic, which only models of users need, and recognize models without importing it."""

from __future__ import annotations

import sys

from s3batch_handler.core._typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType

_MINIMUM: Final = (2, 11)


def import_pydantic(option: str) -> ModuleType:
    """Return pydantic, which an option of ``@task_handler`` needs, such as ``arguments``.

    Raises:
        ImportError: It is not installed, or too old. The text says how to install it.
    """
    return require_pydantic(f"task_handler({option}=…)")


def require_pydantic(needed_by: str) -> ModuleType:
    """Return pydantic, or raise an ImportError that begins with what needs it."""
    try:
        import pydantic
    except ModuleNotFoundError as error:
        from s3batch_handler.core._extras import raise_missing

        raise_missing(error, needed_by)
    if not pydantic_is_loaded():
        raise ImportError(
            f"{needed_by} needs pydantic {'.'.join(map(str, _MINIMUM))} or later, but "
            f"{pydantic.VERSION} is installed: pip install 's3batch-handler[models]'"
        )
    return pydantic


def pydantic_is_loaded() -> bool:
    """Return whether the user has imported a version of pydantic that this library can use."""
    version = getattr(sys.modules.get("pydantic"), "VERSION", "0.0")
    return tuple(map(int, version.split(".")[:2])) >= _MINIMUM


def is_model(cls: type) -> bool:
    """Return whether a class is a model of pydantic. If there is one, pydantic is loaded."""
    base = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
    return base is not None and issubclass(cls, base)
