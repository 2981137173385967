"""The options of ``s3batch job submit``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._job_completers import complete_reports
from s3batch_handler.cli._notify import notify_option
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli._option_rules import options_as
from s3batch_handler.cli._options import (
    arguments_option,
    file_option,
    job_profile_option,
    json_option,
    no_report_option,
    not_empty,
    quiet_option,
    retry_for_option,
    schema_for,
    tags_option,
    variables_option,
)
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.job._canary_options import canary_options
from s3batch_handler.cli.job._watch import cancel_above_option
from s3batch_handler.documents.files._locations import bucket_and_key
from s3batch_handler.documents.reports._rows import ReportScope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """The options of the command line, by their names."""

    file: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    job_profile: str | None = None
    manifest: str | None
    failed_from: str | None = None
    stack: str | None = None
    manifest_version_id: str | None
    etag: str | None
    fields: str | None
    function: str | None
    arguments: dict[str, str]
    schema: str | None
    operation: str | None
    role: str | None
    report: str | None
    no_report: bool
    report_scope: str | None
    priority: int | None
    description: str | None
    tags: dict[str, str]
    confirm: bool | None
    client_request_token: str | None
    sample: str | None
    tolerate: str | None
    seed: int | None
    dry_run: bool
    wait: bool
    cancel_above: str | None
    retry_for: float | None
    notify: str | None
    as_json: bool
    quiet: bool

    @property
    def manifest_is_local(self) -> bool:
        """Return whether the manifest is a local file, to be uploaded to the stack's bucket."""
        is_url = self.manifest is None or "://" in self.manifest
        return bool(self.stack) and not is_url and self.failed_from is None

    @property
    def manifest_is_inventory(self) -> bool:
        return (self.manifest or "").endswith("/manifest.json")

    def check(self) -> None:
        """Check the values of the options before any request to AWS."""
        schema_for(self.schema, self.arguments)
        if self.report and not bucket_and_key(self.report)[0]:
            raise click.UsageError(
                f"Option --report has the value {self.report}: write s3://bucket/prefix."
            )
        if self.fields and self.manifest_is_inventory:
            raise click.UsageError(
                "Option --fields is for CSV manifests only: an inventory names its own fields."
            )
        if self.manifest_is_local:
            self._check_local_manifest()
        elif (
            self.failed_from is None
            and self.manifest is not None
            and not all(bucket_and_key(self.manifest))
        ):
            raise click.UsageError(
                f"Option --manifest has the value {self.manifest}: write s3://bucket/key."
            )

    def _check_local_manifest(self) -> None:
        for option in ("--dry-run", "--manifest-version-id"):
            if getattr(self, option.strip("-").replace("-", "_")):
                raise click.UsageError(
                    f"Option {option} cannot be combined with a local manifest: "
                    "write --manifest s3://bucket/key."
                )
        if Path(self.manifest or "").name == "manifest.json":
            raise click.UsageError(
                f"Option --manifest has the value {self.manifest}: an inventory cannot be "
                "uploaded. Write the s3://bucket/key of its manifest.json."
            )


_Option: TypeAlias = "Callable[[Any], Any]"


def _etag(value: str) -> str:
    """Return an ETag without quotes; an empty one is perhaps a missing variable."""
    etag = value.strip('"')
    if not etag:
        raise click.BadParameter("the value is empty: write the ETag of the manifest")
    return etag


def _job_options(*, is_new: bool) -> Iterator[_Option]:
    """Yield the options for the members of a job. Only a new job has defaults."""

    def default(text: str) -> str:
        return f"  [default: {text}]" if is_new else ""

    yield from (
        click.option(
            "--manifest",
            metavar="s3://…|FILE",
            type=not_empty,
            shell_complete=complete_files,
            help="CSV manifest, or manifest.json of an S3 Inventory.",
        ),
        click.option("--manifest-version-id", metavar="ID", help="Version ID of the manifest."),
        click.option(
            "--etag",
            type=_etag,
            metavar="ETAG",
            help="ETag of the manifest, from 's3batch manifest create'.",
        ),
        click.option(
            "--fields",
            metavar="NAMES",
            help=f"Columns of a CSV manifest.{default('Bucket,Key, or of FILE')}",
        ),
        click.option(
            "--function",
            metavar="NAME|ARN",
            help="Lambda function to invoke, optionally with :QUALIFIER.",
        ),
        arguments_option,
        click.option(
            "--schema",
            type=click.Choice(["1.0", "2.0"]),
            help=f"Invocation schema.{default('1.0; with --arguments: 2.0')}",
        ),
        click.option(
            "--operation",
            metavar="JSON|@FILE",
            help="S3 operation, such as '{\"S3DeleteObjectTagging\": {}}'.",
        ),
        click.option("--role", metavar="NAME|ARN", help="IAM role that S3 assumes."),
        click.option("--report", metavar="s3://…", help="Location of the completion report."),
        no_report_option,
        click.option(
            "--report-scope",
            type=Choice([scope.value for scope in ReportScope]),
            metavar="SCOPE",
            help=f"Listed tasks: AllTasks or FailedTasksOnly.{default('AllTasks')}",
        ),
        click.option(
            "--priority",
            type=Integer(0, 2147483647),
            metavar="NUMBER",
            help=f"Priority; a higher number runs first.{default('10')}",
        ),
        click.option("--description", metavar="TEXT", help="Description of the job."),
        tags_option,
        click.option(
            "--confirm/--no-confirm",
            default=None,
            help=f"Wait for 's3batch job confirm' first.{default('confirm')}",
        ),
        click.option(
            "--client-request-token",
            metavar="TEXT",
            help="Idempotency token of the request.  [default: a new token]",
        ),
        *canary_options,
        click.option(
            "--dry-run",
            is_flag=True,
            help="Print the request and what would be refused; create no job.",
        ),
        click.option("--wait", is_flag=True, help="Wait until the job has ended."),
        cancel_above_option,
        notify_option,
        retry_for_option("With --wait: time to retry failed requests.  [default: 600]"),
        json_option,
        quiet_option,
    )


submit_options: Callable[[Callable[..., None]], Callable[..., None]] = options_as(
    SubmitOptions,
    file_option,
    variables_option,
    job_profile_option,
    click.option(
        "--failed-from",
        metavar="LOCATION",
        shell_complete=complete_reports,
        help="Run the failed tasks of this job or report again.",
    ),
    click.option(
        "--stack",
        metavar="NAME",
        help="CloudFormation stack with function, role and report.",
    ),
    *_job_options(is_new=True),
)

clone_options: Callable[[Callable[..., None]], Callable[..., None]] = options_as(
    SubmitOptions, *_job_options(is_new=False)
)
