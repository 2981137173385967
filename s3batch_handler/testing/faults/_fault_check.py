"""``assert_handles_every_fault``: run a handler against the faults that functions meet in AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.core._model import Task
from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.testing.events._factories import JOB_ID, make_event, make_task, opaque_id
from s3batch_handler.testing.faults._aws_faults import AWS_FAULTS, FAILURE, TEMPORARY
from s3batch_handler.testing.faults._delivery import Delivery, deliver, hanging, refusing, slow
from s3batch_handler.testing.faults._odd_keys import OddKey, odd_keys
from s3batch_handler.testing.faults._stored_object import StoredObject

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from s3batch_handler.testing.faults._aws_faults import AwsFault
    from s3batch_handler.testing.faults._delivery import Fault

SUCCESS: Final = ("Succeeded",)
ANY: Final = (*SUCCESS, *FAILURE)
NOT_REACHED: Final = "did not reach the handler"

HANG, SLOW, LITTLE_TIME, DUPLICATE = "no response", "slow responses", "little time", "duplicate"


class FaultResult(NamedTuple):
    """What a handler did with one fault.

    Attributes:
        fault: The fault, with the AWS operation whose call had it.
        expected: The result codes that do not lose the object.
        got: The result code and its message, or why there is none.
        is_handled: Whether the result is as expected. A fault that did not reach the handler counts
            as handled.
    """

    fault: str
    expected: str
    got: str
    is_handled: bool


def assert_handles_every_fault(
    handler: Callable[[Any, Any], Any],
    *keys: str | Task[Any, Any],
    bucket: str = "bucket",
    user_arguments: Mapping[str, str] | None = None,
    schema_version: str = "2.0",
    timeout: float = 2.0,
    calls_aws: bool = True,
    without: Collection[str] = (),
) -> list[FaultResult]:
    """Check that a handler neither loses an object nor responds late when something fails.

    The handler runs for each object without a fault, then with one fault after the other: AWS
    refuses a call of boto3, does not respond, or is slow; little time is left; keys are unusual;
    S3 delivers the task again. The faults are injected into all boto3 clients, so the handler
    needs no change. No call reaches AWS: calls without a fault reach moto within ``mock_aws``, and
    otherwise get responses without content.

    Args:
        handler: Any Lambda handler for S3 Batch Operations, with this package or without.
        keys: Decoded keys in ``bucket``, or tasks, for which the handler succeeds
            [default: one key].
        bucket: The bucket of the keys.
        user_arguments: User arguments of the job; they require schema 2.0.
        schema_version: Schema version of the events.
        timeout: Seconds of the function's timeout where AWS does not respond. It must be longer
            than the ``time_reserve`` of the handler.
        calls_aws: ``False`` for a handler that does not call AWS.
        without: Names of faults to leave out, as in the table of the error.

    Returns:
        A result for each fault, also for faults that did not reach the handler.

    Raises:
        AssertionError: The handler responded late or not at all, or its response does not have the
            form that AWS documents, or has an unexpected result code. The text lists all such
            faults. Also if the handler fails without a fault, or if no fault could reach it.
        ValueError: ``without`` contains an unknown name.
    """
    _check_names(without)
    results: list[FaultResult] = []
    for key in keys or ("path/to/my object.txt",):
        task = (
            key
            if isinstance(key, Task)
            else make_task(key, bucket=bucket, user_arguments=user_arguments)
        )
        check = _FaultCheck(handler, task, schema_version, timeout, calls_aws=calls_aws)
        results += [result for name, result in check.run(without) if name not in without]
    if not all(result.is_handled for result in results):
        raise AssertionError(_report(results))
    return results


class _FaultCheck:
    """Runs a handler for one object, with one fault after the other."""

    def __init__(
        self,
        handler: Callable[[Any, Any], Any],
        task: Task[Any, Any],
        schema_version: str,
        timeout: float,
        *,
        calls_aws: bool,
    ) -> None:
        self._handler = handler
        self._task = task
        self._schema_version = schema_version
        self._timeout = timeout
        self._patience = 10 * timeout  # without a slow call, only a busy machine takes long
        self._calls_aws = calls_aws
        self._stored = StoredObject(task)
        self._jobs = 0

    def run(self, without: Collection[str]) -> Iterator[tuple[str, FaultResult]]:
        """Yield the name and the result of each fault."""
        operations = self._operations_without_fault()
        yield from self._refused_calls(operations, without)
        yield from self._lack_of_time(operations, without)
        yield from self._unusual_keys(without)
        if DUPLICATE not in without:
            self._deliver()
            yield DUPLICATE, self._result(DUPLICATE, SUCCESS, self._deliver(is_new=False))

    def _operations_without_fault(self) -> list[str]:
        """Return the operations that the handler calls for the object, each once, in order."""
        delivery = self._deliver(lambda call, _: self._stored.save(call))
        problem = delivery.problem(SUCCESS)
        if problem is not None:
            raise AssertionError(
                f"without a fault, the handler does not succeed for {self._task.key!r}: {problem}. "
                "Pass keys (and user_arguments) for which it succeeds. If it reads objects, create "
                "them within moto's mock_aws, and call this function there."
            )
        operations = [*dict.fromkeys(call.name for call in delivery.calls)]
        if not operations and self._calls_aws:
            raise AssertionError(
                f"for {self._task.key!r}, the handler made no call with boto3, so faults of AWS "
                "cannot reach it. Pass a key for which it calls AWS, or calls_aws=False if it "
                "never does. Calls of replaced clients, of other libraries and in child processes "
                "are not detected: test a handler without isolation='process'."
            )
        return operations

    def _refused_calls(
        self, operations: list[str], without: Collection[str]
    ) -> Iterator[tuple[str, FaultResult]]:
        for fault in AWS_FAULTS:
            if fault.name in without:
                continue
            reached = False
            for operation in operations:
                delivery = self._deliver(refusing(operation, fault))
                if not delivery.has_fault:
                    continue
                reached = True
                name = f"{fault.name} at {operation}"
                yield fault.name, self._result(name, fault.expected, delivery)
                again = self._delivered_again(name)
                if not again.is_handled:
                    yield fault.name, again
            if not reached:
                yield fault.name, self._unreached(fault, operations)

    def _delivered_again(self, name: str) -> FaultResult:
        """Deliver the last task again, without a fault: its work has not been done yet."""
        delivery = self._deliver(is_new=False)
        result = self._result(f"{name}, then delivered again", SUCCESS, delivery)
        if result.is_handled and not delivery.calls:
            return result._replace(got="Succeeded without calling AWS", is_handled=False)
        return result

    @staticmethod
    def _unreached(fault: AwsFault, operations: list[str]) -> FaultResult:
        expected = " or ".join(fault.expected)
        if operations and fault.expected == TEMPORARY:  # any call can have these faults
            got = "no call of AWS after the first invocation"
            return FaultResult(fault.name, expected, got, is_handled=False)
        return FaultResult(fault.name, expected, NOT_REACHED, is_handled=True)

    def _lack_of_time(
        self, operations: list[str], without: Collection[str]
    ) -> Iterator[tuple[str, FaultResult]]:
        for operation in operations if HANG not in without else ():
            delivery = self._deliver(hanging(operation), seconds=self._timeout)
            yield HANG, self._result(f"{HANG} at {operation}", TEMPORARY, delivery)
        if operations and SLOW not in without:
            delivery = self._deliver(slow(self._timeout * 0.6), seconds=self._timeout)
            yield SLOW, self._result(SLOW, (*SUCCESS, *TEMPORARY), delivery)
        if LITTLE_TIME not in without:
            delivery = self._deliver(hanging(), seconds=self._timeout / 10)
            expected = TEMPORARY if operations else (*SUCCESS, *TEMPORARY)
            yield LITTLE_TIME, self._result(LITTLE_TIME, expected, delivery)

    def _unusual_keys(self, without: Collection[str]) -> Iterator[tuple[str, FaultResult]]:
        for odd in odd_keys(self._task.key):
            if odd.name in without:
                continue
            usual = self._task
            task = Task(id=usual.id, bucket=usual.bucket, key=odd.key, job=usual.job)
            if odd.is_processed:
                self._stored.copy_to(odd.key)
            expected = SUCCESS if odd.is_processed else odd.expected
            yield odd.name, self._result(odd.name, expected, self._deliver(task=task, odd=odd))

    def _deliver(
        self,
        fault: Fault | None = None,
        *,
        seconds: float | None = None,
        task: Task[Any, Any] | None = None,
        odd: OddKey | None = None,
        is_new: bool = True,
    ) -> Delivery:
        """Deliver the task, or another one, in a new job or again in the last one."""
        self._stored.restore()
        self._jobs += is_new
        task = self._in_job(task or self._task)
        event = make_event(task, schema_version=self._schema_version)
        if odd is not None:
            event["tasks"][0]["s3Key"] = odd.encoded
        return deliver(self._handler, event, task, fault, seconds or self._patience)

    def _in_job(self, task: Task[Any, Any]) -> Task[Any, Any]:
        """Return a task of the current job, so that no two faults are injected into one job."""
        job_id = f"{JOB_ID[:-4]}{self._jobs:04x}"
        return make_task(
            task.key,
            bucket=task.bucket,
            version_id=task.version_id,
            user_arguments=task.job.arguments,
            job_id=job_id,
            id=opaque_id("task", job_id, task.key, size=1000),
        )

    @staticmethod
    def _result(name: str, expected: tuple[str, ...], delivery: Delivery) -> FaultResult:
        problem = delivery.problem(expected)
        got = problem if problem is not None else str(delivery.code)
        return FaultResult(name, " or ".join(expected), got, is_handled=problem is None)


def _check_names(without: Collection[str]) -> None:
    names = [
        *(fault.name for fault in AWS_FAULTS),
        *(HANG, SLOW, LITTLE_TIME, DUPLICATE),
        *(odd.name for odd in odd_keys("a")),
    ]
    unknown = [name for name in without if name not in names]
    if unknown:
        raise ValueError(f"unknown faults in without: {', '.join(unknown)}; use {', '.join(names)}")


def _report(results: list[FaultResult]) -> str:
    """Return a table of the faults that were not handled, and the names of those not injected."""
    failed = [result for result in results if not result.is_handled]
    rows = [("fault", "expected", "got"), *((each[0], each[1], each[2]) for each in failed)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [
        f"{fault:{widths[0]}}  {expected:{widths[1]}}  {safe_line(got, 200)}".rstrip()
        for fault, expected, got in rows
    ]
    lines.insert(1, "-" * min(100, max(map(len, lines))))
    report = [f"{len(failed)} of {len(results)} faults are not handled", "", *lines]
    unreached = [result.fault for result in results if result.got == NOT_REACHED]
    if unreached:
        report += ["", f"These faults did not reach the handler: {', '.join(unreached)}"]
    return "\n".join(report)
