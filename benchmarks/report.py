"""The summary of a completion report of 5,000,000 rows, with MD5s verified.

Target: at most 1.3 times as long as straight DuckDB and MD5 side by side in one process. Memory
does not grow with the report.
"""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import ratio, side_by_side
from benchmarks.report_files import SHAPES, write_report
from s3batch_handler.documents import read_report

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = "DuckDB and MD5 side by side"
OURS = "Report.summary"
TARGET = 1.3

COLUMNS = ("bucket", "key", "version_id", "status", "http_status", "error_code", "message")


def files_of(folder: Path) -> list[Path]:
    return sorted((folder / "results").glob("*.csv"))


def straight_duckdb(folder: Path, message: str = "message") -> None:
    """Group the rows by status, code and message, with numbers folded."""
    import duckdb

    columns = dict.fromkeys(COLUMNS, "VARCHAR")
    query = f"""
        SELECT status, error_code, regexp_replace({message}, '[0-9]+', '#', 'g') AS text, count(*)
        FROM read_csv({list(map(str, files_of(folder)))}, header = false, auto_detect = false,
            columns = {columns})
        GROUP BY ALL
    """
    with duckdb.connect() as database:
        database.execute("SET enable_progress_bar = false")
        database.execute(query).fetchmany(100)


def only_failed_messages(folder: Path) -> None:
    """Do the same, but fold only the messages of failed tasks and drop the others."""
    straight_duckdb(folder, "CASE status WHEN 'failed' THEN message END")


def md5(folder: Path) -> None:
    for path in files_of(folder):
        with path.open("rb") as file:
            hashlib.file_digest(file, "md5")


def together(query: Callable[[Path], None], folder: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        hashing = pool.submit(md5, folder)
        query(folder)
        hashing.result()


def csv_and_counter(folder: Path) -> None:
    """Count codes with the csv module, without folding messages."""
    counts: Counter[tuple[str, ...]] = Counter()
    for path in files_of(folder):
        with path.open(newline="") as file:
            counts.update((row[3], row[5]) for row in csv.reader(file))


def summary(folder: Path) -> None:
    read_report(folder).summary()


CONTENDERS: dict[str, Callable[[Path], None]] = {
    REFERENCE: partial(together, straight_duckdb),
    "the same, only messages of failed tasks": partial(together, only_failed_messages),
    "DuckDB alone": straight_duckdb,
    "MD5 alone": md5,
    "csv module and Counter, no MD5": csv_and_counter,
    OURS: summary,
}


def main(*, quick: bool = False) -> None:
    """Print the times for each shape of a report, and the memory for two sizes."""
    rows = 500_000 if quick else 5_000_000
    with tempfile.TemporaryDirectory() as name:
        for number, shape in enumerate(SHAPES):
            folder = write_report(Path(name) / str(number), rows, shape)
            size = sum(path.stat().st_size for path in files_of(folder)) / 1e6
            print(f"\n{rows:,} rows, {size:.0f} MB: {shape}\n", flush=True)
            _compare(folder, rounds=5 if shape == "10 % failed" else 1)
            print(f"{OURS + ', peak memory':42}  {_peak_mib(folder):>6.0f} MiB", flush=True)
        smaller = write_report(Path(name) / "smaller", rows // 10)
        print(f"\n{OURS} of {rows // 10:,} rows: {_peak_mib(smaller):.0f} MiB")


def _compare(folder: Path, *, rounds: int) -> None:
    def timed(contender: Callable[[Path], None]) -> float:
        begin = time.perf_counter()
        contender(folder)
        return time.perf_counter() - begin

    contenders = {title: partial(timed, run) for title, run in CONTENDERS.items()}
    seconds = side_by_side(contenders, rounds=rounds)
    for title in contenders:
        times = ratio(seconds, title, REFERENCE)
        verdict = f", target at most {TARGET}x" if title == OURS else ""
        print(f"{title:42}  {min(seconds[title]):>6.2f} s  {times:>5.2f}x{verdict}")


def _peak_mib(folder: Path) -> float:
    """Return the peak memory of a process that prints the summary."""
    program = (
        "import json, resource, sys; from s3batch_handler.documents import read_report;"
        "read_report(sys.argv[1]).summary();"
        "print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(folder)], check=True, capture_output=True
    )
    kib: float = json.loads(run.stdout)
    return kib / 1024
