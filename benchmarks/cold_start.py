"""Imports in a fresh interpreter. Target: at most 1.15 times the time of pydantic alone."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.measure import side_by_side, table

IMPORTS = {
    "pydantic": "from pydantic import BaseModel\nclass M(BaseModel): a: int",
    "s3batch_handler": "import s3batch_handler",
    "Powertools data classes": "import aws_lambda_powertools.utilities.data_classes",
    "Powertools parser": "import aws_lambda_powertools.utilities.parser",
    "boto3": "import boto3",
}


def _import_seconds(statement: str) -> float:
    program = (
        f"import time; begin = time.perf_counter()\n{statement}\nprint(time.perf_counter() - begin)"
    )
    run = [sys.executable, "-c", program]
    return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def main(*, quick: bool = False) -> None:
    """Print the table."""
    contenders = {
        name: (lambda statement=statement: _import_seconds(statement))
        for name, statement in IMPORTS.items()
    }
    side_by_side(contenders, rounds=1)  # fill the file cache
    table(
        "Import in a fresh interpreter (target: s3batch_handler at most 1.15x)",
        side_by_side(contenders, rounds=5 if quick else 21),
        to="pydantic",
        unit=lambda value: f"{value * 1e3:.0f} ms",
    )
