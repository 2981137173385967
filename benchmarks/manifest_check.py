"""The check of a CSV manifest of 5,000,000 lines.

Target: at most twice as long as reading the file with the csv module. Memory does not grow with the
manifest.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import ratio, side_by_side
from s3batch_handler.cli.manifest._findings import SHOWN
from s3batch_handler.core._keys import encode_key
from s3batch_handler.documents.manifests.check._manifest_check import ManifestCheck

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = "csv.reader"
OURS = "check_manifest"
TARGET = 2


def _plain(number: int) -> str:
    return f"my-photos,2024/{number % 12:02}/{number:09}-{number * 2654435761 % 2**32:08x}.jpg\n"


def _encoded(number: int) -> str:
    key = encode_key(f"photos/Über {number % 12}/größe (1)/{number}+x.jpg")
    return f"my-photos,{key}\n"


def _cyrillic(number: int) -> str:
    key = encode_key("Привет мир/фотографии из отпуска")
    return f"my-photos,{key}/{number}.jpg\n"


def _payload(number: int) -> str:
    key = encode_key(f'{{"bucket":"my-photos","key":"a b","number":{number}}}')
    return f"my-photos,{key}\n"


def _with_versions(number: int) -> str:
    return f"{_plain(number)[:-1]},{number * 2654435761 % 2**128:032x}\n"


def _quoted(number: int) -> str:
    return '"' + _plain(number)[:-1].replace(",", '","') + '"\r\n'


def _several_buckets(number: int) -> str:
    return _plain(number).replace("my-photos", f"my-photos-{number % 9}")


def _one_in_a_hundred_wrong(number: int) -> str:
    return _plain(number) if number % 100 else f"my-photos,a b{number}%\n"


def _every_line_warned(number: int) -> str:
    return f"my-photos,2024/a b+{number}.jpg\n"


def _every_line_doubly_encoded(number: int) -> str:
    return f"my-photos,2024/a%2520b/{number}.jpg\n"


def _every_version_empty(number: int) -> str:
    return f"{_plain(number)[:-1]},\n"


def _every_line_wrong(number: int) -> str:
    return f"my-photos,2024/a%b/{number}%.jpg\n"


EVERY_LINE: Final = "every line with an error that is not counted (no target)"
SHAPES: Final[dict[str, Callable[[int], str]]] = {
    "plain keys": _plain,
    "encoded keys": _encoded,
    "encoded keys, Cyrillic": _cyrillic,
    "JSON payloads": _payload,
    "version IDs": _with_versions,
    "quotes and CRLF": _quoted,
    "several buckets": _several_buckets,
    "1 % of the lines wrong": _one_in_a_hundred_wrong,
    "two warnings on every line": _every_line_warned,
    "every key doubly encoded": _every_line_doubly_encoded,
    "every version ID empty": _every_version_empty,
    EVERY_LINE: _every_line_wrong,
}


def read_with_csv(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        for _ in csv.reader(file):
            pass


def check(path: Path) -> None:
    with path.open("rb") as stream:
        for _ in ManifestCheck(stream, details=SHOWN).findings():
            pass


def check_with_duplicates(path: Path) -> None:
    with path.open("rb") as stream:
        for _ in ManifestCheck(stream, duplicates=True).findings():
            pass


CONTENDERS: dict[str, Callable[[Path], None]] = {REFERENCE: read_with_csv, OURS: check}


def main(*, quick: bool = False) -> None:
    """Print the times for each shape of a manifest, and the memory for two sizes."""
    lines = 500_000 if quick else 5_000_000
    with tempfile.TemporaryDirectory() as name:
        for title, line in SHAPES.items():
            path = _write(Path(name) / "manifest.csv", lines, line)
            print(f"\n{lines:,} lines, {path.stat().st_size / 1e6:.0f} MB: {title}\n", flush=True)
            _compare(path, CONTENDERS, rounds=1 if title == EVERY_LINE else 3)
        path = _write(Path(name) / "manifest.csv", lines, _plain)
        print("\nplain keys, with duplicates\n", flush=True)
        _compare(path, {REFERENCE: read_with_csv, "--duplicates": check_with_duplicates}, rounds=1)
        for count in (lines // 10, lines):
            path = _write(path, count, _encoded)
            print(f"\n{OURS} of {count:,} lines: {_peak_mib(path):.0f} MiB", flush=True)


def _write(path: Path, lines: int, line: Callable[[int], str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(map(line, range(1, lines + 1)))
    return path


def _compare(path: Path, contenders: dict[str, Callable[[Path], None]], *, rounds: int) -> None:
    def timed(contender: Callable[[Path], None]) -> float:
        begin = time.perf_counter()
        contender(path)
        return time.perf_counter() - begin

    runs = {title: partial(timed, run) for title, run in contenders.items()}
    seconds = side_by_side(runs, rounds=rounds)
    for title in runs:
        times = ratio(seconds, title, REFERENCE)
        verdict = f", target at most {TARGET}x" if title == OURS and rounds > 1 else ""
        print(f"{title:20}  {min(seconds[title]):>6.2f} s  {times:>5.2f}x{verdict}", flush=True)


def _peak_mib(path: Path) -> float:
    """Return the peak memory of a process that checks the manifest."""
    program = (
        "import json, resource, sys; from s3batch_handler.documents import check_manifest;"
        "list(check_manifest(open(sys.argv[1], 'rb')));"
        "print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True
    )
    kib: float = json.loads(run.stdout)
    return kib / 1024
