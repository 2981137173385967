"""One call of a function in a worker process: what the function sees, and what becomes of it."""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.core._model import JobRef, Outcome, ResultCode
from s3batch_handler.documents._manifest import ManifestEntry
from s3batch_handler.engine.invoke._answer import Answer, FunctionError, InvalidAnswer
from s3batch_handler.engine.invoke._events import EventTemplate
from s3batch_handler.engine.invoke._function_loader import load_function
from s3batch_handler.engine.invoke._in_process import InProcess
from s3batch_handler.engine.invoke._lambda_environment import Environment, lambda_variables
from s3batch_handler.engine.invoke._worker_main import READY
from s3batch_handler.engine.invoke._worker_pool import WorkerPool
from s3batch_handler.engine.invoke._worker_process import WorkerProcess
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from s3batch_handler.engine.invoke._invoker import Invoker

Write = Callable[[str], str]

TEMPLATE = EventTemplate("1.0", {"id": "job-1"})

ANSWER = """
import json, os, signal, sys, time
from pathlib import Path

def answer(event, code="Succeeded", text="", **more):
    results = [{"taskId": task["taskId"], "resultCode": code, "resultString": text}
               for task in event["tasks"]]
    return {"invocationSchemaVersion": event["invocationSchemaVersion"],
            "invocationId": event["invocationId"], "results": results, **more}

def key(event):
    return event["tasks"][0]["s3Key"]
"""


@pytest.fixture
def function(tmp_path: Path) -> Write:
    """Write a function file; give its spec."""

    def write(body: str) -> str:
        path = tmp_path / "app.py"
        path.write_text(ANSWER + textwrap.dedent(body))
        return f"{path}:handler"

    return write


def keys(*names: str) -> list[ManifestEntry]:
    return [ManifestEntry("photos", name, None) for name in names]


def invoke(
    invoker: Invoker,
    entries: Iterable[ManifestEntry],
    *,
    template: EventTemplate = TEMPLATE,
) -> dict[str, Answer]:
    with closing(invoker):
        answers = invoker.invoke_all(template, entries, stop=lambda: False)
        return {entry.encoded_key: answer for entry, answer in answers}


def invoke_one(spec: str, **options: Any) -> Answer:
    return invoke(WorkerPool(spec, workers=1, **options), keys("a"))["a"]


def error_of(answer: Answer) -> dict[str, Any]:
    assert isinstance(answer, FunctionError), answer
    payload: dict[str, Any] = json.loads(answer.payload)
    return payload


def text_of(answer: Answer) -> str:
    assert isinstance(answer, Outcome), answer
    return answer.message


# ---------------------------------------------------------------- what the function sees


@pytest.mark.parametrize(
    ("schema_version", "job", "bucket"),
    [
        ("1.0", {"id": "job-1"}, {"s3BucketArn": "arn:aws:s3:::photos"}),
        ("2.0", {"id": "job-1", "userArguments": {"size": "9"}}, {"s3Bucket": "photos"}),
    ],
)
def test_event_is_the_documented_one(
    function: Write, schema_version: str, job: dict[str, Any], bucket: dict[str, str]
) -> None:
    """A function sees what S3 would send: keys as they stand in the manifest, opaque ids."""
    spec = function("handler = lambda event, context: answer(event, text=json.dumps(event))")
    pool = WorkerPool(spec, workers=1)
    entries = [ManifestEntry("photos", "a%20b+c.jpg", "v1")]

    answers = invoke(
        pool,
        entries,
        template=EventTemplate.of(JobRef(id="job-1", arguments={"size": "9"}), schema_version),
    )

    event = json.loads(text_of(answers["a%20b+c.jpg"]))
    task_id = event["tasks"][0].pop("taskId")
    invocation_id = event.pop("invocationId")
    assert event == {
        "invocationSchemaVersion": schema_version,
        "job": job,
        "tasks": [{"s3Key": "a%20b+c.jpg", "s3VersionId": "v1", **bucket}],
    }
    assert task_id.startswith("AAAAAAAAAA")
    assert task_id != invocation_id


def test_context_is_lambdas(function: Write) -> None:
    """The context has the attributes of the real one, and the clock runs."""
    spec = function(
        """
        def handler(event, context):
            first = context.get_remaining_time_in_millis()
            time.sleep(0.01)
            return answer(event, text=json.dumps({
                "name": context.function_name, "version": context.function_version,
                "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
                "group": context.log_group_name, "stream": context.log_stream_name,
                "who": context.identity.cognito_identity_id, "client": context.client_context,
                "left": first, "runs": context.get_remaining_time_in_millis() < first,
                "id": context.aws_request_id}))
        """
    )

    seen = json.loads(text_of(invoke_one(spec, timeout=700)))

    assert seen.pop("id").count("-") == 4
    assert 600_000 < seen.pop("left") <= 700_000
    assert seen.pop("runs")
    assert seen.pop("stream").endswith("[$LATEST]local")
    assert seen == {
        "name": "app",
        "version": "$LATEST",
        "arn": f"arn:aws:lambda:{os.environ.get('AWS_REGION', 'us-east-1')}"
        ":123456789012:function:app",
        "memory": "1024",
        "group": "/aws/lambda/app",
        "who": None,
        "client": None,
    }


def test_environment_variables_are_lambdas_where_nobody_says_otherwise() -> None:
    """Lambda's variables are there, the caller's win, and none pretends that Lambda is near."""
    variables = lambda_variables(
        "app", {"AWS_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}
    )

    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "app"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert variables["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert not variables.keys() & {"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT"}


@pytest.mark.parametrize(("has_config", "region"), [(True, None), (False, "us-east-1")])
def test_region_of_a_profile_wins(tmp_path: Path, has_config: bool, region: str | None) -> None:
    """A Region is made up only where neither a variable nor a config file can tell one."""
    config = tmp_path / "config"
    if has_config:
        config.write_text("[default]\nregion = eu-north-1\n")

    variables = lambda_variables("app", {"AWS_CONFIG_FILE": str(config)})

    assert variables.get("AWS_REGION") == variables.get("AWS_DEFAULT_REGION") == region


def test_environment_is_loaded_once_for_many_calls(function: Write) -> None:
    """Globals live from call to call, as in Lambda's warm environments."""
    spec = function(
        """
        calls = []
        def handler(event, context):
            calls.append(context.aws_request_id)
            return answer(event, text=f"{len(set(calls))}")
        """
    )

    answers = invoke(WorkerPool(spec, workers=1), keys(*map(str, range(50))))

    assert {text_of(answer) for answer in answers.values()} == set(map(str, range(1, 51)))


def test_prints_go_to_standard_error(function: Write, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to whoever runs the job; standard input is empty."""
    spec = function(
        """
        def handler(event, context):
            print("from the function")
            os.system("echo from a child")
            return answer(event, text=repr(sys.stdin.read()))
        """
    )

    answer = invoke_one(spec)

    out, err = capfd.readouterr()
    assert text_of(answer) == "''"
    assert out == ""
    assert "from the function\n" in err
    assert "from a child\n" in err


# ---------------------------------------------------------------- what a function answers


@pytest.mark.parametrize("code", list(ResultCode))
def test_each_result_code_arrives_with_its_text(function: Write, code: ResultCode) -> None:
    """What the function says of a task comes back whole, line breaks and all."""
    spec = function(f"handler = lambda event, context: answer(event, '{code}', 'é\\n\"x\" 🙂')")

    assert invoke_one(spec) == Outcome(code, 'é\n"x" 🙂')


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("None", "the response: expected an object, got null"),
        ("'done'", "the response: expected an object, got text"),
        ("{}", "invocationSchemaVersion: missing; results: missing"),
        ("answer(event, 'Great')", "resultCode"),
        ("answer(event) | {'invocationId': 'other'}", "invocationId: not the same as in the event"),
        ("answer(event, more=float('nan'))", "not JSON: NaN is not a value of JSON"),
        ("b'\\xff'", "not JSON"),
        ("b'{'", "not JSON"),
    ],
)
def test_answers_that_s3_cannot_read(function: Write, body: str, reason: str) -> None:
    """An answer of the wrong shape is told as such, with the field that is wrong."""
    spec = function(f"handler = lambda event, context: {body}")

    answer = invoke_one(spec)

    assert isinstance(answer, InvalidAnswer)
    assert reason in answer.reason


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{1, 2}", "Object of type set is not JSON serializable"),
        ("circular", "Circular reference detected"),
        ("(x for x in [])", "Object of type generator is not JSON serializable"),
        ("answer(event, more=b'\\xff')", "can't decode byte 0xff"),
    ],
)
def test_answers_that_json_cannot_hold(function: Write, body: str, message: str) -> None:
    """What cannot become JSON is an error of the function, as in Lambda's runtime."""
    spec = function(
        f"circular = []; circular.append(circular)\nhandler = lambda event, context: {body}"
    )

    error = error_of(invoke_one(spec))

    assert error["errorType"] == "Runtime.MarshalError"
    assert error["errorMessage"].startswith("Unable to marshal response: ")
    assert message in error["errorMessage"]


def test_answer_that_is_too_large(function: Write) -> None:
    """Lambda takes 6 MB."""
    spec = function("handler = lambda event, context: answer(event, more='x' * 7_000_000)")

    assert error_of(invoke_one(spec))["errorType"] == "Function.ResponseSizeTooLarge"


@pytest.mark.parametrize(
    ("treat", "code"),
    [("{}", "TemporaryFailure"), ("{'treatMissingKeysAs': 'Succeeded'}", "Succeeded")],
)
def test_task_that_is_not_answered(function: Write, treat: str, code: str) -> None:
    """An answer to another task answers nothing; what then counts is for the function to say."""
    spec = function(
        f"""
        def handler(event, context):
            stray = dict(taskId="stray", resultCode="PermanentFailure", resultString="")
            return answer(event) | {{"results": [stray]}} | {treat}
        """
    )

    answer = invoke_one(spec)

    assert isinstance(answer, Outcome)
    assert answer.code == code


def test_task_that_is_answered_twice(function: Write) -> None:
    """The first answer counts."""
    spec = function(
        """
        def handler(event, context):
            first, second = answer(event, text="1"), answer(event, "PermanentFailure", "2")
            return first | {"results": first["results"] + second["results"]}
        """
    )

    assert invoke_one(spec) == Outcome(ResultCode.SUCCEEDED, "1")


def test_function_may_change_its_event(function: Write) -> None:
    """The event is the function's own: what it does to it changes nothing here."""
    spec = function(
        """
        def handler(event, context):
            result = answer(event)
            event["tasks"].clear()
            event["invocationId"] = None
            return result
        """
    )

    assert invoke_one(spec) == Outcome(ResultCode.SUCCEEDED, "")


JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2)
    | st.binary(max_size=4)
    | st.sets(st.integers(), max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(JSON_LIKE)
def test_marshalling_agrees_with_lambdas_runtime(value: object) -> None:
    """What Lambda's own runtime client can write, and only that, becomes JSON here."""
    environment = Environment(
        lambda event, context: value, variables={}, timeout=1, environment_id="1-2-3-4"
    )

    answer = environment.invoke(TEMPLATE, ("b", "k", None))

    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    try:
        marshaller.LambdaMarshaller().marshal_response(value)
    except marshaller.FaultException:
        assert error_of(answer)["errorType"] == "Runtime.MarshalError"
    else:
        assert isinstance(answer, InvalidAnswer)  # JSON or no JSON, but nothing for S3


# ---------------------------------------------------------------- what goes wrong in a function


def test_exception_is_told_as_lambda_tells_it(function: Write) -> None:
    """Type, message, request id, and a stack trace that begins in the user's code."""
    spec = function(
        """
        def handler(event, context):
            raise KeyError(context.aws_request_id)
        """
    )

    error = error_of(invoke_one(spec))

    assert error["errorType"] == "KeyError"
    assert error["errorMessage"] == f"'{error['requestId']}'"
    assert len(error["stackTrace"]) == 1
    assert "raise KeyError(context.aws_request_id)" in error["stackTrace"][0]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("sys.exit()", "Runtime exited without providing a reason"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "Runtime exited with error: signal: killed"),
        ("os.abort()", "Runtime exited with error: signal: aborted"),
        ("exec('raise BaseException(1)')", "Runtime exited with error: exit status 1"),
    ],
)
def test_function_that_ends_its_process(function: Write, body: str, reason: str) -> None:
    """Whatever ends the environment costs the task it did; a new one does the next."""
    spec = function(
        f"""
        def handler(event, context):
            if key(event) == "b":
                {body}
            return answer(event, text=str(os.getpid()))
        """
    )

    answers = invoke(WorkerPool(spec, workers=1), keys("a", "b", "c"))

    error = error_of(answers["b"])
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith(f" Error: {reason}")
    assert text_of(answers["a"]) != text_of(answers["c"])


def test_function_that_takes_too_long_is_killed(function: Write, tmp_path: Path) -> None:
    """It is ended in time, with all that it has started, and told as AWS's sample report does."""
    spec = function(
        f"""
        import subprocess
        def handler(event, context):
            if key(event) == "slow":
                child = subprocess.Popen(["sleep", "60"])
                Path({str(tmp_path / "pids")!r}).write_text(f"{{child.pid}} {{os.getpid()}}")
                try:
                    time.sleep(60)
                except BaseException:
                    pass
            return answer(event)
        """
    )
    started = time.monotonic()

    answers = invoke(WorkerPool(spec, workers=1, timeout=2), keys("a", "slow", "b"))

    assert time.monotonic() - started < 40
    (message,) = error_of(answers["slow"]).values()
    assert message.endswith("Task timed out after 2.00 seconds")
    assert message[:2] == "20"
    assert answers["a"] == answers["b"] == Outcome(ResultCode.SUCCEEDED, "")
    for pid in (tmp_path / "pids").read_text().split():
        assert is_gone(int(pid))


def test_each_task_has_its_own_time(function: Write) -> None:
    """Tasks share a batch, but not the timeout."""
    spec = function(
        "def handler(event, context):\n  time.sleep(0.06 * key(event).isdigit())\n"
        "  return answer(event)"
    )
    fast = [f"k{number}" for number in range(200)]
    slow = [str(number) for number in range(20)]

    answers = invoke(WorkerPool(spec, workers=1, timeout=1), keys(*fast, *slow))

    assert set(answers.values()) == {Outcome(ResultCode.SUCCEEDED, "")}
    assert len(answers) == 220


def test_function_that_forks(function: Write) -> None:
    """A child that returns into our code does no harm: one task, one answer."""
    spec = function(
        """
        def handler(event, context):
            child = os.fork()
            if child:
                os.waitpid(child, 0)
            return answer(event, text="child" if not child else "parent")
        """
    )

    answers = invoke(WorkerPool(spec, workers=1), keys("a", "b", "c"))

    assert {text_of(answer) for answer in answers.values()} == {"parent"}


def test_crash_while_a_forked_child_lives_on(function: Write) -> None:
    """A child of the function's that outlives it does not hide that it has ended."""
    spec = function(
        """
        def handler(event, context):
            if os.fork() == 0:
                time.sleep(60)
            os._exit(7)
        """
    )

    error = error_of(invoke_one(spec, timeout=30))

    assert error["errorMessage"].endswith("exit status 7")


# ---------------------------------------------------------------- functions that cannot be loaded


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("nowhere.py:handler", "there is no file nowhere.py"),
        ("nowhere", "there is no module nowhere: write path/to/app.py:name"),
        ("app.handler", "there is no module app.handler: did you mean app:handler?"),
        ("app:other", "app has no 'other'"),
        ("app.py:NUMBER", "'NUMBER' in app.py is not callable: it is of type int"),
        ("app:", "is not the name of a function"),
        ("needs:handler", "cannot import needs: ModuleNotFoundError: No module named 'not_there'"),
        ("broken.py", "cannot import broken.py: ZeroDivisionError: division by zero"),
        ("wants.py", "wants.py, line 2)"),  # not a line of Python's own os.py
        ("syntax", "cannot import syntax: SyntaxError"),
        ("leaves", "cannot import leaves: SystemExit: 3"),
        ("dies", "the process ended while it loaded dies (exit status 5)"),
        ("hangs", "hangs was not loaded within 0.5 seconds"),
    ],
)
def test_function_that_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, problem: str
) -> None:
    """One line says what is wrong, at once; nothing is called, nobody tries for ever."""
    files = {
        "app": "NUMBER = 1\ndef handler(event, context): ...",
        "needs": "import not_there",
        "broken": "\n1 / 0",
        "wants": "import os\nos.environ['TARGET_BUCKET']",
        "syntax": "def",
        "leaves": "import sys; sys.exit(3)",
        "dies": "import os; os._exit(5)",
        "hangs": "import time; time.sleep(60)",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidFunction) as caught:
        invoke_one(spec, init_timeout=0.5 if spec == "hangs" else 60)

    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    if spec == "broken.py":
        assert str(caught.value).endswith("broken.py, line 2)")


@pytest.mark.usefixtures("own_imports")
def test_folder_with_a_colon_in_its_name(tmp_path: Path) -> None:
    """A path that ends in ``.py`` is a path, with the function's usual name."""
    folder = tmp_path / "a:b ü"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context): return 'found'")

    assert load_function(f"{folder}/app.py")(None, None) == "found"


@pytest.mark.usefixtures("own_imports")
def test_file_of_a_package(tmp_path: Path) -> None:
    """A file that imports relatively is told how to be named instead."""
    (tmp_path / "app.py").write_text("from .neighbour import handler")

    with pytest.raises(InvalidFunction, match=r"write package\.module:name"):
        load_function(f"{tmp_path}/app.py")


def test_function_is_found_from_the_current_directory_and_beside_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``package.module:name`` starts where we are, a file may import its neighbours."""
    package = tmp_path / "lambda_code"
    package.mkdir()
    (package / "neighbour.py").write_text("WORD = 'hello'")
    (package / "app.py").write_text(
        "from neighbour import WORD\n" + ANSWER + "\ndef run(event, context): "
        "return answer(event, text=WORD + __name__)"
    )
    (tmp_path / "json.py").write_text("raise Exception('not this one')")
    (tmp_path / "here.py").write_text(
        "from lambda_code import neighbour\ndef handler(event, context):\n"
        "  raise Exception(neighbour.WORD)"
    )
    monkeypatch.chdir(tmp_path)

    by_file = invoke_one("lambda_code/app.py:run")
    by_name = invoke_one("here")

    assert text_of(by_file) == "helloapp"
    assert error_of(by_name)["errorMessage"] == "hello"


@pytest.mark.usefixtures("own_imports")
def test_file_may_be_called_like_a_module_that_is_in_use(tmp_path: Path) -> None:
    """``json.py`` is a fine name for a function's file."""
    path = tmp_path / "json.py"
    path.write_text("def handler(event, context): return 'mine'")

    assert load_function(str(path))(None, None) == "mine"
    assert json.dumps([]) == "[]"


def test_function_that_takes_standard_error_away(function: Write) -> None:
    """Its own error is what counts, not that we cannot log it."""
    spec = function(
        """
        def handler(event, context):
            sys.stderr.close()
            raise ValueError("mine")
        """
    )

    answer = invoke_one(spec)

    assert error_of(answer)["errorMessage"] == "mine"


def test_keys_cannot_forge_log_lines(function: Write, capfd: pytest.CaptureFixture[str]) -> None:
    """A failure is one line of the log, whatever the key, and steers no terminal."""
    spec = function("handler = lambda event, context: 1")

    invoke(WorkerPool(spec, workers=1), keys("a\nFunctionError: forged\x1b[2J"))

    (line,) = capfd.readouterr().err.splitlines()
    assert "/a\\nFunctionError: forged\\x1b[2J: " in line


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        "1",
        '"ab"',
        '["Succeeded", 1]',
        '["a", "b", "c"]',
        '["FunctionError", "garbage"]',
        '["FunctionError", "{}"]',
        '["not started", "many"]',
        pytest.param(f'["not started", "{"9" * 5_000}"]', id="a number too long to read"),
        pytest.param("[" * 50_000, id="JSON too deep to read"),
    ],
)
def test_function_that_writes_into_our_pipe(function: Write, text: str) -> None:
    """It costs its own task, and perhaps one that was answered at the same time; not the job."""
    spec = function(
        f"""
        def handler(event, context):
            if key(event) == "bad":
                for file in range(3, 1000):  # pipes have the numbers that they have with us
                    try:
                        os.write(file, {text.encode()!r} + b"\\n")
                    except OSError:
                        pass
                time.sleep(60)
            return answer(event, text="fine")
        """
    )

    answers = invoke(WorkerPool(spec, workers=1), keys("bad", "good"))

    assert error_of(answers["bad"])["errorMessage"].endswith("signal: killed")
    assert text_of(answers["good"]) == "fine"


# ---------------------------------------------------------------- many workers


def test_workers_run_side_by_side(function: Write, tmp_path: Path) -> None:
    """Two tasks that wait for each other both succeed."""
    spec = function(
        f"""
        def handler(event, context):
            here = Path({str(tmp_path)!r})
            (here / key(event)).touch()
            while not ((here / "x").exists() and (here / "y").exists()):
                time.sleep(0.01)
            return answer(event)
        """
    )

    answers = invoke(WorkerPool(spec, workers=2), keys("x", "y"))

    assert set(answers.values()) == {Outcome(ResultCode.SUCCEEDED, "")}


def test_long_tasks_behind_short_ones_are_shared(function: Write, tmp_path: Path) -> None:
    """A worker gives back what it cannot begin soon, so no worker idles while work is left.

    Each does one long task, and no second one before the other worker has one, too.
    """
    spec = function(
        f"""
        at_it = Path({str(tmp_path / "at_it")!r})
        at_it.mkdir(exist_ok=True)
        me = at_it / str(os.getpid())
        def handler(event, context):
            if key(event).startswith("long"):
                while me.exists() and len(list(at_it.iterdir())) < 2:
                    time.sleep(0.01)
                me.touch()
                time.sleep(0.15)
            return answer(event, text=me.name)
        """
    )
    short = [f"short{number}" for number in range(4_000)]
    long = [f"long{number}" for number in range(8)]

    answers = invoke(WorkerPool(spec, workers=2, timeout=30), keys(*short, *long))

    assert len({text_of(answers[key]) for key in long}) == 2


def test_first_tasks_go_out_one_by_one(function: Write) -> None:
    """Even to a worker that was ready as soon as it was there: that says nothing of its tasks."""
    worker = WorkerProcess(function("handler = len"), 60, os.environ, log=2)
    try:
        select.select([worker.results], [], [], 60)
        worker.since = time.monotonic()  # as if we had been stopped until now

        (said,) = worker.receive()
    finally:
        worker.end(0)

    assert [*said] == [READY, ""]
    assert worker.batch_size == 1


def test_a_job_that_is_stopped_lets_running_tasks_end(function: Write) -> None:
    """No task is begun any more; what was taken and not done comes back as such."""
    spec = function("def handler(event, context):\n  time.sleep(0.1)\n  return answer(event)")
    answers: list[Answer] = []

    with closing(WorkerPool(spec, workers=2, grace=60)) as pool:
        for _, answer in pool.invoke_all(TEMPLATE, keys(*"abcdefgh"), stop=lambda: bool(answers)):
            answers.append(answer)

    done = [answer for answer in answers if isinstance(answer, Outcome)]
    assert 1 <= len(done) <= 4


def test_answers_that_have_come_when_the_time_to_end_is_over(
    function: Write, tmp_path: Path
) -> None:
    """They count: this process may itself have been stopped for as long."""
    spec = function(
        f"""
        here = Path({str(tmp_path)!r})
        def handler(event, context):
            (here / key(event)).touch()
            while not (here / {{"a": "b", "b": "go"}}[key(event)]).exists():
                time.sleep(0.01)
            return answer(event)
        """
    )
    stopped = False

    with closing(WorkerPool(spec, workers=2, grace=0)) as pool:
        answers = pool.invoke_all(TEMPLATE, keys("a", "b"), stop=lambda: stopped)
        first = next(answers)
        stopped = True
        (tmp_path / "go").touch()
        select.select([worker.results for worker in pool._busy], [], [], 60)
        (second,) = answers

    assert [first, second] == [(entry, Outcome(ResultCode.SUCCEEDED, "")) for entry in keys(*"ab")]


def test_no_process_before_the_first_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty manifest starts nothing: the function need not even be there."""
    assert invoke(WorkerPool("nowhere:handler"), []) == {}


def test_large_entries_and_answers_never_block_each_other(function: Write) -> None:
    """More bytes than pipes hold, both ways at once."""
    spec = function("handler = lambda event, context: answer(event, text=key(event)[-1000:])")
    names = [f"{number:04d}" + "x" * 1_000 for number in range(3_000)]

    answers = invoke(WorkerPool(spec, workers=1, timeout=30), keys(*names))

    assert len(answers) == 3_000


# ---------------------------------------------------------------- nothing is left behind


def is_gone(pid: int, seconds: float = 30) -> bool:
    """Tell whether a process ends, or has; a zombie that nobody reaps has."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@contextmanager
def open_files(most: int) -> Iterator[None]:
    """Let this process open so many files more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = {int(file.name) for file in Path("/dev/fd").iterdir()}
    free = (number for number in count() if number not in used)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next(islice(free, most, None)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_fewer_workers_than_asked_for(
    function: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the system has no room for more, those that there are do the work."""
    spec = function(
        """
        def handler(event, context):
            time.sleep(0.02)
            return answer(event)
        """
    )
    entries = keys(*map(str, range(100)))

    with open_files(30):
        answers = invoke(WorkerPool(spec, workers=50), entries)

    assert len(answers) == 100
    assert {type(answer) for answer in answers.values()} == {Outcome}
    (warning,) = caplog.messages
    assert re.fullmatch(r"the job continues with \d+ of 50 workers: Too many open files", warning)


def test_no_worker_at_all(function: Write) -> None:
    """Is told as it is, and leaves no file open."""
    spec = function("handler = answer")

    with open_files(5):
        before = os.dup(0)
        os.close(before)
        with pytest.raises(InvalidFunction, match=r"no process can .*: Too many open files"):
            invoke(WorkerPool(spec, workers=1), keys("a"))
        after = os.dup(0)
        os.close(after)

    assert before == after


def test_workers_end_with_their_pool(function: Write, tmp_path: Path) -> None:
    """Idle ones tidy up after themselves, and no child process is left, not even a zombie."""
    spec = function(
        f"""
        import atexit
        atexit.register(lambda: Path({str(tmp_path / "tidy")!r}).touch())
        handler = lambda event, context: answer(event, text=str(os.getpid()))
        """
    )

    answer = invoke_one(spec, grace=60)

    assert (tmp_path / "tidy").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(text_of(answer)), 0)


@pytest.mark.parametrize(
    "busy",
    [
        pytest.param("time.sleep(60)", id="waiting"),
        pytest.param(
            "re.match('(a|a)*b', 'a' * 40)  # for days, and no other thread has its turn",
            id="in C",
            marks=pytest.mark.skipif(
                sys.platform != "linux",
                reason="F_SETSIG, by which the kernel kills, is Linux's alone",
            ),
        ),
    ],
)
def test_workers_end_when_their_parent_is_killed(
    function: Write, tmp_path: Path, busy: str
) -> None:
    """Even in the middle of a task, and what the function has started, too."""
    pids = tmp_path / "pids"
    spec = function(
        f"""
        import re, subprocess
        def handler(event, context):
            child = subprocess.Popen(["sleep", "60"])
            Path({str(pids)!r} + ".tmp").write_text(f"{{child.pid}} {{os.getpid()}}")
            os.rename({str(pids)!r} + ".tmp", {str(pids)!r})
            {busy}
        """
    )
    code = (
        "from s3batch_handler.engine.invoke._worker_pool import WorkerPool\n"
        "from s3batch_handler.engine.invoke._events import EventTemplate\n"
        "template = EventTemplate('1.0', {'id': 'j'})\n"
        f"list(WorkerPool({spec!r}).invoke_all(template, [('b', 'k', None)], stop=lambda: False))"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        wait_for(pids.exists)

        parent.send_signal(signal.SIGKILL)

    for pid in pids.read_text().split():
        assert is_gone(int(pid))


# ---------------------------------------------------------------- in this process


def test_in_process_gives_the_same_answers() -> None:
    """Without processes the answers are the same, even for a function that wants to exit."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        (task,) = event["tasks"]
        match task["s3Key"]:
            case "exit":
                sys.exit("bye")
            case "raise":
                raise ValueError("no")
        result = {"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": "ok"}
        return {"invocationSchemaVersion": "1.0", "results": [result]}

    answers = invoke(InProcess(handler), keys("ok", "exit", "raise"))

    assert answers["ok"] == Outcome(ResultCode.SUCCEEDED, "ok")
    assert error_of(answers["exit"])["errorMessage"].endswith("exit status 1")
    assert error_of(answers["raise"])["errorType"] == "ValueError"
