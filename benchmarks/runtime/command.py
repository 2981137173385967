"""``python -m benchmarks runtime``: measure the runtime with each Python, and print the tables."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.runtime.page import missed, page, tables_of
from benchmarks.runtime.tables import TABLES

if TYPE_CHECKING:
    import argparse

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
RESULTS = Path(__file__).with_name("results.json")
NEEDED = ("aws_lambda_powertools", "awslambdaric", "boto3", "pydantic")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="run fewer rounds")
    parser.add_argument(
        "--python",
        action="append",
        metavar="PATH",
        help="a Python to measure with, repeatable  [default: this one, and each python3.11 to "
        "python3.14 on the PATH that has the packages]",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write docs/benchmarks.md, and benchmarks/runtime/results.json with all figures",
    )
    parser.add_argument(
        "--page", action="store_true", help="write the page from results.json, without measuring"
    )
    parser.add_argument(
        "tables",
        nargs="*",
        metavar="TABLE",
        choices=[*(table.name for table in TABLES), []],
        help=f"tables to measure, of {', '.join(table.name for table in TABLES)}  [default: all]",
    )


def run(options: argparse.Namespace) -> None:
    if options.page:
        PAGE.write_text(page(json.loads(RESULTS.read_text())))
        return
    measured_on = {**machine(), "rounds": "few (--quick)" if options.quick else "all"}
    measured = [
        measure(python, options.tables, quick=options.quick)
        for python in options.python or pythons()
    ]
    measured_on["load average"] += f" before, {_load()} after"
    results = {"machine": measured_on, "pythons": measured}
    print("\n".join(tables_of(results)))
    if options.write:
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        PAGE.write_text(page(results))
        print(f"\nwrote {PAGE.relative_to(ROOT)} and {RESULTS.relative_to(ROOT)}", file=sys.stderr)
    for target in missed(results):
        print(f"missed: {target}", file=sys.stderr)


def pythons() -> list[str]:
    """Return this Python and those of other versions that have the packages, oldest first."""
    found = {platform.python_version_tuple()[:2]: sys.executable}
    for minor in range(11, 15):
        path = shutil.which(f"python3.{minor}")
        if path is not None and ("3", str(minor)) not in found and _has_packages(path):
            found["3", str(minor)] = path
    return [found[version] for version in sorted(found)]


def _has_packages(python: str) -> bool:
    program = f"import {', '.join(NEEDED)}"
    return subprocess.run([python, "-c", program], check=False, stderr=-3).returncode == 0


def measure(python: str, tables: list[str], *, quick: bool) -> dict[str, Any]:
    """Measure with a Python in a new process, with compiled bytecode."""
    print(f"\n{python}", file=sys.stderr, flush=True)
    variables = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    run = subprocess.run(
        [
            *(python, "-m", "benchmarks.runtime.measure_all"),
            *(["--quick"] if quick else []),
            *tables,
        ],
        cwd=ROOT,
        env={**variables, "PYTHONPATH": os.pathsep.join(path)},
        stdout=subprocess.PIPE,
        check=False,
    )
    if run.returncode != 0:
        raise SystemExit(f"{python} could not measure: see above")
    measured: dict[str, Any] = json.loads(run.stdout)
    return measured


def machine() -> dict[str, str]:
    """Describe this machine, as far as it affects the figures."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "load average": _load(),
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    with Path("/proc/cpuinfo").open() as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
