"""``python -m benchmarks [--quick] [invocation] [cold_start] [runtime_start] [local_job]``."""

from __future__ import annotations

import argparse
from importlib import import_module

NAMES = ("invocation", "cold_start", "runtime_start", "local_job")

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("--quick", action="store_true", help="run fewer rounds")
parser.add_argument(
    "names", nargs="*", choices=[*NAMES, []], help="benchmarks to run  [default: all]"
)
arguments = parser.parse_args()
for name in arguments.names or NAMES:
    import_module(f"benchmarks.{name}").main(quick=arguments.quick)
