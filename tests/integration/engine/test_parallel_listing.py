"""Buckets are listed by many requests at the same time, against moto's S3 with small pages."""

from __future__ import annotations

import hashlib
import os
import string
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from s3transfer.utils import ChunksizeAdjuster

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import decode_key
from s3batch_handler.core._typing import override
from s3batch_handler.documents.files._s3_folder import S3Folder
from s3batch_handler.engine.manifests._listed_manifest import ListedManifest
from s3batch_handler.engine.manifests._listing_folder import ListingFolder
from s3batch_handler.jobs.listing._filter import ObjectFilter
from s3batch_handler.jobs.listing._key_ranges import without_overlaps
from s3batch_handler.jobs.listing._parallel import ParallelListing
from s3batch_handler.jobs.listing._requests import ListingRequests, Versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from s3batch_handler.jobs.listing._key_ranges import KeyRange

PAGE = 5
FLAT = [f"img-{number:04}.jpg" for number in range(200)]
FOLDERS = [
    f"{year}/{day:02}/{n}" for year in (2023, 2024) for day in range(1, 13) for n in range(8)
]
MIXED = sorted([*FLAT, *FOLDERS, "a", "a/", "a/b", "ü/1", "ü/2", "\U0001f600", "with\nbreak"])


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(PAGE))


@contextmanager
def bucket_of(keys: Iterable[str], *, versions: int = 0) -> Iterator[Any]:
    with mock_aws():
        s3: Any = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        s3.create_bucket(Bucket="photos")
        if versions:
            s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
        for key in keys:
            for _ in range(max(versions, 1)):
                s3.put_object(Bucket="photos", Key=key)
        yield s3


class Interrupted(Exception):
    pass


@dataclass
class InterruptedSink:
    """Ends the listing after a number of pages: the next one is requested, but not saved."""

    folder: ListingFolder
    pages: int

    def write(self, keys: KeyRange, found: Sequence[Mapping[str, Any]]) -> None:
        self.pages -= 1
        if self.pages < 0:
            raise Interrupted
        self.folder.write(keys, found)

    def split(self, keys: KeyRange, new: Sequence[KeyRange]) -> None:
        self.folder.split(keys, new)


def listed(
    s3: Any,
    path: Path,
    *prefixes: str,
    versions: Versions | None = None,
    pages: int = 1_000_000,
    concurrency: int = 6,
    splits_after: tuple[float, int] = (0, 0),
) -> tuple[list[str], ListingRequests]:
    """Return the keys of the manifest, and the requests; continue what was interrupted."""
    if path.exists():
        folder = ListingFolder.resume(path, "photos")
    else:
        folder = ListingFolder.create(path, "photos", without_overlaps(prefixes or ("",)), {})
    requests = ListingRequests(s3, "photos", all_versions=versions is not None)
    listing = ParallelListing(
        requests,
        folder.ranges,
        where=ObjectFilter(),
        versions=versions,
        sink=InterruptedSink(folder, pages),
        concurrency=concurrency,
        splits_after=splits_after,
    )

    try:
        listing.run(while_waiting=lambda: None, seconds=0.01)
    finally:
        folder.close()
    lines = b"".join(part.read_bytes() for part in folder.parts(listing.ranges))
    keys = [decode_key(line.split(",")[1]) for line in lines.decode().splitlines()]
    assert len(keys) == folder.count
    folder.remove()
    return keys, requests


@pytest.mark.parametrize("keys", [FLAT, FOLDERS, MIXED, ["one"]], ids=["flat", "deep", "mixed", ""])
def test_all_keys_are_listed_once_in_the_order_of_s3(keys: list[str], tmp_path: Path) -> None:
    """However the listing is split, the manifest is that of one listing."""
    with bucket_of(keys) as s3:
        found, _ = listed(s3, tmp_path / "listing")

    assert found == sorted(keys, key=str.encode)


def test_a_small_bucket_needs_one_request(tmp_path: Path) -> None:
    with bucket_of(FLAT[: PAGE - 1]) as s3:
        _, requests = listed(s3, tmp_path / "listing")

    assert requests.counts == {"ListObjectsV2": 1}


@pytest.mark.parametrize("splits_after", [(0, 9), (1e6, 0)], ids=["pages", "seconds"])
@pytest.mark.parametrize("versions", [None, Versions()])
def test_a_short_listing_is_not_split(
    versions: Versions | None, splits_after: tuple[float, int], tmp_path: Path
) -> None:
    """Until then, it sends the requests of a loop over a paginator."""
    with bucket_of(FLAT[:40], versions=0 if versions is None else 1) as s3:
        found, requests = listed(
            s3, tmp_path / "listing", versions=versions, splits_after=splits_after
        )

    assert found == FLAT[:40]
    assert requests.counts.total() == 40 / PAGE


@pytest.mark.parametrize("keys", [FLAT, FOLDERS], ids=["flat", "folders"])
def test_splitting_does_not_send_many_more_requests(keys: list[str], tmp_path: Path) -> None:
    """Requests cost money: the number is bounded by a multiple of the pages."""
    with bucket_of(keys) as s3:
        _, requests = listed(s3, tmp_path / "listing")

    assert requests.counts["ListObjectsV2"] < 3 * len(keys) / PAGE + 30


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(st.text(string.ascii_lowercase[:3] + "/ü.~", min_size=1, max_size=6), max_size=60),
    prefixes=st.lists(st.text("abc/", max_size=2), max_size=4),
)
@pytest.mark.slow
def test_overlapping_prefixes_list_each_object_once(
    keys: set[str], prefixes: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Prefixes are listed in the order given; one inside another is not listed again."""
    with bucket_of(keys) as s3:
        found, _ = listed(s3, tmp_path_factory.mktemp("any") / "listing", *prefixes)

    expected = [
        key
        for prefix in without_overlaps(prefixes or [""])
        for key in sorted(keys, key=str.encode)
        if key.startswith(prefix)
    ]
    assert found == expected
    assert {*found} == {key for key in keys if key.startswith(tuple(prefixes or [""]))}


@pytest.mark.parametrize(
    ("versions", "count"),
    [(Versions(), 1), (Versions(noncurrent=True), 3), (Versions(latest=False, noncurrent=True), 2)],
)
def test_versions_are_listed_once_even_if_the_listing_is_split(
    versions: Versions, count: int, tmp_path: Path
) -> None:
    keys = FLAT[:40]
    with bucket_of(keys, versions=3) as s3:
        found, _ = listed(s3, tmp_path / "listing", versions=versions)

    assert found == [key for key in keys for _ in range(count)]


def test_versions_are_listed_without_the_permission_to_list_objects(tmp_path: Path) -> None:
    """Only the permission s3:ListBucketVersions is required; the listing is then not split."""

    def deny(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2")

    with bucket_of(FLAT[:40], versions=1) as s3:
        s3.meta.events.register("before-call.s3.ListObjectsV2", deny)
        found, requests = listed(s3, tmp_path / "listing", versions=Versions())

    assert found == FLAT[:40]
    assert requests.counts["ListObjectVersions"] == 40 / PAGE


@pytest.mark.parametrize("versions", [None, Versions(noncurrent=True)])
def test_an_interrupted_listing_continues_where_it_was(
    versions: Versions | None, tmp_path: Path
) -> None:
    """Each object is in the manifest once, however often and wherever it was interrupted."""
    keys = MIXED[:150]
    path = tmp_path / "listing"
    with bucket_of(keys, versions=0 if versions is None else 2) as s3:
        for _ in range(3):
            with pytest.raises(Interrupted):
                listed(s3, path, versions=versions, pages=6)
        with (path / "listing.jsonl").open("ab") as journal:
            journal.write(b'{"range": 1, "cur')  # the process was killed while it wrote
        for part in path.glob("*.csv"):
            with part.open("ab") as file:
                file.write(b"photos,half")
        found, requests = listed(s3, path, versions=versions)

    repeat = 1 if versions is None else 2
    assert found == [key for key in sorted(keys, key=str.encode) for _ in range(repeat)]
    assert requests.counts.total() < 3 * len(keys) * repeat / PAGE


def test_two_processes_do_not_continue_the_same_listing(tmp_path: Path) -> None:
    folder = ListingFolder.create(tmp_path / "listing", "photos", [""], {})

    with pytest.raises(ManifestError, match="another process uses this listing"):
        ListingFolder.resume(tmp_path / "listing", "photos")
    folder.close()


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b"{\n", b'{"options": {}}\n'])
def test_a_damaged_listing_is_an_error_with_the_remedy(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "listing.jsonl").write_bytes(content)

    with pytest.raises(ManifestError, match="delete the folder to begin again"):
        ListingFolder.resume(tmp_path, "photos")


def test_a_listed_manifest_is_uploaded_in_parts(tmp_path: Path) -> None:
    """The parts of the listing need no copy, and each part of the upload is large enough for S3."""
    parts = [tmp_path / name for name in ("1.csv", "2.csv", "3.csv")]
    for number, part in enumerate(parts):
        part.write_bytes(f"photos,{number}\n".encode() * 500_000)
    manifest = ListedManifest(1_500_000, ("Bucket", "Key"), parts, {})
    with bucket_of([]) as s3:
        manifest.save(S3Folder(s3, "photos"), "m.csv")
        response = s3.get_object(Bucket="photos", Key="m.csv")

        assert response["Body"].read() == b"".join(part.read_bytes() for part in parts)
        assert response["ETag"].endswith('-2"')


def test_a_manifest_with_too_many_parts_for_s3_is_uploaded_in_larger_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 accepts at most 10,000 parts, which would be 80 GB: boto3 knows the size."""
    adjuster = ChunksizeAdjuster(max_parts=2)
    monkeypatch.setattr("s3transfer.upload.ChunksizeAdjuster", lambda: adjuster)
    part = tmp_path / "1.csv"
    part.write_bytes(b"photos,key\n" * 2_000_000)
    manifest = ListedManifest(2_000_000, ("Bucket", "Key"), [part], {})
    with bucket_of([]) as s3:
        manifest.save(S3Folder(s3, "photos"), "m.csv")

        assert s3.head_object(Bucket="photos", Key="m.csv")["ETag"].endswith('-2"')


@given(sizes=st.lists(st.integers(0, 9), max_size=5), places=st.lists(st.integers(0, 50)))
def test_a_listed_manifest_is_read_from_any_place(
    sizes: list[int], places: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """boto3 seeks to find the size, and to send a part again."""
    folder = tmp_path_factory.mktemp("parts")
    parts = [folder / str(number) for number in range(len(sizes))]
    for number, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        part.write_bytes(bytes([number]) * size)
    whole = b"".join(part.read_bytes() for part in parts)
    seen: list[bytes] = []

    class Reader:
        def write(self, _: str, source: BinaryIO) -> None:
            assert source.seek(0, os.SEEK_END) == len(whole)
            for place in places:
                assert source.seek(place) == place
                seen.append(source.read())

    manifest = ListedManifest(1, ("Bucket", "Key"), parts, {})
    manifest.save(cast("Any", Reader()), "m.csv")

    assert seen == [whole[place:] for place in places]
    assert manifest.md5() == hashlib.md5(whole, usedforsecurity=False).hexdigest()


def test_the_first_error_of_a_request_ends_the_listing(tmp_path: Path) -> None:
    with bucket_of([]) as s3:
        s3.delete_bucket(Bucket="photos")

        with pytest.raises(s3.exceptions.NoSuchBucket):
            listed(s3, tmp_path / "listing")


@pytest.mark.parametrize("ending", [KeyboardInterrupt, Interrupted])
def test_an_interrupted_listing_sends_no_more_requests_for_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: type[BaseException]
) -> None:
    """A page has up to 1,000 objects, so Ctrl-C would take a minute."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "1000")
    is_interrupted = Event()

    class SlowRequests(ListingRequests):
        @override
        def tags(self, found: Mapping[str, Any]) -> dict[str, str]:
            is_interrupted.wait()
            time.sleep(0.002)
            return super().tags(found)

    with bucket_of(FLAT) as s3:
        requests = SlowRequests(s3, "photos", all_versions=False)
        folder = ListingFolder.create(tmp_path / "listing", "photos", [""], {})
        listing = ParallelListing(
            requests,
            folder.ranges,
            where=ObjectFilter(tags=(("color", "red"),)),
            versions=None,
            sink=folder,
            concurrency=1,
        )

        def interrupt() -> None:
            is_interrupted.set()
            raise ending

        with pytest.raises(ending):
            listing.run(while_waiting=interrupt, seconds=0.05)

    folder.close()
    assert requests.counts["GetObjectTagging"] < len(FLAT)
    assert folder.pages == 0


def test_a_thread_that_cannot_be_started_ends_the_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the operating system is raised, and the other threads end."""
    start = Thread.start

    def start_three(thread: Thread) -> None:
        if thread.name == "listing-3":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(Thread, "start", start_three)
    with bucket_of(FLAT) as s3, pytest.raises(RuntimeError, match="can't start new thread"):
        listed(s3, tmp_path / "listing")

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("listing-")]
