"""Run moto's server as a process of its own.

moto keeps one state per process: each ``mock_aws()`` of another test in the process of a server
would delete what the server has.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.serving import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVE = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()  # until the tests end
"""


@contextmanager
def moto_process() -> Iterator[str]:
    """Yield the address of a server with no resources, and end it."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address, "moto's server did not start"
            yield address
        finally:
            process.kill()
