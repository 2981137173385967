"""``s3batch manifest``: the commands for manifests."""

from __future__ import annotations

import click

from s3batch_handler.cli.help._classes import Group
from s3batch_handler.cli.manifest._check import check
from s3batch_handler.cli.manifest._create import create
from s3batch_handler.cli.manifest._diff import diff
from s3batch_handler.cli.manifest._join import join
from s3batch_handler.cli.manifest._sample import sample
from s3batch_handler.cli.manifest._show import show
from s3batch_handler.cli.manifest._sort import dedupe, sort
from s3batch_handler.cli.manifest._split import split


@click.group(cls=Group)
def manifest() -> None:
    """Create, check and edit manifests: the lists of objects of jobs.

    Credentials, Region and endpoints come from the same places as for the AWS CLI: profiles,
    AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, ….
    """


manifest.add_command(create)
manifest.add_command(check)
manifest.add_command(show)
manifest.add_command(split)
manifest.add_command(sample)
manifest.add_command(sort)
manifest.add_command(dedupe)
manifest.add_command(diff)
manifest.add_command(join)
