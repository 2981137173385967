"""Errors of pydantic are described without the input."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Literal

import pydantic
import pydantic.v1

from s3batch_handler.core._redaction import redact, redacted_text

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
from tests.support.redaction import SECRET, Account, error_of


def test_pydantic_error_is_described_without_input() -> None:
    """Its fields and problems are kept."""
    error = error_of(lambda: Account.model_validate({"name": [SECRET], "pin": SECRET}))

    assert redacted_text(error) == (
        "2 validation errors for Account: name: Input should be a valid string; "
        "pin: Input should be a valid integer, unable to parse string as an integer"
    )


def test_pydantic_with_many_problems() -> None:
    error = error_of(lambda: pydantic.TypeAdapter(list[int]).validate_python([SECRET] * 1000))

    text = redacted_text(error)

    assert text.startswith("1000 validation errors for list[int]: [0]: Input should be")
    assert text.endswith("; and 995 more")


def test_tag_of_a_union_is_removed() -> None:
    class Cat(pydantic.BaseModel):
        kind: Literal["cat"]

    class Dog(pydantic.BaseModel):
        kind: Literal["dog"]

    class Owner(pydantic.BaseModel):
        pet: Cat | Dog = pydantic.Field(discriminator="kind")

    error = error_of(lambda: Owner.model_validate({"pet": {"kind": SECRET}}))

    assert SECRET in str(error)
    assert SECRET not in redacted_text(error)
    assert SECRET not in redact(str(error))


def test_version_1_of_pydantic() -> None:
    class Old(pydantic.v1.BaseModel):
        kind: Literal["a"]
        pin: int

    error = error_of(lambda: Old.parse_obj({"kind": SECRET, "pin": SECRET}))

    assert SECRET in str(error)
    assert SECRET not in redact(str(error))
    assert redacted_text(error).startswith("2 validation errors for Old: kind: ")
    assert SECRET not in redacted_text(error)


def test_text_of_pydantic_within_another_text() -> None:
    """As in ``raise LoadError(f"cannot load: {error}") from error``."""
    error = error_of(lambda: Account.model_validate({"name": "x", "pin": f"{SECRET}, \n {SECRET}"}))

    text = redact(f"cannot load: {error}")

    assert SECRET not in text
    assert "input_value=***, input_type=str" in text


def test_problems_of_pydantic_within_another_text(subtests: pytest.Subtests) -> None:
    """As in ``raise PermanentFailure(f"cannot load: {error.errors()}")``."""
    spellings: list[Callable[[Any], str]] = [
        lambda error: str(error.errors()),
        lambda error: str(error.errors(include_url=False)),
        lambda error: error.json(),
        lambda error: error.json(indent=2),
        lambda error: repr(str(error.errors())),
        lambda error: json.dumps({"errorMessage": error.json()}),
    ]
    for value in [
        SECRET,
        f"it's \"{SECRET}\", 'ctx': }}]",
        [{"a": [{"b": "}]"}], "c": SECRET}],
        (1, dt.date(2024, 1, 1), SECRET),
        {SECRET: b"'" + SECRET.encode()},
    ]:
        for quoted in spellings:
            with subtests.test(value=value, quoted=quoted):
                error = error_of(
                    lambda: Account.model_validate({"name": "x", "pin": value, "kind": value})
                )

                text = redact(f"cannot load: {quoted(error)}")

                assert SECRET not in text
                assert "pin" in text
                assert text.count("Input should be") == 2


def test_invalid_key_of_a_dictionary_is_removed() -> None:
    class Bill(pydantic.BaseModel):
        cards: dict[int, int]

    error: Any = error_of(lambda: Bill.model_validate({"cards": {f"{SECRET}.1": 1}}))

    assert redacted_text(error).startswith(
        "1 validation error for Bill: cards.***.[key]: Input should"
    )
    for text in (str(error), str(error.errors()), error.json(), error.json(indent=2)):
        assert SECRET in text
        assert SECRET not in redact(text)
        assert "cards" in redact(text)


def test_problems_of_version_1_of_pydantic() -> None:
    class Old(pydantic.v1.BaseModel):
        kind: Literal["a"]

    error: Any = error_of(lambda: Old.parse_obj({"kind": SECRET}))

    for text in (str(error.errors()), error.json()):
        assert SECRET in text
        assert SECRET not in redact(text)


def test_discriminator_of_version_1_of_pydantic() -> None:
    class Cat(pydantic.v1.BaseModel):
        kind: Literal["cat"]

    class Dog(pydantic.v1.BaseModel):
        kind: Literal["dog"]

    class Owner(pydantic.v1.BaseModel):
        pet: Cat | Dog = pydantic.v1.Field(discriminator="kind")

    Owner.update_forward_refs(Cat=Cat, Dog=Dog)

    error = error_of(lambda: Owner.parse_obj({"pet": {"kind": SECRET}}))

    assert SECRET not in redact(str(error.errors()))  # type: ignore[attr-defined]
    for text in (redacted_text(error), redact(str(error))):
        assert SECRET not in text
        assert "No match for discriminator 'kind' and value *** (allowed values: 'cat'" in text
