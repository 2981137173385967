"""Requests of Lambda's Invoke are signed as by botocore."""

from __future__ import annotations

import datetime as dt

import pytest
from botocore import auth as botocore_auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.jobs import _signed_calls
from s3batch_handler.jobs._signed_calls import SignedCalls

NAME = "arn:aws:lambda:us-east-1:123456789012:function:resize:live"


def signed_calls(token: str | None) -> SignedCalls:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("NO_PROXY", "*")
        for name in ("AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        if token is not None:
            patch.setenv("AWS_SESSION_TOKEN", token)
        signed = SignedCalls(NAME, region="us-east-1")
        signed.refresh()
    return signed


SIGNED = {token: signed_calls(token) for token in (None, "token")}


def signed_by_botocore(payload: bytes, token: str | None, url: str) -> dict[str, str]:
    request = AWSRequest("POST", url, data=payload, headers={"Content-Type": "application/json"})
    credentials = Credentials("AKIDEXAMPLE", "secret", token)
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    return dict(request.headers)


@given(
    calls=st.lists(st.tuples(st.binary(min_size=1), st.integers(0, 100_000)), max_size=5),
    token=st.sampled_from([None, "token"]),
)
def test_requests_are_signed_as_by_botocore(
    calls: list[tuple[bytes, int]], token: str | None
) -> None:
    """Whatever the payload is, in the same second and in other ones, also of another day."""
    signed = SIGNED[token]
    for payload, second in calls:
        now = dt.datetime(2026, 12, 31, tzinfo=dt.UTC) + dt.timedelta(seconds=second)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore_auth, "get_current_datetime", lambda now=now: now)
            patch.setattr(_signed_calls, "time", now.timestamp)

            headers = signed.headers(payload)

            assert headers == signed_by_botocore(payload, token, signed.url)


def test_new_credentials_are_used_in_the_same_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_signed_calls, "time", lambda: 1_767_225_600.0)
    signed = signed_calls(None)
    before = signed.headers(b"{}")

    signed._credentials = Credentials("NEWKEY", "secret")
    signed.refresh()

    assert "Credential=AKIDEXAMPLE/" in before["Authorization"]
    assert "Credential=NEWKEY/" in signed.headers(b"{}")["Authorization"]
