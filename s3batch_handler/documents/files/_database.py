"""Databases of DuckDB, for documents that are larger than memory."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._extras import raise_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from duckdb import DuckDBPyConnection


@contextmanager
def open_database(folder: Path, *, needed_by: str) -> Iterator[DuckDBPyConnection]:
    """Open an empty database that uses ``folder`` when its memory is full."""
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise_missing(error, needed_by)
    database = duckdb.connect(
        config={
            "threads": min(os.cpu_count() or 1, _MAX_THREADS),
            "memory_limit": _MEMORY,
            "temp_directory": str(folder / "temporary"),
        }
    )
    with closing(database):
        database.execute("SET enable_progress_bar = false")  # it would go to standard output
        try:
            yield database
        except RuntimeError as error:
            # DuckDB looks for Ctrl-C between the steps of a statement only, and reports it so. That
            # is enough for short steps; ``interruptible`` interrupts long ones.
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from error
            raise


_MAX_THREADS: Final = 4  # each one needs memory
_MEMORY: Final = "1GB"
_WILDCARDS: Final = frozenset("*?[")


def has_wildcard(path: Path) -> bool:
    """Return whether DuckDB may read other files than the one at this path: it has no escapes."""
    return not _WILDCARDS.isdisjoint(str(path))


def interruptible(database: DuckDBPyConnection, call: Callable[[Any], Any], argument: Any) -> Any:
    """Call DuckDB in another thread: Ctrl-C would not interrupt it in this one."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call, argument)
        try:
            return running.result()
        except KeyboardInterrupt:
            database.interrupt()
            raise


def quoted(text: str) -> str:
    """Return a text as a literal in SQL."""
    return "'" + text.replace("'", "''") + "'"
