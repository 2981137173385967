"""Log lines of the user have the keys of their task."""

from __future__ import annotations

import asyncio
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from tests.support.observation import KEYS, SUCCEEDED, Log, task


def test_log_lines_of_the_user_have_the_keys_of_the_task() -> None:
    """After the task the keys are removed."""
    log = Log()

    with log.observer.observe(task(version_id="v1"), math.inf) as watched:
        log.logger.info("working")
        watched.outcome = SUCCEEDED
    log.logger.info("done")

    during, after = log.lines
    assert {key: during[key] for key in KEYS - {"task"}} == {
        "job_id": "job-1",
        "bucket": "photos",
        "key": "a b.jpg",
        "version_id": "v1",
    }
    assert KEYS & after.keys() == set()


def test_task_id_is_logged_as_a_short_hash() -> None:
    """S3's task IDs have over a thousand characters."""
    log = Log()

    for each in (task(), task(), task(id="AAAB")):
        with log.observer.observe(each, math.inf):
            log.logger.info("working")

    first, again, other = (line["task"] for line in log.lines)
    assert first == again != other
    assert len(first) == 12
    assert int(first, 16)


def test_a_task_without_a_version_has_no_version_id() -> None:
    """A key of the user with that name is hidden."""
    log = Log()
    log.logger.append_keys(version_id="of something else")

    with log.observer.observe(task(), math.inf):
        log.logger.info("working")

    assert "version_id" not in log.lines[0]


@pytest.mark.parametrize("append", ["append_keys", "thread_safe_append_keys"])
def test_keys_of_the_user_with_the_same_names_are_restored(append: str) -> None:
    """Powertools' own context manager would drop them."""
    log = Log()
    getattr(log.logger, append)(key="mine", job_id="mine too", other="stays")

    with log.observer.observe(task(), math.inf):
        log.logger.info("working")
    log.logger.info("done")
    log.logger.thread_safe_clear_keys()

    during, after = log.lines
    assert (during["key"], during["job_id"], during["other"]) == ("a b.jpg", "job-1", "stays")
    assert (after["key"], after["job_id"], after["other"]) == ("mine", "mine too", "stays")


def test_a_task_within_a_task_restores_the_outer_keys() -> None:
    """``handler.run(task)`` may be called within a task."""
    log = Log()

    with log.observer.observe(task("outer"), math.inf):
        with log.observer.observe(task("inner"), math.inf):
            log.logger.info("x")
        log.logger.info("x")

    assert [line["key"] for line in log.lines] == ["inner", "outer"]


def test_threads_keep_their_keys_apart() -> None:
    log = Log()
    together = threading.Barrier(4)

    def work(key: str) -> None:
        with log.observer.observe(task(key), math.inf):
            together.wait()
            log.logger.info(key)
            together.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))

    assert sorted(line["message"] for line in log.lines) == list("abcd")
    assert all(line["message"] == line["key"] for line in log.lines)


def test_tasks_of_an_event_loop_keep_their_keys_apart() -> None:
    log = Log()

    async def work(key: str) -> None:
        with log.observer.observe(task(key), math.inf):
            await asyncio.sleep(0)
            log.logger.info(key)
            await asyncio.sleep(0)

    async def work_all() -> None:
        await asyncio.gather(*map(work, "abcd"))
        log.logger.info("done")

    asyncio.run(work_all())

    *during, after = log.lines
    assert [line["key"] for line in during] == list("abcd")
    assert KEYS & after.keys() == set()


@pytest.mark.parametrize("error", [ValueError(), SystemExit(), KeyboardInterrupt()])
def test_keys_are_removed_however_a_task_ends(error: BaseException) -> None:
    log = Log()

    with pytest.raises(type(error)), log.observer.observe(task(), math.inf):
        raise error
    log.logger.info("done")

    assert KEYS & log.lines[0].keys() == set()


def test_keys_of_inject_lambda_context_are_kept() -> None:
    log = Log()
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn", aws_request_id="r-1"
    )

    @log.logger.inject_lambda_context
    def handler(event: object, context: object) -> None:
        with log.observer.observe(task(), math.inf):
            log.logger.info("working")

    handler({}, context)

    assert log.lines[0]["function_request_id"] == "r-1"
    assert log.lines[0]["key"] == "a b.jpg"
