"""What type checkers know of handlers. This file is read by them and never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import (
    BasePersistenceLayer,
    DynamoDBPersistenceLayer,
)
from pydantic import BaseModel

from s3batch_handler import (
    JobRef,
    ObjectRef,
    Outcome,
    PermanentFailure,
    ResultCode,
    Task,
    TaskCrashed,
    TaskHandler,
    task_handler,
)
from s3batch_handler.core._model import Location
from s3batch_handler.testing import make_context, make_event, make_task


class CopyArguments(BaseModel):
    target: str


class Instruction(BaseModel):
    source: str
    width: int


class CopyResult(BaseModel):
    etag: str


# ---------------------------------------------------------------- bare


@task_handler
def bare(task: Task) -> str:
    assert_type(task.key, str)
    assert_type(task.version_id, str | None)
    assert_type(task.location, Location)
    assert_type(task.job.arguments, Mapping[str, str])
    assert_type(task.payload, None)
    return task.key


@task_handler
async def bare_async(task: Task) -> CopyResult:
    return CopyResult(etag=task.key)


assert_type(bare, TaskHandler[Mapping[str, str], None])
assert_type(bare_async, TaskHandler[Mapping[str, str], None])

# ---------------------------------------------------------------- with options


@task_handler(concurrency=4, unexpected="raise", on_timeout=ResultCode.PERMANENT_FAILURE)
def with_options(task: Task) -> dict[str, int]:
    return {"size": len(task.key)}


@task_handler(isolation="process", isolation_memory=512, retry_on=(TaskCrashed,))
def isolated(task: Task) -> str:
    return task.key


@task_handler()
def without_any_option(task: Task) -> Outcome:
    return Outcome(ResultCode.SUCCEEDED, task.key)


@task_handler(arguments=CopyArguments)
def with_arguments(task: Task[CopyArguments]) -> None:
    assert_type(task.job.arguments, CopyArguments)
    assert_type(task.job.arguments.target, str)
    assert_type(task.payload, None)


@task_handler(payload=Instruction)
def with_payload(task: Task[Mapping[str, str], Instruction]) -> None:
    assert_type(task.payload, Instruction)
    assert_type(task.payload.width, int)
    assert_type(task.job.arguments["target"], str)


@task_handler(arguments=CopyArguments, payload=Instruction)
def with_both(task: Task[CopyArguments, Instruction]) -> CopyResult:
    assert_type(task.job.arguments, CopyArguments)
    assert_type(task.payload, Instruction)
    return CopyResult(etag=task.job.arguments.target)


@task_handler(arguments=CopyArguments, payload=Instruction, time_reserve=2.0)
async def with_both_async(task: Task[CopyArguments, Instruction]) -> str:
    assert_type(task.job.arguments.target, str)
    return task.payload.source


assert_type(with_options, TaskHandler[Mapping[str, str], None])
assert_type(without_any_option, TaskHandler[Mapping[str, str], None])
assert_type(with_arguments, TaskHandler[CopyArguments, None])
assert_type(with_payload, TaskHandler[Mapping[str, str], Instruction])
assert_type(with_both, TaskHandler[CopyArguments, Instruction])
assert_type(with_both_async, TaskHandler[CopyArguments, Instruction])


@task_handler(arguments=CopyArguments)
def any_task_will_do(task: Task[Any, Any]) -> None:
    raise PermanentFailure(task.key)


# ---------------------------------------------------------------- idempotency


def key_of_source(task: Task[CopyArguments, Instruction]) -> str | None:
    return task.payload.source or None


@task_handler(
    arguments=CopyArguments,
    payload=Instruction,
    idempotency=DynamoDBPersistenceLayer("table"),
    idempotency_key=key_of_source,
)
def with_idempotency(task: Task[CopyArguments, Instruction]) -> None: ...


def with_any_layer(layer: BasePersistenceLayer) -> TaskHandler:
    @task_handler(idempotency=layer, idempotency_key=lambda task: task.key)
    def handler(task: Task) -> None: ...

    return handler


# ---------------------------------------------------------------- calling them

assert_type(bare(make_event("a"), make_context()), dict[str, Any])
assert_type(bare_async(make_event("a")), dict[str, Any])
assert_type(bare.run(make_task("a")), Outcome)
assert_type(with_both_async.run(make_task("a")), Outcome)

# ---------------------------------------------------------------- values

photo = ObjectRef(bucket="b", key="k")
typed_task = Task(
    bucket="b", key="k", id="i", job=JobRef(arguments=CopyArguments(target="x")), payload=None
)
assert_type(photo.replace(key="x"), ObjectRef)
assert_type(typed_task, Task[CopyArguments, None])
assert_type(typed_task.replace(key="x").job.arguments, CopyArguments)
assert_type({photo: 1}, dict[ObjectRef, int])


class Page(BaseModel):
    tasks: list[Task[CopyArguments]]


assert_type(Page(tasks=[]).tasks[0].job.arguments.target, str)

# ---------------------------------------------------------------- with decorators on top
#
# Powertools' own types of `log_metrics` and `capture_lambda_handler` keep less.


@Logger().inject_lambda_context
@task_handler(arguments=CopyArguments)
def decorated(task: Task[CopyArguments]) -> tuple[ResultCode, str]:
    return ResultCode.PERMANENT_FAILURE, task.job.arguments.target


assert_type(decorated, TaskHandler[CopyArguments, None])
assert_type(decorated.run(make_task("a")), Outcome)

# ---------------------------------------------------------------- mistakes
#
# If one of these were no error, the comment would be one: "unused type: ignore".


@task_handler(arguments=CopyArguments)  # type: ignore[arg-type]
def arguments_forgotten(task: Task) -> None: ...


@task_handler  # type: ignore[arg-type]
def arguments_not_given(task: Task[CopyArguments]) -> None: ...


@task_handler(payload=Instruction)  # type: ignore[arg-type]
def payload_mistaken_for_arguments(task: Task[Instruction]) -> None: ...


@task_handler(payload=Instruction)  # type: ignore[arg-type]
async def another_payload(task: Task[Mapping[str, str], CopyArguments]) -> None: ...


@task_handler(strikt=True)  # type: ignore[call-overload, untyped-decorator]
def option_misspelled(task: Task) -> None: ...


@task_handler(on_timeout="TemporaryFailure")  # type: ignore[call-overload, untyped-decorator]
def text_for_a_code(task: Task) -> None: ...


@task_handler(idempotency="table")  # type: ignore[call-overload, untyped-decorator]
def name_for_a_layer(task: Task) -> None: ...


@task_handler  # type: ignore[arg-type]
def no_parameter() -> None: ...


def argument_misspelled(task: Task[CopyArguments]) -> str:
    return task.job.arguments.tarket  # type: ignore[attr-defined, no-any-return]


def changing_arguments(task: Task) -> None:
    task.job.arguments["target"] = "b"  # type: ignore[index]


photo.key = "x"  # type: ignore[misc]
ObjectRef("b", "k")  # type: ignore[call-arg]
ObjectRef(bucket="b")  # type: ignore[call-arg]
