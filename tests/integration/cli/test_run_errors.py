"""``s3batch run`` with bad input and wrong options."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.shell import Shell


BAD_INPUT = {
    "a handler that cannot be imported": (["run", "broken:handler"], 2, "cannot import broken"),
    "no such module": (["run", "nothing:handler"], 2, "there is no module nothing"),
    "no such file": (["run", "no/app.py:handler"], 2, "there is no file no/app.py"),
    "no such name": (["run", "app:nothing"], 2, "app has no 'nothing'"),
    "a name that is not callable": (["run", "app:number"], 2, "not callable"),
    "a handler without a name": (["run", "app:"], 2, "is not the name of a function"),
    "an address of nothing": (
        ["run", "http://h/app"],
        2,
        "http://h/app is not the address of a function",
    ),
    "an address without a server": (["run", "http://127.0.0.1:9"], 2, "9: no server responds"),
    "an ARN of no function": (["run", "arn:aws:s3:::b"], 2, "is not the ARN of a function"),
    "a folder for a function elsewhere": (
        ["run", "http://127.0.0.1:9", "--source", "."],
        2,
        "--source and a URL or ARN as HANDLER cannot be combined",
    ),
    "a log of a function elsewhere": (
        ["run", "http://127.0.0.1:9", "--log", "x"],
        2,
        "--log and a URL or ARN as HANDLER cannot be combined",
    ),
    "an empty manifest": (["run", "app", "--manifest", "empty.csv"], 1, "is empty"),
    "no name of a manifest": (
        ["run", "app", "--manifest", ""],
        2,
        "'--manifest': the value is empty",
    ),
    "no name of variables": (
        ["run", "app", "--env-file", ""],
        2,
        "'--env-file': the value is empty",
    ),
    "a header row": (["run", "app", "--manifest", "header.csv"], 1, "line 1: a header row"),
    "a wrong column count": (["run", "app", "--manifest", "width.csv"], 1, "line 3: has 3 columns"),
    "no such inventory": (["run", "app", "--manifest", "none.json"], 1, "No such file"),
    "no inventory": (["run", "app", "--manifest", "m.json"], 1, "not an inventory's manifest.json"),
    "no such manifest": (["run", "app", "--manifest", "none.csv"], 1, "No such file"),
    "a folder that does not exist": (["run", "app", "--source", "nowhere"], 2, "does not exist"),
    "an empty folder": (["run", "app", "--source", "nothing-in-it"], 1, "no objects found"),
    "nothing to work on": (
        ["run", "app"],
        2,
        "Missing option --manifest (or --source, --bucket, --resume, --failed-from).",
    ),
    "a report that cannot be written": (
        ["run", "app", "--report", "app.py/reports"],
        2,
        "cannot write there",
    ),
    "arguments with schema 1.0": (["run", "app", "-a", "a=b", "--schema", "1.0"], 2, "schema 2.0"),
    "an argument that is none": (["run", "app", "-a", "target"], 2, "NAME=VALUE"),
    "an output without a source": (
        ["run", "app", "--output", "a=b"],
        2,
        "--output needs --source.",
    ),
    "no time at all": (["run", "app", "--timeout", "0"], 2, "--timeout"),
    "unknown columns": (["run", "app", "--fields", "Bucket,Name"], 1, "unknown field 'Name'"),
}


def test_bad_input_gets_one_clear_line(s3batch: Shell) -> None:
    """It says what to do, exits with 1 or 2, shows no traceback and leaves no files."""
    s3batch.manifest("b,k")
    s3batch.manifest(name="empty.csv")
    s3batch.manifest("Bucket,Key", "b,k", name="header.csv")
    s3batch.manifest("b,k", "b,k", "b,k,v", name="width.csv")
    s3batch.manifest('{"Format": "Report_CSV_20180820"}', name="m.json")
    (s3batch.folder / "nothing-in-it").mkdir()
    (s3batch.folder / "broken.py").write_text("import no_such_thing")
    for case, (arguments, code, message) in BAD_INPUT.items():
        has_input = {"--manifest", "--source"} & {*arguments} or case == "nothing to work on"
        added = [] if has_input else ["--manifest", "manifest.csv"]

        run = s3batch(*arguments, *added)

        assert message in run.stderr, case
        assert run.returncode == code, case
        assert "Traceback" not in run.stderr, case
        assert run.stdout == "", case
        assert not (s3batch.folder / "s3batch-reports").exists(), case


WRONG_OPTIONS = {
    "a manifest and a bucket": (
        ["--bucket", "photos", "--manifest", "m.csv"],
        "cannot be combined",
    ),
    "a prefix of a manifest": (["--prefix", "p", "--manifest", "m.csv"], "cannot be combined"),
    "columns without a manifest": (
        ["--fields", "Key", "--bucket", "b"],
        "--fields needs --manifest.",
    ),
    "an output twice": (
        ["--source", ".", "--output", "abc=y", "--output", "abc=x"],
        "has bucket abc twice",
    ),
    "an invalid bucket": (["--source", ".", "--bucket", "My_Photos"], "is not a bucket name"),
    "an invalid output bucket": (["--source", ".", "--output", "a=y"], "is not a bucket name"),
    "an output without a folder": (["--source", ".", "--output", "abc"], "write BUCKET=DIR"),
    "an output nowhere": (["--source", ".", "--output", "xyz=/dev/null/x"], "cannot write there"),
    "an endpoint without http": (["--bucket", "b", "--endpoint-url", "host:80"], "http://host"),
    "two S3s": (["--source", ".", "--endpoint-url", "http://h"], "cannot be combined"),
    "a manifest without a key": (["--manifest", "s3://bucket"], "Write s3://bucket/key"),
    "a report in the source": (["--source", ".", "--report", "."], "have the same folder"),
    "an output in the source": (["--source", ".", "--output", "xyz=."], "have the same folder"),
    "a manifest saved nowhere": (
        ["--bucket", "b", "--save-manifest", "/dev/null/x/m.csv"],
        "cannot write there",
    ),
    "a manifest saved into S3": (
        ["--bucket", "b", "--save-manifest", "s3://b/k"],
        "S3 is not supported",
    ),
    "a path of a bucket": (["--bucket", "b/2024"], "the name alone"),
    "a manifest saved to a stream": (["--bucket", "b", "--save-manifest", "-"], "Name a file"),
    "a manifest that is there": (
        ["--manifest", "m.csv", "--save-manifest", "n"],
        "cannot be combined",
    ),
    "columns of an inventory": (["--manifest", "m.json", "--fields", "Key"], "inventory names its"),
    "an inventory without a key": (["--manifest", "s3://m.json"], "Write s3://bucket/key"),
    "a log nowhere": (["--manifest", "m.csv", "--log", "/dev/null/x"], "cannot write there"),
}


def test_wrong_options_are_refused_before_the_job_starts(s3batch: Shell) -> None:
    """Exit code 2: no option is silently ignored."""
    s3batch.manifest("b,k", name="m.csv")
    for case, (arguments, message) in WRONG_OPTIONS.items():
        run = s3batch("run", "app.py", *arguments)

        assert run.returncode == 2, case
        assert message in run.stderr, case


def test_an_endpoint_that_cannot_be_reached_is_one_line_with_its_address(s3batch: Shell) -> None:
    run = s3batch(
        *("run", "app", "--bucket", "b", "--endpoint-url", "http://127.0.0.1:9"),
        AWS_ACCESS_KEY_ID="x",
        AWS_SECRET_ACCESS_KEY="x",
    )

    (line,) = run.stderr.splitlines()
    assert run.returncode == 1
    assert line.startswith("s3batch: ")
    assert "http://127.0.0.1:9/b" in line
