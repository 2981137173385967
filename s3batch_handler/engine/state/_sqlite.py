"""Create and open SQLite databases, and translate the errors of SQLite."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import StateDamaged, StateError
from s3batch_handler.engine.state._state_folder import partial_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def open_database(
    path: Path | None,
    *,
    name: str,
    schema: str,
    version: int,
    is_temporary: bool = False,
    must_exist: bool = False,
) -> sqlite3.Connection:
    """Open a database in autocommit mode. Any thread may use it, but only one at a time.

    Args:
        path: The file, created if it does not exist; ``None``: in memory, or in a temporary file.
        name: The name of the database in errors.
        schema: Creates the tables and sets ``user_version`` to ``version``.
        version: The version of the table format.
        is_temporary: Use a temporary file. After a statement that fails, it cannot be used.
        must_exist: Do not create the file.

    Raises:
        StateError: The file cannot be used.
        StateDamaged: The file is not a database of this version, or must exist and does not.
    """
    if path is not None:
        check_is_file(path, name)
        check_is_file(_beside(path, "-journal"))
        if must_exist and not path.exists():
            raise damaged(name, "it is missing")
        if not path.exists():
            _create_file(path, name, schema)
    where = path or ("" if is_temporary else ":memory:")
    with translate_sqlite_errors(name):
        database = sqlite3.connect(where, isolation_level=None, check_same_thread=False)
        # Damaged text must be returned, so that its checksum can be compared.
        database.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        try:
            # Every commit is in this file. With a write-ahead log, SQLite would silently ignore
            # commits in a log that is damaged or missing. As the database belongs to one process,
            # its rollback journal is kept open, and a commit to the disk takes about 0.5 ms.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute(f"PRAGMA journal_mode = {'OFF' if is_temporary else 'PERSIST'}")
            database.execute(f"PRAGMA synchronous = {'OFF' if is_temporary else 'FULL'}")
            if path is None:
                database.executescript(schema)
            _check_version(database, name, version)
        except BaseException:
            database.close()
            raise
        return database


def check_is_file(path: Path, name: str | None = None) -> None:
    """Raise StateDamaged if there is something else at a path, such as a pipe or a folder.

    Opening a pipe would wait forever.
    """
    if path.exists() and not path.is_file():
        raise damaged(name or str(path), "it is not a file")


def _create_file(path: Path, name: str, schema: str) -> None:
    """Create the file of a database with all tables, or not at all.

    Therefore a file that is empty later has been damaged.
    """
    part = partial_path(path)
    try:
        # Left by a process that was killed. SQLite would apply another file's journal to this one.
        remove_database(path)
        with (
            translate_sqlite_errors(name),
            closing(sqlite3.connect(part, isolation_level=None)) as database,
        ):
            database.execute("PRAGMA journal_mode = OFF")  # no further file
            database.executescript(schema)
        part.replace(path)
    except OSError as error:
        raise StateError(f"{name} cannot be used: {error.strerror}") from error


def _check_version(database: sqlite3.Connection, name: str, version: int) -> None:
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if found == 0:
        raise damaged(name, "it is empty")
    if found != version:
        raise StateDamaged(
            f"{name} is damaged, or was written by another version of s3batch-handler: its format "
            f"is {found}, expected {version}. Continue with that version, or start again with "
            "another folder"
        )


def remove_database(path: Path) -> None:
    """Remove the file of a database, and the files that SQLite creates beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        _beside(path, suffix).unlink(missing_ok=True)
    partial_path(path).unlink(missing_ok=True)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextmanager
def translate_sqlite_errors(name: str) -> Iterator[None]:
    """Translate errors of SQLite to :class:`StateError`, or :class:`StateDamaged` for the file."""
    try:
        yield
    except sqlite3.ProgrammingError as error:  # closed in the meantime
        raise StateError(f"{name} cannot be used: {error}") from error
    except sqlite3.Error as error:
        # Text that is not UTF-8 is an OperationalError without any code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if code & 0xFF in _NOT_DAMAGE and code not in _DAMAGE:
            raise StateError(f"{name} cannot be used: {error}") from error
        raise damaged(name, str(error)) from error
    except UnicodeDecodeError as error:  # a message of SQLite quotes names in the file
        raise damaged(name, "it has names that are not UTF-8") from error
    except RecursionError as error:  # damaged JSON
        raise damaged(name, "it is nested too deeply") from error


def checksum(*values: object, content: bytes = b"") -> int:
    """Return a checksum of the columns of a record, to detect damage later.

    It detects accidents (a bad disk, an editor, an incomplete copy), not manipulation.
    """
    return zlib.crc32(content, zlib.crc32(repr(values).encode("utf-8", "surrogatepass")))


def damaged(name: str, problem: str) -> StateDamaged:
    """Create the error for a damaged file."""
    return StateDamaged(f"{name} is damaged: {problem}. Start again with another folder")


# SQLite's codes for problems of the machine or of the user. All other codes mean a damaged file:
# the library's statements are correct, so even "no such table" means that the file is not its own.
_NOT_DAMAGE: Final = {
    getattr(sqlite3, f"SQLITE_{name}")
    for names in (
        ("PERM", "ABORT", "BUSY", "LOCKED", "NOMEM", "READONLY", "INTERRUPT", "IOERR", "FULL"),
        ("CANTOPEN", "PROTOCOL", "NOLFS", "AUTH"),
    )
    for name in names
}
_DAMAGE: Final = frozenset((sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS))
