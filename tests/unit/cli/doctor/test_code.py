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

    checks = {each.name: [*check_function_of_template(each, None)] for each in functions}
    assert [check.status for check in checks["Work"]] == ["ok", "error", "ok"]
    assert "2 s, of which time_reserve=2.5 s leaves no time" in checks["Work"][1].message
    assert checks["Missing"][0].message.startswith("Handler app.handler: there is no file")
    assert checks["Unknown"][0].status is CheckStatus.SKIPPED
    assert "Script" not in checks


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("import no_such_module\ndef handler(): ...", CheckStatus.OK, "app.py defines handler"),
        ("raise SystemExit\nhandler = make()", CheckStatus.OK, "app.py defines handler"),
        ("if x:\n    from other import run as handler", CheckStatus.OK, "app.py defines handler"),
        ("@task_handler\ndef handler(): ...", CheckStatus.OK, "time_reserve=1 s"),
        ("@m.task_handler(time_reserve=5)\ndef handler(): ...", CheckStatus.OK, "=5 s"),
        ("@task_handler(time_reserve=X)\ndef handler(): ...", CheckStatus.OK, "handler (not"),
        ("@task_handler(**X)\nasync def handler(): ...", CheckStatus.OK, "handler (not"),
        ("from other import *", CheckStatus.SKIPPED, "cannot tell"),
        ("def f():\n    handler = 3", CheckStatus.ERROR, "does not define handler"),
        ("import handler.x as y", CheckStatus.ERROR, "does not define handler"),
        ("def handler(:", CheckStatus.ERROR, "cannot read"),
        ("\0", CheckStatus.ERROR, "cannot read"),
        ("(" * 5000, CheckStatus.ERROR, "cannot read"),
    ],
)
def test_the_handler_of_a_template_is_read_without_running_it(
    tmp_path: Path, code: str, status: CheckStatus, message: str
) -> None:
    (tmp_path / "app.py").write_text(code)
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)

    first, *_ = check_function_of_template(functions_of(path)[0], None)

    assert first.status is status
    assert message in first.message


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
