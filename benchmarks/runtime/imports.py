"""Imports in a new interpreter, measured as CPU time."""

from __future__ import annotations

import compileall
import subprocess
import sys
from functools import partial
from pathlib import Path

import s3batch_handler
from benchmarks.measure import side_by_side
from benchmarks.runtime.tables import OURS

STATEMENTS = {
    "pydantic and one model": "from pydantic import BaseModel\nclass M(BaseModel): a: int",
    "Powertools data classes": "import aws_lambda_powertools.utilities.data_classes",
    "Powertools parser": "import aws_lambda_powertools.utilities.parser",
    "boto3": "import boto3",
    OURS: "from s3batch_handler import Task, task_handler",
}


def import_milliseconds(statement: str) -> float:
    program = (
        "from time import process_time; begin = process_time()\n"
        f"{statement}\n"
        "print((process_time() - begin) * 1000)"
    )
    run = [sys.executable, "-c", program]
    return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def compile_package() -> None:
    """Compile the modules of this package, as the installation of a package does."""
    compileall.compile_dir(Path(s3batch_handler.__file__).parent, quiet=1)


def imports(*, quick: bool) -> dict[str, list[float]]:
    """Measure the milliseconds of each import."""
    compile_package()
    contenders = {
        name: partial(import_milliseconds, statement) for name, statement in STATEMENTS.items()
    }
    side_by_side(contenders, rounds=1)  # fill the file cache
    return side_by_side(contenders, rounds=7 if quick else 21)
