"""``s3batch serve``: S3 and S3 Control on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._options import InvalidArgument, max_redrives_option, named
from s3batch_handler.cli._output import print_data, print_message
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._sanitize import printable
from s3batch_handler.documents._storage import bucket_name_for
from s3batch_handler.engine.invoke._functions import Functions
from s3batch_handler.engine.run._cancellation import signals_as_ctrl_c

if TYPE_CHECKING:
    from collections.abc import Mapping


def _handlers(
    _context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str]:
    return named(pairs, "NAME=HANDLER")


def _host_names(
    _context: click.Context, _option: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    from s3batch_handler.local_aws._http_server import host_name

    found = [host_name(name) or host_name(f"[{name}]") for name in names]
    for name, read in zip(names, found, strict=True):
        if read is None:
            problem = f"{printable(name)} is not a host name: write s3.example.com, without http://"
            raise click.BadParameter(problem)
    return tuple(filter(None, found))


@click.command()
@click.option(
    "--function",
    "handlers",
    metavar="NAME=HANDLER",
    multiple=True,
    callback=_handlers,
    help="What jobs may invoke: a name, name:qualifier or ARN, and the handler; repeat for more.",
)
@click.option(
    "--source",
    "folders",
    metavar="DIR",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder to be a bucket, named after it; repeat for more.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="A folder to keep jobs in; those that were cut off go on at the next start.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where to listen.  [default: a free port]",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="An address of this machine. Any but loopback lets others in.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    metavar="NAME",
    multiple=True,
    callback=_host_names,
    help="Further host name that clients use, as in containers; repeat for more.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="The functions' timeout in seconds.  [default: 60]",
)
@max_redrives_option
@click.option("--quiet", "-q", is_flag=True, help="No talk, but for warnings.")
def serve(
    *,
    handlers: dict[str, str],
    folders: tuple[Path, ...],
    state: Path | None,
    port: int,
    host: str,
    allowed_hosts: tuple[str, ...],
    timeout: float | None,
    max_redrives: int,
    quiet: bool,
) -> None:
    """Serve S3 and S3 Control to boto3, the AWS CLI and any other client of AWS's.

    Prints its address when it is ready, and ends on Ctrl-C. What clients wrote to S3 is gone then,
    and without --state so are the jobs. HANDLER is module:name or path/to/app.py:name, run in
    processes of its own, which find this S3 by themselves; or the address or ARN of a function
    elsewhere. Nothing but what is named here can be invoked.

    \b
        s3batch serve --port 5005 --function thumbnails=app.py:handler --source photos/
        AWS_ENDPOINT_URL=http://127.0.0.1:5005 s3batch job submit …
    """
    from s3batch_handler.local_aws import _server as server  # moto takes a second to come

    _check_bucket_names(folders)
    try:
        Functions(handlers)
    except (InvalidFunction, ValueError) as error:
        raise InvalidArgument(f"--function: {error}") from error

    def load(environment: Mapping[str, str]) -> dict[str, str]:
        os.environ.update(environment)  # worker processes have it from here
        return handlers

    with signals_as_ctrl_c(), suppress(KeyboardInterrupt):
        out = sys.stdout
        with (
            redirect_stdout(sys.stderr),  # what functions print is their log
            server.serve(
                load,
                host=host,
                port=port,
                allowed_hosts=allowed_hosts,
                folders=folders,
                state=state,
                timeout=timeout,
                max_redrives=max_redrives,
            ) as address,
        ):
            if not server.is_loopback(host):
                print_message(
                    f"s3batch: WARNING: {printable(address)} is open to everybody who reaches this "
                    "machine: no password keeps them from these objects and functions"
                )
            if not quiet:
                _explain(address, handlers, folders)
            with redirect_stdout(out):
                print_data(address)
            threading.Event().wait()


def _check_bucket_names(folders: tuple[Path, ...]) -> None:
    """Raise InvalidArgument if two folders would become the same bucket."""
    buckets: dict[str, Path] = {}
    for folder in folders:
        name = bucket_name_for(folder)
        if name in buckets:
            raise InvalidArgument(
                f"--source: {printable(str(buckets[name]))} and {printable(str(folder))} would "
                f"both be the bucket {name}. Rename one of them"
            )
        buckets[name] = folder


def _explain(address: str, handlers: dict[str, str], folders: tuple[Path, ...]) -> None:
    for folder in folders:
        print_message(f"bucket {bucket_name_for(folder)}: {printable(str(folder))}")
    for name, handler in handlers.items():
        print_message(f"function {printable(name)}: {printable(handler)}")
    print_message(f"clients find it by AWS_ENDPOINT_URL={printable(address)}, with any credentials")
