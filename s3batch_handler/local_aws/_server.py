"""S3 and S3 Control on this machine for any HTTP client: boto3, the AWS CLI, other languages.

This is moto's S3 and STS, with calls for jobs. Or it runs jobs for an S3 that exists already, and
has no S3 itself. Jobs run only the functions that the server was started with. Any credentials are
accepted, as in moto. Web pages could abuse that, so requests with an ``Origin``, and those for a
host name that is not the server's, are refused.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from s3batch_handler.engine.state._state_folder import folder_lock
from s3batch_handler.jobs._aws_clients import local_s3_client
from s3batch_handler.local_aws._allowed_hosts import for_own_hosts
from s3batch_handler.local_aws._engines import Engines
from s3batch_handler.local_aws._folder_bucket import folder_as_bucket
from s3batch_handler.local_aws._folder_listing import bucket_name_for
from s3batch_handler.local_aws._folder_server import environment_for
from s3batch_handler.local_aws._http_server import LOOPBACK, http_server, listening_socket, url_of
from s3batch_handler.local_aws._moto_server import moto_server, reset_aws
from s3batch_handler.local_aws._page_mount import with_pages
from s3batch_handler.local_aws._page_source import ServerJobs
from s3batch_handler.local_aws._s3control_calls import job_calls
from s3batch_handler.page._host_names import is_loopback_address
from s3batch_handler.page._html import ROOT
from s3batch_handler.page._web_app import WebApp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from s3batch_handler.engine.invoke._target import Target
    from s3batch_handler.local_aws._existing_s3 import ExistingS3


@contextmanager
def serve(
    functions: Mapping[str, Target],
    *,
    s3: ExistingS3 | None = None,
    host: str = LOOPBACK,
    port: int = 0,
    allowed_hosts: Iterable[str] = (),
    folders: Iterable[Path] = (),
    state: Path | None = None,
    environment: Mapping[str, str] | None = None,
    s3_requests: int = 64,
    **settings: Any,
) -> Iterator[str]:
    """Serve S3 and S3 Control while the block runs, and yield the address, ``http://host:port``.

    It uses and empties moto's memory: a process can have one server, and no ``mock_aws`` with it.

    Args:
        functions: The functions that jobs may invoke; worker processes use the S3 of the jobs.
        s3: The S3 that has the objects, manifests and reports. By default the server has one.
        host: The address to listen on. Its clients can read and write all objects, and run jobs.
        port: 0 for a free one.
        allowed_hosts: Further host names that clients may use, besides the address.
        folders: Folders that become buckets of the same names, in the S3 of the server.
        state: A folder that keeps jobs: they continue when the next server uses it.
        environment: Environment variables for worker processes; those with which they use the S3
            take precedence.
        s3_requests: The requests of S3's own operations at a time, of all jobs.
        **settings: Further settings of the engines, such as ``timeout``.

    Raises:
        OSError: The port is taken, or a folder cannot be listed.
        StateError: ``state`` cannot be used, or another server uses it.
    """
    with ExitStack() as stack:
        reset_aws()
        stack.callback(reset_aws)
        for folder in folders:
            stack.enter_context(folder_as_bucket(folder, bucket_name_for(folder)))
        if state is not None:
            stack.enter_context(folder_lock(state))
        listening = stack.enter_context(listening_socket(host, port))
        address = _local_address(url_of(listening))
        connections = {"max_pool_connections": s3_requests}
        if s3 is None:
            client = local_s3_client(_ACCESS_KEY_ID, endpoint_url=address, **connections)
            of_s3 = environment_for(address, _ACCESS_KEY_ID)
        else:
            client, of_s3 = s3.create_client(**connections), s3.environment
        elsewhere = None if s3 is None else s3.endpoint_url
        engines = Engines(
            functions,
            s3=client,
            environment={**(environment or {}), **of_s3},
            state=state,
            existing_s3=s3 is not None,
            s3_requests=s3_requests,
            background=True,
            **settings,
        )
        hosts = tuple(allowed_hosts)
        moto = moto_server(s3_elsewhere=elsewhere)
        services = for_own_hosts(moto, host=host, allowed_hosts=hosts)
        jobs = ServerJobs(
            engines, s3=client, clients=variables_of_clients(address, elsewhere), state=state
        )
        pages = WebApp(jobs, allowed_hosts=hosts)
        stack.enter_context(job_calls(engines.get))
        stack.enter_context(http_server(with_pages(services, pages, hosts), listening))
        # Jobs end before the S3 that they work on.
        stack.enter_context(engines).continue_jobs()
        stack.callback(pages.close)  # pages get `end` before the jobs are stopped
        yield url_of(listening)


def page_of(address: str) -> str | None:
    """Return the address of the list of jobs; ``None`` if loopback does not reach the server."""
    local = _local_address(address)
    is_reachable = is_loopback_address(urlsplit(local).hostname or "")
    return f"{local}{ROOT}" if is_reachable else None


def variables_of_clients(address: str, s3_endpoint_url: str | None) -> dict[str, str]:
    """Return environment variables with which clients on this machine use a server and its S3."""
    local = _local_address(address)
    if s3_endpoint_url is None:
        return {"AWS_ENDPOINT_URL": local}
    return {
        "AWS_ENDPOINT_URL_S3_CONTROL": local,
        "AWS_ENDPOINT_URL_STS": local,
        "AWS_ENDPOINT_URL_S3": s3_endpoint_url,
    }


def _local_address(address: str) -> str:
    """Return the address for clients on this machine: loopback for a server on all interfaces."""
    url = urlsplit(address)
    ip = ip_address(url.hostname or "")
    if not ip.is_unspecified:
        return address
    return f"http://{'[::1]' if ip.version == 6 else LOOPBACK}:{url.port}"


_ACCESS_KEY_ID: Final = "local"
