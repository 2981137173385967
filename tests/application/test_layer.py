"""The content of the Lambda layers that ``scripts/build-layer`` builds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.sam_cli import ARCHITECTURE, NEEDED, PROJECT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.application,
    pytest.mark.skipif(
        not PROJECT.joinpath("s3batch_handler").exists(),
        reason="there is no source to build from: the tested package is installed",
    ),
]

# A cold start downloads and unpacks the layer. Lambda allows 250 MB unzipped, with the function.
MAX_ZIPPED = 4_000_000
MAX_BYTES = 10_000_000

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def layer(folder: Path, architecture: str) -> Path:
    return folder / f"s3batch-handler-layer-python{VERSION}-{architecture}.zip"


def build_layers(folder: Path, *, project: Path = PROJECT) -> None:
    script = project / "scripts" / "build-layer"
    subprocess.run(
        [script, "--python", VERSION, "--output", folder], check=True, capture_output=True
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both layers, and return their folder."""
    folder = tmp_path_factory.mktemp("layers")
    build_layers(folder)
    return folder


# Bytes 18 and 19 of an ELF file name the processor.
@pytest.mark.parametrize(("architecture", "machine"), [("arm64", 0xB7), ("x86_64", 0x3E)])
def test_a_layer_contains_the_package_and_its_requirements(
    folder: Path, architecture: str, machine: int
) -> None:
    """It is for one processor, without packages of the Lambda runtime and without tests."""
    archive = zipfile.ZipFile(layer(folder, architecture))
    names = archive.namelist()

    tops = {name.split("/")[1] for name in names if name.count("/") > 1 or name.endswith(".py")}
    assert {top for top in tops if not top.endswith(".dist-info")} == NEEDED
    (core,) = [name for name in names if name.endswith(".so")]
    assert int.from_bytes(archive.read(core)[18:20], "little") == machine
    assert not [name for name in names if name.endswith(".pyc") or "/tests/" in name]


def test_a_layer_contains_the_licenses(folder: Path) -> None:
    """Each package is distributed with the text of its license."""
    names = zipfile.ZipFile(layer(folder, "arm64")).namelist()

    packages = {part for name in names if (part := name.split("/")[1]).endswith(".dist-info")}

    assert len(packages) == 6
    for package in packages:
        assert any(name.startswith(f"python/{package}/licenses/LICENSE") for name in names), package


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_a_layer_is_below_the_documented_size(folder: Path, architecture: str) -> None:
    """It is below the limits of the documentation."""
    path = layer(folder, architecture)
    files = zipfile.ZipFile(path).infolist()

    assert path.stat().st_size < MAX_ZIPPED
    assert sum(file.file_size for file in files) < MAX_BYTES


def test_the_same_source_builds_the_same_layer(folder: Path, tmp_path: Path) -> None:
    """The bytes do not depend on the folder, so that nothing unchanged is deployed."""
    hidden_and_built = shutil.ignore_patterns(".*", "dist", "__pycache__")
    copy = shutil.copytree(PROJECT, tmp_path / "another folder", ignore=hidden_and_built)
    (copy / ".venv").symlink_to(PROJECT / ".venv")

    build_layers(tmp_path, project=copy)

    for architecture in ("arm64", "x86_64"):
        assert layer(tmp_path, architecture).read_bytes() == (
            layer(folder, architecture).read_bytes()
        )


@pytest.mark.skipif(sys.platform != "linux", reason="layers are for Linux")
def test_a_function_runs_with_the_layer_alone(folder: Path, tmp_path: Path) -> None:
    """It finds all its imports where Lambda mounts a layer."""
    zipfile.ZipFile(layer(folder, ARCHITECTURE)).extractall(tmp_path)
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'python')!r})"
    handler = "from s3batch_handler import task_handler; task_handler(lambda task: 'done')"

    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", f"{program}; {handler}; print('loaded')"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout == "loaded\n"
