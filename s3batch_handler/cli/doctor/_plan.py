"""Which checks ``s3batch doctor`` runs, by the options of the command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3batch_handler.cli._errors import InvalidArgument, error_line
from s3batch_handler.cli.doctor._bucket import check_bucket
from s3batch_handler.cli.doctor._check import Check, error, ok, run_checks
from s3batch_handler.cli.doctor._connection import Connection
from s3batch_handler.cli.doctor._credentials import (
    check_credentials,
    check_endpoint,
    check_region,
    endpoints,
)
from s3batch_handler.cli.doctor._function import check_function
from s3batch_handler.cli.doctor._handler import HandlerImport
from s3batch_handler.cli.doctor._machine import (
    check_open_files,
    check_report_folder,
    check_temporary_space,
)
from s3batch_handler.cli.doctor._requirements import check_requirements
from s3batch_handler.cli.doctor._role import check_role
from s3batch_handler.cli.doctor._template import (
    check_function_of_template,
    find_template,
    functions_of,
)
from s3batch_handler.cli.doctor._versions import check_packages, check_python
from s3batch_handler.documents.files._locations import bucket_and_key, is_s3_url
from s3batch_handler.engine.invoke._function_loader import split_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3batch_handler.cli.doctor._check import Checker
    from s3batch_handler.cli.doctor._template import TemplateFunction
    from s3batch_handler.cli.job._stack_outputs import StackOutputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """What the command checks, as its options name it."""

    handler: str | None = None
    buckets: tuple[str, ...] = ()
    role: str | None = None
    function: str | None = None
    report: str
    workers: int | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None

    @property
    def connection(self) -> Connection:
        return Connection(profile=self.profile, region=self.region, endpoint_url=self.endpoint_url)

    def with_stack(self, stack: StackOutputs) -> Subjects:
        """Return the subjects with the function, role and buckets of a stack as defaults."""
        places = (bucket_and_key(url)[0] for url in (stack.manifests, stack.reports))
        return replace(
            self,
            function=self.function or stack.function,
            role=self.role or stack.role,
            buckets=tuple(dict.fromkeys((*self.buckets, *places))),
        )


NamedChecker = tuple[str, "Checker"]


def plan_checks(subjects: Subjects) -> list[NamedChecker]:
    """Return the checkers, each with the name of its subject."""
    return [
        *_checks_of_this_machine(subjects),
        *_checks_of_aws(subjects),
        *_checks_of_code(subjects),
    ]


def _checks_of_this_machine(subjects: Subjects) -> Iterator[NamedChecker]:
    yield "Python", check_python
    yield "packages", check_packages
    yield "temporary files", check_temporary_space
    yield "open files", partial(check_open_files, subjects.workers)
    if not is_s3_url(subjects.report):
        yield "reports", partial(check_report_folder, subjects.report)


def _checks_of_aws(subjects: Subjects) -> Iterator[NamedChecker]:
    for name, url in endpoints(subjects.endpoint_url).items():
        yield name, partial(check_endpoint, name, url)
    needed = bool(subjects.buckets or subjects.role or subjects.function)
    yield "Region", partial(check_region, subjects.connection)
    yield "credentials", partial(check_credentials, subjects.connection, needed=needed)
    for bucket in subjects.buckets:
        yield f"bucket {bucket}", partial(check_bucket, subjects.connection, bucket)
    if subjects.role:
        yield f"role {subjects.role}", partial(check_role, subjects.connection, subjects.role)


def _checks_of_code(subjects: Subjects) -> Iterator[NamedChecker]:
    """Yield the checks of the handler, of the function and of the template.

    They share the import of the handler. Only a handler that the command names is imported.
    """
    template = find_template(Path())
    functions, problems = _functions_of(template)
    requirements: dict[Path, None] = {}
    handler = None
    if subjects.handler:
        handler = _import_of(subjects.handler, functions)
        if (beside := _folder_of(subjects.handler) / _REQUIREMENTS).is_file():
            requirements[beside] = None
        yield f"handler {subjects.handler}", _one(handler)
    if subjects.function:
        name = subjects.function
        yield f"function {name}", partial(check_function, subjects.connection, name, handler)
    for problem in problems:
        yield problem.name, partial(iter, [problem])
    for function in functions:
        if function.folder is not None:
            requirements[function.folder / _REQUIREMENTS] = None
        imported = handler if _is_handler_of(function, handler) else None
        check = partial(check_function_of_template, function, imported)
        yield f"template {function.name}", check
    for path in requirements:
        yield f"requirements {path}", partial(check_requirements, path)


_REQUIREMENTS: Final = "requirements.txt"


def _one(handler: HandlerImport) -> Checker:
    return lambda: [handler.check()]


def _folder_of(spec: str) -> Path:
    place, _ = split_spec(spec)
    return Path(place if place.endswith(".py") else place.replace(".", "/")).parent


def _functions_of(template: Path | None) -> tuple[list[TemplateFunction], list[Check]]:
    """Return the functions of a template, and what is wrong with it."""
    if template is None:
        return [], []
    try:
        return functions_of(template), []
    except (OSError, UnicodeError, InvalidArgument) as problem:
        return [], [error(f"template {template}", error_line(problem), "see 'sam validate'")]


def _import_of(spec: str, functions: Iterable[TemplateFunction]) -> HandlerImport:
    """Return the import of a handler, with the variables of its function in the template."""
    for function in functions:
        if function.spec is not None and _same_handler(spec, function.spec):
            return HandlerImport(spec, variables=function.variables)
    return HandlerImport(spec)


def _is_handler_of(function: TemplateFunction, handler: HandlerImport | None) -> bool:
    return bool(handler and function.spec and _same_handler(handler.spec, function.spec))


def _same_handler(first: str, second: str) -> bool:
    (place, name), (other_place, other_name) = split_spec(first), split_spec(second)
    return name == other_name and Path(place).resolve() == Path(other_place).resolve()


# ---------------------------------------------------------------- stacks


def read_stack(name: str, subjects: Subjects) -> tuple[Check, Subjects]:
    """Return the result of reading a stack, and the subjects with what it contains."""
    found: list[StackOutputs] = []

    def read() -> Iterator[Check]:
        from s3batch_handler.cli.job._aws_services import AwsServices

        services = AwsServices(
            endpoint_url=subjects.endpoint_url, profile=subjects.profile, region=subjects.region
        )
        try:
            found.append(services.stack(name))
        except InvalidArgument as problem:
            yield error(f"stack {name}", str(problem), "check the name and the Region")
            return
        yield ok(f"stack {name}", f"it has function, role and buckets: {found[0].function}")

    (check,) = run_checks([(f"stack {name}", read)], limit=_STACK_LIMIT)
    return check, subjects.with_stack(found[0]) if found else subjects


_STACK_LIMIT: Final = 20.0
