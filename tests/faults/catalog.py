"""All faults: importing this module adds those of the other modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults import crashes, endless, exceptions, process_state, results
from tests.faults.fault import FAULTS, Fault

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["FAULTS", "MODULES", "faults_of"]

MODULES: Final[tuple[ModuleType, ...]] = (endless, crashes, exceptions, results, process_state)


def faults_of(module: ModuleType) -> list[Fault]:
    return [fault for fault in FAULTS.values() if fault.cause.__module__ == module.__name__]
