"""Events that are damaged in a few places, for fuzzing: each is reproducible from its seed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random
from typing import Any, Final

EVENTS: Final = tuple(
    json.dumps(json.loads(path.read_text(encoding="utf-8")))
    for path in sorted(Path(__file__).parents[1].joinpath("events").glob("*.json"))
)
"""The events that are damaged: those of the other tests, as JSON."""

FIELDS: Final = (
    "invocationSchemaVersion", "invocationId", "job", "id", "userArguments", "tasks", "taskId",
    "s3Key", "s3VersionId", "s3Bucket", "s3BucketArn",
    "s3bucket", "TaskId", "invocation_id", "Records", "", "x", "x.y", "x: y", "\x1b[2J", "\x7f",
    "é", "a" * 200,
)  # fmt: skip

TEXTS: Final = (
    "", " ", "null", "None", "1.0", "2.0", "3.0", "%", "%2", "%zz", "%00", "%FF", "%ED%A0%80",
    "a+b", "a%20b", "a%252Bb", "\\x41%20", "../../x", "/", "é", "🌻", "%F0%9F%8C%BB", "\x00",
    "\u202e", "\ud800", "\udcff", '{"a": 1}', "%7B%22a%22%3A1%7D", "photos", "photos/", "a:b",
    "arn:", "arn:aws:s3:::photos", "arn:aws:s3:::", "arn:aws:s3:::photos/key", "arn:aws:::photos",
    "arn:aws:s3express:us-east-1:123456789012:bucket/a--use1-az4--x-s3",
    "arn:aws:s3express:us-east-1:123456789012:/bucket/a--use1-az4--x-s3",
    "arn:aws:s3:eu-west-1:123456789012:accesspoint/readers",
    "arn:aws:s3:eu-west-1:123456789012:accesspoint/", "x" * 1024, "A" * 3000,
)  # fmt: skip

NUMBERS: Final = (0, 1, -1, 2, 1.0, 2.0, 1e400, -0.0, math.nan, 1 << 63, 10**400)

_INSERTED: Final = (
    "%",
    "+",
    " ",
    "%2B",
    "\\",
    "/",
    ":",
    "\n",
    "\0",
    "é",
    "\ud800",
    "%E9",
    '"',
    "x",
)


def mutated_event(seed: int) -> Any:
    """Return an event, or what remains of one, with up to five changes."""
    random = Random(seed)
    root: list[Any] = [json.loads(random.choice(EVENTS))]
    for _ in range(random.choice((0, 1, 1, 1, 1, 2, 2, 3, 5))):
        # The first place is the event as a whole. Changing it rarely leaves an event.
        places = _places(root)
        container, place = random.choice(places[1:] if random.randrange(20) else places)
        random.choice(_CHANGES)(random, root, container, place)
        if not (root and root[0] and isinstance(root[0], dict | list)):
            break
    return root[0] if root else None


def _places(root: Any) -> list[tuple[Any, Any]]:
    """Return all places in a JSON value: its containers with their keys or indexes."""
    found: list[tuple[Any, Any]] = []
    waiting = [root]
    for container in waiting:
        for place in container if isinstance(container, dict) else range(len(container)):
            found.append((container, place))
            if isinstance(container[place], dict | list):
                waiting.append(container[place])
    return found


def _value(random: Random) -> Any:
    kind = random.randrange(8)
    if kind < 3:
        return random.choice(TEXTS)
    if kind < 5:
        return random.choice((None, True, False, *NUMBERS))
    if kind == 5:
        return [_value(random) for _ in range(random.randrange(3))]
    if kind == 6:
        return {random.choice(FIELDS): _value(random) for _ in range(random.randrange(3))}
    return json.loads(random.choice(EVENTS)).get(random.choice(("job", "tasks", "invocationId")))


# Each change takes the random numbers, the root, and the place to change.


def _replace(random: Random, root: Any, container: Any, place: Any) -> None:
    container[place] = _value(random)


def _delete(random: Random, root: Any, container: Any, place: Any) -> None:
    del container[place]


def _add(random: Random, root: Any, container: Any, place: Any) -> None:
    if isinstance(container, dict):
        container[random.choice(FIELDS)] = _value(random)
    else:
        container.insert(place + 1, _value(random) if random.randrange(2) else container[place])


def _rename(random: Random, root: Any, container: Any, place: Any) -> None:
    if isinstance(container, dict):
        container[random.choice(FIELDS)] = container.pop(place)


def _wrap(random: Random, root: Any, container: Any, place: Any) -> None:
    value = container[place]
    container[place] = [value] if random.randrange(2) else {random.choice(FIELDS): value}


def _copy(random: Random, root: Any, container: Any, place: Any) -> None:
    """Copy the value of another place, also an object into itself a second time, but no cycle."""
    other, from_place = random.choice(_places(root))
    container[place] = json.loads(json.dumps(other[from_place]))


def _change_text(random: Random, root: Any, container: Any, place: Any) -> None:
    text = container[place]
    if not isinstance(text, str):
        container[place] = random.choice(TEXTS)
        return
    start = random.randrange(len(text) + 1)
    end = min(len(text), start + random.randrange(4))
    middle = random.choice((*_INSERTED, "", text[:50] * 2))
    container[place] = text[:start] + middle + text[end:]


def _reorder(random: Random, root: Any, container: Any, place: Any) -> None:
    if isinstance(container, dict):
        container[place] = container.pop(place)
    else:
        container.reverse()


_CHANGES: Final = (
    _replace, _replace, _delete, _add, _rename, _wrap, _copy, _change_text, _change_text, _reorder,
)  # fmt: skip
