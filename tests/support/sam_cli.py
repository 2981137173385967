"""The real SAM CLI for tests, and containers for ``sam local``.

``scripts/get-deploy-tools``, which ``scripts/test`` runs, installs it. Without it, or without
containers, the tests that need them are skipped. ``tests/support/lambda_environment.py`` has the
same emulator without containers.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
TOOLS: Final = PROJECT / ".venvs"

RUNTIME: Final = f"python{sys.version_info[0]}.{sys.version_info[1]}"
ARCHITECTURE: Final = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"

needs_sam = pytest.mark.skipif(
    not TOOLS.joinpath("sam", "bin", "sam").exists(),
    reason="the SAM CLI is not installed: run scripts/get-deploy-tools",
)


def tool(name: str, *arguments: str | Path, folder: Path = PROJECT) -> str:
    """Run a tool of the SAM CLI's environment, or checkov, and return its output."""
    run = subprocess.run(
        command(name, *arguments),
        cwd=folder,
        env=variables(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def command(name: str, *arguments: str | Path) -> list[str | Path]:
    environment = "checkov" if name == "checkov" else "sam"
    return [TOOLS / environment / "bin" / name, *arguments]


def variables() -> dict[str, str]:
    """Return an environment in which ``sam`` sends no telemetry and builds with this Python."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # Use the environment of this Python, even if another one is activated.
    return {
        **others,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_BETA_FEATURES": "0",
    }


# Parameters for functions that this Python and processor can load.
PARAMETERS: Final = ("--parameter-overrides", f"Runtime={RUNTIME} Architecture={ARCHITECTURE}")


def build(template: Path, into: Path, *options: str) -> Path:
    """Run ``sam build``, and return the new template."""
    places = ("--template", template, "--build-dir", into)
    tool("sam", "build", *places, *options, folder=template.parent)
    return into / "template.yaml"


# Docker's client for Python, which the SAM CLI installs and uses.
_LOOK_FOR_IMAGE = """
import sys, docker
images = docker.from_env().images
try:
    images.get(sys.argv[1])
except docker.errors.ImageNotFound:
    images.pull(sys.argv[1])
"""


def require_containers() -> None:
    """Skip the test if a container of the Lambda runtime for this Python is not available."""
    image = f"public.ecr.aws/lambda/{RUNTIME.replace('python', 'python:')}-{ARCHITECTURE}"
    look = subprocess.run(
        command("python", "-c", _LOOK_FOR_IMAGE, image),
        env=variables(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if look.returncode != 0:
        problem = look.stderr.strip().rpartition("\n")[2]
        pytest.skip(f"no containers here, so no sam local: {image}: {problem}")
