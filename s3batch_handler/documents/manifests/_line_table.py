"""The lines of manifests as tables of a DuckDB database, which uses the disk when it needs to.

Python reads the lines, so they are validated and decoded like everywhere else. DuckDB sorts and
compares them.
"""

from __future__ import annotations

import csv
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import decode_key
from s3batch_handler.documents.files._database import (
    has_wildcard,
    interruptible,
    open_database,
    quoted,
)
from s3batch_handler.documents.manifests._manifest import ManifestEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from duckdb import DuckDBPyConnection


@contextmanager
def line_tables(*, needed_by: str) -> Iterator[LineTables]:
    """Open an empty :class:`LineTables` in a temporary folder.

    Raises:
        ModuleNotFoundError: DuckDB is not installed; ``needed_by`` is named in the message.
        ManifestError: DuckDB has too little memory or disk space.
    """
    with (
        tempfile.TemporaryDirectory(prefix="s3batch-manifest-") as folder,
        open_database(Path(folder), needed_by=needed_by) as database,
    ):
        yield LineTables(database, Path(folder))


class LineTables:
    """Tables of lines. Each has the columns of :data:`COLUMNS`, and those of its callers.

    ``n`` is the number of the line, from 1. ``version_id`` is empty if there is none.
    ``key_bytes`` are the bytes of the decoded key, each as the character with its number (Latin-1):
    DuckDB compares the characters of texts by their numbers, so it sorts keys as S3 does, and a key
    may have bytes that are not valid UTF-8.
    """

    def __init__(self, database: DuckDBPyConnection, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._has_versions: dict[str, bool] = {}
        self._numbers = count()

    def add(
        self,
        name: str,
        lines: Iterable[tuple[ManifestEntry, *tuple[str, ...]]],
        *more_columns: str,
    ) -> int:
        """Create a table, and return the number of its lines.

        Args:
            name: The name of the table.
            lines: Entries, each with the values of the other columns, as texts.
            more_columns: The names and types of the other columns, such as ``status VARCHAR``.

        Raises:
            ManifestError: There is a wildcard in the path of the temporary folder.
        """
        path = self._folder / f"{name}.csv"
        if has_wildcard(path):
            raise ManifestError(
                "it has one of the characters *?[ in its path, which DuckDB does not read. "
                "Set TMPDIR to another folder",
                source=str(path.parent),
            )
        number = 0
        version: str | None = None
        with path.open("w", encoding="utf-8", newline="") as target:
            for number, ((bucket, key, version), *others) in enumerate(lines, 1):
                cells = (bucket, key, version or "", _other_key_bytes(key), *others)
                target.write(f"{number},{_quoted_cells(cells)}\n")
        self._has_versions[name] = version is not None
        columns = [column.split() for column in (*_WRITTEN, *more_columns)]
        types = ", ".join(f"{quoted(column)}: {quoted(kind)}" for column, kind in columns)
        texts = [column for column, kind in columns if kind == "VARCHAR"]
        options = ", ".join((*_CSV_OPTIONS, f"force_not_null = {texts}"))
        more = "".join(f", {column.split()[0]}" for column in more_columns)
        self.run(
            f"CREATE VIEW {name} AS "
            f"FROM read_csv({quoted(str(path))}, columns = {{{types}}}, {options}) "
            "SELECT n, bucket, key, version_id, "
            f"CASE WHEN other = '' THEN key ELSE other END AS key_bytes{more}"
        )
        return number

    def has_versions(self, table: str) -> bool:
        """Return whether the lines of a table have version IDs, which may be empty."""
        return self._has_versions[table]

    def run(self, sql: str) -> None:
        """Run a statement.

        Raises:
            ManifestError: DuckDB has too little memory or disk space.
        """
        self._call(self._database.execute, sql)

    def number(self, sql: str) -> int:
        """Return the number that a query selects."""
        self.run(sql)
        ((number,),) = self._database.fetchall()
        return int(number)

    def rows(self, sql: str) -> Iterator[list[str]]:
        """Yield the rows that a query selects, as texts, in its order.

        DuckDB would keep the whole result in memory, so it writes the result to a file.
        """
        path = self._folder / f"result-{next(self._numbers)}.csv"
        self.run(f"COPY ({sql}) TO {quoted(str(path))} ({_COPY_OPTIONS})")
        try:
            with path.open(encoding="utf-8", newline="") as result:
                yield from csv.reader(result)
        finally:
            path.unlink(missing_ok=True)

    def entries(self, sql: str, table: str) -> Iterator[ManifestEntry]:
        """Yield the lines of a table, of which a query selects :data:`COLUMNS`."""
        has_versions = self.has_versions(table)
        for bucket, key, version in self.rows(sql):
            yield ManifestEntry(bucket, key, version if has_versions else None)

    def _call(self, call: Any, argument: Any) -> Any:
        import duckdb

        try:
            return interruptible(self._database, call, argument)
        except duckdb.Error as error:
            problem = str(error).partition("\n")[0]
            raise ManifestError(f"DuckDB failed: {problem}", source=str(self._folder)) from error


COLUMNS: Final = ("bucket", "key", "version_id")
SAME_OBJECT: Final = "bucket, key_bytes, version_id"
"""The columns that two lines of the same object have in common."""

_WRITTEN: Final = (
    *("n BIGINT", "bucket VARCHAR", "key VARCHAR", "version_id VARCHAR", "other VARCHAR"),
)
_CSV_OPTIONS: Final = (
    "auto_detect = false",
    "header = false",
    "delim = ','",
    "quote = '\"'",
    "escape = '\"'",
    "new_line = '\\n'",
    "compression = 'none'",
    "hive_partitioning = false",
    "max_line_size = 16777216",
)
_COPY_OPTIONS: Final = "FORMAT csv, HEADER false, FORCE_QUOTE *, COMPRESSION none"


def _quoted_cells(cells: tuple[str, ...]) -> str:
    """Return cells of a CSV file in quotes; the csv module takes three times as long."""
    text = '","'.join(cells)
    if text.count('"') != 2 * (len(cells) - 1):
        text = '","'.join(cell.replace('"', '""') for cell in cells)
    return f'"{text}"'


def _other_key_bytes(encoded_key: str) -> str:
    """Return ``key_bytes``; empty if they are the encoded key itself, as for most keys."""
    if encoded_key.isascii() and "%" not in encoded_key and "+" not in encoded_key:
        return ""
    return decode_key(encoded_key).encode("utf-8", "surrogateescape").decode("latin-1")
