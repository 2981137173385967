"""The progress of a job as text and as SVG."""

from __future__ import annotations

from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.estimates._svg_plot import svg_plot
from s3batch_handler.estimates._text_plot import plot_lines
from s3batch_handler.estimates._timing import Speed, Timing, timing_of
from s3batch_handler.estimates._workload import Function, Workload

LABELS = ("0 s", "1 s", "2 s")


def timing(objects: int = 10_000, duration: str = "1", concurrency: int = 1000) -> Timing:
    workload = Workload(objects=objects, function=Function(memory=512, duration=Decimal(duration)))
    result = timing_of(workload, Speed(account_concurrency=concurrency))
    assert result is not None
    return result


@given(
    st.integers(1, 10**9),
    st.decimals("0.001", "900", places=3).map(str),
    st.integers(1, 50_000),
    st.integers(1, 200),
)
def test_the_text_plot_grows_from_left_to_right(
    objects: int, duration: str, concurrency: int, width: int
) -> None:
    """Progress never goes back, the last column is full, and no line is too wide."""
    plot = timing(objects, duration, concurrency)

    *rows, axis = plot_lines(plot, LABELS, width=width, marks=" .#")

    columns = [*zip(*(row[5:].ljust(len(axis) - 5) for row in rows), strict=True)]
    filled = [sum(" .#".index(cell) for cell in column) for column in columns]
    assert filled == sorted(filled)
    assert set(columns[-1]) == {"#"}
    assert all(len(row) <= max(width, 5 + len("0 s 1 s 2 s")) for row in (*rows, axis))


@pytest.mark.parametrize("objects", [1, 1000, 10_000])
def test_the_points_begin_with_nothing_and_end_with_all_tasks(objects: int) -> None:
    """Each has a time and a number of tasks."""
    plot = timing(objects)

    assert plot.points[0] == (Decimal(0), 0)
    assert plot.points[-1] == (plot.seconds, objects)


@given(st.text(), st.text(), st.text())
def test_any_text_gives_a_valid_svg(title: str, subtitle: str, label: str) -> None:
    """Text is escaped, and what XML does not allow is replaced."""
    text = svg_plot(timing(), title=title, subtitle=subtitle, times=["0", label, label])

    svg = ET.fromstring(text)

    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(svg.findall(".//{http://www.w3.org/2000/svg}polyline")) == 1
