"""Without a package that an extra installs, errors say which extra to install."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


def _last_error_without(package: str, code: str) -> str:
    """Return the last line of the traceback of a program for which a package does not exist."""
    program = f"""
        import sys

        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == {package!r}:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

        sys.meta_path.insert(0, Missing())
        {code}
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    return run.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("package", "extra", "name"),
    [
        ("pydantic", "models", "s3batch_handler.jobs.JobSpec"),
        ("pydantic", "models", "s3batch_handler.documents.read_report"),
        ("pydantic_core", "models", "s3batch_handler.engine.Engine"),
        ("boto3", "aws", "s3batch_handler.jobs.s3control_client"),
        ("moto", "local", "s3batch_handler.testing.mock_s3batch"),
        ("pydantic_core", "local", "s3batch_handler.testing.mock_s3batch"),
    ],
)
def test_an_error_names_the_extra_of_a_missing_package(package: str, extra: str, name: str) -> None:
    module, _, attribute = name.rpartition(".")

    error = _last_error_without(package, f"from {module} import {attribute}")

    assert error == (
        f"ModuleNotFoundError: {name} needs {package}, which is not installed: "
        f"pip install 's3batch-handler[{extra}]'"
    )


def test_strategies_name_the_extra_of_hypothesis() -> None:
    error = _last_error_without("hypothesis", "from s3batch_handler.testing import strategies")

    assert error == (
        "ModuleNotFoundError: s3batch_handler.testing.strategies needs hypothesis, which is not "
        "installed: pip install 's3batch-handler[testing]'"
    )


def test_an_option_for_models_names_the_extra_of_pydantic() -> None:
    error = _last_error_without(
        "pydantic",
        "from s3batch_handler.handler import _pydantic; _pydantic.import_pydantic('arguments')",
    )

    assert error == (
        "ModuleNotFoundError: task_handler(arguments=…) needs pydantic, which is not installed: "
        "pip install 's3batch-handler[models]'"
    )


def test_other_missing_modules_are_reported_as_usual() -> None:
    error = _last_error_without("sqlite3", "from s3batch_handler.engine import Engine")

    assert error == "ModuleNotFoundError: No module named 'sqlite3'"
