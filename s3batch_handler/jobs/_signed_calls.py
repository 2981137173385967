"""Signed requests of Lambda's Invoke, for an HTTP client that is not botocore's."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import get_cert_path
from botocore.session import get_session
from botocore.utils import get_environ_proxies

from s3batch_handler.jobs._aws_clients import aws_client


class SignedCalls:
    """Signs the requests that invoke a function, with the configuration of the AWS CLI.

    Args:
        function_name: Name or ARN, with or without a qualifier.
        region: The Region of the function.
        profile: The profile with the credentials; ``None`` for those of the configuration.

    Attributes:
        url: The address of the function.
        ssl_context: The context for connections, with the certificates of the configuration.
        proxy: The URL of the proxy, if the environment variables name one.

    Raises:
        BotoCoreError: The configuration is not valid.
        OSError: The certificates cannot be read.
    """

    def __init__(self, function_name: str, *, region: str, profile: str | None = None) -> None:
        session = get_session()
        if profile is not None:
            session.set_config_variable("profile", profile)
        boto3_session = boto3.Session(botocore_session=session, region_name=region)
        # The client finds the endpoint, which variables and profiles may change.
        client = aws_client("lambda", boto3_session, endpoint_url=None)
        path = f"/2015-03-31/functions/{quote(function_name, safe='')}/invocations"
        self.url = client.meta.endpoint_url.rstrip("/") + path
        bundle = str(get_cert_path(session.get_config_variable("ca_bundle") or True))
        self.ssl_context = (
            ssl.create_default_context(capath=bundle)
            if Path(bundle).is_dir()
            else ssl.create_default_context(cafile=bundle)
        )
        proxies = get_environ_proxies(self.url)
        self.proxy: str | None = proxies.get(urlsplit(self.url).scheme)
        self._region = region
        self._credentials = boto3_session.get_credentials()
        self._auth: SigV4Auth | None = None

    def refresh(self) -> None:
        """Refresh credentials that expire soon. This may take seconds; any thread may call it.

        Raises:
            BotoCoreError: There are no credentials, or they cannot be refreshed.
        """
        if self._credentials is None:
            raise NoCredentialsError
        frozen = self._credentials.get_frozen_credentials()
        self._auth = SigV4Auth(frozen, "lambda", self._region)

    def headers(self, payload: bytes) -> dict[str, str]:
        """Return the headers of a request, after :meth:`refresh`."""
        assert self._auth is not None
        request = AWSRequest("POST", self.url, data=payload, headers=_HEADERS)
        self._auth.add_auth(request)
        return dict(request.headers)


_HEADERS: Final = {"Content-Type": "application/json"}
