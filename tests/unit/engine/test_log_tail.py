"""The last lines of a function's log, as a page shows them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.engine.invoke._log_tail import (
    TAIL_BYTES,
    TAIL_LINES,
    FileTail,
    MemoryTail,
    log_lines,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\ntw", ["one", "tw"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"\n\nblank lines\n\n\n", ["", "", "blank lines"]),
        (b"", []),
        (b"\x1b[1;31mred\x1b[0m text\n", ["red text"]),
        (b"\x1b]8;;http://example.com\x1b\\link\x1b]8;;\x07\n", ["link"]),
        (b"\x1b]0;never ends\nnext\n", ["", "next"]),
        (b" 10 %\r 50 %\r100 %\n", ["100 %"]),
        (b" 10 %\r 50 %\r", [" 50 %"]),
        (b"[INFO]\tready\n", ["[INFO]  ready"]),
        (b"bell \x07, null \x00\n", ["bell \\x07, null \\x00"]),
        ("right to left \u202e\n".encode(), ["right to left \\u202e"]),
        (b"not UTF-8: \xff\n", ["not UTF-8: \ufffd"]),
    ],
)
def test_lines_are_plain_text(written: bytes, shown: list[str]) -> None:
    """Terminal codes are removed, and overwritten text; other control characters are escaped."""
    assert log_lines(written) == shown


def test_credentials_are_removed() -> None:
    """A page does not show the credentials that a function wrote, also with colors in them."""
    lines = log_lines(
        b"connect to postgresql://ann:hunter2@db/photos\n"
        b"password=\x1b[31mhunter2\x1b[0m\n"
        b"-----BEGIN PRIVATE KEY-----\nMIIhunter2\n-----END PRIVATE KEY-----\n"
    )

    assert "hunter2" not in "\n".join(lines)
    assert lines[0] == "connect to postgresql://ann:***@db/photos"


def test_a_line_whose_beginning_is_missing_is_left_out() -> None:
    """It may begin within a credential that cannot be recognized without its name."""
    assert log_lines(b"hunter2\nnext\n", is_cut=True) == ["next"]
    assert log_lines(b"hunter2", is_cut=True) == []


def test_there_are_a_few_lines_of_limited_length() -> None:
    """The document of a page stays small, whatever a function writes."""
    lines = log_lines(b"x" * 10_000 + b"\n" + b"line\n" * 1_000)
    (long,) = log_lines(b"x" * 10_000)

    assert lines == ["line"] * TAIL_LINES
    assert len(long) == 2_000


@given(st.lists(st.binary(max_size=30), max_size=40), st.integers(1, 60))
def test_the_memory_has_the_last_bytes(chunks: list[bytes], size: int) -> None:
    """However a log arrives, its last bytes are kept, and the lines that are complete in them."""
    tail = MemoryTail(size)
    for chunk in chunks:
        tail.add(chunk)

    whole = b"".join(chunks)
    assert tail.lines() == log_lines(whole[-size:], is_cut=len(whole) > size)


@given(st.binary(max_size=200), st.booleans())
def test_lines_have_no_control_characters(data: bytes, is_cut: bool) -> None:
    """Any bytes become text that can neither control a terminal nor change the direction."""
    for line in log_lines(data, is_cut=is_cut):
        assert not any(
            ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0x2028 <= ord(char) < 0x202F
            for char in line
        )


def test_a_file_is_read_from_the_beginning_of_the_run(tmp_path: Path) -> None:
    """Lines of an earlier run in the same file are not shown."""
    path = tmp_path / "function.log"
    path.write_bytes(b"earlier\n")
    tail = FileTail(path, start=path.stat().st_size)
    with path.open("ab") as file:
        file.write(b"now\n")

    assert tail.lines() == ["now"]
    tail.close()
    assert tail.lines() == []


def test_only_the_end_of_a_file_is_read(tmp_path: Path) -> None:
    """The memory does not grow with the log."""
    path = tmp_path / "function.log"
    path.write_bytes(b"x" * TAIL_BYTES * 3 + b"\nlast\n")
    tail = FileTail(path)

    assert tail.lines() == ["last"]
    tail.close()


def test_a_file_that_was_moved_or_truncated_is_read(tmp_path: Path) -> None:
    """Programs that rotate logs do not end the tail."""
    path = tmp_path / "function.log"
    path.write_bytes(b"a long line of an earlier run\n")
    tail = FileTail(path, start=path.stat().st_size)
    path.rename(moved := tmp_path / "moved.log")
    moved.write_bytes(b"new\n")

    assert tail.lines() == ["new"]
    tail.close()


def test_a_log_that_is_a_pipe_has_no_lines(tmp_path: Path) -> None:
    """Opening a pipe would wait for its other end, and reading it would take lines from it."""
    os.mkfifo(tmp_path / "pipe")

    assert FileTail(tmp_path / "pipe").lines() == []
    assert FileTail(tmp_path / "missing").lines() == []
