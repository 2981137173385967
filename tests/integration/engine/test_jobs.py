"""Jobs that run: the same promises kept by the engine itself and, through boto3, by the mock."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from moto import mock_aws

from s3batch_handler import PermanentFailure, Task, TemporaryFailure, task_handler
from s3batch_handler.core._errors import InvalidFunction, InvalidTransition, JobError, JobNotFound
from s3batch_handler.documents._report import read_report
from s3batch_handler.engine._engine import Engine
from s3batch_handler.engine.invoke._functions import Functions
from s3batch_handler.jobs._aws_clients import s3control_client
from s3batch_handler.jobs._control import JobControl, S3Control, wait_for_job
from s3batch_handler.jobs._job import Job, JobSpec
from s3batch_handler.jobs._status import JobStatus
from s3batch_handler.local_aws._server import serve
from s3batch_handler.testing import mock_s3batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3batch_handler.documents._report import ReportRow

# A server runs functions in threads.
pytestmark = pytest.mark.filterwarnings("ignore:time limits work best in the main thread")

ACCOUNT = "123456789012"
REGION = "us-east-1"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:thumbnails"


@task_handler
def thumbnails(task: Task) -> str:
    """Succeeds, unless the key asks for something else."""
    if "permanent" in task.key:
        raise PermanentFailure("no photo")
    if "temporary" in task.key:
        raise TemporaryFailure("busy")
    return f"{task.job.arguments.get('size', 'any')} {task.key}"


class World:
    """A bucket, and somebody who takes orders for jobs."""

    def __init__(self, control: JobControl, s3: Any) -> None:
        self.control = control
        self.s3 = s3

    def spec(self, manifest: bytes = b"photos,a%20b.jpg\n", **members: Any) -> JobSpec:
        """Put a manifest into the bucket, and ask for a job over it."""
        etag = self.s3.put_object(Bucket="photos", Key="m.csv", Body=manifest)["ETag"].strip('"')
        request = {
            "ClientRequestToken": str(datetime.now(UTC)),
            "ConfirmationRequired": False,
            "Operation": {"LambdaInvoke": {"FunctionArn": FUNCTION}},
            "Manifest": {
                "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
                "Location": {"ObjectArn": "arn:aws:s3:::photos/m.csv", "ETag": etag},
            },
            "Report": {
                "Enabled": True,
                "Bucket": "arn:aws:s3:::photos",
                "Prefix": "reports",
                "Format": "Report_CSV_20180820",
                "ReportScope": "AllTasks",
            },
            "Priority": 1,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/batch",
        }
        return JobSpec.from_request({**request, **members})

    def run(self, manifest: bytes = b"photos,a%20b.jpg\n", **members: Any) -> Job:
        return self.settled(self.control.create_job(self.spec(manifest, **members)))

    def confirm(self, job: Job) -> Job:
        self.control.update_job_status(job.job_id, JobStatus.READY, "looks fine")
        return self.settled(job.job_id)

    def settled(self, job_id: str) -> Job:
        """Give the job when it is over or waits for us: at once, but for one on a server."""
        for _ in range(6_000):
            job = self.control.describe_job(job_id)
            if job.status.is_final or job.status is JobStatus.SUSPENDED:
                return job
            time.sleep(0.01)
        pytest.fail(f"the job is still {job.status}")

    def rows(self, job: Job) -> list[ReportRow]:
        report = read_report(f"s3://photos/reports/job-{job.job_id}", s3=self.s3)
        report.verify()
        return list(report.rows())


@cache
def client(service: str) -> Any:
    """Make a client once for all tests; what it talks to is moto's, and new each time."""
    made = _session().client(service)
    return held_to_the_model(made) if service == "s3control" else made


@cache
def _session() -> Any:
    return boto3.Session("testing", "testing", region_name=REGION)


# ---------------------------------------------------------------- by AWS's service model


def held_to_the_model(s3control: Any) -> Any:
    """Let a client refuse answers and codes that AWS's are not; requests it checks by itself."""

    def check(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if "Error" in parsed:
            modelled = {shape.name for shape in model.error_shapes}
            assert parsed["Error"]["Code"] in {*modelled, *_CODES_OF_NO_MODEL}
            assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 400
        else:
            members = {name: parsed[name] for name in parsed if name != "ResponseMetadata"}
            validate(members, model.output_shape)

    s3control.meta.events.register("after-call.s3-control", check)
    return s3control


# Seen on the wire, see docs/fidelity.md; PutJobTagging models no refusal of a tag.
_CODES_OF_NO_MODEL = {"NoSuchJobException", "BadRequestException"}


class HeldToTheModel:
    """An engine that would be told of what S3 Control does not take or give."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, verb: str) -> Any:
        def ask(*arguments: Any, **options: Any) -> Any:
            answer = getattr(self._engine, verb)(*arguments, **options)
            shapes = client("s3control").meta.service_model
            for value in (*arguments, answer):
                if isinstance(value, JobSpec):
                    request = {"AccountId": ACCOUNT, **value.to_request()}
                    validate(request, shapes.shape_for("CreateJobRequest"))
                if isinstance(value, Job):
                    validate(value.to_description(), shapes.shape_for("JobDescriptor"))
                for job in getattr(value, "jobs", ()):
                    validate(job.to_listing(), shapes.shape_for("JobListDescriptor"))
            return answer

        return ask


def validate(value: Any, shape: Any) -> None:
    """Hold a structure to its model, as botocore does; and let it have no more than that has."""
    assert value.keys() <= shape.members.keys() if shape is not None else not value
    report = ParamValidator().validate(value, shape) if shape is not None else None
    assert report is None or not report.has_errors(), report.generate_report()


def counts(job: Job) -> tuple[int | None, int, int]:
    """All tasks, those that succeeded and those that failed."""
    return job.progress.total, job.progress.succeeded, job.progress.failed


Enter = Callable[[Any], World]


@pytest.fixture(params=["engine", "boto3", "http"])
def enter(request: pytest.FixtureRequest) -> Iterator[Enter]:
    """Makes a world in which jobs can invoke the functions given."""
    with ExitStack() as worlds:

        def make(functions: Any) -> World:
            control: JobControl
            s3 = client("s3")
            if request.param == "http":
                address = worlds.enter_context(serve(lambda environment: functions))
                s3 = _session().client("s3", endpoint_url=address)
                s3control = s3control_client(_session(), endpoint_url=address)
                control = S3Control(held_to_the_model(s3control), account_id=ACCOUNT)
            elif request.param == "boto3":
                worlds.enter_context(mock_s3batch(functions))
                control = S3Control(client("s3control"), account_id=ACCOUNT)
            else:
                worlds.enter_context(mock_aws())
                engine = worlds.enter_context(Engine(functions, s3=s3))
                control = cast("JobControl", HeldToTheModel(engine))
            s3.create_bucket(Bucket="photos")
            return World(control, s3)

        yield make


here = pytest.mark.parametrize("enter", ["engine", "boto3"], indirect=True)
"""For what is so only where jobs run on the thread that makes them."""


@pytest.fixture
def world(enter: Enter) -> World:
    """A world with one function, ``thumbnails``."""
    return enter({"thumbnails": thumbnails})


# ---------------------------------------------------------------- a job that runs


def test_a_job_runs(world: World) -> None:
    """When it has been made it is over: all tasks done, the report in the bucket."""
    job = world.run(b"photos,a%20b.jpg\nphotos,permanent.txt\n")

    assert job.status is JobStatus.COMPLETE
    assert counts(job) == (2, 1, 1)
    assert job.failure_reasons == ()
    assert job.termination_date is not None
    assert job.job_arn == f"arn:aws:s3:{REGION}:{ACCOUNT}:job/{job.job_id}"
    assert {(row.key, row.error_code, row.message) for row in world.rows(job)} == {
        ("a b.jpg", None, "any a b.jpg"),
        ("permanent.txt", "PermanentFailure", "no photo"),
    }


def test_user_arguments(world: World) -> None:
    """They reach the function with schema 2.0, as the job has them."""
    operation = {
        "LambdaInvoke": {
            "FunctionArn": FUNCTION,
            "InvocationSchemaVersion": "2.0",
            "UserArguments": {"size": "größer"},
        }
    }

    job = world.run(Operation=operation)

    assert [row.message for row in world.rows(job)] == ["größer a b.jpg"]
    assert job.operation is not None
    assert job.operation.lambda_invoke is not None
    assert job.operation.lambda_invoke.user_arguments == {"size": "größer"}


def test_a_job_sees_the_schema_version_it_asked_for(enter: Enter) -> None:
    """1.0 unless it says something else."""
    seen = []

    def function(event: Any, context: Any) -> None:
        seen.append((event["invocationSchemaVersion"], sorted(event["tasks"][0])))

    world = enter({"thumbnails": function})
    world.run()
    lambda_invoke = {"FunctionArn": FUNCTION, "InvocationSchemaVersion": "2.0"}
    world.run(Operation={"LambdaInvoke": lambda_invoke})

    assert seen == [
        ("1.0", ["s3BucketArn", "s3Key", "s3VersionId", "taskId"]),
        ("2.0", ["s3Bucket", "s3Key", "s3VersionId", "taskId"]),
    ]


def test_the_report_that_was_asked_for(world: World) -> None:
    """Failed tasks only, or none at all."""
    report = {"Enabled": True, "Bucket": "arn:aws:s3:::photos", "Prefix": "reports"}
    manifest = b"photos,good\nphotos,permanent\n"

    only_failed = world.run(manifest, Report={**report, "ReportScope": "FailedTasksOnly"})
    without = world.run(manifest, Report={"Enabled": False})

    assert [row.key for row in world.rows(only_failed)] == ["permanent"]
    assert without.status is JobStatus.COMPLETE
    keys = [item["Key"] for item in world.s3.list_objects_v2(Bucket="photos")["Contents"]]
    assert not [key for key in keys if without.job_id in key]


def test_a_task_that_fails_temporarily(world: World) -> None:
    """It is redriven until there are no tries left, and has failed then."""
    job = world.run(b"photos,temporary\n")

    assert job.status is JobStatus.COMPLETE
    assert [(row.error_code, row.message) for row in world.rows(job)] == [
        ("TemporaryFailure", "busy")
    ]


def test_more_than_half_of_a_thousand_tasks_failed(world: World) -> None:
    """The job fails, and its report tells of what was done."""
    manifest = b"photos,permanent\n" * 1_500

    job = world.run(manifest)

    assert job.status is JobStatus.FAILED
    assert job.failure_reasons[0].failure_code == "FailureThresholdExceeded"
    assert counts(job) == (1_500, 0, 1_000)
    assert len(world.rows(job)) == 1_000


@here
def test_a_job_that_makes_a_job(enter: Enter) -> None:
    """A function may do what its caller does; the second job is over before the first."""
    world: World
    made: list[str] = []

    def function(event: Any, context: Any) -> str:
        if not made:
            made.append("")
            made[0] = world.control.create_job(world.spec())
        raise ValueError(made[0])

    world = enter({"thumbnails": function})
    first = world.run()
    second = world.control.describe_job(made[0])

    assert [first.status, second.status] == [JobStatus.COMPLETE] * 2
    assert second.termination_date is not None
    assert first.termination_date is not None
    assert second.termination_date < first.termination_date


@here
def test_a_test_that_ends_inside_the_function(enter: Enter) -> None:
    """What is no error of the function comes out where the job was made; the job has failed."""

    class EndOfTest(BaseException):
        """What ``pytest.fail()`` and Ctrl-C raise is no Exception either."""

    def function(event: Any, context: Any) -> None:
        raise EndOfTest

    world = enter({"thumbnails": function})
    with pytest.raises(EndOfTest):
        world.run()

    (job,) = world.control.list_jobs().jobs
    assert job.status is JobStatus.FAILED


# ---------------------------------------------------------------- which function


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("f", "name"),
        ("f:$LATEST", "name"),
        ("f:7", "name"),
        ("f:PROD", "alias"),
        (f"{ACCOUNT}:function:f", "name"),
        (f"function:f:PROD", "alias"),  # noqa: F541
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", "name"),
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f:PROD", "alias"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:f", "arn"),
        ("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f", "name"),
        ("g", None),
    ],
)
def test_the_function_that_is_meant(asked: str, answered: str | None) -> None:
    """Of what is registered, the name that is the closest; a bare name stands for all."""
    by_name = {name: lambda event, context: None for name in ("name", "alias", "arn")}
    functions = Functions(
        {
            "f": by_name["name"],
            "f:PROD": by_name["alias"],
            "arn:aws:lambda:eu-west-1:123456789012:function:f": by_name["arn"],
        },
        account_id=ACCOUNT,
        region=REGION,
    )

    found = functions.find(asked)

    assert found is by_name.get(answered or "")


def test_what_cannot_be_registered() -> None:
    """It is told at once, not when the first job wants it."""
    with pytest.raises(ValueError, match="'my function' names no function"):
        Functions({"my function": thumbnails})
    with pytest.raises(TypeError, match="'f': a function is needed"):
        Functions({"f": 7})  # type: ignore[dict-item]
    with pytest.raises(InvalidFunction, match="/f is no address of a function"):
        Functions({"f": "http://127.0.0.1/f"})


def test_a_function_that_nobody_registered(world: World) -> None:
    """The job fails, and says what there is."""
    job = world.run(Operation={"LambdaInvoke": {"FunctionArn": "thumbnail"}})

    assert why(job) == (
        "ResourceNotFoundException",
        "Function not found: thumbnail (registered: thumbnails)",
    )


# ---------------------------------------------------------------- jobs that cannot run


def why(job: Job) -> tuple[str | None, str | None]:
    assert job.status is JobStatus.FAILED
    assert job.termination_date is not None
    (reason,) = job.failure_reasons
    return reason.failure_code, reason.failure_reason


def with_location(spec: JobSpec, **members: Any) -> dict[str, Any]:
    request = spec.to_request()
    request["Manifest"]["Location"].update(members)
    return request


def test_a_stale_etag(world: World) -> None:
    """A manifest that was overwritten is not the one that was meant."""
    request = with_location(world.spec(), ETag="0" * 32)

    job = world.run(**request)

    assert why(job) == ("ManifestNotFound", "Etag mismatch reading manifest")


def test_a_quoted_etag(world: World) -> None:
    """AWS wants it without the quotes that S3 gives it with."""
    spec = world.spec()
    assert spec.manifest is not None

    job = world.run(**with_location(spec, ETag=f'"{spec.manifest.location.etag}"'))

    assert why(job) == ("ManifestNotFound", "Etag mismatch reading manifest")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ({"ObjectArn": "arn:aws:s3:::photos/no.csv"}, "Manifest object was not found"),
        (
            {"ObjectArn": "arn:aws:s3:::nowhere/m.csv"},
            "Invalid manifest was provided. Target bucket nowhere does not exist.",
        ),
    ],
)
def test_a_manifest_that_is_not_there(world: World, location: dict[str, str], reason: str) -> None:
    """The job says what is missing."""
    job = world.run(**with_location(world.spec(), **location))

    assert why(job)[1] == reason


def test_a_version_of_the_manifest(world: World) -> None:
    """The one that is named is read, whatever the newest is."""
    world.s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    spec = world.spec(b"photos,old\n")
    versions = world.s3.list_object_versions(Bucket="photos", Prefix="m.csv")["Versions"]
    request = with_location(spec, ObjectVersionId=versions[0]["VersionId"])

    job = world.run(b"photos,new\n", **request)

    assert [row.key for row in world.rows(job)] == ["old"]


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"photos,a\nphotos,b,c\n", "Unexpected number of task fields: s3://photos/m.csv, line 2"),
        (b"Bucket,Key\nphotos,a\n", "Manifest file is not properly formatted: "),
        (b"", "Manifest file is not properly formatted: s3://photos/m.csv: the manifest is empty"),
        (b"\xff,a\n", "Manifest file is not properly formatted: "),
    ],
)
def test_a_manifest_with_a_fault(world: World, manifest: bytes, reason: str) -> None:
    """The job fails before the first task, and says where the fault is."""
    job = world.run(manifest)

    code, told = why(job)
    assert code == "InvalidManifestContent"
    assert told is not None
    assert told.startswith(reason)
    assert job.progress.done == 0


def test_a_manifest_without_a_column_that_is_needed(world: World) -> None:
    """The job names it."""
    request = world.spec().to_request()
    request["Manifest"]["Spec"]["Fields"] = ["Bucket", "Ignore"]

    job = world.run(**request)

    text = "Required fields are missing in the schema: Key"
    assert why(job) == ("InvalidManifestContent", text)


@pytest.mark.parametrize(
    ("s3_code", "code", "reason"),
    [
        ("AccessDenied", "AccessDenied", "Reading the manifest is forbidden: AccessDenied"),
        ("InvalidObjectState", "ManifestNotFound", "Manifest cannot be read: InvalidObjectState"),
    ],
)
def test_a_manifest_that_s3_does_not_give(s3_code: str, code: str, reason: str) -> None:
    """The job says what S3 says."""
    s3 = client("s3")

    class Refuser:
        """S3 that gives no object."""

        upload_fileobj = list_objects_v2 = None

        def get_object(self, **location: str) -> Any:
            raise ClientError({"Error": {"Code": s3_code, "Message": "no"}}, "GetObject")

    with mock_aws(), Engine({"thumbnails": thumbnails}, s3=cast("Any", Refuser())) as engine:
        s3.create_bucket(Bucket="photos")
        told = why(World(engine, s3).run())

    assert told[0] == code
    assert (told[1] or "").startswith(reason)


def test_an_encrypted_manifest(world: World) -> None:
    """S3 takes none that KMS has encrypted."""
    spec = world.spec()
    answer = world.s3.put_object(
        Bucket="photos", Key="kms.csv", Body=b"photos,a\n", ServerSideEncryption="aws:kms"
    )
    location = {"ObjectArn": "arn:aws:s3:::photos/kms.csv", "ETag": answer["ETag"].strip('"')}

    job = world.run(**with_location(spec, **location))

    text = "Unsupported encryption type SSE_KMS used for manifest"
    assert why(job) == ("InvalidManifestContent", text)


@pytest.mark.parametrize("bucket", ["arn:aws:s3:::nowhere", "arn:aws:s3:::photos/no/bucket"])
def test_a_report_that_cannot_be_written(world: World, bucket: str) -> None:
    """The job fails, and the counts are still there to see."""
    job = world.run(Report={"Enabled": True, "Bucket": bucket})

    code, reason = why(job)
    assert code == "ReportNotWritten"
    assert reason


def test_a_report_that_is_lost_after_all_the_work(world: World) -> None:
    """AWS's words, then what the bucket said; what was done still counts."""
    job = world.run(Report={"Enabled": True, "Bucket": "arn:aws:s3:::nowhere"})

    text = "The job report could not be written to your report bucket. Please check your"
    assert (why(job)[1] or "").startswith(text)
    assert "NoSuchBucket" in (why(job)[1] or "")
    assert job.progress.succeeded == 1


def test_what_is_not_implemented(world: World) -> None:
    """The job fails, and says so."""
    job = world.run(Operation={"S3ReplicateObject": {}})

    (reason,) = job.failure_reasons
    assert reason.failure_code == "NotImplemented"
    assert reason.failure_reason is not None
    assert "S3ReplicateObject" in reason.failure_reason


# ---------------------------------------------------------------- a job's life


def test_a_job_that_waits_for_confirmation(world: World) -> None:
    """Its manifest is read, nothing is run before it is confirmed; then it is as any other."""
    job = world.run(ConfirmationRequired=True)

    assert job.status is JobStatus.SUSPENDED
    assert job.suspended_cause == "AWAITING_CONFIRMATION"
    assert job.suspended_date is not None
    assert counts(job) == (1, 0, 0)

    job = world.confirm(job)

    assert job.status is JobStatus.COMPLETE
    assert job.status_update_reason == "looks fine"
    assert job.progress.succeeded == 1


def test_a_job_that_says_nothing_of_confirmation(world: World) -> None:
    """It waits, too."""
    job = world.run(ConfirmationRequired=None)

    assert job.status is JobStatus.SUSPENDED


def test_a_manifest_that_changes_while_its_job_waits(world: World) -> None:
    """The job does what its manifest said when it was read."""
    job = world.run(b"photos,old\n", ConfirmationRequired=True)
    world.s3.put_object(Bucket="photos", Key="m.csv", Body=b"photos,new\n")

    world.confirm(job)

    assert [row.key for row in world.rows(job)] == ["old"]


def test_cancelling_a_job_that_waits(world: World) -> None:
    """It is cancelled at once, and stays so."""
    job = world.run(ConfirmationRequired=True)

    cancelled = world.control.update_job_status(job.job_id, JobStatus.CANCELLED, "no")

    assert cancelled.status is JobStatus.CANCELLED
    assert cancelled.termination_date is not None
    with pytest.raises(InvalidTransition) as refused:
        world.control.update_job_status(job.job_id, JobStatus.READY)
    assert refused.value.code == "JobStatusException"
    assert refused.value.current == "Cancelled"


def test_cancelling_a_job_that_runs(enter: Enter) -> None:
    """No task is begun any more; the report tells of those that were run."""
    world: World
    seen: list[JobStatus] = []

    @task_handler
    def function(task: Task) -> str:
        seen.append(world.control.update_job_status(task.job.id, JobStatus.CANCELLED).status)
        return "done"

    world = enter({"thumbnails": function})
    job = world.run(b"photos,1\nphotos,2\nphotos,3\n")

    assert seen == [JobStatus.CANCELLING]
    assert job.status is JobStatus.CANCELLED
    assert counts(job) == (3, 1, 0)
    assert [row.key for row in world.rows(job)] == ["1"]


def test_cancelling_a_job_twice(enter: Enter) -> None:
    """The second time without a reason: the first one stands."""
    world: World

    def function(event: Any, context: Any) -> None:
        for reason in ("a mistake", None):
            world.control.update_job_status(event["job"]["id"], JobStatus.CANCELLED, reason)

    world = enter({"thumbnails": function})
    job = world.run(b"photos,1\n")

    assert job.status_update_reason == "a mistake"


def test_cancelling_a_job_that_was_confirmed(enter: Enter) -> None:
    """Why it was confirmed is no reason of its cancelling."""
    world: World

    def function(event: Any, context: Any) -> None:
        world.control.update_job_status(event["job"]["id"], JobStatus.CANCELLED)

    world = enter({"thumbnails": function})
    job = world.confirm(world.run(b"photos,1\n", ConfirmationRequired=True))

    assert job.status is JobStatus.CANCELLED
    assert job.status_update_reason is None


def test_another_thread_while_a_job_runs(enter: Enter) -> None:
    """It sees how the job is, and can cancel it: nobody waits for a function."""
    world: World
    seen: list[JobStatus] = []

    def meddle() -> None:
        (job,) = world.control.list_jobs([JobStatus.ACTIVE]).jobs
        seen.append(world.control.update_job_status(job.job_id, JobStatus.CANCELLED).status)

    def function(event: Any, context: Any) -> None:
        thread = threading.Thread(target=meddle)
        thread.start()
        thread.join(timeout=60)

    world = enter({"thumbnails": function})
    job = world.run(b"photos,1\nphotos,2\n")

    assert seen == [JobStatus.CANCELLING]
    assert job.status is JobStatus.CANCELLED
    assert counts(job) == (2, 0, 1)


@here
def test_ctrl_c_while_a_job_runs(enter: Enter) -> None:
    """The job is cancelled; what has been done is in its report."""

    def function(event: Any, context: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    world = enter({"thumbnails": function})
    job = world.run(b"photos,1\nphotos,2\n")

    assert job.status is JobStatus.CANCELLED
    assert [row.key for row in world.rows(job)] == ["1"]


@pytest.mark.parametrize("manifest", [b"photos,a\n", b""])
def test_cancelling_a_job_that_reads_its_manifest(manifest: bytes) -> None:
    """It is cancelled when it has read it, whatever it has found."""
    s3 = client("s3")

    class Meddler:
        """S3, with somebody who cancels the job when its manifest is asked for."""

        upload_fileobj = list_objects_v2 = None

        def get_object(self, **location: str) -> Any:
            (job,) = engine.list_jobs().jobs
            assert job.status is JobStatus.PREPARING
            engine.update_job_status(job.job_id, JobStatus.CANCELLED)
            return s3.get_object(**location)

    with mock_aws(), Engine({"thumbnails": thumbnails}, s3=cast("Any", Meddler())) as engine:
        s3.create_bucket(Bucket="photos")
        job = World(engine, s3).run(manifest)

    assert job.status is JobStatus.CANCELLED
    assert job.progress.done == 0


@pytest.mark.parametrize("requested", [JobStatus.READY, JobStatus.CANCELLED])
def test_a_job_that_is_over(world: World, requested: JobStatus) -> None:
    """It can neither be confirmed nor cancelled."""
    job = world.run()

    with pytest.raises(InvalidTransition) as refused:
        world.control.update_job_status(job.job_id, requested)

    assert refused.value.code == "JobStatusException"
    assert world.control.describe_job(job.job_id) == job


def test_a_status_that_nobody_can_ask_for(world: World) -> None:
    """It is refused whatever the job's own is."""
    job = world.run(ConfirmationRequired=True)

    with pytest.raises(JobError) as refused:
        world.control.update_job_status(job.job_id, JobStatus.COMPLETE)

    assert refused.value.code == "BadRequestException"


def test_priorities(world: World) -> None:
    """They can be changed as long as the job is not over."""
    job = world.run(ConfirmationRequired=True)

    changed = world.control.update_job_priority(job.job_id, 7)

    assert changed.priority == world.control.describe_job(job.job_id).priority == 7
    world.confirm(job)
    with pytest.raises(JobError) as refused:
        world.control.update_job_priority(job.job_id, 8)
    assert refused.value.code == "BadRequestException"


@here
def test_waiting_for_a_job(world: World) -> None:
    """There is nothing to wait for."""
    job_id = world.control.create_job(world.spec())

    job = wait_for_job(world.control, job_id, sleep=lambda seconds: pytest.fail("it waits"))

    assert job.status is JobStatus.COMPLETE


# ---------------------------------------------------------------- requests


def test_the_same_request_twice(world: World) -> None:
    """It makes one job, which runs once."""
    spec = world.spec()

    first, second = world.control.create_job(spec), world.control.create_job(spec)

    assert first == second
    assert len(world.control.list_jobs().jobs) == 1


def test_another_request_with_the_same_token(world: World) -> None:
    """It is refused."""
    world.control.create_job(world.spec(ClientRequestToken="t", Priority=1))

    with pytest.raises(JobError) as refused:
        world.control.create_job(world.spec(ClientRequestToken="t", Priority=2))

    assert refused.value.code == "IdempotencyException"
    assert len(world.control.list_jobs().jobs) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda control: control.describe_job("no-such-job"),
        lambda control: control.update_job_status("no-such-job", JobStatus.READY),
        lambda control: control.update_job_priority("no-such-job", 1),
        lambda control: control.get_job_tagging("no-such-job"),
        lambda control: control.put_job_tagging("no-such-job", {"a": "b"}),
        lambda control: control.delete_job_tagging("no-such-job"),
    ],
)
def test_a_job_that_is_not_there(world: World, ask: Callable[[JobControl], object]) -> None:
    """Whatever is asked of it, there is none."""
    with pytest.raises(JobNotFound) as refused:
        ask(world.control)

    assert refused.value.job_id == "no-such-job"
    assert refused.value.code == "NoSuchJobException"


def test_listing_page_by_page(world: World) -> None:
    """The newest first, each job once, whatever comes in between."""
    ids = [world.run().job_id for _ in range(5)]

    first = world.control.list_jobs(max_results=2)
    world.run()
    second = world.control.list_jobs(max_results=2, next_token=first.next_token)
    third = world.control.list_jobs(max_results=2, next_token=second.next_token)

    listed = [job.job_id for page in (first, second, third) for job in page.jobs]
    assert listed == ids[::-1]
    assert third.next_token is None


def test_listing_by_status(world: World) -> None:
    """Only what is asked for; a listing tells less than a description."""
    complete = world.run(Description="good <&>")
    world.run(ConfirmationRequired=True)
    failed = world.run(b"")

    page = world.control.list_jobs([JobStatus.COMPLETE, JobStatus.FAILED])

    assert [job.job_id for job in page.jobs] == [failed.job_id, complete.job_id]
    listed = page.jobs[1]
    assert (listed.description, listed.operation_name) == ("good <&>", "LambdaInvoke")
    assert listed.progress == complete.progress


def test_a_token_that_nobody_gave(world: World) -> None:
    """It is refused."""
    with pytest.raises(JobError) as refused:
        world.control.list_jobs(next_token="made-up")

    assert refused.value.code == "InvalidNextTokenException"


def test_too_many_results(world: World) -> None:
    """AWS gives at most 1,000 at a time."""
    with pytest.raises(JobError) as refused:
        world.control.list_jobs(max_results=1001)

    assert refused.value.code == "InvalidRequestException"


def test_tags(world: World) -> None:
    """They come with the job, can be replaced and taken off, also when it is over."""
    job = world.run(Tags=[{"Key": "team", "Value": "photos + co"}])
    control = world.control

    assert control.get_job_tagging(job.job_id) == {"team": "photos + co"}
    control.put_job_tagging(job.job_id, {"stage": "prod", "empty": ""})
    assert control.get_job_tagging(job.job_id) == {"stage": "prod", "empty": ""}
    control.delete_job_tagging(job.job_id)
    assert control.get_job_tagging(job.job_id) == {}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({str(number): "" for number in range(51)}, "TooManyTagsException"),
        ({"k" * 129: ""}, "BadRequestException"),
        ({"k": "v" * 257}, "BadRequestException"),
        ({"what?": ""}, "BadRequestException"),
    ],
)
def test_tags_that_are_refused(world: World, tags: dict[str, str], code: str) -> None:
    """The old ones stay."""
    job = world.run(Tags=[{"Key": "a", "Value": "b"}])

    with pytest.raises(JobError) as refused:
        world.control.put_job_tagging(job.job_id, tags)

    assert refused.value.code == code
    assert world.control.get_job_tagging(job.job_id) == {"a": "b"}
