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
from xml.parsers.expat import ExpatError, ParserCreate

from moto.core.parse import default_timestamp_parser
from moto.core.utils import get_service_model

from s3batch_handler.core._errors import JobError
from s3batch_handler.jobs._job import BAD_REQUEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.datastructures import MultiDict


class MalformedXML(JobError):
    """A body is not XML, or does not match the service model. The text names the element."""

    def __init__(self, problem: str) -> None:
        text = "The XML you provided was not well-formed or did not validate against our published "
        super().__init__(f"{text}schema: {problem}", code="MalformedXML")


def find_job_call(method: str, path: str) -> tuple[str, str | None]:
    """Find the operation that a request is for, and the job ID in its path.

    Raises:
        JobError: The path is not that of a job call with this method.
    """
    path = re.sub("/+", "/", path).rstrip("/")
    for operation, expected_method, pattern in _job_calls():
        if method == expected_method and (match := pattern.fullmatch(path)):
            return operation, match.groupdict().get("id")
    text = "The specified method is not allowed against this resource."
    raise JobError(text, code="MethodNotAllowed")


@cache
def _job_calls() -> list[tuple[str, str, re.Pattern[str]]]:
    model = get_service_model("s3control")
    https = {name: model.operation_model(name).http for name in model.operation_names}
    return [
        (name, http["method"], re.compile(http["requestUri"].replace("{id}", "(?P<id>[^/]+)")))
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
        JobError: A parameter is missing or repeated.
    """
    shape = _input_shape(operation)
    for member, kind in shape.members.items():
        if kind.serialization.get("location") != "querystring" or kind.type_name == "list":
            continue
        name = kind.serialization["name"]
        count = len(query.getlist(name))
        if count > 1:
            text = f"{member}: the query string has {name} {count} times, not once"
            raise JobError(text, code=BAD_REQUEST)
        if count == 0 and member in shape.required_members:
            text = f"{member}: {operation} needs {name} in the query string"
            raise JobError(text, code=BAD_REQUEST)


def decompress(body: bytes) -> bytes:
    """Decompress a gzip body, up to just above the size that :func:`check_body` allows.

    Raises:
        JobError: The body is not gzip, or is cut off.
    """
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as file:
            return file.read(_MAX_BODY + 1)
    except (OSError, EOFError, zlib.error):
        text = "Content-Encoding: the body is not valid gzip"
        raise JobError(text, code=BAD_REQUEST) from None


def check_body(body: bytes, operation: str) -> None:
    """Check the body of a request.

    Unknown elements are ignored, because a newer client may have a newer model.

    Raises:
        MalformedXML: The body is not valid for this operation.
    """
    if len(body) > _MAX_BODY:
        raise MalformedXML(f"it has {len(body):,} bytes, more than {_MAX_BODY:,}")
    try:
        _Checker(_input_shape(operation)).check(body)
    except ExpatError as error:
        raise MalformedXML(str(error)) from error
    except (ValueError, LookupError) as error:  # Python does not know the encoding
        raise MalformedXML("its encoding is unknown") from error


_MAX_BODY: Final = 1 << 20  # bytes; the model allows requests of up to a fifth of that
_MAX_DEPTH: Final = 32  # elements


@cache
def _input_shape(operation: str) -> Any:
    return get_service_model("s3control").operation_model(operation).input_shape


class _Element(NamedTuple):
    """An open element: its path, its allowed members, and its content so far."""

    path: str
    kind: str  # structure, list, map, entry, a scalar type, or unknown
    members: Mapping[str, Any]  # shapes by the names of their elements
    found: set[str]  # names of the elements in it
    text: list[str]


class _Checker:
    """Handlers of an XML parser, which refuse a body that does not match the model."""

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        self._open: list[_Element] = []
        self._keys: set[tuple[str, str]] = set()  # paths and keys of the entries of maps

    def check(self, body: bytes) -> None:
        parser = ParserCreate(namespace_separator="}")
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text
        parser.Parse(body, True)

    def _refuse_doctype(self, *_: object) -> None:
        raise MalformedXML("a document type declaration is not allowed")

    def _start(self, tag: str, _attributes: object) -> None:
        name = tag.rpartition("}")[2]
        if len(self._open) >= _MAX_DEPTH:
            raise MalformedXML(f"elements are nested more than {_MAX_DEPTH} deep")
        if not self._open:
            root = self._shape.serialization["name"]
            if name != root:
                raise MalformedXML(f"found <{name[:_MAX_NAME]}>, expected <{root}>")
            self._open.append(_element(root, self._shape))
            return
        parent = self._open[-1]
        path = f"{parent.path}.{name[:_MAX_NAME]}"
        shape = parent.members.get(name)
        if shape is None and parent.kind not in ("structure", "unknown"):
            if not parent.members:
                raise MalformedXML(f"{parent.path} must contain text, not elements")
            raise MalformedXML(f"found {path}, expected <{next(iter(parent.members))}>")
        if shape is not None and name in parent.found and parent.kind in ("structure", "entry"):
            raise MalformedXML(f"{path} is repeated")
        parent.found.add(name)
        self._open.append(_element(path, shape))

    def _add_text(self, text: str) -> None:
        element = self._open[-1]
        if element.kind not in ("structure", "list", "map", "entry"):
            element.text.append(text)
        elif text.strip():
            raise MalformedXML(f"{element.path} must contain elements, without text between them")

    def _end(self, _tag: str) -> None:
        element = self._open.pop()
        text = "".join(element.text)
        if element.kind == "entry":
            missing = [name for name in element.members if name not in element.found]
            if missing:
                raise MalformedXML(f"{element.path} has no <{missing[0]}>")
        elif self._open and self._open[-1].kind == "entry" and element.path.endswith(".key"):
            if (element.path, text) in self._keys:
                raise MalformedXML(f"{self._open[-1].path} has a repeated key")
            self._keys.add((element.path, text))
        if not _is_valid(element.kind, text):
            raise MalformedXML(f"{element.path} is not a valid {element.kind}")


_MAX_NAME: Final = 100


def _element(path: str, shape: Any) -> _Element:
    kind: str = "unknown" if shape is None else "entry"
    members: Mapping[str, Any] = {}
    if isinstance(shape, dict):  # an entry of a map
        members = shape
    elif shape is not None:
        kind = shape.type_name
    if kind == "structure":
        members = {
            member.serialization.get("name", name): member
            for name, member in shape.members.items()
            if "location" not in member.serialization
        }
    elif kind == "list":
        members = {shape.member.serialization.get("name", "member"): shape.member}
    elif kind == "map":
        key = shape.key.serialization.get("name", "key")
        value = shape.value.serialization.get("name", "value")
        members = {"entry": {key: shape.key, value: shape.value}}
    return _Element(path, kind, members, set(), [])


def _is_valid(kind: str, text: str) -> bool:
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
