"""Listeners that keep what they hear, for this client and for pyignite alike."""

from __future__ import annotations

import threading
from typing import Any


def listener(*bases: type[Any]) -> Any:
    """A listener of these classes; `heard` has (method, event, thread) of each event, in their order."""

    class Keeper(*bases):  # type: ignore[misc]
        def __init__(self) -> None:
            self.heard: list[tuple[str, Any, threading.Thread]] = []

    def keep(method: str) -> Any:
        def heard(self: Any, event: Any) -> None:
            self.heard.append((method, event, threading.current_thread()))

        return heard

    for base in bases:
        for method in vars(base):
            if method.startswith("on_"):
                setattr(Keeper, method, keep(method))
    return Keeper()


class Ear:
    """A listener to everything that a package tells, in one list."""

    def __init__(self, monitoring: Any) -> None:
        self.connections = listener(monitoring.ConnectionEventListener)
        self.queries = listener(monitoring.QueryEventListener)
        self.heard: list[tuple[str, Any, threading.Thread]] = []
        # One list for both, so that their order shows.
        self.connections.heard = self.queries.heard = self.heard

    @property
    def listeners(self) -> list[Any]:
        return [self.connections, self.queries]

    def methods(self) -> list[str]:
        """What was called, in its order."""
        return [method for method, _, _ in self.heard]

    def take(self) -> list[tuple[str, Any]]:
        """What was heard since the last time."""
        heard = [(method, event) for method, event, _ in self.heard]
        self.heard.clear()
        return heard
