"""Run failed tasks of a job of a server again, in a new job."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from s3batch_handler.core._errors import JobError
from s3batch_handler.core._keys import bucket_name
from s3batch_handler.documents.files._s3_folder import S3Folder
from s3batch_handler.documents.reports._job_record import JobRecord
from s3batch_handler.documents.reports._report_files import redrive_tags
from s3batch_handler.documents.reports._row_search import row_search
from s3batch_handler.engine.manifests._failed_tasks import manifest_of_failed_tasks
from s3batch_handler.jobs._job import BAD_REQUEST, JobSpec
from s3batch_handler.jobs._manifests import CSV_MANIFEST

if TYPE_CHECKING:
    from s3batch_handler.engine._engine import Engine
    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.jobs._job import Job
    from s3batch_handler.page._source import FailedQuery


def redrive_failed_tasks(
    engine: Engine, job_id: str, query: FailedQuery, *, token: str, s3: Any
) -> str:
    """Create a job for failed tasks of a job that has ended, and return its ID.

    It has the operation, the role, the priority and the report of that job, and needs no
    confirmation. Its manifest is beside the report. Requests with the same token create one job.

    Args:
        engine: The engine that has the job.
        job_id: The ID of the job.
        query: Which failed tasks.
        token: The token of the request, which the caller chooses.
        s3: ``boto3.client("s3")``, for the manifest.

    Raises:
        JobError: The job has not ended, writes no report, or the manifest cannot be written.
        ReportError: The report cannot be read, or no failed task matches.
    """
    request_token = hashlib.sha256(ascii((job_id, token)).encode()).hexdigest()
    created = engine.reader.requested_job(request_token)
    if created is not None:
        return created
    job = engine.reader.job(job_id)
    _check_can_redrive(job)
    record = JobRecord.from_description(job.to_description())
    with manifest_of_failed_tasks(
        engine.reader.open_report(job_id),
        job=record,
        is_selected=row_search(query.search, query.code),
    ) as (manifest, _):
        # Each request has a manifest of its own: a job may read it for a long time.
        name = f"job-{job_id}-redrive-{request_token[:8]}.csv"
        members = _save(manifest, job, name, s3)
    request = job.to_description()
    return engine.create_job(
        JobSpec.from_request(
            {
                **{each: request[each] for each in _KEPT},
                "ClientRequestToken": request_token,
                "ConfirmationRequired": False,
                "Description": f"Redrive of job {job_id}",
                "Manifest": members,
                "Tags": redrive_tags(job_id),
            }
        )
    )


def _check_can_redrive(job: Job) -> None:
    problem = None
    if not job.status.is_final:
        problem = f"job {job.job_id} is {job.status}: redrive its failed tasks when it has ended"
    elif job.report is None or not job.report.enabled:
        problem = f"job {job.job_id} writes no report, so its failed tasks are not known"
    if problem is not None:
        raise JobError(problem, job_id=job.job_id, code=BAD_REQUEST)


def _save(manifest: PreparedManifest, job: Job, name: str, s3: Any) -> dict[str, Any]:
    """Save a manifest beside the report of a job, and return the ``Manifest`` of CreateJob."""
    assert job.report is not None
    assert job.report.bucket is not None
    folder = S3Folder(s3, bucket_name(job.report.bucket), job.report.prefix or "")
    try:
        manifest.save(folder, name)
        etag = s3.head_object(Bucket=folder.bucket, Key=folder.key(name))["ETag"]
    except Exception as error:  # clients raise anything
        raise JobError(
            f"{folder.location(name)} cannot be written: {error}", job_id=job.job_id
        ) from error
    return {
        "Spec": {"Format": CSV_MANIFEST, "Fields": list(manifest.fields or ())},
        "Location": {
            "ObjectArn": f"arn:aws:s3:::{folder.bucket}/{folder.key(name)}",
            "ETag": etag.strip('"'),
        },
    }


_KEPT = ("Operation", "Report", "Priority", "RoleArn")
