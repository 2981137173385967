"""The data that S3 Batch Operations and a Lambda function exchange.

Objects, tasks and jobs are frozen pydantic models, because their fields come from outside and are
validated. :class:`Invocation`, :class:`Outcome` and :class:`TaskResult` only combine such models,
so they are named tuples, which are faster to create.
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
"""The type of ``task.job.arguments``: the user's model, or a mapping of texts by default."""

PayloadT = TypeVar("PayloadT", default=None, covariant=True)
"""The type of ``task.payload``: the user's model, or ``None`` by default."""


def short_id(opaque: object) -> str:
    """Shorten an opaque ID for display: S3's IDs have more than 1,000 characters.

    Both ends are kept, because the IDs of S3 begin alike.
    """
    text = str(opaque)
    return text if len(text) <= 24 else f"{text[:8]}…{text[-8:]}"


class ResultCode(StrEnum):
    """The result of a task, as in the response to S3 Batch Operations."""

    SUCCEEDED = "Succeeded"
    TEMPORARY_FAILURE = "TemporaryFailure"
    PERMANENT_FAILURE = "PermanentFailure"


class FrozenModel(BaseModel):
    """The base of all models here: a value that is compared by content and never changed."""

    # An event is validated as a whole, so in Lambda most of these classes never need their own
    # validator. To build one takes a third of a millisecond of each cold start.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    _field_names: ClassVar[set[str]] = set()

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls._field_names = set(cls.model_fields)

    @classmethod
    def from_valid(cls, fields: dict[str, Any]) -> Self:
        """Create a model from all its ``fields``, which are valid, without a copy of the dict.

        Only this library uses it; users call the class. It is five times as fast as
        :meth:`pydantic.BaseModel.model_construct`.
        """
        model = cls.__new__(cls)
        _set = object.__setattr__
        _set(model, "__dict__", fields)
        _set(model, "__pydantic_fields_set__", cls._field_names)
        _set(model, "__pydantic_extra__", None)
        _set(model, "__pydantic_private__", None)
        return model


class Location(TypedDict, total=False):
    """The keyword arguments of boto3 for an object: ``get_object(**task.location)``."""

    Bucket: str
    Key: str
    VersionId: str


class ObjectRef(FrozenModel):
    """An object, as one line of a manifest names it.

    Attributes:
        bucket: The ``Bucket`` of boto3: a bucket name, or the ARN of an access point.
        key: The decoded key, as it is in the bucket.
        version_id: ``None`` for the latest version at the time of the call; ``"null"`` for the
            version that was written while the bucket had no versioning.
    """

    bucket: str
    key: str
    version_id: str | None = None

    @property
    def location(self) -> Location:
        """Return ``Bucket``, ``Key`` and, if there is one, ``VersionId``."""
        location = Location(Bucket=self.bucket, Key=self.key)
        if self.version_id is not None:
            location["VersionId"] = self.version_id
        return location


class UserArguments(dict[str, str]):
    """The user arguments of a job: a read-only dict, because all tasks share it.

    It is a ``dict`` because boto3 (``Metadata=task.job.arguments``) and ``json`` require one.
    """

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "the job's arguments are read-only. Change a copy: dict(task.job.arguments)"
        )

    if not TYPE_CHECKING:  # type checkers use Mapping
        __setitem__ = __delitem__ = __ior__ = _refuse
        clear = pop = popitem = setdefault = update = _refuse

    @override
    def __hash__(self) -> int:  # type: ignore[override]  # unlike a dict, it never changes
        return hash(frozenset(self.items()))

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, str]]]:
        return type(self), (dict(self),)


class JobRef(FrozenModel, Generic[ArgumentsT]):
    """The job to which a task belongs.

    Attributes:
        id: The job ID; ``""`` if the event has none.
        arguments: The job's user arguments (schema 2.0), parsed by the model of
            ``@task_handler(arguments=…)``, if there is one.
    """

    id: str = ""
    arguments: ArgumentsT = cast("ArgumentsT", UserArguments())


class Task(ObjectRef, Generic[ArgumentsT, PayloadT]):
    """One object that a job processes.

    Attributes:
        id: An opaque text of any length: S3 sends more than 1,000 characters.
        job: The job and its user arguments.
        payload: The content of a key that is JSON, parsed by the model of
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
    """One invocation of the function.

    Attributes:
        id: An opaque text of any length, which the response repeats.
        schema_version: ``"1.0"`` or ``"2.0"``, which the response repeats.
        job: The job to which all tasks belong.
        tasks: In the order of the event. S3 sends one task; any number is accepted.
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
    """The outcome of a task: a code for S3, and a message for the completion report."""

    code: ResultCode
    message: str = ""


class TaskResult(NamedTuple):
    """A task with its outcome."""

    task: Task[Any, Any]
    outcome: Outcome
