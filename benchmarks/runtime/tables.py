"""The tables of the runtime's benchmarks: what is compared with what, and the targets.

``measure_all`` measures the rows. This module imports nothing that is measured.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

OURS = "s3batch_handler"
BARE = "hand-written"
DATA_CLASS = "Powertools data class"
PARSER = "Powertools parser"


class Target(NamedTuple):
    """The most that a row may cost: a ratio to the reference of its table, or a value."""

    row: str
    limit: float
    kind: Literal["ratio", "value"] = "ratio"


class Table(NamedTuple):
    """What a table compares."""

    name: str
    title: str
    text: str
    unit: str
    reference: str | None = None
    targets: tuple[Target, ...] = ()


TABLES = (
    Table(
        "invocation",
        "One invocation: an encoded key",
        "An event of schema 2.0 with one task whose key has to be decoded, and a function that "
        "does nothing. Powertools' data class decodes the key, and its parser validates the event. "
        "Only s3batch_handler does both; it also limits time, classifies errors and limits the "
        "size of the response. CPU time of the process.",
        unit="µs",
        reference=DATA_CLASS,
        targets=(Target(OURS, 0.65),),
    ),
    Table(
        "invocation_with_long_ids",
        "One invocation: IDs as long as those of S3",
        "The same with IDs of 1,000 and 1,500 characters and a key that need not be decoded, as in "
        "most jobs. CPU time of the process.",
        unit="µs",
        reference=DATA_CLASS,
        targets=(Target(OURS, 0.85),),
    ),
    Table(
        "imports",
        "Import in a new interpreter",
        "What a cold start loads, with compiled bytecode and files that the operating system has "
        "cached. CPU time of the import.",
        unit="ms",
        reference="Powertools data classes",
        targets=(Target(OURS, 0.35),),
    ),
    Table(
        "first_answer",
        "First response in Lambda's runtime",
        "From the first request to AWS's runtime interface emulator to the response: the start of "
        "Python and of AWS's runtime client, the import of the function, and one invocation. "
        "Elapsed time.",
        unit="ms",
        reference=BARE,
        targets=(Target(OURS, 1.15),),
    ),
    Table(
        "built_function",
        "First response of the function that `sam build` builds",
        "The same for `CompressFunction` of `template.yaml`, as deployed, which creates an S3 "
        "client. The event has no user arguments, so its task fails without a call to S3. The "
        "reference is a hand-written function that creates the same client. Elapsed time.",
        unit="ms",
        reference="hand-written, boto3 client",
    ),
    Table(
        "memory",
        "Memory of a warm function",
        "Resident memory of the runtime's process after 1,000 invocations in the emulator.",
        unit="MiB",
        reference=DATA_CLASS,
        targets=(Target(OURS, 1.0),),
    ),
    Table(
        "memory_growth",
        "Memory after 100,000 invocations",
        "Resident memory of a process after 1,000 and after 100,000 invocations that succeed, and "
        "after 1,000 and 10,000 that fail with a logged exception. Each event has other IDs and "
        "keys.",
        unit="MiB",
        targets=(
            Target("growth, tasks that succeed", 1.0, "value"),
            Target("growth, tasks that fail", 1.0, "value"),
        ),
    ),
    Table(
        "isolation",
        "A task in a child process",
        'The same invocation with `isolation="process"`, which survives crashes, and with the '
        'default, `"signal"`. Elapsed time, because two processes take part.',
        unit="µs",
        targets=(Target("more for a process", 150, "value"),),
    ),
    Table(
        "fuzzing",
        "Mutated events",
        "`python -m benchmarks fuzz` runs two handlers, one of them with `strict=True`, with a "
        "million mutated events. This is the CPU time of one event, measured with some thousands, "
        "none of which finds a defect.",
        unit="µs",
    ),
)
