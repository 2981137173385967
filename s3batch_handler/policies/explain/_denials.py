"""Messages of AWS that say who was denied what, and by which kind of policy.

Sources of the forms: IAM User Guide, "Troubleshoot access denied error messages"; S3 User Guide,
"Troubleshoot access denied (403 Forbidden) errors", whose messages quote the resource.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A request that IAM denied, as a message describes it.

    Attributes:
        principal: The ARN of the sender of the request; empty if the message does not say it.
        action: Such as ``s3:GetObject``.
        resource: Its ARN; empty if the message does not say it.
        kind: The kind of policy that denied the request, one of ``KINDS``; empty if not known.
        is_explicit: A statement denies the request; otherwise, no statement allows it.
        policy: The ARN of that policy, in messages that have it.
    """

    principal: str
    action: str
    resource: str
    kind: str
    is_explicit: bool
    policy: str


IDENTITY: Final = "identity-based policy"
RESOURCE: Final = "resource-based policy"
ENDPOINT: Final = "VPC endpoint policy"
SERVICE_CONTROL: Final = "service control policy"
RESOURCE_CONTROL: Final = "resource control policy"
BOUNDARY: Final = "permissions boundary"
SESSION: Final = "session policy"
TRUST: Final = "role trust policy"

BLOCK_PUBLIC_ACCESS: Final = "Block Public Access"
"""Not a policy, but a setting of a bucket or an account that denies requests like one."""

KINDS: Final = (
    *(IDENTITY, RESOURCE, ENDPOINT, SERVICE_CONTROL, RESOURCE_CONTROL, BOUNDARY, SESSION, TRUST),
)


def denials_in(text: str) -> Iterator[Denial]:
    """Yield the denials that a text describes, each once."""
    found = dict.fromkeys(_denial(match) for match in _DENIED.finditer(text))
    yield from found


def _denial(found: re.Match[str]) -> Denial:
    reason = " ".join((found["reason"] or "").split())
    kind = _KIND.search(reason)
    policy = re.search(r"policy:? (arn:[^\s\"'\\]+)", reason)
    return Denial(
        principal=_trimmed(found["principal"] or ""),
        action=found["action"],
        resource=_trimmed(found["quoted"] or found["resource"] or ""),
        kind=_KINDS[re.sub("policies$", "policy", kind[0].lower())] if kind else "",
        is_explicit="explicit deny" in reason.lower(),
        policy=_trimmed(policy[1]) if policy else "",
    )


_KINDS: Final = {kind.lower(): kind for kind in (*KINDS, BLOCK_PUBLIC_ACCESS)}
_KIND: Final = re.compile(
    "|".join(re.sub("policy$", "polic(?:y|ies)", kind) for kind in _KINDS), re.IGNORECASE
)
"""The first kind that a reason names counts: what follows may be the next message."""


def _trimmed(text: str) -> str:
    return text.rstrip(".,;:)\"'\\")


# White space may be a line break, where a terminal or a page wrapped the message. JSON in a report
# escapes the quotation marks. IAM writes some resources as "policy NAME", and KMS does not name the
# key if it could not be found, or only from the ciphertext.
_DENIED: Final = re.compile(
    r"""(?:(?:User:\s+|(?<![^\s"'])(?=arn:))(?P<principal>[^\s"]{1,2048})\s+)?
    (?:is\s+)?not\s+authorized\s+to\s+perform:\s+(?P<action>[a-z0-9-]{2,40}:[A-Za-z0-9]{2,80})
    (?:\s+on\s+(?:
        resource:\s+(?:\\?"(?P<quoted>[^"\n]{1,3000}?)\\?"
            |(?P<resource>(?:(?:policy|role|user|group)\s)?[^\s"]{1,3000}))
        |(?:this\s+resource|the\s+resource\s+associated\s+with\s+this\s+ciphertext)
    ))?
    (?P<reason>,?\s+(?:because|with\s+an)\s(?:(?!User:|not\s+authorized)[^"]){1,400})?""",
    re.VERBOSE,
)


def role_of(principal: str) -> tuple[str, str]:
    """Return the name of the role and of the session of an assumed role; empty for others."""
    found = _ASSUMED.fullmatch(principal)
    return (found[1], found[2]) if found else ("", "")


_ASSUMED: Final = re.compile(r"arn:[^:]+:sts::[0-9]{12}:assumed-role/([^/]+)/(.+)")


def principal_for_policies(principal: str) -> str:
    """Return the ARN to name in a policy: for a session of a role, the role.

    The path of the role is not known from its session.
    """
    found = re.fullmatch(r"arn:([^:]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+", principal)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else principal


def account_of(arn: str) -> str:
    """Return the account in an ARN; empty for an ARN without one, as of a bucket."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 and parts[4].isdecimal() else ""
