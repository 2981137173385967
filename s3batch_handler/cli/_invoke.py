"""``s3batch invoke``: call a handler with one event, and print the response."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, closing, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from unittest.mock import patch

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._debugger import enable_debugger
from s3batch_handler.cli._env_file import read_env_file
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._option_rules import options_as
from s3batch_handler.cli._options import (
    arguments_option,
    bucket_name_of,
    bucket_option,
    env_file_option,
    json_errors_option,
    schema_for,
    schema_option,
    source_option,
    timeout_option,
)
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.run._outputs import warn_of_unsaved
from s3batch_handler.cli.terminal._output import print_json_text, print_message
from s3batch_handler.core._defaults import DEFAULT_TIMEOUT
from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import InvalidFunction, InvalidResponse, S3BatchError
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._payload import parse_event, parse_response
from s3batch_handler.core._redaction import redacted_text
from s3batch_handler.engine.invoke._function_loader import load_function
from s3batch_handler.engine.invoke._lambda_environment import lambda_variables
from s3batch_handler.engine.invoke._lambda_logging import logging_as_in_lambda
from s3batch_handler.engine.invoke._target import is_remote, remote_function
from s3batch_handler.engine.run._cancellation import calling_on_ctrl_c
from s3batch_handler.testing import make_context, make_event

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The options of the command line, by their names."""

    handler: str
    event: str | None
    source: Path | None
    keys: tuple[str, ...]
    bucket: str | None
    arguments: dict[str, str]
    schema: str | None
    timeout: float | None
    env_file: Path | None
    post_mortem: bool

    @property
    def bucket_name(self) -> str:
        return bucket_name_of(self.bucket, self.source)

    @property
    def reads_stdin(self) -> bool:
        """Return whether the event is read from standard input."""
        return not self.keys and self.event in (None, "-")

    def check(self) -> None:
        """Check the values of the options."""
        schema_for(self.schema, self.arguments)


@click.command(cls=Command)
@options_as(
    _Options,
    click.argument("handler", metavar="HANDLER", shell_complete=complete_files),
    click.argument(
        "event", type=click.Path(exists=True, dir_okay=False, allow_dash=True), required=False
    ),
    source_option,
    click.option(
        "--key",
        "keys",
        metavar="KEY",
        multiple=True,
        help="Object key, instead of EVENT; repeat for more.",
    ),
    bucket_option("Bucket of the objects.  [default: the name of --source]"),
    arguments_option,
    schema_option,
    timeout_option,
    env_file_option,
    click.option(
        "--pdb",
        "post_mortem",
        is_flag=True,
        help="Open the debugger on exceptions except TaskFailure.",
    ),
    json_errors_option,
)
def invoke(options: _Options) -> None:
    r"""Call HANDLER with EVENT, a JSON file or standard input, and print the response.

    HANDLER is module:name or path/to/app.py:name. It runs in this process, so breakpoint() works,
    and it is not killed at its timeout. Or HANDLER is the URL or ARN of a function, as for s3batch
    run. Exit code 1 if a task failed.

    Examples:
        s3batch invoke app.py:handler --source photos/ \
            --key "2024/a b.jpg"
        s3batch event report.csv | s3batch invoke app.py:handler
    """
    event = _event_of(options)
    with ExitStack() as stack:
        if options.env_file is not None:
            stack.enter_context(patch.dict(os.environ, read_env_file(options.env_file)))
        if options.source is not None:
            stack.enter_context(_embedded_s3(options.source, options.bucket_name))
        response = _response_to(event, options)
    try:
        text = json.dumps(response, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidResponse(
            f"The response of the handler is not valid JSON: {error}. Return JSON types only"
        ) from error
    print_json_text(text)
    parse_event(event)  # the handler may take more than S3 sends
    outcomes = parse_response(event, json.loads(text))
    if any(outcome.code is not ResultCode.SUCCEEDED for outcome in outcomes):
        sys.exit(1)


# ---------------------------------------------------------------- the event


def _event_of(options: _Options) -> Any:
    if options.keys:
        return make_event(
            *options.keys,
            schema_version=schema_for(options.schema, options.arguments),
            bucket=options.bucket_name,
            user_arguments=options.arguments or None,
        )
    if not options.reads_stdin:
        with Path(options.event or "").open("rb") as file:
            return _read(file)
    if cast("Any", sys.stdin) is None:  # closed by the calling process
        raise InvalidArgument("standard input is closed: pass EVENT, a JSON file, or --key")
    if sys.stdin.isatty():
        print_message("reading an event; Ctrl-D ends it")
    return _read(sys.stdin.buffer)


def _read(file: BinaryIO) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        raise InvalidArgument(f"The event is not valid JSON: {error}") from error


# ---------------------------------------------------------------- the call


def _response_to(event: Any, options: _Options) -> Any:
    try:
        if is_remote(options.handler):
            with closing(remote_function(options.handler, timeout=options.timeout)) as elsewhere:
                return elsewhere.invoke(event)
        with (
            redirect_stdout(sys.stderr) as log,  # the handler's output goes to its log
            logging_as_in_lambda(
                lambda_variables("function", os.environ),
                stream=lambda: log,
                request_id=lambda: make_context().aws_request_id,
            ),
            enable_debugger(stdin_is_used=options.reads_stdin) as debugger,
            calling_on_ctrl_c(debugger.interrupt),
        ):
            if options.post_mortem and not debugger.is_available:
                raise InvalidArgument("--pdb: there is no terminal for the debugger. Omit --pdb")
            load = debugger.load if options.post_mortem else load_function
            function = load(options.handler)
            try:
                return _call(function, event, options.timeout or DEFAULT_TIMEOUT)
            finally:
                if debugger.is_aborted:
                    raise KeyboardInterrupt
    except InvalidFunction as error:
        raise InvalidArgument(str(error)) from error


class _FunctionFailed(S3BatchError):
    """The function raised an exception; the exit code is 1."""


def _call(function: Any, event: Any, timeout: float) -> Any:
    try:
        return function(event, make_context(timeout=timeout))
    except KeyboardInterrupt:
        raise
    except S3BatchError as error:
        raise _FunctionFailed(redacted_text(error)) from error
    except BaseException as error:  # also sys.exit(): there is no response
        raise _FunctionFailed(describe(error)) from error


# ---------------------------------------------------------------- S3


@contextmanager
def _embedded_s3(folder: Path, bucket: str) -> Iterator[None]:
    from s3batch_handler.local_aws._folder_server import serve_folder  # importing moto takes 1 s

    with serve_folder(folder, bucket) as server, patch.dict(os.environ, server.environment):
        try:
            yield
        finally:
            warn_of_unsaved(server)
