"""The objects of ``s3batch smoke``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli.smoke._normalize import RULES
from s3batch_handler.cli.smoke._objects import LONGEST, OBJECTS
from s3batch_handler.core._keys import decode_key
from s3batch_handler.documents.manifests._limits import MAX_KEY_BYTES

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "smoke-0123456789ab/"


def test_every_key_is_below_the_prefix_and_exists_once() -> None:
    keys = [item.key(PREFIX) for item in OBJECTS]

    assert all(key.startswith(PREFIX) for key in keys)
    assert len({*keys}) == len({item.kind for item in OBJECTS}) == len(OBJECTS)


def test_the_longest_key_has_the_length_that_s3_allows() -> None:
    lengths = {item.name: len(item.key(PREFIX).encode()) for item in OBJECTS}

    assert lengths[LONGEST] == MAX_KEY_BYTES == max(lengths.values())


def test_the_manifest_spells_each_key_so_that_it_decodes_to_itself() -> None:
    for item in OBJECTS:
        assert decode_key(item.spelling(PREFIX)) == item.key(PREFIX), item.kind
        assert item.spelling(PREFIX).isascii()
        assert not {*item.spelling(PREFIX)} & {",", '"', " ", "\t"}


def test_docs_smoke_lists_every_kind_and_every_rule(project: Path) -> None:
    page = project.joinpath("docs/smoke.md").read_text()

    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert [f"| {item.kind} | {item.reason} |" for item in OBJECTS] == lines[-len(OBJECTS) :]
    one_line = " ".join(page.split())
    assert all(name in one_line for name, _, _ in RULES)
