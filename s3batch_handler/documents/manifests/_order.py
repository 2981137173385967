"""Sort and shuffle manifests, remove repeated lines, and compare two manifests.

Two lines name the same object if bucket, decoded key and version ID are the same. A line without a
version ID names another object than one with a version ID.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.documents.manifests._line_table import COLUMNS, SAME_OBJECT, line_tables
from s3batch_handler.documents.manifests._sample import random_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.documents.manifests._line_table import LineTables
    from s3batch_handler.documents.manifests._manifest import ManifestEntry

_COLUMNS: Final = ", ".join(COLUMNS)


def sorted_entries(entries: Iterable[ManifestEntry]) -> Iterator[ManifestEntry]:
    """Yield lines by bucket, decoded key and version ID, as bytes: the order of S3's listings.

    Lines of the same object keep their order. Source: Amazon S3 API Reference, ListObjectsV2,
    "Sorting order of returned objects", for general purpose buckets.
    """
    with line_tables(needed_by=_SORT) as tables:
        tables.add("lines", ((entry,) for entry in entries))
        yield from tables.entries(
            f"FROM lines SELECT {_COLUMNS} ORDER BY {SAME_OBJECT}, n", "lines"
        )


def shuffled_entries(entries: Iterable[ManifestEntry], *, seed: int) -> Iterator[ManifestEntry]:
    """Yield lines in a random order, which the seed decides."""
    with line_tables(needed_by=_SORT) as tables:
        tables.add("lines", zip(entries, random_numbers(seed), strict=False), "place BIGINT")
        yield from tables.entries(f"FROM lines SELECT {_COLUMNS} ORDER BY place, n", "lines")


_SORT: Final = "s3batch manifest sort"


def distinct_entries(entries: Iterable[ManifestEntry]) -> Iterator[ManifestEntry]:
    """Yield the first line of each object, in their order."""
    with line_tables(needed_by="s3batch manifest dedupe") as tables:
        tables.add("lines", ((entry,) for entry in entries))
        yield from tables.entries(
            f"FROM lines SEMI JOIN (FROM lines SELECT min(n) AS n GROUP BY {SAME_OBJECT}) "
            f"USING (n) SELECT {_COLUMNS} ORDER BY n",
            "lines",
        )


class Side(NamedTuple):
    """What only one of two manifests has.

    Attributes:
        objects: The number of lines.
        total: The number of lines of the whole manifest.
    """

    objects: int
    total: int


class Difference:
    """The differences of two manifests.

    Attributes:
        a: What only the first manifest has.
        b: What only the second manifest has.
    """

    def __init__(self, tables: LineTables, a: Side, b: Side) -> None:
        self._tables = tables
        self.a = a
        self.b = b

    def side(self, name: str) -> Side:
        """Return :attr:`a` or :attr:`b`."""
        return self.a if name == "a" else self.b

    def entries(self, side: str) -> Iterator[ManifestEntry]:
        """Yield the lines that only ``a`` has, or only ``b``, in their order."""
        return self._tables.entries(f"FROM only_{side} SELECT {_COLUMNS} ORDER BY n", side)


@contextmanager
def difference(a: Iterable[ManifestEntry], b: Iterable[ManifestEntry]) -> Iterator[Difference]:
    """Compare two manifests, whose lines may have any order.

    An object that is on two lines of one manifest has to be on two lines of the other one, too: it
    has two tasks. The later lines are the ones that only one manifest has.
    """
    with line_tables(needed_by="s3batch manifest diff") as tables:
        totals = {name: add_numbered(tables, name, lines) for name, lines in (("a", a), ("b", b))}
        sides: list[Side] = []
        for name, other in (("a", "b"), ("b", "a")):
            tables.run(
                f"CREATE TABLE only_{name} AS FROM numbered_{name} "
                f"ANTI JOIN numbered_{other} USING ({SAME_OBJECT}, copy) SELECT n, {_COLUMNS}"
            )
            count = tables.number(f"FROM only_{name} SELECT count(*)")
            sides.append(Side(count, totals[name]))
        yield Difference(tables, *sides)


def add_numbered(tables: LineTables, name: str, entries: Iterable[ManifestEntry]) -> int:
    """Create the table ``numbered_<name>``: ``copy`` is 1 for the first line of an object, ….

    Returns the number of lines.
    """
    count = tables.add(name, ((entry,) for entry in entries))
    number_copies(tables, name)
    return count


def number_copies(tables: LineTables, name: str) -> None:
    """Create the table ``numbered_<name>`` of a table ``<name>``."""
    tables.run(
        f"CREATE TABLE numbered_{name} AS FROM {name} SELECT *, "
        f"row_number() OVER (PARTITION BY {SAME_OBJECT} ORDER BY n) AS copy"
    )
