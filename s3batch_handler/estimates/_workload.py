"""What an estimate is about: the objects of a job, its operation, and its Lambda function."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from s3batch_handler.documents.manifests._limits import MAX_OBJECTS

if TYPE_CHECKING:
    from collections.abc import Mapping

LAMBDA_INVOKE: Final = "LambdaInvoke"
OPERATIONS: Final = tuple(MAX_OBJECTS)
STORAGE_CLASSES: Final = (
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
ARCHIVES: Final = ("GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING")
"""Storage classes with objects that can be restored."""

REQUESTS: Final = ("GET", "HEAD", "PUT", "COPY", "POST", "LIST", "DELETE", "KMS")
"""Requests that a function makes for an object, which have a price each."""

Architecture = Literal["x86_64", "arm64"]
Transfer = Literal["regions", "internet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function.

    Attributes:
        memory: MB.
        duration: Seconds that it runs for one object, on average.
        init: Seconds that the initialization of an execution environment takes.
    """

    memory: int
    duration: Decimal
    init: Decimal = Decimal(0)
    architecture: Architecture = "x86_64"

    def gigabyte_seconds(self, seconds: Decimal) -> Decimal:
        """Return what Lambda bills for a run: whole milliseconds, with the memory in GB."""
        milliseconds = (seconds * 1000).to_integral_value(ROUND_CEILING)
        return milliseconds * self.memory / (1000 * _MB_IN_GB)


_MB_IN_GB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One job, or several that share their objects.

    Attributes:
        objects: The number of objects of all jobs.
        function: The function of ``LambdaInvoke``; ``None`` for S3's own operations.
        redrives: How many of 100 tasks are run a second time.
        requests: How many requests the function makes for an object, by the names of ``REQUESTS``.
        storage_class: The storage class of the objects that are read or written.
        restore_tier: For restores: ``BULK`` or ``STANDARD``.
        bytes_per_object: The data that is transferred, read or restored for an object.
        transfer: Where this data goes, if not to the same Region.
        log_bytes: The size of the logs of one invocation.
        listed_objects: The objects in the source bucket, if S3 generates the manifest.
    """

    objects: int
    jobs: int = 1
    operation: str = LAMBDA_INVOKE
    function: Function | None = None
    redrives: Decimal = Decimal(0)
    requests: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    storage_class: str = "STANDARD"
    restore_tier: str = "BULK"
    bytes_per_object: Decimal | None = None
    transfer: Transfer | None = None
    log_bytes: Decimal | None = None
    listed_objects: int | None = None

    @property
    def runs(self) -> int:
        """Return the number of times that a task is run, with the redrives."""
        return self.objects + int(
            (self.objects * self.redrives / 100).to_integral_value(ROUND_CEILING)
        )
