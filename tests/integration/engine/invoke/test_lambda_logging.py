"""Compare the log lines of functions with those of AWS's runtime client."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.engine.invoke._lambda_environment import lambda_variables
from s3batch_handler.engine.invoke._lambda_logging import logging_as_in_lambda

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION = """
import logging

logger = logging.getLogger()
{setup}
def work():
    logger.debug("debug")
    logger.info("info %s", 1)
    logging.getLogger("mine").info("named")
    logger.warning({{"a": 1, "b": "ü"}})
    logger.log(25, "between", extra={{"key": "a b.jpg", "other": object, "none": None}})
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("failed")
    logger.error("two\\nlines")
"""

RIC = """
import os, sys
from awslambdaric import bootstrap
bootstrap._setup_logging(
    bootstrap._AWS_LAMBDA_LOG_FORMAT, bootstrap._AWS_LAMBDA_LOG_LEVEL, bootstrap.StandardLogSink()
)
bootstrap._GLOBAL_AWS_REQUEST_ID = "request-1"
import function
function.work()
"""

OURS = """
import os, sys
from s3batch_handler.engine.invoke._lambda_logging import logging_as_in_lambda
with logging_as_in_lambda(os.environ, lambda: sys.stdout, lambda: "request-1"):
    import function
    function.work()
"""


def output(program: str, folder: Path, variables: dict[str, str]) -> str:
    environment = {name: value for name, value in os.environ.items() if "LAMBDA" not in name}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**environment, **variables},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.parametrize("setup", ["", "logger.setLevel(logging.INFO)"], ids=["", "setLevel"])
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AWS_LAMBDA_LOG_LEVEL": "DEBUG"},
        {"AWS_LAMBDA_LOG_LEVEL": "TRACE"},
        {"AWS_LAMBDA_LOG_LEVEL": "fatal"},
        {"AWS_LAMBDA_LOG_LEVEL": "nonsense"},
        {"AWS_LAMBDA_LOG_FORMAT": "JSON"},
        {"AWS_LAMBDA_LOG_FORMAT": "json", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"},
        {"AWS_LAMBDA_LOG_FORMAT": "Text", "AWS_LAMBDA_LOG_LEVEL": "INFO"},
    ],
    ids=str,
)
def test_lines_are_those_of_lambda(tmp_path: Path, variables: dict[str, str], setup: str) -> None:
    """Formats, levels, request IDs and tracebacks."""
    (tmp_path / "function.py").write_text(FUNCTION.format(setup=setup))

    theirs, ours = (normalized(output(program, tmp_path, variables)) for program in (RIC, OURS))

    assert ours == theirs


def normalized(log: str) -> list[object]:
    log = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", r"<time\1>", log)
    log = re.sub(r"<time\.\d+>", "<time.>", log)
    # Their writer to a terminal does not end a traceback with a line break.
    log = log.replace("division by zero[", "division by zero\n[")
    return [json.loads(line) if line.startswith("{") else line for line in log.splitlines()]


def test_json_lines_below_the_level_are_dropped() -> None:
    """The level of the environment counts, even if the function sets a lower one."""
    stream = io.StringIO()
    variables = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "ERROR"}

    with logging_as_in_lambda(variables, lambda: stream, lambda: ""):
        logging.getLogger().setLevel(logging.INFO)
        logging.getLogger("mine").warning("hidden")
        logging.getLogger("mine").error("shown")

    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert line["message"] == "shown"


def test_the_default_level_of_json_is_info() -> None:
    variables = lambda_variables("f", {"AWS_LAMBDA_LOG_FORMAT": "JSON"})

    assert variables["AWS_LAMBDA_LOG_LEVEL"] == "INFO"
    assert "AWS_LAMBDA_LOG_LEVEL" not in lambda_variables("f", {})


def test_logging_is_restored_afterwards() -> None:
    """``s3batch invoke`` runs a function in its own process."""
    root = logging.getLogger()
    before = root.level, list(root.handlers), logging.Formatter.converter

    with logging_as_in_lambda({"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}, lambda: sys.stdout, lambda: ""):
        assert root.level == logging.DEBUG

    assert (root.level, list(root.handlers), logging.Formatter.converter) == before


def test_a_closed_stream_fails_no_task(capsys: pytest.CaptureFixture[str]) -> None:
    """A function may close its standard output."""
    stream = io.StringIO()
    stream.close()

    with logging_as_in_lambda({}, lambda: stream, lambda: ""):
        logging.getLogger("mine").error("lost")

    assert "--- Logging error ---" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "invoke"])
def test_the_level_of_the_root_logger_has_an_effect(command: str, tmp_path: Path) -> None:
    """``getLogger().setLevel(INFO)``, as in AWS's documentation, has the same effect here."""
    (tmp_path / "app.py").write_text(
        textwrap.dedent(
            """
            import logging
            from s3batch_handler import task_handler

            logger = logging.getLogger()
            logger.setLevel(logging.INFO)
            logger.info("loaded")

            @task_handler
            def handler(task):
                logger.info("root line")
                logging.getLogger("mine").info("named line")
                print("printed line")
            """
        )
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").touch()
    s3batch = [sys.executable, "-m", "s3batch_handler.cli"]
    if command == "run":
        arguments = ["run", "app.py:handler", "--source", "in", "--no-report"]
        event = ""
    else:
        event = subprocess.run(
            [*s3batch, "event", "a.txt"], check=True, capture_output=True, text=True
        ).stdout
        arguments = ["invoke", "app.py:handler"]

    done = subprocess.run(
        [*s3batch, *arguments],
        cwd=tmp_path,
        input=event,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    for line in ("root line", "named line"):
        assert re.search(rf"^\[INFO\]\t{time}\t[0-9a-f-]{{36}}\t{line}$", done.stderr, re.MULTILINE)
    assert re.search(rf"^\[INFO\]\t{time}\t[0-9a-f-]*\tloaded$", done.stderr, re.MULTILINE)
    assert "printed line\n" in done.stderr
    assert "line" not in done.stdout
