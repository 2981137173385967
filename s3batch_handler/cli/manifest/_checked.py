"""The options of ``s3batch manifest check``, and the checks that they select."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._manifest_files import check_no_fields
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.manifest._file_options import fields_option
from s3batch_handler.cli.terminal._progress import ProgressMessages, report_listing
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.manifests._limits import MAX_OBJECTS
from s3batch_handler.documents.manifests._manifest import checked_fields
from s3batch_handler.documents.manifests._sample import new_seed, random_sample
from s3batch_handler.documents.manifests.check._manifest_check import ManifestCheck
from s3batch_handler.documents.manifests.check._objects import object_findings
from s3batch_handler.documents.manifests.check._stored import encryption_findings, etag_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from s3batch_handler.cli.manifest._fix import RepairedCopy
    from s3batch_handler.cli.manifest._source import ManifestSource
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.manifests.check._finding import Finding


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What is checked.

    Attributes:
        fields: The columns, with commas.
        operation: The operation of the job.
        duplicates: Find objects that are on several lines.
        etag: The ETag that the job has.
        head: How many objects to ask S3 for; ``"all"``, or ``None`` for none.
    """

    fields: str | None
    operation: str
    duplicates: bool
    etag: str | None
    head: int | str | None

    @property
    def columns(self) -> Sequence[str] | None:
        """Return the columns."""
        return self.fields.split(",") if self.fields else None


def _number_or_all(value: str) -> int | str:
    if value == "all":
        return value
    if not (value.isascii() and value.isdigit() and int(value)):
        raise click.BadParameter(f"{value!r} is neither a number of objects nor 'all'")
    return int(value)


def check_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of :class:`CheckOptions` to a command, which gets one of these."""

    @fields_option
    @click.option(
        "--operation",
        type=Choice([*MAX_OBJECTS]),
        default="LambdaInvoke",
        show_default=True,
        metavar="NAME",
        help="Operation of the job.",
    )
    @click.option("--duplicates", is_flag=True, help="Find objects that are on several lines.")
    @click.option("--etag", metavar="ETAG", help="ETag of the job, to compare with the manifest.")
    @click.option(
        "--head",
        type=_number_or_all,
        metavar="NUMBER|all",
        help="Check that this number of objects, or all, exist.",
    )
    @wraps(command)
    def with_options(**values: Any) -> None:
        names = ("fields", "operation", "duplicates", "etag", "head")
        options = CheckOptions(**{name: values.pop(name) for name in names})
        command(options=options, **values)

    decorated: Callable[..., None] = with_options
    return decorated


class _Check(Protocol):
    objects: int
    counted: Mapping[str, int]

    def findings(self) -> Iterator[Finding]: ...
    def entries(self) -> Iterator[tuple[int, ManifestEntry]]: ...


class CheckedManifest:
    """All checks of a manifest, or of its repaired copy, one after the other.

    Args:
        source: The manifest.
        copy: Its repaired copy, which is checked instead.
        options: What is checked.
        details: How many findings of a code are needed; see :class:`ManifestCheck`.
        quiet: Show no progress.

    Attributes:
        objects: The number of objects, once they are checked.
        counted: How many findings were only counted, by code.

    Raises:
        InvalidArgument: An option cannot be used for this manifest.
    """

    def __init__(
        self,
        source: ManifestSource,
        copy: RepairedCopy | None,
        options: CheckOptions,
        *,
        details: int | None,
        quiet: bool,
    ) -> None:
        self.objects = 0
        self.counted: Mapping[str, int] = {}
        self._details = details
        self._source = source
        self._copy = copy
        self._options = options
        self._quiet = quiet
        self._columns = options.columns if copy is None else copy.fields
        _check_options(options, source)

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong with the manifest, and with the objects that it names."""
        if self._copy is None:
            for each in self._stored_findings():
                yield each
                if "SSE-C" in each.message:  # without its key, it cannot be read
                    return
        with self._open_check() as check:
            yield from check.findings()
            self.objects, self.counted = check.objects, check.counted
        if self._options.head is not None:
            with self._open_check() as check:
                yield from self._object_findings(check.entries())

    def _stored_findings(self) -> Iterator[Finding]:
        has_encryption = self._source.is_in_s3 and not self._source.is_inventory
        if not has_encryption and self._options.etag is None:
            return
        stored = self._source.stored()
        if has_encryption:
            yield from encryption_findings(stored)
        if self._options.etag is not None and "ETag" in stored:
            yield from etag_findings(stored["ETag"], self._options.etag)

    def _object_findings(self, entries: Iterator[tuple[int, ManifestEntry]]) -> Iterator[Finding]:
        head = self._options.head
        if isinstance(head, int):
            entries = random_sample(entries, self.objects, size=head, seed=new_seed())
        found = object_findings(entries, self._source.s3.client.head_object)
        checked = report_listing(found, quiet=self._quiet, verb="checked")
        yield from (each for each in checked if each is not None)

    @contextmanager
    def _open_check(self) -> Iterator[_Check]:
        source, options = self._source, self._options
        if source.is_inventory:
            from s3batch_handler.documents.manifests.check._inventory_check import InventoryCheck

            s3 = source.s3.client if source.is_in_s3 else None
            yield InventoryCheck(source.location, s3=s3, operation=options.operation)
            return
        with self._open_csv() as stream:
            check = ManifestCheck(
                stream,
                fields=self._columns,
                operation=options.operation,
                duplicates=options.duplicates,
                details=self._details,
            )
            check.on_progress = None if self._quiet else ProgressMessages("checked")
            yield check

    def _open_csv(self) -> AbstractContextManager[BinaryIO]:
        if self._copy is None:
            return self._source.open()
        self._copy.stream.seek(0)
        return nullcontext(self._copy.stream)


def _check_options(options: CheckOptions, source: ManifestSource) -> None:
    if source.is_inventory:
        check_no_fields(options.fields)
        if options.duplicates:
            raise InvalidArgument("Option --duplicates is for CSV manifests only, not inventories")
    if options.columns is not None:
        try:
            checked_fields(options.columns, "fields")
        except ManifestError as error:
            raise InvalidArgument(f"Option --{error}") from error
    if options.etag and "-" in options.etag and not source.is_in_s3:
        raise InvalidArgument(
            f"--etag {options.etag}: the ETag of an upload in parts cannot be compared with a "
            "file. Check the s3:// URL of the manifest"
        )
