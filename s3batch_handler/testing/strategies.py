"""Hypothesis strategies: events, keys, contexts, results, exceptions, manifests and reports."""

from importlib.util import find_spec

if find_spec("hypothesis") is None:
    raise ModuleNotFoundError(
        "s3batch_handler.testing.strategies needs Hypothesis. "
        'Install it: pip install "s3batch-handler[testing]"',
        name="hypothesis",
    )

from s3batch_handler.testing._document_strategies import (
    ManifestFile,
    ReportFiles,
    manifests,
    reports,
    rows,
)
from s3batch_handler.testing._event_strategies import contexts, events, tasks
from s3batch_handler.testing._exception_strategies import exceptions
from s3batch_handler.testing._object_strategies import buckets, keys, objects, version_ids
from s3batch_handler.testing._result_strategies import results

__all__ = [
    "ManifestFile",
    "ReportFiles",
    "buckets",
    "contexts",
    "events",
    "exceptions",
    "keys",
    "manifests",
    "objects",
    "reports",
    "results",
    "rows",
    "tasks",
    "version_ids",
]
