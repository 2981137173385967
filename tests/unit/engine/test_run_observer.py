"""What other threads read about a run while it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.core._model import Outcome, ResultCode
from s3batch_handler.core._typing import override
from s3batch_handler.engine.operations._s3_invoker import S3Invoker
from s3batch_handler.engine.run._run_observer import RunObserver

if TYPE_CHECKING:
    from s3batch_handler.engine.invoke._invoker import Invoker


class EndsWhileItIsRead(RunObserver):
    """An observer whose run ends right after its invoker is read for the first time."""

    _invoker: Invoker | None = S3Invoker(lambda _: Outcome(ResultCode.SUCCEEDED), "S3PutObjectAcl")

    @property
    @override
    def invoker(self) -> Invoker | None:
        invoker, self._invoker = self._invoker, None
        return invoker

    @invoker.setter
    def invoker(self, invoker: Invoker | None) -> None:
        pass


def test_running_calls_can_be_read_while_the_run_ends() -> None:
    """Then nothing runs, or what ran last."""
    observer = EndsWhileItIsRead()

    assert [call.entry for call in observer.running()] == [None]
    assert observer.running() == []
