"""Packages for users are complete, and packages for developers are pinned."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata, resources
from itertools import chain
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement

import s3batch_handler

DISTRIBUTION = metadata.distribution("s3batch-handler")
PROJECT = Path(__file__).parents[2]
WORKFLOW = PROJECT / ".github" / "workflows" / "ci.yml"
REQUIREMENT_FILES = sorted(PROJECT.joinpath("requirements").glob("*.txt"))
CLI = {"click", "packaging", "pydantic", "pyyaml", "rich", "rich-click"}
LOCAL = {*CLI, "boto3", "flask", "flask-cors", "moto", "waitress", "werkzeug", "xxhash"}
REPORT = {"duckdb", "pydantic"}
SCRIPTS = [
    "scripts/test",
    "scripts/demo",
    "scripts/lock",
    "scripts/get-rie",
    "scripts/get-deploy-tools",
    "scripts/build-layer",
]


# ---------------------------------------------------------------- the package


def test_package_and_metadata_have_the_same_version() -> None:
    """The package and its metadata have the same version."""
    assert DISTRIBUTION.version == s3batch_handler.__version__


def test_the_package_has_a_py_typed_file() -> None:
    """Type checkers read an installed package only if it has one."""
    assert resources.files(s3batch_handler).joinpath("py.typed").is_file()


def test_the_package_contains_its_licenses() -> None:
    """The metadata has the SPDX identifiers and the texts, also of the library for charts."""
    assert DISTRIBUTION.metadata["License-Expression"] == "Apache-2.0 AND MIT"
    texts = [
        path.read_text()
        for path in DISTRIBUTION.files or []
        if path.name == "LICENSE" and ".dist-info/" in path.as_posix()
    ]
    assert sorted("Apache License" in text for text in texts) == [False, True]
    assert sorted("The MIT License" in text for text in texts) == [False, True]


def test_the_bare_package_requires_no_other_package() -> None:
    """A function in Lambda contains this package alone."""
    assert [need for need in _requirements() if need.marker is None] == []


@pytest.mark.parametrize(
    ("extra", "packages"),
    [
        ("models", {"pydantic"}),
        ("powertools", {"aws-lambda-powertools"}),
        ("aws", {"boto3", "pydantic"}),
        ("cli", CLI),
        ("local", LOCAL),
        ("fleet", {"aiohttp", "boto3", "pydantic"}),
        ("dask", {*CLI, "boto3", "distributed"}),
        ("report", REPORT),
        ("testing", {"hypothesis", "pydantic"}),
        ("all", {"aiohttp", "aws-lambda-powertools", "distributed", "hypothesis", *LOCAL, *REPORT}),
    ],
)
def test_an_extra_requires_what_its_modules_import(extra: str, packages: set[str]) -> None:
    """Each extra installs what its part of the library imports."""
    assert extra in (DISTRIBUTION.metadata.get_all("Provides-Extra") or [])
    assert _brought_by(extra) == packages


def test_declared_python_versions_are_those_of_the_scripts() -> None:
    """``scripts/test`` and the workflow use the declared Python versions."""
    classifiers = DISTRIBUTION.metadata.get_all("Classifier") or []
    declared = re.findall(r"Python :: (3\.\d+)", " ".join(classifiers))

    script = PROJECT.joinpath("scripts/_env.sh").read_text()
    (tried,) = re.findall(r"^supported=\((.*)\)$", script, flags=re.MULTILINE)

    assert sorted(tried.split()) == sorted(declared)
    if WORKFLOW.exists():  # it is not part of the sdist
        jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]["test"]["strategy"]["matrix"]["include"]
        assert [job["versions"].split() for job in jobs] == [
            *([each] for each in declared),
            declared,
        ]
    assert DISTRIBUTION.metadata["Requires-Python"] == f">={min(declared)}"


@pytest.mark.skipif(
    not PROJECT.joinpath("s3batch_handler").exists(),
    reason="the package that is tested is an installed one: there is no source to build from",
)
def test_the_wheel_contains_the_package_and_nothing_else(tmp_path: Path) -> None:
    """It has every module, the templates, ``py.typed`` and the licenses."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )

    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())

    source = PROJECT.joinpath("s3batch_handler").rglob("*")
    modules = {
        path.relative_to(PROJECT).as_posix()
        for path in source
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "s3batch_handler/py.typed" in modules
    templates = {
        path.relative_to(PROJECT).as_posix()
        for path in PROJECT.joinpath("templates").rglob("*")
        if path.is_file()
    }
    assert "templates/minimal/{{cookiecutter.project_slug}}/.gitignore" in templates
    modules |= {f"s3batch_handler/{name}" for name in templates}
    information = f"s3batch_handler-{s3batch_handler.__version__}.dist-info"
    licenses = ("LICENSE", "s3batch_handler/page/vendor/uplot/LICENSE")
    assert names - modules == {
        *(f"{information}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")),
        *(f"{information}/licenses/{name}" for name in licenses),
    }
    assert modules <= names


def _requirements() -> list[Requirement]:
    return [Requirement(text) for text in DISTRIBUTION.requires or []]


def _brought_by(extra: str) -> set[str]:
    """Name what an extra brings beyond the core, through extras that it refers to."""
    names: set[str] = set()
    for need in _requirements():
        if need.marker is None or not need.marker.evaluate({"extra": extra}):
            continue
        if need.name == "s3batch-handler":
            names |= {name for other in need.extras for name in _brought_by(other)}
        else:
            names.add(need.name)
    return names


# ---------------------------------------------------------------- what the scripts install


@pytest.mark.parametrize("path", REQUIREMENT_FILES, ids=lambda path: path.name)
def test_requirement_files_pin_versions_and_hashes(path: Path) -> None:
    """They contain no address."""
    text = path.read_text()

    lines = text.replace("\\\n", " ").splitlines()
    pins = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", pin), pin
    for forbidden in ("://", "--index", "--extra-index", "--find-links", "file:"):
        assert forbidden not in text


def test_requirement_files_pin_the_same_versions() -> None:
    """No set has another version of a package than the set that it is part of."""
    pins = {path.stem: _pins(path) for path in REQUIREMENT_FILES}

    assert pins["demo"] < pins["test"] < pins["dev"]
    assert pins["rie"] < pins["sam"]


def test_requirement_files_are_up_to_date() -> None:
    """They contain all requirements of the package; otherwise run ``scripts/lock``."""
    project = tomllib.loads(PROJECT.joinpath("pyproject.toml").read_text())["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    needs = [Requirement(text) for text in [*project["dependencies"], *extras]]
    sources = [path.read_text() for path in PROJECT.joinpath("requirements").glob("*.in")]

    pinned = {name for path in REQUIREMENT_FILES for name, _ in _pins(path)}

    named = {need.name for need in needs if need.name != "s3batch-handler"}
    for line in "\n".join(sources).splitlines():
        requirement = line.partition("#")[0].strip()
        if requirement and not requirement.startswith("-"):
            named.add(Requirement(requirement).name)
    assert named <= pinned


def _pins(path: Path) -> set[tuple[str, str]]:
    """Return name and version of each pin; a package may have several, for different Pythons."""
    return set(re.findall(r"^(\S+)==(\S+)", path.read_text(), flags=re.MULTILINE))


# ---------------------------------------------------------------- the two commands


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_executable_and_stop_at_errors(script: str) -> None:
    """A script can be run in a fresh clone, and stops at the first failure."""
    path = PROJECT / script

    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert "_env.sh" in path.read_text()
    assert "set -euo pipefail" in PROJECT.joinpath("scripts/_env.sh").read_text()


def test_readme_names_the_two_commands() -> None:
    """A new user finds both commands in the README."""
    readme = PROJECT.joinpath("README.md").read_text()

    assert "scripts/demo" in readme
    assert "scripts/test" in readme
