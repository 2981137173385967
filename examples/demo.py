"""The demo: this Python's standard library becomes a bucket, and a job compresses it.

Run by ``scripts/demo``. Everything happens on this machine: an S3 server on loopback that lives as
long as the job, the handler of ``compress.py`` in worker processes, and in the end the completion
report that S3 Batch Operations would write.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path

from s3batch_handler.report import read_report

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "demo-output"


def main() -> int:
    """Copy the input, run the job as anybody would, look into its report."""
    parser = argparse.ArgumentParser(description="A whole job on this machine, on real input.")
    parser.add_argument("--limit", type=int, help="take only so many files")
    limit = parser.parse_args().limit
    shutil.rmtree(OUTPUT, ignore_errors=True)
    count = collect_input(OUTPUT / "input", limit)
    say(f"{count:,} files of Python's standard library are the bucket 'library'")
    command = [
        *("run", str(HERE / "compress.py") + ":handler"),
        *("--source", str(OUTPUT / "input"), "--bucket", "library"),
        *("--output", f"compressed={OUTPUT / 'compressed'}", "--arguments", "target=compressed"),
        *("--report", str(OUTPUT / "reports")),
    ]
    shown = " ".join(command).replace(f"{HERE.parent}{os.sep}", "")
    say(f"$ s3batch {shown}\n")
    # Exit code 1 says that tasks failed, and here some do: binary, empty or too large files.
    code = subprocess.call([sys.executable, "-m", "s3batch_handler.cli", *command])  # noqa: S603
    if code not in (0, 1):
        return code
    return look_into_report(count)


def collect_input(target: Path, limit: int | None) -> int:
    """Copy the standard library's files, tests included, compiled ones not."""
    library = Path(sysconfig.get_path("stdlib"))
    skipped = {"__pycache__", "site-packages", "dist-packages"}
    count = 0
    for place, folders, names in os.walk(library):
        folders[:] = sorted(set(folders) - skipped)
        for name in sorted(names):
            path = Path(place, name)
            if not path.is_file() or (limit is not None and count >= limit):
                continue
            copy = target / path.relative_to(library)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            count += 1
    return count


def look_into_report(expected: int) -> int:
    """Show what a report is good for, and check that it tells of every object."""
    report = read_report(OUTPUT / "reports")
    report.verify()
    kinds = Counter(row.message.split(":")[0] for row in report.failed())
    sample = next(iter(report.succeeded()), None)
    if sample is not None:
        say(f"\nThe report says of {sample.key}:\n  {sample.message}")
    rows = sum(1 for _ in report.rows())
    say(f"{rows:,} rows, checksums fine; failed: {dict(kinds)}")
    written = sum(1 for path in (OUTPUT / "compressed").rglob("*") if path.is_file())
    say(f"{written:,} compressed objects lie in {OUTPUT / 'compressed'}")
    if rows == expected and written == rows - kinds.total():
        return 0
    say("demo: the report does not fit what was done")
    return 1


def say(text: str) -> None:
    """Print at once: what runs in between prints, too."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
