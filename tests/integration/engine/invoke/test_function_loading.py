"""Functions that are loaded by module or file, or cannot be loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._function_loader import load_function

if TYPE_CHECKING:
    from pathlib import Path

from tests.support.invoker_calls import FUNCTION_HEAD, error_of, invoke_one, text_of


@pytest.mark.usefixtures("own_imports")
def test_a_function_that_cannot_be_loaded_is_explained_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the place in the user's code."""
    files = {
        "app": "NUMBER = 1\ndef handler(event, context): ...",
        "needs": "import not_there",
        "broken": "\n1 / 0",
        "wants": "import os\nos.environ['TARGET_BUCKET']",
        "syntax": "def",
        "leaves": "import sys; sys.exit(3)",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)

    for spec, problem in {
        "nowhere.py:handler": "there is no file nowhere.py",
        "nowhere": "there is no module nowhere: write path/to/app.py:name",
        "app.handler": "there is no module app.handler: did you mean app:handler?",
        "app:other": "app has no 'other'",
        "app.py:NUMBER": "'NUMBER' in app.py is not callable: it is of type int",
        "app:": "is not the name of a function",
        "needs:handler": "cannot import needs: ModuleNotFoundError: No module named 'not_there'",
        "broken.py": "cannot import broken.py: ZeroDivisionError: division by zero",
        "./broken.py": "broken.py, line 2)",
        "wants.py": "wants.py, line 2)",  # not a line of Python's own os.py
        "syntax": "cannot import syntax: SyntaxError",
        "leaves": "cannot import leaves: SystemExit: 3",
    }.items():
        with pytest.raises(InvalidFunction) as caught:
            load_function(spec)

        assert problem in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 / 0", "app.py: ZeroDivisionError: division by zero"),
        ("import os; os._exit(5)", r"the process ended while it loaded .*app.py \(exit status 5\)"),
        ("import time; time.sleep(60)", r"app.py was not loaded within 0\.5 seconds"),
    ],
)
def test_a_worker_that_cannot_load_the_function_fails_the_job(
    tmp_path: Path, text: str, problem: str
) -> None:
    """The error is raised immediately, and no further worker starts."""
    app = tmp_path / "app.py"
    app.write_text(text)

    with pytest.raises(InvalidFunction, match=problem):
        invoke_one(str(app), init_timeout=0.5 if "sleep" in text else 60)


@pytest.mark.usefixtures("own_imports")
def test_a_path_may_contain_a_colon(tmp_path: Path) -> None:
    """Text that ends in ``.py`` is a path, and the function has the default name."""
    folder = tmp_path / "a:b ü"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context): return 'found'")

    assert load_function(f"{folder}/app.py")(None, None) == "found"


@pytest.mark.usefixtures("own_imports")
def test_a_file_with_relative_imports_is_refused(tmp_path: Path) -> None:
    """The error shows the form ``package.module:name``."""
    (tmp_path / "app.py").write_text("from .neighbor import handler")

    with pytest.raises(InvalidFunction, match=r"write package\.module:name"):
        load_function(f"{tmp_path}/app.py")


def test_modules_are_searched_in_the_current_directory_or_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may import modules of its folder."""
    package = tmp_path / "lambda_code"
    package.mkdir()
    (package / "neighbor.py").write_text("WORD = 'hello'")
    (package / "app.py").write_text(
        "from neighbor import WORD\n" + FUNCTION_HEAD + "\ndef run(event, context): "
        "return answer(event, text=WORD + __name__)"
    )
    (tmp_path / "json.py").write_text("raise Exception('not this one')")
    (tmp_path / "here.py").write_text(
        "from lambda_code import neighbor\ndef handler(event, context):\n"
        "  raise Exception(neighbor.WORD)"
    )
    monkeypatch.chdir(tmp_path)

    by_file = invoke_one("lambda_code/app.py:run")
    by_name = invoke_one("here")

    assert text_of(by_file) == "helloapp"
    assert error_of(by_name)["errorMessage"] == "hello"


@pytest.mark.usefixtures("own_imports")
def test_a_file_may_have_the_name_of_an_imported_module(tmp_path: Path) -> None:
    """The other module is not changed."""
    path = tmp_path / "json.py"
    path.write_text("def handler(event, context): return 'mine'")

    assert load_function(str(path))(None, None) == "mine"
    assert json.dumps([]) == "[]"
