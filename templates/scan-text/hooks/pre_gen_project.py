"""Check the name of the project; Cookiecutter runs this before it writes files."""

import re
import sys

name, slug = {{ cookiecutter.project_name | tojson }}, {{ cookiecutter.project_slug | tojson }}

if not re.fullmatch(r"[a-z][a-z0-9-]*", slug):
    sys.exit(
        f"Invalid project name {name!r}: it must begin with a letter and contain only letters, "
        "digits and hyphens"
    )
if name != slug:  # the SAM CLI would put its settings into another folder
    sys.exit(f"Invalid project name {name!r}: write it as {slug!r}")
