"""The common form of messages."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3batch_handler.documents.reports._message_patterns import message_pattern


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("Key 'a/b.txt' is 1,024 bytes", "Key … is … bytes"),
        ("id 2845ca0d-38d9-4c4b-abcf-379dc749c452 at 2019-04-05T17:35:21.155Z", "id … at …"),
        ("digest 83b1c4cbe93fc893f54053697e10fd6e is wrong", "digest … is wrong"),
        ("<Image at 0x7F3A5c0ffee0> is closed", "<Image at …> is closed"),
        ("no record 2845ca0d38d94c4babcf379dc749c452", "no record …"),
        ("commit 83b1c4cb, request 7QX12345EXAMPLE0ab_-", "commit …, request …"),
        ("no host aa:bb:0c:dd:ee:ff", "no host …"),
        ("no file /tmp/tmpab_x1/a.jpg: gone", "no file …: gone"),
        ("no file photos/2024/a.jpg, and/or text/html", "no file …, and/or text/html"),
        ("cannot open C:\\temp\\a.jpg (2)", "cannot open … (…)"),
        ("see s3://b/a/b?x=1, https://h:80/k", "see …, …"),
        ("role arn:aws:iam::123456789012:role/x may not", "role … may not"),
        ("at 2024-01-02 03:04:05.678+00:00 or 2024/01/02", "at … or …"),
        ("until Mon, 01 Jan 2024 10:00:00 GMT: closed", "until …: closed"),
        ("since 03:04:05", "since …"),
        ("can't find a's or b's", "can't find a's or b's"),
        ("EC2ThrottledException: slow", "EC…ThrottledException: slow"),
        ("nothing particular", "nothing particular"),
        (
            "SlowDown calling GetObject: Slow down. (HTTP 503, request id 7QX+/Z1A=)",
            "SlowDown calling GetObject: Slow down. (HTTP …, …)",
        ),
    ],
)
def test_the_pattern_of_a_message_has_no_variable_parts(message: str, pattern: str) -> None:
    """Quoted text, IDs, times, paths, memory addresses and numbers are variable."""
    assert message_pattern(message) == pattern


@pytest.mark.parametrize(
    "variants",
    [
        (
            "at 10:05 PM",
            "at 9:15 AM",
            "at 9:15:10 a.m.",
            "at 7PM",
            "at 20:44:00 UTC",
            "at 9:01 CET",
        ),
        (
            "since Sat, 28 Nov 2026 20:44:00 +0000:",
            "since Sun, 8 Nov 2026 20:44:00 -0700 (PDT):",
            "since Sat, 28 Nov 2026 20:44:00 GMT:",
            "since Sat Nov 28 20:44:00 UTC 2026:",
            "since Sun Nov  8 08:44:00 PM CEST 2026:",
            "since November 28, 2026 at 8:44 PM:",
            "since 28/Nov/2026:20:44:00 +0100:",
            "since 28.11.2026 20:44:",
            "since 2026-11-28T20:44:00.5Z:",
        ),
        ("id 1f2e", "id 1a2b", "id deadbee", "id cafeba1", "id deadbeef", "id CAFEBABE", "id 0XFF"),
        ("Request ID: 7A,", "RequestId: ABCDEF,", "HostId: b,", "Extended Request ID: abc/def+g=,"),
        ("path:/a/b bad", "path:/c bad", "path:C:\\c bad", "path:~root/x bad", "path:~/x bad"),
        ("at 0B325E82-E9B7-FFCB-8CF0-C49284B08E04", "at BC009EA5-2B8E-AA0E-D10F-5EE56FC736E3"),
        ("sha256:0798bc58727103017715", "sha256:92239798bc5872710301", "sha256:ab239798bc58727103"),
        ("host fe80::1", "host fe80::abcd", "host ::1", "host 2001:db8:0:1:2:3:4:5"),
        ("read 5B", "read 500B", "read 1024B"),
        ("error E1", "error E1001"),
        ("line 1:2", "line 12:345", "line 1.5:22:333"),
        ("after 3s", "after 3.5s", "after 1h2m3s", "after 250ms", "after 1 day, 0:00:01"),
        ("on 2024/1/2", "on 2023/12/31"),
    ],
)
def test_variants_of_a_message_have_the_same_pattern(variants: tuple[str, ...]) -> None:
    """Times, dates, IDs and paths are recognized in many formats."""
    assert len({message_pattern(message) for message in variants}) == 1


@pytest.mark.parametrize(
    "message",
    [
        "added a facade, defaced in a decade",
        "request id is missing",
        "RequestId missing, no host id",
        "am I the market? may be",
        "feed the dead cafe",
        "see </a/b> or and/or",
        "UTC or GMT",
        "c::d or add::face",
    ],
)
def test_words_that_look_like_variable_parts_stay(message: str) -> None:
    """They only look like IDs, dates or paths."""
    assert message_pattern(message) == message


def test_words_before_numbers_are_not_dates() -> None:
    """``Mar`` is a month, ``Marker`` is not."""
    assert (
        message_pattern("Decoder 3, Marker 5, at 10:00 DNS 7") == "Decoder …, Marker …, at … DNS …"
    )


def test_the_pattern_does_not_depend_on_the_length_of_names() -> None:
    """A pattern is cut after its variable parts were removed."""
    patterns = {
        message_pattern(f"cannot read /{'a' * length}/x: {'and so on ' * 40}")
        for length in (1, 50, 255)
    }

    assert len(patterns) == 1


@settings(deadline=None)
@given(st.text(alphabet="1a:/.-+ 'MonZ0x~(=\\", max_size=12), st.integers(1, 2000))
def test_patterns_take_linear_time(part: str, times: int) -> None:
    """Regular expressions that backtrack would take seconds."""
    started = time.process_time()

    message_pattern(part * times)

    assert time.process_time() - started < 1
