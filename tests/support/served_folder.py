"""Read a served folder as a client; also run in a process with fewer permissions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from s3batch_handler.local_aws._folder_server import EmbeddedS3, serve_folder

if TYPE_CHECKING:
    import pytest


def read(server: EmbeddedS3, key: str) -> bytes:
    body: bytes = server.client.get_object(Bucket="photos", Key=key)["Body"].read()
    return body


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def read_all(folder: Path) -> dict[str, str]:
    """Read each object; return its content, or the status, code and text of S3's error."""
    contents = {}
    with serve_folder(folder, "photos") as server:
        for item in server.objects("photos"):
            status = 200
            try:
                server.client.head_object(Bucket="photos", Key=item.key)
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            try:
                contents[item.key] = read(server, item.key).decode()
            except ClientError as error:
                details = error.response["Error"]
                contents[item.key] = f"{status} {details['Code']}: {details['Message']}"
        server.client.list_objects_v2(Bucket="photos")
    return contents


if __name__ == "__main__":
    print(json.dumps(read_all(Path(sys.argv[1]))))
