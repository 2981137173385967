"""``s3batch serve``: S3 and S3 Control on this machine, until Ctrl-C."""

from __future__ import annotations

import sys
import threading
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._dask_warning import warn_of_open_scheduler
from s3batch_handler.cli._env_file import read_env_file
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli._option_rules import check_options
from s3batch_handler.cli._options import (
    dask_option,
    env_file_option,
    json_option,
    max_redrives_option,
    named,
    profile_option,
    timeout_option,
    tolerate_option,
    upload_option,
    url,
)
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.terminal._output import print_data, print_json, print_message
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._sanitize import escape_unprintable
from s3batch_handler.engine.invoke._dask_cluster import is_on_this_machine
from s3batch_handler.engine.invoke._registered_functions import check_functions
from s3batch_handler.engine.run._cancellation import signals_as_ctrl_c
from s3batch_handler.local_aws._folder_listing import bucket_name_for

if TYPE_CHECKING:
    from s3batch_handler.local_aws._existing_s3 import ExistingS3


def _host_name(name: str) -> str:
    from s3batch_handler.page._host_names import host_name

    found = host_name(name) or host_name(f"[{name}]")
    if found is None:
        shown = escape_unprintable(name)
        raise click.BadParameter(
            f"{shown} is not a host name: write s3.example.com, without http://"
        )
    return found


@click.command(cls=Command)
@click.option(
    "--function",
    "functions",
    metavar="NAME=HANDLER",
    multiple=True,
    callback=lambda _context, _option, pairs: named(pairs, "NAME=HANDLER"),
    help="Function that jobs may invoke; repeat for more.",
)
@click.option(
    "--source",
    "folders",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder to serve as a bucket from this S3; repeat for more.",
)
@click.option(
    "--s3-endpoint-url",
    metavar="URL",
    type=url,
    help="Existing S3 with the objects, such as Ceph or MinIO.",
)
@profile_option
@click.option(
    "--ca-bundle",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    help="Certificates in PEM with which the S3 is verified.",
)
@click.option(
    "--addressing-style",
    type=Choice(["path", "virtual"]),
    metavar="STYLE",
    help="Buckets in URLs of the S3: path or virtual.  [default: path]",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the state of the jobs, to continue them later.",
)
@click.option(
    "--port",
    type=Integer(0, 65535),
    metavar="NUMBER",
    default=0,
    help="Port to listen on.  [default: a free port]",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    metavar="NAME",
    multiple=True,
    type=_host_name,
    help="Additional name of this host; repeat for more.",
)
@dask_option
@upload_option
@timeout_option
@env_file_option
@max_redrives_option
@tolerate_option
@click.option(
    "--s3-concurrency",
    type=Integer(1, 1000),
    metavar="NUMBER",
    default=32,
    show_default=True,
    help="Objects changed at a time, for each job.",
)
@click.option(
    "--s3-requests",
    type=Integer(1, 1000),
    metavar="NUMBER",
    default=64,
    show_default=True,
    help="Requests at a time, of all jobs.",
)
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Print only the address and warnings.")
def serve(
    *,
    functions: dict[str, str],
    folders: tuple[Path, ...],
    s3_endpoint_url: str | None,
    profile: str | None,
    ca_bundle: Path | None,
    addressing_style: str | None,
    env_file: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    r"""Serve S3 and S3 Control to boto3, the AWS CLI or any SDK.

    The command prints the address when the server is ready, and ends on Ctrl-C. At the end, the
    objects that clients wrote are deleted, and without --state also the jobs.

    With --s3-endpoint-url, it runs jobs for an S3 that exists: objects, manifests and reports are
    there.

    NAME identifies the function in requests: a name, NAME:QUALIFIER or an ARN. HANDLER is
    module:name or path/to/app.py:name, which runs in worker processes and uses this S3; or the URL
    or ARN of a function. A --host other than loopback exposes the server to your network.

    Examples:
        s3batch serve --port 5005 --source photos/ \
            --function thumbnails=app.py:handler
        export AWS_ENDPOINT_URL=http://127.0.0.1:5005
        s3batch job submit …
        s3batch serve --port 5005 --state state/ \
            --s3-endpoint-url https://ceph.example.com \
            --function thumbnails=app.py:handler
    """
    from s3batch_handler.local_aws import _server as server  # importing moto takes a second
    from s3batch_handler.page._host_names import is_loopback

    check_options(click.get_current_context())
    _check_bucket_names(folders)
    try:
        check_functions(functions)
    except (InvalidFunction, ValueError) as error:
        raise InvalidArgument(f"--function: {error}") from error
    environment = read_env_file(env_file) if env_file else {}
    _check_dask(options["dask"], has_own_s3=not s3_endpoint_url)
    s3 = _existing_s3(
        s3_endpoint_url,
        profile=profile,
        ca_bundle=ca_bundle,
        addressing_style=addressing_style,
        folders=folders,
    )
    out = sys.stdout
    with (
        signals_as_ctrl_c(),
        suppress(KeyboardInterrupt),
        redirect_stdout(sys.stderr),  # functions print to the log
        server.serve(
            functions, s3=s3, folders=folders, environment=environment, **options
        ) as address,
    ):
        if not is_loopback(options["host"]):
            print_message(
                f"s3batch: WARNING: {escape_unprintable(address)} is open to your network: "
                "anybody can use these objects and functions without a password"
            )
        page = server.page_of(address)
        if not quiet:
            clients = server.variables_of_clients(address, s3_endpoint_url)
            _explain(clients, functions, folders, page=page)
        with redirect_stdout(out):
            if as_json:
                print_json({"address": address, "page": page}, indent=None)
            else:
                print_data(address)
        threading.Event().wait()


def _existing_s3(
    endpoint_url: str | None,
    *,
    profile: str | None,
    ca_bundle: Path | None,
    addressing_style: str | None,
    folders: tuple[Path, ...],
) -> ExistingS3 | None:
    """Return the S3 of ``--s3-endpoint-url``, and warn if it does not respond now.

    Raises:
        InvalidArgument: The options are not valid, or the S3 does not accept the credentials.
    """
    if not endpoint_url:
        return None
    if folders:
        raise click.UsageError("Option --s3-endpoint-url cannot be combined with --source.")
    from s3batch_handler.local_aws._existing_s3 import ExistingS3, UnusableS3  # imports boto3

    s3 = ExistingS3(
        endpoint_url=endpoint_url,
        profile=profile,
        ca_bundle=ca_bundle,
        addressing_style=addressing_style or "path",
    )
    try:
        problem = s3.check()
    except UnusableS3 as error:
        raise InvalidArgument(f"--s3-endpoint-url: {error}") from error
    if problem is not None:
        print_message(f"s3batch: WARNING: {problem}. Jobs wait until it responds")
    return s3


def _check_dask(address: str | None, *, has_own_s3: bool) -> None:
    """Check that Dask workers reach the S3, and warn of a scheduler without TLS."""
    if address is None:
        return
    if has_own_s3 and not is_on_this_machine(address):
        raise click.UsageError(
            "Option --dask needs --s3-endpoint-url: workers on other machines cannot reach the S3 "
            "of this server. Without it, --dask local:N runs on this machine."
        )
    warn_of_open_scheduler(address)


def _check_bucket_names(folders: tuple[Path, ...]) -> None:
    """Raise InvalidArgument if two folders would become the same bucket."""
    buckets: dict[str, Path] = {}
    for folder in folders:
        name = bucket_name_for(folder)
        if name in buckets:
            raise InvalidArgument(
                f"--source: {escape_unprintable(f'{buckets[name]} and {folder}')} would "
                f"both be the bucket {name}. Rename one of them"
            )
        buckets[name] = folder


def _explain(
    clients: dict[str, str],
    functions: dict[str, str],
    folders: tuple[Path, ...],
    *,
    page: str | None,
) -> None:
    for folder in folders:
        print_message(f"bucket {bucket_name_for(folder)}: {escape_unprintable(str(folder))}")
    for name, handler in functions.items():
        print_message(f"function {escape_unprintable(name)}: {escape_unprintable(handler)}")
    variables = " ".join(f"{name}={escape_unprintable(url)}" for name, url in clients.items())
    where = "" if len(clients) == 1 else " for jobs"
    print_message(f"Set {variables} for clients; any credentials are valid{where}.")
    if page is not None:
        print_message(f"Page of all jobs: {page}")
