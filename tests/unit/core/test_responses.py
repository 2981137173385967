"""Responses of handlers are built and parsed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler import (
    InvalidResponse,
    Invocation,
    Outcome,
    ResultCode,
    TaskResult,
)
from s3batch_handler.core._payload import (
    MAX_RESPONSE_BYTES,
    build_response,
    parse_event,
    parse_response,
)
from s3batch_handler.testing import make_event
from tests.support.payloads import JSON, PERMANENT, SUCCEEDED, TEMPORARY, LoadEvent


def respond(invocation: Invocation, outcomes: list[Outcome], **options: Any) -> Any:
    results = [TaskResult(*pair) for pair in zip(invocation.tasks, outcomes, strict=True)]
    return build_response(invocation, results, **options)


def test_response_has_one_result_for_each_task_in_order(load_event: LoadEvent) -> None:
    """A response repeats the IDs of the event, and has one result for each task, in order."""
    event = load_event("v2_duplicate_ids.json")
    invocation = parse_event(event)

    response = respond(
        invocation,
        [Outcome(SUCCEEDED, "done"), Outcome(TEMPORARY, "later"), Outcome(PERMANENT)],
        treat_missing_keys_as=PERMANENT,
    )

    assert response == {
        "invocationSchemaVersion": "2.0",
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [
            {"taskId": "dGFzay0wMDAx", "resultCode": "Succeeded", "resultString": "done"},
            {"taskId": "dGFzay0wMDAx", "resultCode": "TemporaryFailure", "resultString": "later"},
            {"taskId": "dGFzay0wMDAx", "resultCode": "PermanentFailure", "resultString": ""},
        ],
    }
    assert {type(result["resultCode"]) for result in response["results"]} == {str}


def test_missing_keys_by_default(load_event: LoadEvent) -> None:
    """AWS's documented default: a task without a result is retried."""
    response = respond(parse_event(load_event("v2_no_task.json")), [])

    assert response["treatMissingKeysAs"] == "TemporaryFailure"
    assert response["results"] == []


@pytest.mark.slow
def test_responses_fit_into_lambdas_limit(subtests: pytest.Subtests) -> None:
    """For any number of tasks, Lambda accepts the response (6 MB)."""
    for count in [1, 20, 21, 480, 1000, 3000]:
        for message in ["🌻" * 5000, "\x00" * 5000, '"' * 1024, "é" * 1024, "x" * 1024]:
            with subtests.test(count=count, message=message):
                event = make_event(*(str(number) for number in range(count)))
                invocation = parse_event(event)

                response = respond(invocation, [Outcome(PERMANENT, message)] * count)

                assert len(json.dumps(response)) <= 6 * 1024 * 1024
                assert len(json.dumps(response, ensure_ascii=False).encode()) <= 6 * 1024 * 1024
                assert [result["taskId"] for result in response["results"]] == [
                    task["taskId"] for task in event["tasks"]
                ]
                assert all(
                    0 < len(result["resultString"]) <= 1024 for result in response["results"]
                )


def as_json(count: int, message: str) -> tuple[int, set[str]]:
    """Return the size of a response with that many results, and their texts."""
    invocation = parse_event(make_event(*(str(number) for number in range(count))))
    response = respond(invocation, [Outcome(PERMANENT, message)] * count)
    return len(json.dumps(response)), {result["resultString"] for result in response["results"]}


@pytest.mark.parametrize("message", ["🌻" * 1024, '"' * 1024, "x" * 1024])
def test_messages_are_shortened_no_earlier_and_no_further_than_needed(message: str) -> None:
    """The largest response that fits is unchanged; the next one keeps most of each message."""
    each = as_json(2, message)[0] - as_json(1, message)[0]
    about = MAX_RESPONSE_BYTES // each
    responses = [as_json(about + more, message) for more in (-1, 0, 1)]
    unchanged = [size for size, texts in responses if texts == {message}]
    shortened = [response for response in responses if response[1] != {message}]

    assert MAX_RESPONSE_BYTES - 2 * each < max(unchanged) <= MAX_RESPONSE_BYTES

    size, (text,) = shortened[0]
    assert size <= MAX_RESPONSE_BYTES
    assert len(text) > (900 if message.startswith("🌻") else 450)
    assert text.endswith("… [cut, of 1,024 characters]")


def test_short_messages_stay_in_a_large_response() -> None:
    """Only long messages are shortened, and then say how long they were."""
    event = make_event(*(str(number) for number in range(3000)))
    invocation = parse_event(event)
    outcomes = [Outcome(PERMANENT, "🌻" * 5000)] * 2999 + [Outcome(SUCCEEDED, "done")]

    response = respond(invocation, outcomes)

    assert response["results"][-1]["resultString"] == "done"
    assert response["results"][0]["resultString"].endswith("… [cut, of 5,000 characters]")
    assert response["results"][0]["resultString"].startswith("🌻🌻🌻🌻")


EVENT = make_event("a", "b")
ID_A, ID_B = (task["taskId"] for task in EVENT["tasks"])


def answer(*results: Any, **fields: Any) -> Any:
    return {
        "invocationSchemaVersion": "2.0",
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": EVENT["invocationId"],
        "results": list(results),
        **fields,
    }


def result(task_id: Any, code: Any = "Succeeded", string: Any = "done") -> Any:
    return {"taskId": task_id, "resultCode": code, "resultString": string}


def test_results_are_in_the_order_of_the_tasks() -> None:
    """Each task gets its own outcome, in any order of the function's results."""
    outcomes = parse_response(EVENT, answer(result(ID_B, "TemporaryFailure", "b"), result(ID_A)))

    assert outcomes == [Outcome(SUCCEEDED, "done"), Outcome(TEMPORARY, "b")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"treatMissingKeysAs": "PermanentFailure"}, PERMANENT),
        ({"treatMissingKeysAs": "Succeeded"}, SUCCEEDED),
        ({"treatMissingKeysAs": None}, TEMPORARY),
    ],
)
def test_task_without_a_result(fields: dict[str, Any], code: ResultCode) -> None:
    """It gets the result code of ``treatMissingKeysAs``."""
    _, missing = parse_response(EVENT, answer(result(ID_A), **fields))

    assert missing == Outcome(code, "The function returned no result for this task")


def test_task_without_a_result_by_default() -> None:
    """Without ``treatMissingKeysAs`` it is retried: AWS's documented default."""
    response = answer(result(ID_A))
    del response["treatMissingKeysAs"]

    assert parse_response(EVENT, response)[1].code is TEMPORARY


def test_results_of_unknown_tasks_are_ignored() -> None:
    """Of two results for one task, the first counts."""
    response = answer(
        result("another"), result(ID_A, string="one"), result(ID_A, string="two"), result(ID_B)
    )

    outcomes = parse_response(EVENT, response)

    assert outcomes == [Outcome(SUCCEEDED, "one"), Outcome(SUCCEEDED, "done")]


def test_responses_of_other_handlers() -> None:
    """Handlers like AWS's samples are supported: null strings, extra keys, no ID."""
    response = answer(result(ID_A, string=None), {"taskId": ID_B, "resultCode": "Succeeded"})
    response |= {"statusCode": 200}
    del response["invocationId"]

    assert parse_response(EVENT, response) == [Outcome(SUCCEEDED), Outcome(SUCCEEDED)]


def test_long_messages_are_cut_to_the_size_of_a_report() -> None:
    """A report has room for 1,024 characters."""
    outcome, _ = parse_response(EVENT, answer(result(ID_A, string="x" * 5000), result(ID_B)))

    assert outcome.message == "x" * 1024


def test_invalid_response_is_refused(subtests: pytest.Subtests) -> None:
    """The error names the field."""
    for response, says in [
        (None, "the response: expected an object, got null"),
        ("done", "the response: expected an object, got text"),
        ({}, "invocationSchemaVersion: missing"),
        (answer(results=None), "results: expected a list, got null"),
        (answer({"taskId": ID_A}), r"results\[0\].resultCode: missing"),
        (answer(result(ID_A, "Done")), r"results\[0\].resultCode"),
        (answer(result(ID_A, None)), r"results\[0\].resultCode"),
        (answer(result(5)), r"results\[0\].taskId: expected text, got a number"),
        (answer(result(ID_A, string=5)), r"resultString: expected text, got a number"),
        (answer(treatMissingKeysAs="Ignore"), "treatMissingKeysAs"),
        (answer(invocationId="another"), "invocationId: not the same as in the event"),
        (answer(invocationSchemaVersion="1.0"), "invocationSchemaVersion: not the same"),
    ]:
        with subtests.test(response=response), pytest.raises(InvalidResponse, match=says):
            parse_response(EVENT, response)


@given(JSON | st.fixed_dictionaries({"invocationSchemaVersion": JSON | st.just("2.0"),
    "results": JSON | st.lists(st.fixed_dictionaries({"taskId": JSON, "resultCode": JSON}))},
    optional={"treatMissingKeysAs": JSON, "invocationId": JSON}))  # fmt: skip
def test_any_json_as_response(response: Any) -> None:
    """Every JSON value is a response or is refused; no other error is raised."""
    try:
        outcomes = parse_response(EVENT, response)
    except InvalidResponse:
        return
    assert len(outcomes) == 2


@given(st.lists(st.builds(Outcome, st.sampled_from(ResultCode), st.text(max_size=2000))))
def test_responses_can_be_built_and_parsed(outcomes: list[Outcome]) -> None:
    """All codes arrive, and as much of the messages as a report keeps."""
    event = make_event(*map(str, range(len(outcomes))))

    response = json.loads(json.dumps(respond(parse_event(event), outcomes)))

    read = parse_response(event, response)
    assert [outcome.code for outcome in read] == [outcome.code for outcome in outcomes]
    assert all(
        there.message == here.message
        for there, here in zip(read, outcomes, strict=True)
        if here.message.isprintable() and len(here.message) <= 1024
    )
