"""A function in Lambda that is called many times at a time."""

from __future__ import annotations

import importlib.metadata
import resource
import threading
import time
from contextlib import closing
from importlib.metadata import PackageNotFoundError
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke import _call_tasks
from s3batch_handler.engine.invoke._target import invoker_for
from s3batch_handler.jobs._signed_calls import SignedCalls
from tests.support.invoker_calls import TEMPLATE, invoke, keys
from tests.support.lambda_server import (
    ARN,
    SUCCEEDED,
    THROTTLED,
    Event,
    Reply,
    done,
    fleet_at,
    key,
    serving,
)
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.lambda_server import Server


NOT_FOUND: Reply = (404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, b'{"Message":"no"}')


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(server: Server) -> Server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
        return server

    return use


def test_many_calls_are_in_flight_in_one_thread(endpoint: Any) -> None:
    """All of them are running at the same time, and any thread can see them."""
    arrived, go = threading.Semaphore(0), threading.Event()
    seen: list[int] = []

    def respond(event: Event) -> Reply:
        if int(key(event)) >= 200:  # the first calls are fewer at a time
            arrived.release()
            go.wait(60)
        return done(event)

    with serving(respond) as server, closing(fleet_at(endpoint(server), concurrency=200)) as fleet:
        threads = threading.active_count()

        def watch() -> None:
            for _ in range(200):
                arrived.acquire(timeout=60)
            seen.append(len(fleet.running()))
            go.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        answers = list(fleet.invoke_all(TEMPLATE, keys(*map(str, range(600))), stop=lambda: False))
        watcher.join()

    assert seen == [200]
    assert {answer for _, answer, _ in answers} == {SUCCEEDED}
    assert len({entry.encoded_key for entry, _, _ in answers}) == 600
    assert threads < 20


def test_a_storm_of_refusals_is_answered_by_one_pause(endpoint: Any) -> None:
    """Each task succeeds in the end, although the function accepts only three calls at a time."""
    lock = threading.Lock()
    running = refused = 0

    def respond(event: Event) -> Reply:
        nonlocal running, refused
        with lock:
            if running >= 3:
                refused += 1
                return THROTTLED
            running += 1
        time.sleep(0.01)
        with lock:
            running -= 1
        return done(event)

    with serving(respond) as server:
        answers = invoke(fleet_at(endpoint(server), concurrency=50), keys(*map(str, range(150))))

    assert set(answers.values()) == {SUCCEEDED}
    assert refused < 150


def test_answers_that_arrive_with_fatal_errors_are_kept(endpoint: Any) -> None:
    """The function has run for these tasks, so a resumed job must not call it again."""
    all_arrived = threading.Barrier(20)
    succeeded: set[str] = set()

    def respond(event: Event) -> Reply:
        all_arrived.wait(60)
        if int(key(event)) < 10:
            return NOT_FOUND
        succeeded.add(key(event))
        return done(event)

    answered: list[Any] = []
    with serving(respond) as server, closing(fleet_at(endpoint(server), concurrency=20)) as fleet:
        calls = fleet.invoke_all(TEMPLATE, keys(*map(str, range(20))), stop=lambda: False)
        with pytest.raises(InvalidFunction, match="ResourceNotFoundException"):
            answered.extend(calls)

    assert {entry.encoded_key for entry, answer, _ in answered if answer == SUCCEEDED} == succeeded
    assert len(succeeded) == 10


def test_retry_after_is_respected(endpoint: Any) -> None:
    times: list[float] = []

    def respond(event: Event) -> Reply:
        times.append(time.monotonic())
        status, headers, body = THROTTLED
        return done(event) if len(times) > 1 else (status, {**headers, "Retry-After": "1"}, body)

    with serving(respond) as server:
        invoke(fleet_at(endpoint(server)), keys("a"))

    assert times[1] - times[0] >= 1


def test_credentials_are_refreshed_during_a_job(
    endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later requests are signed with the new ones."""
    monkeypatch.setattr(_call_tasks, "REFRESH_SECONDS", 0.01)
    numbers, refresh = count(), SignedCalls.refresh

    def refresh_to_new_ones(signed: SignedCalls) -> None:
        signed._credentials = Credentials(f"key{next(numbers)}", "secret")
        refresh(signed)

    monkeypatch.setattr(SignedCalls, "refresh", refresh_to_new_ones)

    def respond(event: Event) -> Reply:
        time.sleep(0.02)
        return done(event)

    with serving(respond) as server:
        invoke(fleet_at(endpoint(server)), keys(*map(str, range(10))))

    signed_with = {headers["Authorization"].partition("/")[0] for headers in server.headers}
    assert "AWS4-HMAC-SHA256 Credential=key0" in signed_with
    assert len(signed_with) > 1


def test_a_job_without_credentials_fails_before_its_first_task(
    endpoint: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with (
        serving(done) as server,
        pytest.raises(InvalidFunction, match=r"resize: NoCredentialsError: Unable to locate"),
    ):
        invoke(fleet_at(endpoint(server)), keys("a"))
    assert server.calls == []


def test_no_thread_is_left_after_a_job(endpoint: Any) -> None:
    before = {*threading.enumerate()}

    with serving(done) as server:
        invoke(fleet_at(endpoint(server), concurrency=5), keys("a", "b"))

    wait_for(lambda: {*threading.enumerate()} <= before)


@pytest.mark.parametrize("installed", [None, "3.9.5", "3.11.18"])
def test_many_calls_without_the_extra_are_refused(
    monkeypatch: pytest.MonkeyPatch, installed: str | None
) -> None:
    """The error names the extra. Few calls have a thread each, also beside an older aiohttp."""

    def version(name: str) -> str:
        if installed is None:
            raise PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(importlib.metadata, "version", version)

    with pytest.raises(InvalidFunction, match=r"pip install 's3batch-handler\[fleet\]'"):
        invoker_for(ARN, workers=101)
    assert type(invoker_for(ARN, workers=100)).__name__ == "RemoteFunction"


def test_certificates_that_cannot_be_read_fail_the_job_before_its_first_task(
    endpoint: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))

    with (
        serving(done) as server,
        pytest.raises(InvalidFunction, match=r"resize: .*No such file or directory"),
    ):
        invoke(fleet_at(endpoint(server)), keys("a"))
    assert server.calls == []


def test_the_limit_of_open_files_is_raised_for_many_calls(endpoint: Any) -> None:
    """Each connection is an open file. What the system does not allow is an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        with serving(done) as server:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 50, hard))
            invoke(fleet_at(endpoint(server), concurrency=hard - 120), keys("a"))
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard - 20
            with pytest.raises(InvalidFunction, match=r"need [\d,]+ open files, and the system"):
                invoke(fleet_at(endpoint(server), concurrency=hard + 1), keys("a"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
