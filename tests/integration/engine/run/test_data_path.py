"""The guarantees of the fast path: see docs/data-path.md."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from textwrap import dedent, indent
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3batch_handler.engine.invoke._answer_memory import MAX_BATCH
from tests.support.plain_jobs import manifest_of, run_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.invoker_calls import Write
    from tests.support.plain_jobs import RawRows

# ---------------------------------------------------------------- the same rows

# What a function may return or raise. "ok" is a usual response, which each line may change.
RESPONSES = r"""
ok["results"][0]["resultString"] = 'a "quoted", text'
ok["results"][0]["resultString"] = "two\nlines\r\n"
ok["results"][0]["resultString"] = "nul \0 bell \a"
ok["results"][0]["resultString"] = "\ud800 half"
ok["results"][0]["resultString"] = "\ud83d\ude00 two halves"
ok["results"][0]["resultString"] = "é \U0001f600 \u200d \u2028 \x85 \u202e"
ok["results"][0]["resultString"] = "x" * 1024
ok["results"][0]["resultString"] = "x" * 1025
ok["results"][0]["resultString"] = "\"" * 1024
ok["results"][0]["resultString"] = "\U0001f600" * 2000
ok["results"][0]["resultString"] = ""
ok["results"][0]["resultString"] = None
ok["results"][0]["resultString"] = 12
ok["results"][0]["resultString"] = Text("of a class")
ok["results"][0]["resultCode"] = "TemporaryFailure"
ok["results"][0]["resultCode"] = "PermanentFailure"
ok["results"][0]["resultCode"] = "Skipped"
ok["results"][0]["resultCode"] = Code.SUCCEEDED
ok["results"][0]["taskId"] = "another"
ok["results"][0]["more"] = 1
ok["results"] *= 2
ok["results"] = []
ok["results"] = tuple(ok["results"])
ok["results"] = None
del ok["results"]
del ok["treatMissingKeysAs"]
ok["treatMissingKeysAs"] = None
ok["treatMissingKeysAs"] = "Never"
ok["invocationId"] = "another"
ok["invocationSchemaVersion"] = "2.0"
ok["more"] = float("nan")
ok["more"] = 1
ok[1] = 1
ok["more"] = {1, 2}
ok = json.dumps(ok)
ok = json.dumps(ok).encode()
ok = collections.OrderedDict(ok)
ok = None
ok = [ok]
ok["results"][0]["resultString"] = "x" * 7_000_000
ok["loop"] = ok
event.clear()
event["tasks"][0]["taskId"] = event["invocationId"] = "changed"
event["job"]["id"] = "changed"; ok["results"][0]["resultString"] = "changed"
ok["results"][0]["resultString"] = event["job"]["id"]
raise ValueError("no, \"thanks\"\n")
raise Unprintable
sys.exit(3)
os._exit(0)
os.kill(os.getpid(), signal.SIGKILL)
os.abort()
""".strip().splitlines()

ODD = f"""
import collections, enum, re

class Text(str): pass
class Code(str, enum.Enum): SUCCEEDED = "Succeeded"
class Unprintable(Exception):
    def __str__(self): raise KeyError("secret")

RESPONSES = {RESPONSES!r}

def handler(event, context):
    name = key(event)
    ok = answer(event, text=name, treatMissingKeysAs="PermanentFailure")
    if name.startswith("odd-"):
        scope = dict(globals(), ok=ok, event=event)
        exec(RESPONSES[int(name[4:].partition("-")[0])], scope)
        ok = scope["ok"]
    return ok
"""

KEYS = ["plain", "100%25", "a%20b+c", "é", "\U0001f600", "'", " x ", "\u2028", "%FF%00", "..%2F.."]


def odd_manifest() -> bytes:
    """Return usual tasks, and each response twice, in a random order; some lines are not plain."""
    keys = [f"{key}-{number}" for number in range(60) for key in KEYS]
    keys += [f"odd-{number}-{copy}" for number in range(len(RESPONSES)) for copy in "ab"]
    random.Random(14).shuffle(keys)
    lines = [f"photos,{key}\n".encode() for key in keys]
    lines[200:200] = [
        b'photos,"a,b"\n',
        b'photos,"two\nlines"\n',
        b'"pho""tos",c\n',
        b"photos,d\r\n",
    ]
    return b"".join(lines)


def without_ids(rows: RawRows) -> list[bytes]:
    """Return the rows in order, without request IDs and times."""
    text = re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}|AAAAAAAAAA[0-9a-f]{32}", b"ID", rows.rows)
    return sorted(re.sub(rb"20\d\d-\d\d-\d\dT[0-9:.]*Z", b"TIME", text).split(b"\r\n"))


@pytest.mark.slow
def test_rows_are_the_same_as_those_of_the_careful_path(function: Write) -> None:
    """Byte for byte, whatever a function returns or raises, and however it ends."""
    spec, manifest = function(ODD), odd_manifest()

    fast, fast_job = run_lines(spec, manifest)
    careful, careful_job = run_lines(spec, manifest, careful=True)

    assert without_ids(fast) == without_ids(careful)
    assert len(fast.lines) >= 700
    assert fast_job.progress.succeeded == careful_job.progress.succeeded
    assert fast_job.progress.failed == careful_job.progress.failed > 30


ANY_TEXT = """
from urllib.parse import unquote

def handler(event, context):
    code, text = json.loads(unquote(key(event)))
    return answer(event, code, text, treatMissingKeysAs="PermanentFailure")
"""


@settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Succeeded"] * 8 + ["PermanentFailure", "TemporaryFailure"]),
            st.text(max_size=40) | st.text('",\r\n\0 a', max_size=40),
        ),
        min_size=1,
        max_size=300,
    )
)
def test_any_texts_are_the_same_as_on_the_careful_path(
    function: Write, results: list[tuple[str, str]]
) -> None:
    """Row for row. Keys contain the results, so a wrong row would be noticed."""
    spec = function(ANY_TEXT)
    manifest = manifest_of(quote(json.dumps(result)) for result in results)

    fast, _ = run_lines(spec, manifest)
    careful, _ = run_lines(spec, manifest, careful=True)

    assert sorted(fast.lines) == sorted(careful.lines)
    assert len(fast.lines) >= len(results)


@pytest.mark.parametrize("arguments", [{}, {"arguments": {"size": "200"}}])
def test_each_event_is_as_on_the_careful_path(
    function: Write, arguments: dict[str, object]
) -> None:
    """A function that changes its event does not change the event of the next task."""
    spec = function(
        """
        def handler(event, context):
            text = re.sub("[0-9a-f]{32}", "ID", json.dumps(event))
            response = answer(event, text=text, treatMissingKeysAs="PermanentFailure")
            event["job"]["id"] = "changed"
            event["job"].get("userArguments", {})["size"] = "changed"
            event["tasks"].clear()
            return response
        """.replace("def handler", "import re\n        def handler", 1)
    )
    manifest = manifest_of(f"key-{number}" for number in range(50))

    fast, _ = run_lines(spec, manifest, workers=1)
    careful, _ = run_lines(spec, manifest, workers=1, careful=True)

    assert fast.lines == careful.lines
    assert b"changed" not in fast.rows


# ---------------------------------------------------------------- the one running task


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit(1)",
        "os._exit(0)",
        "os.abort()",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.killpg(os.getpgrp(), signal.SIGKILL)",
        "import ctypes; ctypes.string_at(0)",
        "overflow_the_stack()",
        "raise KeyboardInterrupt",
        "leave_a_child_process(); os._exit(3)",
        "import threading; threading.Thread(target=os._exit, args=[3]).start(); time.sleep(60)",
    ],
)
def test_a_crash_costs_exactly_the_running_task(function: Write, end: str) -> None:
    """Among thousands of fast tasks, in several workers."""
    spec = function(
        f"""
        def leave_a_child_process():
            import ctypes
            if ctypes.CDLL(None).fork() == 0:  # one that Python does not know
                time.sleep(2)
                os._exit(0)

        def overflow_the_stack():
            import ctypes, resource
            resource.setrlimit(resource.RLIMIT_STACK, (1 << 18, resource.RLIM_INFINITY))
            call = ctypes.CFUNCTYPE(None)(lambda: call())
            call()

        def handler(event, context):
            if key(event).startswith("bad"):
                {end}
            return answer(event, text="fine", treatMissingKeysAs="PermanentFailure")
        """
    )
    keys = [f"k{number}" for number in range(5_000)]
    bad = [f"bad{number}" for number in range(6)]
    for number, key in enumerate(bad):
        keys.insert(17 + number * 800, key)

    rows, job = run_lines(spec, manifest_of(keys))

    assert sorted(rows.keys) == sorted(keys)
    assert job.progress.failed == len(bad)
    assert all("Runtime exited" in rows.message(key) for key in bad)


def test_each_task_has_its_own_time_limit(function: Write) -> None:
    """The tasks before and after the one that takes too long are not affected."""
    spec = function(
        """
        def handler(event, context):
            if key(event).startswith("late"):
                time.sleep(60)
            assert context.get_remaining_time_in_millis() > 500
            return answer(event, text="fine", treatMissingKeysAs="PermanentFailure")
        """
    )
    keys = [f"k{number}" for number in range(3_000)]
    late = ["late1", "late2", "late3"]
    for number, key in enumerate(late):
        keys.insert(500 + number * 900, key)

    rows, job = run_lines(spec, manifest_of(keys), timeout=1)

    assert sorted(rows.keys) == sorted(keys)
    assert job.progress.failed == len(late)
    assert all("Task timed out after 1.00 seconds" in rows.message(key) for key in late)


def test_fast_tasks_together_may_take_longer_than_the_limit_of_one(function: Write) -> None:
    """The limit is shorter than the time between two looks at the worker."""
    spec = function(
        """
        def handler(event, context):
            end = time.monotonic() + 0.0005
            while time.monotonic() < end:
                pass
            return answer(event, treatMissingKeysAs="PermanentFailure")
        """
    )
    _, job = run_lines(spec, manifest_of(map(str, range(1_000))), workers=1, timeout=0.25)

    assert (job.progress.succeeded, job.progress.failed) == (1_000, 0)


def test_one_slow_task_changes_nothing_for_the_others(function: Write, tmp_path: Path) -> None:
    """All others are answered while it runs, also those behind it in its worker."""
    spec = function(
        f"""
        others = Path({str(tmp_path)!r})
        def handler(event, context):
            if key(event) == "slow":
                while len(list(others.glob("done-*"))) < 3_000:
                    time.sleep(0.01)
            else:
                (others / f"done-{{key(event)}}").touch()
            return answer(event, treatMissingKeysAs="PermanentFailure")
        """
    )
    keys = [f"k{number}" for number in range(3_000)]
    keys.insert(900, "slow")

    rows, job = run_lines(spec, manifest_of(keys), timeout=120)

    assert (job.progress.succeeded, job.progress.failed) == (3_001, 0)
    assert sorted(rows.keys) == sorted(keys)


# ---------------------------------------------------------------- hostile functions

ATTACKS = {
    "memory": """
        for value in gc.get_objects():
            if isinstance(value, (memoryview, mmap.mmap)):
                try:
                    value[0:64] = b"\\xff" * 64
                except (TypeError, ValueError):
                    value[0] = 2**64 - 1
    """,
    "answers": """
        for value in gc.get_objects():
            if isinstance(value, memoryview) and value.format == "Q":
                value[0] = value[1] = 2000 << 32 | 20000
            elif isinstance(value, mmap.mmap):
                row = b'x,"\\r\\nphotos,forged,,succeeded,200,,x\\n'
                value[:] = (row * len(value))[:len(value)]
    """,
    "own answers": """
        for value in gc.get_objects():
            if isinstance(value, mmap.mmap) and len(value) > 100_000:
                value[:] = (b"evil\\n" * len(value))[:len(value)]
    """,
    "files": """
        for file in range(3, 40):
            try:
                os.write(file, b'["batch ended","2000"]\\n["ready",""]\\n')
            except OSError:
                pass
    """,
    "truncated memory": """
        for file in range(3, 40):
            try:
                os.ftruncate(file, 0)
            except OSError:
                pass
    """,
    "truncated memory, without a crash": """
        for file in range(3, 40):
            try:
                os.ftruncate(file, mmap.PAGESIZE)
                os.write(results_pipe(), b'["batch ended","1"]\\n')
                time.sleep(60)
            except OSError:
                pass
    """,
    "endless messages": """
        while True:
            os.write(results_pipe(), b"x" * 65536)
    """,
    "early ends": """
        for number in range(2000):
            os.write(results_pipe(), b'["batch ended","0"]\\n')
            time.sleep(0.01)
    """,
    "ends with answers": """
        for number in range(2000):
            os.write(results_pipe(), b'["batch ended","%d"]\\n' % number)
            time.sleep(0.01)
    """,
    "load error": """
        os.write(results_pipe(), b'["load error","x"]\\n')
    """,
    "closed files": """
        os.closerange(3, 40)
    """,
    "message": """
        text = 'x\\r\\nphotos,forged,,succeeded,200,,"y'
        return answer(event, text=text, treatMissingKeysAs="PermanentFailure")
    """,
    "forks": """
        if os.fork() == 0:
            return answer(event, text="child", treatMissingKeysAs="PermanentFailure")
    """,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_function_cannot_forge_keys_or_rows(function: Write, name: str) -> None:
    """Each task has one row, with its own key.

    Only messages of the attacker's own two batches can be wrong. If it destroys them, the others
    are run again, and no other task fails. If it closes the pipes, the task after it may fail.
    """
    spec = function(
        f"""
        import gc, mmap
        def results_pipe():
            # the pipe that this process can write, but not read
            import fcntl
            for file in range(3, 40):
                try:
                    flags = fcntl.fcntl(file, fcntl.F_GETFL)
                except OSError:
                    continue
                if flags & os.O_ACCMODE == os.O_WRONLY:
                    return file
        def attack(event):
{indent(dedent(ATTACKS[name]), 16 * " ")}
        def handler(event, context):
            forged = attack(event) if key(event).startswith("bad") else None
            return forged or answer(event, text="fine", treatMissingKeysAs="PermanentFailure")
        """
    )
    keys = [f"k{number}" for number in range(20_000)]
    for number in range(3):
        keys.insert(5_000 + number, f"bad{number}")

    rows, job = run_lines(spec, manifest_of(keys), timeout=20)

    messages = _messages_in(rows)
    odd = [key for key in keys if messages[key] != "fine" and not key.startswith("bad")]
    own = [key for key in odd if messages[key] == "evil"]
    assert sorted(messages) == sorted(keys)
    assert len(rows.lines) >= len(keys)
    assert job.progress.done == len(keys)
    assert len(odd) - len(own) <= (3 if name == "closed files" else 0)
    assert len(own) <= (3 * 2 * MAX_BATCH if name == "own answers" else 0)


def _messages_in(rows: RawRows) -> dict[str, str]:
    """Return the message of each key, by a CSV reader: messages may have line breaks."""
    reader = csv.reader(io.StringIO(rows.rows.decode(), newline=""), strict=True)
    found = [(row[1], row[6]) for row in reader]
    assert len(found) == len({key for key, _ in found})
    return dict(found)
