"""Job files: YAML, TOML and JSON with the members of CreateJob, with variables and profiles."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler import JobFileError
from s3batch_handler.jobs import read_job_file

if TYPE_CHECKING:
    from pathlib import Path

JOB = """
Operation:
  LambdaInvoke:
    FunctionArn: thumbnails:PROD
Manifest:
  Location:
    ObjectArn: s3://my-jobs/photos.csv
Report:
  Bucket: s3://my-jobs/reports
RoleArn: batch
"""


def request_of(folder: Path, text: str, name: str = "job.yaml", **options: Any) -> dict[str, Any]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_job_file(path, **options).request


def problems_of(folder: Path, text: str, name: str = "job.yaml", **options: Any) -> list[str]:
    """Return the lines of the error for a file, without the path."""
    with pytest.raises(JobFileError) as error:
        request_of(folder, text, name, **options)
    return str(error.value).replace(f"{folder / name}", name).splitlines()


def test_a_short_file_is_a_whole_request(tmp_path: Path) -> None:
    """URLs are completed to ARNs, and what the options of ``job submit`` default to is added."""
    request = request_of(tmp_path, JOB)

    assert request == {
        "Operation": {"LambdaInvoke": {"FunctionArn": "thumbnails:PROD"}},
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": "arn:aws:s3:::my-jobs/photos.csv"},
        },
        "Report": {
            "Bucket": "arn:aws:s3:::my-jobs",
            "Prefix": "reports",
            "Enabled": True,
            "Format": "Report_CSV_20180820",
            "ReportScope": "AllTasks",
        },
        "Priority": 10,
        "RoleArn": "batch",
    }


def test_a_spec_has_arns_for_names(tmp_path: Path) -> None:
    """The account, the Region and the ETag are known when the job is submitted."""
    (tmp_path / "job.yaml").write_text(JOB)

    spec = read_job_file(tmp_path / "job.yaml").spec(
        account_id="123456789012", region="cn-north-1", partition="aws-cn", etag="abc"
    )

    assert spec.role_arn == "arn:aws-cn:iam::123456789012:role/batch"
    assert spec.operation.lambda_invoke is not None
    assert spec.operation.lambda_invoke.function_arn == (
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:thumbnails:PROD"
    )
    assert spec.manifest is not None
    assert spec.manifest.location.etag == "abc"
    assert spec.manifest.location.object_arn == "arn:aws-cn:s3:::my-jobs/photos.csv"


def test_a_spec_names_the_argument_that_it_needs(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(JOB)

    with pytest.raises(JobFileError, match="the spec needs account_id; pass account_id=…"):
        read_job_file(tmp_path / "job.yaml").spec()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("ON", "ON"),
        ("yes", "yes"),
        ("2.0", "2.0"),
        ("1_000", "1_000"),
        ("012345678901", "012345678901"),
        ("0x10", "0x10"),
        ("12:30:45", "12:30:45"),
        ("2030-01-31", "2030-01-31"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("=", "="),
        ("'${x}'", "a: b"),
        ("a$${x}", "a${x}"),
        ("$${x", "${x"),
        ("$x", "$x"),
    ],
)
def test_text_is_what_the_file_has(tmp_path: Path, written: str, text: str) -> None:
    """YAML 1.1 reads some texts as booleans, numbers and times; a member decides instead."""
    job = JOB + f"Description: {written}\nVariables: {{x: 'a: b'}}\n"
    if "x" not in written:
        job = job.replace("Variables: {x: 'a: b'}\n", "")

    assert request_of(tmp_path, job)["Description"] == text


def test_members_decide_the_type_of_a_value(tmp_path: Path) -> None:
    """``Status: ON`` is text; times without a time zone are in UTC."""
    text = JOB.replace("  LambdaInvoke:\n    FunctionArn: thumbnails:PROD\n", "  S3Put: x\n")
    retention = "S3PutObjectRetention: {Retention: {RetainUntilDate: 2030-01-31}}"
    hold = "S3PutObjectLegalHold: {LegalHold: {Status: ON}}"

    assert request_of(tmp_path, text.replace("S3Put: x", hold))["Operation"] == {
        "S3PutObjectLegalHold": {"LegalHold": {"Status": "ON"}}
    }
    assert request_of(tmp_path, text.replace("S3Put: x", retention))["Operation"] == {
        "S3PutObjectRetention": {
            "Retention": {"RetainUntilDate": datetime(2030, 1, 31, tzinfo=UTC)}
        }
    }
    for written in ("S3DeleteObjectTagging:", "S3DeleteObjectTagging: {}"):
        request = request_of(tmp_path, text.replace("S3Put: x", written))
        assert request["Operation"] == {"S3DeleteObjectTagging": {}}


def test_user_arguments_have_text_and_need_schema_2(tmp_path: Path) -> None:
    text = JOB.replace("PROD", "PROD\n    UserArguments: {width: 80, dry: ON, ratio: 1.50}")

    assert request_of(tmp_path, text)["Operation"]["LambdaInvoke"] == {
        "FunctionArn": "thumbnails:PROD",
        "InvocationSchemaVersion": "2.0",
        "UserArguments": {"width": "80", "dry": "ON", "ratio": "1.50"},
    }


TOML = """
Description = "${what} job"
RoleArn = "batch"

[Operation.LambdaInvoke]
FunctionArn = "thumbnails"
InvocationSchemaVersion = 2.0
[Operation.LambdaInvoke.UserArguments]
width = 80

[Manifest.Location]
ObjectArn = "s3://my-jobs/photos.csv"

[Report]
Enabled = false

[[Tags]]
Key = "team"
Value = "photos"
[[Tags]]
Key = "stage"
Value = "dev"

[Variables]
what = "my"
"""


def test_toml_and_json_are_read_as_yaml_is(tmp_path: Path) -> None:
    request = request_of(tmp_path, TOML, "job.toml")
    as_json = json.dumps({**request, "Description": "my \U0001f600 job\t"}, indent="\t")

    assert request["Description"] == "my job"
    assert request["Operation"]["LambdaInvoke"]["InvocationSchemaVersion"] == "2.0"
    assert request["Operation"]["LambdaInvoke"]["UserArguments"] == {"width": "80"}
    assert request["Tags"] == [
        {"Key": "team", "Value": "photos"},
        {"Key": "stage", "Value": "dev"},
    ]
    assert request_of(tmp_path, as_json, "job.json") == {
        **request,
        "Description": "my \U0001f600 job\t",
    }


# ---------------------------------------------------------------- variables and profiles

VARIED = (
    JOB.replace("my-jobs", "${bucket}")
    + """
Priority: ${priority}
Variables:
  bucket: jobs-${stage}
  stage: dev
  priority: 1
Profiles:
  prod:
    Variables: {stage: prod}
    Description: the real one
    Operation:
      LambdaInvoke:
        UserArguments: {width: 80}
  copy:
    Operation: {LambdaInvoke: null, S3DeleteObjectTagging: }
"""
)


def test_variables_have_defaults_of_the_file_and_values_of_the_caller(tmp_path: Path) -> None:
    request = request_of(tmp_path, VARIED, variables={"priority": "7", "bucket": "a-bucket"})

    assert request["Priority"] == 7
    assert request["Report"]["Bucket"] == "arn:aws:s3:::a-bucket"
    assert request_of(tmp_path, VARIED)["Report"]["Bucket"] == "arn:aws:s3:::jobs-dev"


def test_a_profile_overrides_variables_and_members(tmp_path: Path) -> None:
    """Mappings are merged; null removes a member."""
    request = request_of(tmp_path, VARIED, profile="prod")
    copy = request_of(tmp_path, VARIED, profile="copy")

    assert request["Report"]["Bucket"] == "arn:aws:s3:::jobs-prod"
    assert request["Description"] == "the real one"
    assert request["Operation"]["LambdaInvoke"]["FunctionArn"] == "thumbnails:PROD"
    assert request["Operation"]["LambdaInvoke"]["UserArguments"] == {"width": "80"}
    assert copy["Operation"] == {"S3DeleteObjectTagging": {}}


@pytest.mark.parametrize(
    ("change", "options", "problem"),
    [
        (
            "Description: ${stge}",
            {},
            "job.yaml:26: Description: the variable stge is not defined; did you mean stage?",
        ),
        (
            "Description: ${ stage }",
            {},
            (
                "job.yaml:26: Description: a reference has the form ${name}; "
                "write $${ for a literal ${"
            ),
        ),
        (
            "",
            {"variables": {"bukket": "x"}},
            "job.yaml:1: no member uses the variable 'bukket'; did you mean bucket?",
        ),
        (
            "",
            {"profile": "test"},
            "job.yaml:17: Profiles: no profile 'test'; the file has copy, prod",
        ),
        ("", {"profile": "prd"}, "job.yaml:17: Profiles: no profile 'prd'; did you mean prod?"),
    ],
)
def test_wrong_variables_and_profiles_are_named(
    tmp_path: Path, change: str, options: dict[str, Any], problem: str
) -> None:
    assert problems_of(tmp_path, VARIED + change, **options) == [problem]


def test_a_variable_that_refers_to_itself_is_an_error(tmp_path: Path) -> None:
    text = VARIED.replace("stage: dev", "stage: ${bucket}")

    (problem, *_) = problems_of(tmp_path, text)

    assert problem.endswith("the variable bucket refers to itself")


def test_a_variable_without_a_value_must_be_passed(tmp_path: Path) -> None:
    text = VARIED.replace("priority: 1", "priority:")

    assert problems_of(tmp_path, text) == [
        "job.yaml:12: Priority: the variable priority has no value; pass one (--var priority=VALUE)"
    ]
    assert request_of(tmp_path, text, variables={"priority": "2"})["Priority"] == 2


# ---------------------------------------------------------------- errors

WRONG = """\
AccountID: 1
Operation:
  S3PutObjectLegalHold:
    LegalHold: {Status: Yes}
Manifest:
  Spec:
    Format: S3BatchOperations_CSV_20180820
    Fields: [Bucket, Kee]
  Location: {ObjectArn: my/m.csv}
Report: {Enabled: maybe}
Priority: ten
RoleArn: a role
Description: ${nobody}
"""


GENERATOR = """\
ManifestGenerator:
  S3JobManifestGenerator: {SourceBucket: photos, EnableManifestOutput: false}
"""

PROBLEMS = """\
job.yaml:1: AccountID: there is no such member; did you mean AccountId?
job.yaml:4: Operation.S3PutObjectLegalHold.LegalHold.Status: must be one of ON, OFF; got 'Yes'
job.yaml:8: Manifest.Spec.Fields[1]: must be one of Ignore, Bucket, Key, VersionId; got 'Kee'
job.yaml:9: Manifest.Location.ObjectArn: expected s3://BUCKET/KEY or the ARN of an object, got \
'my/m.csv'
job.yaml:10: Report.Enabled: expected true or false, got 'maybe'
job.yaml:11: Priority: expected a whole number, got 'ten'
job.yaml:12: RoleArn: expected the name or the ARN of a role, got 'a role'
job.yaml:13: Description: the variable nobody is not defined; define it in Variables, or pass a \
value for it
"""


def test_all_problems_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    assert problems_of(tmp_path, WRONG) == PROBLEMS.splitlines()


def test_a_file_of_any_format_has_all_problems_each_with_a_line(tmp_path: Path) -> None:
    """Also what is missing, and what depends on several members."""
    text = """\
Priority = -10
[Operation.S3ComputeObjectChecksum]
ChecksumAlgorithm = "CRC"
[Report]
Enabled = false
"""

    assert problems_of(tmp_path, text, "job.toml") == [
        "job.toml:1: Manifest: it is missing; add it, or ManifestGenerator",
        "job.toml:1: Priority: must be at least 0, got -10",
        "job.toml:1: RoleArn: it is missing; add the IAM role that S3 assumes",
        (
            "job.toml:3: Operation.S3ComputeObjectChecksum.ChecksumAlgorithm: must be one of "
            "CRC32, CRC32C, SHA1, SHA256, CRC64NVME, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128; "
            "got 'CRC'"
        ),
        "job.toml:5: Report.Enabled: it must be true for S3ComputeObjectChecksum",
    ]


def test_members_of_all_profiles_must_exist(tmp_path: Path) -> None:
    """Also of those that are not chosen."""
    text = f"{JOB}Profiles:\n  none:\n  prod:\n    Variables: {{a: b}}\n    priority: 5\n"

    problems = (problems_of(tmp_path, text, profile=name) for name in (None, "none"))

    assert [*problems] == [
        ["job.yaml:15: Profiles.prod.priority: there is no such member; did you mean Priority?"]
    ] * 2


def test_variables_that_multiply_each_other_are_an_error(tmp_path: Path) -> None:
    """They would fill the memory."""
    powers = "".join(f"  a{n + 1}: {f'${{a{n}}}' * 10}\n" for n in range(9))
    text = f"{JOB}Description: ${{a9}}\nVariables:\n  a0: xxxxxxxxxx\n{powers}"

    (problem,) = problems_of(tmp_path, text)

    assert problem.endswith("the values of variables have more than 1,000,000 characters")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            ("LambdaInvoke", "LambdaInvok"),
            "job.yaml:3: Operation.LambdaInvok: there is no such member; did you mean",
        ),
        (
            ("LambdaInvoke:\n    FunctionArn: thumbnails:PROD", "S3DeleteObject: {}"),
            (
                "job.yaml:3: Operation.S3DeleteObject: there is no such member; did you mean "
                "S3DeleteObjectTagging?"
            ),
        ),
        (
            ("FunctionArn: thumbnails:PROD", "InvocationSchemaVersion: 2.0"),
            "job.yaml:3: Operation.LambdaInvoke.FunctionArn: it is missing; add it",
        ),
        (
            ("thumbnails:PROD", "f\n    InvocationSchemaVersion: 3.0"),
            "job.yaml:5: Operation.LambdaInvoke.InvocationSchemaVersion: it must be 1.0 or 2.0",
        ),
        (
            ("Manifest:\n  Location:\n    ObjectArn: s3://my-jobs/photos.csv\n", ""),
            "job.yaml:1: Manifest: it is missing; add it, or ManifestGenerator",
        ),
        (
            ("RoleArn:", "role_arn:"),
            "job.yaml:10: role_arn: there is no such member; did you mean RoleArn?",
        ),
        (
            ("RoleArn: batch", "RoleArn: batch\nObjectArn: x"),
            "job.yaml:11: ObjectArn: there is no such member here; it belongs to Manifest.Location",
        ),
        (
            (
                "RoleArn: batch",
                f"RoleArn: batch\n{GENERATOR}",
            ),
            "job.yaml:11: ManifestGenerator: there is a Manifest, too; delete one of them",
        ),
        (
            ("RoleArn: batch", 'RoleArn: batch\nDescription: "\\ud800"'),
            "job.yaml:11: Description: it has the character U+D800, which a request cannot have",
        ),
        (
            ("RoleArn: batch", 'RoleArn: batch\nDescription: "\\x01"'),
            "job.yaml:11: Description: it has the character U+0001, which a request cannot have",
        ),
        (("Bucket: s3", "Bucket: arn:aws:sns"), "job.yaml:9: Report.Bucket: expected s3://BUCKET"),
        (
            ("Report:\n  Bucket: s3://my-jobs/reports\n", ""),
            "job.yaml:1: Report: it is missing; add Bucket, or Enabled: false for a job without",
        ),
    ],
)
def test_a_problem_is_one_line_with_what_to_write(
    tmp_path: Path, change: tuple[str, str], problem: str
) -> None:
    """What follows from a problem is not another one."""
    (line,) = problems_of(tmp_path, JOB.replace(*change))

    assert line.startswith(problem)


def test_lines_of_toml_are_those_of_its_statements(tmp_path: Path) -> None:
    text = TOML.replace('"photos"', "[\n1]").replace("width", '"a\\"b#["').replace("80", "{}")

    assert problems_of(tmp_path, text, "job.toml") == [
        'job.toml:9: Operation.LambdaInvoke.UserArguments.a"b#[: expected text, got a mapping',
        "job.toml:19: Tags.team: expected text, got a list",
    ]
