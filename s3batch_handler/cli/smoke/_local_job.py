"""The local side of a smoke test: the same objects and the same job in a server of this process."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.cli.smoke._job import Observed, Service, job_request, observe
from s3batch_handler.cli.smoke._upload import Uploads, upload_manifest, upload_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from s3batch_handler.cli.smoke._places import Places
    from s3batch_handler.jobs._job import Job


def run_locally(
    handler: str,
    places: Places,
    *,
    account_id: str,
    region: str,
    buckets_with_versions: Collection[str],
    version_ids: bool,
    timeout: float | None,
    environment: Mapping[str, str],
    function: str,
    **request: Any,
) -> Observed:
    """Run the job on this machine, with buckets of the same names, and return what was seen.

    Args:
        handler: The function on this machine.
        places: The places of the objects; the local buckets have the same names.
        account_id: The account of the job.
        region: The Region of the job.
        buckets_with_versions: The buckets that have versions.
        version_ids: Whether the manifest has version IDs.
        timeout: Seconds that a call of the function may take.
        environment: Environment variables of the function.
        function: The ARN of the function in the job.
        **request: Further arguments of :func:`job_request`.
    """
    from s3batch_handler.local_aws._server import serve  # importing moto takes a second

    settings: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
    with (
        redirect_stdout(sys.stderr),
        serve({function: handler}, environment=environment, **settings) as address,
    ):
        service = _service(address, account_id=account_id, region=region)
        _create_buckets(service.s3, places, with_versions=buckets_with_versions)
        uploads = Uploads()
        upload_objects(service.s3, places, uploads)
        manifest = upload_manifest(service.s3, places, uploads, version_ids=version_ids)
        job_id = service.create_job(job_request(places, manifest, function=function, **request))
        return observe(service, job_id, places, uploads.labels)


def _service(address: str, *, account_id: str, region: str) -> Service:
    from s3batch_handler.jobs import _aws_clients as aws
    from s3batch_handler.jobs._control import S3Control
    from s3batch_handler.jobs._job import JobSpec
    from s3batch_handler.jobs._waiting import wait_for_job

    client = aws.local_s3control_client(_ACCESS_KEY_ID, endpoint_url=address, region=region)
    control = S3Control(client, account_id=account_id)

    def wait(job_id: str, on_progress: Callable[[Job], None]) -> None:
        wait_for_job(control, job_id, poll=_POLL, on_progress=on_progress)

    return Service(
        s3=aws.local_s3_client(_ACCESS_KEY_ID, endpoint_url=address),
        create_job=lambda request: control.create_job(JobSpec.from_request(request)),
        wait=wait,
        describe=lambda job_id: client.describe_job(AccountId=account_id, JobId=job_id)["Job"],
    )


_ACCESS_KEY_ID: Final = "local"
_POLL: Final = 0.1


def _create_buckets(s3: Any, places: Places, *, with_versions: Collection[str]) -> None:
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    for bucket in places.buckets:
        s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
        if bucket in with_versions:
            enabled = {"Status": "Enabled"}
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
