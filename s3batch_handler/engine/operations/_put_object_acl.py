"""``S3PutObjectAcl``: replace the access control list of each object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.engine.operations._base import CannotRun, call_for_each, grant_headers

if TYPE_CHECKING:
    from s3batch_handler.engine.operations._base import S3Operation, Store
    from s3batch_handler.jobs._operations import PutObjectAcl


def put_object_acl(settings: PutObjectAcl, store: Store) -> S3Operation:
    """Set a canned ACL, or grants."""
    return call_for_each(store, "put_object_acl", **_arguments(settings))


def _arguments(settings: PutObjectAcl) -> dict[str, Any]:
    policy = settings.access_control_policy
    if policy is not None and policy.canned_access_control_list is not None:
        return {"ACL": policy.canned_access_control_list}
    if policy is None or policy.access_control_list is None:
        problem = "S3PutObjectAcl: AccessControlPolicy needs a list of grants or a canned ACL"
        raise CannotRun(problem, code="InvalidRequest")
    # Grants as headers, which moto keeps: it silently ignores those in a body.
    # The owner cannot be changed anyway.
    if policy.access_control_list.grants:
        return grant_headers(policy.access_control_list.grants)
    owner = policy.access_control_list.owner.to_boto3()
    return {"AccessControlPolicy": {"Owner": owner, "Grants": []}}
