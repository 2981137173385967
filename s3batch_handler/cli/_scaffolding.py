"""Starters: projects to begin with, as cookiecutter templates (``templates/``).

Cookiecutter, and ``sam init --location`` which uses it, make the same files of them. What they put
in is a project's name and nothing else, so this needs no template engine.
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
    """A project to begin with.

    Attributes:
        name: ``minimal``, ``copy-large``, …
        about: What it does, in some words.
        path: The cookiecutter template.
    """

    name: str
    about: str
    path: Path

    def files(self, project: str) -> dict[str, bytes]:
        """Give the files of a project of that name, by their paths in it.

        Raises:
            ProjectError: The name is no good for one.
        """
        slug = _slug_of(project)
        root = self.path / _SLUG
        return {
            path.relative_to(root).as_posix(): path.read_bytes().replace(
                _SLUG.encode(), slug.encode()
            )
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.suffix != ".pyc"  # which pip leaves among what it installs
        }


def starters() -> dict[str, Starter]:
    """Give all starters by their names, the simplest first."""
    here = Path(__file__).parents[1]
    folder = here / "templates"  # in an installed package
    if not folder.is_dir():
        folder = here.parent / "templates"  # in the source tree
    found = [
        Starter(
            path.parent.name, json.loads(path.read_text(encoding="utf-8"))["_about"], path.parent
        )
        for path in folder.glob("*/cookiecutter.json")
    ]
    found.sort(key=lambda starter: (starter.name != "minimal", starter.name))
    return {starter.name: starter for starter in found}


def create_project(starter: Starter, directory: Path) -> list[str]:
    """Make a new directory of a starter's files, all of them or none, and give their paths.

    The project is called as the directory is.

    Raises:
        ProjectError: The directory is there already, or its name is no good for a project.
    """
    directory = directory.absolute()
    files = starter.files(directory.name)
    if os.path.lexists(directory):
        raise ProjectError(f"{directory} already exists; choose another name")
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Made beside its place, then moved there in one go.
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as place:
        project = Path(place) / "project"
        for path, content in files.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_bytes(content)
        project.rename(directory)
    return list(files)


def _slug_of(project: str) -> str:
    """Spell a name as ``cookiecutter.json`` does: it becomes the service in logs and metrics."""
    slug = project.lower().replace(" ", "-").replace("_", "-")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", slug):
        raise ProjectError(
            f"{project!r} is no name for a project: begin with a letter, go on with letters, "
            "digits and hyphens"
        )
    return slug
