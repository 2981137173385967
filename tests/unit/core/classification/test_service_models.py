"""The classification agrees with the models of all AWS services."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.stub
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
from tests.support.classification_page import DOCS, names_in, row_of
from tests.support.exceptions import TEMPORARY, client_error, code_of

RETRYABLE_BUT_PERMANENT = {
    "AccessDeniedException": "In other services a permission is missing: a redrive does not add it",
    "BulkLoadIdNotFoundException": "HTTP 404: the requested load job does not exist",
    "ConflictException": "In most services a name is taken, or a state is wrong",
    "ConstraintViolationException": "The request itself is wrong",
    "InvalidTokenException": "The token itself is wrong; an expired token has other codes",
    "RangeNotSatisfiableException": "HTTP 416: the object is shorter than the range",
    "ServiceQuotaExceededException": "A quota is exceeded until it is raised or usage decreases",
    "UnprocessableEntityException": "HTTP 422: the input was read, but is not valid",
    "ValidationException": "The request itself is wrong",
}
"""Codes that some service model marks as retryable, and why they are permanent here."""


@functools.cache
def service_models() -> tuple[list[tuple[str, Any]], set[tuple[str, str]]]:
    """Return name and shape of all errors in the models of all services, and all lists of failures.

    They are read once for all tests that need some of them: it takes seconds.
    """
    errors: list[tuple[str, Any]] = []
    failures: set[tuple[str, str]] = set()
    loader = botocore.loaders.Loader()
    for service in loader.list_available_services("service-2"):
        description = loader.load_service_model(service, "service-2")
        shapes = description["shapes"].items()
        errors += ((name, shape) for name, shape in shapes if shape.get("exception"))
        model = botocore.model.ServiceModel(description, service)
        for operation in map(model.operation_model, model.operation_names):
            if operation.output_shape is not None:
                failures |= {*failed_items(operation.output_shape)}
    return errors, failures


def errors_marked_as_retryable() -> Iterator[tuple[str, int]]:
    """Yield code and status from all service models; 400 is what they leave out."""
    for name, shape in service_models()[0]:
        if "retryable" in shape:
            error = shape.get("error", {})
            yield error.get("code", name), error.get("httpStatusCode", 400)


@pytest.mark.slow
def test_errors_that_service_models_mark_as_retryable() -> None:
    """A code of a new botocore is either temporary or listed with a reason."""
    errors = {*errors_marked_as_retryable()}

    permanent = {
        code for code, status in errors if code_of(client_error(code, status)) != TEMPORARY
    }

    assert len(errors) > 40
    assert permanent == RETRYABLE_BUT_PERMANENT.keys()


def test_page_lists_permanent_codes_that_are_marked_as_retryable() -> None:
    """With the same reasons."""
    page = DOCS.read_text()

    assert names_in("Marked as retryable by AWS, and permanent here") == {*RETRYABLE_BUT_PERMANENT}
    for code, reason in RETRYABLE_BUT_PERMANENT.items():
        assert f"| `{code}` | {reason} |" in page


def modeled_errors() -> Iterator[tuple[str, str, int, str]]:
    """Yield shape name, code, status and documentation of all errors in the service models."""
    for name, shape in service_models()[0]:
        error = shape.get("error", {})
        status = error.get("httpStatusCode", 500 if shape.get("fault") else 400)
        words = " ".join(re.sub("<[^>]+>", "", shape.get("documentation", "")).split())
        yield name, error.get("code", name), status, words


@pytest.mark.slow
def test_code_in_the_response_counts_and_not_the_name_in_the_model() -> None:
    """SNS sends ``ConcurrentAccess`` for its ConcurrentAccessException.

    The only exception is ``LimitExceeded`` of IAM, CloudSearch and SES, which is about a quota.
    """
    missed = {
        code
        for name, code, status, _ in modeled_errors()
        if code_of(client_error(name, status)) is TEMPORARY
        and code_of(client_error(code, status)) is not TEMPORARY
    }

    assert missed == {"LimitExceeded"}


PROMISES = re.compile(
    r"\btry .{0,60}again|again later|later retry|retr(y|ied)|throttl|rate exceeded|in progress",
    re.IGNORECASE,
)
CHANGE_FIRST = re.compile(
    r"verify|check (the|your|if)|inspect|choose|specify|update the|correct|different|fewer|reduce"
    r"|remove|resolve|fix|without|review|delete|smaller|quota|permission|exist|valid|unique"
    r"|supported|in use|get a new|change the|close one|initialize|reboot",
    re.IGNORECASE,
)
PROMISED_BUT_PERMANENT = {
    "In other services a name is taken, or a state is wrong": {
        "ConditionalCheckFailedException",
        "ConflictException",
        "InvalidResourceStateException",
        "InvalidResourceStateFault",
    },
    "A limit of the account is exceeded until it is raised or usage decreases": {
        "ApiKeyLimitExceededException",
        "ApiLimitExceededException",
        "ResourceLimitException",
    },
    "The request itself is wrong, or came too late": {
        "ExpiredTradeInTokenException",
        "IdempotentParameterMismatch",
        "IdempotentParameterMismatchException",
        "MultipleRepositoriesInPullRequestException",
        "PipelineExecutionNotStoppableException",
        "StageNotRetryableException",
        "UpdateOutOfSyncException",
    },
    "The resource does not exist, or access is denied": {
        "NotFoundException",
        "ScanNotFoundException",
        "UnauthorizedException",
    },
    "A person has to change something first": {
        "BillingViewHealthStatusException",
        "KmsDisabled",
        "KmsKeyDisabledException",
        "SubscriptionRequiredException",
        "TagOptionNotMigratedException",
    },
}
"""Codes whose documentation recommends a later retry, and why they are permanent here."""


@pytest.mark.slow
def test_errors_whose_documentation_recommends_a_later_retry() -> None:
    """A new code of botocore must be temporary, or be listed with a reason.

    Documentation that asks to change something first ("verify the name and try again") does not
    count, because it concerns another request.
    """
    recommended = {
        (code, status)
        for _, code, status, words in modeled_errors()
        if PROMISES.search(words) and not CHANGE_FIRST.search(words)
    }

    permanent = {
        code for code, st in recommended if code_of(client_error(code, st)) is not TEMPORARY
    }

    assert len(recommended) > 150
    assert permanent == set().union(*PROMISED_BUT_PERMANENT.values())


def test_page_lists_permanent_codes_whose_documentation_recommends_a_retry() -> None:
    """With the same reasons."""
    for reason, codes in PROMISED_BUT_PERMANENT.items():
        assert set(re.findall(r"`([^`]+)`", row_of(reason))) == codes


BUSY = re.compile(
    r"(number|limit) of (active|running|outstanding|in-flight)|is already running|another .* run\b"
    r"|(active|running) (sessions?|statements?|executions?|jobs?)|jobs running|in a short period",
    re.IGNORECASE,
)
BUSY_BUT_PERMANENT = {
    "AccountChannelLimitExceededException": "channels remain until they are deleted",
    "AttachmentLimitExceeded": "EC2 uses it for a limit of an instance",
    "HumanLoopQuotaExceededException": "people take days",
    "MaxActiveResourcesExceededException": "resource types remain until they are deleted",
    "NoUpdateAvailableException": "there is nothing to do",
    "SchedulerRunningException": "a scheduler runs until it is stopped",
    "TooManyHealthChecks": "health checks remain until they are deleted",
    "WorkflowExecutionAlreadyStartedFault": "the same workflow has been started",
}
"""Codes about something that is running or active, and why they are permanent here."""


@pytest.mark.slow
def test_errors_for_too_much_concurrent_work() -> None:
    """A code of a new botocore is either temporary or listed with a reason."""
    busy = {(code, status) for _, code, status, words in modeled_errors() if BUSY.search(words)}

    permanent = {code for code, st in busy if code_of(client_error(code, st)) is not TEMPORARY}

    assert len(busy) > 20
    assert permanent == BUSY_BUT_PERMANENT.keys()


def failed_items(output: Any) -> Iterator[tuple[str, str]]:
    """Yield list and key where an output shape has a list of failures with codes."""
    for name, shape in output.members.items():
        about = re.search("error|fail|unprocessed|unsuccessful", name, re.IGNORECASE)
        if about and shape.type_name == "list" and shape.member.type_name == "structure":
            for key, member in shape.member.members.items():
                if re.fullmatch("(error|failure)?code", key, re.IGNORECASE):
                    yield name, key
                elif "error" in key.lower() and member.type_name == "structure":
                    yield from ((name, f"{key}.{k}") for k in member.members if "Code" in k)


@pytest.mark.slow
def test_lists_of_failed_items_in_the_models_of_all_services() -> None:
    """A partial failure is recognized in each list of codes in AWS's responses."""
    _, found = service_models()

    class NotAllDoneError(Exception):
        response: Any

    missed = set()
    for name, path in found:
        entry: Any = "SlowDown"
        for key in reversed(path.split(".")):
            entry = {key: entry}
        error = NotAllDoneError()
        error.response = {name: [entry]}
        if code_of(error) is not TEMPORARY:
            missed.add((name, path))

    assert len(found) > 60
    assert missed == set()
