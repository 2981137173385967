"""Models and dataclasses are serialized by pydantic, at any depth of a value."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import ipaddress
import pathlib
import types
import uuid
import zoneinfo
from typing import TYPE_CHECKING, Annotated, Any, Generic, NamedTuple, TypeVar

import pydantic.dataclasses
import pytest
from pydantic import (
    BaseModel,
    Field,
    HttpUrl,
    PlainSerializer,
    SecretStr,
    SerializeAsAny,
    computed_field,
    field_serializer,
)

from s3batch_handler import Outcome, PermanentFailure, ResultCode
from s3batch_handler.handler._results import outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable


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


@dataclasses.dataclass
class Nested:
    x: Any
    y: Any = None


class Pair(NamedTuple):
    left: Any
    right: Any = None


RECEIPT = '{"count":1,"doubled":2}'
ACCOUNT = '{"name":"N","secret":"**********"}'
SERIALIZED: list[tuple[Any, str]] = [
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


def test_values_are_serialized_by_pydantic_at_any_depth(subtests: pytest.Subtests) -> None:
    """Aliases, serializers, computed and excluded fields count."""
    wraps: list[tuple[Callable[[Any], Any], str]] = [
        (lambda value: value, "%s"),
        (lambda value: [value], "[%s]"),
        (lambda value: {"a": (value,)}, '{"a":[%s]}'),
        (Nested, '{"x":%s,"y":null}'),
        (Pair, "[%s,null]"),
        (lambda value: Pair([{"a": Nested(value)}]), '[[{"a":{"x":%s,"y":null}}],null]'),
        (lambda value: collections.deque([value]), "[%s]"),
        (lambda value: types.MappingProxyType({"a": value}), '{"a":%s}'),
        (lambda value: {dt.date(2026, 1, 2): [value]}, '{"2026-01-02":[%s]}'),
        (lambda value: Outcome(ResultCode.SUCCEEDED, [value]), "[%s]"),  # type: ignore[arg-type]
    ]
    for wrap, template in wraps:
        for value, message in SERIALIZED:
            with subtests.test(wrap=wrap, value=value):
                made = outcome_of(wrap(value)).message

                assert made == template % message
                assert "s3cret" not in made


def test_values_in_a_field_of_any_type_are_serialized_by_pydantic(
    subtests: pytest.Subtests,
) -> None:
    cases: list[tuple[Any, str]] = [SERIALIZED[0], *SERIALIZED[5:]]
    for value, message in cases:
        with subtests.test(value=value):
            assert outcome_of(Box[Any](value=value)).message == f'{{"value":{message}}}'


@dataclasses.dataclass
class Unresolved:
    elsewhere: Callable[[], None] | None
    token: Annotated[str, Field(exclude=True)] = "s3cret"


@dataclasses.dataclass
class UnresolvedPlain:
    elsewhere: Callable[[], None] | None = None
    number: int = 1


def test_a_dataclass_with_an_unresolved_excluded_field_is_refused() -> None:
    """A name that only type checkers know hides whether a field is excluded."""
    with pytest.raises(PermanentFailure, match="pydantic cannot serialize 'Unresolved'") as caught:
        outcome_of([Unresolved(None)])

    assert "s3cret" not in str(caught.value)
    assert outcome_of(UnresolvedPlain()).message == '{"elsewhere":null,"number":1}'


Hidden = Annotated[str, Field(exclude=True)]


@dataclasses.dataclass
class UnresolvedBesideHidden:
    token: Hidden = "s3cret"
    elsewhere: Callable[[], None] | None = None


def test_a_dataclass_with_an_unresolved_name_beside_an_alias_is_refused() -> None:
    with pytest.raises(PermanentFailure, match="pydantic cannot serialize"):
        outcome_of(UnresolvedBesideHidden())


class Unchecked(BaseModel):
    size: int = 0


def test_values_of_the_wrong_type_are_not_quoted_in_warnings() -> None:
    """pydantic does not check assignments, and its warnings quote values."""
    unchecked = Unchecked()
    unchecked.size = "s3cret"  # type: ignore[assignment]

    assert outcome_of(unchecked).message == '{"size":"s3cret"}'
    assert outcome_of([unchecked]).message == '[{"size":"s3cret"}]'


class Letter(enum.Enum):
    A = 1
    B = "b"


def test_keys_are_serialized_by_pydantic_at_any_depth(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Any, str]] = [
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
    ]
    for key, text in cases:
        with subtests.test(key=key):
            assert outcome_of({key: 1}).message == f'{{"{text}":1}}'
            message = outcome_of([Nested({key: [1]})]).message
            assert message == '[{"x":{"KEY":[1]},"y":null}]'.replace("KEY", text)


def test_a_dict_that_contains_itself_is_refused() -> None:
    circle: dict[Any, Any] = {}
    circle[dt.date(2026, 1, 2)] = circle

    with pytest.raises(PermanentFailure, match="recursion"):
        outcome_of(circle)


def test_a_model_of_an_old_pydantic_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is not checked by an installer, because the package does not require pydantic."""
    monkeypatch.setattr(pydantic, "VERSION", "2.10.6")

    with pytest.raises(PermanentFailure) as caught:
        outcome_of(Account())

    assert str(caught.value) == (
        "the function ended without an error, but JSON cannot represent its return value "
        "(Account): it needs pydantic 2.11 or later, but 2.10.6 is installed: "
        "pip install 's3batch-handler[models]'"
    )
    assert outcome_of(Nested(dt.date(2026, 1, 2))).message == '{"x":"2026-01-02","y":null}'
