"""Complete a command line in a real shell."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.serving import clean_environment

if TYPE_CHECKING:
    from pathlib import Path


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return an environment with ``s3batch`` in its PATH, and without credentials."""
    script = folder / "bin" / "s3batch"
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m s3batch_handler.cli "$@"\n'
    )
    script.chmod(0o755)
    others = clean_environment()
    return {
        **others,
        "PATH": f"{script.parent}{os.pathsep}{others['PATH']}",
        "HOME": str(folder),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nothing listens there
        **variables,
    }


def need(shell: str) -> None:
    """Skip the test if a shell is not installed."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


_BASH = """
source <(s3batch completion bash)
COMP_WORDS=({line})
[[ {quoted} == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_s3batch_completion s3batch
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
_FISH = "s3batch completion fish | source; complete -C {quoted}"


def complete(shell: str, line: str, folder: Path, **variables: str) -> list[str]:
    """Return what bash or fish offers for a line, in fish with descriptions after a tab.

    The shell and the command must print nothing else.
    """
    need(shell)
    script = (_BASH if shell == "bash" else _FISH).format(line=line, quoted=shlex.quote(line))
    options = ["--norc", "--noprofile"] if shell == "bash" else ["--no-config"]
    run = subprocess.run(
        [shell, *options, "-c", script],
        cwd=folder,
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stderr == ""
    return [found for found in run.stdout.split("\n") if found]
