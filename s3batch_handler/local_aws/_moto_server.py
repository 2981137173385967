"""moto's server for S3, S3 Control and STS, with AWS's errors for requests that moto cannot read.

moto raises Python exceptions for many invalid requests, and its web framework turns them into HTML
pages with status 500, which SDKs retry. This module returns errors in AWS's format instead.
"""

from __future__ import annotations

import logging
import re
import traceback
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any, Final, cast
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.documents.manifests._limits import MAX_KEY_BYTES
from s3batch_handler.local_aws._error_responses import is_query_api, is_s3, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from s3batch_handler.local_aws._error_responses import Application, Environ, StartResponse


def moto_server(*, s3_elsewhere: str | None = None) -> Application:
    """Create the application of moto's server, for S3, S3 Control and STS.

    With ``s3_elsewhere``, the URL of another S3, requests to S3 are refused.
    """

    def application_of(service: Any) -> Any:
        if service == "s3" and s3_elsewhere is not None:
            return _refuse_s3
        return create_backend_app(service) if service in _SERVICES else _refuse_service

    def _refuse_s3(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        text = f"This server runs jobs and has no objects: set AWS_ENDPOINT_URL_S3={s3_elsewhere}"
        return refuse(environ, start_response, "501 Not Implemented", "NotImplemented", text)

    moto = cast("Application", DomainDispatcherApplication(application_of))
    return _with_aws_errors(
        _with_checked_authorization(_without_regions(_with_limit_of_keys(moto)))
    )


def reset_aws() -> None:
    """Remove everything that moto has in memory."""
    BackendDict.reset()


_SERVICES: Final = ("s3", "s3control", "sts")  # clients ask STS for the account of credentials


def _refuse_service(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    text = "This service is not available here"
    return refuse(environ, start_response, "501 Not Implemented", "NotImplemented", text)


# ---------------------------------------------------------------- which service


def _with_checked_authorization(application: Application) -> Application:
    """Require an ``Authorization`` header that names a service of this server, if there is one.

    moto looks for the service in it, and fails if the header is malformed. Calls that AWS does not
    want signed, such as AssumeRoleWithWebIdentity, get the header that moto needs.
    """

    def checked(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        # No service that is served uses X-Amz-Target, from which moto would choose another one.
        environ = {name: value for name, value in environ.items() if name != "HTTP_X_AMZ_TARGET"}
        authorization = environ.get("HTTP_AUTHORIZATION")
        if authorization is None and is_query_api(environ):
            environ["HTTP_AUTHORIZATION"] = _UNSIGNED_STS
        elif authorization is not None:
            match = _AUTHORIZATION.fullmatch(authorization)
            if match is None:
                text = "The authorization header is malformed: it has no credential scope like "
                text += "Credential=KEY/20260131/REGION/s3/aws4_request"
                code = "AuthorizationHeaderMalformed"
                return refuse(environ, start_response, "400 Bad Request", code, text)
            service = match["service"] or "s3"  # only S3 accepts signature version 2
            if service.lower() not in _SERVICES:
                return _refuse_service(environ, start_response)
        return application(environ, start_response)

    return checked


def _without_regions(application: Application) -> Application:
    """Leave out the Region of a bucket: the jobs of all Regions can use each bucket."""

    def changed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *others: Any) -> Any:
            kept = [each for each in headers if each[0].lower() != "x-amz-bucket-region"]
            return start_response(status, kept, *others)

        return application(environ, start)

    return changed


def _with_limit_of_keys(application: Application) -> Application:
    """Refuse keys that are longer than S3 allows, which moto accepts."""

    def limited(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        # WSGI has a character for each byte of the path.
        _, _, key = environ.get("PATH_INFO", "").lstrip("/").partition("/")
        if len(key) > MAX_KEY_BYTES and is_s3(environ):
            text = "Your key is too long"
            return refuse(environ, start_response, "400 Bad Request", "KeyTooLongError", text)
        return application(environ, start_response)

    return limited


_AUTHORIZATION: Final = re.compile(
    r"AWS4-\S+\s+Credential=[^/,\s]+/[^/,\s]+/"
    r"(?:[^/,\s]+/)?(?P<service>[^/,\s]+)/aws4_request\s*(?:,.*)?"  # version 4A has no Region
    r"|AWS\s+[^\s:]+:\S+",
    re.DOTALL,
)
_UNSIGNED_STS: Final = (
    "AWS4-HMAC-SHA256 Credential=UNSIGNED/20260101/us-east-1/sts/aws4_request, "
    "SignedHeaders=host, Signature=x"
)


# ---------------------------------------------------------------- errors


def _with_aws_errors(application: Application) -> Application:
    """Convert exceptions and HTML pages into errors in AWS's XML."""

    def converted(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], None]:
            started[:] = status, headers
            return lambda _: None

        try:
            chunks = application(environ, start)
        except Exception as error:
            return refuse(environ, start_response, *_error_for_exception(environ, error))
        status, headers = started
        if status[:1] in "45" and environ["REQUEST_METHOD"] != "HEAD":
            with closing(cast("Any", chunks)) if hasattr(chunks, "close") else nullcontext():
                body = b"".join(chunks)
            if body.lower().startswith(b"<!doctype html") or not (body or is_s3(environ)):
                return refuse(environ, start_response, status, *_error_for_html(status))
            chunks = [body]
        start_response(status, headers)
        return chunks

    return converted


def _error_for_html(status: str) -> tuple[str, str]:
    """Return code and text of the error for an HTML page."""
    if status.startswith("5"):
        _LOG.error("moto answered a request with %s", status)
        return "InternalError", _INTERNAL_ERROR
    code = "".join(word.capitalize() for word in status.split()[1:]) or "BadRequest"
    return code, f"The request cannot be answered: {status}"


def _error_for_exception(environ: Environ, error: Exception) -> tuple[str, str, str]:
    """Return status, code and text of the error for an exception that moto raised."""
    request = safe_line(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}", 300)
    if isinstance(error, NotImplementedError):
        return "501 Not Implemented", "NotImplemented", "This operation is not available here"
    if isinstance(error, (ExpatError, ParseError)):
        return "400 Bad Request", "MalformedXML", "The XML you provided was not well-formed"
    if is_query_api(environ) or _is_from_parsing(error):
        _LOG.warning("moto cannot read a request, %s: %s", request, describe(error))
        code = "InvalidRequest" if is_s3(environ) else "ValidationError"
        text = "The request cannot be read. Check its parameters, headers and body"
        return "400 Bad Request", code, text
    _LOG.error("moto failed at a request, %s", request, exc_info=error)
    return "500 Internal Server Error", "InternalError", _INTERNAL_ERROR


def _is_from_parsing(error: Exception) -> bool:
    """Return whether moto raised an exception while it read a request, not while it ran it."""
    module = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__"))
        if name.startswith(("moto.", "s3batch_handler.")):
            module = name
    return _PARSING_MODULE.fullmatch(module) is not None


_PARSING_MODULE: Final = re.compile(
    r"moto\.(?:[a-z0-9_]+\.responses|core\.(?:parse|request|routing|model)|moto_server\.\w+)"
)
_INTERNAL_ERROR: Final = "We encountered an internal error. Please try again."
_LOG: Final = logging.getLogger("s3batch_handler.local_aws")
