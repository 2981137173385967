"""``s3batch job wait`` in a real terminal, for a job of ``s3batch serve``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.job_server import Server
from tests.support.screen import Screen
from tests.support.serving import clean_environment, server_process
from tests.support.terminal import terminal
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION = """
import os, time
from s3batch_handler import PermanentFailure, TemporaryFailure, task_handler

@task_handler
def handler(task):
    if task.key == "bad":
        raise PermanentFailure("not an image")
    if task.key == "busy" and not os.path.exists("goes"):
        raise TemporaryFailure("busy")
    while task.key == "last" and not os.path.exists("goes"):
        time.sleep(0.05)
"""


def test_a_job_of_serve_shows_more_than_describe_job_returns(tmp_path: Path) -> None:
    """It is sent in a header, so the response is the one of AWS."""
    (tmp_path / "app.py").write_text(FUNCTION)
    with server_process(tmp_path, "--function", "f=app.py:handler") as (_, address):
        server = Server(tmp_path, address)
        server.s3.create_bucket(
            Bucket="inbox", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        server.s3.put_object(
            Bucket="inbox", Key="m.csv", Body=b"inbox,bad\ninbox,busy\ninbox,last\n"
        )
        job_id = server.job(
            *("submit", "--manifest", "s3://inbox/m.csv", "--function", "f", "--role", "r"),
            *("--no-report", "--no-confirm"),
        ).strip()
        environment = {**clean_environment(), "AWS_ENDPOINT_URL": address}
        environment.pop("CI", None)
        line = f"s3batch job wait {job_id} --poll 0.1 > out"
        with terminal(line, tmp_path, environment, columns=60, kind="xterm") as shell:
            shell.expect(r"1 waiting for a redrive(?s:.*?)\x1b\[J")
            during = server.s3control.describe_job(AccountId="123456789012", JobId=job_id)
            (tmp_path / "goes").touch()
            code = shell.end()

        wait_for(lambda: "Complete" in (tmp_path / "out").read_text())
        after = server.s3control.describe_job(AccountId="123456789012", JobId=job_id)

    screen = Screen(60)
    screen.feed(shell.shown)
    assert code == 1
    assert screen.widest < 60
    assert not "".join(screen.lines)  # nothing remains
    assert re.search(r"Active.* · 1 of 3 tasks done", shell.shown)
    assert re.search(r"1  \x1b\[0mnot an image  \x1b\[[\d;]*mbad", shell.shown)
    assert "2 workers" in shell.shown or "1 worker" in shell.shown
    assert "x-s3batch-progress" in during["ResponseMetadata"]["HTTPHeaders"]
    assert during["Job"].keys() <= after["Job"].keys()
    assert "x-s3batch-progress" not in after["ResponseMetadata"]["HTTPHeaders"]
