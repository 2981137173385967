"""Fuzz the parser of events guided by coverage, with atheris: see CONTRIBUTING.md.

libFuzzer changes JSON documents, beginning with the events of the tests, and keeps those that reach
new code of the package.
"""

from __future__ import annotations

import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

FIELDS = (
    *("invocationSchemaVersion", "invocationId", "job", "id", "userArguments", "tasks", "taskId"),
    *("s3Key", "s3VersionId", "s3Bucket", "s3BucketArn", "arn:aws:s3:::", "null", "true", "%FF"),
)


def main(options: list[str]) -> None:
    """Run until an event is neither answered nor refused properly, or as ``options`` say.

    Args:
        options: Those of libFuzzer, such as ``-max_total_time=300``, and folders of documents.
    """
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["s3batch_handler"]):
        from tests.support.event_mutations import EVENTS
        from tests.support.fuzzing import check_event, silence

    def test_document(data: bytes) -> int:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return -1  # not added to the corpus
        problems = check_event(event)
        if problems:
            raise AssertionError(problems)
        return 0

    with silence(), tempfile.TemporaryDirectory() as folder:
        for number, event in enumerate(EVENTS):
            Path(folder, str(number)).write_text(event)
        words = Path(folder, "words.dict")
        words.write_text("".join(f'"{name}"\n' for name in FIELDS))
        atheris.Setup(
            [sys.argv[0], f"-dict={words}", "-max_len=4096", *options, folder], test_document
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
