"""The pages of jobs on a server, over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from s3batch_handler.local_aws._server import page_of, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def address() -> Iterator[str]:
    with serve({}) as address:
        yield address


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def json_of(url: str) -> Any:
    return json.loads(get(url)[2])


def test_the_list_of_jobs_is_beside_s3(address: str) -> None:
    status, headers, body = get(f"{address}/_s3batch/")

    assert status == 200
    assert b'data-page="list"' in body
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert json_of(f"{address}/_s3batch/api/jobs")["jobs"] == []


def test_a_bucket_before_the_host_means_s3(address: str) -> None:
    """There, the path of a page is the key of an object."""
    _, headers, _ = get(f"{address}/_s3batch/", Host="photos.localhost")

    assert headers["Content-Type"].startswith("application/xml")


def test_the_address_of_the_page_is_one_of_this_machine() -> None:
    assert page_of("http://0.0.0.0:5005") == "http://127.0.0.1:5005/_s3batch/"
    assert page_of("http://[::1]:5005") == "http://[::1]:5005/_s3batch/"
    assert page_of("http://192.168.1.7:5005") is None
