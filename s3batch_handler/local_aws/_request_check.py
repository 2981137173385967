"""Check the job calls of S3 Control against botocore's service model.

moto parses a request without comparing it with the model: it turns a repeated element into a list,
ignores text between elements, accepts any root element, and uses the first of several values in
the query string. AWS refuses such a body with ``MalformedXML``.
"""

from __future__ import annotations

import gzip
import re
import zlib
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from xml.etree.ElementTree import ParseError, XMLParser

from moto.core.parse import default_timestamp_parser
from moto.core.utils import get_service_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.datastructures import MultiDict


class InvalidRequest(Exception):
    """A request does not match the service model.

    Attributes:
        code: AWS's error code.
    """

    code = "BadRequestException"


class MalformedXML(InvalidRequest):
    """A body is not XML, or does not match the service model. The text names the element."""

    code = "MalformedXML"

    def __init__(self, problem: str) -> None:
        super().__init__(
            "The XML you provided was not well-formed or did not validate against our published "
            f"schema: {problem}"
        )


def job_call(method: str, path: str) -> tuple[str, str | None] | None:
    """Return the operation that a request is for, and the job ID in its path.

    Return ``None`` for any other request. A slash at the end of the path does not matter.
    """
    parts = [part for part in path.split("/") if part]
    for operation, verb, template in _job_calls():
        if verb != method or len(parts) != len(template):
            continue
        pairs = dict(zip(template, parts, strict=True))
        if all(expected in (part, _JOB_ID) for expected, part in pairs.items()):
            return operation, pairs.get(_JOB_ID)
    return None


_JOB_ID: Final = "{id}"


@cache
def _job_calls() -> list[tuple[str, str, list[str]]]:
    model = get_service_model("s3control")
    https = {name: model.operation_model(name).http for name in model.operation_names}
    return [
        (name, http["method"], http["requestUri"].strip("/").split("/"))
        for name, http in https.items()
        if http["requestUri"].startswith("/v20180820/jobs")
    ]


def has_body(operation: str) -> bool:
    """Return whether the request of an operation has members in its body."""
    members = _input_shape(operation).members.values()
    return any("location" not in member.serialization for member in members)


def check_query(query: MultiDict[str, str], operation: str) -> None:
    """Check that the query string has each parameter once, if it is required, or at most once.

    Raises:
        InvalidRequest: A parameter is missing or repeated.
    """
    shape = _input_shape(operation)
    for member, kind in shape.members.items():
        if kind.serialization.get("location") != "querystring" or kind.type_name == "list":
            continue
        name = kind.serialization["name"]
        count = len(query.getlist(name))
        if count > 1:
            raise InvalidRequest(f"{member}: the query string has {name} {count} times, not once")
        if count == 0 and member in shape.required_members:
            raise InvalidRequest(f"{member}: {operation} needs {name} in the query string")


def decompressed(body: bytes) -> bytes:
    """Decompress a body with gzip, up to the size that :func:`check_body` allows.

    Raises:
        InvalidRequest: It is not gzip, or is cut off.
    """
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as file:
            return file.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error):
        raise InvalidRequest("Content-Encoding: the body is not valid gzip") from None


def check_body(body: bytes, operation: str) -> None:
    """Check the body of a request.

    Unknown elements are ignored, because a newer client may have a newer model.

    Raises:
        MalformedXML: It is not a valid body of this operation.
    """
    if len(body) > _LARGEST:
        raise MalformedXML(f"it has {len(body):,} bytes, more than {_LARGEST:,}")
    shape = _input_shape(operation)
    parser = XMLParser(target=_Checker(shape))  # noqa: S314  the checker refuses entities
    try:
        parser.feed(body)
        parser.close()
    except ParseError as error:
        raise MalformedXML(str(error)) from error
    except (ValueError, LookupError) as error:  # Python does not know the encoding
        raise MalformedXML("its encoding is unknown") from error


_LARGEST: Final = 1 << 20  # bytes; the longest request that the model allows is a fifth of that
_DEEPEST: Final = 32  # elements


@cache
def _input_shape(operation: str) -> Any:
    return get_service_model("s3control").operation_model(operation).input_shape


class _Element(NamedTuple):
    """An open element: its path, its allowed members, and its content so far."""

    path: str
    kind: str  # structure, list, map, entry, a scalar type, or unknown
    members: Mapping[str, Any]  # shapes by the names of their elements
    seen: dict[str, int]
    text: list[str]


class _Checker:
    """A target of the XML parser that refuses a body which does not match the model."""

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        self._open: list[_Element] = []
        self._keys: dict[str, set[str]] = {}  # keys of maps, by path

    def doctype(self, *_: object) -> None:
        raise MalformedXML("a document type declaration is not allowed")

    def start(self, tag: str, _attributes: object) -> None:
        name = tag.rpartition("}")[2]
        if len(self._open) >= _DEEPEST:
            raise MalformedXML(f"elements are nested more than {_DEEPEST} deep")
        if not self._open:
            expected = self._shape.serialization["name"]
            if name != expected:
                raise MalformedXML(f"found <{name[:_LONGEST]}>, expected <{expected}>")
            self._open.append(_element(expected, self._shape))
            return
        parent = self._open[-1]
        path = f"{parent.path}.{name[:_LONGEST]}"
        shape = parent.members.get(name)
        if parent.kind == "unknown":
            self._open.append(_Element(path, "unknown", {}, {}, []))
            return
        if parent.kind not in _CONTAINERS:
            raise MalformedXML(f"{parent.path} must contain text, not elements")
        if shape is None:
            if parent.kind != "structure":
                raise MalformedXML(f"found {path}, expected <{next(iter(parent.members))}>")
            self._open.append(_Element(path, "unknown", {}, {}, []))
            return
        count = parent.seen[name] = parent.seen.get(name, 0) + 1
        if count > 1 and parent.kind in ("structure", "entry"):
            raise MalformedXML(f"{path} is repeated")
        self._open.append(_element(path, shape))

    def data(self, text: str) -> None:
        element = self._open[-1]
        if element.kind not in _CONTAINERS:
            element.text.append(text)
        elif text.strip():
            raise MalformedXML(f"{element.path} must contain elements, without text between them")

    def end(self, _tag: str) -> None:
        element = self._open.pop()
        text = "".join(element.text)
        if element.kind == "entry":
            missing = [name for name in element.members if name not in element.seen]
            if missing:
                raise MalformedXML(f"{element.path} has no <{missing[0]}>")
        elif self._open and self._open[-1].kind == "entry" and element.path.endswith(".key"):
            keys = self._keys.setdefault(self._open[-1].path, set())
            if text in keys:
                raise MalformedXML(f"{self._open[-1].path} has a repeated key")
            keys.add(text)
        if not _is_a(element.kind, text):
            raise MalformedXML(f"{element.path} is not a valid {element.kind}")

    def close(self) -> None:
        """Do nothing: all checks have been made before."""


_LONGEST: Final = 100
_CONTAINERS: Final = ("structure", "list", "map", "entry")
_ENTRY: Final = "entry"


def _element(path: str, shape: Any) -> _Element:
    if isinstance(shape, dict):  # an entry of a map
        return _Element(path, _ENTRY, shape, {}, [])
    members: Mapping[str, Any] = {}
    if shape.type_name == "structure":
        members = {
            member.serialization.get("name", name): member
            for name, member in shape.members.items()
            if "location" not in member.serialization
        }
    elif shape.type_name == "list":
        members = {shape.member.serialization.get("name", "member"): shape.member}
    elif shape.type_name == "map":
        key, value = (
            each.serialization.get("name", default)
            for each, default in ((shape.key, "key"), (shape.value, "value"))
        )
        members = {_ENTRY: {key: shape.key, value: shape.value}}
    return _Element(path, shape.type_name, members, {}, [])


def _is_a(kind: str, text: str) -> bool:
    if kind in ("integer", "long"):
        return _INTEGER.fullmatch(text.strip()) is not None
    if kind == "boolean":
        return text.strip().lower() in ("true", "false", "1", "0")
    if kind == "timestamp":
        if not _YEAR_OR_SECONDS.search(text):  # the parser reads "12:00" as a time of today
            return False
        try:
            default_timestamp_parser(text.strip())
        except (ValueError, OverflowError, RuntimeError):
            return False
    return True


_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_YEAR_OR_SECONDS: Final = re.compile("[0-9]{4}")
