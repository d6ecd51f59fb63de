"""What a connection agreed on with its server."""

from .bitmask_feature import BitmaskFeature
from .protocol_context import ProtocolContext

__all__ = ["BitmaskFeature", "ProtocolContext"]
