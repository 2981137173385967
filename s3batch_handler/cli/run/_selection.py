"""The first objects of a manifest, a folder or a bucket, a random sample, or a part of them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from s3batch_handler.cli.terminal._output import counted
from s3batch_handler.core._typing import override
from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.documents.manifests._sample import random_sample
from s3batch_handler.engine.manifests._prepared import manifest_of_entries, manifest_of_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from s3batch_handler.cli.run._options import RunOptions
    from s3batch_handler.documents.manifests._manifest import ManifestEntry
    from s3batch_handler.documents.manifests._part import Part
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a run has, if it does not have all.

    Attributes:
        count: The number of objects.
        selected_from: The number of objects that these are a sample or a part of; ``None`` if these
            are the first objects.
        seed: The seed of the sample.
        part: The part.
    """

    count: int
    selected_from: int | None = None
    seed: int | None = None
    part: str | None = None

    @classmethod
    def of(cls, options: RunOptions, manifest: PreparedManifest) -> Selection | None:
        """Return the selection of a run; ``None`` if it has all objects."""
        if options.sample is not None:
            return cls(manifest.count, manifest.selected_from, options.seed)
        if options.part is not None:
            return cls(manifest.count, manifest.selected_from, part=options.part)
        return None if options.limit is None else cls(manifest.count)

    @override
    def __str__(self) -> str:
        if self.part is not None:
            return f"part {self.part}: {self.count:,} of {self.selected_from:,} objects"
        if self.selected_from is None:
            return f"the first {counted(self.count, 'object')}"
        return f"sample of {self.count:,} from {self.selected_from:,} (--seed {self.seed})"

    def to_json(self) -> dict[str, Any]:
        """Return the selection as JSON values."""
        if self.part is not None:
            return {"part": self.part, "from": self.selected_from}
        if self.selected_from is None:
            return {"limit": self.count}
        return {"sample": self.count, "from": self.selected_from, "seed": self.seed}


class EmptyPart(Exception):
    """A part of a manifest has no lines, because the manifest has fewer lines than parts."""


@contextmanager
def part_of_manifest(
    whole: AbstractContextManager[PreparedManifest], part: Part, *, save_as: Path | None
) -> Iterator[PreparedManifest]:
    """Create a manifest of a part of another one, which is then closed.

    Raises:
        EmptyPart: The part has no lines.
    """
    with ExitStack() as stack:
        with whole as manifest:
            lines = part.lines(manifest.count)
            if not lines:
                raise EmptyPart
            selected = stack.enter_context(
                manifest_of_entries(
                    _entries(manifest.lines(), lines), source=manifest.source, save_as=save_as
                )
            )
            md5 = manifest.md5()
        yield replace(selected, selected_from=manifest.count, whole_md5=md5)


def _entries(items: Iterable[PlainLines | ManifestEntry], lines: range) -> Iterator[ManifestEntry]:
    """Yield the entries of some lines. All others are read, too: the manifest may have changed."""
    first = 0
    for item in items:
        count = len(item) if isinstance(item, PlainLines) else 1
        start, stop = max(lines.start - first, 0), min(lines.stop - first, count)
        if isinstance(item, PlainLines):
            for index in range(start, stop):
                yield item.entry(index)
        elif start < stop:
            yield item
        first += count


@contextmanager
def sampled(
    whole: AbstractContextManager[PreparedManifest],
    options: RunOptions,
    *,
    save_as: Path | None,
) -> Iterator[PreparedManifest]:
    """Create a manifest of a random sample of the entries of another one, which is then closed."""
    assert options.sample is not None
    assert options.seed is not None
    with ExitStack() as stack:
        with whole as manifest:
            entries = random_sample(
                manifest.entries(), manifest.count, size=options.sample, seed=options.seed
            )
            sample = stack.enter_context(
                manifest_of_entries(entries, source=manifest.source, save_as=save_as)
                if options.manifest or options.failed_from  # its keys keep their spelling
                else manifest_of_objects(
                    (entry.object for entry in entries), source=manifest.source, save_as=save_as
                )
            )
        yield replace(sample, selected_from=manifest.count)
