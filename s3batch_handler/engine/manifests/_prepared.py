"""A manifest, read in full before anything runs: as S3 does while a job is Preparing.

A fault in its last line is found before the first task is begun, and progress has a total.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from s3batch_handler.core._errors import ManifestError, StateError
from s3batch_handler.documents._manifest import count_entries, read_entries, write_manifest
from s3batch_handler.engine.state._sqlite import check_is_file, damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from s3batch_handler.core._model import ObjectRef
    from s3batch_handler.documents._manifest import ManifestEntry
    from s3batch_handler.documents._storage import Folder


@dataclass(frozen=True, slots=True)
class PreparedManifest:
    """A manifest without faults.

    Attributes:
        count: Its lines: the tasks of the job.
        fields: Its columns; ``None``: as many as its first line has.
        source: What errors call it.
        checksum: SHA-256 of the saved file; ``None`` if no file was saved.
    """

    count: int
    fields: Sequence[str] | None
    source: str
    _stream: BinaryIO
    _start: int
    _as_read: _Stamp
    checksum: str | None = None

    def entries(self) -> Iterator[ManifestEntry]:
        """Give its lines, from the first on.

        Raises:
            ManifestError: Somebody has changed it since, or does so meanwhile.
        """
        self._stream.seek(self._start)
        count = 0
        entries = read_entries(self._stream, fields=self.fields, source=self.source)
        for count, entry in enumerate(entries, 1):  # noqa: B007  the last one is what counts
            yield entry
        is_same = self._as_read is None or _stamp(self._stream) == self._as_read
        if count != self.count or not is_same:
            raise ManifestError("changed while the job ran", source=self.source)

    @property
    def facts(self) -> dict[str, Any]:
        """The arguments by which :func:`kept` opens it again; JSON can hold them."""
        return {
            "count": self.count,
            "fields": self.fields,
            "source": self.source,
            "checksum": self.checksum,
        }

    def save(self, folder: Folder, name: str) -> None:
        """Save it as a file of a folder, byte for byte: whole, or not at all."""
        self._stream.flush()
        # A descriptor of its own, because boto3 closes what it has uploaded.
        with os.fdopen(os.dup(self._stream.fileno()), "rb") as stream:
            stream.seek(self._start)
            folder.write(name, stream)


_Stamp = tuple[int, int] | None


def _stamp(stream: BinaryIO) -> _Stamp:
    """Give what changes with a file; ``None`` for a stream that nobody else can change."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:  # no file
        return None
    return status.st_size, status.st_mtime_ns


@contextmanager
def prepared(
    stream: BinaryIO,
    *,
    fields: Sequence[str] | None = None,
    source: str,
    keep: Path | None = None,
) -> Iterator[PreparedManifest]:
    """Check a manifest to its last line.

    A stream that cannot seek is copied to a temporary file. With ``keep`` every stream is copied to
    that file, which stays, for :func:`kept`.

    Raises:
        ManifestError: It has a fault, or no line at all.
    """
    with _file(keep) as copy:
        if keep is not None or not stream.seekable():
            shutil.copyfileobj(stream, copy)
            stream = copy
            stream.seek(0)
        start, stamp = stream.tell(), _stamp(stream)  # part of standard input may have been read
        count = count_entries(stream, fields=fields, source=source)
        if not count:
            raise ManifestError("it is empty: there is no object to work on", source=source)
        checksum = _keep(copy, keep)
        yield PreparedManifest(count, fields, source, stream, start, stamp, checksum)


@contextmanager
def listed(
    objects: Iterable[ObjectRef], *, source: str, keep: Path | None = None
) -> Iterator[PreparedManifest]:
    """Make a manifest of objects that are listed one after the other; ``keep`` is its file.

    Raises:
        ManifestError: There are none.
    """
    with _file(keep) as stream:
        info = write_manifest(stream, objects)
        if not info.count:
            raise ManifestError("there is no object to work on", source=source)
        checksum = _keep(stream, keep)
        yield PreparedManifest(info.count, info.fields, source, stream, 0, None, checksum)


@contextmanager
def copied(
    entries: Iterable[ManifestEntry], *, source: str, keep: Path | None = None
) -> Iterator[PreparedManifest]:
    """Make a manifest of lines of another one, each as it stands; ``keep`` is its file.

    Args:
        entries: All with a version id (an empty one is one, too), or none.
        source: What errors call them.
        keep: As with :func:`prepared`.

    Raises:
        ManifestError: There are none, or one that cannot be read.
    """
    with _file(keep) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        # Quotes for all cells: one with a lone CR needs them, which Python knows only since 3.13.
        write_row = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow
        count, width = 0, 0
        for entry in entries:
            width = 2 if entry.version_id is None else 3
            write_row(entry[:width])
            count += 1
        text.detach()
        if not count:
            raise ManifestError("it is empty: there is no object to work on", source=source)
        fields = ("Bucket", "Key", "VersionId")[:width]
        checksum = _keep(stream, keep)
        yield PreparedManifest(count, fields, source, stream, 0, None, checksum)


@contextmanager
def kept(
    path: Path, *, count: int, fields: Sequence[str] | None, source: str, checksum: str
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
            raise StateError(f"{path} cannot be read: {error.strerror}") from error
        if found != checksum:
            raise damaged(str(path), "its checksum does not match")
        yield PreparedManifest(count, fields, source, stream, 0, stamp, checksum)


@contextmanager
def _file(keep: Path | None) -> Iterator[BinaryIO]:
    if keep is None:
        with tempfile.TemporaryFile(prefix="s3batch-manifest-") as file:
            yield cast("BinaryIO", file)
    else:
        part = part_of(keep)
        try:  # from before it is there: a Ctrl-C may come with it
            with part.open("w+b") as file:
                yield file
        finally:
            with suppress(OSError):  # mostly it has its name by now
                part.unlink()


def _keep(file: BinaryIO, path: Path | None) -> str | None:
    """Rename a complete file to its final name; return its checksum."""
    if path is None:
        return None
    file.flush()
    os.fsync(file.fileno())
    file.seek(0)
    checksum = hashlib.file_digest(cast("Any", file), "sha256").hexdigest()
    part_of(path).replace(path)
    return checksum


def part_of(path: Path) -> Path:
    """Return the temporary name of a file that is not complete yet."""
    return path.with_name(f"{path.name}.part")
