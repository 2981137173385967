"""Requests of CreateJob that botocore's service model allows, and botocore's own validator."""

from __future__ import annotations

import copy
from datetime import UTC
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.model import ListShape, MapShape, StructureShape
from botocore.validate import ParamValidator
from hypothesis import strategies as st

if TYPE_CHECKING:
    from botocore.model import Shape

MODEL = botocore.session.get_session().get_service_model("s3control")


def structure(name: str) -> StructureShape:
    shape = MODEL.shape_for(name)
    assert isinstance(shape, StructureShape)
    return shape


REQUEST = structure("CreateJobRequest")


def invalid(shape: Shape, value: dict[str, Any]) -> str:
    """Return botocore's report of the errors in a value."""
    report: str = ParamValidator().validate(value, shape).generate_report()
    return report


def requests() -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the requests that the model allows."""

    def one(request: dict[str, Any], source: str, operation: dict[str, Any]) -> dict[str, Any]:
        request["Operation"] = operation
        request.pop("AccountId")
        request.pop("Manifest" if source == "ManifestGenerator" else "ManifestGenerator")
        if not request.get("Tags"):
            request.pop("Tags", None)
        if "S3ComputeObjectChecksum" in operation:
            report = {"Enabled": True, "Bucket": "arn:aws:s3:::reports"}
            request["Report"] = {**report, "ExpectedBucketOwner": "123456789012"}
        return copy.deepcopy(request)

    request = _values(REQUEST, always=("Manifest", "ManifestGenerator"))
    sources = st.sampled_from(["Manifest", "ManifestGenerator"])
    return st.builds(one, request, sources, _values(MODEL.shape_for("JobOperation")))


def _values(shape: Shape, always: tuple[str, ...] = ()) -> st.SearchStrategy[Any]:
    limits = shape.metadata
    low, high = limits.get("min", 0), limits.get("max")
    if shape.name in _SPECIAL:
        return _SPECIAL[shape.name]
    if isinstance(shape, StructureShape):
        members = {name: _values(member) for name, member in shape.members.items()}
        if limits.get("union") or shape.name == "JobOperation":
            return st.one_of(
                [st.fixed_dictionaries({name: value}) for name, value in members.items()]
            )
        needed = {*shape.required_members, *always}
        return st.fixed_dictionaries(
            {name: members[name] for name in needed},
            optional={name: members[name] for name in members.keys() - needed},
        )
    if isinstance(shape, ListShape):
        return st.lists(_values(shape.member), min_size=low, max_size=high or 3)
    if isinstance(shape, MapShape):
        keys, values = _values(shape.key), _values(shape.value)
        return st.dictionaries(keys, values, min_size=low, max_size=3)
    if limits.get("enum"):
        return st.sampled_from(limits["enum"])
    if shape.type_name == "string" and "pattern" in limits:
        pattern = limits["pattern"].replace(r"\d", "[0-9]")
        texts = st.from_regex(pattern, fullmatch=True, alphabet=_PRINTABLE)
        return texts.filter(lambda text: low <= len(text) <= (high or 99))
    if shape.type_name == "string":
        return st.text(_TEXT, min_size=low, max_size=min(high or 20, 20))
    if shape.type_name in ("integer", "long"):
        return st.integers(low, high)
    if shape.type_name == "timestamp":
        return st.datetimes(timezones=st.just(UTC))
    assert shape.type_name == "boolean"
    return st.booleans()


_PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
_TEXT = st.characters(exclude_categories=["Cs", "Cc"])
_TAG = st.characters(categories=["L", "N", "Z"], include_characters="_.:/=+-@")
_ARN = st.sampled_from(["arn:aws:s3:::photos/todo.csv", "arn:aws-cn:s3:::photos/ü b/todo.csv"])

# Shapes with a constraint that the model omits, or states in a form that Python does not support.
_SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "S3KeyArnString": _ARN,
    "NonEmptyKmsKeyArnString": st.just("arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab"),
    "S3TagSet": st.lists(
        st.fixed_dictionaries(
            {
                "Key": st.text(_TAG, min_size=1, max_size=9),
                "Value": st.text(_TAG, max_size=9),
            }
        ),
        unique_by=lambda tag: tag["Key"],
        max_size=3,
    ),
    "JobReport": st.fixed_dictionaries(
        {"Enabled": st.just(True), "Bucket": st.just("arn:aws:s3:::reports")},
        optional={
            "Format": st.just("Report_CSV_20180820"),
            "ReportScope": st.sampled_from(["AllTasks", "FailedTasksOnly"]),
        },
    )
    | st.just({"Enabled": False}),
    "KeyNameConstraint": st.dictionaries(
        st.sampled_from(["MatchAnyPrefix", "MatchAnySuffix", "MatchAnySubstring"]),
        st.lists(st.text(_TEXT, min_size=1, max_size=9), max_size=1),
    ),
}
_SPECIAL["LambdaInvokeOperation"] = st.fixed_dictionaries(
    {"FunctionArn": _values(MODEL.shape_for("FunctionArnString"))},
    optional={"InvocationSchemaVersion": st.sampled_from(["1.0", "2.0"])},
) | st.fixed_dictionaries(
    {
        "FunctionArn": st.just("thumbnails"),
        "InvocationSchemaVersion": st.just("2.0"),
        "UserArguments": _values(MODEL.shape_for("UserArguments")),
    }
)
