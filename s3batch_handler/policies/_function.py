"""The policies of the function that a job invokes: of its execution role, and its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.policies._resources import Place, key_resource
from s3batch_handler.policies._statements import VERSION, Document, allow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.policies._job import JobAccess
    from s3batch_handler.policies._resources import Function
    from s3batch_handler.policies._statements import Statement


def function_role_trust() -> Document:
    """Create the trust policy of the function's execution role."""
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Sid": "AssumedByLambda",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }


def function_role_statements(job: JobAccess, function: Function) -> Iterator[Statement]:
    """Yield the permissions of the function's execution role: logs, and what the options name."""
    options = job.options
    home = job.home._replace(region=function.region, account=function.account)
    group = options.log_group or f"/aws/lambda/{function.name}"
    logs = f"arn:{home.partition}:logs:{home.region}:{home.account}:log-group:{group}"
    yield allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], f"{logs}:log-stream:*")
    if options.log_group is None:  # Lambda creates it at the first call
        # The Service Authorization Reference has the first form, messages of CloudWatch both.
        yield allow("CreateLogGroup", "logs:CreateLogGroup", [logs, f"{logs}:*"])
    for text in options.function_reads:
        place = Place.parse(text)
        if place.is_directory_bucket:
            mode = {"StringEquals": {"s3express:SessionMode": "ReadOnly"}}
            bucket = place.bucket_arn(home)
            yield allow("ReadFromDirectoryBucket", "s3express:CreateSession", bucket, mode)
            continue
        actions = ["s3:GetObject", *(["s3:GetObjectVersion"] if job.has_versions else [])]
        yield allow("ReadObjects", actions, place.objects_arn(home))
        yield allow("DistinguishMissingFromForbidden", "s3:ListBucket", place.bucket_arn(home))
    for text in options.function_writes:
        place = Place.parse(text)
        if place.is_directory_bucket:
            yield allow("WriteToDirectoryBucket", "s3express:CreateSession", place.bucket_arn(home))
        else:
            yield allow("WriteResults", "s3:PutObject", place.objects_arn(home))
    places = [Place.parse(text) for text in (*options.function_reads, *options.function_writes)]
    has_directory_bucket = any(place.is_directory_bucket for place in places)
    # A session with a directory bucket needs both (API reference, CreateSession).
    generates = options.function_writes or has_directory_bucket
    actions = ["kms:Decrypt", *(["kms:GenerateDataKey"] if generates else [])]
    for key in options.function_keys:
        resource, conditions = key_resource(key, home, via_s3=not has_directory_bucket)
        yield allow("UseKeys", actions, resource, conditions)


def function_resource_policy(job: JobAccess, function: Function) -> Document | None:
    """Create the policy of a function in another account; ``None`` if it needs none.

    Within an account, the policy of the job's role is enough.
    """
    if function.account == job.home.account:
        return None
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Sid": "InvokedByJobRole",
                "Effect": "Allow",
                "Principal": {"AWS": job.role},
                "Action": "lambda:InvokeFunction",
                "Resource": function.arn,
            }
        ],
    }
