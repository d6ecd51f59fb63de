"""What a client may leave behind in its process."""

from __future__ import annotations

import asyncio
import gc
import os


def left_over() -> tuple[set[str], int]:
    """Descriptors of this process, and its threads besides those of stand-ins."""
    descriptors = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            descriptors.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
        except OSError:
            continue
    threads = 0
    for number in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{number}/comm") as file:
                threads += file.read().strip() != "fake-node"
        except OSError:
            continue
    return descriptors, threads


async def at_rest() -> tuple[set[str], int]:
    """What is there when nothing of earlier tests is on its way out any more."""
    gc.collect()
    before = left_over()
    while True:
        await asyncio.sleep(0.1)
        now = left_over()
        if now == before:
            return now
        before = now
