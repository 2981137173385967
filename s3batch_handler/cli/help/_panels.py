"""The panels of the help: which options and commands belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Panels = dict[str, list[str]]
"""The names of options or commands, by the title of their panel."""

_CONNECTION: Final = {"Connection": ("--account-id", "--profile", "--region", "--endpoint-url")}

OPTION_PANELS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "run": {
        "Objects": (
            *("--manifest", "--fields", "--source", "--output", "--bucket", "--prefix"),
            *("--failed-from", "--limit", "--sample", "--seed", "--part", "--save-manifest"),
        ),
        "Function": (
            *("--arguments", "--schema", "--workers", "--timeout", "--max-redrives"),
            *("--tolerate", "--env-file"),
        ),
        "Dask": ("--dask", "--upload"),
        "Connection": ("--profile", "--region", "--endpoint-url"),
        "Report": ("--report", "--no-report", "--report-scope", "--log"),
        "Resuming": ("--state", "--resume"),
        "Page": ("--page", "--page-port"),
        "Output": ("--dry-run", "--notify", "--json", "--quiet", "--help"),
    },
    "serve": {
        "Functions": (
            *("--function", "--timeout", "--env-file", "--max-redrives", "--tolerate"),
            *("--dask", "--upload"),
        ),
        "S3": (
            *("--source", "--s3-endpoint-url", "--profile", "--ca-bundle", "--addressing-style"),
            *("--s3-concurrency", "--s3-requests"),
        ),
        "Server": ("--port", "--host", "--allowed-host", "--state"),
        "Output": ("--json", "--quiet", "--help"),
    },
    "estimate": {
        "Objects": (
            *("--objects", "--manifest", "--file", "--var", "--job-profile"),
            *("--from-report", "--state", "--jobs", "--generated-manifest"),
        ),
        "Function": ("--memory", "--duration", "--init", "--architecture"),
        "Operation": (
            *("--operation", "--redrives", "--requests", "--log-bytes", "--bytes", "--transfer"),
            *("--storage-class", "--restore-tier"),
        ),
        "Speed": (
            *("--concurrency", "--account-concurrency", "--rate"),
            *("--max-rate", "--calls-per-object"),
        ),
        "Prices": ("--price", "--free-tier"),
        **_CONNECTION,
        "Output": ("--svg", "--json", "--quiet", "--help"),
    },
    "smoke": {
        "Function": ("--stack", "--arguments", "--schema", "--timeout", "--env-file"),
        "Objects": ("--bucket", "--output", "--version-ids", "--keep"),
        **_CONNECTION,
        "Output": ("--yes", "--retry-for", "--save", "--json", "--quiet", "--help"),
    },
    "submit": {
        "Job file": ("--file", "--var", "--job-profile"),
        "Objects": ("--manifest", "--manifest-version-id", "--etag", "--fields", "--failed-from"),
        "Operation": ("--stack", "--function", "--arguments", "--schema", "--operation", "--role"),
        "Report": ("--report", "--no-report", "--report-scope"),
        "Job": (
            *("--priority", "--description", "--tag", "--confirm", "--client-request-token"),
            *("--dry-run", "--wait", "--cancel-above", "--retry-for", "--notify"),
        ),
        "Canary": ("--sample", "--tolerate", "--seed"),
        **_CONNECTION,
        "Output": ("--json", "--quiet", "--help"),
    },
    "clone": {
        "Objects": ("--manifest", "--manifest-version-id", "--etag", "--fields"),
        "Operation": ("--function", "--arguments", "--schema", "--operation", "--role"),
        "Report": ("--report", "--no-report", "--report-scope"),
        "Job": (
            *("--priority", "--description", "--tag", "--confirm", "--client-request-token"),
            *("--dry-run", "--wait", "--cancel-above", "--retry-for", "--notify"),
        ),
        "Canary": ("--sample", "--tolerate", "--seed"),
        **_CONNECTION,
        "Output": ("--json", "--quiet", "--help"),
    },
    "print": {
        "Job file": ("--var", "--job-profile", "--region", "--account-id", "--canary"),
        "Objects": (
            *("--bucket", "--manifest", "--versions", "--manifest-kms-key", "--source-kms-key"),
            "--target-kms-key",
        ),
        "Function": ("--function-reads", "--function-writes", "--function-kms-key", "--log-group"),
        "Output": ("--format", "--for", "--to", "--json", "--help"),
    },
}
"""The panels of commands with many options."""

COMMAND_PANELS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "s3batch": {
        "Jobs on this machine": ("run", "invoke", "event", "serve"),
        "Before a job": ("manifest", "estimate", "policy"),
        "Jobs in AWS, or in s3batch serve": ("job",),
        "After a job": ("report",),
        "Projects and setup": ("init", "doctor", "smoke", "completion"),
    },
    "job": {
        "Create": ("submit", "confirm", "clone"),
        "Job files": ("export", "schema"),
        "Watch": ("list", "describe", "wait", "logs"),
        "Change": ("cancel", "priority", "tag"),
    },
    "manifest": {
        "Create": ("create",),
        "Examine": ("check", "show", "diff", "join"),
        "Edit": ("split", "sample", "sort", "dedupe"),
    },
    "report": {
        "Read": ("summary", "rows", "failed", "query", "html"),
        "Run failed tasks again": ("redrive", "merge"),
        "Check": ("verify",),
    },
}


def option_panels(command: str, options: Iterable[str]) -> Panels:
    """Return the options of a command by panel; those without a panel are in ``Options``."""
    return _panels(OPTION_PANELS.get(command, _CONNECTION), options, default="Options")


def command_panels(group: str, commands: Iterable[str]) -> Panels:
    """Return the commands of a group by panel; those without a panel are in ``Commands``."""
    return _panels(COMMAND_PANELS.get(group, {}), commands, default="Commands")


def _panels(known: Mapping[str, Sequence[str]], names: Iterable[str], *, default: str) -> Panels:
    names = list(names)
    assigned = {name for members in known.values() for name in members}
    panels = {
        default: [name for name in names if name not in assigned],
        **{title: [name for name in members if name in names] for title, members in known.items()},
    }
    return {title: members for title, members in panels.items() if members}
