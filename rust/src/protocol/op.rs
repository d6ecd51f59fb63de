//! Operations: each is declared once, with everything that is to be known about it.

use super::context::ProtocolVersion;
pub use handle::Opens;

pub mod cache;
pub mod handle;
pub mod key_value;
pub mod query;
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
}

/// Which node a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// The primary node of the key that stands first in the payload.
    Key,
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
}

/// Declares operations of one family: `NAME = code, "OP_NAME", routing, retry, reply;`, and behind the reply what it opens, if it does.
macro_rules! operations {
    ($family:ident since $since:expr; $($(#[$doc:meta])* $name:ident = $code:literal, $text:literal, $routing:ident, $retry:ident, $reply:ident $(, $opens:ident)?;)*) => {
        $($(#[$doc])*
        pub static $name: Operation = Operation {
            code: $code,
            name: $text,
            family: $crate::protocol::op::Family::$family,
            routing: $crate::protocol::op::Routing::$routing,
            retry: $crate::protocol::op::Retry::$retry,
            reply: $crate::protocol::op::Reply::$reply,
            opens: operations!(@opens $($opens)?),
            since: $since,
        };)*

        /// Every operation of this table.
        pub static ALL: &[&Operation] = &[$(&$name,)*];
    };
    (@opens) => { $crate::protocol::op::Opens::Nothing };
    (@opens $opens:ident) => { $crate::protocol::op::Opens::$opens };
}
pub(crate) use operations;

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_operations_share_a_code_or_a_name() {
        let all: Vec<_> =
            [super::key_value::ALL, super::cache::ALL, super::cache::CREATION, super::handle::ALL, super::transaction::ALL]
                .concat();
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].iter().any(|other| other.code == one.code || other.name == one.name), "{one:?}");
        }
    }
}
