"""The jobs in the state folder of a server, read while a server may use the folder."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from s3batch_handler.core._errors import StateDamaged
from s3batch_handler.engine.state._sqlite import check_is_file, translate_sqlite_errors
from s3batch_handler.engine.state._state_folder import REPORTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3batch_handler.jobs._job import Job


class SavedJob(NamedTuple):
    """A job in a state folder, with its tags.

    ``report`` is the folder of the copy of its report, which may not exist.
    """

    job: Job
    report: Path
    tags: dict[str, str]


def is_state_folder(folder: Path) -> bool:
    """Return whether a server has kept jobs in a folder."""
    return next(_databases(folder), None) is not None


def saved_jobs(folder: Path) -> list[SavedJob]:
    """Return all jobs of a state folder that are not damaged, of all accounts and Regions.

    Raises:
        StateError: A database cannot be read.
        StateDamaged: A database is damaged.
    """
    return [saved for path in _databases(folder) for saved in _jobs_of(path)]


def _databases(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*/*/jobs")) if path.parts[-3].isdigit())


def _jobs_of(path: Path) -> Iterator[SavedJob]:
    from s3batch_handler.engine.state._job_records import read_job, unsealed  # a slow import

    for job_id, spec, text, sealed_tags in _rows(path):
        try:
            job = read_job(job_id, spec, text, name=str(path))
            tags = json.loads(unsealed(job_id, sealed_tags, name=str(path)))
        except StateDamaged:
            continue
        yield SavedJob(job, path.parent / REPORTS / f"job-{job_id}", tags)


def _rows(path: Path) -> list[tuple[str, object, object, object]]:
    """Read the database, again if a server changed it at the same time."""
    check_is_file(path)
    for _ in range(_TRIES):
        try:
            return _read(path)
        except StateDamaged as error:
            problem = error
    raise problem


def _read(path: Path) -> list[tuple[str, object, object, object]]:
    # A server keeps its database locked. "immutable" reads it without locks; the checksums of the
    # jobs tell whether a row was changed meanwhile.
    uri = f"file:{quote(str(path.absolute()))}?immutable=1"
    with translate_sqlite_errors(str(path)), closing(sqlite3.connect(uri, uri=True)) as database:
        database.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        return database.execute(
            "SELECT job_id, spec, job, tags FROM jobs ORDER BY number"
        ).fetchall()


_TRIES = 5
