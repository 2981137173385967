"""``s3batch manifest create`` from the listing of a bucket, compared with a loop over a paginator.

Target: at most 1.5 times the loop if listing is a matter of processor time (a server on the same
machine that responds at once), and at most 0.7 times if requests take 100 ms, as in AWS.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ratio, side_by_side
from s3batch_handler.core._keys import encode_key
from s3batch_handler.documents.files._local_folder import LocalFolder
from s3batch_handler.engine.manifests._listed_manifest import ListedManifest
from s3batch_handler.engine.manifests._listing_folder import ListingFolder
from s3batch_handler.jobs._aws_clients import local_s3_client
from s3batch_handler.jobs.listing._filter import ObjectFilter
from s3batch_handler.jobs.listing._parallel import ParallelListing
from s3batch_handler.jobs.listing._requests import ListingRequests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFERENCE = "loop over a paginator"
CONCURRENCY = 8
TARGETS = {0.0: 1.5, 0.1: 0.7}  # by the delay of a response in seconds

SHAPES: dict[str, Callable[[int], str]] = {
    "dates": lambda n: f"2024/{n % 12 + 1:02}/{n % 28 + 1:02}/{n:08}.jpg",
    "one folder": lambda n: f"images/img-{n:08}.jpg",
    "random keys": lambda n: f"{random.Random(n).getrandbits(128):032x}",
}


def loop(s3: Any, path: Path) -> int:
    """Write the manifest as most scripts do; return the number of requests."""
    pages = 0
    with path.open("w", encoding="utf-8") as file:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket="photos"):
            pages += 1
            file.writelines(f"photos,{encode_key(item['Key'])}\n" for item in page["Contents"])
    return pages


def create(s3: Any, path: Path) -> int:
    """Write the manifest as the command does; return the number of requests."""
    folder = ListingFolder.create(path.with_suffix(".listing"), "photos", [""], {})
    requests = ListingRequests(s3, "photos", all_versions=False)
    listing = ParallelListing(
        requests,
        folder.ranges,
        where=ObjectFilter(),
        versions=None,
        sink=folder,
        concurrency=CONCURRENCY,
    )
    listing.run(while_waiting=lambda: None, seconds=0.2)
    parts = [*folder.parts(listing.ranges)]
    manifest = ListedManifest(folder.count, ("Bucket", "Key"), parts, requests.counts)
    manifest.save(LocalFolder(path.parent), path.name)
    folder.remove()
    return requests.counts.total()


CONTENDERS = {REFERENCE: loop, "s3batch manifest create": create}


def main(*, quick: bool = False) -> None:
    """Print the times for each shape of the keys and each delay."""
    count = 20_000 if quick else 200_000
    for shape in SHAPES:
        for delay, target in TARGETS.items():
            print(f"\n{count:,} objects, {shape}, responses after {delay:g} s\n", flush=True)
            with tempfile.TemporaryDirectory() as folder, server(count, shape, delay) as s3:
                _compare(s3, Path(folder), target)


def _compare(s3: Any, folder: Path, target: float) -> None:
    requests = {}

    def timed(name: str) -> float:
        begin = time.perf_counter()
        requests[name] = CONTENDERS[name](s3, folder / name.replace(" ", "-"))
        return time.perf_counter() - begin

    seconds = side_by_side({name: partial(timed, name) for name in CONTENDERS}, rounds=3)
    written = {(folder / name.replace(" ", "-")).read_bytes() for name in CONTENDERS}
    assert len(written) == 1, "the manifests differ"
    for name in CONTENDERS:
        verdict = "" if name == REFERENCE else f", target at most {target}x"
        times = ratio(seconds, name, REFERENCE)
        print(
            f"{name:26} {min(seconds[name]):>6.2f} s  {times:>5.2f}x{verdict}, "
            f"{requests[name]:,} requests"
        )


@contextmanager
def server(count: int, shape: str, delay: float) -> Iterator[Any]:
    """Run a server with so many keys in a process of its own; yield a client for it."""
    command = [sys.executable, "-m", "benchmarks.listing_server", str(count), shape, str(delay)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield local_s3_client("testing", endpoint_url=process.stdout.readline().strip())
        finally:
            process.terminate()
