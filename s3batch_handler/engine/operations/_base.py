"""What the operations have in common: what they are, and what S3 says when it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from s3batch_handler.core._classification import AwsError, aws_error_code, classify, describe
from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import Answer, Refused
from s3batch_handler.jobs._job_failures import FatalJobError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.jobs._shapes import Grant

    S3Operation: TypeAlias = Callable[[ObjectRef], Answer]
    """Does its work on one object. What S3 refuses, it raises as the client did."""

SUCCESSFUL: Final = Outcome(ResultCode.SUCCEEDED, "Successful")
"""What reports of AWS say of tasks that were done (seen of copies, restores and tags)."""


class CannotRun(FatalJobError):
    """A job asks for what nothing here can do, or S3 itself would refuse."""

    def __init__(self, problem: str, *, code: str = "NotImplemented") -> None:
        super().__init__(code, problem)


class RefusedObject(Refused):
    """A refusal of one object only, although S3 answers 501."""

    __slots__ = ()


# ---------------------------------------------------------------- asking S3


def look_up(s3: Any, item: ObjectRef, **conditions: Any) -> Any:
    """Give S3's description of an object; raise what S3 says if it is not there.

    S3 itself looks before it does anything. Imitations of it don't always: moto sets the ACL of
    what is not there, and breaks down at a legal hold. ``conditions`` are boto3's for both
    HeadObject and GetObject, ``IfModifiedSince`` and the like.
    """
    try:
        return s3.head_object(**item.location, **conditions)
    except Exception as error:
        if aws_error_code(error) is None:
            raise
    # A GET has a body to say what is wrong, which a HEAD has not.
    answer = s3.get_object(**item.location, **conditions)
    answer["Body"].close()
    return answer


def refusal_of(error: Exception) -> Refused:
    """Give what S3 refused, in the words of AWS's SDK for Java: those are what reports have.

    An error that is no answer of S3 (the connection failed, botocore refused to send the request)
    is told in the same form.
    """
    verdict = classify(error).code
    code = verdict or ResultCode.PERMANENT_FAILURE
    aws = AwsError.of(error)
    if aws is None:
        is_ours = verdict is ResultCode.PERMANENT_FAILURE
        status, error_code = (400, "InvalidRequest") if is_ours else (500, "InternalError")
        return Refused(status, error_code, describe(error), code=code)
    told = aws.status or 500, aws.code, aws.message
    if aws.status == 304:  # as GET says it; a copy on a condition is refused in other words
        told = 412, "PreconditionFailed", _NOT_MET
    return refused_by_s3(*told, aws.request_id, aws.host_id, code=code)


def refused_by_s3(
    status: int,
    error_code: str,
    reason: str,
    request_id: str = "",
    host_id: str = "",
    *,
    code: ResultCode = ResultCode.PERMANENT_FAILURE,
) -> Refused:
    """Give a refusal of S3's."""
    details = (
        f"Service: Amazon S3; Status Code: {status}; Error Code: {error_code}; "
        f"Request ID: {request_id or 'null'}; S3 Extended Request ID: {host_id or 'null'}; "
        "Proxy: null"
    )
    return Refused(status, error_code, reason, details, code)


_NOT_MET: Final = "At least one of the pre-conditions you specified did not hold"


# ---------------------------------------------------------------- parameters that several have


def given(**arguments: Any) -> dict[str, Any]:
    """Leave out what is ``None``, which boto3 does not."""
    return {name: value for name, value in arguments.items() if value is not None}


def grant_headers(grants: Iterable[Grant]) -> dict[str, str]:
    """Give grants as boto3's ``GrantRead`` and so on, which CopyObject and PutObjectAcl take."""
    grantees: dict[str, list[str]] = {}
    for grant in grants:
        grantee = grant.grantee
        if grantee is None or grant.permission is None:
            raise CannotRun("a grant needs a Grantee and a Permission", code="InvalidRequest")
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
