"""The rows of a completion report as a view of a DuckDB database.

The database reads the results files themselves, so it needs little memory and no copy of them. A
report in S3 is downloaded to a temporary folder first.
"""

from __future__ import annotations

import codecs
import csv
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._errors import ReportError
from s3batch_handler.core._keys import encode_key
from s3batch_handler.documents.files._database import has_wildcard, open_database, quoted
from s3batch_handler.documents.reports._results_file import cancelled_at_exit
from s3batch_handler.documents.reports._rows import NO_VERSION, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from duckdb import DuckDBPyConnection

    from s3batch_handler.documents.reports._results_file import ResultsFile


@contextmanager
def report_database(
    files: Sequence[ResultsFile], *, needed_by: str
) -> Iterator[DuckDBPyConnection]:
    """Open a database with the view ``report``, whose columns are the fields of ``ReportRow``.

    The MD5s of all files are checked first. A query can neither write files nor read other files.
    The key of an object is as in the report if it is not valid UTF-8.

    Args:
        files: The results files of the report.
        needed_by: What is named in the error if DuckDB is not installed.

    Raises:
        ReportError: As for ``Report.rows``.
    """
    with (
        TemporaryDirectory(prefix="s3batch-report-") as folder,
        open_database(Path(folder), needed_by=needed_by) as database,
    ):
        names, tables = [], []
        with paths_while_verifying(files, Path(folder)) as paths:
            for number, (file, path) in enumerate(zip(files, paths, strict=True)):
                try:
                    count_rows(database, file, path)
                    names.append(str(path))
                    tables.append(csv_table([str(path)]))
                except UnusualFile:
                    names.append(_rewrite(file, Path(folder) / f"rewritten-{number}.csv"))
                    tables.append(csv_table(names[-1:], "new_line = '\\n'"))
        tables = tables or [_NO_ROWS]
        view = " UNION ALL ".join(f"FROM {table} SELECT {_FIELDS}" for table in tables)
        database.execute(f"CREATE VIEW report AS {view}")
        database.execute("SET allowed_paths = ?", [names])
        for setting in _RESTRICTIONS:
            database.execute(f"SET {setting}")
        yield database


_RESTRICTIONS: Final = (
    "python_enable_replacements = false",  # variables of Python
    "enable_external_access = false",
    "lock_configuration = true",
)


@contextmanager
def paths_while_verifying(files: Sequence[ResultsFile], folder: Path) -> Iterator[list[Path]]:
    """Return the paths of results files, and check their MD5s while the context runs.

    Files in S3 are downloaded to ``folder``, and checked before the context begins.

    Raises:
        ReportError: A file is missing, or, at the end of the context, has a different MD5.
    """
    with cancelled_at_exit() as (pool, is_cancelled):
        paths, downloads, checks = [], [], []
        for number, file in enumerate(files):
            if file.is_in_s3:
                paths.append(folder / f"{number}.csv")
                downloads.append(pool.submit(_download, file, paths[number], is_cancelled))
            else:
                with file.open() as (location, _):
                    paths.append(Path(location).absolute())
                checks.append(pool.submit(file.verify, is_cancelled=is_cancelled))
        for download in downloads:
            download.result()
        yield paths
        for check in checks:
            check.result()


def _download(file: ResultsFile, path: Path, is_cancelled: Callable[[], bool]) -> None:
    with path.open("wb") as copy:
        file.verify(copy=copy, is_cancelled=is_cancelled)


# ---------------------------------------------------------------- results files in SQL


def csv_table(paths: Sequence[str], *more_options: str) -> str:
    """Return the table of results files in SQL, with the cells as text.

    DuckDB refuses faulty quotes, lines that are longer than cells may be, and files whose first
    line break, perhaps in a cell, is not like those after rows.
    """
    names = ", ".join(map(quoted, paths))
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in CELLS)
    options = ", ".join((*_CSV_OPTIONS, *more_options))
    return f"read_csv([{names}], columns = {{{columns}}}, {options})"


CELLS: Final = ("bucket", "key", "version_id", "status", "code_1", "code_2", "message")
_NO_ROWS: Final = "(SELECT '' AS " + ", '' AS ".join(CELLS) + " LIMIT 0)"
_CSV_OPTIONS: Final = (
    f"force_not_null = {list(CELLS)}",
    "auto_detect = false",
    "header = false",
    "delim = ','",
    "quote = '\"'",
    "escape = '\"'",
    "compression = 'none'",
    "hive_partitioning = false",  # a folder named status=x would replace the column
    f"max_line_size = {csv.field_size_limit()}",
)
_IS_NUMBER: Final = "regexp_full_match({}, '[0-9]{{1,9}}')"  # a cast accepts ' 200', '-1', 'true'
_IS_AWS_ORDER: Final = _IS_NUMBER.format("code_1")
_IS_SCHEMA_ORDER: Final = f"NOT {_IS_AWS_ORDER} AND {_IS_NUMBER.format('code_2')}"
ERROR_CODE: Final = f"CASE WHEN {_IS_SCHEMA_ORDER} THEN code_1 ELSE code_2 END"
_HTTP_STATUS: Final = (
    f"CASE WHEN {_IS_AWS_ORDER} THEN code_1::INT WHEN {_IS_SCHEMA_ORDER} THEN code_2::INT END"
)
DECODED_KEY: Final = "TRY(url_decode(replace(key, '+', ' ')))"
"""``NULL`` if the key is not valid UTF-8."""

_FIELDS: Final = f"""
        bucket,
        coalesce({DECODED_KEY}, key) AS key,
        nullif(nullif(version_id, '{NO_VERSION}'), '') AS version_id,
        status,
        {_HTTP_STATUS} AS http_status,
        nullif({ERROR_CODE}, '') AS error_code,
        message
"""


class UnusualFile(Exception):
    """DuckDB does not read the rows of a file as ``Report.rows`` does, or the file is damaged."""


def count_rows(database: DuckDBPyConnection, file: ResultsFile, path: Path) -> int:
    """Return the number of rows of a file.

    Raises:
        UnusualFile: See there.
    """
    import duckdb

    if file.layout is not None or has_wildcard(path) or _has_byte_order_mark(path):
        raise UnusualFile
    # DuckDB checks only the columns that are used.
    all_columns = f"sum({' + '.join(f'strlen({cell})' for cell in CELLS)})"
    others = f"count(*) FILTER (status <> '{file.status}')"
    try:
        database.execute(f"FROM {csv_table([str(path)])} SELECT count(*), {others}, {all_columns}")
    except duckdb.Error as error:
        raise UnusualFile from error
    ((count, others_count, _),) = database.fetchall()
    if others_count:
        raise UnusualFile
    return int(count)


def _has_byte_order_mark(path: Path) -> bool:
    """Return whether a file begins with bytes that DuckDB skips."""
    with path.open("rb") as content:
        return content.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


def _rewrite(file: ResultsFile, target: Path) -> str:
    """Write the rows of a file as well-formed CSV, and return its path.

    Raises:
        ReportError: The file is damaged, or DuckDB cannot read the temporary folder.
    """
    if has_wildcard(target):
        raise ReportError(
            f"the temporary folder {target.parent.parent} has one of the characters *?[ in its "
            "path, which DuckDB does not read. Set TMPDIR to another folder"
        )
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for row in file.read(read_rows):
            cells = (encode_key(row.key), row.version_id, row.status, row.http_status)
            writer.writerow((row.bucket, *cells, row.error_code, row.message))
    return str(target)
