"""Objects of the local S3 have the same address as the pages; their scripts must not run there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.local_server import ACCOUNT

if TYPE_CHECKING:
    from tests.support.browser import WatchedBrowser
    from tests.support.watched_jobs import WatchedServer

pytestmark = pytest.mark.browser

ATTACK = """
fetch(API).then(answer => answer.json()).then(job => fetch(API + '/cancel', {
    method: 'POST',
    headers: {'Content-Type': 'application/json', 'X-S3Batch-Token': job.live.token},
    body: '{"reason": "attack"}',
})).then(() => { window.name = 'attacked'; });
"""
PAGES = {
    "text/html": "<title>Object</title><script>{script}</script>",
    "image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'><script>{script}</script></svg>",
    "application/xhtml+xml": (
        "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>Object</title></head>"
        "<body><script><![CDATA[{script}]]></script></body></html>"
    ),
}


@pytest.mark.parametrize("content_type", PAGES)
def test_a_script_in_an_object_cannot_act(
    content_type: str, browser: WatchedBrowser, watched: WatchedServer
) -> None:
    """A function may copy such an object from anywhere, and any site may link to it."""
    browser.expect_problems(".")
    job_id = watched.create_job()
    watched.wait_for_status(job_id, "Suspended")
    script = f"const API = {json.dumps(f'{watched.pages}api/jobs/{job_id}')};{ATTACK}"
    body = PAGES[content_type].replace("{script}", script)
    watched.s3.put_object(
        Bucket="photos", Key="object", Body=body.encode(), ContentType=content_type
    )
    page = browser.new_page()

    # Any credentials are valid, so any site can make such a link.
    link = watched.s3.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "object"})
    with page.expect_console_message(lambda message: "sandboxed" in message.text):
        response = page.goto(link)

    assert response is not None
    assert response.status == 200
    job: Any = watched.s3control.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]
    assert job["Status"] == "Suspended"
