"""What ``check_manifest`` finds in a CSV manifest."""

from __future__ import annotations

import io
import re
from collections import Counter
from typing import TYPE_CHECKING

import botocore.loaders
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from s3batch_handler.core._errors import ManifestError
from s3batch_handler.core._model import ObjectRef
from s3batch_handler.documents import check_manifest, write_manifest
from s3batch_handler.documents.manifests._limits import MAX_OBJECTS
from s3batch_handler.documents.manifests._manifest import read_entries
from s3batch_handler.documents.manifests.check import _duplicates, _scanner
from s3batch_handler.documents.manifests.check._codes import CODES, Severity
from s3batch_handler.documents.manifests.check._manifest_check import ManifestCheck
from s3batch_handler.testing import strategies
from tests.support.manifest_findings import EXAMPLES, findings
from tests.support.manifest_lines import manifest_files

if TYPE_CHECKING:
    from pathlib import Path

    from s3batch_handler.documents import Finding


@pytest.mark.parametrize(("code", "line", "content"), EXAMPLES)
def test_each_problem_is_found_alone_with_its_line(
    code: str, line: int | None, content: bytes
) -> None:
    """A manifest with one problem has one finding, whose code is documented."""
    found = [each for each in findings(content) if each.code not in ("HeaderRow", code)]

    assert not found, found
    assert [each.line for each in findings(content) if each.code == code] == [line]
    assert {each.severity for each in findings(content) if each.code == code} == {
        CODES[code].severity
    }


def test_the_page_on_manifests_lists_every_code(project: Path) -> None:
    """The table has severity, meaning, fix and source of each code."""
    page = (project / "docs" / "manifests.md").read_text()

    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \| (.*) \|$", page, re.MULTILINE)

    assert rows == [
        (name, code.severity.value, f"{code.meaning}. {code.fix}", code.source)
        for name, code in CODES.items()
    ]


# ---------------------------------------------------------------- compared with the reader

_FIELDS = st.sampled_from([None, ("Bucket", "Key"), ("Ignore", "Bucket", "Key", "VersionId")])

# What read_entries does not refuse, because a task of the job fails, not the job.
_OF_TASKS = {
    *("InvalidBucketName", "InvalidEscape", "KeyTooLong", "PayloadTooLong"),
    *("EmptyVersionId", "InvalidVersionId", "TrailingSpaces", "EmptyManifest"),
}


def _is_read(content: bytes, fields: tuple[str, ...] | None) -> bool:
    try:
        for _ in read_entries(io.BytesIO(content), fields=fields):
            pass
    except ManifestError:
        return False
    return True


@given(manifest_files(), _FIELDS)
@example(b"photos,a\rb\n", None)
@example(b"photos,a\r", None)
@example(b'photos,"a\n', None)
@example(b"photos,\xed\xa0\x80\n", None)
@example(b"\n\nBucket,Key\n", None)
@example(b" \nphotos,a\n", None)
def test_what_cannot_be_read_is_an_error(content: bytes, fields: tuple[str, ...] | None) -> None:
    """The check and the reader of jobs refuse the same manifests."""
    errors = {each.code for each in findings(content, fields=fields) if each.is_error}
    assume("TrailingSpaces" not in errors)  # the reader keeps them

    assert _is_read(content, fields) == (errors <= _OF_TASKS)


@given(strategies.manifests())
def test_a_manifest_as_programs_write_it_can_be_read(manifest: strategies.ManifestFile) -> None:
    """Quotes, line breaks, columns and both encodings of keys are accepted."""
    found = findings(manifest.content, fields=manifest.fields)

    assert {each.code for each in found if each.is_error} <= _OF_TASKS


_KEY_PARTS = st.sampled_from(
    [
        "key",
        "Bucket",
        "{",
        "[",
        "]",
        '{"a":1}',
        " ",
        "\t",
        "\n",
        "\r",
        "\x00",
        "+",
        ",",
        '"',
        "\\",
        "\ufeff",
        "ORC",
        "PAR1",
        "null",
        "\u2028",
        "\x85",
        "é",
        "𝄞",
        "s3://",
        "..",
        "//",
    ]
)
_ODD_KEYS = st.lists(
    st.characters(exclude_characters="%", exclude_categories=["Cs"]) | _KEY_PARTS,
    min_size=1,
    max_size=50,
).map("".join)


@given(
    st.lists(_ODD_KEYS, min_size=1, max_size=5),
    st.sampled_from(["photos", "bucket", "key", "s3-bucket", "photos--use1-az4--x-s3"]),
    st.sampled_from(
        [None, "null", "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"]
    ),
)
def test_a_manifest_of_this_package_has_no_findings(
    keys: list[str], bucket: str, version: str | None
) -> None:
    """Whatever the keys are: a finding about a good manifest is as bad as a missed one."""
    content = io.BytesIO()
    write_manifest(content, [ObjectRef(bucket=bucket, key=key, version_id=version) for key in keys])

    assert findings(content.getvalue(), duplicates=False) == []


@pytest.mark.parametrize("key", ["ORCHID.jpg", "PAR1/a.txt"])
def test_a_key_may_begin_like_the_signature_of_a_format(key: str) -> None:
    """Files of ORC and Parquet have control characters, too."""
    assert findings(f"{key},photos\n".encode(), fields=("Key", "Bucket")) == []


@given(st.lists(strategies.objects(), min_size=1, max_size=5))
def test_a_manifest_of_this_package_needs_no_encoding(objects: list[ObjectRef]) -> None:
    """What ``write_manifest`` writes has no ambiguous keys."""
    content = io.BytesIO()
    versions = {each.version_id is None for each in objects}
    if len(versions) == 1:
        write_manifest(content, objects)
        found = {each.code for each in findings(content.getvalue())}

        assert not found & {"UnencodedCharacters", "AmbiguousPlus", "SurroundingSpaces"}


# ---------------------------------------------------------------- fast and slow


def do_nothing(*_: object) -> None:
    """Use no pattern: every line is examined."""


@given(st.one_of(manifest_files(), strategies.manifests().map(lambda each: each.content)), _FIELDS)
def test_usual_lines_have_no_findings(content: bytes, fields: tuple[str, ...] | None) -> None:
    """Lines that are skipped because they are usual are those that would have no finding."""
    fast = findings(content, fields=fields)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ManifestCheck, "_use_pattern", do_nothing)
        assert findings(content, fields=fields) == fast


_KEYS = st.sampled_from(
    ["k", "a+b", "a b", "ü", "%C3%BC+", "a%2520b", "a%25FF", " a", "[x]", '"a,b"', "%", "bucket"]
)
_OTHER_CELLS = st.sampled_from(["null", "null", "AAAAA", "", '""', "a+b", "x y", "None", "key"])


@st.composite
def _files_with_repeated_warnings(draw: st.DrawFn) -> tuple[bytes, tuple[str, ...] | None]:
    """Return a manifest in which many lines have the same findings, and its columns."""
    fields = draw(_FIELDS)
    buckets = draw(st.sampled_from([["photos"], ["photos", "videos", "bucket", "b-ucket"]]))
    cells = {"Bucket": st.sampled_from(buckets), "Key": _KEYS}
    row = st.tuples(*(cells.get(name, _OTHER_CELLS) for name in fields or ("Bucket", "Key")))
    rows = draw(st.lists(row, max_size=40))
    return "".join(",".join(each) + "\n" for each in rows).encode(), fields


@given(_files_with_repeated_warnings(), st.integers(1, 3))
@example((b"photos,a+b\n" * 2 + b"photos,\xc3+%BC\nphotos,%C3+\xbc\n", None), 1)
@example((b"photos,a b\n" * 2 + "photos,ü\u2028ü+\n".encode() + b"photos,\xc3%BC\n", None), 1)
@example((b"photos,a\nvideos,b\nbucket,key\nb-ucket,key\n", None), 1)
def test_findings_that_are_only_counted_are_the_same(
    file: tuple[bytes, tuple[str, ...] | None], details: int
) -> None:
    """The first findings of each code are complete, and the numbers are those of all findings."""
    content, fields = file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ManifestCheck, "_use_pattern", do_nothing)
        expected = list(ManifestCheck(io.BytesIO(content), fields=fields).findings())
    check = ManifestCheck(io.BytesIO(content), fields=fields, details=details)

    found = list(check.findings())

    assert _first_of_each_code(found, details) == _first_of_each_code(expected, details)
    assert Counter(each.code for each in found) + Counter(check.counted) == Counter(
        each.code for each in expected
    )


def _first_of_each_code(found: list[Finding], number: int) -> list[Finding]:
    counts: Counter[str] = Counter()
    first: list[Finding] = []
    for each in found:
        counts[each.code] += 1
        if counts[each.code] <= number:
            first.append(each)
    return first


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("AmbiguousPlus", "photos,a+b,null\n"),
        ("UnencodedCharacters", "photos,größe (a b).jpg,null\n"),
        ("DoublyEncodedKey", "photos,a%2520b,null\n"),
        ("EmptyVersionId", "photos,a,\n"),
    ],
)
def test_a_finding_of_every_line_is_only_counted(code: str, line: str) -> None:
    """Otherwise a manifest of a program with one mistake takes twenty times as long."""
    check = ManifestCheck(io.BytesIO(line.encode() * 100_000), details=10)

    found = list(check.findings())

    assert {each.code for each in found} == {code}
    assert len(found) < 50_000  # the first chunk may be examined line by line
    assert len(found) + check.counted[code] == check.objects == 100_000


@given(manifest_files(), st.integers(1, 20))
def test_chunks_do_not_change_the_findings(content: bytes, size: int) -> None:
    """A line may begin in one chunk and end in another."""
    expected = findings(content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_scanner, "_CHUNK", size)
        assert findings(content) == expected


def test_a_line_after_a_quoted_line_break_has_its_own_number() -> None:
    """Line numbers are those of an editor."""
    content = b'photos,a\nphotos,"b\nc"\nphotos,100%\n'

    assert [each.line for each in findings(content) if each.is_error] == [4]


def test_a_check_continues_after_an_error() -> None:
    """So one check finds everything."""
    content = b'photos,a\nphotos,"b"c\n\nphotos,d,e\nphotos,%\nphotos,ok\n'

    found = [(each.line, each.code) for each in findings(content)]

    assert found == [
        (2, "NotCsv"),
        (3, "BlankLine"),
        (4, "WrongColumnCount"),
        (5, "InvalidEscape"),
    ]


def test_a_line_without_end_is_one_finding() -> None:
    """Memory is limited also for a file without line breaks, and the next line is checked."""
    content = b"photos,a\nphotos," + b"x" * (3 << 20) + b"\nphotos,%\n"

    found = [(each.line, each.code) for each in findings(content)]

    assert found == [(2, "NotCsv"), (3, "InvalidEscape")]


def test_a_key_with_a_percent_sign_is_not_doubly_encoded() -> None:
    """``50%deal`` cannot be decoded again: %de alone is not UTF-8."""
    assert findings(b"photos,50%25deal.txt\nphotos,100%25.txt\n") == []
    assert [each.code for each in findings(b"photos,b%25C3%25BC\n")] == ["DoublyEncodedKey"]


def test_names_of_columns_in_an_ignored_column_are_no_header() -> None:
    """A repeated header has the names in the columns of bucket and key."""
    content = b"a,photos,bucket\nb,videos,key\n"

    found = findings(content, fields=("Key", "Bucket", "Ignore"))

    assert [each.code for each in found] == ["MixedBuckets"]
    assert [each.code for each in findings(b"photos,a\nvideos,a\nbucket,key\n")] == [
        "MixedBuckets",
        "RepeatedHeader",
    ]


def test_spaces_at_the_end_are_not_part_of_the_bucket() -> None:
    """They are one finding, although the bucket is in the last column."""
    found = findings(b"a,photos\nb,photos \n", fields=("Key", "Bucket"))

    assert [each.code for each in found] == ["TrailingSpaces"]


def test_an_access_point_with_other_characters_is_not_valid() -> None:
    """Only the characters of ARNs."""
    content = b'"arn:aws:s3:eu-west-1:123456789012:accesspoint/a b",a\n'

    assert [each.code for each in findings(content)] == ["InvalidBucketName"]


def test_columns_of_a_header_row_are_those_of_the_manifest() -> None:
    """The rows below a header are read with its columns, unless others are given."""
    content = b"Size,Object Key,Bucket,Version ID\n7,a,photos,\n"

    assert [(each.line, each.code) for each in findings(content)] == [
        (1, "HeaderRow"),
        (2, "EmptyVersionId"),
    ]


def test_an_operation_limits_the_number_of_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations have different limits."""
    monkeypatch.setitem(MAX_OBJECTS, "S3InitiateRestoreObject", 1)

    assert findings(b"photos,a\nphotos,b\n") == []
    (found,) = findings(b"photos,a\nphotos,b\n", operation="S3InitiateRestoreObject")
    assert (found.line, found.code, found.severity) == (None, "TooManyObjects", Severity.ERROR)


def test_a_json_key_is_a_key_for_other_operations() -> None:
    """Only functions get payloads."""
    key = b"%7B" + b"x" * 1024

    assert [each.code for each in findings(b"photos," + key + b"\n")] == ["PayloadTooLong"]
    (found,) = findings(b"photos," + key + b"\n", operation="S3PutObjectTagging")
    assert found.code == "KeyTooLong"


def test_wrong_arguments_are_refused_at_once() -> None:
    """Not when the first finding is read."""
    with pytest.raises(ManifestError, match="unknown field 'Size'"):
        check_manifest(io.BytesIO(), fields=["Bucket", "Key", "Size"])
    with pytest.raises(ValueError, match="'Delete' is not an operation"):
        check_manifest(io.BytesIO(), operation="Delete")


def test_every_operation_has_a_limit() -> None:
    """The operations are those of the service model."""
    loader = botocore.loaders.Loader()
    model = loader.load_service_model("s3control", "service-2")

    assert model["shapes"]["JobOperation"]["members"].keys() == MAX_OBJECTS.keys()


# ---------------------------------------------------------------- duplicates


@given(st.lists(st.integers(0, 5), max_size=30))
def test_duplicates_are_the_lines_after_the_first_with_an_object(keys: list[int]) -> None:
    """Each repeated line is found, in order, with the first line of the object."""
    content = "".join(f"photos,{key}\n" for key in keys).encode()

    found = [each for each in findings(content) if each.code == "Duplicate"]

    assert [each.line for each in found] == [
        line for line, key in enumerate(keys, 1) if key in keys[: line - 1]
    ]
    assert [each.message.rpartition(" ")[2] for each in found] == [
        str(keys.index(keys[each.line - 1]) + 1) for each in found if each.line
    ]


def test_many_duplicates_are_found_in_limited_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups that are too large are divided, and sorted runs are merged."""
    monkeypatch.setattr(_duplicates, "_MAX_GROUP", 100)
    monkeypatch.setattr(_duplicates, "_MAX_RUN", 7)
    content = "".join(f"photos,{number % 300}\n" for number in range(1000)).encode()

    found = [each.line for each in findings(content)]

    assert found == [*range(301, 1001)]


def test_duplicates_are_found_between_lines_that_are_only_counted() -> None:
    """Also if their keys have characters at which text is split into lines."""
    keys = ["a+b", "ü\u2028x y", "a%20b", "%C3%BC\u2028x+y", "%2541", "%2541"]
    content = "".join(f"photos,{key}\n" for key in keys * 20).encode()
    check = ManifestCheck(io.BytesIO(content), duplicates=True, details=1)

    found = [each for each in check.findings() if each.code == "Duplicate"]

    assert found == [each for each in findings(content) if each.code == "Duplicate"]
    assert [each.line for each in found] == [3, 4, *range(6, 121)]
    assert check.counted["AmbiguousPlus"] > 0


def test_versions_of_an_object_are_no_duplicates() -> None:
    """A line names one version."""
    assert findings(b"photos,a,null\nphotos,a,AAAAAAAA\n") == []


def test_progress_is_reported_from_time_to_time() -> None:
    """A manifest may have billions of lines, and nothing wrong in them."""
    reported: list[int] = []
    check = ManifestCheck(io.BytesIO(b"photos,a\n" * 350_000))
    check.on_progress = reported.append

    assert list(check.findings()) == []
    assert len(reported) == 3
    assert reported == sorted(set(reported))
    assert check.objects == 350_000


def test_a_line_between_many_encoded_ones_is_found() -> None:
    """The escapes of many lines are checked together; one that is wrong is found all the same."""
    usual = "".join(f"photos,{number}%C3%BC%25.jpg\n" for number in range(1000)).encode()
    wrong = b"photos,%C3\nphotos,%2541\nphotos,%4\n"

    found = [(each.line, each.code) for each in findings(usual + wrong + usual, duplicates=False)]

    assert found == [
        (1001, "InvalidEscape"),
        (1002, "DoublyEncodedKey"),
        (1003, "InvalidEscape"),
    ]


def test_an_ignored_column_may_have_anything() -> None:
    """Also what looks like an escape in another column."""
    content = b'photos,a%20b,100%\nphotos,c%20d,C:\\x\nphotos,e%20f,"x, y"\n'

    assert findings(content, fields=("Bucket", "Key", "Ignore")) == []
