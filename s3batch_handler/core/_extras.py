"""Name the extra that installs a missing package, if only a part of the library needs it."""

from __future__ import annotations

from typing import Final, NoReturn

_EXTRAS: Final = {
    "pydantic": "models",
    "pydantic_core": "models",
    "boto3": "aws",
    "botocore": "aws",
    "aiohttp": "fleet",
    "distributed": "dask",
    "click": "cli",
    "packaging": "cli",
    "rich": "cli",
    "rich_click": "cli",
    "yaml": "cli",
    "duckdb": "report",
    "moto": "local",
    "flask": "local",
    "flask_cors": "local",
    "waitress": "local",
    "werkzeug": "local",
    "hypothesis": "testing",
    "aws_lambda_powertools": "powertools",
}

_EXTRAS_OF_NAMES: Final = {"s3batch_handler.testing.mock_s3batch": "local"}
"""Names that need packages of several extras, with the extra that installs all of them."""


def extra_of(module: str) -> str | None:
    """Return the extra that installs a module; ``None`` if no extra does."""
    return _EXTRAS.get(module.partition(".")[0])


def raise_missing(error: ModuleNotFoundError, needed_by: str) -> NoReturn:
    """Raise an error that names the extra of a missing package; raise other errors as they are.

    Args:
        error: The error of the import.
        needed_by: The part of the library that cannot be used, such as ``s3batch_handler.jobs``.
    """
    package = (error.name or "").partition(".")[0]
    if package not in _EXTRAS:
        raise error
    raise ModuleNotFoundError(
        f"{needed_by} needs {package}, which is not installed: "
        f"pip install 's3batch-handler[{_EXTRAS_OF_NAMES.get(needed_by, _EXTRAS[package])}]'",
        name=error.name,
    ) from error
