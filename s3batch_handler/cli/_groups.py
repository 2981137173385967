"""Groups of commands."""

from __future__ import annotations

from s3batch_handler.cli._help import Group as OrderedGroup

__all__ = ["OrderedGroup"]
