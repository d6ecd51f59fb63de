//! The cluster as a whole.

use super::{Operation, operations};
use crate::protocol::context::{Feature, ProtocolVersion};

// Servers have both since protocol 1.6; that a state is more than active or not is what the feature says.
operations! { Cluster since ProtocolVersion::V1_7, feature Some(Feature::ClusterStates);
    /// nothing
    GET_STATE = 5000, "OP_CLUSTER_GET_STATE", Any, Read, ClusterState;
    /// `byte state`
    CHANGE_STATE = 5001, "OP_CLUSTER_CHANGE_STATE", Any, AbsoluteWrite, Empty;
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// What a cluster does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum ClusterState { $($(#[$doc])* $name = $code,)* }

        impl ClusterState {
            /// Every state with its name in Python.
            pub const ALL: &[(Self, &str)] = &[$((Self::$name, $text),)*];

            pub fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

states! {
    /// No operation on caches.
    Inactive = 0, "INACTIVE";
    /// Every operation.
    Active = 1, "ACTIVE";
    /// Operations that change nothing.
    ActiveReadOnly = 2, "ACTIVE_READ_ONLY";
}
