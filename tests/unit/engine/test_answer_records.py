"""Records of answers: what a worker process writes is what its parent reads."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.engine.invoke._answer import FunctionError, InvalidFunctionResponse, to_texts
from s3batch_handler.engine.invoke._answer_records import (
    InvalidRecord,
    json_record,
    message_of,
    read_records,
    record_of,
    success_of,
)

TEXTS = st.text(max_size=20) | st.text('",\r\n\0 a', max_size=20)

ANSWERS = st.one_of(
    st.builds(Outcome, st.sampled_from(ResultCode), TEXTS),
    st.builds(InvalidFunctionResponse, TEXTS),
    st.builds(FunctionError, st.builds(lambda text: json.dumps({"errorMessage": text}), TEXTS)),
)


@given(answers=st.lists(ANSWERS, min_size=1, max_size=8), as_json=st.booleans())
@example(
    answers=[Outcome(ResultCode.SUCCEEDED, "x" * 1024), Outcome(ResultCode.SUCCEEDED, "")],
    as_json=False,
)
@example(answers=[Outcome(ResultCode.SUCCEEDED, '"' * 1024)], as_json=False)
@example(answers=[Outcome(ResultCode.SUCCEEDED, "\U0001f600" * 1024)], as_json=False)
@example(answers=[Outcome(ResultCode.SUCCEEDED, "a" * 5000 + "\ud800")], as_json=False)
def test_the_parent_reads_what_the_worker_wrote(
    answers: list[Outcome | FunctionError | InvalidFunctionResponse], *, as_json: bool
) -> None:
    """Each answer is the same, whatever its text contains."""
    write = json_record if as_json else record_of
    data = b"".join(write(*to_texts(answer)) + b"\n" for answer in answers)

    cells, others = read_records(data, len(answers))

    read = [others.get(n) or success_of(cell) for n, cell in enumerate(cells)]
    assert read == answers
    assert not as_json or len(others) == len(answers)


@given(TEXTS)
def test_the_cell_of_a_message_is_one_cell_of_a_report(text: str) -> None:
    """A CSV reader finds the message in it, and nothing else."""
    cell = record_of("Succeeded", text)

    if not cell.startswith(b"\0"):
        (row,) = csv.reader(io.StringIO(f"key,{cell.decode()}\r\n", newline=""), strict=True)
        assert row == ["key", text] == ["key", message_of(cell)]


@pytest.mark.parametrize(
    "data",
    [
        b"a",
        b"a\nb\n",
        b"\n\n",
        b"a,b\n",
        b'"a"b"\n',
        b'"a\n',
        b'a"\n',
        b"a\r\n",
        b"\x1b[2J\n",
        "\u202e\n".encode(),
        b"\xff\n",
        b"x" * 5_000 + b"\n",
        b'"' + b"x" * 5_000 + b'"\n',
        b"\0\n",
        b"\0{}\n",
        b"\0[]\n",
        b'\0["Succeeded"]\n',
        b'\0["Succeeded",1]\n',
        b'\0["Succeeded","a","b"]\n',
        b'\0["Skipped","a"]\n',
        b'\0["FunctionError","no JSON"]\n',
        b'\0["FunctionError","{}"]\n',
        b"\0" + b"[" * 100_000 + b"\n",
        b"\0[" + b"1" * 5_000 + b"]\n",
    ],
)
def test_records_of_another_form_are_refused(data: bytes) -> None:
    """The function may have written to the memory; then no record can be trusted."""
    good = b"fine\n"
    assert read_records(good, 1) == ([b"fine"], {})

    with pytest.raises(InvalidRecord):
        read_records(data, 1)
    with pytest.raises(InvalidRecord):
        read_records(good + data, 2)
