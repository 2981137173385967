"""Failure codes of jobs, in AWS's words where they are known; docs/fidelity.md lists the others."""

from __future__ import annotations

from typing import Final

BAD_MANIFEST: Final = "InvalidManifestContent"
NO_MANIFEST: Final = "ManifestNotFound"
NO_FUNCTION: Final = "ResourceNotFoundException"
