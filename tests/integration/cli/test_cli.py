"""The command line, as a person or a script uses it."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from s3batch_handler.cli._commands import s3batch as commands
from s3batch_handler.cli.run._summary import print_summary
from s3batch_handler.documents._report import read_report
from s3batch_handler.engine.run._failure_summary import FailureGroup
from s3batch_handler.engine.run._ledger import JobResult
from s3batch_handler.jobs._status import JobStatus, Progress
from tests.support.shell import APP, COMMAND, Shell
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def s3batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_imports: None) -> Shell:
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


# ---------------------------------------------------------------- run: what comes out


def test_a_job_over_a_manifest(s3batch: Shell) -> None:
    """Each line gets its row, the summary goes to standard output, 1 tells of failures."""
    manifest = s3batch.manifest("b,fine.txt", "b,a%20b%2Bc", "b,fail", "b,later")

    run = s3batch.line(f"s3batch run app:handler --manifest {manifest} --json")

    summary = json.loads(run.stdout)
    assert run.returncode == 1
    assert (summary["status"], summary["total"]) == ("Complete", 4)
    assert (summary["succeeded"], summary["failed"]) == (2, 2)
    rows = {row.key: row for row in read_report(s3batch.folder / summary["report"]).rows()}
    assert rows["a b+c"].message == '{"key":"a b+c"}'
    assert rows["fail"].error_code == "PermanentFailure"
    assert (rows["later"].error_code, rows["later"].message) == ("TemporaryFailure", "not yet")


def test_a_job_that_succeeds_with_user_arguments(s3batch: Shell) -> None:
    """User arguments bring schema 2.0 along; exit code 0 says that every task succeeded."""
    manifest = s3batch.manifest("b,k")

    run = s3batch(
        "run", "app.py:handler", "--manifest", manifest, "-a", "target=x", "-a", "e=a=b", "--json"
    )

    summary = json.loads(run.stdout)
    (row,) = read_report(s3batch.folder / summary["report"]).rows()
    assert run.returncode == 0
    assert json.loads(row.message) == {"key": "k", "target": "x", "e": "a=b"}


def test_the_summary_for_people(s3batch: Shell) -> None:
    """It says what failed and why, and where the report lies."""
    manifest = s3batch.manifest("b,fail1", "b,fail2", "b,fine")

    run = s3batch("run", "app:handler", "--manifest", manifest)

    assert "Status     Complete" in run.stdout
    assert "Failed     2" in run.stdout
    assert "2  PermanentFailure: it says fail" in run.stdout
    assert "s3batch-reports/job-" in run.stdout


def test_quiet_leaves_standard_error_empty(s3batch: Shell) -> None:
    """What the function logs is in a file beside the report, not among our own lines."""
    manifest = s3batch.manifest("b,fine", "b,fail")

    run = s3batch("run", "app:handler", "--manifest", manifest, "--json", "--quiet")

    (log,) = (s3batch.folder / "s3batch-reports").glob("job-*.log")
    assert run.stderr == ""
    assert json.loads(run.stdout)["log"] == str(log.relative_to(s3batch.folder))
    assert "this is a log line" in log.read_text()
    assert "it says fail" in log.read_text()


def test_the_function_log_to_standard_error(s3batch: Shell) -> None:
    """``--log -`` is for those who want to watch."""
    manifest = s3batch.manifest("b,fine")

    run = s3batch.line(f"s3batch run app:handler --manifest {manifest} --log - --json")

    assert "this is a log line" in run.stderr
    assert json.loads(run.stdout)["log"] is None


def test_a_manifest_from_standard_input(s3batch: Shell) -> None:
    """``-`` reads a manifest from a pipe; columns may be named."""
    run = s3batch(
        *("run", "app:handler", "--manifest", "-", "--fields", "Key,Ignore,Bucket", "--json"),
        stdin="fine,whatever,b\n",
    )

    summary = json.loads(run.stdout)
    (row,) = read_report(s3batch.folder / summary["report"]).rows()
    assert (row.bucket, row.key) == ("b", "fine")


def test_only_failed_tasks_in_the_report(s3batch: Shell) -> None:
    """``--report-scope FailedTasksOnly`` is for reports that somebody reads."""
    manifest = s3batch.manifest("b,fine", "b,fail")

    s3batch(
        *("run", "app:handler", "--manifest", manifest, "--report", "out"),
        *("--report-scope", "FailedTasksOnly"),
    )

    assert [row.key for row in read_report(s3batch.folder / "out").rows()] == ["fail"]


def test_no_report(s3batch: Shell) -> None:
    """``--no-report`` leaves nothing behind."""
    manifest = s3batch.manifest("b,fine")
    before = {path.name for path in s3batch.folder.iterdir()}

    run = s3batch("run", "app:handler", "--manifest", manifest, "--no-report", "--json")

    after = {path.name for path in s3batch.folder.iterdir()}
    assert json.loads(run.stdout)["report"] is None
    assert after - {"__pycache__"} == before


def test_odd_keys_reach_the_function_as_they_are(s3batch: Shell) -> None:
    """Keys like paths, and 1,024 bytes of emoji, are just keys."""
    emoji = "%F0%9F%98%80" * 256
    keys = ["%2E%2E/%2E%2E/x", "../../x", "//x", ".", emoji]
    manifest = s3batch.manifest(*(f"b,{key}" for key in keys))

    run = s3batch("run", "app:handler", "--manifest", manifest, "--json")

    summary = json.loads(run.stdout)
    assert summary["succeeded"] == 5
    found = {row.key for row in read_report(s3batch.folder / summary["report"]).rows()}
    assert found == {"../../x", "//x", ".", "😀" * 256}


def test_a_manifest_that_is_a_link_or_partly_read(s3batch: Shell) -> None:
    """A link may lead anywhere; of standard input the rest counts, whatever it is."""
    (s3batch.folder / "elsewhere").mkdir()
    s3batch.manifest("b,skipped", "b,one", "b,two", name="elsewhere/manifest.csv")
    (s3batch.folder / "links").mkdir()
    (s3batch.folder / "links" / "m.csv").symlink_to("../elsewhere/manifest.csv")

    run = s3batch.line("{ read -r; s3batch run app --manifest - --json; } < links/m.csv")
    linked = s3batch("run", "app", "--manifest", "links/m.csv", "--json")

    assert json.loads(run.stdout)["succeeded"] == 2
    assert json.loads(linked.stdout)["succeeded"] == 3


def test_a_log_of_ones_own_stays(s3batch: Shell) -> None:
    """``--log`` names a file of the user's: it is never removed, even if it is empty."""
    (s3batch.folder / "silent.py").write_text(SLOW)
    manifest = s3batch.manifest("b,k")

    run = s3batch("run", "silent", "--manifest", manifest, "--log", "mine.log", "--json")

    assert json.loads(run.stdout)["log"] == "mine.log"
    assert (s3batch.folder / "mine.log").read_text() == ""


# ---------------------------------------------------------------- run: terminals, pipes, signals


def job_run(**differing: Any) -> JobResult:
    groups = (FailureGroup("PermanentFailure", "\x1b[2J\ud800 gone", 1, "\x1b[2J\ud800 gone"),)
    facts = {
        "job_id": "j",
        "status": JobStatus.COMPLETE,
        "progress": Progress(20, 5, 15),
        "failures": groups,
        "elapsed": 1.0,
        "reason": None,
        "report": "r/\u202egpj.exe",
    }
    return JobResult(**{**facts, **differing})


def test_messages_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences, text that runs backwards and lone surrogates are shown, not obeyed."""
    print_summary(job_run(), log=None, as_json=False)

    out = capsys.readouterr().out
    assert "PermanentFailure: \\x1b[2J\\ud800 gone\n" in out
    assert "r/\\u202egpj.exe\n" in out
    assert out.replace("\n", "").isprintable()
    assert "14  for other reasons" in out


def test_json_of_any_message_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """So every locale can print it, and it reads back as it was."""
    print_summary(job_run(), log=None, as_json=True)

    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["failures"][0]["message"] == "\x1b[2J\ud800 gone"


@pytest.mark.parametrize("streams", ["<&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(s3batch: Shell, streams: str) -> None:
    """A job from cron or a daemon may have none of them."""
    manifest = s3batch.manifest("b,fine")

    run = s3batch.line(f"s3batch run app --manifest {manifest} {streams}")

    (row,) = read_report(s3batch.folder / "s3batch-reports").rows()
    assert row.message == '{"key":"fine"}'
    assert run.returncode == 0
    assert ("Succeeded  1" in run.stdout) is (">&- 2" not in streams)


def test_nobody_reads_to_the_end(s3batch: Shell) -> None:
    """``| head -1`` is no failure of the job, and nothing to complain about."""
    manifest = s3batch.manifest("b,fine")

    run = s3batch.line(f"s3batch run app -q --manifest {manifest} | true; exit ${{PIPESTATUS[0]}}")

    assert (run.returncode, run.stderr) == (0, "")


SLOW = """
import time
calls = 0
def handler(event, context):
    global calls
    calls += 1
    if calls == 2:
        open("answered", "w").close()
    time.sleep(0.1)
    results = [{"taskId": event["tasks"][0]["taskId"], "resultCode": "Succeeded"}]
    return {"invocationSchemaVersion": "1.0", "invocationId": event["invocationId"],
            "treatMissingKeysAs": "PermanentFailure", "results": results}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_job_that_is_told_to_end(s3batch: Shell, number: int) -> None:
    """``kill`` and a closed terminal are like Ctrl-C: the report lists what was done."""
    (s3batch.folder / "slow.py").write_text(SLOW)
    manifest = s3batch.manifest(*(f"b,{number}" for number in range(10_000)))
    command = [*COMMAND, "run", "slow", "--manifest", manifest, "--json", "-q"]
    with subprocess.Popen(
        command, cwd=s3batch.folder, env=s3batch.environment, stdout=subprocess.PIPE, text=True
    ) as job:
        wait_for((s3batch.folder / "answered").exists)  # the first task is

        job.send_signal(number)

        out, _ = job.communicate(timeout=60)

    summary = json.loads(out)
    rows = list(read_report(s3batch.folder / summary["report"]).rows())
    assert (job.returncode, summary["status"]) == (130, "Cancelled")
    assert len(rows) == summary["succeeded"] > 0


def test_told_to_end_while_the_manifest_is_read(s3batch: Shell) -> None:
    """Nothing has begun, so nothing stays behind."""
    command = [*COMMAND, "run", "app", "--manifest", "-", "--report", "out"]
    with subprocess.Popen(
        command,
        cwd=s3batch.folder,
        env=s3batch.environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as job:
        assert job.stdin is not None
        job.stdin.write(b"b,k\n" * 100_000)  # more than a pipe holds: it is reading now

        job.send_signal(signal.SIGTERM)

        _, errors = job.communicate(timeout=60)

    assert job.returncode == 130
    assert errors.split() == [b"Aborted!"]
    assert not (s3batch.folder / "out").exists()


# ---------------------------------------------------------------- run: bad input

BAD_INPUT = {
    "a handler that cannot be imported": (["run", "broken:handler"], 2, "cannot import broken"),
    "no such module": (["run", "nothing:handler"], 2, "there is no module nothing"),
    "no such file": (["run", "no/app.py:handler"], 2, "there is no file no/app.py"),
    "no such name": (["run", "app:nothing"], 2, "app has no 'nothing'"),
    "a name that is not callable": (["run", "app:number"], 2, "not callable"),
    "half a handler": (["run", "app:"], 2, "is not the name of a function"),
    "an address of nothing": (
        ["run", "http://h/app"],
        2,
        "http://h/app is not the address of a function",
    ),
    "an address of nobody": (["run", "http://127.0.0.1:9"], 2, "9: no server responds"),
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
    "a header row": (["run", "app", "--manifest", "header.csv"], 1, "line 1: a header row"),
    "a wrong column count": (["run", "app", "--manifest", "width.csv"], 1, "line 3: has 3 columns"),
    "no such inventory": (["run", "app", "--manifest", "none.json"], 1, "No such file"),
    "no inventory": (["run", "app", "--manifest", "m.json"], 1, "not an inventory's manifest.json"),
    "no such manifest": (["run", "app", "--manifest", "none.csv"], 1, "No such file"),
    "a folder that is not there": (["run", "app", "--source", "nowhere"], 2, "does not exist"),
    "an empty folder": (["run", "app", "--source", "nothing-in-it"], 1, "no objects found"),
    "nothing to work on": (
        ["run", "app"],
        2,
        "Missing option --manifest (or --source, --bucket, --resume).",
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


@pytest.mark.parametrize("what", BAD_INPUT)
def test_bad_input_gets_one_clear_line(s3batch: Shell, what: str) -> None:
    """It says what to do, exits with 1 or 2, shows no traceback and leaves nothing behind."""
    s3batch.manifest("b,k")
    s3batch.manifest(name="empty.csv")
    s3batch.manifest("Bucket,Key", "b,k", name="header.csv")
    s3batch.manifest("b,k", "b,k", "b,k,v", name="width.csv")
    s3batch.manifest('{"Format": "Report_CSV_20180820"}', name="m.json")
    (s3batch.folder / "nothing-in-it").mkdir()
    (s3batch.folder / "broken.py").write_text("import no_such_thing")
    arguments, code, message = BAD_INPUT[what]
    if not {"--manifest", "--source"} & {*arguments} and what != "nothing to work on":
        arguments = [*arguments, "--manifest", "manifest.csv"]

    run = s3batch(*arguments)

    assert message in run.stderr
    assert run.returncode == code
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
    assert not (s3batch.folder / "s3batch-reports").exists()


DO_NOT_GO_TOGETHER = {
    "a manifest and a bucket": (
        ["--bucket", "photos", "--manifest", "m.csv"],
        "cannot be combined",
    ),
    "a prefix of a manifest": (["--prefix", "p", "--manifest", "m.csv"], "cannot be combined"),
    "columns without a manifest": (
        ["--fields", "Key", "--bucket", "b"],
        "--fields needs --manifest.",
    ),
    "an output twice": (["--source", ".", "--output", "abc=y"], "has bucket abc twice"),
    "a bucket that cannot be": (["--source", ".", "--bucket", "My_Photos"], "is not a bucket name"),
    "an output that cannot be": (["--source", ".", "--output", "a=y"], "is not a bucket name"),
    "an output half given": (["--source", ".", "--output", "abc"], "write BUCKET=DIR"),
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


@pytest.mark.parametrize("what", DO_NOT_GO_TOGETHER)
def test_options_that_make_no_sense(s3batch: Shell, what: str) -> None:
    """Exit code 2 at once, and never an option that is silently ignored."""
    s3batch.manifest("b,k", name="m.csv")
    arguments, message = DO_NOT_GO_TOGETHER[what]
    if "twice" in message:
        arguments = [*arguments, "--output", "abc=x"]

    run = s3batch("run", "app.py", *arguments)

    assert run.returncode == 2
    assert message in run.stderr


def test_an_endpoint_that_nobody_answers_at(s3batch: Shell) -> None:
    """One line with the address, after seconds."""
    run = s3batch(
        *("run", "app", "--bucket", "b", "--endpoint-url", "http://127.0.0.1:9"),
        AWS_ACCESS_KEY_ID="x",
        AWS_SECRET_ACCESS_KEY="x",
    )

    (line,) = run.stderr.splitlines()
    assert run.returncode == 1
    assert line.startswith("s3batch: ")
    assert "http://127.0.0.1:9/b" in line


def test_debug_shows_the_traceback(s3batch: Shell) -> None:
    """``--debug`` is for those who look for the fault on our side."""
    run = s3batch.line("s3batch --debug run app --manifest none.csv")

    assert "Traceback" in run.stderr
    assert run.returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--{}"],
        ["{}"],
        ["event", "--schema", "{}"],
        ["event", "-a", "{}"],
        ["event", "-a", "{}=1", "-a", "{}=2"],
        ["invoke", "{}.py:x", "{}"],
        ["run", "{}.py:x", "--manifest", "{}"],
        ["--debug", "run", "app.py:x", "--manifest", "{}"],
        ["run", "x.py", "--bucket", "b", "--endpoint-url", "ftp://ann:s3cr3t@{}"],
    ],
    ids=" ".join,
)
def test_text_of_others_is_cut_and_escaped(arguments: list[str]) -> None:
    """In click's messages as in ours: no control characters, no lines of their own, no flood."""
    hostile = "\x1b[2J\x9b\u202e\nError: all is lost " + "x" * 20_000

    result = CliRunner().invoke(commands, [each.format(hostile) for each in arguments])

    assert result.exit_code != 0
    assert len(result.output) < 8_000
    assert all(line.isprintable() for line in result.output.splitlines())
    assert not any(line.startswith("Error: all is lost") for line in result.output.splitlines())
    assert "s3cr3t" not in result.output


def test_answers_cannot_steer_a_terminal(s3batch: Shell) -> None:
    """``event`` and ``invoke`` print JSON, and it says what was in it."""
    key = "a\x9b\u202e\U000e0001ü\U0001f4f7"
    (s3batch.folder / "echo.py").write_text(
        "def handler(event, context):\n"
        "    answer = {'taskId': event['tasks'][0]['taskId'], 'resultCode': 'Succeeded'}\n"
        f"    answer['resultString'] = {key!r}\n"
        "    return {'invocationSchemaVersion': '1.0', 'results': [answer]}\n"
    )

    run = s3batch.line("s3batch event a | s3batch invoke echo.py:handler")

    assert json.loads(run.stdout)["results"][0]["resultString"] == key
    assert all(line.isprintable() for line in run.stdout.splitlines())
    assert r"a\u009b\u202e\udb40\udc01ü" in run.stdout


# ---------------------------------------------------------------- all commands


def test_every_command_has_help(s3batch: Shell) -> None:
    """``--help`` of each command is there, and the group lists them all."""
    overview = s3batch("--help").stdout

    for command in ("run", "invoke", "event", "serve", "job"):
        assert command in overview
        assert s3batch(command, "--help").stdout.startswith(f"Usage: s3batch {command}")


def test_a_package_that_is_not_installed(s3batch: Shell) -> None:
    """The error says how it gets there: the command line alone comes without moto."""
    (s3batch.folder / "moto.py").write_text("raise ModuleNotFoundError('no moto', name='moto')")
    (s3batch.folder / "photos").mkdir()

    run = s3batch.line("s3batch run app:handler --source photos")

    assert run.returncode == 1
    assert "pip install 's3batch-handler[local]'" in run.stderr


def test_rows_of_a_report_are_what_aws_writes(s3batch: Shell) -> None:
    """CRLF, HTTP status before the error code, the manifest's own spelling of a key."""
    manifest = s3batch.manifest("b,a%20b%2Bfail,v1", "b,c+d,null", "b,e,")

    s3batch("run", "app:handler", "--manifest", manifest, "--report", "out")

    (failed,) = (_rows(path) for path in _results(s3batch.folder) if "failed" in path.read_text())
    missing = "Task failed due to missing VersionId"
    assert sorted(failed) == [
        ["b", "a%20b%2Bfail", "v1", "failed", "200", "PermanentFailure", "it says fail"],
        ["b", "e", "\\N", "failed", "400", "InvalidRequest", missing],
    ]
    assert all(path.read_bytes().endswith(b"\r\n") for path in _results(s3batch.folder))


def _results(folder: Path) -> list[Path]:
    return sorted(folder.glob("out/job-*/results/*.csv"))


def _rows(path: Path) -> list[Any]:
    with path.open(newline="") as file:
        return list(csv.reader(file))
