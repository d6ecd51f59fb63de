"""What a connection agreed on with its server, and nodes as programs look at them."""

from .aio_connection import AioConnection
from .bitmask_feature import BitmaskFeature
from .connection import Connection
from .protocol_context import ProtocolContext

__all__ = ["AioConnection", "BitmaskFeature", "Connection", "ProtocolContext"]
