"""``s3batch invoke``: one event through a handler, the answer to standard output."""

from __future__ import annotations

import json
import sys
from contextlib import closing, redirect_stdout
from typing import Any, BinaryIO

import click

from s3batch_handler.cli.options import UsageProblem
from s3batch_handler.cli.output import say, show
from s3batch_handler.engine.invoker import DEFAULT_TIMEOUT
from s3batch_handler.engine.loading import load_function
from s3batch_handler.engine.targets import is_elsewhere, remote_function
from s3batch_handler.errors import InvalidFunction, InvalidResponse
from s3batch_handler.model import ResultCode
from s3batch_handler.protocol import parse_event, parse_response
from s3batch_handler.testing import make_context


@click.command()
@click.argument("handler", metavar="HANDLER")
@click.argument("event", type=click.File("rb"), default="-")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds that the handler is told it has, or has elsewhere.  [default: 60; elsewhere 900]",
)
def invoke(handler: str, event: BinaryIO, timeout: float | None) -> None:
    """Send EVENT, a JSON file or standard input, through HANDLER, and print its answer.

    HANDLER is module:name or path/to/app.py:name. It runs in this very process, so a debugger and
    print() work; nothing ends it when its time is over. Or it is the address of a function that
    runs already, or a function's ARN, as for run. Exit code 1 if a task failed.

        s3batch event report.csv | s3batch invoke app.py:handler
    """
    request = _read(event)
    try:
        answer = _answer(handler, request, timeout)
    except InvalidFunction as error:
        raise UsageProblem(str(error)) from error
    try:
        text = json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidResponse(f"the handler's answer is no JSON: {error}") from error
    show(text)
    parse_event(request)  # the handler may take more than S3 sends
    outcomes = parse_response(request, json.loads(text))
    if any(outcome.code is not ResultCode.SUCCEEDED for outcome in outcomes):
        sys.exit(1)


def _answer(handler: str, request: Any, timeout: float | None) -> Any:
    if is_elsewhere(handler):
        with closing(remote_function(handler, timeout=timeout)) as elsewhere:
            return elsewhere.ask(request)
    with redirect_stdout(sys.stderr):  # what the handler prints is its log
        return load_function(handler)(request, make_context(timeout=timeout or DEFAULT_TIMEOUT))


def _read(event: BinaryIO) -> Any:
    if event.isatty():
        say("reading an event; Ctrl-D ends it")
    try:
        return json.load(event)
    except ValueError as error:
        raise UsageProblem(f"the event is no JSON: {error}") from error
