"""The options of ``s3batch policy`` that add to the job file what it does not say."""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._options import job_profile_option, not_empty, variables_option
from s3batch_handler.policies._job import PolicyOptions

if TYPE_CHECKING:
    from collections.abc import Callable


def job_file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for reading a job file."""
    decorated: Callable[..., None] = variables_option(job_profile_option(command))
    return decorated


def policy_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets ``options`` and the path of ``--manifest``."""

    @click.option(
        "--bucket",
        "objects",
        metavar="NAME|s3://…",
        multiple=True,
        type=not_empty,
        help="Bucket, or prefix, of the objects; repeat for more.",
    )
    @click.option(
        "--manifest",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False),
        shell_complete=complete_files,
        help="Local copy of the manifest, to read the buckets from it.",
    )
    @click.option(
        "--versions/--no-versions",
        default=None,
        help="Whether tasks have version IDs.  [default: as FILE says]",
    )
    @click.option(
        "--manifest-kms-key", "manifest_key", metavar="KEY", help="KMS key of an S3 Inventory."
    )
    @click.option("--source-kms-key", "source_key", metavar="KEY", help="KMS key of the objects.")
    @click.option(
        "--target-kms-key",
        "target_key",
        metavar="KEY",
        help="KMS key of the target bucket of a copy.",
    )
    @click.option(
        "--function-reads",
        metavar="s3://…",
        multiple=True,
        type=not_empty,
        help="Bucket or prefix that the function reads; repeat for more.",
    )
    @click.option(
        "--function-writes",
        metavar="s3://…",
        multiple=True,
        type=not_empty,
        help="Bucket or prefix that the function writes; repeat for more.",
    )
    @click.option(
        "--function-kms-key",
        "function_keys",
        metavar="KEY",
        multiple=True,
        help="KMS key of these buckets; repeat for more.",
    )
    @click.option(
        "--log-group",
        metavar="NAME",
        help="Log group of the function.  [default: Lambda creates one]",
    )
    @click.option(
        "--canary", is_flag=True, help="Allow the manifests of 'job submit --sample', too."
    )
    @click.option("--account-id", "account", metavar="ID", help="AWS account ID of the job.")
    @click.option("--region", metavar="NAME", help="AWS Region of the job.")
    @wraps(command)
    def with_options(**values: Any) -> None:
        given = {name: values.pop(name) for name in _NAMES}
        given["region"] = given["region"] or _configured_region()
        command(options=PolicyOptions(**given), **values)

    decorated: Callable[..., None] = with_options
    return decorated


_NAMES = (
    *("objects", "versions", "manifest_key", "source_key", "target_key", "function_reads"),
    *("function_writes", "function_keys", "log_group", "canary", "account"),
    "region",
)


def _configured_region() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None
