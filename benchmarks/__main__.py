"""Run a benchmark: ``python -m benchmarks NAME …``."""

from __future__ import annotations

import argparse

from benchmarks import (
    dask_job,
    fleet,
    fuzz,
    isolation,
    local_job,
    manifest_check,
    manifest_create,
    report,
    report_page,
    s3_operations,
)
from benchmarks.runtime import command as runtime

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
commands = parser.add_subparsers(required=True, metavar="BENCHMARK")

measure_runtime = commands.add_parser(
    "runtime", help="invocations, imports, cold starts and memory, compared with alternatives"
)
runtime.add_arguments(measure_runtime)
measure_runtime.set_defaults(run=runtime.run)

measure_isolation = commands.add_parser(
    "isolation", help="many tasks that end or damage their child process"
)
measure_isolation.add_argument("--tasks", type=int, default=1000, help="tasks with random faults")
measure_isolation.add_argument("--seed", type=int, default=1, help="seed of the faults")
measure_isolation.set_defaults(
    run=lambda options: isolation.main(tasks=options.tasks, seed=options.seed)
)

measure_job = commands.add_parser("local_job", help="a whole job on this machine")
measure_job.add_argument("--quick", action="store_true", help="run smaller jobs")
measure_job.add_argument("--write", action="store_true", help="write docs/benchmarks-local-jobs.md")
measure_job.set_defaults(
    run=lambda options: local_job.main(quick=options.quick, write=options.write)
)

measure_fleet = commands.add_parser("fleet", help="a function in Lambda, called in parallel")
measure_fleet.add_argument("--quick", action="store_true", help="make fewer calls")
measure_fleet.set_defaults(run=lambda options: fleet.main(quick=options.quick))

measure_operations = commands.add_parser("s3_operations", help="copies in the S3 of Ceph")
measure_operations.add_argument("--quick", action="store_true", help="copy fewer objects")
measure_operations.add_argument(
    "--write", action="store_true", help="write docs/benchmarks-s3-operations.md"
)
measure_operations.set_defaults(
    run=lambda options: s3_operations.main(quick=options.quick, write=options.write)
)

measure_dask = commands.add_parser("dask_job", help="a job on Dask, beside plain Dask and Ray")
measure_dask.add_argument("--quick", action="store_true", help="run smaller jobs")
measure_dask.add_argument("--write", action="store_true", help="write docs/benchmarks-dask.md")
measure_dask.set_defaults(
    run=lambda options: dask_job.main(quick=options.quick, write=options.write)
)

measure_report = commands.add_parser("report", help="the summary of a large completion report")
measure_report.add_argument("--quick", action="store_true", help="read smaller reports")
measure_report.set_defaults(run=lambda options: report.main(quick=options.quick))

measure_page = commands.add_parser("report_page", help="the saved page of a large report")
measure_page.add_argument("--quick", action="store_true", help="read smaller reports")
measure_page.set_defaults(run=lambda options: report_page.main(quick=options.quick))

measure_check = commands.add_parser("manifest_check", help="the check of a large manifest")
measure_check.add_argument("--quick", action="store_true", help="check smaller manifests")
measure_check.set_defaults(run=lambda options: manifest_check.main(quick=options.quick))

measure_create = commands.add_parser("manifest_create", help="a manifest of a large bucket")
measure_create.add_argument("--quick", action="store_true", help="list smaller buckets")
measure_create.set_defaults(run=lambda options: manifest_create.main(quick=options.quick))

fuzz_events = commands.add_parser("fuzz", help="a million mutated events")
fuzz.add_arguments(fuzz_events)
fuzz_events.set_defaults(run=fuzz.run)

arguments = parser.parse_args()
arguments.run(arguments)
