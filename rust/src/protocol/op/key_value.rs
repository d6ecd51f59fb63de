//! Entries of a cache. Each request is `int cache id, byte flags`, then what the row says.

use super::{Operation, operations};
use crate::protocol::context::ProtocolVersion;
use crate::protocol::error::{DecodeError, DecodeErrorKind};
use crate::protocol::read::Reader;
use crate::protocol::write::Writer;

operations! { Cache since ProtocolVersion::new(1, 0, 0);
    /// `key`
    GET = 1000, "OP_CACHE_GET", Key, Read, Value;
    /// `key, value`
    PUT = 1001, "OP_CACHE_PUT", Key, AbsoluteWrite, Empty;
    /// `key, value`
    PUT_IF_ABSENT = 1002, "OP_CACHE_PUT_IF_ABSENT", Key, Conditional, Bool;
    /// `int n, n x key`
    GET_ALL = 1003, "OP_CACHE_GET_ALL", Keys, Read, Entries;
    /// `int n, n x (key, value)`
    PUT_ALL = 1004, "OP_CACHE_PUT_ALL", Entries, AbsoluteWrite, Empty;
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
    CONTAINS_KEYS = 1012, "OP_CACHE_CONTAINS_KEYS", Keys, Read, Bool;
    /// nothing
    CLEAR = 1013, "OP_CACHE_CLEAR", Any, AbsoluteWrite, Empty;
    /// `key`
    CLEAR_KEY = 1014, "OP_CACHE_CLEAR_KEY", Key, AbsoluteWrite, Empty;
    /// `int n, n x key`
    CLEAR_KEYS = 1015, "OP_CACHE_CLEAR_KEYS", Keys, AbsoluteWrite, Empty;
    /// `key`
    REMOVE_KEY = 1016, "OP_CACHE_REMOVE_KEY", Key, Conditional, Bool;
    /// `key, expected value`
    REMOVE_IF_EQUALS = 1017, "OP_CACHE_REMOVE_IF_EQUALS", Key, Conditional, Bool;
    /// `int n, n x key`
    REMOVE_KEYS = 1018, "OP_CACHE_REMOVE_KEYS", Keys, AbsoluteWrite, Empty;
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

/// How long entries live once they are created, updated, read: milliseconds, [`Expiry::UNCHANGED`] or [`Expiry::ETERNAL`].
///
/// Zero expires an entry at once. Servers hang up on other negative numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    pub create: i64,
    pub update: i64,
    pub access: i64,
}

impl Expiry {
    /// As long as it would live without the operation.
    pub const UNCHANGED: i64 = -2;
    pub const ETERNAL: i64 = -1;

    /// Whether servers take the number for a time.
    pub const fn is_time(ms: i64) -> bool {
        ms >= Self::UNCHANGED
    }

    /// `long create, long update, long access`
    pub fn write(self, out: &mut Writer) {
        out.i64(self.create);
        out.i64(self.update);
        out.i64(self.access);
    }

    /// `long create, long update, long access`
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut time = || {
            let offset = reader.offset();
            let ms = reader.i64()?;
            let wrong = DecodeErrorKind::Value { what: "time of an expiry policy", value: ms };
            if Self::is_time(ms) { Ok(ms) } else { Err(DecodeError::new(wrong, offset)) }
        };
        Ok(Self { create: time()?, update: time()?, access: time()? })
    }
}

/// What every request for a cache starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheHeader {
    pub cache_id: i32,
    /// Instead of the policy of the cache, since protocol 1.6.
    pub expiry: Option<Expiry>,
    /// The transaction that the request belongs to, a number of its connection.
    pub transaction: Option<i32>,
}

impl CacheHeader {
    const TRANSACTIONAL: u8 = 0x02;
    const WITH_EXPIRY: u8 = 0x04;

    /// What [`write_cache_header`] wrote.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut header = Self::new(reader.i32()?);
        let flags = reader.u8()?;
        if flags & Self::WITH_EXPIRY != 0 {
            header.expiry = Some(Expiry::read(reader)?);
        }
        if flags & Self::TRANSACTIONAL != 0 {
            header.transaction = Some(reader.i32()?);
        }
        Ok(header)
    }

    /// A header without options.
    pub const fn new(cache_id: i32) -> Self {
        Self { cache_id, expiry: None, transaction: None }
    }
}

/// Writes the cache header.
///
/// | size | type | meaning |
/// |---|---|---|
/// | 4 | int | cache id |
/// | 1 | byte | flags: 0x02 transaction, 0x04 expiry policy |
/// | 24 | 3 x long | times on create, update, access, with flag 0x04 |
/// | 4 | int | transaction id, with flag 0x02 |
#[inline]
pub fn write_cache_header(out: &mut Writer, header: &CacheHeader) {
    let with = |is_there: bool, flag: u8| if is_there { flag } else { 0 };
    out.i32(header.cache_id);
    out.u8(
        with(header.expiry.is_some(), CacheHeader::WITH_EXPIRY) | with(header.transaction.is_some(), CacheHeader::TRANSACTIONAL)
    );
    if let Some(expiry) = header.expiry {
        expiry.write(out);
    }
    if let Some(id) = header.transaction {
        out.i32(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_policy_and_then_a_transaction_stand_behind_the_flags() {
        let mut out = Writer::bare();
        write_cache_header(&mut out, &CacheHeader::new(3118));
        assert_eq!(out.as_slice(), [0x2e, 0x0c, 0, 0, 0]);

        let mut out = Writer::bare();
        let expiry = Expiry { create: 1000, update: Expiry::ETERNAL, access: Expiry::UNCHANGED };
        write_cache_header(&mut out, &CacheHeader { expiry: Some(expiry), ..CacheHeader::new(3118) });
        let mut expected = vec![0x2e, 0x0c, 0, 0, 0x04, 0xe8, 0x03, 0, 0, 0, 0, 0, 0];
        expected.extend([0xff; 8]);
        expected.extend([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(out.as_slice(), expected);
        assert_eq!(Expiry::read(&mut Reader::new(&expected[5..])).unwrap(), expiry);

        let mut out = Writer::bare();
        write_cache_header(&mut out, &CacheHeader { expiry: Some(expiry), transaction: Some(7), ..CacheHeader::new(3118) });
        expected[4] = 0x06;
        expected.extend([7, 0, 0, 0]);
        assert_eq!(out.as_slice(), expected);
    }
}
