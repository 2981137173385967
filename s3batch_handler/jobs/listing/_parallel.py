"""List a bucket with many requests at the same time.

A listing begins with one range of keys for each prefix. A thread without work splits a range that
another thread lists: at the folders that come next, or, without folders, in the middle of the keys
that are not listed. This begins after a second and twenty pages: a short listing needs one
request for each page, as without threads.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, Final, Protocol

from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.jobs.listing._key_ranges import KeyRange, evenly, middle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from s3batch_handler.jobs.listing._filter import ObjectFilter
    from s3batch_handler.jobs.listing._requests import ListingRequests, Page, Versions

    Found = Mapping[str, Any]


class Sink(Protocol):
    """Stores what a listing finds. Threads call it, but only one for each range at a time."""

    def write(self, keys: KeyRange, found: Sequence[Found]) -> None:
        """Store the next objects of a range, whose cursor is after them."""
        ...

    def split(self, keys: KeyRange, new: Sequence[KeyRange]) -> None:
        """Note that ranges were split off from the end of a range."""
        ...


class ParallelListing:
    """Lists ranges of keys.

    Args:
        requests: The requests for the bucket.
        ranges: The ranges in the order of the result; those that are done are not listed.
        where: Conditions on the objects.
        versions: The versions; ``None`` to list objects.
        sink: Stores the objects.
        concurrency: The number of requests at the same time.
        splits_after: The seconds and the number of pages after which ranges are split.

    Attributes:
        ranges: All ranges in the order of the result.
        listed: The number of objects that were listed, and :attr:`selected` those of them that
            meet the conditions.
    """

    def __init__(
        self,
        requests: ListingRequests,
        ranges: Sequence[KeyRange],
        *,
        where: ObjectFilter,
        versions: Versions | None,
        sink: Sink,
        concurrency: int,
        splits_after: tuple[float, int] = (1.0, 20),
    ) -> None:
        self.ranges = [*ranges]
        self.listed = 0
        self.selected = 0
        self._requests = requests
        self._where = where
        self._versions = versions
        self._is_selected = where.predicate()
        self._sink = sink
        self._concurrency = concurrency
        self._waiting = [keys for keys in ranges if not keys.is_done]
        self._active: list[KeyRange] = []
        self._changed = Condition()
        self._error: BaseException | None = None
        self._is_stopped = False
        self._next_number = max((keys.number for keys in ranges), default=0) + 1
        self._tag_requests: ThreadPoolExecutor | None = None
        self._seconds_before_splits, self._pages_before_splits = splits_after
        self._begin_of_splits = 0.0

    def run(self, *, while_waiting: Callable[[], None], seconds: float) -> None:
        """List everything; call ``while_waiting`` about every so many seconds, and at the end.

        Raises:
            Exception: The first error of a request or of the sink. What is listed until then has
                been passed to the sink.
        """
        self._begin_of_splits = time.monotonic() + self._seconds_before_splits
        with ExitStack() as pools:
            if self._where.tags:
                self._tag_requests = pools.enter_context(ThreadPoolExecutor(self._concurrency))
            threads = [
                Thread(target=self._work, name=f"listing-{number}", daemon=True)
                for number in range(self._concurrency)
            ]
            try:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    while thread.is_alive():
                        thread.join(seconds)
                        while_waiting()
                while_waiting()
            finally:
                self._stop()
                for thread in threads:
                    if thread.ident is not None:  # it was started
                        thread.join()
        if self._error is not None:
            raise self._error

    def _stop(self, error: BaseException | None = None) -> None:
        with self._changed:
            self._is_stopped = True
            self._error = self._error or error
            self._changed.notify_all()
        if self._tag_requests is not None:  # a page has up to 1,000 of them
            self._tag_requests.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        try:
            while (keys := self._next_range()) is not None:
                self._list(keys)
        except BaseException as error:  # run() raises it
            self._stop(error)

    # ------------------------------------------------------------ one range

    def _list(self, keys: KeyRange) -> None:
        token = None
        while not self._is_stopped:
            page = self._requests.page(keys, token)
            token = page.token
            found = self._accept(keys, page)
            selected = self._select(found)
            self._sink.write(keys, selected)
            with self._changed:
                self.listed += len(found)
                self.selected += len(selected)
                self._pages_before_splits -= 1
                if keys.is_done:
                    self._active.remove(keys)
                self._changed.notify_all()
            if keys.is_done:
                return

    def _accept(self, keys: KeyRange, page: Page) -> Sequence[Found]:
        """Move the cursor behind a page; return the objects of it that are in the range."""
        with self._changed:
            found: Sequence[Found] = page.found
            if found and (found[0]["Key"] <= keys.after or not keys.contains(found[-1]["Key"])):
                found = [
                    each
                    for each in found
                    if each["Key"] > keys.after and keys.contains(each["Key"])
                ]
            keys.cursor, keys.version_cursor = page.cursor, page.version_cursor
            keys.is_done = page.token is None or not keys.contains(page.cursor)
            if found:  # a large range is split more often than a small one
                keys.pages += 1
                if keys.pages > 1 or not keys.is_split_off:
                    keys.splits = min(keys.splits + (1 << min(keys.pages, 2)), _MAX_SPLITS)
            return found

    def _select(self, found: Sequence[Found]) -> list[Found]:
        if self._versions is not None:
            found = [*filter(self._versions.includes, found)]
        selected = [*filter(self._is_selected, found)]
        if self._tag_requests is None:
            return selected
        tags = self._tag_requests.map(self._requests.tags, selected)
        return [
            each
            for each, its_tags in zip(selected, tags, strict=True)
            if self._where.has_tags(its_tags)
        ]

    # ------------------------------------------------------------ the next range

    def _next_range(self) -> KeyRange | None:
        """Return a range that no thread lists, perhaps a new one; ``None`` if all are listed."""
        while True:
            with self._changed:
                if self._is_stopped or not (self._waiting or self._active):
                    self._changed.notify_all()
                    return None
                if self._waiting:
                    keys = self._waiting.pop(0)
                    self._active.append(keys)
                    return keys
                early = self._begin_of_splits - time.monotonic()
                is_long = early <= 0 and self._pages_before_splits <= 0
                large = self._splittable() if is_long else None
                if large is None:
                    self._changed.wait(early if early > 0 else None)
                    continue
                large.splits -= 1
                large.is_examined = True
            try:
                self._split(large)
            finally:
                large.is_examined = False

    def _splittable(self) -> KeyRange | None:
        """Return the range that may be split most often, because it has listed most pages."""
        if not self._requests.can_start_anywhere:
            return None
        candidates = [
            keys
            for keys in self._active
            if keys.splits > 0 and not keys.is_done and not keys.is_examined
        ]
        return max(candidates, key=lambda keys: keys.splits, default=None)

    def _split(self, keys: KeyRange) -> None:
        """Split a range that another thread lists, if there is a place."""
        try:
            places = self._places(keys)
        except Exception as error:
            if self._versions is None or aws_error_code(error) != "AccessDenied":
                raise
            # Places are found with ListObjectsV2, which needs another permission than versions.
            self._requests.can_start_anywhere = False
            return
        with self._changed:
            keys.descend()
            new = [
                KeyRange(
                    self._next_number + index,
                    keys.prefix,
                    place,
                    folder=folder,
                    is_split_off=True,
                )
                for index, (place, folder) in enumerate(places.items())
                if keys.is_inside(place) and not keys.is_done
            ]
            if not new:
                return
            self._next_number += len(places)
            for each, following in pairwise(new):
                each.last = following.after
            new[-1].last, keys.last = keys.last, new[0].after
            position = self.ranges.index(keys) + 1
            self.ranges[position:position] = new
            self._waiting += new
            self._sink.split(keys, new)
            self._changed.notify_all()

    def _places(self, keys: KeyRange) -> dict[str, str | None]:
        """Return where a range may be split, with the folder that begins there.

        An object does not have to exist there. Only a listing of versions begins after an existing
        one, because AWS does not document what happens otherwise.
        """
        if keys.folder is None:
            with self._changed:
                place = middle(keys.cursor, keys.last, keys.prefix)
            places: dict[str, str | None] = {} if place is None else {place: None}
        else:
            folders = self._requests.folders(keys)
            chosen = evenly(folders, _RANGES_FOR_A_THREAD * self._concurrency)
            is_complete = len(chosen) == len(folders)
            places = {
                folder.removesuffix("/"): folder if is_complete else keys.folder
                for folder in chosen
            }
        if self._versions is None:
            return places
        first = self._requests.first_key_after
        found = {first(place, keys.prefix): folder for place, folder in places.items()}
        return {place: folder for place, folder in found.items() if place is not None}


_MAX_SPLITS: Final = 8
_RANGES_FOR_A_THREAD: Final = 4
