"""An S3-compatible store that exists already, such as Ceph or MinIO."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import S3BatchError
from s3batch_handler.engine.invoke._lambda_environment import profile_variables
from s3batch_handler.jobs._aws_clients import create_session, s3_client, without_retries

if TYPE_CHECKING:
    from pathlib import Path


class UnusableS3(S3BatchError):
    """The settings of a connection to S3 are wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingS3:
    """The S3 that has the objects, manifests and reports of the jobs of a server.

    Attributes:
        endpoint_url: The URL of the store.
        profile: The AWS profile with its credentials; ``None`` for those of the configuration.
        ca_bundle: The certificates of the authorities that the store's certificate is verified
            with; ``None`` for those of the configuration.
        addressing_style: ``path`` or ``virtual``: whether buckets are in the path or in the host.
    """

    endpoint_url: str
    profile: str | None = None
    ca_bundle: Path | None = None
    addressing_style: str = "path"

    @property
    def environment(self) -> dict[str, str]:
        """Return environment variables with which a function uses this S3.

        SDKs have no variable for the addressing style. boto3 puts the bucket into the path if
        there is another endpoint than AWS's.
        """
        ca_bundle = {} if self.ca_bundle is None else {"AWS_CA_BUNDLE": str(self.ca_bundle)}
        checksums = {name: os.environ.get(name, _WHEN_REQUIRED) for name in _CHECKSUMS}
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            **ca_bundle,
            **profile_variables(self.profile),
            **checksums,
        }

    def create_client(self, **options: Any) -> Any:
        """Create a client. ``options`` are botocore's, such as ``max_pool_connections``.

        Raises:
            UnusableS3: The profile does not exist, or the file of certificates cannot be used.
        """
        self._check_certificates()
        checksums = {
            option: _WHEN_REQUIRED for name, option in _CHECKSUMS.items() if name not in os.environ
        }
        try:
            return s3_client(
                create_session(profile=self.profile),
                endpoint_url=self.endpoint_url,
                ca_bundle=None if self.ca_bundle is None else str(self.ca_bundle),
                **{"s3": {"addressing_style": self.addressing_style}, **checksums, **options},
            )
        except ProfileNotFound as error:
            raise UnusableS3(
                f"profile {self.profile}: there is no such profile. 'aws configure list-profiles' "
                "lists them"
            ) from error

    def _check_certificates(self) -> None:
        try:
            ssl.create_default_context(cafile=self.ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise UnusableS3(f"{self.ca_bundle} has no certificates in PEM: {error}") from error

    def check(self) -> str | None:
        """Send a request without retries; return why no response arrives, or ``None``.

        A store that does not respond now may do so later. That it refuses the request with another
        error than those below is not a problem: listing buckets may be forbidden.

        Raises:
            UnusableS3: A setting is wrong, there are no credentials, or the store does not know
                them.
        """
        client = self.create_client(**without_retries(read_timeout=10))
        try:
            client.list_buckets()
        except NoCredentialsError as error:
            raise UnusableS3(
                f"no credentials for {self.endpoint_url}: set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or name a profile"
            ) from error
        except ClientError as error:
            if aws_error_code(error) in _WRONG_CREDENTIALS:
                text = f"{self.endpoint_url} does not accept the credentials: {describe(error)}"
                raise UnusableS3(text) from error
        except BotoCoreError as error:
            return str(error)
        return None


# Stores that are older than these checksums of 2024 refuse requests that have them.
_CHECKSUMS: Final = {
    "AWS_REQUEST_CHECKSUM_CALCULATION": "request_checksum_calculation",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "response_checksum_validation",
}
_WHEN_REQUIRED: Final = "when_required"
_WRONG_CREDENTIALS: Final = ("InvalidAccessKeyId", "SignatureDoesNotMatch")
