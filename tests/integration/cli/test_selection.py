"""``s3batch run --limit`` and ``--sample``: a part of the objects."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from s3batch_handler.documents.reports._job_record import read_job_record
from s3batch_handler.documents.reports._report import read_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.shell import Run, Shell

KEYS = [f"a%20b/{number:02}" for number in range(40)]


def manifest_file(shell: Shell) -> list[str]:
    """Create a CSV manifest with a column that is ignored."""
    lines = (f"{key},ignored,b" for key in KEYS)
    return ["--manifest", shell.manifest(*lines), "--fields", "Key,Ignore,Bucket"]


def inventory(shell: Shell) -> list[str]:
    """Create an S3 Inventory report."""
    part = gzip.compress("".join(f'"b","{key}"\n' for key in KEYS).encode())
    (shell.folder / "part.csv.gz").write_bytes(part)
    md5 = hashlib.md5(part).hexdigest()
    document = {
        "sourceBucket": "b",
        "destinationBucket": "arn:aws:s3:::inventories",
        "version": "2016-11-30",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key",
        "files": [{"key": "part.csv.gz", "size": len(part), "MD5checksum": md5}],
    }
    (shell.folder / "manifest.json").write_text(json.dumps(document))
    return ["--manifest", "manifest.json"]


def source(shell: Shell) -> list[str]:
    """Create a folder of files."""
    (shell.folder / "files" / "a b").mkdir(parents=True)
    for key in KEYS:
        (shell.folder / "files" / key.replace("%20", " ")).touch()
    return ["--source", "files"]


@pytest.fixture(params=[manifest_file, inventory, source])
def objects(request: pytest.FixtureRequest, s3batch: Shell) -> list[str]:
    """Return options for 40 objects."""
    create: Callable[[Shell], list[str]] = request.param
    return create(s3batch)


def keys(shell: Shell, run: Run) -> list[str]:
    """Return the keys in the report of a run, in the order of the manifest."""
    assert run.returncode == 0, run.stderr
    report = read_report(shell.folder / json.loads(run.stdout)["report"])
    return sorted(row.key for row in report.rows())


def run_with(shell: Shell, *options: str) -> Run:
    return shell("run", "app:handler", *options, "--json")


def test_limit_runs_the_first_objects(s3batch: Shell, objects: list[str]) -> None:
    """The report has these objects, and the summary says that they are the first ones."""
    run = run_with(s3batch, *objects, "--limit", "7")

    assert keys(s3batch, run) == [key.replace("%20", " ") for key in KEYS[:7]]
    summary = json.loads(run.stdout)
    assert (summary["total"], summary["selection"]) == (7, {"limit": 7})
    assert "the first 7 objects" in run.stderr


def test_a_sample_is_repeated_with_its_seed(s3batch: Shell, objects: list[str]) -> None:
    """The summary has the seed that was chosen."""
    first = run_with(s3batch, *objects, "--sample", "9")
    selection = json.loads(first.stdout)["selection"]

    again = run_with(s3batch, *objects, "--sample", "9", "--seed", str(selection["seed"]))

    assert (selection["sample"], selection["from"]) == (9, 40)
    assert len(keys(s3batch, first)) == 9
    assert keys(s3batch, again) == keys(s3batch, first)
    assert f"sample of 9 from 40 (--seed {selection['seed']})" in first.stderr


def test_a_seed_selects_the_same_keys_from_each_kind_of_source(s3batch: Shell) -> None:
    """Keys, their order and their number decide, not where they are listed."""
    runs = [
        run_with(s3batch, *create(s3batch), "--sample", "9", "--seed", "3")
        for create in (manifest_file, inventory, source)
    ]

    samples = [keys(s3batch, run) for run in runs]

    assert samples[0] == samples[1] == samples[2]


def test_the_record_of_a_job_has_the_selection(s3batch: Shell) -> None:
    """So it is known later how the sample can be repeated."""
    manifest = s3batch.manifest("b,k1", "b,k2")

    run_with(s3batch, "--manifest", manifest, "--sample", "1", "--seed", "5")

    record = read_job_record(read_report(s3batch.folder / "s3batch-reports"))
    assert record is not None
    assert record.local["Selection"] == {"sample": 1, "from": 2, "seed": 5}


def test_a_sample_that_is_larger_than_the_manifest_has_all_objects(s3batch: Shell) -> None:
    manifest = s3batch.manifest("b,k1", "b,k2")

    run = s3batch("run", "app:handler", "--manifest", manifest, "--sample", "10", "--seed", "1")

    assert "Objects    sample of 2 from 2 (--seed 1)\n" in run.stdout


def test_a_limit_does_not_read_the_lines_after_it(s3batch: Shell) -> None:
    """A sample is taken from the whole manifest, so an error in its last line is found."""
    manifest = s3batch.manifest("b,k1", "b,k2", "an error")

    limited = run_with(s3batch, "--manifest", manifest, "--limit", "2")
    sampled = run_with(s3batch, "--manifest", manifest, "--sample", "1")

    assert keys(s3batch, limited) == ["k1", "k2"]
    assert sampled.returncode == 1
    assert "manifest.csv, line 3: has 1 columns" in sampled.stderr


def test_the_saved_manifest_has_the_selected_objects(s3batch: Shell) -> None:
    """Its lines are those of a manifest of the whole folder."""
    options = (*source(s3batch), "--save-manifest", "saved.csv")
    saved = s3batch.folder / "saved.csv"
    run_with(s3batch, *options)
    whole = saved.read_text().splitlines()

    run_with(s3batch, *options, "--sample", "5", "--seed", "1")
    sample = saved.read_text().splitlines()

    assert len(sample) == 5
    assert sample == [line for line in whole if line in sample]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--limit 0", "Invalid value for '--limit'"),
        ("--sample -1", "Invalid value for '--sample'"),
        ("--limit 1 --sample 1", "Options --limit and --sample cannot be combined"),
        ("--limit 1 --seed 1", "Option --seed needs --sample"),
    ],
)
def test_values_and_combinations_that_make_no_sense_are_refused(
    s3batch: Shell, options: str, says: str
) -> None:
    run = run_with(s3batch, "--manifest", "none.csv", *options.split())

    assert run.returncode == 2
    assert says in run.stderr


WAITS = """
import os, time
def handler(event, context):
    open("began", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    results = [{"taskId": event["tasks"][0]["taskId"], "resultCode": "Succeeded"}]
    return {"invocationSchemaVersion": "1.0", "results": results}
"""


def test_a_resumed_sample_has_the_same_objects(s3batch: Shell) -> None:
    """The saved manifest has only these, and the summary says the same as before."""
    (s3batch.folder / "app.py").write_text(WAITS)
    options = ["--manifest", s3batch.manifest(*(f"b,{key}" for key in KEYS)), "--sample", "6"]
    s3batch.line(
        f'"$PYTHON" -m s3batch_handler.cli run app:handler {" ".join(options)} --state job &\n'
        "until test -e began; do sleep 0.05; done; kill -KILL $!; wait $!; touch go"
    )

    resumed = s3batch("run", "--resume", "--state", "job", "--json")

    selection = json.loads(resumed.stdout)["selection"]
    whole = run_with(s3batch, *options, "--seed", str(selection["seed"]))
    assert (selection["sample"], selection["from"]) == (6, 40)
    assert keys(s3batch, resumed) == keys(s3batch, whole)
