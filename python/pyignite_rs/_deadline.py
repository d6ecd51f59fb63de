"""A time limit for everything that a thread or a task does with a client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import BaseClient

#: Pairs (client, moment by `time.monotonic()`), the innermost first.
CURRENT: ContextVar[tuple[tuple[BaseClient, float], ...]] = ContextVar("pyignite_rs_deadline", default=())


@contextmanager
def deadline(client: BaseClient, seconds: float) -> Iterator[None]:
    """Limit what the block does with the client; see `Client.deadline`."""
    try:
        is_limit = seconds > 0
    except TypeError:
        raise TypeError(f"a time limit is a number of seconds, not {seconds!r}") from None
    if not is_limit:
        raise ValueError(f"a time limit in seconds can not be {seconds}")
    token = CURRENT.set(((client, time.monotonic() + seconds), *CURRENT.get()))
    client._count_deadlines(1)
    try:
        yield
    finally:
        client._count_deadlines(-1)
        CURRENT.reset(token)
