"""The S3 of a job: AWS, the endpoint of ``--endpoint-url``, or a server in this process."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from s3batch_handler.core._model import ObjectRef


class S3(Protocol):
    """The S3 of a job: AWS's, the one at ``--endpoint-url``, or our own."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that tell the function of it."""
        ...

    @property
    def client(self) -> Any:
        """A boto3 client."""
        ...

    def objects(self, bucket: str, prefix: str) -> Iterable[ObjectRef]:
        """List a bucket."""
        ...


class RemoteS3:
    """An S3 that is not our own. boto3 is slow to come, so it comes when it is needed."""

    def __init__(
        self, endpoint_url: str | None, *, profile: str | None = None, region: str | None = None
    ) -> None:
        self._endpoint_url = endpoint_url
        self._profile = profile
        self._region = region

    @property
    def environment(self) -> Mapping[str, str]:
        return {"AWS_ENDPOINT_URL_S3": self._endpoint_url} if self._endpoint_url else {}

    @cached_property
    def client(self) -> Any:
        from s3batch_handler.jobs._aws_clients import create_session, s3_client

        session = create_session(profile=self._profile, region=self._region)
        return s3_client(session, endpoint_url=self._endpoint_url)

    def objects(
        self, bucket: str, prefix: str, *, version_ids: bool = False
    ) -> Iterable[ObjectRef]:
        from s3batch_handler.jobs._aws_clients import list_objects

        return list_objects(self.client, bucket, prefix, version_ids=version_ids)
