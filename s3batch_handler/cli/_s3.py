"""The S3 of a job: AWS, the endpoint of ``--endpoint-url``, or a server in this process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.engine.invoke._lambda_environment import profile_variables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.cli.job._aws_services import AwsServices
    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.local_aws._folder_server import EmbeddedS3


class HasClient(Protocol):
    """An S3 whose client is created when it is needed."""

    @property
    def client(self) -> Any:
        """Return a client of boto3."""
        ...


S3: TypeAlias = "RemoteS3 | EmbeddedS3"


class RemoteS3:
    """AWS, or the S3 at an endpoint. boto3 is imported when it is needed: that is slow."""

    def __init__(
        self,
        endpoint_url: str | None,
        *,
        profile: str | None = None,
        region: str | None = None,
        connections: int = 10,
    ) -> None:
        self._endpoint_url = endpoint_url
        self._profile = profile
        self._region = region
        self._connections = connections

    @property
    def environment(self) -> dict[str, str]:
        """Return environment variables with which a function uses the same S3 and credentials."""
        variables = {}
        if self._endpoint_url:
            variables["AWS_ENDPOINT_URL_S3"] = self._endpoint_url
        if self._region:
            variables |= dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), self._region)
        return variables | profile_variables(self._profile or None)

    def check_profile(self) -> None:
        """Check that the profile exists.

        Raises:
            InvalidArgument: It does not.
        """
        if self._profile is None:
            return
        from s3batch_handler.jobs._aws_clients import profiles

        if self._profile not in profiles():
            raise InvalidArgument(
                f"--profile {self._profile}: there is no such profile. "
                "'aws configure list-profiles' lists them"
            )

    @cached_property
    def _session(self) -> Any:
        from s3batch_handler.jobs._aws_clients import create_session

        return create_session(profile=self._profile, region=self._region)

    @cached_property
    def client(self) -> Any:
        from s3batch_handler.jobs._aws_clients import s3_client

        return s3_client(
            self._session, endpoint_url=self._endpoint_url, max_pool_connections=self._connections
        )

    def objects(
        self, bucket: str, prefix: str, *, version_ids: bool = False
    ) -> Iterable[ObjectRef]:
        """List the objects of a bucket."""
        from s3batch_handler.jobs.listing._objects import list_objects

        return list_objects(self.client, bucket, prefix, version_ids=version_ids)


@dataclass(frozen=True, slots=True)
class S3OfServices:
    """The S3 of an account, for manifests."""

    services: AwsServices

    @property
    def client(self) -> Any:
        """Return a client of boto3."""
        return self.services.s3
