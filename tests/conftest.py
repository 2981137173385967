"""Settings and fixtures of all tests."""

import functools
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import create_loader
from hypothesis import HealthCheck, settings

Event = dict[str, Any]

pytest_plugins = ["pytester"]

# Without bytecode, each run would rewrite the assertions of all tests, and each process that a
# test starts would compile the package.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Collecting tests creates many objects, but no garbage.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


# A shell starts background commands, such as scripts/test, with SIGINT ignored. Processes of tests
# would inherit that, and tests that send Ctrl-C would wait forever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# The same applies to SIGHUP under nohup; a handled signal has its default action in new processes.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


# On a busy machine, an example may take long.
settings.register_profile(
    "quick", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=500)
settings.load_profile("quick")


@pytest.fixture(scope="session", autouse=True)
def models_read_once() -> Iterator[None]:
    """Share the service models, of some megabytes each, among all sessions of botocore."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", functools.cache(create_loader))
        yield


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the directory of ``pyproject.toml`` and ``README.md``."""
    return Path(__file__).parents[1]


@pytest.fixture
def load_event() -> Callable[[str], Event]:
    """Return a function that reads a payload of S3 Batch Operations, ``tests/events/NAME``."""

    def load(name: str) -> Event:
        event: Event = json.loads(Path(__file__).with_name("events").joinpath(name).read_text())
        return event

    return load


@pytest.fixture
def own_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove modules that a test imported from its folder, such as ``app.py``."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    modules = {*sys.modules}
    yield
    for name in sys.modules.keys() - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
