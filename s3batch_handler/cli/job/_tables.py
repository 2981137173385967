"""Jobs as tables on a terminal: never wider than it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

from s3batch_handler.cli.terminal._console import safe_text
from s3batch_handler.cli.terminal._job_style import (
    FAILED,
    MUTED,
    duration,
    percentage,
    relative_time,
    status_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.console import RenderableType

    from s3batch_handler.cli.job._facts import Fact
    from s3batch_handler.jobs._job import Job


# ---------------------------------------------------------------- one job


def details_of(facts: Iterable[Fact]) -> RenderableType:
    """Return the facts about a job, one below the other; long ones are folded, not cut."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=MUTED, no_wrap=True)
    table.add_column(overflow="fold")
    for fact in facts:
        text = safe_text(fact.text, fact.style)
        if fact.note:
            text.append(f"  ({fact.note})", style=MUTED)
        table.add_row(fact.name, text)
    return table


# ---------------------------------------------------------------- a list of jobs


class _Column(NamedTuple):
    """A column of the list of jobs.

    Attributes:
        importance: A terminal that is too narrow shows the more important columns.
    """

    header: str
    cell: Callable[[Job], Text]
    importance: int
    is_number: bool = False


def list_of(jobs: Sequence[Job], width: int) -> RenderableType:
    """Return a table of jobs for a terminal of ``width`` characters.

    Job IDs are never cut, because other commands need them. A narrow terminal shows fewer columns,
    and one that has place for the ID alone shows two lines for each job.
    """
    columns = _columns_that_fit(jobs, width)
    if len(columns) < _FEWEST_COLUMNS:
        return Group(*(_two_lines(job, width) for job in jobs))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column.header, justify="right" if column.is_number else "left", no_wrap=True
        )
    left = width - sum(_width(column, jobs) for column in columns)
    described = left >= _SHORTEST_DESCRIPTION and any(job.description for job in jobs)
    if described:
        table.add_column("DESCRIPTION", no_wrap=True, overflow="ellipsis", max_width=left)
    for job in jobs:
        cells = [column.cell(job) for column in columns]
        table.add_row(*cells, *([safe_text(job.description or "")] if described else ()))
    return table


def _columns_that_fit(jobs: Sequence[Job], width: int) -> list[_Column]:
    columns = [column for column in _COLUMNS if any(column.cell(job).plain for job in jobs)]
    described = _USUAL_DESCRIPTION if any(job.description for job in jobs) else 0
    while columns:
        least = min(columns, key=lambda column: column.importance)
        space = described if least.importance < _DESCRIPTION_IMPORTANCE else 0
        if sum(_width(column, jobs) for column in columns) - _GAP + space <= width:
            break
        columns.remove(least)
    return columns


def _width(column: _Column, jobs: Sequence[Job]) -> int:
    """Return the characters that a column needs, with the gap that follows it."""
    cells = (column.cell(job).cell_len for job in jobs)
    return max(len(column.header), *cells) + _GAP


def _two_lines(job: Job, width: int) -> RenderableType:
    job_id = safe_text(job.job_id)
    job_id.overflow = "fold"
    failed = job.progress.failed
    parts = [
        status_text(job.status, failed=failed),
        Text(relative_time(job.creation_time), style=MUTED),
        Text(f"{failed:,} failed", style=FAILED) if failed else Text(),
        safe_text(job.description or ""),
    ]
    facts = Text("  ") + Text("  ").join(part for part in parts if part.plain)
    facts.truncate(width, overflow="ellipsis")
    return Group(job_id, facts)


def _tasks(job: Job) -> Text:
    total = job.progress.total
    return Text("" if total is None else f"{total:,}")


def _done(job: Job) -> Text:
    progress = job.progress
    return Text(percentage(progress.done, progress.total) if progress.total else "")


def _failed(job: Job) -> Text:
    progress = job.progress
    if not progress.failed:
        return Text("0" if progress.total is not None else "", style=MUTED)
    share = percentage(progress.failed, progress.total or progress.done)
    return Text(f"{progress.failed:,} ({share})", style=FAILED)


def _active(job: Job) -> Text:
    seconds = job.progress.active_seconds
    return Text("" if seconds is None else duration(seconds))


_COLUMNS: Final = (
    _Column("JOB ID", lambda job: safe_text(job.job_id), 9),
    _Column("STATUS", lambda job: status_text(job.status, failed=job.progress.failed), 8),
    _Column("CREATED", lambda job: Text(relative_time(job.creation_time)), 6),
    _Column("TASKS", _tasks, 4, is_number=True),
    _Column("DONE", _done, 5, is_number=True),
    _Column("FAILED", _failed, 7, is_number=True),
    _Column("ACTIVE FOR", _active, 2, is_number=True),
    _Column("OPERATION", lambda job: safe_text(job.operation_name), 1),
)
_DESCRIPTION_IMPORTANCE: Final = 3
_FEWEST_COLUMNS: Final = 2  # the ID and the status
_GAP: Final = 2
_SHORTEST_DESCRIPTION: Final = 12
_USUAL_DESCRIPTION: Final = 26
