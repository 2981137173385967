"""The options of a command as one object, and the rules for combining options."""

from __future__ import annotations

from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

import click
from click.core import ParameterSource

from s3batch_handler.engine.invoke._target import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Rule(NamedTuple):
    """A rule for the options and arguments of a command, by the names that users write.

    Attributes:
        option: The rule applies if this is given; ``ALWAYS`` if it always applies.
        requires: At least one of these has to be given.
        excludes: None of these may be given.
        unless: The rule does not apply if this is given.
    """

    option: str
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    unless: str = ""


ALWAYS: Final = ""
REMOTE: Final = "a URL or ARN as HANDLER"

# What the sources of a new manifest lack. Keys alone have neither a size nor a time.
_OF_OBJECTS: Final = ("--storage-class", "--versions", "--version-ids")
_OF_STATUS: Final = ("--min-size", "--max-size", "--newer-than", "--older-than")
_OF_LISTINGS: Final = ("--tag", "--resume", "--concurrency")
_NOT_OF_SOURCES: Final = {
    "--keys": (*_OF_STATUS, *_OF_OBJECTS, *_OF_LISTINGS),
    "--objects": (*_OF_STATUS, *_OF_OBJECTS, *_OF_LISTINGS),
    "--source": (*_OF_OBJECTS, *_OF_LISTINGS),
    "--inventory": _OF_LISTINGS,
    "--from-report": (*_OF_STATUS, *_OF_OBJECTS, *_OF_LISTINGS),
}

# The rules of all commands that create a job in AWS.
_OF_NEW_JOBS: Final = (
    Rule("--function", excludes=("--operation",)),
    Rule("--report", excludes=("--no-report",)),
    Rule("--operation", excludes=("--arguments", "--schema")),
    Rule("--retry-for", requires=("--wait", "--sample")),
    Rule("--notify", requires=("--wait",)),
    Rule("--cancel-above", requires=("--wait",)),
    Rule("--dry-run", excludes=("--wait", "--sample")),
    Rule("--tolerate", requires=("--sample",)),
    Rule("--seed", requires=("--sample",)),
)

RULES: Final = {
    "run": (
        Rule("--resume", requires=("--state",)),
        Rule(
            "--resume",  # continues with the saved options
            excludes=(
                *("HANDLER", "--manifest", "--fields", "--source", "--output", "--bucket"),
                *("--prefix", "--endpoint-url", "--save-manifest", "--arguments", "--schema"),
                *("--timeout", "--max-redrives", "--report", "--no-report", "--report-scope"),
                *("--log", "--tolerate", "--limit", "--sample", "--seed", "--part", "--profile"),
                *("--region", "--failed-from"),
            ),
        ),
        Rule(ALWAYS, requires=("HANDLER", "--resume"), unless="--failed-from"),
        Rule(
            ALWAYS,
            requires=("--manifest", "--source", "--bucket", "--resume", "--failed-from"),
        ),
        Rule("--failed-from", excludes=("--prefix",)),
        Rule("--failed-from", excludes=("--bucket",), unless="--source"),
        Rule("--manifest", excludes=("--bucket",), unless="--source"),
        Rule("--manifest", excludes=("--prefix", "--save-manifest")),
        Rule("--fields", requires=("--manifest",)),
        Rule("--dry-run", excludes=("--state",)),  # a folder that it would create
        Rule("--dry-run", excludes=("--page",)),
        Rule("--page-port", requires=("--page",)),
        Rule("--limit", excludes=("--sample",)),
        Rule("--seed", requires=("--sample",)),
        Rule("--part", requires=("--manifest",)),  # a listing may differ between the parts
        Rule("--part", excludes=("--limit", "--sample", "--failed-from")),
        Rule("--output", requires=("--source",)),
        Rule("--output", excludes=("--state",)),  # outputs are saved at the end only
        # The local S3 has its own credentials and Region, and only this machine can reach it.
        Rule("--source", excludes=("--endpoint-url", "--profile", "--region", REMOTE)),
        Rule("--env-file", excludes=(REMOTE,)),
        Rule("--log", excludes=(REMOTE,)),
        Rule("--dask", excludes=("--workers", REMOTE)),
        Rule("--upload", requires=("--dask", "--resume")),
    ),
    "serve": (
        Rule("--profile", requires=("--s3-endpoint-url",)),
        Rule("--ca-bundle", requires=("--s3-endpoint-url",)),
        Rule("--addressing-style", requires=("--s3-endpoint-url",)),
        Rule("--upload", requires=("--dask",)),
    ),
    "invoke": (
        Rule("--key", excludes=("EVENT",)),
        Rule("--key", requires=("--source", "--bucket")),
        Rule("--arguments", requires=("--key",)),
        Rule("--schema", requires=("--key",)),
        Rule("--bucket", requires=("--key", "--source")),
        Rule("--source", excludes=(REMOTE,)),
        Rule("--pdb", excludes=(REMOTE,)),
        Rule("--env-file", excludes=(REMOTE,)),
    ),
    "create": (
        Rule(
            ALWAYS,
            requires=(
                "--bucket",
                "--keys",
                "--objects",
                "--source",
                "--inventory",
                "--from-report",
            ),
        ),
        Rule("--keys", excludes=("--objects", "--source", "--inventory", "--from-report")),
        Rule("--objects", excludes=("--source", "--inventory", "--from-report")),
        Rule("--source", excludes=("--inventory", "--from-report")),
        Rule("--inventory", excludes=("--from-report", "--bucket")),
        Rule("--from-report", excludes=("--bucket",)),
        Rule("--null", requires=("--keys",)),
        Rule("--payload", requires=("--objects",)),
        Rule("--failed", requires=("--from-report",)),
        Rule("--succeeded", requires=("--from-report",)),
        Rule("--failed", excludes=("--succeeded",)),
        Rule("--version-ids", excludes=("--versions",)),
        *(Rule(option, excludes=excluded) for option, excluded in _NOT_OF_SOURCES.items()),
    ),
    "estimate": (
        Rule(ALWAYS, requires=("--objects", "--manifest", "--file", "--from-report")),
        Rule("--objects", excludes=("--manifest",)),
        Rule("--file", excludes=("--manifest", "--operation")),
        Rule("--var", requires=("--file",)),
        Rule("--job-profile", requires=("--file",)),
        Rule("--state", requires=("--from-report",)),
        Rule("--transfer", requires=("--bytes",)),
        Rule("--calls-per-object", requires=("--max-rate",)),
    ),
    "submit": (
        Rule("--failed-from", excludes=("--etag",)),  # its manifest is created now
        Rule(ALWAYS, requires=("--manifest", "--failed-from", "--file")),
        Rule(
            ALWAYS,
            requires=("--function", "--operation", "--stack", "--file"),
            unless="--failed-from",
        ),
        Rule(ALWAYS, requires=("--role", "--stack", "--file"), unless="--failed-from"),
        Rule(
            ALWAYS,
            requires=("--report", "--no-report", "--stack", "--file"),
            unless="--failed-from",
        ),
        Rule("--failed-from", excludes=("--file",)),
        Rule("--var", requires=("--file",)),
        Rule("--job-profile", requires=("--file",)),
        Rule("--failed-from", excludes=("--manifest-version-id", "--dry-run")),
        *_OF_NEW_JOBS,
        # Or it may wait forever. A job file may say that the job needs no confirmation.
        Rule("--wait", requires=("--no-confirm", "--confirm"), unless="--file"),
    ),
    "clone": _OF_NEW_JOBS,
}


class Options(Protocol):
    """The options of a command, as a dataclass with their names."""

    def check(self) -> None:
        """Check the values of the options."""
        ...


_OptionsT = TypeVar("_OptionsT", bound=Options)


def options_as(
    options_class: type[_OptionsT], *parameters: Callable[[Any], Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds parameters to a command.

    The command is called with their checked values as one object.
    """
    names = {field.name for field in fields(options_class)}  # type: ignore[arg-type]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_options(**values: Any) -> None:
            check_options(click.get_current_context())
            options = options_class(**{name: values.pop(name) for name in names & values.keys()})
            options.check()
            command(options=options, **values)

        decorated: Callable[..., None] = with_options
        for add in reversed(parameters):
            decorated = add(decorated)
        return decorated

    return decorate


def check_options(context: click.Context, completed: Mapping[str, Any] | None = None) -> None:
    """Check the options of a command against its rules.

    Args:
        context: The command, with the options that are given.
        completed: Values of other parameters, which the command has added.

    Raises:
        UsageError: Options are missing or cannot be combined.
    """
    given = _given(context, completed or {})
    for rule in RULES[str(context.command.name)]:
        if rule.unless in given or rule.option not in {*given, ALWAYS}:
            continue
        if rule.requires and not given.intersection(rule.requires):
            raise click.UsageError(_missing(rule.option, *rule.requires))
        for other in rule.excludes:
            if other in given:
                raise click.UsageError(_excluded(rule.option, other))


def _given(context: click.Context, completed: Mapping[str, Any]) -> set[str]:
    """Return the names of the options and arguments that are not empty and not defaults."""
    given = set()
    values = {**context.params, **completed}
    for parameter in context.command.params:
        name = str(parameter.name)
        value = values.get(name)
        is_default = context.get_parameter_source(name) is ParameterSource.DEFAULT
        if (is_default and name not in completed) or value in (None, "", ()):
            continue
        if isinstance(parameter, click.Argument):
            given.add(parameter.human_readable_name)
        else:
            names = (value is False and parameter.secondary_opts) or parameter.opts
            given.add(names[0])
    if is_remote(values.get("handler") or ""):
        given.add(REMOTE)
    return given


def _missing(option: str, first: str, *others: str) -> str:
    if option == ALWAYS:
        kind = "option" if first.startswith("-") else "argument"
        return f"Missing {kind} {first}" + (f" (or {', '.join(others)})." if others else ".")
    return f"Option {option} needs {' or '.join((first, *others))}."


def _excluded(option: str, other: str) -> str:
    kind = "Options " if other.startswith("-") else ""
    return f"{kind}{option} and {other} cannot be combined: choose one."
