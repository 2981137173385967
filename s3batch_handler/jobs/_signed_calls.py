"""Signed requests of Lambda's Invoke, for an HTTP client that is not botocore's."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import ProxyConfiguration, create_urllib3_context, get_cert_path
from botocore.session import get_session
from botocore.utils import get_environ_proxies

from s3batch_handler.jobs._aws_clients import aws_client

if TYPE_CHECKING:
    import ssl


class SignedCalls:
    """Signs the requests that invoke a function, with the configuration of the AWS CLI.

    Args:
        function_name: Name or ARN, with or without a qualifier.
        region: The Region of the function.
        profile: The profile with the credentials; ``None`` for those of the configuration.

    Attributes:
        url: The address of the function.
        ssl_context: The context for connections, with the certificates of the configuration.
        proxy: The URL of the proxy, if the environment variables name one. It may have a password.

    Raises:
        BotoCoreError: The configuration is not valid.
        OSError: The certificates cannot be read.
        ValueError: The proxy is not an HTTP proxy.
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
        self.ssl_context = _ssl_context(session.get_config_variable("ca_bundle"))
        self.proxy = _proxy_for(self.url)
        self._region = region
        self._credentials = boto3_session.get_credentials()
        self._signer: _Signer | None = None

    def refresh(self) -> None:
        """Refresh credentials that expire soon. This may take seconds; any thread may call it.

        Raises:
            BotoCoreError: There are no credentials, or they cannot be refreshed.
        """
        if self._credentials is None:
            raise NoCredentialsError
        frozen = self._credentials.get_frozen_credentials()
        self._signer = _Signer(SigV4Auth(frozen, "lambda", self._region), self.url)

    def headers(self, payload: bytes) -> dict[str, str]:
        """Return the headers of a request, after :meth:`refresh`."""
        assert self._signer is not None
        return self._signer.headers(payload)


class _Signer:
    """Signs requests to one URL with the same credentials.

    Requests of the same second differ only in their payload and signature. So botocore prepares one
    request for each second, which is three times as fast as one for each call.
    """

    def __init__(self, auth: SigV4Auth, url: str) -> None:
        self._auth = auth
        self._url = url
        self._second = 0

    def headers(self, payload: bytes) -> dict[str, str]:
        now = int(time())
        if now != self._second:
            self._second = now
            self._prepare()
        canonical = self._canonical + hashlib.sha256(payload).hexdigest()
        text = self._auth.string_to_sign(self._request, canonical)
        signature = self._auth.signature(text, self._request)
        return {**self._headers, "Authorization": self._authorization + signature}

    def _prepare(self) -> None:
        self._request = AWSRequest("POST", self._url, data=b"", headers=_HEADERS)
        self._auth.add_auth(self._request)
        authorization = self._request.headers["Authorization"]
        del self._request.headers["Authorization"]
        self._authorization = authorization.rpartition("Signature=")[0] + "Signature="
        self._headers = dict(self._request.headers)
        # Its last line is the hash of the payload.
        self._canonical = self._auth.canonical_request(self._request).rpartition("\n")[0] + "\n"


def _ssl_context(bundle: str | None) -> ssl.SSLContext:
    """Return a context like that of botocore, for a bundle or a folder of certificates."""
    path = bundle or os.environ.get("REQUESTS_CA_BUNDLE") or str(get_cert_path(verify=True))
    context: ssl.SSLContext = create_urllib3_context()
    context.check_hostname = True  # which urllib3 would do itself
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:
        raise OSError(f"cannot read the certificates in {path}: {error}") from error
    return context


def _proxy_for(url: str) -> str | None:
    """Return the URL of the proxy, as botocore finds it."""
    proxy: str | None = ProxyConfiguration(get_environ_proxies(url)).proxy_url_for(url)
    if proxy is not None and not _is_http_address(proxy):
        variable = f"{urlsplit(url).scheme.upper()}_PROXY"
        raise ValueError(f"the value of {variable} is not the address of an HTTP proxy")
    return proxy


def _is_http_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # botocore adds "http://" to the URL of any other kind of proxy
        return bool(parts.hostname) and parts.port != 0 and url.count("://") == 1
    except ValueError:  # the port
        return False


_HEADERS: Final = {"Content-Type": "application/json"}
