"""A node as programs look at it: where it is, and whether it can be reached."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from .. import _core

if TYPE_CHECKING:
    from ..client import BaseClient
    from .protocol_context import ProtocolContext

__all__ = ["BaseConnection", "Connection"]


@dataclass(frozen=True, eq=False)
class BaseConnection:
    """A node that a client knows. It tells what was known when it was asked for; requests go through the client.

    Args:
        client: The client that knows it.
        host: Host name or address.
        port: Port of its client connector.
        uuid: Its id in the cluster; None before the first connection.
        alive: Whether a connection to it was open.
    """

    client: BaseClient
    host: str
    port: int
    uuid: UUID | None
    alive: bool

    @property
    def closed(self) -> bool:
        """Whether no connection was open."""
        return not self.alive

    @property
    def protocol_context(self) -> ProtocolContext | None:
        """Version and features of the client's last opened connection."""
        return self.client.protocol_context

    def __repr__(self) -> str:
        return f"{self.host}:{self.port}"


class Connection(BaseConnection):
    """A node as a `Client` knows it."""


_Kind = TypeVar("_Kind", bound=BaseConnection)


def known_nodes(client: BaseClient, kind: type[_Kind]) -> list[_Kind]:
    """The nodes that a client knows."""
    return [
        kind(client, host, port, None if uuid is None else UUID(uuid), alive) for host, port, uuid, alive in client._known_nodes()
    ]


def any_of(nodes: list[_Kind]) -> _Kind | None:
    """One that can be reached."""
    alive = [node for node in nodes if node.alive]
    return random.choice(alive) if alive else None


def primary_of(client: BaseClient, nodes: list[_Kind], cache: Any, key: Any, key_hint: Any) -> _Kind | None:
    """The one that has a key, if that is known."""
    place = client._primary(cache, _core.encode(key, key_hint))
    return None if place is None or place >= len(nodes) else nodes[place]
