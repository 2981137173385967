"""``s3batch serve`` with a function that fails in three ways, for tests that watch its jobs.

The function waits at an object named ``held…`` as long as the file ``hold`` exists, so that a test
decides how far a job gets. If the file ``repaired`` exists, no task fails.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from tests.support.job_server import Server
from tests.support.local_server import ACCOUNT
from tests.support.serving import server_process
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

APP = """
import os
import time
from pathlib import Path
from s3batch_handler import PermanentFailure, Task, TemporaryFailure, task_handler

folder = Path(__file__).parent

@task_handler
def handler(task: Task) -> str:
    print(f"reading {task.key}")
    while task.key.startswith("held") and (folder / "hold").exists():
        time.sleep(0.02)
    if (folder / "repaired").exists():
        return "repaired"
    if task.key.startswith("text/"):
        raise PermanentFailure(f"cannot identify image file '{task.key}'")
    if task.key.startswith("busy/"):
        raise TemporaryFailure(f"upload of '{task.key}' was throttled")
    if task.key.startswith("huge/"):
        os._exit(9)
    return f"made thumbnail of {task.key}"
"""

HOSTILE_KEYS = [
    "text/<script>document.title = 'attacked'</script>.txt",
    'text/"><img src=x onerror=alert(1)>.txt',
    "text/\u202egpj.exe & 'quoted' `code` ${x}.txt",
]
KEYS = [
    *(f"images/{number:03}.jpg" for number in range(40)),
    *HOSTILE_KEYS,
    *(f"text/{number:02}.txt" for number in range(9)),
    *(f"busy/{number}.jpg" for number in range(5)),
    *(f"huge/{number}.tif" for number in range(2)),
    "held.jpg",
]
FAILING = len(HOSTILE_KEYS) + 9 + 5 + 2
"""How many of the objects fail: 12 are not images, 5 are throttled, and 2 end the worker."""

FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:thumbnails"
EUROPE: Any = {"LocationConstraint": "eu-west-1"}
REPORT: Any = {
    "Enabled": True,
    "Bucket": "arn:aws:s3:::photos",
    "Prefix": "reports",
    "Format": "Report_CSV_20180820",
    "ReportScope": "AllTasks",
}


class WatchedServer(Server):
    """A server with the function ``thumbnails`` and the bucket ``photos``."""

    @property
    def pages(self) -> str:
        """Return the address of the list of jobs."""
        return f"{self.address}/_s3batch/"

    def page_of(self, job_id: str) -> str:
        return f"{self.pages}jobs/{job_id}"

    def hold(self) -> None:
        """Pause the function at objects named ``held…`` from now on."""
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def repair(self) -> None:
        """Prevent failures from now on."""
        (self.folder / "repaired").touch()

    def create_job(self, keys: Iterable[str] = KEYS, **changes: Any) -> str:
        """Create a job for these keys, which waits for its confirmation, and return its ID."""
        body = "".join(f"photos,{quote(key)}\n" for key in keys)
        etag = self.s3.put_object(Bucket="photos", Key="manifest.csv", Body=body)["ETag"]
        spec = {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]}
        location = {"ObjectArn": "arn:aws:s3:::photos/manifest.csv", "ETag": etag.strip('"')}
        request: dict[str, Any] = {
            "ConfirmationRequired": True,
            "Operation": {"LambdaInvoke": {"FunctionArn": FUNCTION}},
            "Manifest": {"Spec": spec, "Location": location},
            "Report": REPORT,
            "Priority": 10,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
            "ClientRequestToken": str(uuid4()),
            "Description": "Thumbnails of November",
        }
        job = self.s3control.create_job(AccountId=ACCOUNT, **{**request, **changes})
        job_id: str = job["JobId"]
        return job_id

    def cancel(self, job_id: str, reason: str) -> None:
        self.s3control.update_job_status(
            AccountId=ACCOUNT,
            JobId=job_id,
            RequestedJobStatus="Cancelled",
            StatusUpdateReason=reason,
        )

    def wait_for_status(self, job_id: str, *statuses: str) -> None:
        """Wait for one of the statuses; a job that ended with another one is an error."""

        def reached() -> bool:
            job = self.s3control.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]
            assert job["Status"] in statuses or "TerminationDate" not in job, job
            return job["Status"] in statuses

        wait_for(reached)

    def job_ids(self) -> list[str]:
        """Return the IDs of all jobs."""
        pages = self.s3control.get_paginator("list_jobs").paginate(AccountId=ACCOUNT)
        return [job["JobId"] for page in pages for job in page["Jobs"]]


@contextmanager
def watched_server(folder: Path, *options: str, app: str = APP) -> Iterator[WatchedServer]:
    """Run the server in a folder, which may be that of an earlier one."""
    (folder / "app.py").write_text(app)
    function = ("--function", "thumbnails=app.py:handler")
    with server_process(folder, *function, "--timeout", "600", *options) as (_, address):
        server = WatchedServer(folder, address)
        server.s3.create_bucket(Bucket="photos", CreateBucketConfiguration=EUROPE)
        yield server
