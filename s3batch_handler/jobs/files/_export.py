"""The request that creates a job like an existing one, and the job file with it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from s3batch_handler.core._errors import JobError
from s3batch_handler.core._sanitize import safe_line
from s3batch_handler.jobs._structures import tag_set
from s3batch_handler.jobs.files._variables import escape_references

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3batch_handler.jobs._job import Job

JobFileFormat: TypeAlias = Literal["yaml", "toml", "json"]


def request_like(job: Job, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the request for a job like this one, without AccountId and ClientRequestToken.

    Raises:
        JobError: The description lacks what a request needs.
    """
    description = job.to_description()
    if job.manifest_generator is not None:  # S3 generates the manifest again
        description.pop("Manifest", None)
    request: dict[str, Any] = {name: description[name] for name in _MEMBERS if name in description}
    missing = [name for name in _NEEDED if name not in request]
    if not {"Manifest", "ManifestGenerator"} & request.keys():
        missing.append("Manifest")
    if missing:
        raise JobError(
            f"its description has no {' and no '.join(missing)}, so it cannot be created again",
            job_id=job.job_id,
        )
    return {**request, "Tags": tag_set(tags)} if tags else request


_MEMBERS: Final[tuple[str, ...]] = (
    *("Description", "ConfirmationRequired", "Priority", "RoleArn", "Operation", "Manifest"),
    *("ManifestGenerator", "Report"),
)
_NEEDED: Final = ("Operation", "Report", "Priority", "RoleArn")


def job_file_text(job: Job, tags: Mapping[str, str], *, file_format: JobFileFormat) -> str:
    """Return a job file for a job like this one.

    YAML and TOML have comments: where the job comes from, and what the file does not contain.
    """
    request = _in_file(request_like(job, tags))
    if file_format == "json":
        text = json.dumps(request, indent=2, ensure_ascii=not _is_printable(request))
        return text.replace("\x7f", r"\u007f") + "\n"
    comments = "".join(f"# {safe_line(line)}\n" for line in _comments(job))
    return comments + (_yaml(request) if file_format == "yaml" else _toml(request))


def _comments(job: Job) -> Iterator[str]:
    yield f"Job {job.job_id}, created {job.creation_time.isoformat(' ', 'seconds')}"
    yield "Left out: AccountId (that of the credentials) and ClientRequestToken (a new one)."
    if job.manifest_generator is not None:
        yield "S3 generates the manifest again, so the new job may have other objects."
        generated = job.generated_manifest_descriptor
        if generated is not None and generated.location is not None:
            yield f"The manifest that was generated: {generated.location.object_arn}"
    else:
        yield "If the manifest changes, the job fails: remove ETag to use the new manifest."


def _in_file(value: Any) -> Any:
    """Return a value with times as text, in which ``${`` does not begin a variable."""
    if isinstance(value, dict):
        return {name: _in_file(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_in_file(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return escape_references(value) if isinstance(value, str) else value


def _is_printable(value: Any) -> bool:
    """Return whether a terminal shows all texts in a value as they are."""
    if isinstance(value, dict):
        return all(_is_printable(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return all(map(_is_printable, value))
    return not isinstance(value, str) or value.replace("\n", "").isprintable()


def _yaml(request: dict[str, Any]) -> str:
    try:
        import yaml  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        from s3batch_handler.core._extras import raise_missing

        raise_missing(error, "A job file in YAML")
    dumper: Any = type("Dumper", (yaml.SafeDumper,), {})
    dumper.add_implicit_resolver(_FLOAT, _NUMBER, [*"-+.0123456789"])  # which needs quotes as text
    text: str = yaml.dump(
        request, Dumper=dumper, sort_keys=False, allow_unicode=_is_printable(request), width=100
    )
    return text


_FLOAT: Final = "tag:yaml.org,2002:float"
_NUMBER: Final = re.compile(r"[-+]?(\.?[0-9][0-9_.]*([eE][-+]?[0-9]+)?|0[ox][0-9a-fA-F_]+)")
"""Numbers of YAML 1.2, which the AWS CLI and editors read: also ``012345678901`` and ``1e3``."""


# ---------------------------------------------------------------- TOML: Python has no writer


def _toml(request: dict[str, Any]) -> str:
    return "".join(f"{line}\n" for line in _table(request, ()))


def _table(members: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    tables = {name: each for name, each in members.items() if isinstance(each, dict)}
    for name, value in members.items():
        if name not in tables:
            yield f"{_key(name)} = {_value(value)}"
    for name, table in tables.items():
        own = (*path, name)
        if not table or any(not isinstance(each, dict) for each in table.values()):
            yield ""
            yield f"[{'.'.join(map(_key, own))}]"
        yield from _table(table, own)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{_key(name)} = {_value(each)}" for name, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    return f'"{"".join(map(_character, text))}"'


def _character(char: str) -> str:
    if char in ('"', "\\"):
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08X}"
