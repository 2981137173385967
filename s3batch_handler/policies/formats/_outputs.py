"""The policies of a job as text and as files, in each format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from s3batch_handler.policies.formats._cdk import as_cdk
from s3batch_handler.policies.formats._deployed import CALLER, FUNCTION, JOB_ROLE
from s3batch_handler.policies.formats._sam import as_sam
from s3batch_handler.policies.formats._terraform import as_terraform

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3batch_handler.policies._documents import JobPolicies
    from s3batch_handler.policies._statements import Document


def policy_text(policies: JobPolicies, form: str, part: str | None) -> str:
    """Return the policies as one text: JSON, or code of a deployment tool."""
    if form in _WRITERS:
        return _WRITERS[form][1](policies, part)
    documents = policies.to_json()
    if part is not None:
        documents = {name: documents[name] for name in _MEMBERS[part]}
    return json.dumps(documents, indent=2)


def policy_files(policies: JobPolicies, form: str, part: str | None) -> dict[str, str]:
    """Return the texts of the files by their names; for JSON, one for each document."""
    if form in _WRITERS:
        name, write = _WRITERS[form]
        return {name: write(policies, part)}
    documents: dict[str, tuple[str, Document | None]] = {
        "job-role-trust": (JOB_ROLE, policies.trust),
        "job-role": (JOB_ROLE, policies.permissions),
        "caller": (CALLER, policies.caller),
        "function-role-trust": (FUNCTION, policies.function_trust),
        "function-role": (FUNCTION, policies.function_role),
        "function-policy": (FUNCTION, policies.function_policy),
    }
    return {
        f"{name}.json": json.dumps(document, indent=2) + "\n"
        for name, (owner, document) in documents.items()
        if document is not None and part in (None, owner)
    }


_WRITERS: Final[dict[str, tuple[str, Callable[[JobPolicies, str | None], str]]]] = {
    "sam": ("policies.yaml", as_sam),
    "terraform": ("policies.tf", as_terraform),
    "cdk": ("policies.py", as_cdk),
}
_MEMBERS: Final = {
    JOB_ROLE: ("job_role",),
    CALLER: ("caller",),
    FUNCTION: ("function_role", "function_policy"),
}
