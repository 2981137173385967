"""``s3batch manifest split``."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._numbers import Integer
from s3batch_handler.cli._observed_upload import observed_upload
from s3batch_handler.cli._options import not_empty
from s3batch_handler.cli._paths import check_new_folder
from s3batch_handler.cli._units import size
from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.manifest._file_options import source_options
from s3batch_handler.cli.manifest._files import missing_bucket_is_wrong
from s3batch_handler.cli.terminal._output import print_json, print_lines
from s3batch_handler.cli.terminal._progress import report_listing, spinner
from s3batch_handler.cli.terminal._stream_table import Column, lines_of_table
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.files._locations import bucket_and_key, is_s3_url
from s3batch_handler.documents.files._whole_folder import whole_folder
from s3batch_handler.documents.manifests._split import Split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.cli._s3 import HasClient
    from s3batch_handler.cli.manifest._files import Source
    from s3batch_handler.documents.manifests._split_by_bucket import ManifestPart


def _bytes(value: str) -> int:
    number = size(value)
    if not number:
        raise click.BadParameter(f"{value!r} is not the size of a part: write for example 100MB")
    return number


@click.command(cls=Command)
@click.option("--parts", type=Integer(1), metavar="NUMBER", help="Number of parts of equal size.")
@click.option(
    "--max-objects", type=Integer(1), metavar="NUMBER", help="Maximum number of objects in a part."
)
@click.option(
    "--max-bytes", metavar="SIZE", type=_bytes, help="Maximum size of a part, such as 100MB."
)
@click.option("--by-bucket", is_flag=True, help="Write a part for each bucket.")
@click.option(
    "--to",
    "target",
    metavar="DIR|s3://…",
    type=not_empty,
    shell_complete=complete_files,
    required=True,
    help="Folder for the parts: a new or an empty one.",
)
@source_options
def split(
    *,
    source: Source,
    target: str,
    s3: HasClient,
    as_json: bool,
    parts: int | None,
    max_objects: int | None,
    max_bytes: int | None,
    by_bucket: bool,
) -> None:
    r"""Split a manifest into parts that are manifests.

    Each line is in one part, in the order of the manifest. The folder gets all parts and nothing
    else, or stays as it was if there is an error. Parts of equal size differ by one object at most.

    Examples:
        s3batch manifest split m.csv --parts 4 --to parts
        s3batch manifest split m.csv \
            --max-objects 1000000 --to s3://my-jobs/parts/
        s3batch manifest split m.csv --by-bucket --to parts
    """
    if sum(1 for way in (parts, max_objects, max_bytes, by_bucket or None) if way is not None) != 1:
        raise click.UsageError(
            "Pass one of the options --parts, --max-objects, --max-bytes and --by-bucket."
        )
    way = Split(parts=parts, max_objects=max_objects, max_bytes=max_bytes, by_bucket=by_bucket)
    source.check()
    with _new_folder(target, s3) as folder, source.prepared() as manifest, spinner("Writing"):
        written = way.write(
            lambda: report_listing(manifest.entries(), quiet=source.quiet, verb="written"),
            folder.path,
            stem=_stem(source.location),
            source=source.location,
            count=manifest.count,
        )
    _print(written, target, folder.etags, as_json=as_json)


def _stem(location: str) -> str:
    """Return the beginning of the names of the parts."""
    name = "manifest" if location == "-" else location.rpartition("/")[2]
    return Path(name).stem


# ---------------------------------------------------------------- the folder


@dataclass(frozen=True, slots=True)
class _NewFolder:
    """A temporary folder.

    Attributes:
        path: The folder.
        etags: The ETags in S3 by file name, when the files are uploaded.
    """

    path: Path
    etags: dict[str, str] = field(default_factory=dict)


@contextmanager
def _new_folder(target: str, s3: HasClient) -> Iterator[_NewFolder]:
    """Yield a temporary folder whose files are in the target when the context has ended."""
    if is_s3_url(target):
        url = f"{target.removesuffix('/')}/"
        with missing_bucket_is_wrong(url):
            _check_prefix(url, s3.client)
        with tempfile.TemporaryDirectory(prefix="s3batch-") as name:
            folder = _NewFolder(Path(name))
            yield folder
            folder.etags.update(_upload(folder.path, url, s3.client))
        return
    if target.lower().startswith("s3:/"):
        raise InvalidArgument(f"--to {target}: not the URL of a prefix. Write s3://bucket/prefix/")
    check_new_folder(Path(target), "--to")
    with whole_folder(Path(target)) as path:
        yield _NewFolder(path)


def _check_prefix(url: str, client: Any) -> None:
    bucket, prefix = bucket_and_key(url)
    if not bucket:
        raise InvalidArgument(f"--to {url}: not the URL of a prefix. Write s3://bucket/prefix/")
    if client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"):
        raise InvalidArgument(f"--to {url}: there are objects with this prefix. Name a new prefix")


def _upload(folder: Path, url: str, client: Any) -> dict[str, str]:
    """Upload the files of a folder, and return their ETags by name.

    After an error, the uploaded files are deleted.
    """
    copies = open_folder(url, s3=client)
    written: dict[str, str] = {}
    try:
        for path in sorted(folder.iterdir()):
            with observed_upload(client) as upload, path.open("rb") as stream:
                copies.write(path.name, stream)
            written[path.name] = upload.etag or ""
    except BaseException:
        for name in written:
            with suppress(Exception):  # perhaps there is no permission
                client.delete_object(Bucket=copies.bucket, Key=copies.key(name))
        raise
    return written


# ---------------------------------------------------------------- output


def _print(
    parts: list[ManifestPart], target: str, etags_in_s3: dict[str, str], *, as_json: bool
) -> None:
    start = f"{target.removesuffix('/')}/"
    etags = [etags_in_s3.get(name) or info.etag for name, info in parts]
    if as_json:
        described = [
            {
                "manifest": f"{start}{name}",
                "objects": info.count,
                "fields": info.fields,
                "etag": etag,
            }
            for (name, info), etag in zip(parts, etags, strict=True)
        ]
        print_json({"parts": described, "objects": sum(info.count for _, info in parts)})
        return
    columns = [
        Column("MANIFEST", keeps_end=True, may_be_cut=False),
        Column("OBJECTS", may_be_cut=False),
        Column("FIELDS"),
        Column("ETAG", may_be_cut=False),
    ]
    rows = (
        (f"{start}{name}", f"{info.count:,}", ",".join(info.fields), etag)
        for (name, info), etag in zip(parts, etags, strict=True)
    )
    print_lines(lines_of_table(columns, rows))
