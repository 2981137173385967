"""Values, exceptions and loggers of the user that block or exit."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, computed_field, field_validator

from s3batch_handler import Task, task_handler
from tests.support.handlers import LONG, RESERVE, codes_of, invoke_in_time, results_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow


class SlowResult(BaseModel):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def slow(self) -> int:
        time.sleep(LONG)
        return 1


class SlowArguments(BaseModel):
    a: str

    @field_validator("a")
    @classmethod
    def check(cls, value: str) -> str:
        time.sleep(LONG)
        return value


class SlowTextError(Exception):
    def __str__(self) -> str:  # type: ignore[explicit-override]
        time.sleep(LONG)
        return "slow"


def fail_slowly(task: Task) -> None:
    raise SlowTextError


async def fail_slowly_async(task: Task) -> None:
    raise SlowTextError


def test_serializing_the_result_counts_as_time_of_the_task() -> None:
    handler = task_handler(time_reserve=RESERVE)(lambda task: SlowResult())

    assert codes_of(invoke_in_time(handler)) == ["TemporaryFailure"]


def test_reading_arguments_counts_as_time_of_the_task() -> None:
    handler = task_handler(arguments=SlowArguments, time_reserve=RESERVE)(lambda task: "x")

    assert codes_of(invoke_in_time(handler, user_arguments={"a": "b"})) == ["TemporaryFailure"]


def test_reading_the_payload_counts_as_time_of_the_task() -> None:
    handler = task_handler(payload=SlowArguments, time_reserve=RESERVE)(lambda task: "x")

    assert codes_of(invoke_in_time(handler, '{"a": "b"}')) == ["TemporaryFailure"]


@pytest.mark.parametrize("function", [fail_slowly, fail_slowly_async])
def test_an_exception_with_a_slow_text_keeps_its_result(function: Any) -> None:
    """The message lacks the text."""
    handler = task_handler(give_up_on=(SlowTextError,), time_reserve=RESERVE)(function)

    (result,) = invoke_in_time(handler)["results"]

    assert result["resultCode"] == "PermanentFailure"
    assert result["resultString"].startswith("SlowTextError")


def test_a_slow_classify_counts_as_none() -> None:
    def classify(error: BaseException) -> None:
        time.sleep(LONG)

    def fail(task: Task) -> None:
        raise ValueError("wrong")

    (result,) = invoke_in_time(task_handler(classify=classify, time_reserve=RESERVE)(fail))[
        "results"
    ]

    assert (result["resultCode"], result["resultString"][:10]) == ("PermanentFailure", "ValueError")


@pytest.mark.parametrize("method", ["error", "warning", "thread_safe_append_keys"])
@pytest.mark.parametrize("does", [lambda: time.sleep(LONG), sys.exit])
def test_a_logger_that_blocks_or_exits_does_not_delay_the_response(
    method: str, does: Callable[[], None]
) -> None:
    class BadLogger(logging.Logger):
        def thread_safe_get_current_keys(self) -> dict[str, object]:
            return {}

        def thread_safe_append_keys(self, **keys: object) -> None: ...
        def thread_safe_remove_keys(self, keys: object) -> None: ...

    logger = BadLogger("bad")
    setattr(logger, method, lambda *_, **__: does())

    def fail(task: Task) -> None:
        raise ValueError("wrong")

    (result,) = invoke_in_time(task_handler(logger=logger, time_reserve=RESERVE)(fail))["results"]

    assert result["resultCode"] == "PermanentFailure" or "time_reserve" in result["resultString"]


class ExitsAsText(Exception):
    def __str__(self) -> str:  # type: ignore[explicit-override]
        raise SystemExit


class ExitsAsAttribute(Exception):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)  # pytest looks at these when it has the log line
        raise SystemExit(name)


class ExitsAsAnswer(Exception):
    class Response(dict[str, Any]):
        def get(self, *_: object) -> Any:  # type: ignore[explicit-override]
            raise KeyboardInterrupt

    response = Response(Error={"Code": "x"})


class ExitsAsNumber(OSError):
    @property
    def errno(self) -> int:  # type: ignore[override, explicit-override]
        raise GeneratorExit


@pytest.mark.parametrize("kind", [ExitsAsText, ExitsAsAttribute, ExitsAsAnswer, ExitsAsNumber])
@pytest.mark.parametrize("is_async", [False, True])
def test_an_exception_that_exits_when_it_is_described_fails_only_its_task(
    kind: type[Exception], is_async: bool
) -> None:
    def work(task: Task) -> str:
        if task.key == "2":
            raise kind
        return "done"

    async def work_async(task: Task) -> str:
        return work(task)

    response = invoke_in_time(task_handler(work_async if is_async else work), "1", "2", "3")

    assert codes_of(response) == ["Succeeded", "PermanentFailure", "Succeeded"]
    assert kind.__name__ in results_of(response)[1][1]


class ExitsAsClass(Exception):
    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[explicit-override]
        raise SystemExit


class ExitsAsContext(Exception):
    @property
    def __context__(self) -> None:  # type: ignore[override, explicit-override]
        raise SystemExit


class ExitsAsGroup(ExceptionGroup[Exception]):
    @property
    def exceptions(self) -> Any:  # type: ignore[explicit-override]
        raise SystemExit


class NamelessType(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override, explicit-override]
        raise SystemExit


class Nameless(Exception, metaclass=NamelessType): ...


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (ExitsAsClass, ()),
        (ExitsAsContext, ()),
        (ExitsAsGroup, ("several", [ValueError()])),
        (Nameless, ()),
    ],
    ids=["class", "context", "group", "name"],
)
def test_an_exception_that_hides_its_class_fails_only_its_task(kind: Any, arguments: Any) -> None:
    @task_handler
    def handler(task: Task) -> str:
        if task.key == "2":
            raise kind(*arguments)
        return "done"

    response = invoke_in_time(handler, "1", "2", "3")

    assert codes_of(response) == ["Succeeded", "PermanentFailure", "Succeeded"]
    assert results_of(response)[1][1]
