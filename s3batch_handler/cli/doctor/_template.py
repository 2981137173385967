"""The functions of a SAM template in the current folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from s3batch_handler.cli.doctor._check import error, skipped
from s3batch_handler.cli.doctor._limits import check_runtime, check_timeout
from s3batch_handler.cli.doctor._source import read_handler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from s3batch_handler.cli.doctor._check import Check
    from s3batch_handler.cli.doctor._handler import HandlerImport

NAMES: Final = ("template.yaml", "template.yml")


class TemplateFunction(NamedTuple):
    """A function of a template; a property is ``None`` if its value is not known.

    Attributes:
        name: Its logical ID.
        handler: Such as ``app.handler``.
        folder: The folder of its code.
        variables: Its environment variables; a value that is not known is ``unknown``.
    """

    name: str
    handler: str | None
    folder: Path | None
    timeout: float | None
    runtime: str | None
    variables: Mapping[str, str]

    @property
    def file(self) -> Path | None:
        """Return the file of the handler."""
        if self.folder is None or self.handler is None:
            return None
        module = self.handler.rpartition(".")[0].replace(".", "/")
        return self.folder / f"{module}.py"

    @property
    def entry(self) -> str | None:
        """Return the name of the handler in this file."""
        return None if self.handler is None else self.handler.rpartition(".")[2]

    @property
    def spec(self) -> str | None:
        """Return the handler as the command line names it."""
        return None if self.file is None else f"{self.file}:{self.entry}"


def find_template(folder: Path) -> Path | None:
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def check_function_of_template(
    function: TemplateFunction, imported: HandlerImport | None
) -> Iterator[Check]:
    """Check the handler, the timeout and the runtime of a function in a template.

    Its code is not run: nobody has asked for that.

    Args:
        function: The function.
        imported: The import of its handler, if the command names it. Another check reports it.
    """
    name = f"template {function.name}"
    if function.file is None or function.entry is None:
        yield skipped(name, "cannot tell: its Handler or CodeUri is not a string")
        return
    if not function.file.is_file():
        message = f"Handler {function.handler}: there is no file {function.file}"
        yield error(name, message, "correct Handler or CodeUri")
        return
    if imported is None:
        check, handler = read_handler(f"{name} handler", function.file, function.entry)
        yield check
    else:
        handler = imported.handler()
    yield from check_timeout(f"{name} timeout", function.timeout, handler)
    if function.runtime is not None:
        yield check_runtime(f"{name} runtime", function.runtime)


# ---------------------------------------------------------------- reading templates


def functions_of(path: Path) -> list[TemplateFunction]:
    """Return the functions of a template that are written in Python.

    Raises:
        InvalidArgument: The file is not a template.
    """
    from s3batch_handler.cli.doctor._yaml import read_template  # PyYAML is a slow import

    template = read_template(path)
    defaults = _mapping(_mapping(template.get("Globals")).get("Function"))
    functions = [
        _function(
            path.parent,
            str(name),
            _with_defaults(_mapping(_mapping(resource).get("Properties")), defaults),
            _mapping(template.get("Parameters")),
        )
        for name, resource in template["Resources"].items()
        if _mapping(resource).get("Type") == "AWS::Serverless::Function"
    ]
    return [each for each in functions if (each.runtime or "python").startswith("python")]


def _with_defaults(properties: Mapping[str, Any], defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return properties with those of ``Globals``. Environment variables are merged, as by SAM."""
    variables = {**_variables(defaults), **_variables(properties)}
    return {**defaults, **properties, "Environment": {"Variables": variables}}


def _variables(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(properties.get("Environment")).get("Variables"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int, float)) else "unknown"


def _function(
    folder: Path, name: str, properties: Mapping[str, Any], parameters: Mapping[str, Any]
) -> TemplateFunction:
    def value(member: str, *types: type) -> Any:
        found = _resolved(properties.get(member), parameters)
        if float in types and isinstance(found, str) and found.isdecimal():
            return float(found)
        return found if isinstance(found, types) else None

    code = value("CodeUri", str)
    return TemplateFunction(
        name=name,
        handler=value("Handler", str),
        folder=None if code is None or "://" in code else folder / code,
        timeout=value("Timeout", int, float) if "Timeout" in properties else _DEFAULT_TIMEOUT,
        runtime=value("Runtime", str),
        variables={
            str(variable): _text(_resolved(given, parameters))
            for variable, given in _variables(properties).items()
        },
    )


_DEFAULT_TIMEOUT: Final = 3.0


def _resolved(value: Any, parameters: Mapping[str, Any]) -> Any:
    """Return a value, or the default of the parameter that it refers to."""
    if isinstance(value, dict) and value.keys() == {"Ref"}:
        return _mapping(parameters.get(value["Ref"])).get("Default")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
