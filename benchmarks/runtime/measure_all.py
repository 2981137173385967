"""Measure all tables with this Python, and print the results as JSON.

``python -m benchmarks.runtime.measure_all [--quick] [TABLE …]``
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ratio
from benchmarks.runtime import (
    cold_starts,
    fuzzing,
    imports,
    invocations,
    isolation,
    memory,
)
from benchmarks.runtime.events import ENCODED_KEY, LONG_IDS
from benchmarks.runtime.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = ("aws-lambda-powertools", "pydantic", "boto3", "awslambdaric")

MEASUREMENTS: dict[str, Callable[..., dict[str, list[float]]]] = {
    "invocation": partial(invocations.invocations, ENCODED_KEY),
    "invocation_with_long_ids": partial(invocations.invocations, LONG_IDS),
    "imports": imports.imports,
    "first_answer": cold_starts.first_answers,
    "built_function": cold_starts.built_function,
    "memory": memory.warm_functions,
    "memory_growth": memory.growth,
    "isolation": isolation.isolation,
    "fuzzing": fuzzing.fuzzing,
}


def measure_all(names: list[str], *, quick: bool) -> dict[str, Any]:
    tables = {}
    for table in TABLES:
        if (names and table.name not in names) or (
            table.name == "isolation" and not isolation.is_available()
        ):
            continue
        begin = time.monotonic()
        rows = MEASUREMENTS[table.name](quick=quick)
        print(f"{table.name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
        tables[table.name] = {
            name: {
                "median": round(statistics.median(values), 4),
                "ratio": round(ratio(rows, name, table.reference), 4) if table.reference else None,
            }
            for name, values in rows.items()
        }
    return {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "tables": tables,
    }


if __name__ == "__main__":
    arguments = sys.argv[1:]
    quick = "--quick" in arguments
    names = [name for name in arguments if name != "--quick"]
    print(json.dumps(measure_all(names, quick=quick)))
