"""The manifests of a canary job and of the job for the rest."""

from __future__ import annotations

import csv
import io
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.cli.job._canary_manifests import part_of_manifest
from s3batch_handler.engine.manifests._prepared import PreparedManifest, prepared_manifest

# Spellings that S3 accepts: encoded or not, with quotes, JSON, signs, and the same key twice.
KEYS = st.sampled_from(["a", "%61", "a+b", "a b", '"', "a,b", '{"id": 1}', "é", "%C3%A9", "%252F"])


@given(
    keys=st.lists(KEYS, min_size=2, max_size=30),
    has_versions=st.booleans(),
    seed=st.integers(0, 9),
    data=st.data(),
)
def test_both_parts_are_the_manifest(
    keys: list[str], has_versions: bool, seed: int, data: st.DataObject
) -> None:
    """Each line is in exactly one of them, with the key as it is spelled, in the same order."""
    size = data.draw(st.integers(1, len(keys) - 1))
    rows = [["photos", key, *([f"v{n % 2}"] if has_versions else [])] for n, key in enumerate(keys)]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    stream = io.BytesIO(text.getvalue().encode())

    with prepared_manifest(stream, source="m.csv") as manifest:
        with part_of_manifest(manifest, size, seed, is_sample=True) as part:
            sample = rows_of(part)
        with part_of_manifest(manifest, size, seed, is_sample=False) as part:
            rest = rows_of(part)

    assert len(sample) == size
    assert Counter(map(tuple, sample + rest)) == Counter(map(tuple, rows))
    for part_rows in (sample, rest):
        remaining = iter(rows)
        assert all(row in remaining for row in part_rows)


def rows_of(manifest: PreparedManifest) -> list[list[str]]:
    return [
        [entry.bucket, entry.encoded_key, *filter(None, [entry.version_id])]
        for entry in manifest.entries()
    ]
