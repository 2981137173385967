"""Write a folder of files: all of them, or none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from s3batch_handler.cli._errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_folder(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Write files into a new folder, or an empty one, and return their names.

    Raises:
        InvalidArgument: The folder contains something, or cannot be written.
    """
    named, folder = folder, folder.absolute()
    try:
        if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
            raise InvalidArgument(f"--to {named}: it already exists. Name a new folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The complete folder is moved to its place, which replaces an empty folder.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as place:
            complete = Path(place) / "complete"
            complete.mkdir()
            for name, text in files.items():
                (complete / name).write_text(text, encoding="utf-8")
            complete.replace(folder)
    except OSError as error:
        raise InvalidArgument(
            f"--to {named}: cannot write there: {error.strerror}. Name another folder"
        ) from error
    return list(files)
