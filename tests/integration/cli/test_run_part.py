"""``s3batch run --part``: several jobs share a manifest, and their reports are merged into one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from s3batch_handler.cli._commands import s3batch
from s3batch_handler.documents import read_report

APP = """
import os

def handler(event, context):
    (task,) = event["tasks"]
    failed = task["s3Key"].endswith("3") and not os.path.exists("mended")
    code = "PermanentFailure" if failed else "Succeeded"
    result = {"taskId": task["taskId"], "resultCode": code, "resultString": "done"}
    return {"invocationSchemaVersion": "1.0", "results": [result]}
"""
KEYS = [f"k{number}" for number in range(21)]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(APP)
    Path("manifest.csv").write_text("".join(f"photos,{key}\n" for key in KEYS))


def invoke(*words: str) -> Result:
    return CliRunner().invoke(s3batch, words)


def run_part(part: str, *words: str) -> dict[str, Any]:
    ended = invoke(
        *("run", "app.py:handler", "--manifest", "manifest.csv", "--workers", "1", "--json"),
        *("--part", part, *words),
    )
    assert ended.exit_code in (0, 1), ended.output
    summary: dict[str, Any] = json.loads(ended.stdout)
    return summary


def run_parts(of: int) -> list[str]:
    reports = (run_part(f"{number}/{of}")["report"] for number in range(of))
    return [report for report in reports if report is not None]


def test_merged_parts_have_each_line_once() -> None:
    """Verifying the merged report with the manifest proves it; redrives start from it."""
    reports = run_parts(4)

    merged = invoke("report", "merge", *reversed(reports), "--to", "merged", "--json")
    assert merged.exit_code == 0, merged.output
    location = json.loads(merged.stdout)["report"]
    verified = invoke("report", "verify", location, "--manifest", "manifest.csv")
    assert verified.exit_code == 0, verified.output
    assert [row.key for row in read_report(location).rows()] != []
    assert sorted(row.key for row in read_report(location).rows()) == sorted(KEYS)

    Path("mended").touch()
    again = invoke("run", "--failed-from", location, "--workers", "1", "--json")
    assert again.exit_code == 0, again.output
    redrive = json.loads(again.stdout)["report"]
    whole = invoke("report", "merge", location, redrive, "--to", "whole", "--json")
    assert whole.exit_code == 0, whole.output
    assert (json.loads(whole.stdout)["succeeded"], json.loads(whole.stdout)["failed"]) == (21, 0)


def test_the_record_and_the_summary_say_which_part_it_was() -> None:
    summary = run_part("1/4")

    record = json.loads((Path(summary["report"]).parent / "job.json").read_text())
    assert record["Local"]["Part"]["Number"] == 1
    assert record["Local"]["Part"]["Of"] == 4
    assert record["Local"]["Part"]["Lines"] == 21
    assert summary["selection"] == {"part": "1/4", "from": 21}
    assert summary["succeeded"] + summary["failed"] == 5


def test_more_parts_than_lines_leave_some_with_nothing_to_do() -> None:
    """They succeed, and merging does not require a report of them."""
    empty = invoke(
        *("run", "app.py:handler", "--manifest", "manifest.csv", "--part", "29/30"),
        *("--workers", "1", "--json"),
    )
    reports = run_parts(30)

    merged = invoke("report", "merge", *reports, "--to", "merged", "--json")

    assert empty.exit_code == 0
    assert json.loads(empty.stdout)["total"] == 0
    assert "has no lines: nothing to do" in empty.stderr
    assert len(reports) == 21
    assert merged.exit_code == 0, merged.output


def test_a_missing_part_is_named() -> None:
    reports = run_parts(4)

    merged = invoke("report", "merge", *reports[:2], reports[3], "--to", "merged")

    assert merged.exit_code != 0
    assert "there is no report of part 2/4: pass the reports of all parts" in merged.stderr
    assert not Path("merged").exists()


def test_a_part_that_ran_twice_is_refused() -> None:
    """A scheduler may have started it again."""
    reports = [*run_parts(2), run_part("1/2")["report"]]

    merged = invoke("report", "merge", *reports, "--to", "merged")

    assert merged.exit_code != 0
    assert "a second report of part 1/2" in merged.stderr


def test_parts_of_different_manifests_are_refused() -> None:
    first = run_part("0/2")["report"]
    Path("manifest.csv").write_text("".join(f"photos,other-{key}\n" for key in KEYS))
    second = run_part("1/2")["report"]

    merged = invoke("report", "merge", first, second, "--to", "merged")

    assert merged.exit_code != 0
    assert "another manifest" in merged.stderr


def run_split(*names: str) -> list[str]:
    reports = []
    for name in names:
        ended = invoke("run", "app.py:handler", "--manifest", name, "--workers", "1", "--json")
        reports.append(json.loads(ended.stdout)["report"])
    return reports


def test_the_files_of_manifest_split_are_merged_with_the_manifest() -> None:
    """Also together with a redrive of one of them."""
    split = invoke("manifest", "split", "manifest.csv", "--parts", "3", "--to", "parts", "--json")
    assert split.exit_code == 0, split.output
    reports = run_split(*map(str, sorted(Path("parts").glob("*.csv"))))
    Path("mended").touch()
    again = invoke("run", "--failed-from", reports[0], "--workers", "1", "--json")
    redrive = json.loads(again.stdout)["report"]
    words = ("--to", "merged", "--manifest", "manifest.csv", "--json")

    merged = invoke("report", "merge", redrive, *reports, *words)

    assert merged.exit_code == 0, merged.output
    counts = json.loads(merged.stdout)
    assert (counts["succeeded"], counts["failed"]) == (20, 1)
    verified = invoke("report", "verify", counts["report"], "--manifest", "manifest.csv")
    assert verified.exit_code == 0, verified.output


def test_reports_that_do_not_cover_the_manifest_are_refused() -> None:
    Path("one.csv").write_text("".join(f"photos,{key}\n" for key in KEYS[:10]))
    Path("two.csv").write_text("".join(f"photos,{key}\n" for key in KEYS[9:20]))
    reports = run_split("one.csv", "two.csv")

    merged = invoke("report", "merge", *reports, "--to", "m", "--manifest", "manifest.csv")

    assert merged.exit_code != 0
    assert "lines of the manifest without a row: 1" in merged.stderr
    assert not Path("m").exists()


def test_a_part_can_be_resumed() -> None:
    """With its saved share of the manifest."""
    summary = run_part("2/4", "--state", "state")

    assert summary["selection"] == {"part": "2/4", "from": 21}
    assert not list(Path("state").glob("manifest*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--part", "16/16"], "there is no part 16/16: the last of 16 parts is 15/16"),
        (["--part", "/16"], "Is the variable with the number set?"),
        (["--part", "1/4", "--limit", "3"], "--limit"),
        (["--part", "1/4", "--sample", "3"], "--sample"),
    ],
)
def test_wrong_usage_is_one_clear_line(words: list[str], message: str) -> None:
    refused = invoke("run", "app.py:handler", "--manifest", "manifest.csv", *words)

    assert refused.exit_code == 2
    assert message in refused.stderr


def test_a_listing_cannot_be_divided() -> None:
    """Jobs that list a bucket at different times may see different objects."""
    refused = invoke("run", "app.py:handler", "--bucket", "photos", "--part", "0/2")

    assert refused.exit_code == 2
    assert "--part" in refused.stderr
    assert "--manifest" in refused.stderr
