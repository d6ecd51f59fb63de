"""The examples, each run by itself as a user would, with what they print."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def printed(name: str, address: tuple[str, int], *, by_environment: bool = False) -> str:
    """What an example prints when it is run against this node."""
    host, port = address
    arguments = [] if by_environment else [host, str(port)]
    environment = {**os.environ, **({"IGNITE_HOST": host, "IGNITE_PORT": str(port)} if by_environment else {})}
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


@pytest.mark.parametrize("by_environment", [False, True], ids=["arguments", "environment"])
def test_expiry_policy(address: tuple[str, int], by_environment: bool) -> None:
    assert printed("expiry_policy.py", address, by_environment=by_environment) == (
        "A second for each new entry of a cache.\n"
        "  after 0.3 s: logged in\n"
        "  after 1.5 s: None\n"
        "A second from the last access, for what is done through one cache object.\n"
        "  read every 0.4 s, after 1.6 s: <html>\n"
        "  not read for 1.5 s: None\n"
        "  put without a policy: <html>\n"
        "The same with AioClient.\n"
        "  after 0.3 s: logged in\n"
        "  after 1.5 s: None\n"
        "  0.3 s after it was read: <html>\n"
        "  1.5 s after it was read: None\n"
    )
