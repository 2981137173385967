"""The requirements of a function, compared with what is installed here."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from s3batch_handler.cli.doctor._check import error, ok, skipped, warning
from s3batch_handler.cli.doctor._versions import PACKAGE, installed_version, own_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packaging.requirements import Requirement

    from s3batch_handler.cli.doctor._check import Check


def check_requirements(path: Path) -> Iterator[Check]:
    """Check that a function gets the packages in Lambda with which it is tested here."""
    name = f"requirements {path}"
    if not path.is_file():
        yield skipped(name, "there is no such file: the function gets no packages from it")
        return
    requirements, others = read_requirements(path)
    refused = [problem for each in requirements if (problem := _refused(each))]
    differing = [problem for each in requirements if (problem := _differs(each))]
    if refused:
        yield error(name, "; ".join(refused), "change the versions in the file")
    if differing:
        remedy = f"pip install -r {path}, so that tests run with what is deployed"
        yield warning(name, "; ".join(differing), remedy)
    if others and not requirements:
        yield skipped(name, f"cannot tell: it lists {', '.join(others)}, not packages")
    elif not others and not any(_names(each, PACKAGE) for each in requirements):
        remedy = f"add {PACKAGE}, unless the function has its layer"
        yield warning(name, f"{PACKAGE} is not listed", remedy)
    elif not refused and not differing:
        versions = (f"{each.name} {installed_version(each.name) or '?'}" for each in requirements)
        yield ok(name, f"as here: {', '.join([*versions, *others])}")


def read_requirements(path: Path) -> tuple[list[Requirement], list[str]]:
    """Return the packages that a file lists for this Python, and its other lines: paths and URLs.

    Lines with options are left out.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    found, others = [], []
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    for line in text.splitlines():
        wanted = line.partition(" #")[0].partition(" --")[0].strip()
        if not wanted or wanted.startswith(("#", "-")):
            continue
        try:
            requirement = Requirement(wanted)
        except InvalidRequirement:
            others.append(wanted)
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            found.append(requirement)
    return found, others


def _refused(requirement: Requirement) -> str:
    """Return what is wrong with a pinned version that this package does not accept."""
    pinned = [each.version for each in requirement.specifier if each.operator == "=="]
    for own in _own(requirement.name):
        for version in pinned:
            if "*" not in version and not own.specifier.contains(version, prereleases=True):
                return f"{requirement.name}=={version}, but {PACKAGE} needs {own.specifier}"
    return ""


def _own(name: str) -> list[Requirement]:
    try:
        extras = own_requirements()
    except metadata.PackageNotFoundError:
        return []
    return [each for requirements in extras.values() for each in requirements if _names(each, name)]


def _names(requirement: Requirement, package: str) -> bool:
    from packaging.utils import canonicalize_name

    return canonicalize_name(requirement.name) == canonicalize_name(package)


def _differs(requirement: Requirement) -> str:
    here = installed_version(requirement.name)
    if here is None or requirement.specifier.contains(here, prereleases=True):
        return ""
    return f"{requirement.name}{requirement.specifier}, but {here} is installed here"
