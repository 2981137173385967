"""Read CloudFormation templates: YAML with tags such as ``!Ref``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

from s3batch_handler.cli._errors import InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path


def read_template(path: Path) -> dict[str, Any]:
    """Read a template. ``!Ref Name`` becomes ``{"Ref": "Name"}``, other tags the same.

    Raises:
        InvalidArgument: The file is not a template.
    """
    loader = _Loader(path.read_text(encoding="utf-8"))
    try:
        template = loader.get_single_data()
    except (yaml.YAMLError, RecursionError) as problem:
        first = " ".join(str(problem).split())
        raise InvalidArgument(f"{path} is not valid YAML: {first}") from problem
    finally:
        loader.dispose()
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise InvalidArgument(f"{path} is not a template: it has no Resources")
    return template


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads plain values only, and tags as dictionaries."""


def _tagged(loader: Any, tag: str, node: Any) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    return {tag: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tagged)
