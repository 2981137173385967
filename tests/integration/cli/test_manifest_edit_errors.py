"""Commands that show and edit manifests: bad input, and what they write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from s3batch_handler.documents import check_manifest
from tests.support.manifest_commands import LINES, manifest
from tests.support.shell import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.shell import Shell


@pytest.fixture
def m(s3batch: Shell) -> str:
    """A manifest, in which one object is on two lines."""
    return s3batch.manifest(*LINES, name="m.csv")


@pytest.fixture
def s3(s3batch: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket with the manifest."""
    for name in os.environ:
        if "AWS" in name:
            monkeypatch.delenv(name)
    with mock_aws():
        client: Any = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lists")
        body = "".join(f"{line}\n" for line in LINES)
        client.put_object(Bucket="lists", Key="in/m.csv", Body=body)
        yield client


REFUSED = {
    "a file that does not exist": "sort none.csv --to x.csv: none.csv: No such file",
    "an object that does not exist": "sort s3://lists/none.csv --to x.csv: no such object",
    "a folder": "show .: Is a directory",
    "no file": "show: Missing argument",
    "an empty name": "show '': the value is empty",
    "a blank line": "sort blank.csv --to x.csv: blank.csv, line 2: a blank line; remove it",
    "a blank line, split": "split blank.csv --parts 1 --to x: blank.csv, line 2: a blank line",
    "a byte order mark": "split bom.csv --parts 1 --to x: bom.csv, line 1: begins with a byte",
    "a header row": "dedupe header.csv --to x.csv: header.csv, line 1: a header row",
    "an empty manifest": "sample empty.csv 5 --to x.csv: the manifest is empty",
    "an empty manifest, sorted": "sort empty.csv --to x.csv: the manifest is empty",
    "unknown columns": "show m.csv --fields Bucket,Nope: unknown field 'Nope'",
    "columns of an inventory": "show i.json --fields Bucket,Key: an inventory names its own",
    "too many parts": "split m.csv --parts 7 --to x: too few lines for 7 parts: 6. Pass a smaller",
    "two ways to split": "split m.csv --parts 2 --by-bucket --to x: Pass one of the options",
    "no way to split": "split m.csv --to x: Pass one of the options --parts",
    "no parts": "split m.csv --parts 0 --to x: 0 is too small",
    "no size": "split m.csv --max-bytes lots --to x: is not a size",
    "parts of no bytes": "split m.csv --max-bytes 0MB --to x: is not the size of a part",
    "a folder that is not empty": "split m.csv --parts 2 --to .: the folder is not empty",
    "a file as folder": "split m.csv --parts 2 --to m.csv: this is not a folder",
    "a bucket without a name": "split m.csv --parts 2 --to s3://: not the URL of a prefix",
    "the same file": "sort m.csv --to m.csv: this is the manifest that is read",
    "the same file, by another name": "sort m.csv --to ./m.csv: this is the manifest that is read",
    "the same file, through no folder": "sort m.csv --to none/../m.csv: this is the manifest",
    "the same object": "sort s3://lists/in/m.csv --to s3://lists/in/m.csv: that is read",
    "the other file": "diff m.csv n.csv --only a --to n.csv: this is the manifest that is read",
    "a side without a target": "diff m.csv n.csv --only a: --only and --to need each other",
    "standard input twice": "diff - -: - and - are the same stream",
    "a pipe twice": "diff pipe pipe: pipe and pipe are the same stream",
    "all lines and a target": "diff m.csv n.csv --only a --to x.csv --lines: exclude each other",
    "no sample": "sample m.csv 0 --to x.csv: is not a sample size",
    "more than all": "sample m.csv 101% --to x.csv: is not a sample size",
    "a seed without a shuffle": "sort m.csv --to x.csv --seed 1: --seed needs --shuffle",
    "a name of an inventory": "sort m.csv --to x.json: the manifest is a CSV file",
    "standard output": "sort m.csv --to -: standard output is not supported here",
    "standard output as folder": "split m.csv --parts 2 --to -: standard output is not supported",
    "a name of a folder": "sort m.csv --to x.csv/: this is a folder",
    "a new manifest with a name of a folder": "create x.csv/ --bucket lists: this is a folder",
    "a repaired copy with a name of a folder": "check m.csv --fix --to x.csv/: this is a folder",
    "a long name": f"sort m.csv --to {'x' * 300}.csv: File name too long. Choose another name",
    "a long name of a folder": f"split m.csv --parts 2 --to {'x' * 300}: File name too long",
    "a loop of links": "split m.csv --parts 2 --to loop: symbolic links",
    "no such bucket": "sort m.csv --to s3://none/x.csv: there is no such bucket",
    "no such bucket, split": "split m.csv --parts 2 --to s3://none/x: there is no such bucket",
    "no report": "join m.csv none: no such file or folder",
}


@pytest.mark.usefixtures("m", "s3")
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("as_json", [False, True])
def test_bad_input_exits_with_2_and_writes_nothing(
    s3batch: Shell, name: str, as_json: bool
) -> None:
    """One clear line, as text or as JSON, and no file."""
    command, _, problem = REFUSED[name].partition(": ")
    s3batch.manifest("b,1", "", "b,2", name="blank.csv")
    s3batch.manifest("\ufeffb,1", name="bom.csv")
    s3batch.manifest("Bucket,Key", "b,1", name="header.csv")
    s3batch.manifest(name="empty.csv")
    s3batch.manifest("b,1", name="n.csv")
    os.mkfifo(s3batch.folder / "pipe")
    (s3batch.folder / "loop").symlink_to("loop")
    before = {path: path.read_bytes() for path in s3batch.folder.iterdir() if path.is_file()}
    words = [word if word != "''" else "" for word in command.split(" ")]

    run = manifest(s3batch, *words, *(["--json"] if as_json else []))

    assert problem in run.stderr
    assert run.returncode == 2
    assert run.stdout == ""
    if as_json:
        assert json.loads(run.stderr)["error"]["exit_code"] == 2
    else:
        assert run.stderr.splitlines()[-1].startswith(("s3batch: ", "Error: "))
    after = {path: path.read_bytes() for path in s3batch.folder.iterdir() if path.is_file()}
    assert after == before
    assert not (s3batch.folder / "x").exists()


def test_without_duckdb_the_extra_is_named(
    s3batch: Shell, m: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)

    run = manifest(s3batch, "sort", m, "--to", "x.csv")

    assert "s3batch manifest sort needs duckdb" in run.stderr
    assert "pip install 's3batch-handler[report]'" in run.stderr
    assert run.returncode == 1


WRITING = {
    "sort": ["sort", "m.csv", "--to", "out/x.csv"],
    "shuffle": ["sort", "m.csv", "--shuffle", "--to", "out/x.csv"],
    "dedupe": ["dedupe", "m.csv", "--to", "out/x.csv"],
    "sample": ["sample", "m.csv", "3", "--to", "out/x.csv"],
    "split": ["split", "m.csv", "--parts", "3", "--to", "out"],
    "split by bucket": ["split", "m.csv", "--by-bucket", "--to", "out"],
    "diff": ["diff", "m.csv", "n.csv", "--only", "a", "--to", "out/x.csv"],
}


@pytest.mark.parametrize("name", WRITING)
def test_every_written_manifest_passes_the_check(s3batch: Shell, name: str) -> None:
    """No command writes a finding that its source does not have, such as a header row."""
    likely_headers = ["bucket,key", "Bucket,Key", "bucket,key"]  # not duplicates until one is first
    lines = ["b,a", "b,a", *(f"bucket,key{n}" for n in range(3)), *likely_headers]
    s3batch.manifest(*lines, name="m.csv")
    s3batch.manifest("b,a", name="n.csv")
    allowed = findings(s3batch.folder / "m.csv")

    run = manifest(s3batch, *WRITING[name])

    assert run.returncode == 0, run.stderr
    written = list((s3batch.folder / "out").iterdir())
    assert written
    for path in written:
        assert findings(path) <= allowed, path.read_text()


def findings(path: Path) -> set[str]:
    with path.open("rb") as stream:
        return {finding.code for finding in check_manifest(stream, duplicates=True)}


@pytest.mark.parametrize("command", ["split - --parts 2 --to out", "sort - --to out.csv"])
def test_an_interruption_leaves_no_files(s3batch: Shell, command: str) -> None:
    """Neither in the folder nor among the temporary files."""
    temporary = s3batch.folder / "tmp"
    temporary.mkdir()
    before = sorted(s3batch.folder.iterdir())
    process = subprocess.Popen(
        [*COMMAND, "manifest", *command.split()],
        cwd=s3batch.folder,
        env={**s3batch.environment, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"b,key\n" * 100_000)  # more than a pipe takes: the command reads
    process.stdin.flush()

    process.send_signal(signal.SIGTERM)
    process.communicate()

    assert process.returncode == 130
    assert sorted(s3batch.folder.iterdir()) == before
    assert not list(temporary.iterdir())
