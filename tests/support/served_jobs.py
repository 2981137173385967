"""A server of S3 and S3 Control in this process with a function, and requests of its pages."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import boto3

from s3batch_handler.jobs._aws_clients import s3control_client
from tests.support.local_server import ACCOUNT, session
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable


class Function:
    """A function that fails for some keys, and waits while its gate is closed."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.seconds = 0.0

    def __call__(self, event: Any, _context: object) -> Any:
        (task,) = event["tasks"]
        number = int(task["s3Key"].removeprefix("image-"))
        self.gate.wait(60)
        time.sleep(self.seconds)
        failures = {1: "not an image", 2: "Too <b>large</b>", 3: "not an image"}
        text = failures.get(number % 10, "")
        code = "PermanentFailure" if text else "Succeeded"
        result = {"taskId": task["taskId"], "resultCode": code, "resultString": text or "done"}
        return {"invocationSchemaVersion": "1.0", "results": [result]}


class ServedJobs:
    """A server with a function and a bucket, and clients of it."""

    def __init__(self, address: str, function: Function) -> None:
        self.address = address
        self.function = function
        self.api = f"{address}/_s3batch/api/jobs"
        self.s3 = session().client("s3", endpoint_url=address)

    def control(self, region: str = "eu-west-1") -> Any:
        session = boto3.Session("testing", "testing", region_name=region)
        return s3control_client(session, endpoint_url=self.address)

    def create_bucket(self) -> None:
        """Create the bucket ``photos``, if it does not exist."""
        if not self.s3.list_buckets()["Buckets"]:
            place = {"LocationConstraint": "eu-west-1"}
            self.s3.create_bucket(Bucket="photos", CreateBucketConfiguration=place)

    def create(self, tasks: int = 20, **members: Any) -> str:
        """Create a job in a new Region or in the usual one, and return its ID."""
        region = members.pop("region", "eu-west-1")
        account = members.pop("account", ACCOUNT)
        self.create_bucket()
        name = f"{uuid.uuid4()}.csv"
        lines = "".join(f"photos,image-{number}\n" for number in range(tasks))
        etag = self.s3.put_object(Bucket="photos", Key=name, Body=lines.encode())["ETag"]
        request = {
            "ConfirmationRequired": False,
            "Operation": {"LambdaInvoke": {"FunctionArn": "function"}},
            "Manifest": {
                "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
                "Location": {
                    "ObjectArn": f"arn:aws:s3:::photos/{name}",
                    "ETag": etag.strip('"'),
                },
            },
            "Report": {
                "Enabled": True,
                "Bucket": "arn:aws:s3:::photos",
                "Format": "Report_CSV_20180820",
                "ReportScope": "AllTasks",
                "Prefix": "reports",
            },
            "Priority": 1,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
            "ClientRequestToken": str(uuid.uuid4()),
            **members,
        }
        created: str = self.control(region).create_job(AccountId=account, **request)["JobId"]
        return created

    def get(self, path: str) -> Any:
        return json.loads(get(f"{self.api}{path}")[2])

    def wait(self, job_id: str, is_reached: Callable[[Any], bool]) -> Any:
        wait_for(lambda: is_reached(self.get(f"/{job_id}")))
        return self.get(f"/{job_id}")

    def ended(self, job_id: str) -> Any:
        return self.wait(job_id, lambda document: document["job"]["ended"] is not None)

    def act(self, job_id: str, action: str, **content: Any) -> tuple[int, Any]:
        token = self.get(f"/{job_id}")["live"]["token"]
        status, _, body = get(
            f"{self.api}/{job_id}/{action}",
            json.dumps(content).encode(),
            Origin=self.address,
            X_S3Batch_Token=token,
            Content_Type="application/json",
        )
        return status, json.loads(body)


def get(url: str, data: bytes | None = None, **headers: str) -> tuple[int, Any, bytes]:
    request = urllib.request.Request(
        url, data, {name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()
