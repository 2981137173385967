"""A log whose end is kept while it is copied."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from s3batch_handler.engine.invoke._recorded_log import RecordedLog
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_is_copied_and_the_end_is_kept(tmp_path: Path) -> None:
    """The target gets all bytes as they are; the tail has the last lines as text."""
    written = b"".join(b"\x1b[1mline\x1b[0m %d \xff\n" % number for number in range(20_000))
    with (tmp_path / "target").open("wb") as target:
        log = RecordedLog(target.fileno())
        with closing(log), os.fdopen(os.dup(log.fileno()), "wb") as stream:
            stream.write(written)

    assert (tmp_path / "target").read_bytes() == written
    assert log.tail.lines()[-1] == "line 19999 \ufffd"


def test_a_target_without_reader_does_not_stop_the_writers() -> None:
    """If the reader of standard error has ended, functions continue; the tail has their lines."""
    read, write = os.pipe()
    os.close(read)
    log = RecordedLog(write)
    with closing(log):
        os.write(log.fileno(), b"one\n")
        wait_for(lambda: log.tail.lines() == ["one"])
        os.write(log.fileno(), b"two\n")
    os.close(write)

    assert log.tail.lines() == ["one", "two"]


def test_a_target_that_does_not_block_gets_everything() -> None:
    """A target that is full at the moment is waited for."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    written = b"x" * 300_000
    received = bytearray()
    log = RecordedLog(write)
    os.set_blocking(log.fileno(), False)
    rest = memoryview(written)
    while len(received) < len(written):
        if rest:
            with suppress(BlockingIOError):
                rest = rest[os.write(log.fileno(), rest) :]
        received += os.read(read, 1000)

    assert received == written
    log.close()
    os.close(read)
    os.close(write)


def test_processes_that_outlive_the_job_can_still_write(tmp_path: Path) -> None:
    """The end of a job neither waits for such a process nor breaks its output."""
    with (tmp_path / "target").open("wb") as target:
        log = RecordedLog(target.fileno())
        code = "import sys; sys.stdin.read(); print('later')"
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=log.fileno()
        ) as process:
            os.write(log.fileno(), b"now\n")
            log.close()
            during = log.tail.lines()
            process.communicate(timeout=60)
        wait_for(lambda: (tmp_path / "target").read_bytes() == b"now\nlater\n")

    assert during == ["now"]
    log.close()  # a second time
