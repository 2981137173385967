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
from typing_extensions import override

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke import _async_lambda_api
from s3batch_handler.engine.invoke._answer import NotRun
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._pace import Pace
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
    refusal,
    serving,
)
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3batch_handler.documents.manifests._manifest import ManifestEntry
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


def test_a_call_is_throttled_as_often_as_necessary(endpoint: Any) -> None:
    """It never fails while Lambda accepts other calls."""
    refusals = count(1)

    def respond(event: Event) -> Reply:
        if key(event) == "0" and next(refusals) <= 11:
            return THROTTLED
        return done(event)

    with serving(respond) as server:
        fleet = fleet_at(endpoint(server), concurrency=2, patience=60, backoff=1e-4)
        answers = invoke(fleet, keys(*map(str, range(100))))

    assert set(answers.values()) == {SUCCEEDED}
    assert len(answers) == 100


def test_a_job_fails_if_lambda_accepts_no_call(endpoint: Any) -> None:
    """As with a reserved concurrency of 0. The error says how long the fleet has waited."""
    with (
        serving(lambda event: THROTTLED) as server,
        pytest.raises(InvalidFunction, match=r"Exceeded. \(no call was accepted for 0.2 seconds\)"),
    ):
        invoke(fleet_at(endpoint(server), concurrency=5, patience=0.2), keys(*"abcdefgh"))


def test_entries_before_an_unreadable_one_are_called(endpoint: Any) -> None:
    """Each of them has an answer, and the error is raised."""

    def entries() -> Iterator[ManifestEntry]:
        yield from keys("a", "b")
        raise ValueError("line 3 is not valid")

    answered: list[Any] = []
    with serving(done) as server, closing(fleet_at(endpoint(server), concurrency=9)) as fleet:
        calls = fleet.invoke_all(TEMPLATE, entries(), stop=lambda: False)
        with pytest.raises(ValueError, match="line 3"):
            answered.extend(calls)

    assert [entry.encoded_key for entry, _, _ in answered] == ["a", "b"]


def test_an_error_of_the_template_fails_the_job(endpoint: Any) -> None:
    """It does not wait for an answer that never comes."""

    class Broken(EventTemplate):
        @override
        def event(self, call_id: str, entry: Any) -> Any:
            raise ValueError("no event")

    with serving(done) as server, pytest.raises(ValueError, match="no event"):
        invoke(fleet_at(endpoint(server)), keys("a"), template=Broken("1.0", {"id": "job-1"}))


def test_an_error_of_the_thread_fails_the_job(
    endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that have arrived before are kept."""

    def fail(pace: Pace) -> bool:
        if next(checks) > 3:
            raise ValueError("a bug")
        return may_start(pace)

    checks, may_start = count(1), Pace.may_start
    monkeypatch.setattr(Pace, "may_start", fail)

    answered: list[Any] = []
    with serving(done) as server, closing(fleet_at(endpoint(server))) as fleet:
        calls = fleet.invoke_all(TEMPLATE, keys(*"abcdefgh"), stop=lambda: False)
        with pytest.raises(ValueError, match="a bug"):
            answered.extend(calls)

    answers = [answer for _, answer, _ in answered]
    assert answers[0] == SUCCEEDED
    assert answers[-1] == NotRun()
    assert len({entry for entry, _, _ in answered}) == len(answered)


def test_responses_are_not_compressed(endpoint: Any) -> None:
    """Lambda is asked not to, as by boto3."""
    with serving(done) as server:
        invoke(fleet_at(endpoint(server)), keys("a"))

    assert server.headers[0]["Accept-Encoding"] == "identity"


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
    monkeypatch.setattr(_async_lambda_api, "REFRESH_SECONDS", 0.01)
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


def test_expired_credentials_are_refreshed_once(
    endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may expire while the machine is suspended. No task fails."""
    numbers, refresh = count(), SignedCalls.refresh

    def refresh_to_new_ones(signed: SignedCalls) -> None:
        signed._credentials = Credentials(f"key{next(numbers)}", "secret")
        refresh(signed)

    monkeypatch.setattr(SignedCalls, "refresh", refresh_to_new_ones)
    all_arrived, calls = threading.Barrier(10), count()

    def respond(event: Event) -> Reply:
        if next(calls) < 10:
            all_arrived.wait(60)
            return refusal("ExpiredTokenException", 403)
        return done(event)

    with serving(respond) as server:
        answers = invoke(fleet_at(endpoint(server), concurrency=10), keys(*map(str, range(10))))

    assert set(answers.values()) == {SUCCEEDED}
    assert next(numbers) == 2  # at the beginning, and for all calls together
    signed_with = [headers["Authorization"].partition("/")[0] for headers in server.headers[10:]]
    assert {*signed_with} == {"AWS4-HMAC-SHA256 Credential=key1"}


def test_credentials_that_cannot_be_refreshed_are_a_warning(
    endpoint: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The present ones may be valid for some minutes."""
    monkeypatch.setattr(_async_lambda_api, "REFRESH_SECONDS", 0.01)
    refresh, calls = SignedCalls.refresh, count()

    def fail_later(signed: SignedCalls) -> None:
        if next(calls):
            raise ConnectionError("no answer from the identity provider")
        refresh(signed)

    monkeypatch.setattr(SignedCalls, "refresh", fail_later)

    def respond(event: Event) -> Reply:
        wait_for(lambda: "cannot be refreshed: no answer from the identity" in caplog.text)
        return done(event)

    with serving(respond) as server:
        assert invoke(fleet_at(endpoint(server)), keys("a")) == {"a": SUCCEEDED}


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
