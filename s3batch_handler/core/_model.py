"""The nouns: what S3 Batch Operations and a Lambda function talk about.

What names something in the outside world (an object, a task, a job) is a frozen pydantic model,
validated where it comes in. What only holds such nouns together (:class:`Invocation`,
:class:`Outcome`, :class:`TaskResult`) is a named tuple: there is nothing to validate, and one of
each is made for every task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    NamedTuple,
    NoReturn,
    Self,
    TypedDict,
    cast,
)

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypeVar, override

ArgumentsT = TypeVar("ArgumentsT", default=Mapping[str, str], covariant=True)
"""What ``task.job.arguments`` is: the user's model, or text to text where there is none."""

PayloadT = TypeVar("PayloadT", default=None, covariant=True)
"""What ``task.payload`` is: the user's model, or ``None`` where the key is just a key."""


def short_id(opaque: object) -> str:
    """Shorten an opaque ID for display: S3's IDs have more than 1,000 characters.

    Keeps both ends, because S3's IDs have a common beginning.
    """
    text = str(opaque)
    return text if len(text) <= 24 else f"{text[:8]}…{text[-8:]}"


class ResultCode(StrEnum):
    """What S3 Batch Operations is to do with a task, spelled as in the answer to it."""

    SUCCEEDED = "Succeeded"
    TEMPORARY_FAILURE = "TemporaryFailure"
    PERMANENT_FAILURE = "PermanentFailure"


class FrozenModel(BaseModel):
    """A value: compared by content, never changed."""

    # Inside Lambda an event is validated as a whole, so most nouns never need a validator of
    # their own; building one would cost every cold start a third of a millisecond.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    _field_names: ClassVar[set[str]] = set()

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls._field_names = set(cls.model_fields)

    @classmethod
    def from_valid(cls, fields: dict[str, Any]) -> Self:
        """Make a noun of all its ``fields``, known to be valid; the dict becomes the noun's own.

        For this library's own use: whoever else has fields to give calls the class.
        What :meth:`pydantic.BaseModel.model_construct` does, at a fifth of its price.
        """
        noun = cls.__new__(cls)
        _set = object.__setattr__
        _set(noun, "__dict__", fields)
        _set(noun, "__pydantic_fields_set__", cls._field_names)
        _set(noun, "__pydantic_extra__", None)
        _set(noun, "__pydantic_private__", None)
        return noun


class Location(TypedDict, total=False):
    """The keyword arguments by which boto3 knows an object: ``get_object(**task.location)``."""

    Bucket: str
    Key: str
    VersionId: str


class ObjectRef(FrozenModel):
    """What one line of a manifest names.

    Attributes:
        bucket: A bucket name, or the ARN of an access point: what boto3 takes as ``Bucket``.
        key: The key as it is in the bucket, decoded.
        version_id: ``None``: the latest version at the time of the call. ``"null"``: the version
            that was written while the bucket had no versioning.
    """

    bucket: str
    key: str
    version_id: str | None = None

    @property
    def location(self) -> Location:
        """``Bucket``, ``Key`` and, when there is one, ``VersionId``."""
        location = Location(Bucket=self.bucket, Key=self.key)
        if self.version_id is not None:
            location["VersionId"] = self.version_id
        return location


class UserArguments(dict[str, str]):
    """The user arguments of a job: a dict that stays as it is, since all its tasks share it.

    Still a ``dict``, so that it passes for one in boto3 (``Metadata=task.job.arguments``) and JSON.
    """

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "the job's arguments are read-only: change a copy, dict(task.job.arguments)"
        )

    if not TYPE_CHECKING:  # type checkers know them as a Mapping
        __setitem__ = __delitem__ = __ior__ = _refuse
        clear = pop = popitem = setdefault = update = _refuse

    @override
    def __hash__(self) -> int:  # type: ignore[override]  # unlike a dict's, its content stays
        return hash(frozenset(self.items()))

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, str]]]:
        return type(self), (dict(self),)


class JobRef(FrozenModel, Generic[ArgumentsT]):
    """The job in whose name a task is done.

    Attributes:
        id: The job id; ``""`` where the event does not tell.
        arguments: The job's user arguments (schema 2.0), as the model given to
            ``@task_handler(arguments=…)``, else as they came.
    """

    id: str = ""
    arguments: ArgumentsT = cast("ArgumentsT", UserArguments())


class Task(ObjectRef, Generic[ArgumentsT, PayloadT]):
    """One object to be worked on, once, in the name of a job.

    Attributes:
        id: Opaque, of any length: S3 sends more than 1,000 characters.
        job: The job and its user arguments.
        payload: What the key says where the key is JSON, as the model given to
            ``@task_handler(payload=…)``.
    """

    id: str
    job: JobRef[ArgumentsT]
    payload: PayloadT = cast("PayloadT", None)

    @override
    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, short_id(value) if name == "id" else value


class Invocation(NamedTuple):
    """One call of the function.

    Attributes:
        id: Opaque, of any length, to be sent back.
        schema_version: ``"1.0"`` or ``"2.0"``, to be sent back.
        job: The job that all tasks belong to.
        tasks: In the order in which they came. S3 sends one; any number is understood.
    """

    id: str
    schema_version: str
    job: JobRef
    tasks: tuple[Task, ...]

    @override
    def __repr__(self) -> str:
        return (
            f"Invocation(id={short_id(self.id)!r}, schema_version={self.schema_version!r}, "
            f"job={self.job!r}, tasks={self.tasks!r})"
        )


class Outcome(NamedTuple):
    """What became of a task: a code for S3, and a message for the completion report."""

    code: ResultCode
    message: str = ""


class TaskResult(NamedTuple):
    """A task with its outcome."""

    task: Task[Any, Any]
    outcome: Outcome
