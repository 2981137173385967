"""What a terminal shows after it has received text: the codes that the live display uses."""

from __future__ import annotations

import re
import unicodedata


class Screen:
    """The lines of a terminal that wraps long lines, and keeps all lines that scroll away."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.widest = 0  # cells that were written in one line
        self._lines: list[list[str]] = [[]]
        self._row = self._column = 0
        self._wraps = True

    @property
    def lines(self) -> list[str]:
        return ["".join(line).rstrip() for line in self._lines]

    def feed(self, text: str) -> None:
        for code, argument, command, character in _TOKEN.findall(text):
            if code:
                self._control(argument, command)
            elif character == "\r":
                self._column = 0
            elif character == "\n":
                self._to_row(self._row + 1)
            else:
                self._put(character)

    def resize(self, columns: int) -> None:
        """Change the width, and wrap the lines that have become too long."""
        self.columns = columns
        lines: list[list[str]] = []
        for number, line in enumerate(self._lines):
            parts = [line[i : i + columns] for i in range(0, len(line), columns)] or [[]]
            lines += parts
            if number == self._row:
                row = len(lines) - 1
        self._lines, self._row = lines, row

    def _control(self, argument: str, command: str) -> None:
        number = int(argument) if argument.isdigit() else 1
        match command:
            case "A":
                self._row = max(0, self._row - number)
            case "K":
                del self._lines[self._row][self._column :]
            case "J":
                del self._lines[self._row][self._column :]
                del self._lines[self._row + 1 :]
            case "m":
                pass  # colors
            case "h" | "l" if argument == "?7":
                self._wraps = command == "h"
            case _:
                raise ValueError(f"unknown code {argument}{command}")

    def _put(self, character: str) -> None:
        cells = _cells(character)
        if self._column + cells > self.columns and self._wraps:
            self._to_row(self._row + 1)
            self._column = 0
        line = self._lines[self._row]
        line.extend(" " * (self._column + cells - len(line)))
        if cells:
            line[self._column : self._column + cells] = [character, *[""] * (cells - 1)]
            self._column += cells
        self.widest = max(self.widest, self._column)

    def _to_row(self, row: int) -> None:
        self._row = row
        while len(self._lines) <= row:
            self._lines.append([])


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


_TOKEN = re.compile(r"(\x1b\[([?\d;]*)([A-Za-z]))|([^\x1b])", re.DOTALL)
