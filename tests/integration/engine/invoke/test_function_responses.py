"""The responses of functions: which ones S3 can read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import InvalidFunctionResponse
from s3batch_handler.engine.invoke._lambda_environment import Environment
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from tests.support.invoker_calls import (
    TEMPLATE,
    Write,
    error_of,
    invoke,
    invoke_here,
    keys,
)


def test_a_result_arrives_with_its_text_from_a_worker(function: Write) -> None:
    """The text comes back complete, with line breaks."""
    spec = function("handler = lambda event, context: answer(event, key(event), 'é\\n\"x\" 🙂')")

    answers = invoke(WorkerPool(spec, workers=1), keys(*ResultCode))

    assert answers == {code: Outcome(code, 'é\n"x" 🙂') for code in ResultCode}


def test_invalid_responses_are_explained() -> None:
    """The reason names the field that is wrong."""
    for response, reason in {
        "None": "the response: expected an object, got null",
        "'done'": "the response: expected an object, got text",
        "{}": "invocationSchemaVersion: missing; results: missing",
        "answer(event, 'Great')": "resultCode",
        "answer(event) | {'invocationId': 'other'}": "invocationId: not the same as in the event",
        "answer(event, more=float('nan'))": "not JSON: NaN is not a valid JSON value",
        "answer(event, more=float('inf'))": "not JSON: Infinity is not a valid JSON value",
        "b'\\xff'": "not JSON",
        "b'{'": "not JSON",
    }.items():
        answer = invoke_here(f"handler = lambda event, context: {response}")

        assert isinstance(answer, InvalidFunctionResponse), response
        assert reason in answer.reason


def test_values_that_are_not_json_serializable_fail_as_in_lambda() -> None:
    """The error has the type and the message of the runtime."""
    for response, message in {
        "{1, 2}": "Object of type set is not JSON serializable",
        "circular": "Circular reference detected",
        "(x for x in [])": "Object of type generator is not JSON serializable",
        "answer(event, more=b'\\xff')": "can't decode byte 0xff",
    }.items():
        error = error_of(
            invoke_here(
                "circular = []; circular.append(circular)\n"
                f"handler = lambda event, context: {response}"
            )
        )

        assert error["errorType"] == "Runtime.MarshalError"
        assert error["errorMessage"].startswith("Unable to marshal response: ")
        assert message in error["errorMessage"]


def test_a_response_over_6_mb_fails() -> None:
    """This is the limit of Lambda."""
    answer = invoke_here("handler = lambda event, context: answer(event, more='x' * 7_000_000)")

    assert error_of(answer)["errorType"] == "Function.ResponseSizeTooLarge"


@pytest.mark.parametrize(
    ("treat", "code"),
    [("{}", "TemporaryFailure"), ("{'treatMissingKeysAs': 'Succeeded'}", "Succeeded")],
)
def test_a_task_without_a_result_gets_treat_missing_keys_as(treat: str, code: str) -> None:
    """A result for another task does not count."""
    answer = invoke_here(
        f"""
        def handler(event, context):
            stray = dict(taskId="stray", resultCode="PermanentFailure", resultString="")
            return answer(event) | {{"results": [stray]}} | {treat}
        """
    )

    assert isinstance(answer, Outcome)
    assert answer.code == code


def test_the_first_of_two_results_counts() -> None:
    """AWS does not document this case."""
    answer = invoke_here(
        """
        def handler(event, context):
            first, second = answer(event, text="1"), answer(event, "PermanentFailure", "2")
            return first | {"results": first["results"] + second["results"]}
        """
    )

    assert answer == Outcome(ResultCode.SUCCEEDED, "1")


JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2)
    | st.binary(max_size=4)
    | st.sets(st.integers(), max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(JSON_LIKE)
def test_serialization_agrees_with_the_runtime_of_lambda(value: object) -> None:
    """Exactly the values that the runtime serializes become JSON here."""
    environment = Environment(
        lambda event, context: value, variables={}, timeout=1, environment_id="1-2-3-4"
    )

    answer = environment.invoke(TEMPLATE, ("b", "k", None))

    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    try:
        marshaller.LambdaMarshaller().marshal_response(value)
    except marshaller.FaultException:
        assert error_of(answer)["errorType"] == "Runtime.MarshalError"
    else:
        assert isinstance(answer, InvalidFunctionResponse)  # it may be JSON, but not for S3
