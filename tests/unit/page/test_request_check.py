"""The checks of requests to live pages: other machines and other web pages are refused."""

from __future__ import annotations

from typing import Any

import pytest

from s3batch_handler.page._http import HttpError, Request
from s3batch_handler.page._request_check import check_action, check_request, is_page_host

HOST = "127.0.0.1:5005"
VALID = "secret"
PAGE = {
    "HTTP_HOST": HOST,
    "HTTP_ORIGIN": f"http://{HOST}",
    "HTTP_SEC_FETCH_SITE": "same-origin",
    "HTTP_X_S3BATCH_TOKEN": VALID,
    "CONTENT_TYPE": "application/json; charset=utf-8",
}


def request(**environ: str) -> Request:
    values: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": HOST,
        **environ,
    }
    return Request({name: value for name, value in values.items() if value})


def check(environ: dict[str, str], *, is_page: bool = False) -> None:
    check_request(request(**environ), allowed_hosts=("s3.example.com",), is_page=is_page)


@pytest.mark.parametrize(
    "environ",
    [
        {},  # curl, or the address bar of an old browser
        {"HTTP_SEC_FETCH_SITE": "none"},
        {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": f"http://{HOST}"},
        {"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:5005"},
        {"REMOTE_ADDR": "::ffff:127.0.0.1"},
        {"HTTP_HOST": "localhost"},
        {"HTTP_HOST": "s3.example.com:80"},
    ],
)
def test_browsers_and_programs_on_this_machine_are_accepted(environ: dict[str, str]) -> None:
    check(environ)


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "192.168.1.7"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "<local>"},
        {"HTTP_HOST": ""},
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "localhost.evil.example"},
        {"HTTP_HOST": "photos.localhost"},
        {"HTTP_HOST": "123456789012.127.0.0.1"},
        {"HTTP_HOST": "photos.s3.example.com"},
        {"HTTP_HOST": "127.0.0.1:5005,evil.example"},
        {"HTTP_ORIGIN": "http://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": f"https://{HOST}"},
        {"HTTP_ORIGIN": "http://127.0.0.1:8000"},  # another server of this machine
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_SEC_FETCH_SITE": "anything new"},
    ],
)
def test_other_machines_hosts_and_pages_are_refused(environ: dict[str, str]) -> None:
    for is_page in (False, True):
        with pytest.raises(HttpError) as caught:
            check(environ, is_page=is_page)

        assert caught.value.status == 403


VISIT = {
    "HTTP_SEC_FETCH_SITE": "cross-site",
    "HTTP_SEC_FETCH_MODE": "navigate",
    "HTTP_SEC_FETCH_DEST": "document",
}


def test_other_sites_may_link_to_a_page_but_not_to_its_data() -> None:
    check(VISIT, is_page=True)
    with pytest.raises(HttpError):
        check(VISIT, is_page=False)


@pytest.mark.parametrize(
    "changed",
    [
        {"HTTP_SEC_FETCH_DEST": "iframe"},
        {"HTTP_SEC_FETCH_MODE": "no-cors"},
        {"REQUEST_METHOD": "POST"},
    ],
)
def test_other_sites_may_not_embed_a_page_or_post_to_it(changed: dict[str, str]) -> None:
    with pytest.raises(HttpError):
        check({**VISIT, **changed}, is_page=True)


def test_an_action_of_the_page_is_accepted() -> None:
    check_action(request(**PAGE), token=VALID)
    check_action(request(**{**PAGE, "HTTP_ORIGIN": ""}), token=VALID)


@pytest.mark.parametrize(
    "changed",
    [
        {"HTTP_ORIGIN": "", "HTTP_SEC_FETCH_SITE": ""},
        {"HTTP_X_S3BATCH_TOKEN": ""},
        {"HTTP_X_S3BATCH_TOKEN": "Secret"},
        {"HTTP_X_S3BATCH_TOKEN": "s\xe9cret"},
        {"CONTENT_TYPE": ""},
        {"CONTENT_TYPE": "text/plain"},
        {"CONTENT_TYPE": "application/x-www-form-urlencoded"},
    ],
)
def test_an_action_needs_origin_token_and_json(changed: dict[str, str]) -> None:
    """A form of another page can send neither this header nor JSON."""
    with pytest.raises(HttpError):
        check_action(request(**{**PAGE, **changed}), token=VALID)


def test_a_bucket_before_the_host_is_not_a_host_of_the_page() -> None:
    assert is_page_host("LOCALHOST:1")
    assert not is_page_host("photos.localhost:1")
