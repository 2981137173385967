"""``--page``: the page of the job in a browser, while it runs."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.run._run_source import RunSource
from s3batch_handler.cli.run._save_job_record import machine_of_run, request_of_run
from s3batch_handler.cli.run._watched_run import WatchedRun
from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.documents.reports._report_files import redrive_tags
from s3batch_handler.engine.invoke._target import default_timeout
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.local_aws._http_server import http_server, listening_socket, url_of
from s3batch_handler.page._html import ROOT
from s3batch_handler.page._web_app import WebApp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from s3batch_handler.cli.run._options import RunOptions


@contextmanager
def served_page(
    options: RunOptions, *, job_id: str, created: datetime, redrive_of: str | None
) -> Iterator[WatchedRun]:
    """Serve the page of a job on loopback while the block runs, and print its address.

    At the end, open pages get the final document, so that they remain complete. The block waits at
    most two seconds for them.

    Raises:
        OSError: The port is in use.
    """
    run = WatchedRun(
        {
            **request_of_run(
                options, job_id=job_id, location=options.report_location, created=created
            ),
            "Local": machine_of_run(options),
        },
        handler=str(options.handler),
        function_timeout=options.timeout or default_timeout(str(options.handler)),
        threshold=FailureThreshold.parse(options.tolerate),
        tags={tag["Key"]: tag["Value"] for tag in redrive_tags(redrive_of)},
    )
    with closing(listening_socket(port=options.page_port)) as listening:
        application = WebApp(RunSource(run))
        with http_server(application, listening):
            print_message(f"Page of the job: {url_of(listening)}{ROOT}jobs/{job_id}")
            try:
                yield run
            except BaseException as error:
                run.fail(error)
                raise
            finally:
                deadline = time.monotonic() + _MAX_WAIT
                application.close(timeout=_MAX_WAIT)
                run.wait_for_readers(max(0.0, deadline - time.monotonic()))  # those without events


_MAX_WAIT: Final = 2.0  # seconds
