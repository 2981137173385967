"""Write a repaired copy of a manifest."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

from s3batch_handler.documents.manifests.check._manifest_check import ManifestCheck
from s3batch_handler.documents.manifests.check._row_fix import fixed_row
from s3batch_handler.documents.manifests.check._scanner import UsualLines
from s3batch_handler.documents.manifests.check._signatures import BOM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from s3batch_handler.documents.manifests.check._row_fix import FixOptions


@dataclass(slots=True)
class Repair:
    """What a repair has changed.

    Attributes:
        fields: The columns of the copy; ``None`` if they are not known.
        objects: The number of lines of the source that may name an object.
        fixed: How many lines were repaired, by code.
    """

    fields: tuple[str, ...] | None = None
    objects: int = 0
    fixed: Counter[str] = field(default_factory=Counter)


def write_repaired(
    source: BinaryIO,
    target: BinaryIO,
    *,
    fields: Sequence[str] | None,
    options: FixOptions,
) -> Repair:
    """Write a copy of a manifest in which everything is repaired whose meaning is clear.

    All other lines are copied byte for byte.

    Args:
        source: The manifest.
        target: A file that can be read again.
        fields: The columns, as for :func:`check_manifest`.
        options: What may be changed.

    Raises:
        ManifestError: ``fields`` is not valid.
    """
    repair = Repair()
    if options.duplicates:
        with tempfile.TemporaryFile(prefix="s3batch-manifest-") as file:
            repaired = cast("BinaryIO", file)
            _repair_rows(source, repaired, fields, options, repair)
            _remove_duplicates(repaired, target, repair)
    else:
        _repair_rows(source, target, fields, options, repair)
    return repair


def _repair_rows(
    source: BinaryIO,
    target: BinaryIO,
    fields: Sequence[str] | None,
    options: FixOptions,
    repair: Repair,
) -> None:
    check = ManifestCheck(source, fields=fields)
    is_first = True  # nothing is written yet
    for part, found in check.examined():
        if part is None:
            repair.fixed.update(each.code for each in found if each.code == "ByteOrderMark")
        elif isinstance(part, UsualLines):
            target.write(part.data)
        else:
            row = fixed_row(part, found, check.rules, options)
            repair.fixed.update(row.codes)
            data = row.data
            while is_first and data.startswith(BOM):  # of a line below a header row
                repair.fixed["ByteOrderMark"] += 1
                data = data.removeprefix(BOM)
            is_first = is_first and not data
            target.write(data)
    repair.fields, repair.objects = check.columns, check.objects


def _remove_duplicates(source: BinaryIO, target: BinaryIO, repair: Repair) -> None:
    """Copy a manifest without its repeated lines.

    A line with + is kept, because it may name another object than the earlier line.
    """
    source.seek(0)
    repeated = _repeated_lines(source, repair.fields)
    following = next(repeated, None)  # the whole source is read before the first one is known
    source.seek(0)
    for line, data in _lines(source, repair.fields):
        if line == following:
            following = next(repeated, None)
            if b"+" not in data:
                repair.fixed["Duplicate"] += 1
                continue
        target.write(data)


def _repeated_lines(stream: BinaryIO, fields: Sequence[str] | None) -> Iterator[int]:
    check = ManifestCheck(stream, fields=fields, duplicates=True)
    return (each.line for each in check.findings() if each.code == "Duplicate" and each.line)


def _lines(stream: BinaryIO, fields: Sequence[str] | None) -> Iterator[tuple[int, bytes]]:
    """Yield rows with their line numbers."""
    for part, _ in ManifestCheck(stream, fields=fields).examined():
        if isinstance(part, UsualLines) and part.objects:
            yield from enumerate(part.data.splitlines(keepends=True), part.line)
        elif part is not None:
            yield part.line, part.data
