"""What tests share."""

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

# Without bytecode, each run would rewrite the assertions of all tests, and each process that a
# test starts would compile the package.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Collecting creates many objects and no garbage.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


# Shells let what they start in the background, scripts/test too, ignore Ctrl-C, and so would all
# that tests start: those that send it one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Likewise a hang-up, under nohup: what is handled here is as ever in what is started.
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
    """Sessions of botocore share what they read, some megabytes each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", functools.cache(create_loader))
        yield


@pytest.fixture(scope="session")
def project() -> Path:
    """The directory that holds ``pyproject.toml``, ``README.md`` and the rest."""
    return Path(__file__).parents[1]


@pytest.fixture
def load_event() -> Callable[[str], Event]:
    """Reads ``tests/events/NAME``: a payload as S3 Batch Operations sends it, anew at each call."""

    def load(name: str) -> Event:
        event: Event = json.loads(Path(__file__).with_name("events").joinpath(name).read_text())
        return event

    return load


@pytest.fixture
def own_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports from its folder, ``app.py`` mostly, is not the next test's as well."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    modules = {*sys.modules}
    yield
    for name in sys.modules.keys() - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
