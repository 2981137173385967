"""The lines of the live display of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.cli.terminal._console import safe_text
from s3batch_handler.cli.terminal._job_style import (
    FAILED,
    MUTED,
    SUCCEEDED,
    WARNING,
    duration,
    percentage,
    status_style,
)
from s3batch_handler.cli.terminal._output import counted
from s3batch_handler.cli.terminal._recent_rate import rate_text, time_left
from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._sanitize import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.text import Text

    from s3batch_handler.documents.reports._failure_groups import FailureGroup
    from s3batch_handler.engine.run._run_progress import RunProgress


def progress_lines(
    progress: RunProgress, per_second: float | None, columns: int, lines: int
) -> list[Text]:
    """Return the lines of a job's display, which fit into a terminal of this size."""
    width = max(1, min(columns - 1, _MOST_COLUMNS))
    shown = [
        _bar(progress, width),
        *_joined(_counts(progress), width),
        *_joined(_speed(progress, per_second), width),
        *(_failure(group, width) for group in progress.failures),
    ]
    for line in shown:
        line.truncate(width, overflow="ellipsis")
    return shown[: max(1, lines - 1)]


_MOST_COLUMNS: Final = 120


def _bar(progress: RunProgress, width: int) -> Text:
    from rich.text import Text

    total = max(progress.total or 0, progress.done + progress.waiting, 1)
    share = percentage(progress.done, total)
    bar = Text()
    length = max(0, min(width, _LONGEST_BAR) - _ROOM_FOR_PERCENTAGE)
    drawn = counted_tasks = 0
    for count, symbol, style in (
        (progress.succeeded, "━", SUCCEEDED),
        (progress.failed, "━", FAILED),
        (progress.waiting, "╍", WARNING),
        (total, "─", MUTED),
    ):
        counted_tasks = min(total, counted_tasks + count)
        end = counted_tasks * length // total
        bar.append(symbol * (end - drawn), style)
        drawn = end
    return bar.append(f" {share:>6}")


_LONGEST_BAR: Final = 80
_ROOM_FOR_PERCENTAGE: Final = 7


def _counts(progress: RunProgress) -> Iterator[Text]:
    yield safe_text(progress.status.value, status_style(progress.status))
    if progress.total is None:
        yield safe_text(f"{counted(progress.done, 'task')} done")
    else:
        yield safe_text(f"{progress.done:,} of {counted(progress.total, 'task')} done")
    if progress.failed:
        yield safe_text(f"{progress.failed:,} failed", FAILED)
    if progress.waiting:
        yield safe_text(f"{progress.waiting:,} waiting for a redrive", WARNING)
    if progress.waiting or progress.pass_number > 1:
        yield safe_text(f"pass {progress.pass_number}", WARNING)


def _speed(progress: RunProgress, per_second: float | None) -> Iterator[Text]:
    if per_second is not None:
        yield safe_text(rate_text(per_second))
        if left := time_left(progress, per_second):
            yield safe_text(left)
    if progress.active_seconds is not None:
        yield safe_text(f"running for {duration(progress.active_seconds)}", MUTED)
    if progress.workers:
        yield safe_text(counted(progress.workers, "worker"), MUTED)
    if progress.tolerated is not None:
        yield safe_text(
            f"failure threshold: {progress.failed:,} of {progress.tolerated:,} tolerated",
            WARNING if progress.failed * 2 > progress.tolerated else MUTED,
        )


def _failure(group: FailureGroup, width: int) -> Text:
    from rich.text import Text

    count = f"{group.count:>{_WIDTH_OF_COUNT},}  "
    room = max(0, width - len(count) - len(_GAP))
    key = safe_text(one_line(group.examples[0].key) if group.examples else "", MUTED)
    text = safe_text(_reason(group))
    # The key gets the space that the reason leaves, but at least two fifths.
    key.truncate(max(room * 2 // 5, room - text.cell_len), overflow="ellipsis")
    text.truncate(room - key.cell_len, overflow="ellipsis")
    return Text.assemble((count, FAILED), text, _GAP, key)


_WIDTH_OF_COUNT: Final = 7
_GAP: Final = "  "
_LONGEST: Final = 1_000  # characters; escaping more is of no use


def _reason(group: FailureGroup) -> str:
    message = one_line(group.message[:_LONGEST])
    if group.error_code in _RESULT_CODES and message:
        return message
    return f"{group.error_code}: {message}" if message else group.error_code


_RESULT_CODES: Final = frozenset(ResultCode)


def _joined(parts: Iterable[Text], width: int) -> Iterator[Text]:
    """Yield lines with as many parts as fit in each."""
    from rich.text import Text

    line = Text()
    for part in parts:
        if line and line.cell_len + len(_SEPARATOR) + part.cell_len > width:
            yield line
            line = Text()
        if line:
            line.append(_SEPARATOR)
        line.append_text(part)
    if line:
        yield line


_SEPARATOR: Final = " · "
