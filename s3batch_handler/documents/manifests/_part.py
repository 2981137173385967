"""A part of a manifest, for jobs that run at the same time: part 3/16 is the fourth of sixteen."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

from s3batch_handler.core._typing import override


class Part(NamedTuple):
    """One of the parts into which the lines of a manifest are divided.

    Attributes:
        number: Its number, from 0.
        of: The number of parts.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a part such as ``3/16``.

        Raises:
            ValueError: It is not one.
        """
        match = _PART.fullmatch(text)
        if match is None:
            hint = ". Is the variable with the number set?" if text.startswith("/") else ""
            raise ValueError(f"{text!r} is not a part: write 0/16 for the first of 16 parts{hint}")
        number, of = int(match["number"]), int(match["of"])
        if number >= of:
            raise ValueError(
                f"there is no part {text}: the last of {of} parts is {of - 1}/{of}"
                if of
                else f"there is no part {text}: a manifest has at least one part"
            )
        return cls(number, of)

    def lines(self, count: int) -> range:
        """Return the lines of the part, from 0, in a manifest with so many lines.

        The first parts have one line more than the others, as those of ``manifest split``.
        """
        size, larger = divmod(count, self.of)
        first = self.number * size + min(self.number, larger)
        return range(first, first + size + (self.number < larger))

    @override
    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


_PART: Final = re.compile(r"(?P<number>[0-9]{1,9})/(?P<of>[0-9]{1,9})", re.ASCII)
