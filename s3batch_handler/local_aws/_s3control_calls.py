"""S3 Control's job calls, added to moto.

moto implements S3 Control without jobs. This module adds the calls for jobs, which any
:class:`~s3batch_handler.jobs.JobControl` answers. moto reads requests and writes responses and
errors by botocore's service model, so their shapes are AWS's own.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from moto import backend_index, mock_aws
from moto.core.exceptions import ServiceException
from moto.core.parse import RequestParserError
from moto.core.responses import ActionResult, EmptyResult
from moto.s3control import urls
from moto.s3control.responses import S3ControlResponse
from typing_extensions import override

from s3batch_handler.core._errors import JobError
from s3batch_handler.core._sanitize import short_repr
from s3batch_handler.jobs._job import BAD_REQUEST, JobSpec
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._structures import tag_set
from s3batch_handler.local_aws._request_check import (
    InvalidRequest,
    check_body,
    check_query,
    decompressed,
    has_body,
    job_call,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.jobs._control import JobControl

    ControlOf = Callable[[str, str], JobControl]


def one_for_each(make: ControlOf, *, most: int = 10_000) -> ControlOf:
    """Create the job control of an account and a Region at its first request.

    More than ``most`` of them are refused, because each uses resources until the server ends.
    """
    lock = threading.Lock()
    made: dict[tuple[str, str], JobControl] = {}

    def control_of(account_id: str, region: str) -> JobControl:
        place = account_id, region
        with lock:
            if place not in made and len(made) >= most:
                raise JobError(
                    f"This server has jobs of {most} accounts and Regions, the maximum. Use one of "
                    "these, or start another server",
                    code="TooManyRequestsException",
                )
            if place not in made:
                made[place] = make(account_id, region)
            return made[place]

    return control_of


@contextmanager
def job_calls(control_of: ControlOf) -> Iterator[None]:
    """Let moto answer the job calls while the block runs, then leave moto as it was.

    Args:
        control_of: Gives the jobs of an account (its id) in a Region. Jobs of others are unknown
            there, as in AWS.
    """

    def answer(request: Any, url: str, headers: Any) -> Any:
        return _JobCalls(control_of).answer(request, url, headers)

    patterns = backend_index.backend_url_patterns
    with (
        patch.dict(urls.url_paths, dict.fromkeys(_PATHS, answer)),
        patch.object(urls, "url_bases", [*urls.url_bases, _WITHOUT_ACCOUNT]),
        patch.object(
            backend_index,
            "backend_url_patterns",
            [*patterns, ("s3control", re.compile(_WITHOUT_ACCOUNT))],
        ),
    ):
        yield


@contextmanager
def mock_aws_with_job_calls(control_of: ControlOf) -> Iterator[None]:
    """Replace AWS by moto's ``mock_aws``, with the job calls, while the block runs."""
    with job_calls(control_of), mock_aws():
        yield


_PATHS: Final = (r"{0}/v20180820/jobs/?$", r"{0}/v20180820/jobs/(?P<rest>.+)$")

# Clients put the account id into a header, and before the host as well. Some leave the host as it
# is: our own does for any endpoint but AWS's, since 123456789012.127.0.0.1 leads nowhere.
_WITHOUT_ACCOUNT: Final = r"https?://s3-control\.(.+)\.amazonaws\.com"


_NOT_ALLOWED: Final = "The specified method is not allowed against this resource."

# Exceptions that moto raises for a malformed request, on purpose or because of a missing check.
_UNREADABLE: Final = (
    RequestParserError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    NameError,
    RecursionError,
)
_LOG: Final = logging.getLogger("s3batch_handler.local_aws._server")
_ACCOUNT_ID: Final = re.compile("[0-9]{12}", re.ASCII)
_REGION: Final = re.compile("[a-z0-9-]{1,32}", re.ASCII)


def is_place(account_id: str, region: str) -> bool:
    """Return whether these are a valid account ID and Region."""
    return bool(_ACCOUNT_ID.fullmatch(account_id) and _REGION.fullmatch(region))


class _JobCalls(S3ControlResponse):
    """One request: moto reads it, calls the method of its name, and writes what that returns."""

    def __init__(self, control_of: ControlOf) -> None:
        super().__init__()
        self._control_of = control_of
        self._operation = ""
        self._job_id: str | None = None
        self.response_headers = {}

    def answer(self, request: Any, url: str, _headers: Any) -> Any:
        call = job_call(request.method, request.path)
        if call is None:
            return self._refused(JobError(_NOT_ALLOWED, code="MethodNotAllowed"))
        self._operation, self._job_id = call
        try:
            check_query(request.args, self._operation)
            body = _body_of(request) if has_body(self._operation) else b""
            if body:
                check_body(body, self._operation)
            self._read(_with_body(request, body), url)
        except InvalidRequest as error:
            return self._refused(JobError(str(error), code=error.code))
        except JobError as error:
            return self._refused(error)
        return self.call_action()

    def _read(self, request: Any, url: str) -> None:
        try:
            self.setup_class(request, url, request.headers, use_raw_body=True)
        except _UNREADABLE:
            raise JobError("the request cannot be read", code=BAD_REQUEST) from None

    @override
    def _get_action(self) -> str:
        return self._operation  # moto would prefer an Action of the query string or of a header

    @override
    def parse_parameters(self, request: Any) -> None:
        self._get_action_from_method_and_request_uri(request)  # reads the account ID in the host
        self.uri_match = {**self.uri_match, "id": self._job_id}
        super().parse_parameters(request)

    @override
    def determine_response_protocol(self, service_model: Any) -> str:
        return str(service_model.protocol)

    @override
    def call_action(self) -> Any:
        try:
            return super().call_action()
        except JobError as error:
            return self._refused(error)

    def _refused(self, error: JobError) -> Any:
        status, headers, body = self.serialized(ActionResult(_Refusal(error)))
        # moto answers all errors with 400.
        if error.code is None:  # not the client's fault
            status = 500
            _LOG.error("A request to S3 Control failed: %s", error)
        elif error.code == "MethodNotAllowed":
            status = 405
        return status, *self._enrich_response(headers, body)

    @override
    def serialized(self, action_result: ActionResult) -> Any:
        with warnings.catch_warnings():
            # AWS says NoSuchJobException, which its own service model does not have: moto warns.
            warnings.filterwarnings("ignore", r".*does not match an error shape", UserWarning)
            return super().serialized(action_result)

    @property
    def _control(self) -> JobControl:
        account_id = self._get_param("AccountId") or ""
        if not _ACCOUNT_ID.fullmatch(account_id):
            raise JobError(
                f"AccountId: {short_repr(account_id)} is not of 12 digits", code=BAD_REQUEST
            )
        if not _REGION.fullmatch(self.region):
            raise JobError(f"the Region {short_repr(self.region)} is none", code=BAD_REQUEST)
        return self._control_of(account_id, self.region)

    # ------------------------------------------------------------ the calls

    def create_job(self) -> ActionResult:
        spec = JobSpec.from_request(_in_utc(self._get_params()))
        return ActionResult({"JobId": self._control.create_job(spec)})

    def describe_job(self) -> ActionResult:
        job = self._control.describe_job(self._get_param("JobId"))
        return ActionResult({"Job": job.to_description()})

    def list_jobs(self) -> ActionResult:
        page = self._control.list_jobs(
            [
                _status("JobStatuses", status, code="InvalidRequestException")
                for status in self._get_param("JobStatuses", ())
            ],
            max_results=self._get_param("MaxResults", 1000),
            next_token=self._get_param("NextToken"),
        )
        jobs = [job.to_listing() for job in page.jobs]
        return ActionResult({"Jobs": jobs, "NextToken": page.next_token})

    def update_job_status(self) -> ActionResult:
        reason = self._get_param("StatusUpdateReason")
        requested = _status(
            "RequestedJobStatus", self._get_param("RequestedJobStatus"), code=BAD_REQUEST
        )
        job = self._control.update_job_status(self._get_param("JobId"), requested, reason)
        return ActionResult(
            {"JobId": job.job_id, "Status": job.status, "StatusUpdateReason": reason}
        )

    def update_job_priority(self) -> ActionResult:
        job = self._control.update_job_priority(
            self._get_param("JobId"), self._get_param("Priority")
        )
        return ActionResult({"JobId": job.job_id, "Priority": job.priority})

    def get_job_tagging(self) -> ActionResult:
        tags = self._control.get_job_tagging(self._get_param("JobId"))
        return ActionResult({"Tags": tag_set(tags)})

    def put_job_tagging(self) -> ActionResult:
        given = self._get_param("Tags", ())
        if not all(tag.keys() >= {"Key", "Value"} for tag in given):
            raise JobError("Tags: each needs a Key and a Value", code=BAD_REQUEST)
        tags = {tag["Key"]: tag["Value"] for tag in given}
        if len(tags) < len(given):
            raise JobError("Tags: a Key may be there only once", code=BAD_REQUEST)
        self._control.put_job_tagging(self._get_param("JobId"), tags)
        return EmptyResult()

    def delete_job_tagging(self) -> ActionResult:
        self._control.delete_job_tagging(self._get_param("JobId"))
        return EmptyResult()


def _body_of(request: Any) -> bytes:
    """Return the body of a request; moto would fail at one that is not valid gzip."""
    try:
        body: bytes = request.get_data()
    except OSError:  # such as chunks whose lengths are wrong
        raise InvalidRequest("the body cannot be read") from None
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    return decompressed(body) if encoding == "gzip" else body


def _with_body(request: Any, body: bytes) -> Any:
    """Return the request with an XML body, whatever its headers say.

    moto would refuse XML with the content type of JSON or of a form, which AWS accepts.
    """
    environ = {
        **request.environ,
        "CONTENT_TYPE": "application/xml",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    for name in ("HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING", "wsgi.input_terminated"):
        environ.pop(name, None)
    return type(request)(environ)


def _in_utc(value: Any) -> Any:
    """Give points in time their time zone, which moto takes off after having converted them."""
    match value:
        case datetime(tzinfo=None):
            return value.replace(tzinfo=UTC)
        case dict():
            return {name: _in_utc(member) for name, member in value.items()}
        case list():
            return [_in_utc(item) for item in value]
    return value


class _Refusal(ServiceException):
    """An error as moto writes it."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.code or "InternalServiceException", str(error))


def _status(member: str, name: str, *, code: str) -> JobStatus:
    """Read a status; clients check no enums."""
    try:
        return JobStatus(name)
    except ValueError:
        raise JobError(f"{member}: {short_repr(name)} is no status of a job", code=code) from None
