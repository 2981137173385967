"""The content of the Lambda layers that ``scripts/build-layer`` builds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.lambda_environment import Environment
from tests.support.sam_cli import PROJECT

pytestmark = [
    pytest.mark.application,
    pytest.mark.skipif(
        not PROJECT.joinpath("s3batch_handler").exists(),
        reason="there is no source to build from: the tested package is installed",
    ),
]

# A cold start downloads and unpacks the layer.
MAX_ZIPPED = 400_000

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def build_layer(folder: Path, *options: str, project: Path = PROJECT) -> Path:
    script = project / "scripts" / "build-layer"
    subprocess.run([script, *options, "--output", folder], check=True, capture_output=True)
    return folder / "s3batch-handler-layer.zip"


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the layer."""
    return build_layer(tmp_path_factory.mktemp("layer"))


def test_the_layer_contains_the_parts_of_the_package_that_run_in_lambda(layer: Path) -> None:
    """It has no compiled code, so it is for each processor and Python."""
    names = [name for name in zipfile.ZipFile(layer).namelist() if not name.endswith("/")]

    files = [Path(name).relative_to("python") for name in names if ".dist-info/" not in name]
    modules = [path for path in files if path.suffix == ".py"]
    assert {path.parts[0] for path in files} == {"s3batch_handler"}
    assert {path.parts[1] for path in modules} == {
        "__init__.py",
        *("core", "documents", "handler", "jobs"),
    }
    assert {path.suffix for path in files} == {".json", ".py", ".typed"}


def test_the_layer_contains_the_license(layer: Path) -> None:
    names = zipfile.ZipFile(layer).namelist()

    assert [name for name in names if ".dist-info/licenses/LICENSE" in name]


def test_the_layer_is_below_the_documented_size(layer: Path) -> None:
    assert layer.stat().st_size < MAX_ZIPPED


def test_the_same_source_builds_the_same_layer(tmp_path: Path) -> None:
    """The bytes do not depend on the folder, so that nothing unchanged is deployed."""
    hidden_and_built = shutil.ignore_patterns(".*", "dist", "__pycache__")
    copy = shutil.copytree(PROJECT, tmp_path / "another folder", ignore=hidden_and_built)
    (copy / ".venv").symlink_to(PROJECT / ".venv")

    first = build_layer(tmp_path / "first", "--bytecode", VERSION)
    second = build_layer(tmp_path / "second", "--bytecode", VERSION, project=copy)

    assert first.read_bytes() == second.read_bytes()
    assert [name for name in zipfile.ZipFile(first).namelist() if name.endswith(".pyc")]


FUNCTION = """
import dataclasses, datetime, sys
from s3batch_handler import PermanentFailure, Task, task_handler

@dataclasses.dataclass
class Result:
    day: datetime.date
    others: set[str]

@task_handler
def handler(task: Task) -> Result:
    if task.key == "bad":
        raise PermanentFailure("bad")
    others = sys.modules.keys() & {"pydantic", "pydantic_core", "typing_extensions", "boto3"}
    return Result(datetime.date(2026, 1, 2), others)
"""


def test_a_function_runs_in_the_lambda_runtime_with_the_layer_alone(
    layer: Path, tmp_path: Path
) -> None:
    """No other package is on its path: neither pydantic nor ``typing_extensions``."""
    zipfile.ZipFile(layer).extractall(tmp_path)
    folder = tmp_path / "python"
    (folder / "app.py").write_text(FUNCTION)
    environment = Environment(
        "app.handler", folder=folder, timeout=60, log=tmp_path / "lambda.log", alone=True
    )

    try:
        good, bad = environment.results("good", "bad")
    finally:
        environment.stop()

    assert good[1] == "Succeeded", environment.log()
    assert json.loads(good[2]) == {"day": "2026-01-02", "others": []}
    assert bad[1:] == ("PermanentFailure", "bad")
