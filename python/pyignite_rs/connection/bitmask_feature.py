"""Feature bits of protocol 1.7."""

from __future__ import annotations

from enum import IntFlag


class BitmaskFeature(IntFlag):
    """Abilities that client and server tell each other in the handshake."""

    #: The cluster's state can be read and set.
    CLUSTER_API = 1 << 2
    #: Servers tell where all nodes listen.
    NODE_ENDPOINTS = 1 << 3

    def __bytes__(self) -> bytes:
        """The mask as it stands in a handshake, least significant byte first."""
        return self.to_bytes(self.bit_length() // 8 + 1, byteorder="little")

    @staticmethod
    def all_supported() -> BitmaskFeature:
        """Every feature that this client knows."""
        supported = BitmaskFeature(0)
        for feature in BitmaskFeature:
            supported |= feature
        return supported

    @staticmethod
    def from_array(features_array: bytes | None) -> BitmaskFeature | None:
        """The features of a mask; None for None."""
        return None if features_array is None else BitmaskFeature(int.from_bytes(features_array, byteorder="little"))
