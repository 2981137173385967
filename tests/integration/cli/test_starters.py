"""Projects that are created from starters are complete, and pass their tests and checks."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch
from s3batch_handler.cli._scaffolding import create_project, starters
from s3batch_handler.core._errors import ProjectError
from s3batch_handler.documents.reports._report import read_report

if TYPE_CHECKING:
    from s3batch_handler.cli._scaffolding import Starter

pytestmark = pytest.mark.slow

STARTERS = list(starters())
BLANK = "{{cookiecutter.project_slug}}"


def project_of(starter: str, folder: Path) -> Path:
    """Create a project as users do, with a name that is converted to a valid one."""
    run = CliRunner().invoke(s3batch, ["init", starter, str(folder / "My_photos")])
    assert run.exit_code == 0, run.output
    return folder / "My_photos"


def checked(tool: str, *arguments: str | Path, folder: Path, **settings: str) -> str:
    """Run a tool of this environment without AWS's variables, and check that it succeeds."""
    run = subprocess.run(
        [Path(sys.executable).parent / tool, *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(tool) is None,
        reason=f"{tool} is not installed for the tests of the built package",
    )


# ---------------------------------------------------------------- s3batch init


def test_init_without_a_name_lists_the_starters() -> None:
    """``minimal`` is the first."""
    run = CliRunner().invoke(s3batch, ["init"])

    lines = run.output.splitlines()
    assert run.exit_code == 0
    assert [line.split()[0] for line in lines] == STARTERS
    assert STARTERS[0] == "minimal"
    assert set(STARTERS) == {
        *("minimal", "copy-large", "image-thumbnails", "json-payload", "scan-text"),
    }


def test_an_unknown_starter_is_refused_with_the_known_ones() -> None:
    run = CliRunner().invoke(s3batch, ["init", "maximal"])

    assert run.exit_code == 2
    assert "minimal" in run.output


def test_init_prints_the_paths_of_the_new_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    run = CliRunner().invoke(s3batch, ["init", "minimal"])

    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert run.stdout.splitlines() == sorted(str(path.relative_to(tmp_path)) for path in made)
    assert "minimal/function/app.py" in run.stdout
    assert "minimal/.gitignore" in run.stdout
    assert "minimal/.github/workflows/test.yml" in run.stdout


def test_init_prints_json(tmp_path: Path) -> None:
    place = tmp_path / "mine"

    listed = CliRunner().invoke(s3batch, ["init", "--json"])
    made = CliRunner().invoke(s3batch, ["init", "minimal", str(place), "--json"])

    assert [json.loads(line)["name"] for line in listed.stdout.splitlines()] == STARTERS
    project = json.loads(made.stdout)
    assert project["directory"] == str(place)
    assert all((place / path).is_file() for path in project["files"])
    assert "function/app.py" in project["files"]


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_an_existing_directory_is_not_changed(tmp_path: Path, there: str) -> None:
    place = tmp_path / "mine"
    if there == "folder":
        place.mkdir()
    elif there == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")

    run = CliRunner().invoke(s3batch, ["init", "minimal", str(place)])

    assert run.exit_code == 2
    assert "already exists" in run.output
    assert list(tmp_path.rglob("*")) == [place]


def test_a_full_disk_leaves_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def until_the_last(path: Path, content: bytes) -> int:
        if path.name == "test_app.py":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", until_the_last)

    with pytest.raises(OSError, match="No space left"):
        create_project(starters()["minimal"], tmp_path / "mine")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["1st", "naïve", "a.b", "-", "{{x}}"])
def test_an_invalid_project_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError, match="Invalid project name"):
        create_project(starters()["minimal"], tmp_path / name)


# ---------------------------------------------------------------- the templates


@pytest.fixture(params=STARTERS)
def starter(request: pytest.FixtureRequest) -> Starter:
    return starters()[request.param]


def test_a_template_has_one_variable(starter: Starter) -> None:
    """The name of the project, so cookiecutter and ``s3batch init`` create the same files."""
    for path, content in starter.files("my-photos").items():
        text = content.decode()
        assert not re.search(r"\{\{|\{%|\{#", text), path
        assert text.endswith("\n"), path
        assert "\r" not in text, path


def test_files_that_starters_share_are_identical(starter: Starter) -> None:
    """To change them, change them in ``minimal`` and copy them."""
    ours, common = (one.files("my-photos") for one in (starter, starters()["minimal"]))

    for path in common.keys() - DIFFERENT:
        assert ours[path] == common[path], f"{starter.name}/{BLANK}/{path}"
    extra = {"function/multipart.py"} if starter.name == "copy-large" else set()
    assert ours.keys() - common.keys() == extra
    how_to, common_how_to = (
        files["README.md"].decode().partition("## Test\n")[2] for files in (ours, common)
    )
    own = re.compile(
        r" \\\n    --parameter-overrides TargetBucket=\S+|(?<=## Run a job\n).*?(?=\nThen:)",
        re.DOTALL,
    )
    assert own.sub("", how_to) == own.sub("", common_how_to)


DIFFERENT = {
    "README.md",
    "template.yaml",
    "events/v1.json",
    "events/v2.json",
    "function/app.py",
    "function/requirements.txt",
    "tests/test_app.py",
}


def test_cookiecutter_has_the_settings_of_init(starter: Starter) -> None:
    """It asks for a name and converts it as ``s3batch init`` does."""
    settings, common = (
        json.loads(one.path.joinpath("cookiecutter.json").read_text())
        for one in (starter, starters()["minimal"])
    )

    assert settings["project_name"] == starter.name
    assert settings["project_slug"] == common["project_slug"]
    assert settings["_about"] == starter.about
    hook, common_hook = (
        one.path.joinpath("hooks", "pre_gen_project.py").read_text()
        for one in (starter, starters()["minimal"])
    )
    assert hook == common_hook


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads CloudFormation: tags such as ``!Ref`` become text."""


def _tag(loader: _Loader, suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return f"!{suffix} {node.value}"
    assert isinstance(node, yaml.SequenceNode)
    return [f"!{suffix}", *loader.construct_sequence(node, deep=True)]


_Loader.add_multi_constructor("!", _tag)


def sam_template(starter: Starter) -> Any:
    return yaml.load(starter.files("my-photos")["template.yaml"], _Loader)  # a SafeLoader


def test_sam_templates_differ_only_in_the_function(starter: Starter) -> None:
    """Only the settings and permissions of the function differ."""
    ours, common = sam_template(starter), sam_template(starters()["minimal"])
    for template in (ours, common):
        del template["Description"]
        template["Parameters"].pop("TargetBucket", None)
        del template["Parameters"]["SourceBucket"]["Description"]
        function = template["Resources"]["Function"]["Properties"]
        for name in ("MemorySize", "Timeout", "Environment", "VersionDescription"):
            function.pop(name, None)
        template["Resources"]["Function"].pop("UpdateReplacePolicy", None)  # for the description
        template["Resources"]["Function"]["Metadata"].pop("cfn-lint", None)  # for that
        skipped = template["Resources"]["Function"]["Metadata"]["checkov"]["skip"]
        skipped[:] = [one for one in skipped if one["id"] != "CKV_AWS_173"]  # of Environment
        (policy,) = template["Resources"]["FunctionRole"]["Properties"]["Policies"]
        statements = policy["PolicyDocument"]["Statement"]
        policy["PolicyDocument"]["Statement"] = statements[:2]  # WriteLogs, DistinguishMissing…

    assert ours == common


def test_roles_allow_only_the_actions_that_are_used(starter: Starter) -> None:
    """Statements name actions and resources, without wildcards."""
    resources = sam_template(starter)["Resources"]

    statements = [
        statement
        for role in ("FunctionRole", "JobRole")
        for policy in resources[role]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    for statement in statements:
        actions = statement["Action"]
        assert statement["Effect"] == "Allow"
        assert "*" not in "".join([actions] if isinstance(actions, str) else actions)
        assert re.match(r"!(Sub|GetAtt) [A-Za-z$]", statement["Resource"]), statement["Sid"]
    writes = {name for statement in statements for name in statement["Action"] if "Put" in name}
    environment = resources["Function"]["Properties"].get("Environment")
    assert (environment is None) == (
        "TARGET_BUCKET" not in starter.files("my-photos")["function/app.py"].decode()
    )
    assert ("TargetBucket" in sam_template(starter)["Parameters"]) == (environment is not None)
    # SAM ignores changes of parameters: with this text, another bucket gets a new version.
    description = resources["Function"]["Properties"].get("VersionDescription", "")
    assert ("${TargetBucket}" in description) == (environment is not None)
    assert writes <= {"logs:PutLogEvents", "s3:PutObject", "s3:PutObjectTagging"}


# ---------------------------------------------------------------- what is made of them


@pytest.mark.parametrize("starter", STARTERS)
def test_a_new_project_passes_its_tests(starter: str, tmp_path: Path) -> None:
    """Unchanged, with its own settings, and without access to the user's account."""
    project = project_of(starter, tmp_path)
    account = {"AWS_PROFILE": "work", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}

    output = checked("pytest", "-q", "-p", "no:cacheprovider", folder=project, **account)

    assert re.search(r"^\d+ passed in", output, re.MULTILINE), output


@needs("mypy")
@needs("ruff")
def test_new_projects_pass_their_checks(tmp_path: Path) -> None:
    """Format, lint and types. All projects are in one test, so that mypy reads boto3 once."""
    for starter in STARTERS:
        project = project_of(starter, tmp_path / starter)
        checked("ruff", "format", "--no-cache", "--check", ".", folder=project)
        checked("ruff", "check", "--no-cache", ".", folder=project)
        checked("mypy", "--cache-dir", tmp_path / "cache", folder=project)


@needs("cfnlint")
@pytest.mark.parametrize("starter", STARTERS)
def test_cfn_lint_accepts_the_template(starter: str, tmp_path: Path) -> None:
    """It runs with all rules, also informational and experimental ones."""
    project = project_of(starter, tmp_path)

    output = checked("cfn-lint", "--include-checks", "I", "--", "template.yaml", folder=project)

    assert output == ""


@pytest.mark.parametrize("starter", STARTERS)
def test_the_commands_of_the_readme_run_a_job(starter: str, tmp_path: Path) -> None:
    """The job has no failed tasks."""
    project = project_of(starter, tmp_path)
    readme = project.joinpath("README.md").read_text()
    assert readme.index("pip install -r requirements-dev.txt") < readme.index("s3batch run")
    for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL):
        if "boto3" not in code:  # the one that lists a bucket is in docs/deploy.md, too
            checked("python", "-c", code, folder=project)
    ((command, source),) = re.findall(r"^(.*?(?:\\\n.*)?--source (\w+)/.*)$", readme, re.MULTILINE)
    photo = project / source / "2024" / "a b.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(GIF if starter == "image-thumbnails" else b"text\n")

    here = f"PATH={Path(sys.executable).parent}:$PATH"
    checked("/bin/sh", "-c", f"{here}; {command} --report reports", folder=project)

    (row,) = read_report(next(project.glob("reports/job-*/manifest.json"))).rows()
    assert row.error_code is None, row.message
    assert project.joinpath("out").exists() == ("--output" in command)


GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00"
    b"\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
