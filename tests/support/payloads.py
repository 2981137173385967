"""What the tests of payloads share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from s3batch_handler import (
    ResultCode,
)

LoadEvent = Callable[[str], dict[str, Any]]
SUCCEEDED, TEMPORARY, PERMANENT = ResultCode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
