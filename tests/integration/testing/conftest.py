"""Fixtures for tests of the pytest plugin."""

import pytest

from tests.support.nested_pytest import NestedPytest


@pytest.fixture
def nested(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> NestedPytest:
    """Return an empty test suite, which runs with the plugin."""
    return NestedPytest(pytester, monkeypatch)
