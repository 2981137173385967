"""Successful responses of AWS without content, from botocore's service models."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from botocore.response import StreamingBody


def empty_response(operation: Any) -> dict[str, Any]:
    """Create a response with all members that a successful call may have, except tokens.

    Args:
        operation: The ``OperationModel`` of botocore.
    """
    shape = operation.output_shape
    response: dict[str, Any] = {} if shape is None else _structure(shape, operation, depth=0)
    response["ResponseMetadata"] = {
        "RequestId": "EXAMPLE",
        "HTTPStatusCode": 200,
        "HTTPHeaders": {},
        "RetryAttempts": 0,
    }
    return response


def _structure(shape: Any, operation: Any, *, depth: int) -> dict[str, Any]:
    members = {
        name: _value(member, operation, depth=depth)
        for name, member in shape.members.items()
        # With a token, a paginator would ask for pages without end.
        if not any(word in name.lower() for word in ("token", "marker"))
    }
    body = shape.serialization.get("payload")
    if body in members and shape.members[body].type_name == "blob":
        members[body] = StreamingBody(io.BytesIO(b""), 0)
    return members


def _value(shape: Any, operation: Any, *, depth: int) -> Any:
    match shape.type_name:
        case "structure":
            return _structure(shape, operation, depth=depth + 1) if depth < 3 else {}
        case "string":
            return (shape.enum or ["example"])[0]
        case "list":
            return []
        case "map":
            return {}
        case "integer" | "long":
            return 0
        case "float" | "double":
            return 0.0
        case "boolean":
            return False
        case "timestamp":
            return datetime(2026, 1, 1, tzinfo=UTC)
        case _:
            return b""
