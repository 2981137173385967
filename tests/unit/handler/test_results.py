"""What a function may return, and what of it reaches the completion report."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import json
import math
import numbers
import pathlib
import types
import uuid
import zoneinfo
from typing import TYPE_CHECKING, Annotated, Any, Generic, NamedTuple, TypeVar
from unittest import mock

import pydantic.dataclasses
import pytest
from aws_lambda_powertools.utilities.data_classes.s3_batch_operation_event import (
    S3BatchOperationResponse,
    S3BatchOperationResponseRecord,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PlainSerializer,
    RootModel,
    SecretStr,
    SerializeAsAny,
    computed_field,
    field_serializer,
)
from typing_extensions import override

from s3batch_handler import Outcome, PermanentFailure, ResultCode, TaskResult, TemporaryFailure
from s3batch_handler.handler._results import AwaitableReturned, outcome_of
from s3batch_handler.testing import make_task

if TYPE_CHECKING:
    from collections.abc import Callable
from s3batch_handler.core._sanitize import MAX_RESULT_STRING, sanitize

SUCCEEDED, TEMPORARY, PERMANENT = ResultCode


class Thumbnail(BaseModel):
    key: str
    made_at: dt.datetime = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    width: int = Field(default=640, serialization_alias="widthInPixels")


class Sizes(RootModel[list[float]]):
    pass


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = None


class Colour(str, enum.Enum):  # noqa: UP042  that is the point
    RED = "red"


class Size(enum.IntEnum):
    SMALL = 3


class Loud(str):  # noqa: SLOT000
    @override
    def __str__(self) -> str:
        return self.upper()


def test_none() -> None:
    """A function that returns nothing has succeeded and has nothing to say."""
    assert outcome_of(None) == Outcome(SUCCEEDED, "")


@pytest.mark.parametrize("text", ["", "done", "été 🌻", Loud("done"), Colour.RED])
def test_text(text: str) -> None:
    """Text is the message as it is, also that of a subclass with ideas of its own."""
    outcome = outcome_of(text)

    assert outcome.code is SUCCEEDED
    assert outcome.message == text
    assert type(outcome.message) is str


@pytest.mark.parametrize("code", ResultCode)
def test_code(code: ResultCode) -> None:
    """A bare code is an outcome without a message."""
    assert outcome_of(code) == Outcome(code)


@pytest.mark.parametrize("code", ResultCode)
def test_outcome(code: ResultCode) -> None:
    """An outcome is itself, whatever its code."""
    assert outcome_of(Outcome(code, "so be it")) == Outcome(code, "so be it")


@pytest.mark.parametrize(
    ("sloppy", "outcome"),
    [
        (("PermanentFailure", "no"), Outcome(PERMANENT, "no")),
        ((SUCCEEDED, None), Outcome(SUCCEEDED, "")),
        ((SUCCEEDED, {"a": 1}), Outcome(SUCCEEDED, '{"a":1}')),
        ((SUCCEEDED, Loud("done")), Outcome(SUCCEEDED, "done")),
    ],
)
def test_sloppy_outcome(sloppy: Any, outcome: Outcome) -> None:
    """A code spelled as AWS spells it will do, and a message that can be made text."""
    made = outcome_of(Outcome(*sloppy))

    assert made == outcome
    assert type(made.code) is ResultCode


@pytest.mark.parametrize("code", ["Done", None, 1, []])
def test_outcome_that_is_none(code: Any) -> None:
    """A code that S3 does not know never leaves the function."""
    with pytest.raises(PermanentFailure, match="not a valid ResultCode"):
        outcome_of(Outcome(code))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"size": 12, "name": "été 🌻"}, '{"size":12,"name":"été 🌻"}'),
        ({1: None, False: 2.5}, '{"1":null,"false":2.5}'),
        ([1, "a", None, [True]], '[1,"a",null,[true]]'),
        ((1, 2), "[1,2]"),
        (True, "true"),
        (0, "0"),
        (1.5, "1.5"),
        ({}, "{}"),
        (Thumbnail(key="a"), '{"key":"a","made_at":"2026-01-02T00:00:00Z","widthInPixels":640}'),
        ([Sizes([1.5])], "[[1.5]]"),
        (Point(1, Sizes([2.0])), '{"x":1,"y":[2.0]}'),
        ({"seen": {3}}, '{"seen":[3]}'),
        (range(3), "[0,1,2]"),
        (collections.deque([1]), "[1]"),
        (collections.OrderedDict(a=1), '{"a":1}'),
        (types.MappingProxyType({"a": Point(1)}), '{"a":{"x":1,"y":null}}'),
        (dt.date(2026, 1, 2), '"2026-01-02"'),
        (dt.timedelta(hours=1), '"PT1H"'),
        (decimal.Decimal("1.50"), '"1.50"'),
        (pathlib.PurePosixPath("a/b"), '"a/b"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Size.SMALL, "3"),
        ([Colour.RED], '["red"]'),
    ],
)
def test_json(value: Any, message: str) -> None:
    """Whatever JSON can hold becomes compact JSON, models and dates included."""
    outcome = outcome_of(value)

    assert outcome == Outcome(SUCCEEDED, message)


def circle() -> Any:
    items: list[Any] = []
    items.append(items)
    return items


def deep() -> Any:
    items: list[Any] = []
    for _ in range(200_000):
        items = [items]
    return items


class Bytes(BaseModel):
    data: bytes
    model_config = {"ser_json_bytes": "utf8"}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: float("nan"), "float"),
        (lambda: {"size": float("inf")}, "dict"),
        (lambda: Sizes([float("nan")]), "Sizes"),
        (lambda: b"raw", "type 'bytes' is not JSON"),
        (lambda: {"a": [b"raw"]}, "type 'bytes' is not JSON"),
        (lambda: Point(b"raw"), "type 'bytes' is not JSON"),
        (lambda: {"a": {b"raw"}}, "type 'bytes' is not JSON"),
        (lambda: bytearray(b"raw"), "type 'bytearray' is not JSON"),
        (lambda: memoryview(b"raw"), "type 'memoryview' is not JSON"),
        (lambda: Bytes(data=b"\xff"), "Bytes"),
        (circle, "ircular"),
        (deep, "recursion"),
        (lambda: (number for number in [1]), "type 'generator' is not JSON"),
        (lambda: map(str, [1]), "type 'map' is not JSON"),
        (lambda: {frozenset({1}): 3}, "keys must be"),
        (lambda: {b"raw": 3}, "keys must be"),
        (lambda: 10**5000, "int"),
        (object, "type 'object' is not JSON"),
        (lambda: object, "type 'type' is not JSON"),
        (lambda: print, "is not JSON"),
    ],
)
def test_no_json(make: Any, says: str) -> None:
    """What JSON cannot hold fails the task, and the message says why."""
    with pytest.raises(PermanentFailure, match=says) as caught:
        outcome_of(make())

    assert str(caught.value).startswith("the function ended without an error, but JSON")


def test_a_coroutine_is_handed_back() -> None:
    """What has to be awaited first is no outcome yet: the caller gets it to await it."""

    async def work() -> str:
        return "done"

    coroutine = work()

    with pytest.raises(AwaitableReturned) as caught:
        outcome_of(coroutine)

    assert caught.value.awaitable is coroutine
    coroutine.close()


def test_a_coroutine_within_a_value_is_refused() -> None:
    """Nobody awaits what is part of a value; the text says what to do about it."""

    async def work() -> str:
        return "done"

    with pytest.raises(PermanentFailure, match="it was never awaited"):
        outcome_of([work()])


# ---------------------------------------------------------------- outcomes in disguise

TASK = make_task("a")
OTHER = make_task("b")
NO = {"resultCode": "PermanentFailure", "resultString": "no"}
RECORD = S3BatchOperationResponseRecord(TASK.id, "PermanentFailure", "no")


def response(*results: Any) -> S3BatchOperationResponse:
    return S3BatchOperationResponse("1.0", "an invocation", "Succeeded", [*results])


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


@pytest.mark.parametrize(
    "value",
    [
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
    ],
)
def test_a_failure_is_understood_in_each_of_its_forms(value: Any) -> None:
    """A failure that was returned as AWS, Powertools or a tuple spell it is that failure."""
    assert outcome_of(value, TASK) == Outcome(PERMANENT, "no")


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("PermanentFailure", Outcome(PERMANENT)),
        ("TemporaryFailure", Outcome(TEMPORARY)),
        (Loud("TemporaryFailure"), Outcome(TEMPORARY)),
        (Status.FAILED, Outcome(PERMANENT)),
        ((TEMPORARY,), Outcome(TEMPORARY)),
        ((TEMPORARY, None), Outcome(TEMPORARY)),
        ((TEMPORARY, {"a": 1}), Outcome(TEMPORARY, '{"a":1}')),
        ((SUCCEEDED, "done"), Outcome(SUCCEEDED, "done")),
        (json.dumps(NO), Outcome(PERMANENT, "no")),
        (Loud(json.dumps([NO], indent=2)), Outcome(PERMANENT, "no")),
        (json.dumps(response(RECORD).asdict()), Outcome(PERMANENT, "no")),
        ({"code": TEMPORARY}, Outcome(TEMPORARY)),
        ({"resultCode": "TemporaryFailure"}, Outcome(TEMPORARY)),
        ({"resultCode": "TemporaryFailure", "resultString": None}, Outcome(TEMPORARY)),
        ({"resultCode": "Succeeded", "resultString": {"a": 1}}, Outcome(SUCCEEDED, '{"a":1}')),
        ({"result_code": "TemporaryFailure"}, Outcome(TEMPORARY)),
        (Outcome(TEMPORARY, PERMANENT), Outcome(TEMPORARY, "PermanentFailure")),
    ],
)
def test_other_outcomes_in_disguise(value: Any, outcome: Outcome) -> None:
    """A code may stand alone, and a message may be any value that JSON can hold."""
    made = outcome_of(value, TASK)

    assert made == outcome
    assert type(made.code) is ResultCode
    assert type(made.message) is str


@pytest.mark.parametrize(
    ("value", "says"),
    [
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
            response(S3BatchOperationResponseRecord(OTHER.id, "Succeeded", "")),
            "taskId: not the ID of the task",
        ),
    ],
)
def test_what_does_not_answer_exactly_this_task_is_refused(value: Any, says: str) -> None:
    """AWS's shapes and outcomes that do not fit fail the task: they are no data."""
    with pytest.raises(PermanentFailure, match=says) as caught:
        outcome_of(value, TASK)

    assert str(caught.value).startswith("the function returned")


@pytest.mark.parametrize(
    "value",
    [
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
    ],
)
def test_data_that_is_not_spelled_like_an_answer_stays_data(value: Any) -> None:
    """Values of the user with a word of AWS in them, or an answer deep inside, are data."""
    outcome = outcome_of(value, TASK)

    assert outcome.code is SUCCEEDED
    assert json.loads(outcome.message) == value


def test_a_result_of_an_unknown_task_is_trusted() -> None:
    """Where the task is not known, its ID is not compared."""
    assert outcome_of(NO | {"taskId": "any"}) == Outcome(PERMANENT, "no")


@pytest.mark.parametrize(
    "value", [TemporaryFailure("later"), TimeoutError("later"), SystemExit("later")]
)
def test_a_returned_exception_counts_as_raised(value: BaseException) -> None:
    """``return TemporaryFailure(…)`` means what ``raise`` would have meant."""
    with pytest.raises(type(value)) as caught:
        outcome_of(value)

    assert caught.value is value


@pytest.mark.parametrize(
    "value",
    [
        [TimeoutError("later"), None],
        (1, TimeoutError("later")),
        {"copied": TimeoutError("later"), "tagged": None},
        [[TimeoutError("later")], {"a": 1}],
    ],
)
def test_an_exception_in_a_returned_value_counts_as_raised(value: Any) -> None:
    """``asyncio.gather(…, return_exceptions=True)`` returns exceptions in a list."""
    with pytest.raises(TimeoutError, match="later"):
        outcome_of(value)


def test_several_exceptions_in_a_returned_value_count_as_a_group() -> None:
    errors = [TimeoutError("later"), ValueError("never")]

    with pytest.raises(ExceptionGroup) as caught:
        outcome_of([1, *errors])

    assert [*caught.value.exceptions] == errors


def test_a_returned_class_of_failures_counts_as_raised() -> None:
    """``return TemporaryFailure`` too, but no other class means anything."""
    with pytest.raises(TemporaryFailure):
        outcome_of(TemporaryFailure)
    with pytest.raises(PermanentFailure, match="'type' is not JSON"):
        outcome_of(TimeoutError)


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
    """Whatever form a failure has, the task fails: with its own code, or refused."""
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
def test_a_result_code_of_a_failure_is_no_data_at_any_depth(value: Any) -> None:
    """A ``ResultCode`` or ``Outcome`` of a failure in a value is a mistake, so it is refused."""
    with pytest.raises(PermanentFailure, match="that contains the ResultCode of a failure"):
        outcome_of({"k": value}, TASK)


@pytest.mark.parametrize(
    "value", [{PERMANENT: 1}, [(PERMANENT, "no")], Report(), (SUCCEEDED, [PERMANENT])]
)
def test_a_result_code_of_a_failure_is_refused_everywhere(value: Any) -> None:
    """A key, a nested tuple, a field and the message of a success are no place for it either."""
    with pytest.raises(PermanentFailure, match="that contains the ResultCode of a failure"):
        outcome_of(value, TASK)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"k": SUCCEEDED}, '{"k":"Succeeded"}'),
        ({"k": PERMANENT.value}, '{"k":"PermanentFailure"}'),
        ({"at": dt.date(2026, 1, 2), "k": "aFailure"}, '{"at":"2026-01-02","k":"aFailure"}'),
    ],
)
def test_other_words_stay_data(value: Any, message: str) -> None:
    assert outcome_of(value, TASK) == Outcome(SUCCEEDED, message)


def test_the_message_of_a_failure_may_contain_a_result_code() -> None:
    """It is a failure already, and keeps its code."""
    outcome = outcome_of(Outcome(TEMPORARY, {"k": PERMANENT}), TASK)  # type: ignore[arg-type]

    assert outcome == Outcome(TEMPORARY, '{"k":"PermanentFailure"}')


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (TimeoutError("busy"), "TimeoutError: busy"),
        (b"busy", "busy"),
        (b"\xff", "\\xff"),
        (object(), "(the message, of type object, cannot be shown)"),
        ({"a": object()}, "(the message, of type dict, cannot be shown)"),
    ],
)
def test_a_failure_counts_whatever_its_message_is(message: Any, text: str) -> None:
    """A message that is not text does not turn a temporary failure into a permanent one."""
    forms = [
        (TEMPORARY, message),
        Outcome(TEMPORARY, message),
        {"resultCode": "TemporaryFailure", "resultString": message},
    ]

    assert [outcome_of(form, TASK) for form in forms] == [Outcome(TEMPORARY, text)] * 3


# ---------------------------------------------------------------- numbers of others


@numbers.Integral.register
class WholeNumber:
    def __int__(self) -> int:
        return 7


@numbers.Real.register
class RealNumber:
    def __init__(self, value: float = 1.5) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


class Index:
    def __index__(self) -> int:
        return 7


class Array:
    """What numpy, torch and pandas have in common."""

    def __init__(self, value: Any, size: Any = 1) -> None:
        self.value, self.size = value, size

    def tolist(self) -> Any:
        return self.value


class LongDouble(Array):
    @override
    def tolist(self) -> LongDouble:
        return self

    def __float__(self) -> float:
        return 1.5


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (WholeNumber(), "7"),
        (RealNumber(), "1.5"),
        (Index(), "7"),
        (Array(4), "4"),
        (Array(True), "true"),
        (Array([[1, 2.5], [None]]), "[[1,2.5],[null]]"),
        (Array([Array(1), RealNumber()], size=10_000), "[1,1.5]"),
        (LongDouble(None), "1.5"),
        ({"rows": WholeNumber(), "all": [(RealNumber(),)]}, '{"rows":7,"all":[[1.5]]}'),
        ({WholeNumber(): 1, RealNumber(): 2}, '{"7":1,"1.5":2}'),
        (Point(WholeNumber()), '{"x":7,"y":null}'),
        (fractions.Fraction(1, 3), '"1/3"'),
        (decimal.Decimal("1E+3"), '"1E+3"'),
    ],
)
def test_numbers_of_others(value: Any, message: str) -> None:
    """What numpy and others count with are numbers, as values, in lists and as keys."""
    assert outcome_of(value) == Outcome(SUCCEEDED, message)


class Loose(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    value: Any


def test_numbers_of_others_in_a_model() -> None:
    """A model may hold them in fields that pydantic does not check."""
    assert outcome_of(Loose(value={"a": [WholeNumber(), Array([1])]})) == Outcome(
        SUCCEEDED, '{"value":{"a":[7,[1]]}}'
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (math.nan, "NaN and infinity are not JSON numbers"),
        ([-math.inf], "NaN and infinity are not JSON numbers"),
        ({math.nan: 1}, "NaN and infinity are not JSON numbers"),
        ({RealNumber(math.nan): 1}, "NaN and infinity are not JSON numbers"),
        (RealNumber(math.inf), "NaN and infinity are not JSON numbers"),
        (decimal.Decimal("NaN"), "NaN and infinity are not JSON numbers"),
        ([decimal.Decimal("-Infinity")], "NaN and infinity are not JSON numbers"),
        (Array(math.nan), "NaN and infinity are not JSON numbers"),
        (Array([1], size=10_001), "has 10,001 items; return a summary"),
        (mock.MagicMock(), "'MagicMock' is not JSON"),
    ],
)
def test_numbers_that_are_none(value: Any, says: str) -> None:
    """NaN and infinity, which JSON does not have, and arrays that no report has room for."""
    with pytest.raises(PermanentFailure, match=says):
        outcome_of(value)


def test_numbers_of_numpy() -> None:
    """The same with numpy's own types."""
    np = pytest.importorskip("numpy")
    times = np.array(["2026-01-02T03:04:05.123456789", "NaT"], dtype="M8[ns]")

    value = {
        "int": np.arange(4).sum(),
        "float32": np.float32(1.5),
        "longdouble": np.longdouble(1.5),
        "bool": np.bool_(True),
        "array": np.eye(2),
        "zero dimensions": np.array(5),
        "day": np.datetime64("2026-01-02"),
        "times": times,
        "seconds": np.timedelta64(5_000_000_000, "ns"),
        np.int64(1): np.int64(2),
    }

    assert outcome_of(value).message == (
        '{"int":6,"float32":1.5,"longdouble":1.5,"bool":true,"array":[[1.0,0.0],[0.0,1.0]],'
        '"zero dimensions":5,"day":"2026-01-02","times":["2026-01-02T03:04:05.123456",null],'
        '"seconds":"PT5S","1":2}'
    )


# ---------------------------------------------------------------- serialised by pydantic


@pydantic.dataclasses.dataclass
class Receipt:
    number: int = Field(serialization_alias="count")
    token: str = Field(default="s3cret", exclude=True)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def doubled(self) -> int:
        return self.number * 2


@dataclasses.dataclass
class LongReceipt(Receipt):
    note: str = "n"


class PlainReceipt(Receipt):
    pass


@dataclasses.dataclass
class Annotations:
    number: Annotated[int, Field(serialization_alias="count")]
    tokens: list[Annotated[SecretStr, PlainSerializer(lambda token: "masked")]]
    token: Annotated[str, Field(exclude=True)] = "s3cret"


@dataclasses.dataclass
class Defaults:
    number: int
    token: str = Field(default="s3cret", exclude=True)


class Account(BaseModel):
    name: str = "n"
    token: str = Field(default="s3cret", exclude=True)
    secret: SecretStr = SecretStr("s3cret")

    @field_serializer("name")
    def shout(self, name: str) -> str:
        return name.upper()


ValueT = TypeVar("ValueT")


class Box(BaseModel, Generic[ValueT]):
    value: ValueT


class Animal(BaseModel):
    pass


class Dog(Animal):
    barks: bool = True


class Cage(BaseModel):
    all_of_it: SerializeAsAny[Animal] = Dog()
    declared: Animal = Dog()


class Pair(NamedTuple):
    left: Any
    right: Any = None


RECEIPT = '{"count":1,"doubled":2}'
ACCOUNT = '{"name":"N","secret":"**********"}'

SERIALISED: list[tuple[Any, str]] = [
    (Receipt(number=1), RECEIPT),
    (LongReceipt(number=1), '{"count":1,"note":"n","doubled":2}'),
    (PlainReceipt(number=1), RECEIPT),
    (Annotations(1, [SecretStr("s3cret")]), '{"count":1,"tokens":["masked"]}'),
    (Defaults(1), '{"number":1}'),
    (Account(), ACCOUNT),
    (Box[Account](value=Account()), f'{{"value":{ACCOUNT}}}'),
    (Box[Any](value=[Receipt(number=1)]), f'{{"value":[{RECEIPT}]}}'),
    (Cage(), '{"all_of_it":{"barks":true},"declared":{}}'),
    (SecretStr("s3cret"), '"**********"'),
    (ipaddress.ip_address("10.0.0.1"), '"10.0.0.1"'),
    (zoneinfo.ZoneInfo("UTC"), '"UTC"'),
    (HttpUrl("https://example.com/a"), '"https://example.com/a"'),
]


@pytest.mark.parametrize(
    ("wrap", "template"),
    [
        (lambda value: value, "%s"),
        (lambda value: [value], "[%s]"),
        (lambda value: {"a": (value,)}, '{"a":[%s]}'),
        (Point, '{"x":%s,"y":null}'),
        (Pair, "[%s,null]"),
        (lambda value: Point([Pair({"a": Point(value)})]), '{"x":[[{"a":{"x":%s,"y":null}},null]],"y":null}'),  # noqa: E501
        (lambda value: collections.deque([value]), "[%s]"),
        (lambda value: types.MappingProxyType({"a": value}), '{"a":%s}'),
        (lambda value: {dt.date(2026, 1, 2): [value]}, '{"2026-01-02":[%s]}'),
        (lambda value: Outcome(SUCCEEDED, [value]), "[%s]"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
@pytest.mark.parametrize(("value", "message"), SERIALISED)
def test_pydantic_serialises_what_it_can(
    value: Any, message: str, wrap: Callable[[Any], Any], template: str
) -> None:
    """Aliases, serializers, computed and excluded fields count, however deep the value is."""
    made = outcome_of(wrap(value)).message

    assert made == template % message
    assert "s3cret" not in made


@pytest.mark.parametrize(("value", "message"), [SERIALISED[0], *SERIALISED[5:]])
def test_pydantic_serialises_what_is_in_a_model(value: Any, message: str) -> None:
    """The same holds for a field of any type, where pydantic knows the value by itself."""
    assert outcome_of(Box[Any](value=value)).message == f'{{"value":{message}}}'


@dataclasses.dataclass
class Unresolved:
    elsewhere: Callable[[], None] | None
    token: Annotated[str, Field(exclude=True)] = "s3cret"


@dataclasses.dataclass
class UnresolvedPlain:
    elsewhere: Callable[[], None] | None = None
    number: int = 1


def test_a_field_that_may_be_excluded_is_not_guessed() -> None:
    """Annotations with a name that only type checkers know hide whether a field is excluded."""
    with pytest.raises(PermanentFailure, match="pydantic cannot serialize 'Unresolved'") as caught:
        outcome_of([Unresolved(None)])

    assert "s3cret" not in str(caught.value)
    assert outcome_of(UnresolvedPlain()).message == '{"elsewhere":null,"number":1}'


Hidden = Annotated[str, Field(exclude=True)]


@dataclasses.dataclass
class UnresolvedBesideHidden:
    token: Hidden = "s3cret"
    elsewhere: Callable[[], None] | None = None


def test_a_field_that_is_excluded_by_an_alias_is_not_guessed() -> None:
    """The name of a type that is only known to type checkers does not hide the other fields."""
    with pytest.raises(PermanentFailure, match="pydantic cannot serialize"):
        outcome_of(UnresolvedBesideHidden())


class Unchecked(BaseModel):
    size: int = 0


def test_values_that_do_not_fit_their_fields_are_not_quoted_in_warnings() -> None:
    """pydantic checks no assignments, and its warnings would bring the values into the log."""
    unchecked = Unchecked()
    unchecked.size = "s3cret"  # type: ignore[assignment]

    assert outcome_of(unchecked).message == '{"size":"s3cret"}'
    assert outcome_of([unchecked]).message == '[{"size":"s3cret"}]'


class Letter(enum.Enum):
    A = 1
    B = "b"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (Letter.A, "1"),
        (Letter.B, "b"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00Z"),
        (dt.timedelta(hours=1), "PT1H"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (decimal.Decimal("1.50"), "1.50"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
        ((1, "a"), "1,a"),
        (SecretStr("s3cret"), "**********"),
    ],
)
def test_keys_are_treated_as_inside_a_model(key: Any, text: str) -> None:
    """Keys that JSON cannot hold are spelled as pydantic spells them, at any depth."""
    assert outcome_of({key: 1}).message == f'{{"{text}":1}}'
    assert outcome_of([{"a": Point({key: [1]})}]).message == f'[{{"a":{{"x":{{"{text}":[1]}},"y":null}}}}]'  # fmt: skip  # noqa: E501


def test_keys_in_a_circle_are_refused() -> None:
    """A dict that contains itself is no JSON, whatever its keys are."""
    circle: dict[Any, Any] = {}
    circle[dt.date(2026, 1, 2)] = circle

    with pytest.raises(PermanentFailure, match="recursion"):
        outcome_of(circle)


# ---------------------------------------------------------------- the text in the report


@pytest.mark.parametrize("text", ["", "x" * 1023, "x" * 1024, "🌻" * 1024, 'a"b\\c', "été\u00a0🌻"])
def test_text_that_fits(text: str) -> None:
    """Text of up to 1,024 visible characters stays as it is."""
    assert sanitize(text) == text


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("x" * 1025, "… [cut, of 1,025 characters]"),
        ("🌻" * 100_000, "… [cut, of 100,000 characters]"),
        ("\n" * 1024, "… [cut, of 1,024 characters]"),
        ("\u00a0" * 1025, "… [cut, of 1,025 characters]"),
        ("x\n" + "y" * 2_000_000, "… [cut, of 2,000,002 characters]"),
    ],
)
def test_text_that_is_cut(text: str, mark: str) -> None:
    """Longer text is cut to 1,024 characters, with a mark that tells how long it was."""
    cut = sanitize(text)

    assert len(cut) == MAX_RESULT_STRING == 1024
    assert cut.endswith(mark)
    assert cut[:10] == text[:10].replace("\n", "\\n")[:10]


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("x" * 100, 100, "x" * 100),
        ("x" * 101, 100, "x" * 74 + "… [cut, of 101 characters]"),
        ("x" * 100, 27, "x" + "… [cut, of 100 characters]"),
        ("x" * 100, 26, "… [cut, of 100 characters]"),
        ("x" * 100, 25, "… [cut, of 100 characters"),
        ("x" * 100, 1, "…"),
        ("x" * 100, 0, ""),
        ("x" * 1_234_567, 33, "x" + "… [cut, of 1,234,567 characters]"),
        ("\n" * 20, 40, "\\n" * 20),
        ("\n" * 20, 39, "\\n" * 7 + "… [cut, of 20 characters]"),
        ("\n" + "x" * 99, 40, "\\n" + "x" * 12 + "… [cut, of 100 characters]"),
        ("\ud83c" * 41, 40, "\ufffd" * 15 + "… [cut, of 41 characters]"),
        ("\u00a0" * 41, 40, "\u00a0" * 15 + "… [cut, of 41 characters]"),
    ],
)
def test_the_mark_of_a_cut_text_tells_its_length(text: str, limit: int, cut: str) -> None:
    """The mark has the length of the text before it was escaped, and gives way last."""
    assert sanitize(text, limit) == cut


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("line\nbreak\r\n\ttab", "line\\nbreak\\r\\n\\ttab"),
        ("\x00\x1b[31mred\x7f\x85", "\\x00\\x1b[31mred\\x7f\\x85"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\u202egpj.exe \u2066x\u2069", "\\u202egpj.exe \\u2066x\\u2069"),
        ("no\u200bwidth, 👩\u200d🚀\n", "no\u200bwidth, 👩\u200d🚀\\n"),
        ("half \ud83c, other half \udf3b", "half \ufffd, other half \ufffd"),
        ("caf\udce9", "caf\ufffd"),
    ],
)
def test_unsafe_characters(text: str, safe: str) -> None:
    """What steers a terminal or turns text becomes visible, half a surrogate pair a mark."""
    assert sanitize(text) == safe


@given(st.text(), st.integers(min_value=0, max_value=60))
def test_any_text(text: str, limit: int) -> None:
    """Whatever the text, it ends up short, encodable, and on one line."""
    safe = sanitize(text, limit)

    assert len(safe) <= limit
    safe.encode()
    assert len(safe.splitlines()) <= 1
    assert not any(ord(character) < 32 for character in safe)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary(max_size=3)
    | st.complex_numbers()
    | st.datetimes()
    | st.decimals()
    | st.uuids()
    | st.builds(object)
    | st.builds(Outcome, st.sampled_from([*ResultCode, "Succeeded", "bad", 0]), st.text()),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner)
        | st.builds(Point, inner)
        | st.builds(iter, st.lists(inner))
        | st.tuples(inner, inner)
    ),
    max_leaves=5,
)


@given(VALUES)
def test_any_value(value: Any) -> None:
    """Any value is an outcome with a text, or fails the task: nothing else can happen."""
    try:
        outcome = outcome_of(value)
    except PermanentFailure:
        return
    assert type(outcome) is Outcome
    assert type(outcome.code) is ResultCode
    assert type(outcome.message) is str


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.lists(JSON) | st.dictionaries(st.text(), JSON))
def test_json_there_and_back(value: Any) -> None:
    """JSON values can be read back from the message, unless AWS's words are in them."""
    words = ("resultCode", "result_code", "results", "treatMissingKeysAs", "code", *ResultCode)
    assume(not any(word in json.dumps(value) for word in words))

    assert json.loads(outcome_of(value).message) == value
