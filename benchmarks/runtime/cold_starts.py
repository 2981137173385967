"""First responses in Lambda's runtime: of small functions, and of the function that SAM builds."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import side_by_side
from benchmarks.runtime.emulator import ROOT, seconds_until_response
from benchmarks.runtime.events import ENCODED_KEY
from benchmarks.runtime.imports import compile_package
from benchmarks.runtime.tables import BARE, DATA_CLASS, OURS, PARSER

FUNCTIONS = {
    BARE: "hand_written",
    DATA_CLASS: "powertools_data_class",
    PARSER: "powertools_parser",
    OURS: "ours",
}
SAM = ROOT / ".venvs" / "sam" / "bin" / "sam"


def first_answers(*, quick: bool) -> dict[str, list[float]]:
    """Measure the milliseconds until the first response of each function."""
    compile_package()
    contenders = {
        name: lambda function=function: _milliseconds(f"benchmarks.functions.{function}.handler")
        for name, function in FUNCTIONS.items()
    }
    side_by_side(contenders, rounds=1)  # fill the file cache
    return side_by_side(contenders, rounds=7 if quick else 21)


def built_function(*, quick: bool) -> dict[str, list[float]]:
    """Build the function of ``template.yaml``, and measure the first response of the result."""
    if not SAM.exists():
        raise SystemExit("The SAM CLI is not installed. Run scripts/get-deploy-tools first.")
    with tempfile.TemporaryDirectory() as folder:
        built = _build(Path(folder))
        refused = {**ENCODED_KEY, "job": {"id": "job", "userArguments": {}}}
        contenders = {
            "hand-written, boto3 client": lambda: _milliseconds(
                "benchmarks.functions.boto3_alone.handler"
            ),
            "CompressFunction": lambda: (
                1e3 * seconds_until_response("app.handler", refused, "PermanentFailure", built)
            ),
        }
        side_by_side(contenders, rounds=1)  # fill the file cache
        return side_by_side(contenders, rounds=3 if quick else 11)


def _milliseconds(handler: str) -> float:
    return seconds_until_response(handler, ENCODED_KEY) * 1e3


def _build(folder: Path) -> Path:
    """Run ``sam build`` for this Python and processor; return the folder of the function."""
    runtime = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    architecture = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [
            *(SAM, "build", "--template", ROOT / "template.yaml", "--build-dir", folder),
            *("--parameter-overrides", f"Runtime={runtime} Architecture={architecture}"),
        ],
        cwd=ROOT,
        env={
            **others,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AWS_DEFAULT_REGION": "us-east-1",
            "SAM_CLI_TELEMETRY": "0",
        },
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return folder / "CompressFunction"
