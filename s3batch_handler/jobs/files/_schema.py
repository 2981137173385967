"""Generate the JSON Schema of job files from the models; ``job-file.schema.json`` is the result.

It is for editors, which read YAML 1.2: text that looks like a number has to be in quotes there.
"""

from __future__ import annotations

from typing import Any, Final

from s3batch_handler.jobs._job import MAX_JOB_TAGS, JobSpec
from s3batch_handler.jobs.files._members import ACCOUNT_ID
from s3batch_handler.jobs.files._variables import NAME, PROFILES, VARIABLES

SCHEMA_FILE: Final = "job-file.schema.json"

_REFERENCE: Final = {"type": "string", "pattern": r"\$\{"}
_SCALAR: Final = {"type": ["string", "number", "boolean"]}
_BUCKET: Final = r"^(?:arn:[^:]+:(?:s3|s3express):.*|(?:s3://)?[A-Za-z0-9][A-Za-z0-9._-]+/?)$"
_SHORTHANDS: Final = {
    ("JobSpec", "RoleArn"): r"^(?:arn:[^:]+:iam::[0-9]{12}:role/.*|/?[\w+=,.@/-]+)$",
    ("ManifestLocation", "ObjectArn"): r"^(?:arn:[^:]+:s3:.*|s3://[^/]+/.+)$",
    ("ReportRequest", "Bucket"): r"^(?:arn:[^:]+:s3:.*|[A-Za-z0-9][A-Za-z0-9._-]+|s3://[^/].*)$",
    ("PutObjectCopy", "TargetResource"): _BUCKET,
    ("S3ManifestGenerator", "SourceBucket"): _BUCKET,
    ("ManifestOutputLocation", "Bucket"): _BUCKET,
}
"""Members that may be names or URLs instead of ARNs, with the pattern of both."""

_DEFAULTED: Final = {
    "JobSpec": ("Operation", "Report", "Priority", "RoleArn"),
    "Manifest": ("Spec",),
    "ManifestLocation": ("ETag",),
    "ReportRequest": ("Enabled",),
}
"""Members that CreateJob requires, and that a job file may lack."""

_TAGS: Final = ("Tags", "TagSet", "NewObjectTagging")
_UNIONS: Final = ("Operation", "ManifestGenerator", "ObjectEncryptionFilter")


def job_file_schema() -> dict[str, Any]:
    """Return the JSON Schema of job files."""
    generated = JobSpec.model_json_schema(by_alias=True)
    structures = {**generated.pop("$defs"), "JobSpec": generated}
    definitions = {name: _structure(name, each) for name, each in structures.items()}
    job = definitions.pop("JobSpec")
    job["properties"] |= {
        ACCOUNT_ID: _or_reference({"type": "string", "pattern": "^[0-9]{12}$"}),
        VARIABLES: {
            "type": "object",
            "description": "Values of ${name}; null if one has to be passed with --var.",
            "propertyNames": {"pattern": f"^{NAME}$"},
            "additionalProperties": {"type": [*_SCALAR["type"], "null"]},
        },
        PROFILES: {
            "type": "object",
            "description": "Members and Variables by the NAME of --job-profile.",
            "additionalProperties": {
                "type": ["object", "null"],
                "propertyNames": {"enum": sorted({*job["properties"], ACCOUNT_ID, VARIABLES})},
            },
        },
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Job file of s3batch",
        "description": "A job of S3 Batch Operations: the members of CreateJob.",
        **{name: job[name] for name in ("type", "additionalProperties", "properties")},
        # A profile may have the members that the file lacks.
        "if": {"not": {"required": [PROFILES]}},
        "then": {
            "required": ["Operation", "Report", "RoleArn"],
            "oneOf": [{"required": ["Manifest"]}, {"required": ["ManifestGenerator"]}],
        },
        "definitions": {**definitions, "Tags": _tags()},
    }


def _structure(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    members = schema.get("properties", {})
    structure: dict[str, Any] = {
        "type": ["object", "null"] if name == "EmptyStructure" else "object",
        "description": schema.get("description", "").partition("\n")[0],
        "additionalProperties": False,
        "properties": {member: _member(name, member, value) for member, value in members.items()},
    }
    required = [each for each in schema.get("required", ()) if each not in _DEFAULTED.get(name, ())]
    if required:
        structure["required"] = required
    if name in _UNIONS:
        structure |= {"minProperties": 1, "maxProperties": 1}
    if name == "ReportRequest":
        structure["anyOf"] = [{"required": ["Enabled"]}, {"required": ["Bucket"]}]
    return structure


def _member(structure: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if name in _TAGS:
        return {"$ref": "#/definitions/Tags"}
    if name == "UserArguments":
        properties = {"minProperties": 1, "maxProperties": 10}
        names = {"propertyNames": {"minLength": 1, "maxLength": 64}}
        return {"type": "object", "additionalProperties": _SCALAR, **names, **properties}
    pattern = _SHORTHANDS.get((structure, name))
    if pattern is not None:
        return _or_reference({"type": "string", "pattern": pattern})
    return _value(schema)


def _value(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value, which may have a reference to a variable."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("#/$defs/", "#/definitions/")}
    if "anyOf" in schema:
        (value,) = (each for each in schema["anyOf"] if each != {"type": "null"})
        return _value(value)
    kept = {key: value for key, value in schema.items() if key not in ("title", "default")}
    if kept.get("type") == "array":
        return {**kept, "items": _value(kept["items"])}
    if kept.get("format") == "date-time":
        return {"type": "string"}
    if kept.get("type") == "object":
        return kept
    return _or_reference(kept)


def _or_reference(schema: dict[str, Any]) -> dict[str, Any]:
    return schema if schema == {"type": "string"} else {"anyOf": [schema, _REFERENCE]}


def _tags() -> dict[str, Any]:
    text = {"type": ["string", "number", "boolean"], "maxLength": 256}
    tag = {
        "type": "object",
        "additionalProperties": False,
        "required": ["Key", "Value"],
        "properties": {"Key": {**text, "minLength": 1, "maxLength": 128}, "Value": text},
    }
    return {
        "description": "Tags as a mapping of keys to values, or as AWS's list of Key and Value.",
        "anyOf": [
            {"type": "object", "additionalProperties": text, "maxProperties": MAX_JOB_TAGS},
            {"type": "array", "items": tag, "maxItems": MAX_JOB_TAGS},
        ],
    }
