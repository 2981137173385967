"""The rows of S3 Inventory reports in Parquet and ORC, which S3 Batch Operations does not read.

Their keys are not URL-encoded: only those in CSV are (S3 User Guide, "Amazon S3 Inventory list").
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._keys import encode_key
from s3batch_handler.documents.files._database import open_database
from s3batch_handler.documents.files._hashing import HashingReader
from s3batch_handler.documents.manifests._inventory import (
    NAMES_IN_CSV,
    check_part,
    open_part_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from s3batch_handler.documents.manifests._inventory import (
        Inventory,
        InventoryPart,
        OpenPart,
    )

    Row = tuple[InventoryPart, int, Sequence[str]]


def rows_of_tables(
    inventory: Inventory, open_part: OpenPart, needed: Iterable[str]
) -> Iterator[Row]:
    """Yield each row with its part and its number, as text and with an encoded key, as in CSV.

    Args:
        inventory: An inventory in Parquet or ORC.
        open_part: Opens a part.
        needed: The columns, with their names in CSV, that are read; the others are empty.

    Raises:
        ManifestError: A part is missing, damaged, or has another format.
        ModuleNotFoundError: DuckDB or pyarrow is not installed.
    """
    read = _rows_of_parquet if inventory.format == "Parquet" else _rows_of_orc
    needed = {*needed, "Bucket", "Key"}
    names = [name if name in needed else None for name in inventory.columns]
    key = inventory.columns.index("Key")
    with TemporaryDirectory(prefix="s3batch-inventory-") as folder:
        for part in inventory.parts:
            with _downloaded(part, open_part, Path(folder)) as path:
                for number, row in enumerate(read(part, path, names), 1):
                    row[key] = encode_key(row[key])
                    yield part, number, row


@contextmanager
def _downloaded(part: InventoryPart, open_part: OpenPart, folder: Path) -> Iterator[Path]:
    """Copy a part to a file, because both libraries need one; check size and MD5."""
    path = folder / "part"
    with HashingReader(open_part_file(part, open_part)) as source, path.open("wb") as target:
        shutil.copyfileobj(cast("BinaryIO", source), target)
        check_part(part, source)
    yield path
    path.unlink()


def _rows_of_parquet(
    part: InventoryPart, path: Path, names: Sequence[str | None]
) -> Iterator[list[str]]:
    with open_database(path.parent, needed_by="an inventory in Parquet") as database:
        import duckdb

        columns = ", ".join(
            "''" if name is None else f"COALESCE(CAST({_column(name)} AS VARCHAR), '')"
            for name in names
        )
        try:
            found = database.execute(f"FROM read_parquet(?) SELECT {columns}", [str(path)])
            while rows := found.fetchmany(_BATCH):
                yield from map(list, rows)
        except duckdb.Error as error:
            raise _unreadable(part, "Parquet", error) from error


def _rows_of_orc(
    part: InventoryPart, path: Path, names: Sequence[str | None]
) -> Iterator[list[str]]:
    try:
        pa: Any = import_module("pyarrow")  # it has no types
        orc: Any = import_module("pyarrow.orc")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "an inventory in ORC needs pyarrow, which is not installed: pip install pyarrow",
            name=error.name,
        ) from error
    wanted = [None if name is None else _NAMES[name] for name in names]
    try:
        file = orc.ORCFile(path)
        for stripe in range(file.nstripes):
            batch = file.read_stripe(stripe, columns=[name for name in wanted if name])
            columns = [_texts(batch, name, pa) for name in wanted]
            yield from map(list, zip(*columns, strict=True))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise _unreadable(part, "ORC", error) from error


def _texts(batch: Any, name: str | None, pa: Any) -> list[str]:
    if name is None:
        return [""] * batch.num_rows
    texts = batch.column(name).cast(pa.string()).to_pylist()
    return ["" if text is None else text for text in texts]


def _unreadable(part: InventoryPart, format_: str, error: Exception) -> ManifestError:
    problem = f"not an inventory in {format_} as manifest.json says: {error}"
    return ManifestError(problem, source=part.key)


def _column(name: str) -> str:
    return f'"{_NAMES[name]}"'


_NAMES: Final = {name: column for column, name in NAMES_IN_CSV.items()}
_BATCH: Final = 10_000
