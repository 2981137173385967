"""Lines at the end of a terminal, and what other code writes to standard error meanwhile."""

from __future__ import annotations

import errno
import io
import logging
import sys
from contextlib import redirect_stderr, suppress
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from s3batch_handler.cli.terminal._output import print_message
from s3batch_handler.cli.terminal._terminal_region import Line, region_of_standard_error
from tests.support.screen import Screen

if TYPE_CHECKING:
    from pathlib import Path


class Written(io.StringIO):
    """A stream that is a terminal."""

    @property
    @override
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @override
    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        screen = Screen(80)
        screen.feed(self.getvalue().replace("\n", "\r\n"))  # as a terminal does
        return screen.lines


def lines(*texts: str) -> list[Line]:
    return [Line(text, len(text)) for text in texts]


def test_a_frame_replaces_the_one_before() -> None:
    with redirect_stderr(Written()) as written, region_of_standard_error() as region:
        region.draw(lines("first", "second", "third"))
        region.draw(lines("1", "2"))

        assert written.lines() == ["1", "2"]


def test_messages_appear_above_the_lines() -> None:
    """Of click, of logging, and of ``print``, which writes a line in parts."""
    with redirect_stderr(Written()) as written, region_of_standard_error() as region:
        region.draw(lines("bar", "counts"))
        print_message("from click")
        region.draw(lines("bar", "counts"))
        logging.StreamHandler().emit(logging.makeLogRecord({"msg": "from logging"}))
        print("in", "parts", file=sys.stderr)
        region.draw(lines("bar", "counts"))

        messages = ["from click", "from logging", "in parts"]
        assert written.lines() == [*messages, "bar", "counts"]

    assert written.lines() == [*messages, ""]


def test_a_message_without_a_line_break_is_not_overwritten() -> None:
    with redirect_stderr(Written()) as written, region_of_standard_error() as region:
        sys.stderr.write("half")
        region.draw(lines("bar"))

        assert written.lines() == ["half", "bar"]


def test_binary_data_is_refused_like_a_text_stream_does() -> None:
    """click recognizes text streams by that."""
    with (
        redirect_stderr(Written()),
        region_of_standard_error(),
        pytest.raises(TypeError, match="not bytes"),
    ):
        sys.stderr.write(b"")  # type: ignore[arg-type]


def test_nothing_is_written_after_the_terminal_was_closed(tmp_path: Path) -> None:
    """The job continues."""

    class Closed(io.TextIOWrapper):
        attempts = 0

        @override
        def write(self, text: str, /) -> int:
            self.attempts += 1
            raise OSError(errno.EIO, "Input/output error")

    with (tmp_path / "terminal").open("wb") as file:
        stream = Closed(file, encoding="utf-8")

        with redirect_stderr(stream), region_of_standard_error() as region:
            region.draw(lines("bar"))
            region.draw(lines("bar"))
            print_message("a message")

        assert stream.attempts == 1


def test_the_terminal_is_clean_after_an_error() -> None:
    """Also after a Ctrl-C."""
    with redirect_stderr(Written()) as written:
        with suppress(KeyboardInterrupt), region_of_standard_error() as region:
            region.draw(lines("bar"))
            raise KeyboardInterrupt

        assert sys.stderr is written
        assert written.lines() == [""]
