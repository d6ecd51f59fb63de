"""A node that hangs for a while: its connections stay open and nothing is answered."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from ..support.cluster import Node


def _is_stopped(pid: int) -> bool:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    # The state follows the name of the program, which is in parentheses.
    return all((task / "stat").read_text().rpartition(") ")[2].startswith("T") for task in tasks)


@contextlib.contextmanager
def hanging(node: Node) -> Iterator[None]:
    """Stop a node in its tracks for the length of the block. The signal reaches its threads one after the other."""
    assert node.process is not None
    node.pause()
    try:
        end = time.monotonic() + 10
        while not _is_stopped(node.process.pid):
            assert time.monotonic() < end, "the node did not stop"
            time.sleep(0.001)
        yield
    finally:
        node.resume()
