"""Requests to AWS that end soon, and what their errors mean."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from s3batch_handler.cli._errors import error_line
from s3batch_handler.cli.doctor._check import cannot_tell, error
from s3batch_handler.core._aws_errors import AwsError

if TYPE_CHECKING:
    from s3batch_handler.cli.doctor._check import Check


class Connection:
    """The account, Region and endpoint that the options and the environment name."""

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
    ) -> None:
        self._profile = profile
        self._region = region
        self._endpoint_url = endpoint_url

    @cached_property
    def session(self) -> Any:
        """Return a session; each thread needs one of its own."""
        from s3batch_handler.jobs._aws_clients import create_session

        return create_session(profile=self._profile, region=self._region)

    @property
    def region(self) -> str:
        """Return the Region of the clients."""
        return self.session.region_name or "us-east-1"

    def client(self, service: str) -> Any:
        """Create a client whose requests are sent once."""
        from s3batch_handler.jobs._aws_clients import aws_client, without_retries

        return aws_client(
            service,
            self.session,
            endpoint_url=self._endpoint_url,
            connect_timeout=_CONNECT_TIMEOUT,
            **without_retries(read_timeout=_READ_TIMEOUT),
        )


_CONNECT_TIMEOUT: Final = 4
_READ_TIMEOUT: Final = 8


class FailedRequest(Protocol):
    """A function such as :func:`failed_request`."""

    def __call__(
        self, name: str, problem: Exception, *, permission: str, missing: str = ""
    ) -> Check:
        """Return the result of a check whose request failed."""
        ...


def failed_request(name: str, problem: Exception, *, permission: str, missing: str = "") -> Check:
    """Return the result of a check whose request failed.

    Args:
        name: The name of the check.
        problem: The error of boto3.
        permission: The permission that the request needs.
        missing: What is wrong if AWS does not find what was asked for.
    """
    aws = AwsError.from_exception(problem)
    code = aws.code if aws is not None else type(problem).__name__
    if missing and code in NOT_FOUND:
        return error(name, missing, "check the name, the account (--profile) and the Region")
    if code in DENIED:
        return cannot_tell(
            name, f"the credentials may not call {permission}", f"allow {permission}"
        )
    if code in NO_CREDENTIALS:
        return cannot_tell(name, "there are no credentials", "see the check of credentials")
    if code in EXPIRED or code in INVALID:
        return cannot_tell(name, f"AWS refused the credentials ({code})", "renew them")
    return cannot_tell(name, error_line(problem))


NO_CREDENTIALS: Final = {"NoCredentialsError", "PartialCredentialsError"}
EXPIRED: Final = {
    *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
    *("UnauthorizedSSOTokenError", "SSOTokenLoadError", "TokenRetrievalError"),
}
INVALID: Final = {
    *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
    *("SignatureDoesNotMatch", "InvalidSignatureException", "InvalidToken", "AuthFailure"),
}
DENIED: Final = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}
NOT_FOUND: Final = {
    *("404", "NoSuchBucket", "NoSuchEntity", "ResourceNotFoundException", "NoSuchEntityException"),
}
