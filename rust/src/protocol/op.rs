//! Operations: each is declared once, with everything that is to be known about it.

use super::context::ProtocolVersion;

pub mod cache;
pub mod key_value;

/// What a failure of the operation is called, and which handle it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Entries of one cache.
    Cache,
    /// Making a cache.
    CacheCreation,
}

/// Which node a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// The primary node of the key that stands first in the payload.
    Key,
    /// Any node.
    Any,
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
    Long,
    /// One data object.
    Value,
    /// `int n, n x (object key, object value)`.
    Entries,
    /// `int n, n x string`.
    Names,
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
    /// The protocol version that introduced it.
    pub since: ProtocolVersion,
}

/// Declares operations of one family: `NAME = code, "OP_NAME", routing, retry, reply;`.
macro_rules! operations {
    ($family:ident since $since:expr; $($(#[$doc:meta])* $name:ident = $code:literal, $text:literal, $routing:ident, $retry:ident, $reply:ident;)*) => {
        $($(#[$doc])*
        pub static $name: Operation = Operation {
            code: $code,
            name: $text,
            family: Family::$family,
            routing: Routing::$routing,
            retry: Retry::$retry,
            reply: Reply::$reply,
            since: $since,
        };)*

        /// Every operation of this table.
        pub static ALL: &[&Operation] = &[$(&$name,)*];
    };
}
pub(crate) use operations;

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_operations_share_a_code_or_a_name() {
        let all: Vec<_> = [super::key_value::ALL, super::cache::ALL, super::cache::CREATION].concat();
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].iter().any(|other| other.code == one.code || other.name == one.name), "{one:?}");
        }
    }
}
