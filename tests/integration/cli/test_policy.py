"""``s3batch policy`` on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch
from tests.support.policy_jobs import INVENTORY, OPERATIONS, OTHER_ACCOUNT, job_request

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(s3batch, ["policy", *arguments], prog_name="s3batch")


def save(folder: Path, request: dict[str, Any] | None = None) -> None:
    folder.joinpath("job.yaml").write_text(yaml.safe_dump(request or job_request()))


def test_the_documents_are_one_object(tmp_path: Path) -> None:
    """``--json`` and the default format print the same."""
    save(tmp_path)

    result = run("job.yaml", "--json")

    assert result.exit_code == 0
    documents = json.loads(result.stdout)
    assert documents.keys() == {"job_role", "caller", "function_role", "function_policy"}
    assert documents["job_role"].keys() == {"trust", "permissions"}
    assert documents["function_policy"] is None
    assert run("job.yaml").stdout == result.stdout
    assert run("--format", "json", "job.yaml").stdout == result.stdout
    assert run("print", "job.yaml").stdout == result.stdout


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "LambdaInvoke"])
def test_every_operation_has_policies(name: str, tmp_path: Path) -> None:
    """Job files of all operations are accepted; without a function there is no role for it."""
    report = {**job_request()["Report"], "ExpectedBucketOwner": "123456789012"}
    save(tmp_path, job_request(name, Report=report))

    result = run("job.yaml", "--bucket", "photos")

    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["function_role"] is None


@pytest.mark.parametrize(
    ("part", "members"),
    [
        ("job-role", {"job_role"}),
        ("caller", {"caller"}),
        ("function", {"function_role", "function_policy"}),
    ],
)
def test_one_part_can_be_chosen(part: str, members: set[str], tmp_path: Path) -> None:
    """For example if different people create the roles."""
    save(tmp_path)

    assert json.loads(run("job.yaml", "--for", part).stdout).keys() == members


def test_buckets_are_read_from_a_manifest(tmp_path: Path) -> None:
    """The manifest of the job is in S3; a local copy says the buckets, and which have versions."""
    save(tmp_path, job_request("S3PutObjectTagging"))
    tmp_path.joinpath("manifest.csv").write_text("photos,a.jpg\nfilms,b.mov\nphotos,c.jpg\n")

    result = run("job.yaml", "--manifest", "manifest.csv", "--for", "job-role")

    assert result.exit_code == 0, result.stderr
    assert '"arn:aws:s3:::films/*"' in result.stdout
    assert '"arn:aws:s3:::photos/*"' in result.stdout


def test_buckets_and_files_are_read_from_an_inventory(tmp_path: Path) -> None:
    """Its ``manifest.json`` names the bucket, the columns and the files."""
    save(tmp_path, job_request("S3PutObjectTagging", Manifest=INVENTORY))
    inventory = {
        "sourceBucket": "photos",
        "destinationBucket": "arn:aws:s3:::files",
        "version": "2016-11-30",
        "creationTimestamp": "1732924800000",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key",
        "files": [{"key": "any/1.csv.gz", "size": 1, "MD5checksum": "0" * 32}],
    }
    tmp_path.joinpath("manifest.json").write_text(json.dumps(inventory))

    result = run("job.yaml", "--manifest", "manifest.json", "--for", "job-role")

    assert result.exit_code == 0, result.stderr
    assert "arn:aws:s3:::files/any/1.csv.gz" in result.stdout
    assert "s3:PutObjectVersionTagging" not in result.stdout


@pytest.mark.parametrize(
    ("form", "name"),
    [("sam", "policies.yaml"), ("terraform", "policies.tf"), ("cdk", "policies.py")],
)
def test_files_are_written_to_a_new_folder(form: str, name: str, tmp_path: Path) -> None:
    """The file is what the command prints otherwise."""
    save(tmp_path)

    result = run("job.yaml", "--format", form, "--to", "out", "--region", "eu-west-1")

    assert (result.exit_code, result.stdout) == (0, "")
    assert [path.name for path in tmp_path.joinpath("out").iterdir()] == [name]
    printed = run("job.yaml", "--format", form, "--region", "eu-west-1").stdout
    assert tmp_path.joinpath("out", name).read_text() == printed


def test_json_has_a_file_for_each_document(tmp_path: Path) -> None:
    """The names are those of ``templates/policies``."""
    save(tmp_path, job_request(FunctionArn=f"arn:aws:lambda:eu-west-1:{OTHER_ACCOUNT}:function:f"))

    assert run("job.yaml", "--to", "out").exit_code == 0
    assert {path.name for path in tmp_path.joinpath("out").iterdir()} == {
        *("job-role.json", "job-role-trust.json", "caller.json", "function-policy.json"),
        *("function-role.json", "function-role-trust.json"),
    }


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder with files is kept, and nothing else is left behind."""
    save(tmp_path)
    tmp_path.joinpath("out").mkdir()
    tmp_path.joinpath("out", "mine.json").write_text("{}")

    result = run("job.yaml", "--to", "out")

    assert result.exit_code == 2
    assert "--to out: the folder is not empty" in result.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["job.yaml", "mine.json", "out"]


def test_the_region_of_the_configuration_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any Region, ARNs have a wildcard, and a note says so."""
    save(tmp_path, job_request("S3DeleteObjectTagging"))
    without = run("job.yaml", "--bucket", "photos")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")

    result = run("job.yaml", "--bucket", "photos")

    assert "arn:aws:s3:*:123456789012:job/*" in without.stdout
    assert "--region" in without.stderr
    assert "arn:aws:s3:eu-west-3:123456789012:job/*" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("name", "option", "advice"),
    [
        ("LambdaInvoke", ["--bucket", "photos"], "--function-reads"),
        ("LambdaInvoke", ["--source-kms-key", "alias/photos"], "--function-kms-key"),
        ("S3ReplicateObject", ["--bucket", "photos", "--function-reads", "photos"], "no function"),
    ],
)
def test_an_option_without_effect_is_pointed_out(
    name: str, option: list[str], advice: str, tmp_path: Path
) -> None:
    """Otherwise, a person would believe that the policies contain it."""
    save(tmp_path, job_request(name))

    result = run("job.yaml", "--region", "eu-west-1", *option)

    assert result.exit_code == 0
    assert advice in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["missing.yaml"], "does not exist"),
        (["job.yaml"], "--bucket NAME"),
        (["job.yaml", "--bucket", "s3://"], "does not name a bucket"),
        (["job.yaml", "--bucket", "photos", "--for", "function"], "invokes no function"),
        (["job.yaml", "--bucket", "photos", "--source-kms-key", "a b"], None),
        (["job.yaml", "--bucket", "photos", "--format", "sam", "--json"], "choose one"),
        (["job.yaml", "--manifest", "bad.csv"], "bad.csv, line 1"),
        (["job.yaml", "--manifest", "empty.csv"], "empty.csv: the manifest is empty"),
        (
            ["job.yaml", "--bucket", "photos", "--to", "job.yaml"],
            "--to job.yaml: this is not a folder",
        ),
        (["job.yaml", "--bucket", "b\x1b[31m\n"], "does not name a bucket"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], text: str | None, tmp_path: Path) -> None:
    """Exit code 2, and nothing on standard output."""
    save(tmp_path, job_request("S3PutObjectTagging"))
    tmp_path.joinpath("bad.csv").write_text("photos\n")
    tmp_path.joinpath("empty.csv").touch()

    result = run(*arguments)

    if text is None:  # the key of the objects is not needed for tags
        assert result.exit_code == 0
        return
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr
    assert "\x1b" not in result.stderr


def test_a_bad_job_file_says_the_line(tmp_path: Path) -> None:
    """As for ``s3batch job submit``."""
    save(tmp_path, {**job_request(), "Priority": -1})

    result = run("job.yaml")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Priority" in result.stderr
