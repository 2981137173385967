"""Options of ``@task_handler``, and which values are refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import GenericAlias
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ConfigDict

from s3batch_handler import ResultCode, task_handler
from s3batch_handler.testing import make_event, make_task
from tests.support.handlers import decorate, raising, results_of

if TYPE_CHECKING:
    from undefined_module import Undefined  # type: ignore[import-not-found]


def test_an_invalid_option_is_refused_by_name(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, type[Exception], str]] = [
        ({"retry": (KeyError,)}, TypeError, "no option retry"),
        (
            {"strickt": True, "on_time_out": ResultCode.TEMPORARY_FAILURE},
            TypeError,
            "no option on_time_out, strickt",
        ),
        (
            {"retry_on": ("KeyError",)},
            TypeError,
            "retry_on takes exception classes, got 'KeyError'",
        ),
        ({"give_up_on": 404}, TypeError, "give_up_on takes exception classes, got 404"),
        ({"classify": "never"}, TypeError, "classify"),
        ({"unexpected": "ignore"}, ValueError, "ignore"),
        ({"on_timeout": "Done"}, ValueError, "Done"),
        ({"treat_missing_keys_as": None}, ValueError, "None"),
        ({"task_timeout": 0}, ValueError, "task_timeout is 0: it must be more than 0"),
        ({"task_timeout": -1}, ValueError, "task_timeout is -1"),
        ({"task_timeout": math.nan}, ValueError, "task_timeout is nan"),
        ({"task_timeout": "5"}, TypeError, "task_timeout is '5': it must be a number"),
        ({"time_reserve": -1}, ValueError, "time_reserve is -1: it must be at least 0"),
        ({"time_reserve": None}, TypeError, "time_reserve is None"),
        ({"concurrency": 0}, ValueError, "concurrency is 0: it must be at least 1"),
        ({"concurrency": math.nan}, TypeError, "concurrency is nan"),
        ({"concurrency": None}, TypeError, "concurrency is None"),
        ({"concurrency": 2.7}, TypeError, "concurrency is 2.7: it must be a whole number"),
        ({"concurrency": True}, TypeError, "concurrency is True: it must be a whole number"),
        ({"strict": "false"}, TypeError, "strict is 'false': it must be True or False"),
        ({"strict": None}, TypeError, "strict is None"),
        ({"isolation": "thread"}, ValueError, "isolation is 'thread': it must be 'signal' or"),
        ({"isolation": None}, ValueError, "isolation is None"),
        (
            {"isolation_memory": 512},
            TypeError,
            'isolation_memory requires isolation="process"',
        ),
        (
            {"isolation": "process", "isolation_memory": 0},
            ValueError,
            "isolation_memory is 0: it must be more than 0",
        ),
        (
            {"isolation": "process", "isolation_memory": "512"},
            TypeError,
            "isolation_memory is '512': it must be a number",
        ),
    ]
    for options, error, says in cases:
        with subtests.test(options=options), pytest.raises(error, match=says):
            decorate(**options)(lambda task: None)


def test_exception_classes_may_be_one_class_or_any_collection(subtests: pytest.Subtests) -> None:
    cases: list[Any] = [KeyError, (KeyError,), [KeyError], {KeyError}]
    for single in cases:
        with subtests.test(single=single):
            response = task_handler(retry_on=single)(raising(KeyError("a")))(make_event("a"), None)

            assert [code for code, _ in results_of(response)] == ["TemporaryFailure"]


def test_a_misspelled_option_suggests_the_nearest_names(subtests: pytest.Subtests) -> None:
    """If no name is similar, all names are listed."""
    for option, says in [
        ("time_reserv", "no option time_reserv. Did you mean time_reserve?"),
        ("TaskTimeout", "Did you mean task_timeout"),
        ("timeout", "Did you mean on_timeout or task_timeout?"),
        ("retry", "Did you mean retry_on?"),
        ("argument", "Did you mean arguments?"),
        ("payloads", "Did you mean payload?"),
        ("treat_missing_keys", "Did you mean treat_missing_keys_as?"),
        ("xyz", "Its options are arguments, classify, concurrency"),
    ]:
        with subtests.test(option=option):
            with pytest.raises(TypeError) as caught:
                decorate(**{option: 1})(lambda task: None)

            assert says in str(caught.value)


@dataclass
class Arguments:
    target: str


class NeverResolved(BaseModel):
    target: Undefined


class ResolvedLater(BaseModel):
    parts: list[Part]


class Part(BaseModel):
    number: int
    smaller: Part | None = None


class Deferred(BaseModel):
    model_config = ConfigDict(defer_build=True)

    number: int


class DeferredForGood(NeverResolved):
    model_config = ConfigDict(defer_build=True)


def test_a_model_that_cannot_be_used_is_refused(subtests: pytest.Subtests) -> None:
    """The error is raised by the decorator, before any task runs."""
    models: list[tuple[Any, str]] = [
        (NeverResolved, "NeverResolved: .*Undefined.*Define or import"),
        (DeferredForGood, "DeferredForGood: .*Undefined.*Define or import"),
        (GenericAlias(list, ("Missing",)), "Missing.*Define or import"),
        (5, "=5: Unable to generate pydantic-core schema for 5"),
        (property, "property: Unable to generate"),
    ]
    for option in ["arguments", "payload"]:
        for model, says in models:
            with (
                subtests.test(option=option, model=model),
                pytest.raises(TypeError, match=f"task_handler cannot use {option}={says}|{says}"),
            ):
                decorate(**{option: model})(lambda task: None)


def test_a_model_that_names_others_is_resolved(subtests: pytest.Subtests) -> None:
    """Recursive and deferred models work; names in quotes are those of the user's module."""
    cases: list[tuple[Any, str, Any]] = [
        (ResolvedLater, '{"parts": [{"number": 1}]}', ResolvedLater(parts=[Part(number=1)])),
        (Part, '{"number": 1, "smaller": {"number": 2}}', Part(number=1, smaller=Part(number=2))),
        (Deferred, '{"number": 1}', Deferred(number=1)),
        (list["Part"], '[{"number": 1}]', [Part(number=1)]),
        (Arguments, '{"target": "x"}', Arguments("x")),
        (dict[str, int], '{"a": 1}', {"a": 1}),
    ]
    for model, key, value in cases:
        with subtests.test(model=model):
            seen = []

            decorate(payload=model)(lambda task: seen.append(task.payload)).run(make_task(key))

            assert seen == [value]


def test_names_in_quotes_may_be_local_to_a_function() -> None:
    class Local(BaseModel):
        number: int

    handler = decorate(payload=list["Local"])(lambda task: task.payload[0].number)

    assert handler.run(make_task('[{"number": 7}]')).message == "7"
