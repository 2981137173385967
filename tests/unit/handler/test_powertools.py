"""Handlers together with the decorators and types of Powertools."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.middleware_factory import lambda_handler_decorator
from aws_lambda_powertools.utilities.data_classes import S3BatchOperationEvent, event_source

from s3batch_handler import PermanentFailure, Task, task_handler
from s3batch_handler.testing import make_context, make_event, make_task
from tests.support.handlers import LoadEvent, echo, results_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_decorators_of_powertools_wrap_a_handler(
    load_event: LoadEvent, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Their logger, metrics and tracer are also options of the handler."""
    log = io.StringIO()
    logger = Logger(service=str(tmp_path), stream=log)  # one of that name may be there already
    metrics = Metrics(namespace="Photos", service="thumbnails")
    metrics.clear_metrics()  # all metrics of a process are in one place
    tracer = Tracer(service="thumbnails", disabled=True)

    @logger.inject_lambda_context
    @metrics.log_metrics
    @tracer.capture_lambda_handler
    @task_handler(logger=logger, metrics=metrics, tracer=tracer)
    def handler(task: Task) -> str:
        logger.info("at work")
        if task.key == "b.jpg":
            raise PermanentFailure("not this one")
        return "done"

    context: Any = make_context(function_name="thumbs")
    response = handler(load_event("v2_many_tasks.json"), context)

    assert [code for code, _ in results_of(response)] == [
        "Succeeded",
        "PermanentFailure",
        "Succeeded",
    ]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["level"], line["key"]) for line in lines] == [
        ("INFO", "a.jpg"),
        ("INFO", "b.jpg"),
        ("WARNING", "b.jpg"),
        ("INFO", "c.jpg"),
    ]
    assert {line["function_name"] for line in lines} == {"thumbs"}
    assert lines[2]["result_code"] == "PermanentFailure"
    published = json.loads(capsys.readouterr().out)
    assert published["TaskSucceeded"] == [1.0, 1.0]
    assert published["TaskPermanentFailure"] == [1.0]
    assert len(published["TaskDuration"]) == len(published["TimeLeft"]) == 3


def test_an_event_in_the_data_class_of_powertools_is_accepted(load_event: LoadEvent) -> None:
    event: Any = S3BatchOperationEvent(load_event("v1_encoded_key.json"))

    response = echo(event, make_context())

    assert results_of(response) == [("Succeeded", "year 2024/a+b.jpg")]


async def key_of(task: Task) -> str:
    return task.key


@lambda_handler_decorator
def middleware(handler: Any, event: Any, context: Any) -> Any:
    return handler(event, context)


def on_top(tmp_path: Path) -> dict[str, Callable[[Any], Any]]:
    logger = Logger(service=str(tmp_path))
    metrics = Metrics(namespace="Photos", service="thumbnails")
    tracer = Tracer(service="thumbnails", disabled=True)
    return {
        "logger": logger.inject_lambda_context,
        "logger with options": logger.inject_lambda_context(clear_state=True),
        "metrics": metrics.log_metrics,
        "metrics with options": metrics.log_metrics(default_dimensions={"stage": "test"}),
        "tracer": tracer.capture_lambda_handler,
        "tracer with options": tracer.capture_lambda_handler(capture_response=False),
        "middleware": middleware,
        "event_source": event_source(data_class=S3BatchOperationEvent),
        "all": lambda handler: middleware(
            logger.inject_lambda_context(
                metrics.log_metrics(tracer.capture_lambda_handler(handler))
            )
        ),
    }


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_any_decorator_of_powertools_keeps_run(subtests: pytest.Subtests, tmp_path: Path) -> None:
    context = make_context(function_name="thumbs")
    functions: list[Any] = [lambda task: task.key, key_of]
    for function in functions:
        plain = task_handler(function)
        for name, decorate in on_top(tmp_path).items():
            with subtests.test(name=name, function=function):
                handler = decorate(plain)

                assert handler.run(make_task("a")) == plain.run(make_task("a"))
                assert handler(make_event("a"), context) == plain(make_event("a"), context)
