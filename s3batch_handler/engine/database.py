"""SQLite files of ours: opened, made where they are new, and their troubles told as ours."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from s3batch_handler.errors import StateDamaged, StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def open_database(
    path: Path | str, *, name: str, schema: str, is_temporary: bool = False
) -> sqlite3.Connection:
    """Open a database, for any number of threads, one at a time.

    Every statement is a transaction, unless one is begun.

    Args:
        path: A file, made when it is not there; or one of SQLite's names for what is none.
        name: What errors call it.
        schema: Makes its tables, and sets ``user_version`` to 1.
        is_temporary: Nobody will see it after this process, nor after a statement that failed.

    Raises:
        StateError: It cannot be used.
        StateDamaged: It is no database, or another version of this package wrote it.
    """
    with told(name):
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _make(database, name, schema, is_temporary=is_temporary)
        except BaseException:
            database.close()
            raise
        return database


def _make(database: sqlite3.Connection, name: str, schema: str, *, is_temporary: bool) -> None:
    # No commit waits for the disk: what a process wrote before it was killed is safe with the
    # operating system. After a power failure the last commits may be missing, each as a whole.
    database.execute(f"PRAGMA journal_mode = {'OFF' if is_temporary else 'WAL'}")
    database.execute(f"PRAGMA synchronous = {'OFF' if is_temporary else 'NORMAL'}")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:
        database.executescript(schema)
    elif version != _VERSION:
        raise StateDamaged(f"{name} was written by another version of s3batch-handler")


_VERSION: Final = 1


@contextmanager
def told(name: str) -> Iterator[None]:
    """Turn SQLite's errors into :class:`StateError`, or :class:`StateDamaged` if it is the file."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:
        raise StateError(f"{name} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:  # not the disk or a lock: the file itself
        raise StateDamaged(f"{name} cannot be used: {error}") from error
