"""The repaired copy of a manifest."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.documents import read_manifest
from s3batch_handler.documents.manifests.check._codes import CODES
from s3batch_handler.documents.manifests.check._fix import write_repaired
from s3batch_handler.documents.manifests.check._row_fix import FixOptions
from s3batch_handler.testing import strategies
from tests.support.manifest_findings import EXAMPLES, findings
from tests.support.manifest_lines import manifest_files

# What is repaired only if the right value is clear.
_SOMETIMES = {"InvalidBucketName", "InvalidVersionId", "Duplicate"}


def repaired(
    content: bytes, *, fields: tuple[str, ...] | None = None, **options: Any
) -> tuple[bytes, tuple[str, ...] | None]:
    """Return a repaired copy, and its columns."""
    target = io.BytesIO()
    repair = write_repaired(
        io.BytesIO(content), target, fields=fields, options=FixOptions(**options)
    )
    return target.getvalue(), repair.fields


@given(manifest_files(), st.booleans())
def test_a_repaired_copy_passes_the_check_of_all_that_is_repaired(
    content: bytes, duplicates: bool
) -> None:
    """Only what has no clear meaning is left."""
    copy, fields = repaired(content, duplicates=duplicates)

    left = {each.code for each in findings(copy, fields=fields)}
    assert not {code for code in left if CODES[code].fixed} - _SOMETIMES


@given(manifest_files(), st.booleans())
def test_a_copy_of_a_copy_is_the_same(content: bytes, duplicates: bool) -> None:
    """A repair is idempotent."""
    copy, fields = repaired(content, duplicates=duplicates)

    assert repaired(copy, fields=fields, duplicates=duplicates)[0] == copy


@given(strategies.manifests(), st.booleans())
def test_a_manifest_without_findings_is_copied_byte_for_byte(
    manifest: strategies.ManifestFile, duplicates: bool
) -> None:
    """Also quotes, line endings and the spelling of keys stay as they are."""
    found = findings(manifest.content, fields=manifest.fields)
    if not any(CODES[each.code].fixed for each in found):
        copy, _ = repaired(manifest.content, fields=manifest.fields, duplicates=duplicates)
        assert copy == manifest.content


@given(manifest_files())
def test_a_copy_names_the_same_objects(content: bytes) -> None:
    """A repair never changes which object a line names."""
    found = {each.code for each in findings(content)}
    try:
        expected = list(read_manifest(io.BytesIO(content)))
    except ManifestError:
        return
    if not found & {"TrailingSpaces", "EmptyVersionId", "InvalidVersionId", "InvalidBucketName"}:
        assert list(read_manifest(io.BytesIO(repaired(content)[0]))) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbfphotos,a\r\n", b"photos,a\r\n"),
        (b"Bucket,Key\nphotos,a", b"photos,a"),
        (b"\nphotos,a\n\n \nphotos,b\n", b"photos,a\nphotos,b\n"),
        (b"photos,a \t\nphotos,b\n", b"photos,a\nphotos,b\n"),
        (b'photos,"a" \n', b"photos,a\n"),
        (b"photos,a b\xc3\xbc.txt\r\n", b"photos,a%20b%C3%BC.txt\r\n"),
        (b'photos,"a,b"\n', b"photos,a%2Cb\n"),
        (b'photos,{"a":1}\n', b"photos,%7B%22a%22:1%7D\n"),
        (b"photos,a,\nphotos,b,\\N\n", b"photos,a,null\nphotos,b,null\n"),
        (b"photos,a, null\n", b"photos,a,null\n"),
        (b"s3://photos,a\n", b"photos,a\n"),
        (b"arn:aws-cn:s3:::photos,a\n", b"photos,a\n"),
    ],
)
def test_what_is_repaired(content: bytes, expected: bytes) -> None:
    """Only the cells that are wrong change."""
    assert repaired(content)[0] == expected


def test_spaces_in_quotes_stay_in_quotes() -> None:
    """Otherwise they would be spaces at the end of the line, which the next repair removes."""
    assert repaired(b's3://photos,"a "\n')[0] == b'photos,"a "\n'
    content = b'photos,a b,"x\t"\n'
    assert repaired(content, fields=("Bucket", "Key", "Ignore"))[0] == b'photos,a%20b,"x\t"\n'


def test_byte_order_marks_of_joined_files_are_removed() -> None:
    """Each of the files had one."""
    content = b"Bucket,Key\n\xef\xbb\xbfphotos,a\n\xef\xbb\xbfphotos,b\n"

    assert repaired(content)[0] == b"photos,a\nphotos,b\n"


def test_only_the_beginning_of_a_bucket_is_removed() -> None:
    """What is in the middle of a name has no clear meaning."""
    assert repaired(b"mys3://photos,a\n")[0] == b"mys3://photos,a\n"


@pytest.mark.parametrize(
    "content",
    [
        b"photos,a%2520b\n",
        b"photos,a+b\n",
        b"photos,100% sure.txt\n",
        b"photos,%FF b\n",
        b"photos,a\nphotos,b,c d\n",
        b"photos, a b\n",
        b'photos,a\nphotos,"b"c\n',
        b"photos,\xff x\n",
        b"photos,a\nBucket,Key\n",
        b"s3://photos/folder,a\n",
        b"s3://bucket,key\n",
        b"photos,a\nphotos,a\n",
    ],
)
def test_what_is_not_repaired_unasked(content: bytes) -> None:
    """A line whose meaning is not clear stays byte for byte."""
    assert repaired(content)[0] == content


def test_ambiguous_keys_are_changed_when_asked() -> None:
    """The user knows what wrote the manifest."""
    content = b"photos,a+b%2520c\n"

    assert repaired(content, plus="space")[0] == b"photos,a%20b%2520c\n"
    assert repaired(content, plus="literal")[0] == b"photos,a%2Bb%2520c\n"
    assert repaired(content, decode_twice=True)[0] == b"photos,a+b%20c\n"


def test_a_key_that_decodes_to_no_utf8_is_not_decoded_twice() -> None:
    """A repair never adds an error."""
    assert repaired(b"photos,a%25FF\n", decode_twice=True)[0] == b"photos,a%25FF\n"


def test_duplicates_are_found_after_the_other_repairs() -> None:
    """A plus that is a space makes a duplicate; one whose meaning is not known does not."""
    content = b"photos,a%20b\nphotos,c\nphotos,a+b\nphotos,a b\nphotos,c\n"

    literal, _ = repaired(content, duplicates=True, plus="literal")
    space, _ = repaired(content, duplicates=True, plus="space")
    unknown, _ = repaired(content, duplicates=True)

    assert literal == b"photos,a%20b\nphotos,c\nphotos,a%2Bb\n"
    assert space == b"photos,a%20b\nphotos,c\n"
    assert unknown == b"photos,a%20b\nphotos,c\nphotos,a+b\n"


def test_a_line_without_end_is_copied_whole() -> None:
    """The parts of a long line are not lost."""
    content = b"photos,a\nphotos," + b"x" * (3 << 20) + b"\nphotos,b c\n"

    assert repaired(content, duplicates=True)[0] == content.replace(b"b c", b"b%20c")


@pytest.mark.parametrize(
    ("code", "content"), [(code, content) for code, _, content in EXAMPLES if CODES[code].fixed]
)
def test_every_code_that_is_repaired_is_gone(code: str, content: bytes) -> None:
    """The table of codes says what is repaired."""
    copy, fields = repaired(content, duplicates=True)

    assert code not in {each.code for each in findings(copy, fields=fields)}
