"""The S3 of a job: AWS, the endpoint of ``--endpoint-url``, or a server in this process."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        self, endpoint_url: str | None, *, profile: str | None = None, region: str | None = None
    ) -> None:
        self._endpoint_url = endpoint_url
        self._profile = profile
        self._region = region

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables with which a function uses the same S3."""
        return {"AWS_ENDPOINT_URL_S3": self._endpoint_url} if self._endpoint_url else {}

    @cached_property
    def client(self) -> Any:
        from s3batch_handler.jobs._aws_clients import create_session, s3_client

        session = create_session(profile=self._profile, region=self._region)
        return s3_client(session, endpoint_url=self._endpoint_url)

    def objects(
        self, bucket: str, prefix: str, *, version_ids: bool = False
    ) -> Iterable[ObjectRef]:
        """List the objects of a bucket."""
        from s3batch_handler.jobs._listing import list_objects

        return list_objects(self.client, bucket, prefix, version_ids=version_ids)
