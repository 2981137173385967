"""Find the problems of an S3 Inventory report as the manifest of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.manifests._inventory import open_inventory, read_part
from s3batch_handler.documents.manifests.check._finding import finding
from s3batch_handler.documents.manifests.check._manifest_check import ManifestCheck, count_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from s3batch_handler.documents.files._s3_folder import S3Client
    from s3batch_handler.documents.manifests._inventory import Inventory, InventoryPart, OpenPart
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.manifests.check._finding import Finding

_T = TypeVar("_T")


class InventoryCheck:
    """Checks an inventory.

    Lines are numbered in each of its files; messages begin with the key of the file.

    Args:
        location: The path or ``s3://`` URL of its ``manifest.json``.
        s3: ``boto3.client("s3")``, for an S3 URL.
        operation: The operation of the job, for its limits.

    Attributes:
        objects: The number of lines, as far as they were read.
        counted: Always empty: all findings are yielded.
    """

    def __init__(self, location: str, *, s3: S3Client | None, operation: str) -> None:
        self.objects = 0
        self.counted: Mapping[str, int] = {}
        self._location = location
        self._s3 = s3
        self._operation = operation

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong, file by file.

        Raises:
            FileNotFoundError: There is no ``manifest.json``.
        """
        try:
            inventory, open_part = open_inventory(self._location, s3=self._s3)
        except ManifestError as error:
            yield finding("InvalidInventory", None, str(error))
            return
        for part in inventory.parts:
            try:
                for each in self._read(inventory, open_part, ManifestCheck.findings, part):
                    if each.code != "EmptyManifest":
                        yield each._replace(message=f"{part.key}: {each.message}")
            except ManifestError as error:
                yield finding("InvalidInventory", None, str(error))
        yield from count_findings(self.objects, self._operation)

    def entries(self) -> Iterator[tuple[int, ManifestEntry]]:
        """Yield the entries that name an object, with their lines.

        Raises:
            ManifestError: The inventory cannot be read.
        """
        inventory, open_part = open_inventory(self._location, s3=self._s3)
        for part in inventory.parts:
            yield from self._read(inventory, open_part, ManifestCheck.entries, part)

    def _read(
        self,
        inventory: Inventory,
        open_part: OpenPart,
        method: Callable[[ManifestCheck], Iterator[_T]],
        part: InventoryPart,
    ) -> Iterator[_T]:
        columns = [name if name in _READ else "Ignore" for name in inventory.columns]

        def read(lines: BinaryIO) -> Iterator[_T]:
            check = ManifestCheck(lines, columns=columns, operation=self._operation)
            yield from method(check)
            self.objects += check.objects

        return read_part(part, open_part, read)


_READ: Final = {"Bucket", "Key", "VersionId", "IsDeleteMarker"}
