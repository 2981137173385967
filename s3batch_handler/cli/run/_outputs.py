"""Save the objects that a job wrote to the local S3, and report those that are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli.terminal._output import counted, print_message
from s3batch_handler.core._sanitize import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from s3batch_handler.cli.run._options import RunOptions
    from s3batch_handler.local_aws._folder_server import EmbeddedS3


def save_output(
    server: EmbeddedS3, bucket: str, folder: Path, not_saved: dict[str, int], *, quiet: bool
) -> bool:
    """Save a bucket to its folder; return whether the folder could be written.

    Objects that are saved are subtracted from ``not_saved``, which has the number of each bucket.
    """
    saved = 0
    try:
        for key, is_saved in server.save(bucket, folder):
            if is_saved:
                saved += 1
            else:
                print_message(
                    f"s3batch: {bucket}: {escape_unprintable(repr(key))} "
                    "cannot be a file name: left out"
                )
    except OSError as error:
        print_message(
            f"s3batch: {bucket} cannot be saved to {escape_unprintable(str(folder))}: "
            f"{error.strerror}"
        )
        return False
    finally:
        left = not_saved.pop(bucket, 0) - saved
        if left > 0:
            not_saved[bucket] = left
    if not quiet:
        print_message(
            f"{counted(saved, 'object')} of {bucket} saved to {escape_unprintable(str(folder))}"
        )
    return True


def warn_of_loss(lost: Mapping[str, int], deleted: int, options: RunOptions) -> None:
    """Report objects that are lost with the embedded S3, and deleted objects whose files remain."""
    for bucket, count in lost.items():
        hint = f"--output {bucket}=DIR saves them"
        if options.state is not None:
            hint += ", but not with --state"
        lost_before = " (and those from before the job was resumed)" if options.resume else ""
        print_message(
            f"s3batch: {bucket}: {_objects_were(count)} written but not saved{lost_before}; {hint}"
        )
    if deleted and not options.quiet:
        folder = escape_unprintable(str(options.source))
        bucket = options.bucket_name
        print_message(
            f"{bucket}: {_objects_were(deleted)} deleted; the files in {folder} are still there"
        )


def warn_of_unsaved(server: EmbeddedS3) -> None:
    """Report objects that are lost with an embedded S3 because it ends before they are saved."""
    for bucket, count in server.written().items():
        print_message(f"s3batch: {bucket}: {_objects_were(count)} written but not saved")


def _objects_were(count: int) -> str:
    return f"{counted(count, 'object')} {'was' if count == 1 else 'were'}"
