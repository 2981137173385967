"""Hypothesis strategies for what Lambda passes to a handler: events and contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from hypothesis import strategies as st

from s3batch_handler.core._keys import encode_key
from s3batch_handler.core._model import JobRef, Task, UserArguments
from s3batch_handler.testing.events._factories import LambdaContext, make_context, opaque_id
from s3batch_handler.testing.strategies._objects import buckets, version_ids
from s3batch_handler.testing.strategies._objects import keys as all_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy


Event = dict[str, Any]

_TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=20)

# Up to 10 arguments; names of 1 to 64 characters (service model of S3 Control).
_USER_ARGUMENTS: Final = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=64), _TEXTS, max_size=4
)
_JOB_IDS: Final = st.uuids().map(str)
_IDS: Final = st.one_of(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12),
    st.integers(0, 999).map(lambda number: opaque_id(str(number), size=1300)),
)


def tasks(*, keys: SearchStrategy[str] | None = None) -> SearchStrategy[Task]:
    """Generate tasks, for ``handler.run(task)``.

    Args:
        keys: The keys of the tasks  [default: all keys].
    """
    return st.builds(
        Task,
        id=_IDS,
        bucket=buckets(),
        key=all_keys() if keys is None else keys,
        version_id=st.none() | version_ids(),
        job=st.builds(JobRef, id=_JOB_IDS, arguments=_USER_ARGUMENTS.map(UserArguments)),
    )


def events(
    *,
    keys: SearchStrategy[str] | None = None,
    only_documented: bool = False,
    min_tasks: int = 1,
    max_tasks: int = 1,
) -> SearchStrategy[Event]:
    """Generate events of both invocation schemas.

    Args:
        keys: The decoded keys of the tasks  [default: all keys].
        only_documented: Leave out forms that AWS does not document, but that occur in its samples
            or in test events, such as a missing job. A handler with ``strict=True`` refuses them;
            others accept them with an ``UnexpectedEventWarning``.
        min_tasks: The smallest number of tasks.
        max_tasks: The largest number of tasks. S3 sends one task in each event.
    """
    chosen = all_keys() if keys is None else keys
    documented = _events_of_schema("2.0", chosen, min_tasks, max_tasks) | _events_of_schema(
        "1.0", chosen, min_tasks, max_tasks
    )
    return documented if only_documented else documented | _odd_events(documented)


def _events_of_schema(
    version: str, keys: SearchStrategy[str], min_tasks: int, max_tasks: int
) -> SearchStrategy[Event]:
    if version == "2.0":
        bucket = {"s3Bucket": buckets()}
        arguments = {"userArguments": st.none() | _USER_ARGUMENTS}
    else:
        bucket, arguments = {"s3BucketArn": _bucket_arns()}, {}
    task = st.fixed_dictionaries(
        {
            "taskId": _IDS,
            "s3Key": st.builds(_encode, keys, st.sampled_from([encode_key, _encode_for_forms])),
            "s3VersionId": st.none() | version_ids(),
            **bucket,
        }
    )
    return st.fixed_dictionaries(
        {
            "invocationSchemaVersion": st.just(version),
            "invocationId": _IDS,
            # AWS does not say which form a job without arguments has.
            "job": st.fixed_dictionaries({"id": _JOB_IDS}, optional=arguments),
            "tasks": st.lists(
                task, min_size=min_tasks, max_size=max_tasks, unique_by=lambda task: task["taskId"]
            ),
        }
    )


def _encode(key: str, encode: Any) -> str:
    return str(encode(key))


def _encode_for_forms(key: str) -> str:
    """Encode a key as S3 Inventory does: with ``+`` for a space."""
    return quote_plus(key, safe="/", errors="surrogateescape")


def _bucket_arns() -> SearchStrategy[str]:
    names = buckets().filter(lambda name: not name.startswith("arn:"))
    return st.builds(str.format, st.sampled_from(_ARNS), names)


_ARNS: Final = (
    "arn:aws:s3:::{}",
    "arn:aws-cn:s3:::{}",
    "arn:aws:s3:us-east-1:123456789012:{}",  # two forms of AWS's samples
    "arn:aws:::{}",
)


def _odd_events(documented: SearchStrategy[Event]) -> SearchStrategy[Event]:
    changes = st.lists(st.sampled_from(_ODD_FORMS), min_size=1, max_size=2, unique=True)
    return st.builds(_changed, documented, changes)


def _changed(event: Event, changes: list[Callable[[Event], None]]) -> Event:
    for change in changes:
        change(event)
    return event


# Forms that occur in AWS's own samples, in test events of other tools, or in a later version.


def _without_job(event: Event) -> None:
    event.pop("job", None)


def _with_null_job(event: Event) -> None:
    event["job"] = None


def _without_job_id(event: Event) -> None:
    event["job"] = {}


def _with_unknown_schema(event: Event) -> None:
    event["invocationSchemaVersion"] = "3.0"


def _with_more_fields(event: Event) -> None:
    event["region"] = "eu-west-1"
    for task in event["tasks"]:
        task["s3Size"] = 1024


def _with_the_other_bucket_field(event: Event) -> None:
    for task in event["tasks"]:
        if (name := task.pop("s3Bucket", None)) is not None:
            task["s3BucketArn"] = f"arn:aws:s3:::{name.rpartition(':')[2].rpartition('/')[2]}"
        else:
            task["s3Bucket"] = task.pop("s3BucketArn")


def _without_version_ids(event: Event) -> None:
    for task in event["tasks"]:
        task.pop("s3VersionId")


def _with_empty_version_ids(event: Event) -> None:
    for task in event["tasks"]:
        task["s3VersionId"] = ""


_ODD_FORMS: Final = (
    _without_job,
    _with_null_job,
    _without_job_id,
    _with_unknown_schema,
    _with_more_fields,
    _with_the_other_bucket_field,
    _without_version_ids,
    _with_empty_version_ids,
)


def contexts(
    *, min_seconds: float = 0.0, max_seconds: float = 900.0
) -> SearchStrategy[LambdaContext]:
    """Generate contexts of Lambda functions.

    Args:
        min_seconds: The shortest time that is left when the context is generated.
        max_seconds: The longest. Lambda's limit is 900 seconds.
    """
    return st.builds(
        _context,
        st.floats(min_seconds, max_seconds),
        st.sampled_from(["my-function", "thumbnails_v2", "f" * 64]),
        st.sampled_from(["$LATEST", "1", "42"]),
        st.integers(128, 10_240).map(str),
        st.uuids().map(str),
    )


def _context(
    timeout: float, name: str, version: str, memory: str, request_id: str
) -> LambdaContext:
    return make_context(
        timeout=timeout,
        function_name=name,
        function_version=version,
        invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        memory_limit_in_mb=memory,
        aws_request_id=request_id,
        log_group_name=f"/aws/lambda/{name}",
    )
