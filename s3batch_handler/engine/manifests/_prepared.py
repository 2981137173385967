"""Manifests that are read in full before a task runs, as S3 does while a job is Preparing.

An error in the last line is found before the first task starts, and the total is known.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from s3batch_handler.core._errors import ManifestError, StateError
from s3batch_handler.documents.manifests._manifest import (
    read_entries,
    write_entries,
    write_manifest,
)
from s3batch_handler.documents.manifests._plain_lines import PlainLines, count_lines, read_lines
from s3batch_handler.engine.state._sqlite import check_is_file, damaged
from s3batch_handler.engine.state._state_folder import partial_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.documents.files._folder import Folder
    from s3batch_handler.documents.manifests._manifest import ManifestEntry

    _Item = TypeVar("_Item", bound="PlainLines | ManifestEntry")


@dataclass(frozen=True, slots=True)
class PreparedManifest:
    """A manifest without errors.

    Attributes:
        count: The number of lines, which is the number of tasks.
        fields: The columns; ``None``: as many as the first line has.
        source: The name of the manifest in errors.
        checksum: SHA-256 of the saved file; ``None`` if no file was saved.
        selected_from: The number of lines of the manifest that this one is a sample or a part of;
            ``None`` if it is neither.
        whole_md5: The MD5 of the manifest that this one is a part of.
    """

    count: int
    fields: Sequence[str] | None
    source: str
    _stream: BinaryIO
    _start: int
    _as_read: _Stamp | None
    checksum: str | None = None
    selected_from: int | None = None
    whole_md5: str | None = None

    def entries(self) -> Iterator[ManifestEntry]:
        """Yield the entries, from the first one.

        Raises:
            ManifestError: The manifest was changed since it was prepared.
        """
        return self._unchanged(read_entries)

    def lines(self) -> Iterator[PlainLines | ManifestEntry]:
        """Yield the same in blocks of plain lines where possible, which is many times as fast.

        Raises:
            ManifestError: As for :meth:`entries`.
        """
        return self._unchanged(read_lines)

    def _unchanged(self, read: Callable[..., Iterator[_Item]]) -> Iterator[_Item]:
        """Yield what ``read`` yields, and check that the manifest was not changed."""
        self._stream.seek(self._start)
        count = 0
        for item in read(self._stream, fields=self.fields, source=self.source):
            count += _size(item)
            yield item
        is_same = self._as_read is None or _stamp(self._stream) == self._as_read
        if count != self.count or not is_same:
            raise ManifestError("changed after it was checked. Start again", source=self.source)

    def md5(self) -> str:
        """Return the MD5 of the lines: the ETag of the manifest if one request uploads it."""
        self._stream.seek(self._start)
        digest = partial(hashlib.md5, usedforsecurity=False)
        return hashlib.file_digest(cast("Any", self._stream), digest).hexdigest()

    @property
    def saved_arguments(self) -> dict[str, Any]:
        """Return the arguments with which :func:`saved_manifest` opens it again, as JSON values."""
        names = ("count", "fields", "source", "checksum", "selected_from", "whole_md5")
        return {name: getattr(self, name) for name in names}

    def save(self, folder: Folder, name: str) -> None:
        """Write the manifest to a file of a folder, completely or not at all."""
        self._stream.flush()
        # Another descriptor, because boto3 closes the stream that it uploads.
        with os.fdopen(os.dup(self._stream.fileno()), "rb") as stream:
            stream.seek(self._start)
            folder.write(name, stream)


def _size(item: PlainLines | ManifestEntry) -> int:
    """Return the number of lines."""
    return len(item) if isinstance(item, PlainLines) else 1


_Stamp = tuple[int, int]


def _stamp(stream: BinaryIO) -> _Stamp | None:
    """Return size and modification time of a file, or ``None`` for a stream without a file."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:  # not a file
        return None
    return status.st_size, status.st_mtime_ns


@contextmanager
def prepared_manifest(
    stream: BinaryIO,
    *,
    fields: Sequence[str] | None = None,
    source: str,
    save_as: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[PreparedManifest]:
    """Check a manifest up to its last line.

    A stream that cannot seek is copied to a temporary file. With ``save_as`` every stream is
    copied to that file, which :func:`saved_manifest` opens again. ``on_progress`` is called often
    with the number of lines that were read.

    Raises:
        ManifestError: The manifest has an error, or is empty.
    """
    with _file(save_as) as copy:
        if save_as is None and stream.seekable():  # standard input may not be at its start
            start, stamp, read = stream.tell(), _stamp(stream), stream
        else:
            start, stamp, read = 0, None, cast("BinaryIO", _Copying(stream, copy))
        count = 0
        for size in count_lines(read, fields=fields, source=source):
            count += size
            if on_progress is not None:
                on_progress(count)
        _check_not_empty(count, source)
        checksum = _save_file(copy, save_as)
        if read is not stream:
            copy.flush()
            stream, stamp = copy, _stamp(copy)
        yield PreparedManifest(count, fields, source, stream, start, stamp, checksum)


class _Copying:
    """A stream that copies what is read from another one to a file."""

    def __init__(self, stream: BinaryIO, copy: BinaryIO) -> None:
        self._stream = stream
        self._copy = copy

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._copy.write(data)
        return data

    def readline(self, size: int) -> bytes:
        line = self._stream.readline(size)
        self._copy.write(line)
        return line


@contextmanager
def manifest_of_objects(
    objects: Iterable[ObjectRef], *, source: str, save_as: Path | None = None
) -> Iterator[PreparedManifest]:
    """Create a manifest of objects, saved as ``save_as`` or in a temporary file.

    Raises:
        ManifestError: There are no objects.
    """
    with _file(save_as) as stream:
        info = write_manifest(stream, objects)
        if not info.count:
            raise ManifestError("no objects found: check bucket, prefix and filters", source=source)
        checksum = _save_file(stream, save_as)
        yield PreparedManifest(info.count, info.fields, source, stream, 0, None, checksum)


@contextmanager
def manifest_of_entries(
    entries: Iterable[ManifestEntry], *, source: str, save_as: Path | None = None
) -> Iterator[PreparedManifest]:
    """Create a manifest of the entries of another one, with keys as they are spelled there.

    Args:
        entries: All with a version ID (which may be empty), or all without.
        source: The name of the manifest in errors.
        save_as: As for :func:`prepared_manifest`.

    Raises:
        ManifestError: There are no entries, or one cannot be read.
    """
    with _file(save_as) as stream:
        info = write_entries(stream, entries)
        _check_not_empty(info.count, source)
        checksum = _save_file(stream, save_as)
        yield PreparedManifest(info.count, info.fields, source, stream, 0, None, checksum)


@contextmanager
def saved_manifest(
    path: Path,
    *,
    count: int,
    fields: Sequence[str] | None,
    source: str,
    checksum: str,
    selected_from: int | None = None,
    whole_md5: str | None = None,
) -> Iterator[PreparedManifest]:
    """Open a manifest that was prepared and saved before.

    Raises:
        StateDamaged: It is missing or was changed.
        StateError: It cannot be read.
    """
    check_is_file(path)
    with ExitStack() as files:
        try:
            stream = files.enter_context(path.open("rb"))
            stamp = _stamp(stream)
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise damaged(str(path), error.strerror or type(error).__name__) from error
        except OSError as error:
            raise StateError(f"cannot read {path}: {error.strerror}") from error
        if found != checksum:
            raise damaged(str(path), "its checksum does not match")
        yield PreparedManifest(
            *(count, fields, source, stream, 0, stamp, checksum, selected_from, whole_md5)
        )


def _check_not_empty(count: int, source: str) -> None:
    if not count:
        raise ManifestError("the manifest is empty: a job needs at least one object", source=source)


@contextmanager
def _file(save_as: Path | None) -> Iterator[BinaryIO]:
    if save_as is None:
        with tempfile.TemporaryFile(prefix="s3batch-manifest-") as file:
            yield cast("BinaryIO", file)
    else:
        part = partial_path(save_as)
        try:  # before the file exists, because Ctrl-C may interrupt its creation
            with part.open("w+b") as file:
                yield file
        finally:
            with suppress(OSError):  # usually it was renamed
                part.unlink()


def _save_file(file: BinaryIO, save_as: Path | None) -> str | None:
    """Rename a complete file to ``save_as`` and return its checksum, unless it is temporary."""
    if save_as is None:
        return None
    file.flush()
    os.fsync(file.fileno())
    file.seek(0)
    checksum = hashlib.file_digest(cast("Any", file), "sha256").hexdigest()
    partial_path(save_as).replace(save_as)
    return checksum
