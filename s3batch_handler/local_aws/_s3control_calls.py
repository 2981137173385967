"""The job calls of S3 Control, added to moto.

moto implements S3 Control without jobs. This module adds the calls for jobs, which a
:class:`~s3batch_handler.jobs._control.JobControl` runs. moto reads requests and writes responses
and errors according to botocore's service model, so they have the same shapes as in AWS.
"""

from __future__ import annotations

import logging
import re
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from moto import backend_index, mock_aws
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.s3control import urls
from moto.s3control.responses import S3ControlResponse

from s3batch_handler.core._errors import JobError
from s3batch_handler.core._sanitize import short_repr
from s3batch_handler.core._typing import override
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.run._progress_header import PROGRESS_HEADER, to_header
from s3batch_handler.jobs._job import BAD_REQUEST, JobSpec
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.jobs._structures import tag_set
from s3batch_handler.local_aws._early_clients import mock_early_clients
from s3batch_handler.local_aws._engines import is_account_id, is_region
from s3batch_handler.local_aws._request_check import (
    check_body,
    check_query,
    decompress,
    find_job_call,
    has_body,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3batch_handler.jobs._control import JobControl

    GetControl = Callable[[str, str], JobControl]


@contextmanager
def job_calls(get_control: GetControl) -> Iterator[None]:
    """Add the job calls to moto while the block runs.

    Args:
        get_control: Returns the job control of an account ID and a Region.
    """

    def answer(request: Any, url: str, headers: Any) -> Any:
        return _JobCalls(get_control).answer(request, url, headers)

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
def mock_aws_with_job_calls(get_control: GetControl) -> Iterator[None]:
    """Mock AWS with moto, including the job calls, while the block runs."""
    mock_early_clients()
    with job_calls(get_control), mock_aws():
        yield


_PATHS: Final = (r"{0}/v20180820/jobs/?$", r"{0}/v20180820/jobs/(?P<rest>.+)$")

# Clients put the account ID into a header and before the host. Some do not change the host: this
# package's own client does not for local endpoints, because 123456789012.127.0.0.1 is not valid.
_WITHOUT_ACCOUNT: Final = r"https?://s3-control\.(.+)\.amazonaws\.com"


_LOG: Final = logging.getLogger("s3batch_handler.local_aws")


class _JobCalls(S3ControlResponse):
    """One request: moto reads it, calls the method of that name, and writes its result."""

    def __init__(self, get_control: GetControl) -> None:
        super().__init__()
        self._get_control = get_control
        self._operation = ""
        self._job_id: str | None = None
        self.response_headers = {}

    def answer(self, request: Any, url: str, _headers: Any) -> Any:
        try:
            self._operation, self._job_id = find_job_call(request.method, request.path)
            check_query(request.args, self._operation)
            body = _body_of(request) if has_body(self._operation) else b""
            if body:
                check_body(body, self._operation)
            self._read(_with_body(request, body), url)
            return self.call_action()
        except JobError as error:
            return self._refuse(error)

    def _read(self, request: Any, url: str) -> None:
        try:
            self.setup_class(request, url, request.headers, use_raw_body=True)
        except Exception:  # moto raises many kinds for malformed requests
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

    def _refuse(self, error: JobError) -> Any:
        exception = _Refusal(error.code or "InternalServiceException", str(error))
        status, headers, body = self.serialized(ActionResult(exception))
        # moto returns 400 for all errors.
        if error.code is None:  # not caused by the client
            status = 500
            _LOG.error("A request to S3 Control failed: %s", error)
        elif error.code == "MethodNotAllowed":
            status = 405
        return status, *self._enrich_response(headers, body)

    @override
    def serialized(self, action_result: ActionResult) -> Any:
        with warnings.catch_warnings():
            # AWS returns NoSuchJobException, which is not in its service model: moto warns of it.
            warnings.filterwarnings("ignore", r".*does not match an error shape", UserWarning)
            return super().serialized(action_result)

    @property
    def _control(self) -> JobControl:
        account_id = self._get_param("AccountId") or ""
        if not is_account_id(account_id):
            text = f"AccountId: {short_repr(account_id)} does not have 12 digits"
            raise JobError(text, code=BAD_REQUEST)
        if not is_region(self.region):
            raise JobError(f"Invalid Region: {short_repr(self.region)}", code=BAD_REQUEST)
        return self._get_control(account_id, self.region)

    # ------------------------------------------------------------ the calls

    def create_job(self) -> ActionResult:
        spec = JobSpec.from_request(_in_utc(self._get_params()))
        return ActionResult({"JobId": self._control.create_job(spec)})

    def describe_job(self) -> ActionResult:
        control = self._control
        job = control.describe_job(self._get_param("JobId"))
        progress = control.reader.run_progress(job.job_id) if isinstance(control, Engine) else None
        if progress is not None:
            self.response_headers[PROGRESS_HEADER] = to_header(progress)
        return ActionResult({"Job": job.to_description()})

    def list_jobs(self) -> ActionResult:
        page = self._control.list_jobs(
            [
                _parse_status("JobStatuses", status, code="InvalidRequestException")
                for status in self._get_param("JobStatuses", ())
            ],
            max_results=self._get_param("MaxResults", 1000),
            next_token=self._get_param("NextToken"),
        )
        jobs = [job.to_listing() for job in page.jobs]
        return ActionResult({"Jobs": jobs, "NextToken": page.next_token})

    def update_job_status(self) -> ActionResult:
        reason = self._get_param("StatusUpdateReason")
        requested = _parse_status(
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
            raise JobError("Tags: each tag needs a Key and a Value", code=BAD_REQUEST)
        tags = {tag["Key"]: tag["Value"] for tag in given}
        if len(tags) < len(given):
            raise JobError("Tags: the same Key occurs twice", code=BAD_REQUEST)
        self._control.put_job_tagging(self._get_param("JobId"), tags)
        return EmptyResult()

    def delete_job_tagging(self) -> ActionResult:
        self._control.delete_job_tagging(self._get_param("JobId"))
        return EmptyResult()


def _body_of(request: Any) -> bytes:
    """Return the body of a request, decompressed; moto fails at invalid gzip."""
    try:
        body: bytes = request.get_data()
    except OSError:  # for example, chunks with wrong lengths
        raise JobError("the body cannot be read", code=BAD_REQUEST) from None
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    return decompress(body) if encoding == "gzip" else body


def _with_body(request: Any, body: bytes) -> Any:
    """Return the request with this body and the content type of XML.

    moto refuses XML with the content type of JSON or of a form, which AWS accepts.
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
    """Add the time zone to times, which moto converts to UTC and then removes it from."""
    match value:
        case datetime(tzinfo=None):
            return value.replace(tzinfo=UTC)
        case dict():
            return {name: _in_utc(member) for name, member in value.items()}
        case list():
            return [_in_utc(item) for item in value]
    return value


class _Refusal(ServiceException):
    """An error that moto writes with the service model of the request.

    For an exception of its own, moto uses the service that the exception's module is named after.
    """


def _parse_status(member: str, name: str, *, code: str) -> JobStatus:
    """Parse a status: clients do not check enums."""
    try:
        return JobStatus(name)
    except ValueError:
        raise JobError(f"{member}: {short_repr(name)} is not a job status", code=code) from None
