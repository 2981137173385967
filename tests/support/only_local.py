"""Use both servers and ``mock_s3batch`` without the packages that ``[local]`` does not install.

Run as a script, with a folder that has a file ``one``.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def main(folder: Path) -> None:
    blocked = _modules_of_other_packages()
    assert "pytest" in blocked
    loaded: dict[str, object] = cast("Any", sys.modules)
    loaded.update(dict.fromkeys(blocked))  # importing these raises ModuleNotFoundError

    import boto3

    from s3batch_handler.local_aws._folder_server import serve_folder
    from s3batch_handler.local_aws._server import serve
    from s3batch_handler.testing import mock_s3batch

    session = boto3.Session("testing", "testing", region_name="us-east-1")
    with serve_folder(folder, "photos") as server:
        assert server.client.get_object(Bucket="photos", Key="one")["Body"].read() == b"1"
    with serve({}, folders=[folder]) as address:
        assert session.client("s3", endpoint_url=address).list_buckets()["Buckets"]
        assert session.client("sts", endpoint_url=address).get_caller_identity()["Account"]
    with mock_s3batch({}):
        session.client("s3").create_bucket(Bucket="photos")
        assert session.client("s3control").list_jobs(AccountId="123456789012")["Jobs"] == []


def _modules_of_other_packages() -> set[str]:
    needed = {"packaging"}  # for this script
    extras = {("s3batch-handler", "local")}
    done: set[tuple[str, str]] = set()
    while extras - done:
        name, extra = (extras - done).pop()
        done.add((name, extra))
        needed.add(canonicalize_name(name))
        for need in map(Requirement, metadata.requires(name) or ()):
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                extras |= {(need.name, each) for each in ("", *need.extras)}
    return {
        module
        for module, owners in metadata.packages_distributions().items()
        if needed.isdisjoint(map(canonicalize_name, owners))
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
