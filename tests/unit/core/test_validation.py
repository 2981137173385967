"""Descriptions of invalid values use the names of their model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Discriminator, Field, Tag, field_validator

from s3batch_handler import InvalidEvent, Outcome, ResultCode, task_handler
from s3batch_handler.core._payload import parse_event
from s3batch_handler.testing import make_event, make_task


class Crop(BaseModel):
    op: Literal["crop"]
    width: int


class Turn(BaseModel):
    op: Literal["turn"]
    degrees: int


Step = Annotated[Crop | Turn, Field(discriminator="op")]


def kind_of(value: Any) -> str | None:
    return value.get("kind") if isinstance(value, dict) else None


Kind = Annotated[
    Annotated[Crop, Tag("c")] | Annotated[Turn, Tag("t")],
    Discriminator(kind_of),
]


class Recipe(BaseModel, extra="forbid"):
    steps: list[Step] = []
    schema_version: int = Field(default=1, alias="2.0")
    hidden: int = Field(default=1, alias=".hidden")
    unnamed: str = Field(default="", alias="")
    sizes: dict[str, int] = {}
    version: Literal["1.0", "2.0"] = "1.0"

    @field_validator("unnamed")
    @classmethod
    def refuse(cls, value: str) -> str:
        raise ValueError("leave it out")


def problem(model: Any, key: str) -> str:
    """Return the message of a handler with this payload model for a key."""
    decorate: Any = task_handler
    handler = decorate(payload=model)(lambda task: "done")
    outcome: Outcome = handler.run(make_task(key))
    assert outcome.code is ResultCode.PERMANENT_FAILURE
    return outcome.message.removeprefix("the payload in the key is invalid: ")


def test_a_payload_is_described_in_the_words_of_its_model(subtests: pytest.Subtests) -> None:
    """Fields and tags come from the model; values, which may be secret, are not repeated."""
    for model, key, says in [
        (Step, '{"op": "s3cret"}', "the key: expected 'op' to be one of 'crop', 'turn'"),
        (Step, '{"width": 1}', "the key: expected 'op', which is missing"),
        (Kind, '{"kind": "s3cret"}', "the key: expected kind_of() to be one of 'c', 't'"),
        (Kind, "[]", "the key: kind_of() found no model for it"),
        (
            Recipe,
            '{"steps": [{"op": "crop", "width": 1}, {"op": "turn"}, {}]}',
            "steps[1].turn.degrees: missing; steps[2]: expected 'op', which is missing",
        ),
        (Recipe, '{"2.0": null}', '"2.0": expected a number, got null'),
        (Recipe, '{".hidden": null}', '".hidden": expected a number, got null'),
        (Recipe, '{"sizes": {"1.0": null}}', 'sizes."1.0": expected a number, got null'),
        (Recipe, '{"": "x"}', '"": leave it out'),
        (Recipe, '{"1.0": 1}', '"1.0": unknown field'),
        (Recipe, '{"version": "s3cret"}', "version: Input should be '1.0' or '2.0'"),
        (Recipe, "[]", "the key: expected an object, got a list"),
        (dict[str, str], '{"2.0": 5}', '"2.0": expected text, got a number'),
    ]:
        with subtests.test(model=model):
            message = problem(model, key)

            assert message == says
            assert "invocationSchemaVersion" not in message
            assert "s3cret" not in message


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"op": "s3cret"}, "all of them: expected 'op' to be one of 'crop', 'turn'"),
        ({"2.0": "x"}, "all of them: expected 'op', which is missing"),
    ],
)
def test_user_arguments_are_described_in_the_words_of_their_model(
    arguments: dict[str, str], says: str
) -> None:
    """The job's user arguments have a model of the user as well."""
    decorate: Any = task_handler
    handler = decorate(arguments=Step)(lambda task: "done")

    message = handler.run(make_task("a", user_arguments=arguments)).message

    assert message == f"the job's user arguments are invalid: {says}"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"invocationSchemaVersion": "3.0"}, "an invocationSchemaVersion other than 1.0 and 2.0"),
        ({"more": 1}, "more: unknown field"),
        ({"job": {"id": 5}}, "job.id: expected text, got a number"),
    ],
)
def test_events_are_described_in_the_words_of_aws(change: dict[str, Any], says: str) -> None:
    """The name of a field does not include the schema version."""
    with pytest.raises(InvalidEvent) as caught:
        parse_event(make_event("a") | change, strict=True)

    assert says in str(caught.value)
    assert "2.0." not in str(caught.value)
