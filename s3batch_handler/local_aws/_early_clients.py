"""Clients of boto3 that were created before moto was imported."""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

from botocore.client import BaseClient
from botocore.credentials import Credentials
from moto.core.models import botocore_stubber


@cache
def mock_early_clients() -> None:
    """Mock the clients that were created before moto was imported, which would reach AWS.

    These are clients that a function creates when its module is imported. moto mocks later clients
    itself, so one search is enough.
    """
    for found in gc.get_objects():
        if issubclass(type(found), BaseClient):
            # A client that is mocked already would send each request twice.
            found.meta.events.unregister("before-send", botocore_stubber)
            found.meta.events.register("before-send", botocore_stubber)
            _add_credentials(found)


def _add_credentials(client: Any) -> None:
    """Add credentials to a client without them, whose requests would fail before moto gets them.

    boto3 searches for credentials when a client is created, and has no public way to add them.
    """
    signer = vars(vars(client).get("_request_signer", client))
    if "_credentials" in signer and signer["_credentials"] is None:
        signer["_credentials"] = Credentials("testing", "testing")
