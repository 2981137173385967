"""Create projects from the cookiecutter templates in ``templates/``, which are called starters.

The only variable in the files of a template is the name of the project, so no template engine is
needed. cookiecutter and ``sam init --location`` create the same files.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from s3batch_handler.core._errors import ProjectError

_SLUG: Final = "{{cookiecutter.project_slug}}"


@dataclass(frozen=True, slots=True)
class Starter:
    """A project to start with.

    Attributes:
        name: ``minimal``, ``copy-large``, …
        about: A short description.
        path: The cookiecutter template.
    """

    name: str
    about: str
    path: Path

    def files(self, project: str) -> dict[str, bytes]:
        """Return the files of a project with this name, by their relative paths.

        Raises:
            ProjectError: The name is not valid.
        """
        slug = _slug_of(project).encode()
        root = self.path / _SLUG
        return {
            path.relative_to(root).as_posix(): path.read_bytes().replace(_SLUG.encode(), slug)
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.suffix != ".pyc"  # pip compiles what it installs
        }


def starters() -> dict[str, Starter]:
    """Return all starters by name, the simplest first."""
    here = Path(__file__).parents[1]
    folder = here / "templates"  # in an installed package
    if not folder.is_dir():
        folder = here.parent / "templates"  # in the source tree
    found = {
        path.parent.name: json.loads(path.read_text(encoding="utf-8"))["_about"]
        for path in folder.glob("*/cookiecutter.json")
    }
    names = sorted(found, key=lambda name: (name != "minimal", name))
    return {name: Starter(name, found[name], folder / name) for name in names}


def create_project(starter: Starter, directory: Path) -> list[str]:
    """Create a directory with the files of a starter, and return their paths in it.

    If a file cannot be written, no directory is created. The project has the directory's name.

    Raises:
        ProjectError: The directory already exists, or its name is not valid for a project.
    """
    directory = directory.absolute()
    files = starter.files(directory.name)
    if os.path.lexists(directory):
        raise ProjectError(f"{directory} already exists; choose another name")
    directory.parent.mkdir(parents=True, exist_ok=True)
    # The complete project is moved to its place.
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as place:
        project = Path(place) / "project"
        for path, content in files.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_bytes(content)
        project.rename(directory)
    return list(files)


def _slug_of(project: str) -> str:
    """Convert a name as ``cookiecutter.json`` does. It is the service of logs and metrics."""
    slug = project.lower().replace(" ", "-").replace("_", "-")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", slug):
        raise ProjectError(
            f"Invalid project name {project!r}: it must begin with a letter and contain only "
            "letters, digits and hyphens"
        )
    return slug
