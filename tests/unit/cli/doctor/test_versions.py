"""The checks of Python, of packages and of a function's requirements."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.cli.doctor._check import CheckStatus
from s3batch_handler.cli.doctor._requirements import check_requirements
from s3batch_handler.cli.doctor._versions import check_packages, check_python, own_requirements

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("version", "today", "status"),
    [
        ((3, 10), TODAY, CheckStatus.ERROR),
        ((3, 11), TODAY, CheckStatus.OK),
        ((3, 11), date(2027, 11, 1), CheckStatus.WARNING),
        ((3, 14), TODAY, CheckStatus.OK),
        ((3, 15), TODAY, CheckStatus.WARNING),
    ],
)
def test_python_has_to_be_supported(
    version: tuple[int, int], today: date, status: CheckStatus
) -> None:
    (check,) = check_python(version, today)

    assert check.status is status
    assert check.message.startswith(".".join(map(str, version)))
    assert (check.remedy == "") is (status is CheckStatus.OK)


def test_every_supported_python_has_a_date(project: Path) -> None:
    """The classifiers of the package list the same versions."""
    text = project.joinpath("pyproject.toml").read_text()
    for minor in (11, 12, 13, 14):
        assert f"Programming Language :: Python :: 3.{minor}" in text
        assert next(check_python((3, minor), TODAY)).status is CheckStatus.OK
    assert "Python :: 3.15" not in text


def test_the_packages_of_this_environment_fit() -> None:
    checks = {check.name: check for check in check_packages()}

    assert checks["extra cli"].status is CheckStatus.OK
    assert "click " in checks["extra cli"].message


def test_an_unsuited_package_is_an_error_and_a_missing_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An extra that is not installed may not be needed."""
    versions = {"click": "8.0", "duckdb": None}
    monkeypatch.setattr(
        "s3batch_handler.cli.doctor._versions.installed_version",
        lambda name: versions.get(name, "99.0" if name != "pydantic" else "2.12"),
    )

    checks = {check.name: check for check in check_packages()}

    assert checks["extra cli"].status is CheckStatus.ERROR
    assert "click 8.0, but >=" in checks["extra cli"].message
    assert checks["extra cli"].remedy == "pip install 's3batch-handler[cli]' --upgrade"
    assert checks["extra report"].status is CheckStatus.SKIPPED
    assert checks["extra models"].status is CheckStatus.OK


def test_requirements_of_extras_are_read_from_the_metadata() -> None:
    assert "pydantic" in {each.name for each in own_requirements()["models"]}


# ---------------------------------------------------------------- requirements of a function


def _check(folder: Path, text: str) -> dict[CheckStatus, str]:
    path = folder / "requirements.txt"
    path.write_text(text)
    return {check.status: check.message for check in check_requirements(path)}


def test_requirements_that_fit_what_is_installed(tmp_path: Path) -> None:
    text = (
        "# comment\n-r a.txt\ns3batch-handler[models]>=0.1  # x\npydantic>=2; python_version>'3'\n"
    )

    found = _check(tmp_path, text)

    assert found.keys() == {CheckStatus.OK}
    assert "pydantic 2." in found[CheckStatus.OK]


def test_a_pin_that_this_package_does_not_accept_is_an_error(tmp_path: Path) -> None:
    found = _check(tmp_path, "s3batch-handler\nPydantic==1.10.2 \\\n    --hash=sha256:00\n")

    assert "Pydantic==1.10.2, but s3batch-handler needs" in found[CheckStatus.ERROR]


def test_a_pin_that_differs_from_what_is_installed_is_a_warning(tmp_path: Path) -> None:
    found = _check(tmp_path, "s3batch-handler\nclick==8.2.0\nnot-installed-here==1\n")

    assert found[CheckStatus.WARNING].startswith("click==8.2.0, but ")


def test_requirements_without_this_package_are_a_warning(tmp_path: Path) -> None:
    assert "not listed" in _check(tmp_path, "click\n")[CheckStatus.WARNING]


@pytest.mark.parametrize("text", ["./lambda\n", "\x00\xff;;;==\n"])
def test_requirements_that_are_not_packages_cannot_be_compared(tmp_path: Path, text: str) -> None:
    assert _check(tmp_path, text).keys() == {CheckStatus.SKIPPED}


def test_missing_requirements_are_not_an_error(tmp_path: Path) -> None:
    (check,) = check_requirements(tmp_path / "requirements.txt")

    assert check.status is CheckStatus.SKIPPED
