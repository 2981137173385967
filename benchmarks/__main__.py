"""``python -m benchmarks {runtime,local_job} …``."""

from __future__ import annotations

import argparse

from benchmarks import local_job
from benchmarks.runtime import command as runtime

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
commands = parser.add_subparsers(required=True, metavar="BENCHMARK")

measure_runtime = commands.add_parser(
    "runtime", help="invocations, imports, cold starts and memory, beside alternatives"
)
runtime.add_arguments(measure_runtime)
measure_runtime.set_defaults(run=runtime.run)

measure_job = commands.add_parser("local_job", help="a whole job on this machine")
measure_job.add_argument("--quick", action="store_true", help="run smaller jobs")
measure_job.set_defaults(run=lambda options: local_job.main(quick=options.quick))

arguments = parser.parse_args()
arguments.run(arguments)
