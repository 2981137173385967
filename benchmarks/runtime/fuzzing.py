"""Handlers with mutated events, measured as CPU time."""

from __future__ import annotations

from time import process_time

from tests.support.fuzzing import fuzz


def fuzzing(*, quick: bool) -> dict[str, list[float]]:
    """Measure the microseconds of one mutated event."""
    events = 5_000 if quick else 50_000
    begin = process_time()
    findings = fuzz(range(events))
    microseconds = (process_time() - begin) / events * 1e6
    assert not findings.defects, findings.defects
    return {"one event": [microseconds]}
