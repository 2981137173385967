"""The package that is tested: from the source tree, or installed."""

from pathlib import Path

import s3batch_handler

PACKAGE = Path(s3batch_handler.__file__).parent


def modules() -> list[Path]:
    """Return the modules of the package, without the starters in an installed package."""
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return sorted(path for path in paths if path.parts[0] != "templates")
