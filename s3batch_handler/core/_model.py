"""The data that S3 Batch Operations and a Lambda function exchange.

Events are validated when they are parsed, so these classes do not check their fields.
:class:`Invocation`, :class:`Outcome` and :class:`TaskResult` only combine values, so they are named
tuples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import GenericAlias

from s3batch_handler.core._typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    NamedTuple,
    NoReturn,
    Self,
    TypedDict,
    TypeVar,
    override,
)
from s3batch_handler.core._value import Value, set_field

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


class Location(TypedDict, total=False):
    """The keyword arguments of boto3 for an object: ``get_object(**task.location)``."""

    Bucket: str
    Key: str
    VersionId: str


class ObjectRef(Value):
    """An object, as one line of a manifest names it.

    Attributes:
        bucket: The ``Bucket`` of boto3: a bucket name, or the ARN of an access point.
        key: The decoded key, as it is in the bucket.
        version_id: ``None`` for the latest version at the time of the call; ``"null"`` for the
            version that was written while the bucket had no versioning.
    """

    __slots__ = ("bucket", "key", "version_id")

    bucket: str
    key: str
    version_id: str | None

    def __init__(self, *, bucket: str, key: str, version_id: str | None = None) -> None:
        set_field(self, "bucket", bucket)
        set_field(self, "key", key)
        set_field(self, "version_id", version_id)

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


_NO_ARGUMENTS: Final[Any] = UserArguments()
_NO_PAYLOAD: Final[Any] = None


def _with_default_models(cls: type, models: Any, defaults: tuple[Any, ...]) -> GenericAlias:
    """Return the type ``cls[models]``, with defaults for the models that are missing."""
    given = models if isinstance(models, tuple) else (models,)
    if len(given) > len(defaults):
        raise TypeError(f"{cls.__name__}[…] takes {len(defaults)} at most, got {len(given)}")
    return GenericAlias(cls, (*given, *defaults[len(given) :]))


class JobRef(Value, Generic[ArgumentsT]):
    """The job to which a task belongs.

    Attributes:
        id: The job ID; ``""`` if the event has none.
        arguments: The job's user arguments (schema 2.0), parsed by the model of
            ``@task_handler(arguments=…)``, if there is one.
    """

    __slots__ = ("id", "arguments")

    id: str
    arguments: ArgumentsT

    def __init__(self, *, id: str = "", arguments: ArgumentsT = _NO_ARGUMENTS) -> None:
        set_field(self, "id", id)
        set_field(self, "arguments", arguments)

    if not TYPE_CHECKING:

        def __class_getitem__(cls, models):
            """Return the type for a model: ``JobRef[Arguments]``."""
            return _with_default_models(cls, models, (Mapping[str, str],))


class Task(ObjectRef, Generic[ArgumentsT, PayloadT]):
    """One object that a job processes.

    Attributes:
        id: An opaque text of any length: S3 sends more than 1,000 characters.
        job: The job and its user arguments.
        payload: The content of a key that is JSON, parsed by the model of
            ``@task_handler(payload=…)``.
    """

    __slots__ = ("id", "job", "payload")

    id: str
    job: JobRef[ArgumentsT]
    payload: PayloadT

    def __init__(
        self,
        *,
        bucket: str,
        key: str,
        version_id: str | None = None,
        id: str,
        job: JobRef[ArgumentsT],
        payload: PayloadT = _NO_PAYLOAD,
    ) -> None:
        super().__init__(bucket=bucket, key=key, version_id=version_id)
        set_field(self, "id", id)
        set_field(self, "job", job)
        set_field(self, "payload", payload)

    @override
    def _shown(self) -> Iterator[tuple[str, object]]:
        for name, value in super()._shown():
            yield name, short_id(value) if name == "id" else value

    if not TYPE_CHECKING:

        def __class_getitem__(cls, models):
            """Return the type for one model or two: ``Task[Arguments, Payload]``."""
            return _with_default_models(cls, models, (Mapping[str, str], None))


class _NewTask(ObjectRef):
    """A task whose fields are being set."""

    __slots__ = Task.__slots__

    if not TYPE_CHECKING:
        __setattr__, __delattr__ = object.__setattr__, object.__delattr__


def new_task(bucket: str, key: str, version_id: str | None, id: str, job: JobRef) -> Task:
    """Create a task without a payload, like :class:`Task` but five times as fast.

    Setting a field of an immutable object is slow, so the object becomes immutable only at the end.
    Both classes have the same layout.
    """
    task: Any = _NewTask.__new__(_NewTask)
    task.bucket = bucket
    task.key = key
    task.version_id = version_id
    task.id = id
    task.job = job
    task.payload = None
    task.__class__ = Task
    return task  # type: ignore[no-any-return]


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
