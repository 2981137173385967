"""Import pydantic, which only the models of users need, and recognize their models without it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def import_pydantic(option: str) -> ModuleType:
    """Return pydantic, which an option of ``@task_handler`` needs, such as ``arguments``.

    Raises:
        ModuleNotFoundError: It is not installed. The text says how to install it.
    """
    try:
        import pydantic
    except ModuleNotFoundError as error:
        from s3batch_handler.core._extras import raise_missing

        raise_missing(error, f"task_handler({option}=…)")
    return pydantic


def is_model(cls: type) -> bool:
    """Return whether a class is a model of pydantic. pydantic is loaded if there is one."""
    base = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
    return base is not None and issubclass(cls, base)
