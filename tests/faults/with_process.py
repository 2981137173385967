"""The Lambda handler with ``isolation="process"``."""

from tests.faults.handler import handler_with

handler = handler_with("process")
