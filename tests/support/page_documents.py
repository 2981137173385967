"""Documents of pages, for tests."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from s3batch_handler.documents.reports._run_record import TaskFacts
    from s3batch_handler.page._document import JobDocument

JOB_ID = "8f6c0b6e-6d3f-4a51-9a53-0c5f2b0f7c11"


def document_in(page: str) -> Any:
    """Return the document in the HTML of a page."""
    match = re.search(r'<script [^>]*id="document">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


def failed_task(number: int, *, code: str = "PermanentFailure") -> TaskFacts:
    return {
        "bucket": "photos",
        "key": f"2026/11/image {number:06}.jpg",
        "version_id": None,
        "status": "failed",
        "code": code,
        "http_status": 200,
        "message": f"cannot identify image file {number}",
        "seconds": None,
    }


def job_document(**changes: object) -> JobDocument:
    """Return the document of a job that runs, with all sections."""
    document: JobDocument = {
        "version": 1,
        "time": "2026-11-30T12:05:00+00:00",
        "job": {
            "id": JOB_ID,
            "origin": "serve",
            "status": "Active",
            "description": "Thumbnails of November",
            "operation": "LambdaInvoke",
            "function": "arn:aws:lambda:eu-west-1:123456789012:function:thumbnails",
            "priority": 10,
            "account_id": "123456789012",
            "region": "eu-west-1",
            "created": "2026-11-30T12:00:00+00:00",
            "ended": None,
            "reasons": [],
            "update_reason": None,
            "redrive_of": None,
            "tags": {"team": "media"},
            "report": None,
        },
        "counts": {
            "total": 50_000,
            "succeeded": 30_100,
            "failed": 812,
            "waiting": 40,
            "running": 4,
            "pending": 19_044,
        },
        "history": [
            {"status": "New", "time": "2026-11-30T12:00:00+00:00"},
            {"status": "Preparing", "time": "2026-11-30T12:00:00+00:00"},
            {"status": "Suspended", "time": "2026-11-30T12:00:02+00:00"},
            {"status": "Ready", "time": "2026-11-30T12:01:30+00:00"},
            {"status": "Active", "time": "2026-11-30T12:01:30+00:00"},
        ],
        "rate": {"now": 151.0, "average": 147.2, "left": (118.0, 151.0), "active_seconds": 210.0},
        "rate_history": {
            "seconds": 2.0,
            "succeeded": [280 + 20 * (n % 5) for n in range(105)],
            "failed": [7 + n % 3 for n in range(105)],
        },
        "durations": {
            "calls": 30_956,
            "average": 0.0262,
            "p50": 0.021,
            "p90": 0.044,
            "p99": 0.31,
            "maximum": 4.2,
            "histogram": [(0.01, 2_000), (0.02, 11_000), (0.05, 16_000), (0.5, 1_900), (5.0, 56)],
        },
        "threshold": {"rule": "half of at least 1,000 tasks", "tolerated": 15_476},
        "failures": [
            {
                "code": "PermanentFailure",
                "message": "cannot identify image file …",
                "count": 700,
                "examples": [
                    {
                        "bucket": "photos",
                        "key": "2026/11/image 000001.jpg",
                        "version_id": None,
                        "message": "cannot identify image file 1",
                    }
                ],
            },
            {"code": "TemporaryFailure", "message": "SlowDown", "count": 112, "examples": []},
        ],
        "failed_tasks": {
            "rows": [failed_task(number) for number in range(120)],
            "total": 812,
            "searched": 120,
            "next": None,
        },
        "latest": [{**failed_task(9), "status": "succeeded", "code": None, "seconds": 0.02}],
        "slowest": [{**failed_task(3), "status": "succeeded", "code": None, "seconds": 4.2}],
        "workers": {
            "count": 2,
            "shown": [
                {
                    "name": "1",
                    "bucket": "photos",
                    "key": "2026/11/image 031000.jpg",
                    "seconds": 0.2,
                },
                {"name": "2", "bucket": None, "key": None, "seconds": 0.0},
            ],
        },
        "log": {"lines": ["INFO loaded", "WARNING slow upload"], "location": None},
        "configuration": [
            {"title": "Job", "facts": [("Priority", "10"), ("Redrives", "3")]},
            {"title": "Manifest", "facts": [("Location", "s3://photos/manifest.csv")]},
        ],
        "commands": [
            {"title": "List the failed tasks", "command": f"s3batch report failed {JOB_ID}"}
        ],
        "live": None,
    }
    return cast("JobDocument", {**document, **changes})
