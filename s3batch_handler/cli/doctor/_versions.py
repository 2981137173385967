"""Versions: of Python, and of the packages that the extras install."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.doctor._check import error, ok, skipped, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

    from s3batch_handler.cli.doctor._check import Check

PACKAGE: Final = "s3batch-handler"

# The month of the last security fixes, as the PEPs of the releases state it (664, 693, 719, 745).
END_OF_SUPPORT: Final = {
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
}


def check_python(
    version: tuple[int, int] = (sys.version_info.major, sys.version_info.minor),
    today: date | None = None,
) -> Iterator[Check]:
    """Check that this Python is supported: by this package, and with security fixes."""
    name = "Python"
    label = ".".join(map(str, version))
    end = END_OF_SUPPORT.get(version)
    if version < min(END_OF_SUPPORT):
        yield error(name, f"{label} is not supported", f"install Python {_supported()}")
    elif end is None:
        yield warning(name, f"{label} is newer than tested", f"use Python {_supported()}")
    elif (today or datetime.now(UTC).date()) > end:
        yield warning(
            name,
            f"{label} has had no security fixes since {end:%Y-%m}",
            f"install Python {_label(max(END_OF_SUPPORT))}",
        )
    else:
        yield ok(name, f"{label}, with security fixes until {end:%Y-%m}")


def _supported() -> str:
    return f"{_label(min(END_OF_SUPPORT))} to {_label(max(END_OF_SUPPORT))}"


def _label(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


# ---------------------------------------------------------------- packages


def check_packages() -> Iterator[Check]:
    """Check the versions of this package, and of the packages of each extra."""
    try:
        requirements = own_requirements()
    except metadata.PackageNotFoundError:
        remedy = f"pip install '{PACKAGE}[cli]'"
        yield skipped(PACKAGE, "not installed, but imported from a folder", remedy)
        return
    yield ok(PACKAGE, metadata.version(PACKAGE))
    shown: set[str] = set()  # the extras of the metadata contain each other
    for extra, needed in sorted(requirements.items(), key=lambda item: len(item[1])):
        if own := [each for each in needed if each.name not in shown]:
            yield _extra(extra, own)
        shown.update(each.name for each in needed)


def own_requirements() -> dict[str, list[Requirement]]:
    """Return what each extra of this package requires.

    Raises:
        PackageNotFoundError: This package is not installed.
    """
    from packaging.requirements import Requirement

    found: dict[str, list[Requirement]] = {}
    for text in metadata.requires(PACKAGE) or ():
        requirement = Requirement(text)
        if requirement.name == PACKAGE or requirement.marker is None:
            continue
        for extra in metadata.metadata(PACKAGE).get_all("Provides-Extra") or ():
            if not requirement.marker.evaluate({"extra": ""}) and requirement.marker.evaluate(
                {"extra": extra}
            ):
                found.setdefault(extra, []).append(requirement)
    return found


def installed_version(name: str) -> str | None:
    """Return the version of an installed package."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _extra(extra: str, needed: list[Requirement]) -> Check:
    name = f"extra {extra}"
    remedy = f"pip install '{PACKAGE}[{extra}]'"
    versions = {each.name: installed_version(each.name) for each in needed}
    unsuited = [
        f"{each.name} {version}, but {each.specifier} is required"
        for each in needed
        if (version := versions[each.name])
        and not each.specifier.contains(version, prereleases=True)
    ]
    missing = [package for package, version in versions.items() if version is None]
    if unsuited:
        return error(name, "; ".join(unsuited), f"{remedy} --upgrade")
    if missing:
        return skipped(name, f"not installed: {', '.join(missing)}", f"if you need it: {remedy}")
    return ok(name, ", ".join(f"{package} {version}" for package, version in versions.items()))
