"""Manifests, S3 Inventory reports and completion reports: read and write them."""

from s3batch_handler.documents._inventory import read_inventory
from s3batch_handler.documents._manifest import (
    ManifestEntry,
    ManifestInfo,
    read_manifest,
    write_manifest,
)
from s3batch_handler.documents._report import (
    Report,
    ReportRow,
    ReportScope,
    TaskStatus,
    read_report,
)

__all__ = [
    "ManifestEntry",
    "ManifestInfo",
    "Report",
    "ReportRow",
    "ReportScope",
    "TaskStatus",
    "read_inventory",
    "read_manifest",
    "read_report",
    "write_manifest",
]
