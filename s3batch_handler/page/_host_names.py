"""Host names of requests: normalize them, and check whether they are names of this machine."""

from __future__ import annotations

import ipaddress
import re
from typing import Final


def host_name(host: str) -> str | None:
    """Return the name or address of a ``Host`` header for comparison: lower case, without a port.

    IPv6 addresses are in brackets, in their shortest form. Return ``None`` for an invalid value.
    """
    match = _HOST.fullmatch(host.lower())
    if match is None:
        return None
    if match["v6"] is None:
        return match["name"]
    try:
        address = ipaddress.IPv6Address(match["v6"])
    except ValueError:
        return None
    return str(address.ipv4_mapped) if address.ipv4_mapped else f"[{address}]"


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens at an address."""
    return _LOOPBACK.fullmatch(host) is not None


def is_loopback_address(address: str) -> bool:
    """Return whether a connection with this address comes from this machine."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


_HOST: Final = re.compile(
    r"(?: \[ (?P<v6> [0-9a-f:.]+ ) (?: % [a-z0-9_.~-]+ )? \]"  # an address may have a zone
    r"  | (?P<name> [a-z0-9_-]+ (?: \. [a-z0-9_-]+ )* ) \.? )"
    r"(?: : [0-9]* )?",
    re.ASCII | re.VERBOSE,
)
_LOOPBACK: Final = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1", re.ASCII | re.IGNORECASE)
