"""A function in Lambda: its state, its limits, and how they fit the handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3batch_handler.cli.doctor._check import error, ok, skipped, warning
from s3batch_handler.cli.doctor._connection import failed_request
from s3batch_handler.cli.doctor._limits import check_runtime, check_timeout
from s3batch_handler.engine.invoke._function_loader import split_spec
from s3batch_handler.jobs._arns import split_function

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.cli.doctor._check import Check
    from s3batch_handler.cli.doctor._connection import Connection
    from s3batch_handler.cli.doctor._handler import HandlerImport


def check_function(
    connection: Connection, function: str, handler: HandlerImport | None
) -> Iterator[Check]:
    """Check that a function exists and can be invoked, and compare its limits with the handler.

    Args:
        connection: The account and the Region of the function.
        function: Its name or ARN.
        handler: The handler on this machine.
    """
    label = function.rpartition(":function:")[2]
    name = f"function {label}"
    client = connection.client("lambda")
    try:
        found = client.get_function_configuration(FunctionName=function)
    except Exception as problem:
        yield failed_request(
            name,
            problem,
            permission="lambda:GetFunctionConfiguration",
            missing=f"it does not exist in {connection.session.region_name or 'us-east-1'}",
        )
        return
    yield check_state(name, found)
    loaded = handler.handler() if handler is not None else None
    yield from check_timeout(f"timeout of {label}", found.get("Timeout"), loaded)
    yield _memory(f"memory of {label}", found.get("MemorySize"))
    if found.get("Runtime"):  # a container image has none
        yield check_runtime(f"runtime of {label}", found["Runtime"])
    if handler is not None and found.get("Handler"):
        yield _entry_point(f"handler of {label}", found["Handler"], handler.spec)
    yield _concurrency(f"concurrency of {label}", client, function)


def check_state(name: str, found: Mapping[str, Any]) -> Check:
    """Check that a function with this configuration can be invoked."""
    state = found.get("State", "Active")
    reason = found.get("StateReason") or ""
    update = found.get("LastUpdateStatus", "Successful")
    if state == "Failed":
        return error(name, f"its state is Failed: {reason}", "deploy it again")
    if state != "Active":
        return warning(name, f"its state is {state}", "invoke it once, and wait until it is Active")
    if update == "Failed":
        problem = found.get("LastUpdateStatusReason") or "no reason is known"
        return warning(name, f"its latest update failed: {problem}", "deploy it again")
    if found.get("TenancyConfig"):
        return error(
            name,
            "it uses tenant isolation, and S3 Batch Operations sends no tenant ID",
            "use a function without tenant isolation",
        )
    return ok(name, f"{state}, version {found.get('Version', 'unknown')}")


def _memory(name: str, megabytes: int | None) -> Check:
    if megabytes is None:
        return skipped(name, "cannot tell: it is not in the configuration")
    if megabytes < 256:  # Lambda's default is 128
        return warning(
            name,
            f"{megabytes} MB; Lambda allocates CPU in proportion to memory",
            "set MemorySize to 512 or more, and compare time and cost",
        )
    return ok(name, f"{megabytes:,} MB")


def _entry_point(name: str, deployed: str, spec: str) -> Check:
    place, attribute = split_spec(spec)
    module = place.removesuffix(".py").replace("\\", "/").replace("/", ".")
    here = f"{module}.{attribute}".lstrip(".")
    if f".{here}".endswith(f".{deployed.replace('/', '.')}"):
        return ok(name, deployed)
    return warning(
        name,
        f"it is {deployed}, but the handler here is {spec}",
        "check that both name the same code",
    )


def _concurrency(name: str, client: Any, function: str) -> Check:
    try:
        reserved = client.get_function_concurrency(FunctionName=_unqualified(function)).get(
            "ReservedConcurrentExecutions"
        )
    except Exception as problem:
        return failed_request(name, problem, permission="lambda:GetFunctionConcurrency")
    if reserved == 0:
        return error(
            name,
            "the reserved concurrency is 0: Lambda refuses every invocation",
            "raise it, or remove the reservation",
        )
    if reserved is None:
        return warning(
            name,
            "no reserved concurrency: a job can use the concurrency of all functions in the Region",
            "set ReservedConcurrentExecutions",
        )
    return ok(name, f"{reserved:,} reserved")


def _unqualified(function: str) -> str:
    """Return a name or an ARN without its version or alias: concurrency belongs to the function."""
    before, name = split_function(function)
    return f"{before}:function:{name.partition(':')[0]}".removeprefix(":function:").lstrip(":")
