"""Parse user arguments and keys into the models of the user, which needs pydantic."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticErrorMixin

from s3batch_handler.core._errors import PermanentFailure
from s3batch_handler.core._model import JobRef
from s3batch_handler.core._validation import explain_error

if TYPE_CHECKING:
    from s3batch_handler.core._model import Task


class TaskModels:
    """The models of a handler: at least one of the two.

    Args:
        arguments: The model of the user arguments, or ``None``.
        payload: The model of the JSON object in place of the key, or ``None``.

    Raises:
        TypeError: pydantic cannot use a model, for example because it names a type that is not
            defined.
    """

    def __init__(self, arguments: Any, payload: Any) -> None:
        self._arguments = _adapter_of_model("arguments", arguments)
        self._payload = _adapter_of_model("payload", payload)

    def parse(self, task: Task[Any, Any]) -> Task[Any, Any]:
        """Return the task with its user arguments and payload parsed into the models.

        Raises:
            PermanentFailure: They do not match the models.
        """
        try:
            if self._arguments is not None:
                what, whole = "job's user arguments are", "all of them"
                arguments = self._arguments.validate_python(task.job.arguments)
                task = task.replace(job=JobRef(id=task.job.id, arguments=arguments))
            if self._payload is not None and task.payload is None:
                what, whole = "payload in the key is", "the key"
                task = task.replace(payload=self._payload.validate_json(task.key))
        except ValidationError as error:
            problem = explain_error(error, whole=whole)
            raise PermanentFailure(f"the {what} invalid: {problem}") from None
        return task


def _adapter_of_model(option: str, model: Any) -> TypeAdapter[Any] | None:
    if model is None:
        return None
    depth = _frames_below_user_code() + 2  # names in quotes are resolved in the user's module
    try:
        adapter = TypeAdapter[Any](model, _parent_depth=depth)
        if not adapter.pydantic_complete:
            adapter.rebuild(_parent_namespace_depth=depth)
    except Exception as error:
        reason = error.message if isinstance(error, PydanticErrorMixin) else str(error)
        named = model.__name__ if isinstance(model, type) else repr(model)
        remedy = (
            "Define or import the types that the model names before this line"
            if isinstance(error, NameError)
            else "Pass a pydantic model, a dataclass or another type that pydantic can read"
        )
        raise TypeError(
            f"task_handler cannot use {option}={named}: {reason.partition('. ')[0]}. {remedy}"
        ) from error
    return adapter


def _frames_below_user_code() -> int:
    """Return the number of frames of this library between the caller and the user's code."""
    frame, depth = inspect.currentframe(), -1
    while frame is not None and frame.f_globals["__name__"] in _OWN_MODULES:
        frame, depth = frame.f_back, depth + 1
    return depth


_OWN_MODULES: Final = {
    __name__,
    *(
        f"{__package__}.{module}"
        for module in ("_prepare", "_task_runner", "_isolation", "_decorator")
    ),
}
