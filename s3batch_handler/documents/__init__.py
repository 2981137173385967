"""Manifests, S3 Inventory reports and completion reports: read and write them."""

from typing import TYPE_CHECKING, Any

from s3batch_handler.core._lazy_exports import import_public

if TYPE_CHECKING:
    from s3batch_handler.documents.manifests._inventory import read_inventory
    from s3batch_handler.documents.manifests._manifest import (
        ManifestEntry,
        ManifestInfo,
        read_manifest,
        write_manifest,
    )
    from s3batch_handler.documents.manifests._split import split_manifest
    from s3batch_handler.documents.manifests._split_by_bucket import ManifestPart
    from s3batch_handler.documents.manifests.check._finding import Finding
    from s3batch_handler.documents.manifests.check._manifest_check import check_manifest
    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.documents.reports._merge import MergedReport, merge_reports
    from s3batch_handler.documents.reports._report import Report, read_report
    from s3batch_handler.documents.reports._rows import ReportRow, ReportScope, TaskStatus
    from s3batch_handler.documents.reports._tables import QueryResult

__all__ = [
    "FailureGroup",
    "Finding",
    "ManifestEntry",
    "ManifestInfo",
    "ManifestPart",
    "MergedReport",
    "QueryResult",
    "Report",
    "ReportRow",
    "ReportScope",
    "ReportSummary",
    "TaskStatus",
    "check_manifest",
    "merge_reports",
    "read_inventory",
    "read_manifest",
    "read_report",
    "split_manifest",
    "write_manifest",
]

_MODULES = {
    "FailureGroup": "reports._failure_groups",
    "Finding": "manifests.check._finding",
    "ManifestEntry": "manifests._manifest",
    "ManifestInfo": "manifests._manifest",
    "ManifestPart": "manifests._split_by_bucket",
    "MergedReport": "reports._merge",
    "QueryResult": "reports._tables",
    "Report": "reports._report",
    "ReportRow": "reports._rows",
    "ReportScope": "reports._rows",
    "ReportSummary": "reports._summary",
    "TaskStatus": "reports._rows",
    "check_manifest": "manifests.check._manifest_check",
    "merge_reports": "reports._merge",
    "read_inventory": "manifests._inventory",
    "read_manifest": "manifests._manifest",
    "read_report": "reports._report",
    "split_manifest": "manifests._split",
    "write_manifest": "manifests._manifest",
}


def __getattr__(name: str) -> Any:
    return import_public(__name__, name, _MODULES)
