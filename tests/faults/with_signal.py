"""The Lambda handler with ``isolation="signal"``."""

from tests.faults.handler import handler_with

handler = handler_with("signal")
