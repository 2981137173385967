"""Run handlers with a million mutated events: ``python -m benchmarks fuzz``."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from tests.support.fuzzing import Findings, fuzz

if TYPE_CHECKING:
    import argparse

BATCH = 5_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=1_000_000, help="number of events")
    parser.add_argument("--seed", type=int, help="seed of the first event  [default: random]")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)


def run(options: argparse.Namespace) -> None:
    """Print the rate, the numbers of accepted and refused events, and defects with their seeds.

    ``--seed N --events 1`` repeats a defect.
    """
    first = random.randrange(1 << 48) if options.seed is None else options.seed
    last = first + options.events
    print(f"seeds {first} to {last - 1}, each with a lenient and a strict handler")
    starts = range(first, last, BATCH)
    findings, started = Findings(), time.perf_counter()
    with ProcessPoolExecutor(options.processes) as pool:
        batches = (range(start, min(start + BATCH, last)) for start in starts)
        for found in pool.map(fuzz, batches):
            findings += found
            for seed, problem in found.defects:
                print(f"DEFECT  seed {seed}: {problem}")
    seconds = time.perf_counter() - started
    refused = sum(findings.refused.values())
    print(f"{options.events:,} events in {seconds:,.0f} s: {options.events / seconds:,.0f}/s")
    print(f"{findings.accepted:,} calls answered, {refused:,} refused")
    for name, count in findings.refused.most_common(20):
        print(f"  {count:>9,}  {name}")
    print(f"{len(findings.defects):,} defects")
    if findings.defects:
        raise SystemExit(1)
