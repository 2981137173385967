"""The first objects of a manifest, a folder or a bucket, or a random sample of them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from s3batch_handler.cli.terminal._output import counted
from s3batch_handler.core._typing import override
from s3batch_handler.documents.manifests._sample import random_sample
from s3batch_handler.engine.manifests._prepared import manifest_of_entries, manifest_of_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from s3batch_handler.cli.run._options import RunOptions
    from s3batch_handler.engine.manifests._prepared import PreparedManifest


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a run has, if it does not have all.

    Attributes:
        count: The number of objects.
        sampled_from: The number of objects that these are a sample of; ``None`` if these are the
            first objects.
        seed: The seed of the sample.
    """

    count: int
    sampled_from: int | None = None
    seed: int | None = None

    @classmethod
    def of(cls, options: RunOptions, manifest: PreparedManifest) -> Selection | None:
        """Return the selection of a run; ``None`` if it has all objects."""
        if options.sample is not None:
            return cls(manifest.count, manifest.sampled_from, options.seed)
        return None if options.limit is None else cls(manifest.count)

    @override
    def __str__(self) -> str:
        if self.sampled_from is None:
            return f"the first {counted(self.count, 'object')}"
        return f"sample of {self.count:,} from {self.sampled_from:,} (--seed {self.seed})"

    def to_json(self) -> dict[str, Any]:
        """Return the selection as JSON values."""
        if self.sampled_from is None:
            return {"limit": self.count}
        return {"sample": self.count, "from": self.sampled_from, "seed": self.seed}


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
        yield replace(sample, sampled_from=manifest.count)
