"""What a listing has found until now, in a folder: an interrupted listing continues there.

::

    listing.jsonl   the first line: the options; then one line for each page, and for each split
    0001.csv        the lines of the manifest from one range of keys

The folder has the parts of the manifest in any order. :meth:`ListingFolder.parts` returns them in
the order of the keys.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import encode_key
from s3batch_handler.documents.manifests._manifest import ManifestEntry, write_entries
from s3batch_handler.jobs.listing._key_ranges import KeyRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass(slots=True)
class _Part:
    """The number of bytes and of lines of a part that are known to be complete."""

    size: int = 0
    count: int = 0


@dataclass(slots=True)
class ListingFolder:
    """The folder of a listing; a sink of :class:`ParallelListing`.

    Attributes:
        path: The folder.
        bucket: The bucket of all objects.
        options: The options of the listing.
        ranges: All ranges, in the order of the manifest, as they were when the folder was opened.
        pages: The number of pages that are saved, perhaps without an object that is selected.
    """

    path: Path
    bucket: str
    options: Mapping[str, Any]
    ranges: list[KeyRange] = field(default_factory=list)
    pages: int = 0
    _parts: dict[int, _Part] = field(default_factory=dict)
    _files: dict[int, BinaryIO] = field(default_factory=dict)
    _journal: BinaryIO | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def count(self) -> int:
        """Return the number of lines that are saved."""
        return sum(part.count for part in self._parts.values())

    # ------------------------------------------------------------ begin, continue and end

    @classmethod
    def create(
        cls, path: Path, bucket: str, prefixes: Sequence[str], options: Mapping[str, Any]
    ) -> ListingFolder:
        """Begin a listing with one range for each prefix."""
        path.mkdir(parents=True)
        folder = cls(path, bucket, options, _first_ranges(prefixes))
        folder._journal = (path / _JOURNAL).open("xb")
        _lock_file(folder._journal)
        folder._append({"options": dict(options), "prefixes": [*prefixes]})
        return folder

    @classmethod
    def resume(cls, path: Path, bucket: str, *, can_start_anywhere: bool = True) -> ListingFolder:
        """Open the folder of an interrupted listing.

        Args:
            path: The folder.
            bucket: The bucket of all objects.
            can_start_anywhere: A range continues after its last key; otherwise it begins again.

        Raises:
            ManifestError: It is damaged, not the folder of a listing, or used by another process.
        """
        source = str(path)
        with ExitStack() as files:
            try:
                journal = files.enter_context((path / _JOURNAL).open("r+b"))
                if not _lock_file(journal):
                    raise ManifestError("another process uses this listing", source=source)
                first = json.loads(journal.readline())
                options = dict(first["options"])
                folder = cls(path, bucket, options, _first_ranges(first["prefixes"]))
                folder._read(journal)
                folder._truncate_parts(can_start_anywhere=can_start_anywhere)
            except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
                problem = f"cannot continue the listing: {error}; delete the folder to begin again"
                raise ManifestError(problem, source=source) from error
            files.pop_all()
            folder._journal = journal
        return folder

    def close(self) -> None:
        """Close all files."""
        for file in (*self._files.values(), self._journal):
            if file is not None:
                file.close()
        self._files.clear()

    def remove(self) -> None:
        """Remove the folder: the manifest is complete, or nothing was listed."""
        self.close()
        shutil.rmtree(self.path)

    # ------------------------------------------------------------ the sink of a listing

    def write(self, keys: KeyRange, found: Sequence[Mapping[str, Any]]) -> None:
        """Append objects to the part of a range, then the cursor of the range to the journal."""
        part = self._parts.setdefault(keys.number, _Part())
        if found:
            file = self._files.get(keys.number)
            if file is None:
                file = self._files[keys.number] = self._part(keys.number).open("ab")
            info = write_entries(file, self._entries(found))
            file.flush()
            part.count += info.count
            part.size = file.tell()
        if keys.is_done and (file := self._files.pop(keys.number, None)):
            file.close()
        self._append(
            {
                "range": keys.number,
                "cursor": [keys.cursor, keys.version_cursor],
                "part": [part.size, part.count],
                "is_done": keys.is_done,
            }
        )
        self.pages += 1

    def split(self, keys: KeyRange, new: Sequence[KeyRange]) -> None:
        """Append a split to the journal."""
        ranges = [[each.number, each.after] for each in new]
        self._append({"range": keys.number, "split": ranges})

    def parts(self, ranges: Sequence[KeyRange]) -> Iterator[Path]:
        """Yield the parts of the ranges of a complete listing that are not empty."""
        for keys in ranges:
            if (part := self._parts.get(keys.number)) and part.size:
                yield self._part(keys.number)

    def _entries(self, found: Sequence[Mapping[str, Any]]) -> Iterator[ManifestEntry]:
        bucket = self.bucket
        for each in found:
            yield ManifestEntry(bucket, encode_key(each["Key"]), each.get("VersionId"))

    def _part(self, number: int) -> Path:
        return self.path / f"{number:04}.csv"

    def _append(self, change: Mapping[str, Any]) -> None:
        assert self._journal is not None
        line = json.dumps(change).encode() + b"\n"
        with self._lock:
            self._journal.write(line)
            self._journal.flush()

    # ------------------------------------------------------------ read the journal

    def _read(self, journal: BinaryIO) -> None:
        """Apply all changes, and remove the last one if it is incomplete."""
        end = journal.tell()
        for line in iter(journal.readline, b""):
            if line.endswith(b"\n"):
                self._apply(json.loads(line))
                end = journal.tell()
        journal.seek(end)
        journal.truncate()

    def _apply(self, change: Mapping[str, Any]) -> None:
        keys = next(each for each in self.ranges if each.number == change["range"])
        if "split" in change:
            new = [
                KeyRange(number, keys.prefix, after, folder=keys.folder, is_split_off=True)
                for number, after in change["split"]
            ]
            for each, following in pairwise(new):
                each.last = following.after
            new[-1].last, keys.last = keys.last, new[0].after
            position = self.ranges.index(keys) + 1
            self.ranges[position:position] = new
            return
        self.pages += 1
        keys.cursor, keys.version_cursor = change["cursor"]
        keys.is_done = change["is_done"]
        size, count = change["part"]
        self._parts[keys.number] = _Part(size, count)

    def _truncate_parts(self, *, can_start_anywhere: bool) -> None:
        """Remove what was written after the last complete line of the journal."""
        for keys in self.ranges:
            path = self._part(keys.number)
            part = self._parts.setdefault(keys.number, _Part())
            if not (can_start_anywhere or keys.is_done):
                keys.cursor, part.size, part.count = keys.after, 0, 0
            if not path.exists() and not part.size:
                continue
            with path.open("r+b") as file:
                if file.seek(0, os.SEEK_END) < part.size:
                    raise ValueError(f"{path.name} is incomplete")
                file.truncate(part.size)


def _first_ranges(prefixes: Sequence[str]) -> list[KeyRange]:
    return [KeyRange(number, prefix, folder=prefix) for number, prefix in enumerate(prefixes, 1)]


def _lock_file(file: BinaryIO) -> bool:
    """Lock a file as long as it is open; return ``False`` if another process has locked it."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


_JOURNAL: Final = "listing.jsonl"
