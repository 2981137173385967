"""What the operations share: their type, S3's errors as answers, common parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from s3batch_handler.core._aws_errors import AwsError, aws_error_code
from s3batch_handler.core._classification import classify
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import Answer, ServiceError
from s3batch_handler.engine.state._job_failures import FatalJobError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.jobs._operations import Grant

    S3Operation: TypeAlias = Callable[[ObjectRef], Answer]
    """Changes one object. Raises the errors of the client."""


class Store(NamedTuple):
    """The S3 that has the objects of a job.

    Attributes:
        s3: ``boto3.client("s3")``, or an ``S3Requests``.
        is_imitation: Whether it may not check what S3 checks, as moto: see :func:`look_up`.
        is_stopped: Returns whether the job was stopped, for tasks that take long.
    """

    s3: Any
    is_imitation: bool = True
    is_stopped: Callable[[], bool] = lambda: False


SUCCESSFUL: Final = Outcome(ResultCode.SUCCEEDED, "Successful")
"""The message of successful tasks in AWS's reports (seen for copies, restores and tags)."""


class CannotRun(FatalJobError):
    """The operation of a job is not implemented, or S3 would refuse its settings."""

    def __init__(self, problem: str, *, code: str = "NotImplemented") -> None:
        super().__init__(code, problem)


class UnsupportedObject(ServiceError):
    """An error 501 of S3 that concerns one object only."""

    __slots__ = ()

    def __init__(self, http_status: int, error_code: str, reason: str, details: str = "") -> None:
        super().__init__(http_status, error_code, reason, details)


# ---------------------------------------------------------------- S3


def look_up(s3: Any, item: ObjectRef, **conditions: Any) -> Any:
    """Return S3's description of an object, or raise S3's error if the object does not exist.

    S3 checks that an object exists before it changes it. Imitations do not always: moto sets the
    ACL of a missing object, and fails with a legal hold. ``conditions`` are parameters of boto3's
    HeadObject and GetObject, such as ``IfModifiedSince``.
    """
    try:
        return s3.head_object(**item.location, **conditions)
    except Exception as error:
        if aws_error_code(error) is None:
            raise
    # The response to GET has a body with the error; the response to HEAD has not.
    response = s3.get_object(**item.location, **conditions)
    response["Body"].close()
    return response


def call_for_each(store: Store, call: str, **arguments: Any) -> S3Operation:
    """Return an operation that makes a call of boto3 for each object, if the object exists."""
    method = getattr(store.s3, call)

    def run(item: ObjectRef) -> Answer:
        if store.is_imitation:
            look_up(store.s3, item)
        method(**item.location, **arguments)
        return SUCCESSFUL

    return run


def service_error(error: Exception) -> ServiceError:
    """Return an error of S3 as an answer with the text of AWS's SDK for Java, as reports have it.

    An error without a response of S3 (a lost connection, a request that botocore does not send)
    has the same form.
    """
    classified = classify(error).code
    code = classified or ResultCode.PERMANENT_FAILURE
    aws = AwsError.from_exception(error)
    if aws is None:
        is_ours = classified is ResultCode.PERMANENT_FAILURE
        status, error_code = (400, "InvalidRequest") if is_ours else (500, "InternalError")
        return ServiceError(status, error_code, describe(error), code=code)
    status, error_code, reason = aws.status or 500, aws.code, aws.message
    if aws.status == 304:  # the error of GET; CopyObject with a condition has another one
        status, error_code, reason = 412, "PreconditionFailed", _NOT_MET
    return error_of_s3(status, error_code, reason, aws.request_id, aws.host_id, code=code)


def error_of_s3(
    status: int,
    error_code: str,
    reason: str,
    request_id: str = "",
    host_id: str = "",
    *,
    code: ResultCode = ResultCode.PERMANENT_FAILURE,
) -> ServiceError:
    """Return an error of S3 as an answer."""
    details = (
        f"Service: Amazon S3; Status Code: {status}; Error Code: {error_code}; "
        f"Request ID: {request_id or 'null'}; S3 Extended Request ID: {host_id or 'null'}; "
        "Proxy: null"
    )
    return ServiceError(status, error_code, reason, details, code)


_NOT_MET: Final = "At least one of the pre-conditions you specified did not hold"


# ---------------------------------------------------------------- common parameters


def without_none(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that are not ``None``, because boto3 does not accept ``None``."""
    return {name: value for name, value in arguments.items() if value is not None}


def grant_headers(grants: Iterable[Grant]) -> dict[str, str]:
    """Return grants as the parameters ``GrantRead`` etc. of CopyObject and PutObjectAcl."""
    grantees: dict[str, list[str]] = {}
    for grant in grants:
        grantee = grant.grantee
        if grantee is None or grant.permission is None:
            raise CannotRun(
                "a grant has no Grantee or no Permission: add both", code="InvalidRequest"
            )
        text = f'{grantee.type_identifier}="{grantee.identifier}"'
        grantees.setdefault(_GRANTS[grant.permission], []).append(text)
    return {name: ",".join(texts) for name, texts in grantees.items()}


_GRANTS: Final = {
    "FULL_CONTROL": "GrantFullControl",
    "READ": "GrantRead",
    "WRITE": "GrantWrite",
    "READ_ACP": "GrantReadACP",
    "WRITE_ACP": "GrantWriteACP",
}
