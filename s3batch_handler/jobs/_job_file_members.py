"""Check the members of job files against the models, with messages for people who write files."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, get_args

from s3batch_handler.core._sanitize import safe_line, short_repr
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._job_file_nodes import Problem, kind_of
from s3batch_handler.jobs._operations import Operation
from s3batch_handler.jobs._structures import EmptyStructure, Structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from s3batch_handler.jobs._job_file_nodes import Node, Path

ACCOUNT_ID: Final = "AccountId"


class MemberReader:
    """Converts nodes to values for the models, and collects members that do not exist.

    Attributes:
        problems: What is wrong.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def job(self, file: Node) -> dict[str, Any]:
        """Return the members of a file, without those that are null."""
        return self._members(file, JobSpec, ())

    def _members(self, node: Node, model: type[Structure], path: Path) -> dict[str, Any]:
        fields = model.fields_by_name()
        others = (ACCOUNT_ID,) if model is JobSpec else ()
        members: dict[str, Any] = {}
        for name, child in node.members.items():
            child_path = (*path, name)
            if name not in fields:
                if name in others or (model is Operation and _may_be_new(name, fields)):
                    members[name] = self._plain(child)
                else:
                    text = _unknown(name, (*fields, *others))
                    self.problems.append(Problem(child_path, text, child.line))
                continue
            value = self._value(child, structure_in(fields[name].annotation), child_path)
            if value is not None:
                members[name] = value
        return members

    def _value(self, node: Node, model: type[Structure] | None, path: Path) -> Any:
        if model is EmptyStructure and node.value is None:  # S3DeleteObjectTagging:
            return {}
        if model is not None and isinstance(node.value, dict):
            return self._members(node, model, path)
        if model is not None and isinstance(node.value, list):
            items = enumerate(node.value)
            return [self._value(item, model, (*path, number)) for number, item in items]
        return self._plain(node)

    def _plain(self, node: Node) -> Any:
        if isinstance(node.value, dict):
            return {name: self._plain(child) for name, child in node.value.items()}
        if isinstance(node.value, list):
            return [self._plain(item) for item in node.value]
        return node.value


def structure_in(annotation: Any) -> type[Structure] | None:
    """Return the structure in the annotation of a field, such as ``tuple[Grant, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Structure):
        return annotation
    found = (structure_in(argument) for argument in get_args(annotation))
    return next((each for each in found if each is not None), None)


def _may_be_new(name: str, known: Iterable[str]) -> bool:
    """Return whether an operation may be newer than this package, and is not a typing error."""
    return name.startswith("S3") and name.isalnum() and not get_close_matches(name, known)


def _unknown(name: str, known: tuple[str, ...]) -> str:
    spellings = {each.lower(): each for each in known}
    close = get_close_matches(name.lower().replace("_", ""), spellings, n=1)
    if close:
        return f"there is no such member; did you mean {spellings[close[0]]}?"
    if not known:
        return "there is no such member; delete it"
    return f"there is no such member; the members here are {', '.join(known)}"


# ---------------------------------------------------------------- errors of the models


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """Yield the problems that a model has found, without their lines."""
    for details in error.errors(include_url=False):
        path = tuple(step for step in details["loc"] if step != "[key]")
        text = _text(details, path)
        first, _, rest = text.partition(" ")
        names = tuple(first.split("."))
        if rest.startswith(("is ", "must ", "require")) and all(map(_is_member, names)):
            path, text = (*path, *names), rest if rest.startswith("r") else f"it {rest}"
        if "[key]" in details["loc"]:
            text = f"the name is not valid: {text}"
        yield Problem(path, text)


def _is_member(name: str) -> bool:
    return name[:1].isupper() and name.isalnum()


def _text(details: ErrorDetails, path: Path) -> str:
    kind, value = details["type"], details["input"]
    if kind == "missing":
        return _MISSING.get(path, "it is missing; add it")
    for beginning, expected in _EXPECTED.items():
        if kind.startswith(beginning):
            got = short_repr(value) if isinstance(value, str) else kind_of(value)
            return f"expected {expected}, got {got}"
    message = details["msg"].removeprefix("Value error, ")
    if message.startswith("must match "):
        form = _FORMS.get(str(path[-1] if path else ""), _FORMS.get(str((path or ("",))[0])))
        if form is not None:
            return f"expected {form}, got {short_repr(str(value))}"
    if message.startswith("exactly one of Manifest"):
        return "expected either Manifest or ManifestGenerator; add one of them"
    if path == ("Operation",) and message.startswith("must have exactly one member"):
        return f"{message}; name one operation, such as LambdaInvoke"
    return safe_line(message, 600)


_EXPECTED: Final = {
    "string": "text",
    "model": "a mapping of members",
    "dict": "a mapping of members",
    "mapping": "a mapping of names to text",
    "tuple": "a list, such as [Bucket, Key]",
    "list": "a list",
    "int": "a whole number",
    "bool": "true or false",
    "datetime": "a time such as 2030-01-31T00:00:00Z",
}

_MISSING: Final[Mapping[Path, str]] = {
    ("Operation",): "it is missing; name an operation, such as LambdaInvoke",
    ("Report",): "it is missing; add Bucket, or Enabled: false for a job without a report",
    ("RoleArn",): "it is missing; add the IAM role that S3 assumes",
}

_DIGITS: Final = "the 12 digits of an account"
_BUCKET: Final = "s3://BUCKET or the ARN of a bucket"
_KMS_KEY: Final = "the ARN of a KMS key"
_TAG: Final = "letters, digits, spaces and _ . : / = + - @ only"
_FORMS: Final = {
    ACCOUNT_ID: _DIGITS,
    "ExpectedBucketOwner": _DIGITS,
    "ExpectedManifestBucketOwner": _DIGITS,
    "FunctionArn": "NAME, NAME:ALIAS or the ARN of a function",
    "RoleArn": "the name or the ARN of a role",
    "Bucket": _BUCKET,
    "SourceBucket": _BUCKET,
    "TargetResource": _BUCKET,
    "ObjectArn": "s3://BUCKET/KEY or the ARN of an object",
    "KmsKeyArn": _KMS_KEY,
    "KMSKeyArn": _KMS_KEY,
    "Tags": _TAG,
    "TagSet": _TAG,
    "NewObjectTagging": _TAG,
}
