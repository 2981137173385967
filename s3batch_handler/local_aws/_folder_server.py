"""A folder as a bucket: moto's S3 server on loopback, for as long as a job runs.

A function that reads objects with boto3 runs on local files unchanged. Files are read at each
request; objects that the function writes are kept in memory, or in temporary files if they are
large. The server answers only requests that are made with the access key of this job, because other
users of the machine, and pages in a browser, can reach loopback, too.
"""

from __future__ import annotations

import errno
import io
import os
import re
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from s3batch_handler.core._keys import is_utf8
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.jobs._aws_clients import local_s3_client
from s3batch_handler.local_aws._error_responses import is_query_api, refuse
from s3batch_handler.local_aws._folder_bucket import (
    REGION,
    accepting_create_bucket,
    bucket_names,
    folder_as_bucket,
    new_buckets,
    objects_in,
    objects_written_to,
)
from s3batch_handler.local_aws._http_server import http_server, listening_socket, url_of
from s3batch_handler.local_aws._moto_server import moto_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from s3batch_handler.local_aws._error_responses import Application, Environ, StartResponse


@contextmanager
def serve_folder(
    folder: Path, bucket: str, *, empty_buckets: Iterable[str] = (), leave_out: Iterable[Path] = ()
) -> Iterator[EmbeddedS3]:
    """Serve the files of a folder as the objects of a bucket, on a free port of 127.0.0.1.

    A key is a file's path below the folder. Links that lead out of the folder are left out.

    Args:
        folder: The folder to serve.
        bucket: The name of the bucket.
        empty_buckets: Further buckets, for functions that write. A function may also create them.
        leave_out: Files and folders in the folder that are not served.

    Raises:
        OSError: The folder cannot be listed.
    """
    access_key_id = secrets.token_hex(16)
    application = _require_credentials(access_key_id, moto_server())
    others = bucket_names()
    with (
        folder_as_bucket(folder, bucket, leave_out=leave_out) as keys,
        new_buckets(empty_buckets) as backend,
        accepting_create_bucket(backend, empty_buckets),
        listening_socket() as listening,
        http_server(application, listening),
    ):
        yield EmbeddedS3(url_of(listening), access_key_id, bucket, keys, others)


@dataclass(frozen=True)
class EmbeddedS3:
    """The S3 of a folder that is served: how to reach it, and what was written to it."""

    endpoint_url: str
    access_key_id: str
    bucket: str
    keys: list[str]
    other_buckets: set[str]  # those of other servers in this process

    @property
    def environment(self) -> dict[str, str]:
        """Return environment variables with which any AWS SDK uses this S3, and not AWS."""
        return environment_for(self.endpoint_url, self.access_key_id)

    @cached_property
    def client(self) -> Any:
        """Create a boto3 client of this S3, once."""
        return local_s3_client(self.access_key_id, endpoint_url=self.endpoint_url)

    def objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectRef]:
        """List the folder, as a listing over HTTP would, but much faster.

        Also yields files whose names are not valid UTF-8. S3 cannot have them: their tasks fail.
        """
        for key in self.keys:
            if key.startswith(prefix):
                yield ObjectRef(bucket=bucket, key=key, version_id=None)

    def written(self) -> dict[str, int]:
        """Count the objects that were written, by bucket; the files of the folder do not count.

        Includes buckets that a function created, in any account.
        """
        buckets = sorted(bucket_names() - self.other_buckets)
        counts = {bucket: len(objects_written_to(bucket)) for bucket in buckets}
        return {bucket: count for bucket, count in counts.items() if count}

    def deleted(self) -> int:
        """Count the objects of the folder's bucket that were deleted; the files are still there."""
        present = objects_in(self.bucket)
        return sum(is_utf8(key) and key not in present for key in self.keys)

    def save(self, bucket: str, folder: Path) -> Iterator[tuple[str, bool]]:
        """Save the objects written to a bucket as files; yield each key, and whether it is saved.

        A key that leads out of the folder, that the file system cannot hold, or that means the
        same file as another one (``a//b``) is left out.

        Raises:
            OSError: The folder cannot be written to, or the disk is full.
        """
        target = LocalFolder(folder)
        saved: set[str] = set()
        objects = [
            (re.sub("/+", "/", key.strip("/")), key, item)
            for key, item in objects_written_to(bucket).items()
        ]
        objects.sort(key=lambda each: each[0] != each[1])  # a file's own key comes first
        if objects:  # an error here concerns the folder, not the name of an object
            folder.mkdir(parents=True, exist_ok=True)
        for name, key, item in objects:
            is_folder = key.endswith("/")  # consoles create such objects for folders
            is_saved = name not in saved and not is_folder and _write(target, key, item.value)
            if is_saved:
                saved.add(name)
            yield key, is_saved


def _write(target: LocalFolder, key: str, content: bytes) -> bool:
    """Write a file; return whether the folder can have a file of that name."""
    try:
        target.write(key, io.BytesIO(content))
    except ValueError:
        return False
    except OSError as error:
        if error.errno not in _IMPOSSIBLE_NAME:
            raise
        return False
    return True


_IMPOSSIBLE_NAME: Final = {
    errno.EEXIST,
    errno.EILSEQ,
    errno.EINVAL,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
}


def environment_for(endpoint_url: str, access_key_id: str) -> dict[str, str]:
    """Return environment variables with which any AWS SDK uses an S3 on this machine.

    They override all settings for AWS itself, and prevent the use of proxies.
    """
    host = urlsplit(endpoint_url).hostname
    others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    no_proxy = f"{others},{host}" if others else f"{host}"
    return {
        "AWS_ENDPOINT_URL_S3": endpoint_url,
        "AWS_ENDPOINT_URL_STS": endpoint_url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_USE_DUALSTACK_ENDPOINT": "false",
        "AWS_USE_FIPS_ENDPOINT": "false",
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": access_key_id,
        "AWS_SESSION_TOKEN": "",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def _require_credentials(access_key_id: str, application: Application) -> Application:
    """Require valid credentials in requests and presigned URLs; moto itself accepts all.

    Credentials that STS issues to a client with valid credentials are valid, too.
    """
    valid = {access_key_id}

    def checked(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        credentials = f"{environ.get('HTTP_AUTHORIZATION', '')}&{environ.get('QUERY_STRING', '')}"
        if valid.isdisjoint(_WORD.findall(credentials)):
            text = _UNSIGNED if is_query_api(environ) else "Access Denied"
            return refuse(environ, start_response, "403 Forbidden", "AccessDenied", text)
        body = application(environ, start_response)
        if _FOR_STS.search(credentials):
            return [_ACCESS_KEY_ID.sub(accept_key, b"".join(body))]
        return body

    def accept_key(match: re.Match[bytes]) -> bytes:
        # moto's GetSessionToken and GetFederationToken always return AWS's example key, which any
        # user of this machine knows. A key of the same length keeps the Content-Length right.
        key = match[0]
        if key == b"AKIAIOSFODNN7EXAMPLE":
            key = b"ASIA" + secrets.token_hex(8).upper().encode()
        valid.add(key.decode())
        return key

    return checked


_UNSIGNED: Final = (
    "This server accepts only requests that are signed with the credentials of this job. Use "
    "AssumeRole in place of AssumeRoleWithWebIdentity and AssumeRoleWithSAML, which are not signed"
)
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_FOR_STS: Final = re.compile(r"(/|%2F)sts(/|%2F)aws4_request", re.IGNORECASE)
_ACCESS_KEY_ID: Final = re.compile(rb"(?<=<AccessKeyId>)[A-Za-z0-9]+(?=</AccessKeyId>)")
