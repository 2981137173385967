"""Prepare a task for the user's function: its key, and the models of the user, if there are any."""

from __future__ import annotations

from s3batch_handler.core._errors import PermanentFailure
from s3batch_handler.core._keys import is_utf8, printable_key
from s3batch_handler.core._typing import TYPE_CHECKING, Any
from s3batch_handler.handler._pydantic import import_pydantic

if TYPE_CHECKING:
    from s3batch_handler.core._model import Task
    from s3batch_handler.handler._models import TaskModels


def task_models(arguments: Any, payload: Any) -> TaskModels | None:
    """Return the models of a handler, if it has any: only they need pydantic."""
    if arguments is None and payload is None:
        return None
    import_pydantic("payload" if arguments is None else "arguments")
    from s3batch_handler.handler._models import TaskModels

    return TaskModels(arguments, payload)


def prepare(task: Task[Any, Any], models: TaskModels | None) -> Task[Any, Any]:
    """Return the task as the function expects it.

    Raises:
        PermanentFailure: The key is not valid UTF-8, or values do not match the models.
    """
    if not is_utf8(task.key):
        raise PermanentFailure(f"the key is not valid UTF-8: {printable_key(task.key)}")
    return task if models is None else models.parse(task)
