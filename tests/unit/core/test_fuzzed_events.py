"""Mutated events get a response, or an error that names a field."""

from __future__ import annotations

import random

import pytest

from tests.support.event_mutations import EVENTS, mutated_event
from tests.support.fuzzing import fuzz
from tests.support.response_grammar import violations

COUNT = 5_000


@pytest.mark.parametrize("part", range(4))
def test_mutated_events_get_a_response_or_an_error_with_a_field(part: int) -> None:
    """Other events each time. A failure names the seeds: ``fuzz([seed])`` repeats it."""
    first = random.SystemRandom().randrange(1 << 48)

    findings = fuzz(range(first, first + COUNT))

    assert findings.defects == []
    assert findings.accepted > COUNT / 10, "most mutations should not damage the whole event"
    assert len(findings.refused) > 10, "mutations should damage every field"


def test_a_seed_has_always_the_same_event() -> None:
    assert repr([*map(mutated_event, range(200))]) == repr([*map(mutated_event, range(200))])


def test_mutations_reach_all_events_of_the_other_tests() -> None:
    assert len(EVENTS) > 25
    assert len({repr(mutated_event(seed)) for seed in range(500)}) > 450


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ({"invocationId": "x"}, "invocationId"),
        ({"invocationSchemaVersion": "1.0"}, "invocationSchemaVersion"),
        ({"treatMissingKeysAs": None}, "treatMissingKeysAs"),
        ({"results": []}, "taskId"),
        ({"results": [{}]}, "taskId"),
        ({"results": {}}, "results"),
        ({"more": 1}, "fields"),
        ({"results": [{"taskId": "t", "resultCode": "OK", "resultString": ""}]}, "resultCode"),
        (
            {"results": [{"taskId": "t", "resultCode": "Succeeded", "resultString": "a\nb"}]},
            "resultString",
        ),
        (
            {"results": [{"taskId": "t", "resultCode": "Succeeded", "resultString": "\ud800"}]},
            "resultString",
        ),
        (
            {"results": [{"taskId": "t", "resultCode": "Succeeded", "resultString": "x" * 1025}]},
            "resultString",
        ),
        ({"results": [float("nan")]}, "not JSON"),
    ],
)
def test_violations_of_the_grammar_are_found(change: dict[str, object], violation: str) -> None:
    """Otherwise the test above would find nothing."""
    event = {"invocationSchemaVersion": "2.0", "invocationId": "i", "tasks": [{"taskId": "t"}]}
    valid = {
        "invocationSchemaVersion": "2.0",
        "invocationId": "i",
        "treatMissingKeysAs": "PermanentFailure",
        "results": [{"taskId": "t", "resultCode": "Succeeded", "resultString": "done"}],
    }

    assert violations(event, valid) == []
    assert any(found.startswith(violation) for found in violations(event, {**valid, **change}))
