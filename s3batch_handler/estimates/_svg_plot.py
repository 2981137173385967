"""A plot of the progress of a job as SVG: one file, for light and dark pages."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from s3batch_handler.estimates._timing import Timing


def svg_plot(timing: Timing, *, title: str, subtitle: str, times: Sequence[str]) -> str:
    """Return an SVG document that shows the finished tasks over time.

    Args:
        timing: The progress.
        title: The first line, also for screen readers.
        subtitle: The second line.
        times: The labels of the time axis, from the beginning to the end, equally spaced.
    """
    points = [*_points(timing)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{_LEFT},{_BOTTOM} {line} {_RIGHT},{_BOTTOM}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"',
            f'width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-labelledby="title desc">',
            f'<title id="title">{_text(title)}</title>',
            f'<desc id="desc">Finished tasks over time. {_text(subtitle)}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="page" width="{_WIDTH}" height="{_HEIGHT}"/>',
            f'<text class="title" x="{_LEFT}" y="30">{_text(title)}</text>',
            f'<text x="{_LEFT}" y="52">{_text(subtitle)}</text>',
            f'<text class="end" x="{_RIGHT}" y="{_TOP - 10}">finished tasks</text>',
            *_shares(),
            f'<polygon class="area" points="{area}"/>',
            f'<polyline class="line" points="{line}"/>',
            *_times(times),
            "</svg>",
            "",
        ]
    )


_WIDTH: Final = 760
_HEIGHT: Final = 380
_LEFT: Final = 70
_RIGHT: Final = 730
_TOP: Final = 80
_BOTTOM: Final = 330

_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}"
    ".title{font-size:16px;font-weight:600;fill:#1f2328}"
    ".page{fill:#ffffff}.grid{stroke:#d0d7de}.area{fill:#0969da;fill-opacity:.15}"
    ".line{fill:none;stroke:#0969da;stroke-width:2.5;stroke-linejoin:round}"
    ".end{text-anchor:end}.middle{text-anchor:middle}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.title{fill:#f0f6fc}"
    ".page{fill:#0d1117}.grid{stroke:#3d444d}.area{fill:#4493f8}.line{stroke:#4493f8}}"
)


def _points(timing: Timing) -> Iterator[tuple[float, float]]:
    tasks = timing.points[-1][1]
    for moment, finished in timing.points:
        yield (
            _LEFT + (_RIGHT - _LEFT) * float(moment / timing.seconds),
            _BOTTOM - (_BOTTOM - _TOP) * finished / tasks,
        )


def _shares() -> Iterator[str]:
    """Yield the grid and the labels of the axis of tasks."""
    for percent in (0, 25, 50, 75, 100):
        y = _BOTTOM - (_BOTTOM - _TOP) * percent // 100
        yield f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{_RIGHT}" y2="{y}"/>'
        yield f'<text class="end" x="{_LEFT - 10}" y="{y + 4}">{percent}%</text>'


def _times(labels: Sequence[str]) -> Iterator[str]:
    """Yield the labels of the time axis."""
    for index, label in enumerate(labels):
        x = _LEFT + (_RIGHT - _LEFT) * index // (len(labels) - 1)
        anchor = {_LEFT: "start", _RIGHT: "end"}.get(x, "middle")
        yield f'<text class="{anchor}" x="{x}" y="{_BOTTOM + 24}">{_text(label)}</text>'


def _text(text: str) -> str:
    """Escape text for XML, and remove what XML does not allow."""
    return escape("".join(char if char.isprintable() else "�" for char in text))
