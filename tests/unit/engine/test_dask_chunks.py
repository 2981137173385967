"""Chunks for Dask workers keep every byte of their tasks and of the answers."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.manifests._plain_lines import PlainLines
from s3batch_handler.engine.invoke._answer import FunctionError, InvalidFunctionResponse, NotRun
from s3batch_handler.engine.invoke._dask_chunks import (
    answers_from_bytes,
    answers_to_bytes,
    chunk_from_bytes,
    chunk_to_bytes,
)
from s3batch_handler.engine.invoke._invoker import AnsweredLines

if TYPE_CHECKING:
    from s3batch_handler.engine.invoke._invoker import LineAnswers

LINES = st.lists(
    st.text(st.characters(exclude_characters='",\r\n\0', codec="utf-8"), min_size=1), min_size=1
).map(lambda keys: PlainLines(7, [f"b,{key}".encode() for key in keys]))
ENTRIES = st.lists(
    st.builds(ManifestEntry, st.text(), st.text(), st.none() | st.text()), min_size=1
)
CHUNKS = st.lists(LINES | ENTRIES, min_size=1, max_size=5)
CELLS = st.text(st.characters(exclude_characters="\r\n", codec="utf-8")).map(str.encode)
ANSWERS = (
    st.builds(Outcome, st.sampled_from(ResultCode), st.text())
    | st.builds(FunctionError, st.text())
    | st.builds(InvalidFunctionResponse, st.text())
    | st.just(NotRun())
)


@given(CHUNKS)
def test_a_worker_gets_the_tasks_of_the_driver(
    items: list[PlainLines | list[ManifestEntry]],
) -> None:
    position = 0
    for sent, got in zip(items, chunk_from_bytes(chunk_to_bytes(items)), strict=True):
        if isinstance(sent, PlainLines):
            assert isinstance(got, PlainLines)
            assert (got.first, got.lines) == (position, sent.lines)
        else:
            assert got == sent
        position += len(sent)


@given(CHUNKS, st.data())
def test_the_driver_gets_the_answers_with_its_own_tasks(
    items: list[PlainLines | list[ManifestEntry]], data: st.DataObject
) -> None:
    """In the order of the worker; entries are the same objects, which callers recognize."""
    on_worker = chunk_from_bytes(chunk_to_bytes(items))
    answers: list[LineAnswers] = []
    expected: list[LineAnswers] = []
    for sent, got in zip(items, on_worker, strict=True):
        if isinstance(sent, PlainLines):
            assert isinstance(got, PlainLines)
            middle = data.draw(st.integers(0, len(sent)))
            cells = [data.draw(CELLS) for _ in range(middle)]
            times = array("Q", [data.draw(st.integers(0, 2**63)) for _ in range(middle)])
            if middle:
                answers.append(AnsweredLines(got.part(0, middle), cells, times))
                expected.append(AnsweredLines(sent.part(0, middle), cells, times))
            for index in range(middle, len(sent)):
                answer = data.draw(ANSWERS)
                answers.append((got.part(index, index + 1), answer, 0.5))
                expected.append((sent.part(index, index + 1), answer, 0.5))
        else:
            assert isinstance(sent, list)
            assert isinstance(got, list)
            for mine, theirs in zip(sent, got, strict=True):
                answer = data.draw(ANSWERS)
                answers.append((theirs, answer, 0.5))
                expected.append((mine, answer, 0.5))

    found, seconds = answers_from_bytes(
        items, answers_to_bytes(on_worker, answers, seconds=lambda: 1.5)
    )

    assert seconds == 1.5
    for one, other in zip(found, expected, strict=True):
        assert one[0] == other[0]
        assert one[1] == other[1]
        if isinstance(one, AnsweredLines) or isinstance(one[0], PlainLines):
            assert one[0].first == other[0].first  # type: ignore[union-attr]
        else:
            assert one[0] is other[0]
        if not isinstance(one[1], NotRun):
            assert one[2] == other[2]
