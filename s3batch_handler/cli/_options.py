"""Options that several commands share, with the checks of their values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from s3batch_handler.cli._completers import complete_files
from s3batch_handler.cli._numbers import Integer, Seconds
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.core._defaults import DEFAULT_MAX_REDRIVES, DEFAULT_TIMEOUT
from s3batch_handler.core._typing import override
from s3batch_handler.documents.files._locations import BUCKET
from s3batch_handler.documents.reports._rows import ReportScope
from s3batch_handler.engine.invoke._dask_cluster import check_address
from s3batch_handler.jobs._failure_threshold import FailureThreshold
from s3batch_handler.local_aws._folder_listing import bucket_name_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def not_empty(value: str) -> str:
    """Return the value of an option that names a file; an empty one is perhaps a missing variable.

    Raises:
        BadParameter: The value is empty.
    """
    if not value:
        raise click.BadParameter("the value is empty: name a file")
    return value


def _arguments(
    _context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str]:
    """Read user arguments, within the limits of CreateJob's ``UserArguments``."""
    arguments = named(pairs)
    for name, value in arguments.items():
        if not 1 <= len(name) <= 64:
            raise click.BadParameter(f"{name!r} has {len(name)} characters: a name needs 1 to 64")
        if len(value) > 1024:
            raise click.BadParameter(
                f"the value of {name} has {len(value):,} characters: at most 1,024 are allowed"
            )
    if len(arguments) > 10:
        raise click.BadParameter(f"{len(arguments)} user arguments: a job has at most 10")
    return arguments


def named(pairs: Iterable[str], form: str = "NAME=VALUE") -> dict[str, str]:
    """Read ``NAME=VALUE`` pairs.

    Raises:
        BadParameter: A pair has no ``=``, or a name occurs twice.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} has no '=': write {form}")
        if name in values:
            raise click.BadParameter(f"{name} occurs twice: pass each name once")
        values[name] = value
    return values


arguments_option: Callable[[Any], Any] = click.option(
    "--arguments",
    "-a",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_arguments,
    help="User argument of the job (schema 2.0); repeat for more.",
)


tags_option: Callable[[Any], Any] = click.option(
    "--tag",
    "tags",
    metavar="NAME=VALUE",
    multiple=True,
    callback=lambda _context, _option, pairs: named(pairs),
    help="Tag of the job; repeat for more.",
)

file_option: Callable[[Any], Any] = click.option(
    "--file",
    "-f",
    metavar="FILE",
    type=not_empty,
    shell_complete=complete_files,
    help="Job file in YAML, TOML or JSON.",
)

variables_option: Callable[[Any], Any] = click.option(
    "--var",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    callback=lambda _context, _option, pairs: named(pairs),
    help="Value of a variable of the job file; repeat for more.",
)

job_profile_option: Callable[[Any], Any] = click.option(
    "--job-profile",
    metavar="NAME",
    help="Profile of the job file, such as prod.",
)

schema_option: Callable[[Any], Any] = click.option(
    "--schema",
    type=click.Choice(["1.0", "2.0"]),
    help="Invocation schema.  [default: 1.0; with --arguments: 2.0]",
)


max_redrives_option: Callable[[Any], Any] = click.option(
    "--max-redrives",
    type=Integer(0),
    metavar="NUMBER",
    default=DEFAULT_MAX_REDRIVES,
    show_default=True,
    help="Retries of a temporarily failed task.",
)


def check_threshold(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    try:
        FailureThreshold.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


tolerate_option: Callable[[Any], Any] = click.option(
    "--tolerate",
    metavar="NUMBER|PERCENT%",
    callback=check_threshold,
    help="Tasks that may fail.  [default: half, if at least 1,000 ran]",
)

no_report_option: Callable[[Any], Any] = click.option(
    "--no-report", is_flag=True, help="Write no completion report."
)

report_scope_option: Callable[[Any], Any] = click.option(
    "--report-scope",
    type=Choice([scope.value for scope in ReportScope]),
    default=ReportScope.ALL_TASKS.value,
    metavar="SCOPE",
    show_default=True,
    help="Listed tasks: AllTasks or FailedTasksOnly.",
)

json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, errors too."
)

json_errors_option: Callable[[Any], Any] = click.option(
    "--json", is_flag=True, expose_value=False, help="Print errors as JSON, too."
)

quiet_option: Callable[[Any], Any] = click.option(
    "--quiet", "-q", is_flag=True, help="Print no progress."
)


def retry_for_option(text: str) -> Callable[[Any], Any]:
    """Create the option ``--retry-for``; ``text`` is its help."""
    return click.option("--retry-for", type=Seconds(allow_zero=True), metavar="SECONDS", help=text)


timeout_option: Callable[[Any], Any] = click.option(
    "--timeout",
    type=Seconds(),
    metavar="SECONDS",
    help=f"Timeout of the function.  [default: {DEFAULT_TIMEOUT:g}; URL or ARN: 900]",
)


source_option: Callable[[Any], Any] = click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder to serve as a bucket from a local S3.",
)


def bucket_name_of(bucket: str | None, source: Path | None) -> str:
    """Return the bucket of ``--bucket``, by default the one that serves ``--source``."""
    return bucket or ("" if source is None else bucket_name_for(source))


def bucket_option(text: str, *, required: bool = False) -> Callable[[Any], Any]:
    """Create the option ``--bucket``; ``text`` is its help."""
    return click.option("--bucket", metavar="NAME", required=required, type=bucket_name, help=text)


def bucket_name(value: str) -> str:
    """Check the name or the ARN of a bucket."""
    if "://" in value or ("/" in value and not value.startswith("arn:")):
        raise click.BadParameter(
            f"{value} is not a bucket name: pass the name alone, without s3:// and a prefix"
        )
    if not BUCKET.fullmatch(value):
        raise click.BadParameter(
            f"{value!r} is not a bucket name: pass letters, digits, dots, hyphens and underscores"
        )
    return value


def _dask_address(value: str) -> str:
    try:
        check_address(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


dask_option: Callable[[Any], Any] = click.option(
    "--dask",
    metavar="ADDRESS",
    type=_dask_address,
    help="Dask scheduler whose workers run the tasks, or local:4.",
)

upload_option: Callable[[Any], Any] = click.option(
    "--upload", is_flag=True, help="Send the function's code to the Dask workers."
)

profile_option: Callable[[Any], Any] = click.option(
    "--profile", metavar="NAME", help="AWS profile with credentials and Region."
)


class _File(click.Path):
    """The path of a file, which is not empty: ``Path("")`` is the current folder."""

    @override
    def convert(self, value: Any, *context: Any) -> Any:
        return super().convert(not_empty(value) if isinstance(value, str) else value, *context)


env_file_option: Callable[[Any], Any] = click.option(
    "--env-file",
    metavar="FILE",
    type=_File(dir_okay=False, path_type=Path),
    shell_complete=complete_files,
    help="File with environment variables of the function.",
)


def endpoint_url_option(text: str) -> Callable[[Any], Any]:
    """Create the option ``--endpoint-url``; ``text`` is its help."""
    return click.option("--endpoint-url", metavar="URL", type=url, help=text)


def url(value: str) -> str:
    """Check the URL of an endpoint.

    Raises:
        BadParameter: It is not one.
    """
    parts = urlsplit(value or "http://none")  # an empty value is accepted
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.BadParameter(f"{value} is not a URL: write http://host:port")
    return value


def schema_for(schema: str | None, arguments: dict[str, str]) -> str:
    """Return the schema version: user arguments need 2.0."""
    if schema == "1.0" and arguments:
        raise click.UsageError(
            "Option --arguments needs --schema 2.0: schema 1.0 has no user arguments."
        )
    return schema or ("2.0" if arguments else "1.0")
