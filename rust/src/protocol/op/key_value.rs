//! Entries of a cache. Each request is `int cache id, byte flags`, then what the row says.

use super::{Operation, operations};
use crate::protocol::context::ProtocolVersion;
use crate::protocol::write::Writer;

operations! { Cache since ProtocolVersion::new(1, 0, 0);
    /// `key`
    GET = 1000, "OP_CACHE_GET", Key, Read, Value;
    /// `key, value`
    PUT = 1001, "OP_CACHE_PUT", Key, AbsoluteWrite, Empty;
    /// `key, value`
    PUT_IF_ABSENT = 1002, "OP_CACHE_PUT_IF_ABSENT", Key, Conditional, Bool;
    /// `int n, n x key`
    GET_ALL = 1003, "OP_CACHE_GET_ALL", Any, Read, Entries;
    /// `int n, n x (key, value)`
    PUT_ALL = 1004, "OP_CACHE_PUT_ALL", Any, AbsoluteWrite, Empty;
    /// `key, value`
    GET_AND_PUT = 1005, "OP_CACHE_GET_AND_PUT", Key, Conditional, Value;
    /// `key, value`
    GET_AND_REPLACE = 1006, "OP_CACHE_GET_AND_REPLACE", Key, Conditional, Value;
    /// `key`
    GET_AND_REMOVE = 1007, "OP_CACHE_GET_AND_REMOVE", Key, Conditional, Value;
    /// `key, value`
    GET_AND_PUT_IF_ABSENT = 1008, "OP_CACHE_GET_AND_PUT_IF_ABSENT", Key, Conditional, Value;
    /// `key, value`
    REPLACE = 1009, "OP_CACHE_REPLACE", Key, Conditional, Bool;
    /// `key, expected value, new value`
    REPLACE_IF_EQUALS = 1010, "OP_CACHE_REPLACE_IF_EQUALS", Key, Conditional, Bool;
    /// `key`
    CONTAINS_KEY = 1011, "OP_CACHE_CONTAINS_KEY", Key, Read, Bool;
    /// `int n, n x key`
    CONTAINS_KEYS = 1012, "OP_CACHE_CONTAINS_KEYS", Any, Read, Bool;
    /// nothing
    CLEAR = 1013, "OP_CACHE_CLEAR", Any, AbsoluteWrite, Empty;
    /// `key`
    CLEAR_KEY = 1014, "OP_CACHE_CLEAR_KEY", Key, AbsoluteWrite, Empty;
    /// `int n, n x key`
    CLEAR_KEYS = 1015, "OP_CACHE_CLEAR_KEYS", Any, AbsoluteWrite, Empty;
    /// `key`
    REMOVE_KEY = 1016, "OP_CACHE_REMOVE_KEY", Key, Conditional, Bool;
    /// `key, expected value`
    REMOVE_IF_EQUALS = 1017, "OP_CACHE_REMOVE_IF_EQUALS", Key, Conditional, Bool;
    /// `int n, n x key`
    REMOVE_KEYS = 1018, "OP_CACHE_REMOVE_KEYS", Any, AbsoluteWrite, Empty;
    /// nothing
    REMOVE_ALL = 1019, "OP_CACHE_REMOVE_ALL", Any, AbsoluteWrite, Empty;
    /// `int n, n x byte peek mode`
    GET_SIZE = 1020, "OP_CACHE_GET_SIZE", Any, Read, Long;
}

/// Which entries `GET_SIZE` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PeekMode {
    All = 0,
    Near = 1,
    Primary = 2,
    Backup = 3,
    OnHeap = 4,
    OffHeap = 5,
}

impl PeekMode {
    pub const LAST: i64 = Self::OffHeap as i64;
}

const TRANSACTIONAL: u8 = 0x02;

/// Writes the cache header: `int cache id, byte flags, [int transaction id: 0x02]`.
#[inline]
pub fn write_cache_header(out: &mut Writer, cache_id: i32, transaction: Option<i32>) {
    out.i32(cache_id);
    match transaction {
        None => out.u8(0),
        Some(id) => {
            out.u8(TRANSACTIONAL);
            out.i32(id);
        }
    }
}
