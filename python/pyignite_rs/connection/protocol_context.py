"""Protocol version and features of a connection, as programs ask for them."""

from __future__ import annotations

from .bitmask_feature import BitmaskFeature

Version = tuple[int, int, int]


class ProtocolContext:
    """What the last opened connection agreed on.

    Args:
        version: Protocol version, `(major, minor, patch)`.
        features: Features of both sides; kept only for versions that have them (1.7).
    """

    def __init__(self, version: Version, features: BitmaskFeature | None = None) -> None:
        self._version = version
        self._features = features if self.is_feature_flags_supported() else None

    @classmethod
    def _agreed(cls, agreed: tuple[Version, int | None] | None) -> ProtocolContext | None:
        """What the Rust half tells: version and feature bits. It uses features that have no name here; those are not shown."""
        if agreed is None:
            return None
        version, features = agreed
        return cls(version, None if features is None else BitmaskFeature(features) & BitmaskFeature.all_supported())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProtocolContext):
            return NotImplemented
        return (self.version, self.features) == (other.version, other.features)

    def __hash__(self) -> int:
        return hash((self._version, self._features))

    def __repr__(self) -> str:
        return f"ProtocolContext(version={self._version}, features={self._features!s})"

    def copy(self) -> ProtocolContext:
        """An equal context."""
        return ProtocolContext(self._version, self._features)

    @property
    def version(self) -> Version:
        """Protocol version, `(major, minor, patch)`."""
        return self._version

    @property
    def features(self) -> BitmaskFeature | None:
        """Features of both sides; None before protocol 1.7."""
        return self._features

    def is_partition_awareness_supported(self) -> bool:
        """Whether servers tell where partitions are (1.4)."""
        return self._version >= (1, 4, 0)

    def is_status_flags_supported(self) -> bool:
        """Whether responses carry flags (1.4)."""
        return self._version >= (1, 4, 0)

    def is_transactions_supported(self) -> bool:
        """Whether there are transactions (asked for from 1.6 on, as pyignite does)."""
        return self._version >= (1, 6, 0)

    def is_feature_flags_supported(self) -> bool:
        """Whether features are negotiated (1.7)."""
        return self._version >= (1, 7, 0)

    def is_cluster_api_supported(self) -> bool:
        """Whether the cluster's state can be read and set."""
        return self._features is not None and BitmaskFeature.CLUSTER_API in self._features

    def is_expiry_policy_supported(self) -> bool:
        """Whether entries can expire (1.6)."""
        return self._version >= (1, 6, 0)
