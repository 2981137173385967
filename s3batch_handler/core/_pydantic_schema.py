"""How pydantic validates and serializes :class:`Value` classes in users' models.

Only pydantic imports this module.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_type_hints

from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


def schema_of_value(cls: type[Any], source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return the schema of a class: an instance of it, or an object with exactly its fields.

    Args:
        cls: The class, such as ``Task``.
        source: The class, or the class with the models of the user, as in ``Task[Arguments]``.
        handler: Creates the schemas of the fields.
    """
    given = get_args(source)
    models = dict(zip(_VARIABLES.values(), (*given, *_DEFAULT_MODELS[len(given) :]), strict=True))
    hints = get_type_hints(cls, localns=_VARIABLES)
    parameters = inspect.signature(cls).parameters
    fields = {
        name: _field(parameters[name], _with_models(hints[name], models), handler)
        for name in cls._fields
    }
    accepted = [
        core_schema.dataclass_field(name, schema, kw_only=True) for name, schema in fields.items()
    ]
    written = {name: core_schema.typed_dict_field(schema) for name, schema in fields.items()}
    return core_schema.dataclass_schema(
        cls,
        core_schema.dataclass_args_schema(cls.__name__, accepted),
        [*fields],
        frozen=True,
        slots=True,
        config=core_schema.CoreConfig(extra_fields_behavior="forbid"),
        # Without this, pydantic serializes dataclasses only.
        serialization=core_schema.plain_serializer_function_ser_schema(
            lambda value: {name: getattr(value, name) for name in fields},
            return_schema=core_schema.typed_dict_schema(written),
        ),
    )


_VARIABLES: Final[dict[str, Any]] = {name: TypeVar(name) for name in ("ArgumentsT", "PayloadT")}
"""The type variables of the classes, by their names in annotations."""

_DEFAULT_MODELS: Final = (Mapping[str, str], None)


def _field(
    parameter: inspect.Parameter, hint: Any, handler: GetCoreSchemaHandler
) -> core_schema.CoreSchema:
    schema = handler.generate_schema(hint)
    if hint == Mapping[str, str]:
        arguments = type(parameter.default)
        schema = core_schema.no_info_after_validator_function(arguments, schema)
        return core_schema.with_default_schema(schema, default={}, validate_default=True)
    if parameter.default is parameter.empty or parameter.default == {}:
        return schema  # a model of the user has no default
    return core_schema.with_default_schema(schema, default=parameter.default)


def _with_models(hint: Any, models: dict[Any, Any]) -> Any:
    """Return the type of a field with the models of the user in place of type variables."""
    if isinstance(hint, TypeVar):
        return models[hint]
    variables = getattr(hint, "__parameters__", ())
    return hint[tuple(models[variable] for variable in variables)] if variables else hint
