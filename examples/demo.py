"""The demo: the sources of Python and of moto become a bucket, and a job compresses them.

Run by ``scripts/demo``. Everything happens on this machine: an S3 server on loopback that lives as
long as the job (moto's, so it serves its own sources as well), the handler of ``compress/app.py``
in worker processes, and in the end the completion report that S3 Batch Operations would write.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from s3batch_handler.documents import read_report

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[1]
OUTPUT = Path("demo-output")


def main() -> int:
    """Copy the input, run the job as anybody would, look into its report."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="A whole job on this machine, on real input."
    )
    parser.add_argument("--limit", type=int, metavar="N", help="take only N files")
    limit = parser.parse_args().limit
    os.chdir(PROJECT)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    count = collect_input(OUTPUT / "input", limit)
    say(f"Bucket 'sources': {count:,} files, the sources of Python and moto\n")
    s3batch = os.path.relpath(Path(sys.executable).with_name("s3batch"))
    command = [
        [s3batch, "run", "examples/compress/app.py:handler", "--arguments", "target=compressed"],
        ["--source", f"{OUTPUT}/input", "--bucket", "sources"],
        ["--output", f"compressed={OUTPUT}/compressed", "--report", f"{OUTPUT}/reports"],
    ]
    say("$ " + " \\\n    ".join(" ".join(part) for part in command))
    # Exit code 1 says that tasks failed, and here some do: binary, empty or too large files.
    code = subprocess.call([*chain(*command)])  # noqa: S603
    if code not in (0, 1):
        return code
    return look_into_report(count)


def collect_input(target: Path, limit: int | None) -> int:
    """Copy the files, those of tests included, compiled ones not."""
    count = 0
    for key, path in sources():
        if count == limit:
            break
        copy = target / key
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        count += 1
    return count


def sources() -> Iterator[tuple[Path, Path]]:
    """Give files, and what to call them: Python's own alone are few where tests are left out."""
    moto = find_spec("moto")
    assert moto is not None
    assert moto.origin is not None
    for name, root in {
        "python": Path(sysconfig.get_path("stdlib")),
        "moto": Path(moto.origin).parent,
    }.items():
        for place, folders, names in os.walk(root):
            folders[:] = sorted({*folders} - {"__pycache__", "site-packages", "dist-packages"})
            for path in (Path(place, name) for name in sorted(names)):
                if path.is_file():
                    yield name / path.relative_to(root), path


def look_into_report(expected: int) -> int:
    """Show what a report is good for, and check that it tells of every object."""
    report = read_report(OUTPUT / "reports")
    report.verify()
    told = {f"{row.key}.gz": json.loads(row.message) for row in report.succeeded()}
    failed = sum(1 for _ in report.failed())
    compressed = OUTPUT / "compressed"
    written = {
        path.relative_to(compressed).as_posix() for path in compressed.rglob("*") if path.is_file()
    }
    if written != told.keys() or len(told) + failed != expected:
        say("demo: the report does not match the files that were written")
        return 1
    before, after = (sum(each[size] for each in told.values()) for size in ("size", "compressed"))
    say(f"\nThe report lists all {expected:,} files, and its checksums are correct.")
    say(f"Compressed {before / 1e6:.1f} MB to {after / 1e6:.1f} MB.")
    say(f"Files: {OUTPUT.resolve()} (input, compressed, reports)")
    return 0


def say(text: str) -> None:
    """Print at once: what runs in between prints, too."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
