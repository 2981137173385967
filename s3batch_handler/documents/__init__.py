"""Manifests, S3 Inventory reports and completion reports: read and write them."""

from typing import TYPE_CHECKING, Any

from s3batch_handler.core._lazy_exports import import_public

if TYPE_CHECKING:
    from s3batch_handler.documents._failure_groups import FailureGroup
    from s3batch_handler.documents._inventory import read_inventory
    from s3batch_handler.documents._manifest import (
        ManifestEntry,
        ManifestInfo,
        read_manifest,
        write_manifest,
    )
    from s3batch_handler.documents._report import Report, read_report
    from s3batch_handler.documents._report_merge import MergedReport, merge_reports
    from s3batch_handler.documents._report_rows import ReportRow, ReportScope, TaskStatus
    from s3batch_handler.documents._report_tables import QueryResult

__all__ = [
    "FailureGroup",
    "ManifestEntry",
    "ManifestInfo",
    "MergedReport",
    "QueryResult",
    "Report",
    "ReportRow",
    "ReportScope",
    "ReportSummary",
    "TaskStatus",
    "merge_reports",
    "read_inventory",
    "read_manifest",
    "read_report",
    "write_manifest",
]

_MODULES = {
    "FailureGroup": "_failure_groups",
    "ManifestEntry": "_manifest",
    "ManifestInfo": "_manifest",
    "MergedReport": "_report_merge",
    "QueryResult": "_report_tables",
    "Report": "_report",
    "ReportRow": "_report_rows",
    "ReportScope": "_report_rows",
    "ReportSummary": "_report_summary",
    "TaskStatus": "_report_rows",
    "merge_reports": "_report_merge",
    "read_inventory": "_inventory",
    "read_manifest": "_manifest",
    "read_report": "_report",
    "write_manifest": "_manifest",
}


def __getattr__(name: str) -> Any:
    return import_public(__name__, name, _MODULES)
