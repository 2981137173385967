"""The service of docs/any-s3.md: its systemd unit, and a proxy with TLS and passwords before it."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.certificates import new_certificate
from tests.support.serving import COMMAND, clean_environment, server_process
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[3] / "docs" / "any-s3.md").read_text()
TEXT = "a-long-random-text"


def block(language: str) -> str:
    """Return the only block of the page in a language."""
    texts: list[str] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (text,) = texts
    return text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "s3batch.service"
    unit.write_text(block("ini").replace("/opt/s3batch/bin/s3batch", "/bin/true"))

    check = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (check.returncode, check.stderr) == (0, "")


def test_the_unit_and_the_server_agree_on_their_options() -> None:
    command = re.search(r"ExecStart=\S+ (.*?)\n[A-Z]", block("ini"), re.DOTALL)
    assert command is not None
    options = set(re.findall(r"--[a-z0-9-]+", command[1]))

    reference = subprocess.run(
        [*COMMAND, "serve", "--help"], capture_output=True, text=True, check=True
    )

    assert options
    assert [option for option in options if option not in reference.stdout] == []


@contextmanager
def proxy(folder: Path, server: str) -> Iterator[str]:
    """Run nginx with the configuration of the page before a server; yield its URL."""
    new_certificate(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = (
        block("nginx")
        .replace("CHANGE-THIS-LONG-RANDOM-TEXT", TEXT)
        .replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        .replace("/etc/nginx/jobs.example.com.pem", f"{folder}/server.pem")
        .replace("/etc/nginx/jobs.example.com.key", f"{folder}/server.pem")
        .replace("http://127.0.0.1:5005", server)
    )
    temporary = " ".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{site}}}\n"
    )
    with (folder / "nginx.log").open("w") as log:
        process = subprocess.Popen(
            ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=log
        )
    with process:
        try:
            wait_for(lambda: listens(port) or process.poll() is not None)
            assert process.poll() is None, (folder / "nginx.log").read_text()
            yield f"https://127.0.0.1:{port}"
        finally:
            process.terminate()


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(shutil.which("nginx") is None, reason="there is no nginx here")
def test_other_machines_use_the_server_through_the_proxy(tmp_path: Path) -> None:
    """Only with the password, and without the pages of jobs."""
    with (
        server_process(tmp_path, "--allowed-host", "jobs.example.com") as (_, server),
        proxy(tmp_path, server) as address,
    ):

        def list_jobs(key_id: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*COMMAND, "job", "list", "--endpoint-url", address, "--json"],
                env={
                    **clean_environment(),
                    "AWS_ACCESS_KEY_ID": key_id,
                    "AWS_CA_BUNDLE": str(tmp_path / "authority.pem"),
                },
                capture_output=True,
                text=True,
                check=False,
            )

        allowed, refused = list_jobs(TEXT), list_jobs("guessed")
        context = ssl.create_default_context(cafile=tmp_path / "authority.pem")
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        with pytest.raises(urllib.error.HTTPError) as page:
            urllib.request.urlopen(f"{address}/_s3batch/", context=context)
        page.value.close()

    assert allowed.returncode == 0, allowed.stderr
    assert refused.returncode == 1
    assert "403" in refused.stderr
    assert page.value.code == 403
