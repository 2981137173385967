"""The demo: a job compresses the source files of Python and moto.

``scripts/demo`` runs it on this machine: the files are a bucket of an S3 server on loopback, the
handler of ``compress/app.py`` runs in worker processes, and the job writes the completion report of
S3 Batch Operations.
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
    """Copy the input, run the job, check its report, and estimate the cost of the job in AWS."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="Run a whole job on this machine, on real input."
    )
    parser.add_argument("--limit", type=int, metavar="N", help="Use only N files.")
    limit = parser.parse_args().limit
    os.chdir(PROJECT)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    count = collect_input(OUTPUT / "input", limit)
    say(f"Bucket 'sources': {count:,} files, the sources of Python and moto\n")
    manifest, reports = f"{OUTPUT}/manifest.csv", f"{OUTPUT}/reports"
    code = s3batch(
        ["run", "examples/compress/app.py:handler", "--arguments", "target=compressed"],
        ["--source", f"{OUTPUT}/input", "--bucket", "sources", "--save-manifest", manifest],
        ["--output", f"compressed={OUTPUT}/compressed", "--report", reports],
    )
    if code not in (0, 1):  # 1: tasks failed, as expected for binary, empty and too large files
        return code
    return (
        s3batch(["report", "verify", reports, "--manifest", manifest])
        or s3batch(["report", "failed", reports, "--limit", "3"])
        or s3batch(["manifest", "check", manifest])
        or s3batch(  # of the same job in AWS, with the function of template.yaml
            ["estimate", "--from-report", reports],
            ["--memory", "512", "--architecture", "arm64", "--concurrency", "50"],
        )
        or check_report(count)
    )


def s3batch(*words: list[str]) -> int:
    """Print a command and run it; return its exit code."""
    path = os.path.relpath(Path(sys.executable).with_name("s3batch"))
    command = [path, *chain(*words)]
    say("\n$ " + " \\\n    ".join(" ".join(part) for part in ([path, *words[0]], *words[1:])))
    return subprocess.call(command)


def collect_input(target: Path, limit: int | None) -> int:
    """Copy the files except compiled ones, and return their number."""
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
    """Yield the key and the path of each file.

    Python alone has few files if it is installed without its tests.
    """
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


def check_report(expected: int) -> int:
    """Check that the report matches the files that were written, and print its totals."""
    report = read_report(OUTPUT / "reports")
    messages = {f"{row.key}.gz": json.loads(row.message) for row in report.succeeded()}
    failed = sum(1 for _ in report.failed())
    compressed = OUTPUT / "compressed"
    written = {
        path.relative_to(compressed).as_posix() for path in compressed.rglob("*") if path.is_file()
    }
    if written != messages.keys() or len(messages) + failed != expected:
        say("demo: the report does not match the files that were written")
        return 1
    before, after = (
        sum(each[size] for each in messages.values()) for size in ("size", "compressed")
    )
    say(f"\nThe report lists all {expected:,} files.")
    say(f"Compressed {before / 1e6:.1f} MB to {after / 1e6:.1f} MB.")
    say(f"Files: {OUTPUT.resolve()} (input, compressed, reports)")
    return 0


def say(text: str) -> None:
    """Print without buffering, because the job prints to the same terminal."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
