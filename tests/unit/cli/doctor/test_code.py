"""The checks of a handler, of its limits and of a SAM template."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.doctor._check import CheckStatus
from s3batch_handler.cli.doctor._handler import HandlerImport, LoadedHandler, check_handler
from s3batch_handler.cli.doctor._limits import check_runtime, check_timeout
from s3batch_handler.cli.doctor._template import check_function_of_template, functions_of

if TYPE_CHECKING:
    from pathlib import Path

HANDLER = """
print("a secret")
from s3batch_handler import Task, task_handler

@task_handler(time_reserve=2.5, task_timeout=30)
def handler(task: Task) -> None: ...

def plain(event, context): ...
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(HANDLER)
    return path


def test_a_handler_is_imported_elsewhere_and_its_options_are_known(app: Path) -> None:
    check, handler = check_handler(f"{app}:handler")

    assert check.status is CheckStatus.OK
    assert handler is not None
    assert handler[:2] == (2.5, 30)


def test_a_plain_function_is_a_warning(app: Path) -> None:
    check, _ = check_handler(f"{app}:plain")

    assert check.status is CheckStatus.WARNING
    assert "@task_handler" in check.message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_module_here", "ModuleNotFoundError: No module named"),
        ("handler = 3", "is not callable"),
        ("other = 3", "has no 'handler'"),
        ("raise SystemExit(7)", "SystemExit: 7"),
        ("import os; os._exit(7)", "ended the process with exit code 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code -9"),
    ],
)
def test_a_handler_that_cannot_be_imported_is_an_error(
    tmp_path: Path, code: str, message: str
) -> None:
    (tmp_path / "app.py").write_text(code)

    check, handler = check_handler(f"{tmp_path}/app.py:handler")

    assert check.status is CheckStatus.ERROR
    assert message in check.message
    assert handler is None


def test_modules_of_the_current_folder_do_not_hide_those_of_this_package(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler itself finds them, as in Lambda."""
    app.with_name("threading.py").write_text("raise SystemExit('the wrong module')")
    app.with_name("helper.py").write_text("")
    app.write_text(f"import helper\n{HANDLER}")
    monkeypatch.chdir(app.parent)

    check, _ = check_handler("app:handler")

    assert check.status is CheckStatus.OK, check.message


def test_an_import_that_does_not_end_is_killed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import time\ntime.sleep(600)")

    check, _ = check_handler(f"{tmp_path}/app.py:handler", limit=2)

    assert check.status is CheckStatus.ERROR
    assert check.message == "its import did not end within 2 s"


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("timeout", "reserve", "status"),
    [
        (60, 1, CheckStatus.OK),
        (60, None, CheckStatus.OK),
        (3, 1, CheckStatus.WARNING),
        (3, None, CheckStatus.WARNING),
        (60, 45, CheckStatus.WARNING),
        (60, 60, CheckStatus.ERROR),
        (None, 1, CheckStatus.SKIPPED),
    ],
)
def test_the_timeout_has_to_leave_time_for_a_task(
    timeout: float | None, reserve: float | None, status: CheckStatus
) -> None:
    (check,) = check_timeout("timeout", timeout, LoadedHandler(reserve, None, 0.1))

    assert check.status is status


def test_a_task_timeout_that_never_applies_is_a_warning() -> None:
    _, check = check_timeout("timeout", 60, LoadedHandler(1, 120, 0.1))

    assert check.status is CheckStatus.WARNING
    assert "task_timeout=120 s is longer than the 59 s" in check.message


@pytest.mark.parametrize(
    ("runtime", "status"),
    [
        ("python3.10", CheckStatus.ERROR),
        ("python3.11", CheckStatus.OK),
        ("python3.14", CheckStatus.OK),
        ("nodejs22.x", CheckStatus.SKIPPED),
    ],
)
def test_the_runtime_has_to_be_supported(runtime: str, status: CheckStatus) -> None:
    assert check_runtime("runtime", runtime).status is status


# ---------------------------------------------------------------- templates

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Seconds: { Type: Number, Default: 2 }
  Python: { Type: String, Default: python3.13 }
Globals:
  Function: { Timeout: !Ref Seconds, Runtime: !Ref Python }
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: ., Handler: app.handler, Role: !GetAtt Role.Arn }
  Missing:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: src/, Handler: app.handler }
  Unknown:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: !Sub "${Place}", Handler: app.handler }
  Script:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: ., Handler: index.handler, Runtime: nodejs22.x }
  Topic: { Type: AWS::SNS::Topic }
"""


def test_the_functions_of_a_template_are_compared_with_their_handlers(app: Path) -> None:
    path = app.with_name("template.yaml")
    path.write_text(TEMPLATE)

    functions = functions_of(path)

    checks = {}
    for function in functions:
        imported = HandlerImport(function.spec) if function.spec else None
        checks[function.name] = [*check_function_of_template(function, imported)]
    assert [check.status for check in checks["Work"]] == ["ok", "error", "ok"]
    assert "2 s, of which time_reserve=2.5 s leaves no time" in checks["Work"][1].message
    assert checks["Missing"][0].message.startswith("Handler app.handler: there is no file")
    assert checks["Unknown"][0].status is CheckStatus.SKIPPED
    assert "Script" not in checks


def test_packages_that_are_missing_here_do_not_make_a_template_wrong(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import no_such_module_here")
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    function = functions_of(path)[0]

    first, *_ = check_function_of_template(function, HandlerImport(str(function.spec)))

    assert first.status is CheckStatus.WARNING


def test_a_handler_is_imported_with_the_variables_of_its_template(app: Path) -> None:
    """Values that only CloudFormation knows have a placeholder."""
    path = app.with_name("template.yaml")
    path.write_text(
        TEMPLATE.replace(
            "Globals:\n  Function: {",
            "Globals:\n  Function: { Environment: { Variables: { SIZE: 5, KEEP: true } },",
        ).replace("CodeUri: .,", "Environment: { Variables: { TARGET: !Ref Role } }, CodeUri: .,")
    )
    app.write_text(
        "import os\nassert os.environ['SIZE'] == '5' and os.environ['KEEP'] == 'true'\n"
        f"os.environ['TARGET']\n{HANDLER}"
    )
    function = functions_of(path)[0]

    check = HandlerImport(str(function.spec), variables=function.variables).check()

    assert check.status is CheckStatus.OK, check.message


@pytest.mark.parametrize(
    "text", ["a: [", "- list", "Resources: {}\n---\nResources: {}", "a: &a [*a]", "!Ref {a: b}"]
)
def test_a_file_that_is_not_a_template_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(textwrap.dedent(text))

    with pytest.raises(InvalidArgument, match="not") as raised:
        functions_of(path)

    assert "\n" not in str(raised.value)
