"""Failures that a function returns, in any of their forms."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import json
import types
from typing import Any, NamedTuple

import pydantic.dataclasses
import pytest
from aws_lambda_powertools.utilities.data_classes.s3_batch_operation_event import (
    S3BatchOperationResponse,
    S3BatchOperationResponseRecord,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from s3batch_handler import Outcome, PermanentFailure, ResultCode, TaskResult
from s3batch_handler.handler._results import outcome_of
from s3batch_handler.testing import make_task

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


TASK = make_task("a")
OTHER = make_task("b")
NO = {"resultCode": "PermanentFailure", "resultString": "no"}
RECORD = S3BatchOperationResponseRecord(TASK.id, "PermanentFailure", "no")
UNKNOWN_CODE: Any = "Failed"


def response(*results: Any) -> S3BatchOperationResponse:
    return S3BatchOperationResponse("1.0", "an invocation", "Succeeded", [*results])


class Text(str):
    __slots__ = ()


class ResultModel(BaseModel):  # AWS's names
    taskId: str = TASK.id
    resultCode: ResultCode = PERMANENT
    resultString: str = "no"


class AliasedResult(BaseModel):
    code: str = Field(default="PermanentFailure", serialization_alias="resultCode")
    message: str = Field(default="no", serialization_alias="resultString")


@dataclasses.dataclass
class ResultDataclass:
    resultCode: str = "PermanentFailure"
    resultString: str = "no"


class NamedResult(NamedTuple):
    taskId: str = TASK.id
    resultCode: str = "PermanentFailure"
    resultString: str = "no"


class Status(enum.Enum):
    FAILED = "PermanentFailure"
    DONE = "Succeeded"


def test_a_failure_is_recognized_in_each_form(subtests: pytest.Subtests) -> None:
    """AWS, Powertools and tuples have different forms."""
    cases: list[Any] = [
        # outcomes
        (PERMANENT, "no"),
        [PERMANENT, "no"],
        ("PermanentFailure", "no"),
        {"code": PERMANENT, "message": "no"},
        {"code": "PermanentFailure", "message": "no"},
        [Outcome(PERMANENT, "no")],
        TaskResult(TASK, Outcome(PERMANENT, "no")),
        # a result of AWS
        NO,
        NO | {"taskId": TASK.id},
        NO | {"taskId": None},
        NO | {"resultCode": PERMANENT},
        NO | {"rows": 5},
        types.MappingProxyType(NO),
        [NO],
        (NO,),
        ResultModel(),
        [ResultModel()],
        AliasedResult(),
        [AliasedResult()],
        ResultDataclass(),
        NamedResult(),
        # a response of AWS
        {"invocationSchemaVersion": "2.0", "invocationId": "i", "results": [NO]},
        {"treatMissingKeysAs": "Succeeded", "results": [NO | {"taskId": TASK.id}]},
        {"invocationId": "i", "results": (ResultModel(),)},
        {"results": [NO]},
        {"results": collections.deque([NO])},
        {"invocationId": "i", "results": collections.UserList([ResultModel()])},
        # of Powertools
        RECORD,
        RECORD.asdict(),
        dataclasses.asdict(RECORD),
        [RECORD],
        response(RECORD),
        response(RECORD).asdict(),
        dataclasses.asdict(response(RECORD)) | {"results": [RECORD]},
        dataclasses.asdict(response(RECORD)),
        [dataclasses.asdict(RECORD)],
        dataclasses.asdict(RECORD) | {"rows": 5},
        json.dumps(dataclasses.asdict(RECORD)),
        json.dumps(dataclasses.asdict(response(RECORD))),
    ]
    for value in cases:
        with subtests.test(value=value):
            assert outcome_of(value, TASK) == Outcome(PERMANENT, "no")


def test_a_code_alone_and_any_message_are_recognized(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, Outcome]] = [
        ("PermanentFailure", Outcome(PERMANENT)),
        ("TemporaryFailure", Outcome(TEMPORARY)),
        (Text("TemporaryFailure"), Outcome(TEMPORARY)),
        (Status.FAILED, Outcome(PERMANENT)),
        ((TEMPORARY,), Outcome(TEMPORARY)),
        ((TEMPORARY, None), Outcome(TEMPORARY)),
        ((TEMPORARY, {"a": 1}), Outcome(TEMPORARY, '{"a":1}')),
        ((SUCCEEDED, "done"), Outcome(SUCCEEDED, "done")),
        (json.dumps(NO), Outcome(PERMANENT, "no")),
        (Text(json.dumps([NO], indent=2)), Outcome(PERMANENT, "no")),
        (json.dumps(response(RECORD).asdict()), Outcome(PERMANENT, "no")),
        ({"code": TEMPORARY}, Outcome(TEMPORARY)),
        ({"resultCode": "TemporaryFailure"}, Outcome(TEMPORARY)),
        ({"resultCode": "TemporaryFailure", "resultString": None}, Outcome(TEMPORARY)),
        ({"resultCode": "Succeeded", "resultString": {"a": 1}}, Outcome(SUCCEEDED, '{"a":1}')),
        ({"result_code": "TemporaryFailure"}, Outcome(TEMPORARY)),
        (
            {"task_id": TASK.id, "result_code": "Succeeded", "result_string": "done"},
            Outcome(SUCCEEDED, "done"),
        ),
        (Outcome(TEMPORARY, PERMANENT), Outcome(TEMPORARY, "PermanentFailure")),
    ]
    for value, outcome in cases:
        with subtests.test(value=value):
            made = outcome_of(value, TASK)

            assert made == outcome
            assert type(made.code) is ResultCode
            assert type(made.message) is str


def test_a_result_that_does_not_fit_the_task_is_refused(subtests: pytest.Subtests) -> None:
    """Forms of AWS and outcomes are never data."""
    cases: list[tuple[Any, str]] = [
        ((PERMANENT, "no", 5), "a tuple with a ResultCode.*Return one Outcome"),
        (("no", PERMANENT), "a tuple with a ResultCode"),
        (["no", PERMANENT], "a list with a ResultCode"),
        ((SUCCEEDED, PERMANENT), "a tuple with a ResultCode"),
        ((True, Outcome(PERMANENT, "no")), "a tuple with a ResultCode or an Outcome"),
        ([Outcome(SUCCEEDED), Outcome(PERMANENT)], "a list with a ResultCode or an Outcome"),
        (TaskResult(OTHER, Outcome(SUCCEEDED)), "a TaskResult of another task"),
        (TaskResult(TASK, Outcome("Done")), "not a valid ResultCode"),  # type: ignore[arg-type]
        (Outcome(Outcome(PERMANENT)), "not a valid ResultCode"),  # type: ignore[arg-type]
        (Outcome("no", PERMANENT), "'no' is not a valid ResultCode"),  # type: ignore[arg-type]
        (NO | {"resultCode": "Failed"}, "resultCode: expected one of Succeeded, .*got 'Failed'"),
        (NO | {"resultCode": "permanentFailure"}, "resultCode: expected one of"),
        (NO | {"resultCode": None}, "resultCode: expected one of .*got null"),
        ({"resultCode": 0, "rows": 5}, "resultCode: expected one of .*got a number"),
        ({"resultCode": "Succeeded", "taskId": OTHER.id}, "taskId: not the ID of the task"),
        ({"resultCode": "Succeeded", "taskId": 5}, "taskId: not the ID of the task"),
        ([NO, NO], "results: expected one for the task, got 2"),
        ([{"resultCode": "Succeeded"}, "x"], "results: expected one for the task, got 2"),
        ({"invocationId": "i", "results": []}, "results: expected one for the task, got 0"),
        ({"invocationId": "i", "results": [5]}, "results: expected one for the task"),
        ({"results": [{"resultCode": "Succeeded"}] * 2}, "expected one for the task, got 2"),
        ({"results": NO}, "results: expected a list, got an object"),
        ({"invocationSchemaVersion": "1.0", "results": None}, "results: expected a list, got null"),
        ({"treatMissingKeysAs": "PermanentFailure"}, "results: expected a list"),
        (response(), "results: expected one for the task, got 0"),
        (response(RECORD, RECORD), "results: expected one for the task, got 2"),
        (
            S3BatchOperationResponseRecord(TASK.id, UNKNOWN_CODE, "no"),
            "resultCode: expected one of",
        ),
        (
            response(S3BatchOperationResponseRecord(TASK.id, UNKNOWN_CODE, "")),
            "resultCode: expected",
        ),
        ({"treat_missing_keys_as": "Succeeded"}, "results: expected a list, got null"),
        ({"invocation_id": "i", "results": []}, "results: expected one for the task, got 0"),
        (
            response(S3BatchOperationResponseRecord(OTHER.id, "Succeeded", "")),
            "taskId: not the ID of the task",
        ),
    ]
    for value, says in cases:
        with subtests.test(value=value):
            with pytest.raises(PermanentFailure, match=says) as caught:
                outcome_of(value, TASK)

            assert str(caught.value).startswith("the function returned")


def test_data_that_contains_words_of_aws_stays_data(subtests: pytest.Subtests) -> None:
    cases: list[Any] = [
        {"results": [1, 2]},
        {"results": []},
        {"results": [{"code": "PermanentFailure"}]},
        {"results": {"a": 1}},
        {"a": ["PermanentFailure", {"PermanentFailure": PERMANENT.value}]},
        {"code": "E404", "message": "no"},
        {"code": "PermanentFailure", "message": "no", "rows": 5},
        {"result_code": "E404"},
        {"result_code": "Succeeded", "rows": 5},
        {"invocation_id": "i", "rows": 5},
        {"taskId": "a", "resultString": "no"},
        {"api": NO},
        {"api": [NO]},
        {"api": ["PermanentFailure", "no"]},
        {"invocationId": "i"},
        [[NO]],
        ["Succeeded", "Succeeded", "PermanentFailure"],
        ["a", "PermanentFailure"],
        ["E404", "no"],
        [],
        [{"a": 1}],
        [["PermanentFailure"]],
    ]
    for value in cases:
        with subtests.test(value=value):
            outcome = outcome_of(value, TASK)

            assert outcome.code is SUCCEEDED
            assert json.loads(outcome.message) == value


def test_json_text_that_is_not_the_result_of_a_failure_stays_text(
    subtests: pytest.Subtests,
) -> None:
    """A function may return the JSON that another service sent."""
    for text in [
        '{"resultCode": "Succeeded", "resultString": "fine"}',
        '{"code": "PermanentFailure", "message": "no"}',
        '{"resultCode": "PermanentFailure"',
        '"PermanentFailure resultCode"',
    ]:
        with subtests.test(text=text):
            assert outcome_of(text, TASK) == Outcome(SUCCEEDED, text)


class NamedResponse(NamedTuple):
    invocationId: str
    results: list[Any]


def test_a_result_of_another_task_is_refused_in_each_form(subtests: pytest.Subtests) -> None:
    """It would be reported for the wrong object."""
    wrong = NO | {"taskId": OTHER.id}
    cases: list[Any] = [
        wrong,
        [wrong],
        json.dumps(wrong),
        json.dumps([wrong]),
        Text(json.dumps(wrong)),
        NamedResult(taskId=OTHER.id),
        NamedResponse("i", [wrong]),
    ]
    for value in cases:
        with (
            subtests.test(value=value),
            pytest.raises(PermanentFailure, match="taskId: not the ID of the task"),
        ):
            outcome_of(value, TASK)


def test_the_message_of_a_failure_is_read_up_to_10000_characters() -> None:
    """Redaction of a megabyte takes seconds."""
    outcome = outcome_of((TEMPORARY, "x" * 20_000), TASK)

    assert len(outcome.message) == 10_000


def test_refused_values_are_named_with_what_to_return(subtests: pytest.Subtests) -> None:
    """The message appears in the report, and is often all that a user sees."""
    data = 'To return data in this form, put it into another object: {"data": …}'
    response = "the function returned an invalid response to S3"
    cases: list[tuple[Any, tuple[str, ...]]] = [
        (
            Report(),
            (
                "the function returned a value (Report) that contains the ResultCode of a failure",
                "or an Outcome. Return Outcome(code, message) if the task failed, or code.value",
                "in place of a ResultCode that is data",
            ),
        ),
        (
            [PERMANENT, "a", "b"],
            (
                "the function returned a list with a ResultCode or an Outcome in it, but not",
                "(ResultCode, message). Return one Outcome for the task",
            ),
        ),
        (
            NO | {"taskId": OTHER.id},
            (
                f"{response}: taskId: not the ID of the task. Return task.id, or leave it out.",
                data,
            ),
        ),
        (
            {"resultCode": "x" * 60},
            (
                f"{response}: resultCode: expected one of Succeeded, TemporaryFailure,",
                f"PermanentFailure, got '{'x' * 50}'.",
                data,
            ),
        ),
    ]
    for value, lines in cases:
        with subtests.test(value=value):
            with pytest.raises(PermanentFailure) as caught:
                outcome_of(value, TASK)

            assert str(caught.value) == " ".join(lines)


def test_the_id_of_an_unknown_task_is_not_compared() -> None:
    assert outcome_of(NO | {"taskId": "any"}) == Outcome(PERMANENT, "no")


FAILURES = st.sampled_from([TEMPORARY, PERMANENT])


@given(
    FAILURES,
    st.text(),
    st.sampled_from(
        [
            Outcome,
            lambda code, text: (code, text),
            lambda code, text: [code, text],
            lambda code, text: [text, code],
            lambda code, text: (code, text, text),
            lambda code, text: {"code": code, "message": text},
            lambda code, text: {"resultCode": code.value, "resultString": text},
            lambda code, text: {"resultCode": code.value, "taskId": text},
            lambda code, text: {"resultCode": text},
            lambda code, text: {"results": [{"resultCode": code.value, "resultString": text}]},
            lambda code, text: [{"resultCode": code.value}, text],
            lambda code, text: {"treatMissingKeysAs": text, "results": [text]},
            lambda code, text: S3BatchOperationResponseRecord(text, code.value, text),
            lambda code, text: code.value,
            lambda code, text: {code},
        ]
    ),
)
def test_a_failure_is_never_a_success(code: ResultCode, text: str, make: Any) -> None:
    """The task fails with its own code, or because the value is refused."""
    try:
        outcome = outcome_of(make(code, text), TASK)
    except PermanentFailure:
        return

    assert outcome.code is code or text in {"Succeeded", "TemporaryFailure", "PermanentFailure"}


class Report(BaseModel):
    status: ResultCode = PERMANENT


@dataclasses.dataclass(slots=True)
class ReportDataclass:
    status: ResultCode = PERMANENT


@pydantic.dataclasses.dataclass
class PydanticReport:
    status: ResultCode = PERMANENT


class ArrayOfCodes:
    """An array of another library."""

    def tolist(self) -> list[ResultCode]:
        return [PERMANENT]


@given(
    st.recursive(
        st.sampled_from(
            [
                PERMANENT,
                TEMPORARY,
                Outcome(PERMANENT, "no"),
                TaskResult(TASK, Outcome(PERMANENT, "no")),
                Report(),
                ReportDataclass(),
                PydanticReport(),
                ArrayOfCodes(),
            ]
        ),
        lambda values: st.one_of(
            values.map(lambda value: {"a": 1, "b": value}),
            values.map(lambda value: [1, value]),
            values.map(lambda value: (value, "no")),
            values.map(lambda value: collections.deque([1, value])),
            values.map(lambda value: types.MappingProxyType({"a": value})),
        ),
        max_leaves=4,
    )
)
def test_a_result_code_of_a_failure_inside_a_value_is_refused(value: Any) -> None:
    """It is a mistake at any depth."""
    with pytest.raises(PermanentFailure, match="that contains the ResultCode of a failure"):
        outcome_of({"k": value}, TASK)


def test_a_result_code_of_a_failure_in_a_key_or_field_is_refused(subtests: pytest.Subtests) -> None:
    cases: list[Any] = [{PERMANENT: 1}, [(PERMANENT, "no")], Report(), (SUCCEEDED, [PERMANENT])]
    for value in cases:
        with (
            subtests.test(value=value),
            pytest.raises(PermanentFailure, match="that contains the ResultCode of a failure"),
        ):
            outcome_of(value, TASK)


def test_a_success_and_words_stay_data(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, str]] = [
        ({"k": SUCCEEDED}, '{"k":"Succeeded"}'),
        ({"k": PERMANENT.value}, '{"k":"PermanentFailure"}'),
        ({"at": dt.date(2026, 1, 2), "k": "aFailure"}, '{"at":"2026-01-02","k":"aFailure"}'),
    ]
    for value, message in cases:
        with subtests.test(value=value):
            assert outcome_of(value, TASK) == Outcome(SUCCEEDED, message)


def test_the_message_of_a_failure_may_contain_a_result_code() -> None:
    """It is a failure already, and keeps its code."""
    outcome = outcome_of(Outcome(TEMPORARY, {"k": PERMANENT}), TASK)  # type: ignore[arg-type]

    assert outcome == Outcome(TEMPORARY, '{"k":"PermanentFailure"}')


def test_a_failure_keeps_its_code_with_any_message(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, str]] = [
        (TimeoutError("busy"), "TimeoutError: busy"),
        (b"busy", "busy"),
        (b"\xff", "\\xff"),
        (object(), "(the message, of type object, cannot be shown)"),
        ({"a": object()}, "(the message, of type dict, cannot be shown)"),
    ]
    for message, text in cases:
        with subtests.test(message=message):
            forms = [
                (TEMPORARY, message),
                Outcome(TEMPORARY, message),
                {"resultCode": "TemporaryFailure", "resultString": message},
            ]

            assert [outcome_of(form, TASK) for form in forms] == [Outcome(TEMPORARY, text)] * 3
