"""Find the problems of a CSV manifest."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from s3batch_handler.core._sanitize import short_repr
from s3batch_handler.documents.manifests._limits import MAX_OBJECTS
from s3batch_handler.documents.manifests._manifest import (
    COLUMNS_BY_WIDTH,
    ManifestEntry,
    checked_fields,
    header_fields,
    is_header,
)
from s3batch_handler.documents.manifests.check._counted import CountedFindings
from s3batch_handler.documents.manifests.check._duplicates import Duplicates, Repeated
from s3batch_handler.documents.manifests.check._finding import finding
from s3batch_handler.documents.manifests.check._row_rules import (
    RowRules,
    cells_without_trailing_spaces,
    wrong_column_count,
)
from s3batch_handler.documents.manifests.check._scanner import Row, Scanner, UsualLines, are_quoted
from s3batch_handler.documents.manifests.check._signatures import (
    BOM,
    LONGEST_START,
    signature_finding,
)
from s3batch_handler.documents.manifests.check._usual import usual_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from s3batch_handler.documents.manifests.check._finding import Finding

Examined: TypeAlias = "tuple[UsualLines | Row | None, list[Finding]]"
"""Lines of a manifest with their findings; ``None`` is the whole manifest."""


def check_manifest(
    stream: BinaryIO,
    *,
    fields: Sequence[str] | None = None,
    operation: str = "LambdaInvoke",
    duplicates: bool = False,
) -> Iterator[Finding]:
    """Yield what is wrong with a CSV manifest, in the order of its lines.

    Unlike :func:`read_manifest`, it continues after an error.

    Args:
        stream: The bytes of the manifest; it is not closed.
        fields: The columns, as for :func:`read_manifest`. Without it, the names in a header row
            or the number of columns decide.
        operation: The operation of the job, for its limits: ``LambdaInvoke``, ….
        duplicates: Also find objects that are on several lines. They are counted in temporary
            files, so that memory does not grow with the manifest.

    Raises:
        ManifestError: ``fields`` is not valid (raised immediately).
        ValueError: There is no such operation (raised immediately).
    """
    check = ManifestCheck(stream, fields=fields, operation=operation, duplicates=duplicates)
    return check.findings()


class ManifestCheck:
    """Checks a manifest once.

    Args:
        stream: The bytes of the manifest, or of a file of an inventory.
        fields: The columns of a manifest.
        operation: The operation of the job.
        duplicates: Also find objects that are on several lines.
        columns: The columns of an inventory, whose keys have ``+`` for a space.
        details: How many findings of a code are needed: more may only be counted, which is faster.
            Without it, all are yielded.

    Attributes:
        objects: The number of lines that may name an object, as far as they were read.
        columns: The columns, once they are known.
        rules: The rules for rows, once the columns are known.
        counted: How many findings were not yielded but counted, by code.
        on_progress: Called with the number of objects from time to time.
    """

    on_progress: Callable[[int], None] | None = None

    def __init__(
        self,
        stream: BinaryIO,
        *,
        fields: Sequence[str] | None = None,
        operation: str = "LambdaInvoke",
        duplicates: bool = False,
        columns: Sequence[str] | None = None,
        details: int | None = None,
    ) -> None:
        if operation not in MAX_OBJECTS:
            raise ValueError(f"{operation!r} is not an operation: use {', '.join(MAX_OBJECTS)}")
        self.objects = 0
        self.columns = None if fields is None else checked_fields(fields, "fields")
        if columns is not None:
            self.columns = tuple(columns)
        self._scanner = Scanner(stream)
        self._operation = operation
        self._is_inventory = columns is not None
        self.rules: RowRules | None = None
        self._bucket: str | None = None
        self._quoted: tuple[bool, ...] = ()
        self._has_mixed_buckets = False
        self._finds_duplicates = duplicates
        self._counted = CountedFindings(details)
        self.counted: Mapping[str, int] = self._counted.counts

    def findings(self) -> Iterator[Finding]:
        """Yield the findings in the order of the lines, then the duplicates."""
        for _, found in self.examined():
            yield from found

    def examined(self) -> Iterator[Examined]:
        """Yield the lines of the manifest, with their findings."""
        if not self._finds_duplicates:
            yield from self._examined_lines()
            return
        with Duplicates() as duplicates:
            for part, found in self._examined_lines():
                if part is not None:
                    for line, entry in self._entries(part, found):
                        duplicates.add(line, entry)
                yield part, found
            for repeated in duplicates.found():
                yield None, [_duplicate(repeated)]

    def entries(self) -> Iterator[tuple[int, ManifestEntry]]:
        """Yield the entries that name an object, with their lines; skip all others."""
        for part, found in self._examined_lines():
            if part is not None:
                yield from self._entries(part, found)

    # ---------------------------------------------------------------- lines

    def _examined_lines(self) -> Iterator[Examined]:
        start = self._scanner.start(LONGEST_START)
        if signature := signature_finding(start):
            yield None, [signature]
            return
        while start.startswith(BOM):
            text = "a byte order mark, which S3 reads as data"
            yield None, [finding("ByteOrderMark", 1, text)]
            self._scanner.skip(len(BOM))
            start = start[len(BOM) :]
        next_report = _BETWEEN_REPORTS
        for part in self._scanner:
            if self.objects >= next_report:
                next_report = self.objects + _BETWEEN_REPORTS
                if self.on_progress is not None:
                    self.on_progress(self.objects)
            if isinstance(part, UsualLines):
                self.objects += part.objects
                self._counted.add_lines(part.data)
                yield part, []
                continue
            found = self._findings(part, self.rules) if self.rules else self._first_findings(part)
            if self._bucket is not None and self._counted.has_enough(found):
                self._use_pattern()
            yield part, found
        for each in count_findings(self.objects, self._operation):
            yield None, [each]

    def _first_findings(self, row: Row) -> list[Finding]:
        """Return the findings of a row before the first object, or of the first object."""
        cells = row.cells
        if cells and is_header(cells):
            self.columns = self.columns or header_fields(cells)
            return [finding("HeaderRow", row.line, "a header row, which S3 reads as an object")]
        columns = self.columns or COLUMNS_BY_WIDTH.get(len(cells or ()))
        found = [*RowRules(columns or COLUMNS_BY_WIDTH[2], **self._options).findings(row)]
        if not cells or any(each.code in _NO_CELLS for each in found):
            self.objects += found[0].code != "BlankLine"
            return found
        self.objects += 1
        if columns is None:
            return [wrong_column_count(row.line, cells, None)]
        self.columns = columns
        self.rules = RowRules(columns, **self._options)
        return found + self._bucket_findings(row, found)

    @property
    def _options(self) -> dict[str, bool]:
        has_payloads = self._operation == "LambdaInvoke"
        return {"is_form_encoded": self._is_inventory, "has_payloads": has_payloads}

    def _findings(self, row: Row, rules: RowRules) -> list[Finding]:
        found = [*rules.findings(row)]
        self.objects += not (found and found[0].code == "BlankLine")
        if self._is_repeated_header(row, rules):
            text = f"a header row: {short_repr(', '.join(row.cells or ()))}"
            errors = [each for each in found if each.is_error]
            return [*errors, finding("RepeatedHeader", row.line, text)]
        return found + self._bucket_findings(row, found)

    def _is_repeated_header(self, row: Row, rules: RowRules) -> bool:
        cells = row.cells
        if not cells or len(cells) != len(rules.columns) or cells[rules.bucket] == self._bucket:
            return False
        return is_header((cells[rules.bucket], cells[rules.key]))

    def _bucket_findings(self, row: Row, found: list[Finding]) -> list[Finding]:
        """Return a finding if the bucket of a row differs from the first bucket."""
        assert self.rules is not None
        if row.cells is None or not _NO_BUCKET.isdisjoint([each.code for each in found]):
            return []
        bucket = cells_without_trailing_spaces(row)[self.rules.bucket]
        if self._bucket is None:
            self._bucket = self.rules.known_bucket = bucket
            self._quoted = are_quoted(row)
            self._use_pattern()
        elif bucket != self._bucket and not self._has_mixed_buckets:
            self._has_mixed_buckets = True
            self._use_pattern()
            text = f"the bucket is {bucket!r}, but {self._bucket!r} on the first line"
            return [finding("MixedBuckets", row.line, text)]
        return []

    def _use_pattern(self) -> None:
        assert self.rules is not None
        self._scanner.usual = usual_lines(
            self.rules.columns,
            bucket=None if self._has_mixed_buckets else self._bucket,
            quoted=self._quoted,
            is_form_encoded=self._is_inventory,
            counted=self._counted.codes,
        )

    # ---------------------------------------------------------------- entries

    def _entries(
        self, part: UsualLines | Row, found: list[Finding]
    ) -> Iterator[tuple[int, ManifestEntry]]:
        rules = self.rules
        if rules is None:
            return
        if isinstance(part, UsualLines):
            if part.objects:
                lines = part.data.splitlines()  # not of text, in which U+2028 ends a line
                for line, cells in enumerate(csv.reader(map(bytes.decode, lines)), part.line):
                    yield line, _entry(cells, rules)
        elif part.cells and not any(each.code in _NO_ENTRY for each in found):
            yield part.line, _entry(cells_without_trailing_spaces(part), rules)


def count_findings(objects: int, operation: str) -> Iterator[Finding]:
    """Yield a finding if the number of objects is not allowed for an operation."""
    limit = MAX_OBJECTS[operation]
    if not objects:
        yield finding("EmptyManifest", None, "no objects: a job needs at least one")
    elif objects > limit:
        text = f"{objects:,} objects, but a job of {operation} has at most {limit:,}"
        yield finding("TooManyObjects", None, text)


def _entry(cells: list[str], rules: RowRules) -> ManifestEntry:
    version = None if rules.version is None else cells[rules.version]
    return ManifestEntry(cells[rules.bucket], cells[rules.key], version)


def _duplicate(repeated: Repeated) -> Finding:
    text = f"the same object as on line {repeated.first}"
    return finding("Duplicate", repeated.line, text)


_BETWEEN_REPORTS: Final = 100_000  # objects

_NO_CELLS: Final = {"NotCsv", "NotUtf8", "BlankLine"}
_NO_BUCKET: Final = {*_NO_CELLS, "WrongColumnCount", "EmptyBucket", "InvalidBucketName"}
_NO_ENTRY: Final = {*_NO_BUCKET, "EmptyKey", "RepeatedHeader", "HeaderRow", "DeleteMarker"}
