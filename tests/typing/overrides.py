"""mypy knows ``override`` of the package: without a mistake here, its comment would be unused."""

from __future__ import annotations

from s3batch_handler.core._typing import override


class Base:
    def run(self) -> int:
        return 0


class Overrides(Base):
    @override
    def run(self) -> int:
        return 1


class OverridesNothing(Base):
    @override
    def walk(self) -> int:  # type: ignore[misc]
        return 1


class DoesNotSayIt(Base):
    def run(self) -> int:  # type: ignore[explicit-override]
        return 1
