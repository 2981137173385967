"""What other threads read about a run while it ends."""

from __future__ import annotations

from typing import Any

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._typing import override
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from s3batch_handler.engine.run._run_observer import RunObserver


class EndsWhileItIsRead(RunObserver):
    """An observer whose run ends right after its invoker is read for the first time."""

    @override
    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name == "invoker":
            self.invoker = None
        return value


def test_running_calls_can_be_read_while_the_run_ends() -> None:
    """Then nothing runs, or what ran last."""
    observer = EndsWhileItIsRead()
    observer.invoker = S3Invoker(lambda _: Outcome(ResultCode.SUCCEEDED), "S3PutObjectAcl")

    assert [call.entry for call in observer.running()] == [None]
    assert observer.running() == []
