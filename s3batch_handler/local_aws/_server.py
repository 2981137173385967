"""S3 and S3 Control on this machine, for whoever speaks HTTP: boto3, the AWS CLI, other languages.

moto's S3 and STS with the job calls of ``endpoint.py``; jobs run the functions that whoever starts
the server has given, and no other. Any credentials will do, as with moto. Web pages could abuse
that: requests with an ``Origin``, and those for a host name that is not the server's, are refused.
"""

from __future__ import annotations

import logging
import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from s3batch_handler.core._errors import JobError
from s3batch_handler.documents._storage import bucket_name_for
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.state._state_folder import folder_lock
from s3batch_handler.jobs._aws_clients import local_s3_client
from s3batch_handler.local_aws._folder_bucket import folder_as_bucket
from s3batch_handler.local_aws._folder_server import environment_for
from s3batch_handler.local_aws._http_server import LOOPBACK, for_own_hosts, listening
from s3batch_handler.local_aws._moto_server import empty_aws, moto_server
from s3batch_handler.local_aws._s3control_calls import is_place, job_calls, one_for_each

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from s3batch_handler.engine.invoke._target import Target
    from s3batch_handler.local_aws._http_server import Application
    from s3batch_handler.local_aws._s3control_calls import ControlOf


@contextmanager
def serve(
    functions: Mapping[str, Target],
    *,
    host: str = LOOPBACK,
    port: int = 0,
    allowed_hosts: Iterable[str] = (),
    folders: Iterable[Path] = (),
    state: Path | None = None,
    max_redrives: int = 3,
    timeout: float | None = None,
) -> Iterator[str]:
    """Serve S3 and S3 Control while the block runs; give the address, ``http://host:port``.

    Objects are kept in memory. There can be one such server in a process, and no ``mock_aws``
    beside it: they share moto's AWS, which is empty before and afterwards.

    Args:
        functions: The functions that jobs may invoke, by name or ARN, as for
            :class:`~s3batch_handler.engine._engine.Engine`. Worker processes get environment
            variables for this server's S3.
        host: Where to listen. Whoever reaches it can read and write all objects, and run jobs.
        port: 0 for a free one.
        allowed_hosts: Further host names that clients may use, besides its address.
        folders: Each is a bucket at first, named after it.
        state: A folder to keep jobs in: they go on when the next server has it.
        max_redrives: Further tries for a task that failed temporarily.
        timeout: Seconds that a call may take, as for an ``Engine``.

    Raises:
        OSError: The port is taken, or a folder cannot be listed.
        StateError: ``state`` cannot be used, or another server uses it.
    """
    with ExitStack() as stack, ExitStack() as engines:
        stack.enter_context(empty_aws())
        for folder in folders:
            stack.enter_context(folder_as_bucket(folder, bucket_name_for(folder)))
        if state is not None:
            stack.enter_context(folder_lock(state))

        def application_at(address: str) -> Application:
            loopback = _LOOPBACK_OF.get(host)
            own = f"http://{loopback}:{urlsplit(address).port}" if loopback else address
            jobs_of = _jobs_at(
                own,
                functions,
                engines,
                state=state,
                environment=environment_for(own, _ACCESS_KEY_ID),
                max_redrives=max_redrives,
                timeout=timeout,
            )
            stack.enter_context(job_calls(jobs_of))
            return for_own_hosts(moto_server(), host=host, allowed_hosts=allowed_hosts)

        # Jobs end before the S3 that they work on, and all of that before moto forgets it.
        with listening(application_at, host=host, port=port) as address, engines:
            yield address


def _jobs_at(
    address: str,
    functions: Mapping[str, Target],
    engines: ExitStack,
    *,
    state: Path | None,
    **settings: Any,
) -> ControlOf:
    """Have an engine for each account and Region, made when somebody first asks for it.

    Those whose jobs are in ``state`` are made at once: these jobs go on.
    """
    s3 = local_s3_client(_ACCESS_KEY_ID, endpoint_url=address)

    def engine_of(account_id: str, region: str) -> Engine:
        engine = Engine(
            functions,
            s3=s3,
            account_id=account_id,
            region=region,
            state=None if state is None else state / account_id / region,
            background=True,
            **settings,
        )
        return engines.enter_context(engine)

    jobs_of = one_for_each(engine_of, most=_MOST_ENGINES)
    for begun in sorted(state.glob("*/*")) if state is not None else ():
        account_id, region = begun.parent.name, begun.name
        if is_place(account_id, region) and begun.is_dir():
            try:
                jobs_of(account_id, region)
            except (JobError, OSError) as error:  # requests for these jobs fail with it, too
                _LOG.warning(
                    "The jobs of account %s in %s cannot be used, all others continue: %s",
                    account_id,
                    region,
                    error,
                )
    return jobs_of


_LOG: Final = logging.getLogger("s3batch_handler.local_aws._server")
_MOST_ENGINES: Final = 100
"""The most engines: each has a file, and threads once it has a job, and any client can use any
account and Region."""


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches what listens there."""
    return _LOOPBACK.fullmatch(host) is not None


_LOOPBACK: Final = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1", re.ASCII | re.IGNORECASE)


_ACCESS_KEY_ID: Final = "local"
_LOOPBACK_OF: Final = {"0.0.0.0": LOOPBACK, "::": "[::1]"}  # noqa: S104  not to listen at
