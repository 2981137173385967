"""``s3batch policy print``: the IAM policies for a job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._options import json_option
from s3batch_handler.cli._paths import check_new_folder
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.policy._manifest_buckets import with_manifest
from s3batch_handler.cli.policy._options import job_file_options, policy_options
from s3batch_handler.cli.terminal._output import print_data, print_json_text, print_message
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._sanitize import escape_unprintable, safe_line
from s3batch_handler.documents.files._whole_folder import whole_folder
from s3batch_handler.policies._resources import IncompleteJob
from s3batch_handler.policies.formats._deployed import FUNCTION, PARTS

if TYPE_CHECKING:
    from s3batch_handler.policies._job import PolicyOptions


@click.command("print", cls=Command)
@click.argument(
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    shell_complete=complete_files,
)
@click.option(
    "--format",
    "form",
    type=Choice(["json", "sam", "terraform", "cdk"]),
    default="json",
    show_default=True,
    metavar="FORMAT",
    help="json, sam, terraform or cdk.",
)
@click.option(
    "--for",
    "part",
    type=Choice([*PARTS]),
    metavar="PART",
    help="One part only: job-role, caller or function.",
)
@click.option(
    "--to",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write files to a new folder instead.",
)
@json_option
@job_file_options
@policy_options
def print_policies(
    *,
    file: Path,
    form: str,
    part: str | None,
    to: Path | None,
    as_json: bool,
    manifest: str | None,
    variables: dict[str, str],
    job_profile: str | None,
    options: PolicyOptions,
) -> None:
    r"""Print least-privilege IAM policies for the job of a job file.

    The policies are for the job role, for the caller (who submits the job), and for the function
    role. Options add what is not in the job file, such as the buckets of the objects.

    Examples:
        s3batch policy job.yaml --bucket my-photos
        s3batch policy job.yaml --format terraform --to out
        s3batch policy job.yaml --for function \
            --function-reads s3://my-photos \
            --function-writes s3://my-results/small/
    """
    from s3batch_handler.jobs.files._job_file import read_job_file
    from s3batch_handler.policies._documents import job_policies
    from s3batch_handler.policies.formats._outputs import policy_files, policy_text

    if as_json and form != "json":
        raise click.UsageError("Options --json and --format cannot be combined: choose one.")
    if to is not None:
        check_new_folder(to, "--to")
    request = read_job_file(file, variables=variables, profile=job_profile).request
    try:
        if manifest is not None:
            options = with_manifest(options, manifest, request)
        policies = job_policies(request, options)
        if part == FUNCTION and policies.function is None:
            raise InvalidArgument(f"--for {part}: the job invokes no function")
    except IncompleteJob as error:
        raise InvalidArgument(f"{file}: {error}") from error
    except ManifestError as error:
        raise InvalidArgument(str(error)) from error
    if to is not None:
        files = policy_files(policies, form, part)
        with whole_folder(to) as folder:
            for name, text in files.items():
                folder.joinpath(name).write_text(text, encoding="utf-8")
        print_message(f"wrote {', '.join(files)} to {escape_unprintable(str(to))}")
    elif form == "json":
        print_json_text(policy_text(policies, form, part))
    else:
        print_data(policy_text(policies, form, part).rstrip("\n"))
    if form != "json" and part is None and policies.function_policy is not None:
        print_message(
            "Note: the function is in another account: deploy what --for function prints there"
        )
    for note in policies.notes:
        print_message(f"Note: {safe_line(note)}")
