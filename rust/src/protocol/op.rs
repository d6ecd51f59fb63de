//! Operations: each is declared once, with everything that is to be known about it.

use super::context::{Feature, ProtocolContext, ProtocolVersion};
pub use handle::Opens;

pub mod affinity;
pub mod binary;
pub mod cache;
pub mod cluster;
pub mod connection;
pub mod handle;
pub mod key_value;
pub mod query;
pub mod split;
pub mod transaction;

/// What a failure of the operation is called, and which handle it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Entries of one cache.
    Cache,
    /// Making a cache.
    CacheCreation,
    /// SQL, and pages of cursors.
    Query,
    /// Beginning and end of transactions.
    Transaction,
    /// The cluster as a whole.
    Cluster,
    /// Types of complex objects and enums.
    BinaryType,
}

/// Which node a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// The primary node of the key that stands first in the payload.
    Key,
    /// `int n, n x key` stands first: the primary nodes of these keys, each for its own.
    Keys,
    /// `int n, n x (key, value)` stands first: likewise.
    Entries,
    /// Any node.
    Any,
    /// The connection that the handle in the payload was opened on.
    Connection,
}

/// Whether a request that may have reached a server can be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It changes nothing: sending it again is harmless.
    Read,
    /// It leaves the same state when nobody else writes; a late copy can overwrite a newer value.
    AbsoluteWrite,
    /// Its answer or its effect depends on what was there: the second answer differs though the first took effect.
    Conditional,
}

/// What a successful answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Empty,
    Bool,
    Int,
    Long,
    /// One data object.
    Value,
    /// `int n, n x (object key, object value)`.
    Entries,
    /// `int n, n x string`.
    Names,
    /// Settings of a cache; see [`cache::CONFIGURATION`].
    Configuration,
    /// `byte state`.
    ClusterState,
    /// What the one caller of the operation reads by itself.
    Own,
}

/// One operation of the protocol.
#[derive(Debug)]
pub struct Operation {
    pub code: i16,
    /// Its name in pyignite, in errors and in events.
    pub name: &'static str,
    pub family: Family,
    pub routing: Routing,
    pub retry: Retry,
    pub reply: Reply,
    /// What the answer leaves open on the server.
    pub opens: Opens,
    /// The protocol version that introduced it.
    pub since: ProtocolVersion,
    /// The feature that it belongs to, if it is one that is negotiated.
    pub feature: Option<Feature>,
}

impl Operation {
    /// Whether a server with this context carries it out.
    pub fn is_known_to(&self, context: &ProtocolContext) -> bool {
        context.version >= self.since && self.feature.is_none_or(|feature| context.features.contains(feature))
    }
}

/// Declares operations of one family, perhaps of one feature: `NAME = code, "OP_NAME", routing, retry, reply;`, and behind the reply
/// what it opens, if it does.
macro_rules! operations {
    (@opens) => { $crate::protocol::op::Opens::Nothing };
    (@opens $opens:ident) => { $crate::protocol::op::Opens::$opens };
    ($family:ident since $since:expr; $($rows:tt)*) => {
        $crate::protocol::op::operations! { $family since $since, feature None; $($rows)* }
    };
    ($family:ident since $since:expr, feature $feature:expr; $($(#[$doc:meta])* $name:ident = $code:literal, $text:literal, $routing:ident, $retry:ident, $reply:ident $(, $opens:ident)?;)*) => {
        $($(#[$doc])*
        pub static $name: Operation = Operation {
            code: $code,
            name: $text,
            family: $crate::protocol::op::Family::$family,
            routing: $crate::protocol::op::Routing::$routing,
            retry: $crate::protocol::op::Retry::$retry,
            reply: $crate::protocol::op::Reply::$reply,
            opens: $crate::protocol::op::operations!(@opens $($opens)?),
            since: $since,
            feature: $feature,
        };)*

        /// Every operation of this table.
        pub static ALL: &[&Operation] = &[$(&$name,)*];
    };
}
pub(crate) use operations;

/// The tables of all families.
static TABLES: &[&[&Operation]] = &[
    affinity::ALL,
    affinity::ENDPOINTS,
    binary::ALL,
    key_value::ALL,
    cache::ALL,
    cache::CREATION,
    query::ALL,
    query::SCANS,
    handle::ALL,
    transaction::ALL,
    cluster::ALL,
    connection::ALL,
];

/// Every operation.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    TABLES.iter().flat_map(|table| table.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::context::FeatureSet;

    #[test]
    fn no_two_operations_share_a_code_or_a_name() {
        let all: Vec<_> = all().collect();
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].iter().any(|other| other.code == one.code || other.name == one.name), "{one:?}");
        }
    }

    #[test]
    fn an_operation_needs_its_version_and_its_feature() {
        let context = |version, mask: &[u8]| ProtocolContext { version, features: FeatureSet::from_bytes(mask) };
        assert!(key_value::GET.is_known_to(&context(ProtocolVersion::V1_2, &[])));
        assert!(cluster::GET_STATE.is_known_to(&context(ProtocolVersion::V1_7, &[0b100])));
        assert!(!cluster::GET_STATE.is_known_to(&context(ProtocolVersion::V1_7, &[0b011])));
        assert!(!cluster::GET_STATE.is_known_to(&context(ProtocolVersion::V1_6, &[])));
    }
}
