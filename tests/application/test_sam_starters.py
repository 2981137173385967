"""Starters with the real SAM CLI: created, validated, built and run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.cli._scaffolding import create_project, starters
from s3batch_handler.documents.reports._report import read_report
from tests.support.lambda_environment import in_lambda
from tests.support.sam_cli import (
    ARCHITECTURE,
    PROJECT,
    RUNTIME,
    build,
    command,
    needs_sam,
    tool,
    variables,
)
from tests.support.serving import COMMAND, clean_environment, server_process

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.application, needs_sam]

STARTERS = list(starters())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this package."""
    folder = tmp_path_factory.mktemp("package")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.parametrize("starter", STARTERS)
def test_sam_init_and_s3batch_init_create_the_same_files(starter: str, tmp_path: Path) -> None:
    """``sam init --location`` and ``s3batch init`` create the same files, byte for byte.

    Except ``samconfig.toml``, to which the SAM CLI adds settings.
    """
    tool("sam", *init(starter, "my-photos", tmp_path))

    made = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    settings = tomllib.loads(made.pop("my-photos/samconfig.toml").decode())
    ours = starters()[starter].files("my-photos")
    assert (
        settings["default"].items()
        >= tomllib.loads(ours.pop("samconfig.toml").decode())["default"].items()
    )
    assert made == {f"my-photos/{path}": content for path, content in ours.items()}


@pytest.mark.parametrize("name", ["My_photos", 'ü"x', "../photos", "", "1st"])
def test_invalid_project_names_are_refused(name: str, tmp_path: Path) -> None:
    """No files are written, inside or outside of the folder."""
    (tmp_path / "here").mkdir()

    run = subprocess.run(
        command("sam", *init("minimal", name, tmp_path / "here")),
        env=variables(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode != 0
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def init(starter: str, name: str, folder: Path) -> list[str | Path]:
    place = PROJECT / "templates" / starter
    return [*("init", "--location", place, "--no-input", "--name", name, "--output-dir", folder)]


@pytest.mark.parametrize("starter", STARTERS)
def test_a_new_project_can_be_validated_and_built(
    starter: str, tmp_path: Path, wheel: Path
) -> None:
    """``sam validate --lint`` and ``sam build`` accept it unchanged.

    This package is installed from the project's folder of wheels.
    """
    if starter == "image-thumbnails" and RUNTIME == "python3.11":
        pytest.skip("Pillow has no wheels any more for the glibc of Lambda's Python 3.11")
    project = tmp_path / "project"
    create_project(starters()[starter], project)
    tool("sam", "validate", "--lint", folder=project)

    shutil.copy(wheel, project / "wheels")
    function = build_for_here(project, tmp_path / "built")

    names = {path.name for path in function.iterdir()}
    assert {"app.py", "s3batch_handler", "aws_lambda_powertools"} <= names
    assert ("pydantic" in names) == (starter != "minimal")
    assert ("PIL" in names) == (starter == "image-thumbnails")
    assert not names & {"boto3", "moto", "pytest"}


def test_checkov_finds_nothing_that_is_not_explained(tmp_path: Path) -> None:
    """The template explains each remaining finding, and has no other explanations."""
    for starter in STARTERS:
        create_project(starters()[starter], tmp_path / starter)
    files = {
        f"/{starter}/template.yaml": tmp_path / starter / "template.yaml" for starter in STARTERS
    }

    result = json.loads(
        tool(
            *("checkov", "--directory", tmp_path, "--framework", "cloudformation"),
            *("--skip-download", "--output", "json"),
        )
    )

    skipped = result["results"]["skipped_checks"]
    assert result["summary"]["failed"] == 0
    assert result["summary"]["passed"] > 20 * len(STARTERS)
    assert sorted((one["file_path"], one["check_id"]) for one in skipped) == sorted(
        (path, line.split("id:")[1].strip())
        for path, file in files.items()
        for line in file.read_text().splitlines()
        if "id: CKV" in line
    )
    assert all(one["check_result"]["suppress_comment"] for one in skipped)


def test_a_built_project_runs_a_job(tmp_path: Path, wheel: Path) -> None:
    """From ``s3batch init`` and ``sam build`` to the report of a finished job.

    The built function runs in Lambda's runtime with its packages.
    """
    create_project(starters()["minimal"], tmp_path / "project")
    shutil.copy(wheel, tmp_path / "project" / "wheels")
    function = build_for_here(tmp_path / "project", tmp_path / "built")
    texts = tmp_path / "texts"
    texts.mkdir()
    texts.joinpath("a b.txt").write_text("one\ntwo\n")
    texts.joinpath("empty.txt").write_text("")

    with (
        server_process(tmp_path, "--source", "texts") as (_, s3),
        in_lambda("app.handler", folder=function, s3=s3) as address,
    ):
        subprocess.run(
            [
                *(*COMMAND, "run", address, "--bucket", "texts", "--endpoint-url", s3),
                *("--report", "."),
            ],
            cwd=tmp_path,
            env=clean_environment(),
            check=False,
        )

    (job,) = tmp_path.glob("job-*/manifest.json")
    messages = {row.key: row.message for row in read_report(job).rows()}
    assert messages == {"a b.txt": '{"bytes":8,"lines":2}', "empty.txt": "empty"}


def build_for_here(project: Path, into: Path) -> Path:
    """Build a project for this Python and processor, as in its README, and return the function."""
    template = project / "template.yaml"
    text = template.read_text()
    assert "Runtime: python3.13\n      Architectures: [arm64]\n" in text
    template.write_text(text.replace("python3.13", RUNTIME).replace("[arm64]", f"[{ARCHITECTURE}]"))
    return build(template, into).with_name("Function")
