"""Check the members of job files against the models, with messages for people who write files."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._sanitize import safe_line, short_repr
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs._operations import Operation
from s3batch_handler.jobs._structures import EmptyStructure, Structure
from s3batch_handler.jobs.files._member_names import (
    describe_unknown,
    may_be_new_operation,
    meant_member,
    structure_in,
)
from s3batch_handler.jobs.files._nodes import Node, Problem, kind_of
from s3batch_handler.jobs.files._variables import PROFILES, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from s3batch_handler.jobs.files._nodes import Path

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
                if name in others or (model is Operation and may_be_new_operation(name, fields)):
                    members[name] = self._plain(child, child_path)
                else:
                    known = (*fields, *others)
                    meant = meant_member(name, known)
                    text = describe_unknown(name, known, meant)
                    member = None if meant is None else (*path, meant)
                    self.problems.append(Problem(child_path, text, child.line, member))
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
        return self._plain(node, path)

    def _plain(self, node: Node, path: Path) -> Any:
        if isinstance(node.value, dict):
            for name, child in node.value.items():
                self._check_characters(name, (*path, name), child.line)
            return {name: self._plain(child, (*path, name)) for name, child in node.value.items()}
        if isinstance(node.value, list):
            return [self._plain(item, (*path, at)) for at, item in enumerate(node.value)]
        if node.value is not None:
            self._check_characters(node.value, path, node.line)
        return node.value

    def _check_characters(self, text: str, path: Path, line: int | None) -> None:
        found = _NOT_XML.search(text)
        if found is not None:
            problem = f"it has the character U+{ord(found[0]):04X}, which a request cannot have"
            self.problems.append(Problem(path, problem, line))


_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 does not allow (section 2.2): the body of CreateJob is XML."""


def check_profiles(file: Node, *, chosen: str | None) -> Iterator[Problem]:
    """Yield the members that do not exist in the profiles of a file, except the chosen one."""
    profiles = file.members.get(PROFILES, Node({})).members
    for name, profile in profiles.items():
        if name == chosen:
            continue
        members = {each: node for each, node in profile.members.items() if each != VARIABLES}
        reader = MemberReader()
        reader.job(Node(members, profile.line))
        for problem in reader.problems:
            yield replace(problem, path=(PROFILES, name, *problem.path), meant=None)


# ---------------------------------------------------------------- rules for several members


def check_combinations(members: dict[str, Any]) -> Iterator[Problem]:
    """Yield the problems of members that are required or excluded by others.

    The models have the same rules, and check them only if each member is valid.
    """
    given: list[str] = [name for name in _MANIFESTS if name in members]
    if len(given) != 1:
        yield _manifest_problem(given)
    operation, report = (members.get(name) for name in ("Operation", "Report"))
    is_checksum = isinstance(operation, dict) and "S3ComputeObjectChecksum" in operation
    if is_checksum and isinstance(report, dict) and report.get("Enabled") == "false":
        yield Problem(("Report", "Enabled"), "it must be true for S3ComputeObjectChecksum")


_MANIFESTS: Final = ("Manifest", "ManifestGenerator")


def _manifest_problem(given: list[str]) -> Problem:
    if given:
        return Problem(("ManifestGenerator",), "there is a Manifest, too; delete one of them")
    return Problem(("Manifest",), "it is missing; add it, or ManifestGenerator")


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
        if not text.startswith(_CHECKED_BEFORE):
            yield Problem(path, "it is missing; add it" if text == "it is required" else text)


_CHECKED_BEFORE: Final = "exactly one of Manifest and ManifestGenerator"


def without_consequences(problems: Iterable[Problem], *, of: Iterable[Problem]) -> list[Problem]:
    """Return problems, without those of structures with an unknown member, and of that member."""
    inner = [problem.path for problem in of]
    meant = {problem.meant for problem in of}
    return [
        problem
        for problem in problems
        if problem.path not in meant and not any(problem.path == path[:-1] != () for path in inner)
    ]


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
    if path == ("Operation",) and message.startswith("must have exactly one member"):
        return f"{message}; name one operation, such as LambdaInvoke{_others_of(value)}"
    return safe_line(message, 600)


def _others_of(operation: object) -> str:
    """Return what to do if a profile adds an operation to that of the file."""
    first = next(iter(operation), "") if isinstance(operation, dict) else ""
    return f" (a profile removes that of the file with '{first}:')" if first else ""


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
