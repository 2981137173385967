"""Count the objects of a manifest, without keeping them."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from s3batch_handler.cli._errors import InvalidArgument, error_line
from s3batch_handler.cli._paths import check_s3_url
from s3batch_handler.cli.terminal._progress import report_listing
from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._locations import bucket_and_key, is_s3_url
from s3batch_handler.documents.manifests._inventory import read_inventory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3batch_handler.cli.job._aws_services import AwsServices


def count_objects(location: str, services: AwsServices, *, quiet: bool) -> int:
    """Count the objects of a manifest: a file, an ``s3://`` URL, or ``-`` for standard input.

    The lines of a CSV manifest are counted and not checked: ``s3batch manifest check`` does that.
    A name that ends in ``.json`` is the ``manifest.json`` of an inventory.

    Raises:
        InvalidArgument: There is no such manifest, or it is empty or compressed.
        ManifestError: S3 does not return the manifest, or it is not a valid inventory.
    """
    check_s3_url(location, "--manifest")
    try:
        count = _count(location, services, quiet=quiet)
    except FileNotFoundError as error:
        raise InvalidArgument(f"manifest {location}: there is no such file") from error
    except IsADirectoryError as error:
        raise InvalidArgument(f"manifest {location}: this is a folder. Name a file") from error
    except Exception as error:
        if not is_s3_url(location) or isinstance(error, (InvalidArgument, ManifestError)):
            raise
        problem = f"{error_line(error)}; or pass --objects, which needs no request to S3"
        raise ManifestError(problem, source=location) from error
    if not count:
        raise InvalidArgument(f"manifest {location}: it is empty. Add a line for each object")
    return count


def _count(location: str, services: AwsServices, *, quiet: bool) -> int:
    if location.endswith(".json"):
        s3 = services.s3 if is_s3_url(location) else None
        entries: Iterable[Any] = read_inventory(location, s3=s3)
        return sum(1 for _ in report_listing(entries, quiet=quiet, verb="counted"))
    with _open(location, services) as stream:
        first = next(iter(stream), b"\n")
        if first.startswith(_GZIP):
            raise InvalidArgument(
                f"manifest {location}: it is compressed, and S3 reads plain text. Decompress it"
            )
        lines = report_listing(chain((first,), stream), quiet=quiet, noun="line", verb="counted")
        return sum(1 for line in lines if not line.isspace())


_GZIP: Final = b"\x1f\x8b"


def _open(location: str, services: AwsServices) -> BinaryIO:
    if is_s3_url(location):
        bucket, key = bucket_and_key(location)
        return open_folder(f"s3://{bucket}", s3=services.s3).read(key)
    if location != "-":
        return Path(location).open("rb")
    if cast("Any", sys.stdin) is None:  # the parent process closed it
        raise InvalidArgument("--manifest -: standard input is closed. Name a file")
    return sys.stdin.buffer
