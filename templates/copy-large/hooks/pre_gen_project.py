"""Cookiecutter runs this first: a name that is no good for a project makes none."""

import re
import sys

name, slug = {{ cookiecutter.project_name | tojson }}, {{ cookiecutter.project_slug | tojson }}

if not re.fullmatch(r"[a-z][a-z0-9-]*", slug):
    sys.exit(
        f"{name!r} is no name for a project: begin with a letter, go on with letters, digits and "
        "hyphens"
    )
if name != slug:  # the SAM CLI would put its settings into another folder
    sys.exit(f"{name!r} is no name for a project: write it as {slug!r}")
