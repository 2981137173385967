"""The code of a function: which files it has, their digest, and an archive for other machines."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._function_loader import split_spec

if TYPE_CHECKING:
    from collections.abc import Iterable


def code_digest(spec: str) -> str:
    """Return the SHA-256 of the function's own code.

    That is its file for ``path/app.py:name``, and all Python files of its package for
    ``package.module:name``, or the file of a module without a package.

    Raises:
        InvalidFunction: There is no such file or module.
    """
    place, _ = split_spec(spec)
    if place.endswith(".py"):
        path = _existing(place)
        return _digest(path.parent, [path])
    return _digest(*_files_of_module(place))


class CodeArchive(NamedTuple):
    """The code of a function in a ZIP file.

    Attributes:
        data: The ZIP file.
        spec: The name of the function in the folder that the file is extracted to.
    """

    data: bytes
    spec: str

    @classmethod
    def of(cls, spec: str) -> CodeArchive:
        """Pack the code: the package of a module, or a file with the modules beside it.

        Raises:
            InvalidFunction: There is no such file or module.
        """
        place, name = split_spec(spec)
        if place.endswith(".py"):
            path = _existing(place)
            return cls(_packed(path.parent, _modules_in(path.parent)), f"{path.name}:{name}")
        return cls(_packed(*_files_of_module(place)), spec)


def _existing(place: str) -> Path:
    path = Path(place)
    if not path.is_file():
        raise InvalidFunction(f"there is no file {place}")
    return path.resolve()


def _files_of_module(name: str) -> tuple[Path, list[Path]]:
    """Return the folder of a top-level module or package, and its Python files."""
    top = name.partition(".")[0]
    here = str(Path.cwd())
    sys.path.insert(0, here)  # as a worker process looks for it
    try:
        found = importlib.util.find_spec(top)
    except ValueError:  # a module without a spec, such as __main__
        found = None
    finally:
        sys.path.remove(here)
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        raise InvalidFunction(f"there is no module {top} with Python code: check the name")
    path = Path(found.origin)
    if found.submodule_search_locations is None:
        return path.parent, [path]
    return path.parent.parent, sorted(path.parent.rglob("*.py"))


def _modules_in(folder: Path) -> list[Path]:
    """Return the modules of a folder, and those of its packages; other folders are left out."""
    files = sorted(folder.glob("*.py"))
    for package in sorted(folder.glob("*/__init__.py")):
        files += sorted(package.parent.rglob("*.py"))
    return files


def _digest(folder: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _packed(folder: Path, files: Iterable[Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            name = path.relative_to(folder).as_posix()
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes())  # without a time
    return buffer.getvalue()
