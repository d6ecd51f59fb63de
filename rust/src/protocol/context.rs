//! What one connection agreed on with its server: protocol version and features.

use std::fmt;

/// Protocol version, `major.minor.patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion {
    pub major: i16,
    pub minor: i16,
    pub patch: i16,
}

impl ProtocolVersion {
    pub const V1_1: Self = Self::new(1, 1, 0);
    pub const V1_2: Self = Self::new(1, 2, 0);
    pub const V1_3: Self = Self::new(1, 3, 0);
    pub const V1_4: Self = Self::new(1, 4, 0);
    pub const V1_5: Self = Self::new(1, 5, 0);
    pub const V1_6: Self = Self::new(1, 6, 0);
    pub const V1_7: Self = Self::new(1, 7, 0);

    /// The versions that this client speaks, newest first.
    pub const SUPPORTED: [Self; 6] = [Self::V1_7, Self::V1_6, Self::V1_5, Self::V1_4, Self::V1_3, Self::V1_2];

    pub const fn new(major: i16, minor: i16, patch: i16) -> Self {
        Self { major, minor, patch }
    }

    pub fn is_supported(self) -> bool {
        Self::SUPPORTED.contains(&self)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A negotiated ability: a bit of the mask of protocol 1.7. Only those are here that this client asks for: some bits change
/// layouts as soon as both sides name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Feature {
    /// The cluster state is an ordinal (inactive, active, read-only).
    ClusterStates = 2,
    /// Servers tell where the client connectors of all nodes listen.
    NodeEndpoints = 3,
    /// Requests that only show that a connection lives.
    Heartbeat = 11,
}

/// Set of feature bits as it stands in handshakes: bit i is byte i / 8, bit i % 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeatureSet(u64);

impl FeatureSet {
    /// Everything that this client can speak.
    pub const ALL: Self =
        Self(1 << Feature::ClusterStates as u8 | 1 << Feature::NodeEndpoints as u8 | 1 << Feature::Heartbeat as u8);

    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u8) != 0
    }

    pub const fn bits(self) -> u64 {
        self.0
    }

    /// From a server's mask; bits past the 64th belong to features that nobody has defined yet.
    pub fn from_bytes(mask: &[u8]) -> Self {
        Self(mask.iter().take(8).enumerate().fold(0, |bits, (index, byte)| bits | u64::from(*byte) << (8 * index)))
    }

    /// Shortest mask that holds the set.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut mask = self.0.to_le_bytes().to_vec();
        while mask.last() == Some(&0) {
            mask.pop();
        }
        mask
    }
}

/// Version and features of one connection. Each connection has its own: servers of one cluster may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolContext {
    pub version: ProtocolVersion,
    pub features: FeatureSet,
}

impl ProtocolContext {
    /// Responses carry a word of flags (and the topology version when it changed).
    pub fn has_response_flags(&self) -> bool {
        self.version >= ProtocolVersion::V1_4
    }

    /// The handshake tells the server's node id.
    pub fn has_node_id(&self) -> bool {
        self.version >= ProtocolVersion::V1_4
    }

    pub fn has_features(&self) -> bool {
        self.version >= ProtocolVersion::V1_7
    }

    pub fn has_expiry_policy(&self) -> bool {
        self.version >= ProtocolVersion::V1_6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_masks_are_little_endian_bits_without_trailing_zeros() {
        assert_eq!(FeatureSet::from_bytes(&[0xff, 0xff, 0x0b]).bits(), 0x0b_ffff);
        assert_eq!(FeatureSet::from_bytes(&[0x04, 0, 0]).to_bytes(), [0x04]);
        assert_eq!(FeatureSet::default().to_bytes(), [0u8; 0]);
        assert_eq!(FeatureSet::from_bytes(&[0; 41]).bits(), 0);
        assert!(FeatureSet::ALL.contains(Feature::ClusterStates));
    }
}
