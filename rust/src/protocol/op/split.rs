//! Requests for many keys, as one for each of several nodes: the keys keep their bytes, only their number changes.

use std::ops::Range;

use super::key_value::CacheHeader;
use super::{Operation, Routing};
use crate::protocol::error::{DecodeError, DecodeErrorKind};
use crate::protocol::frame::REQUEST_HEADER;
use crate::protocol::object::skip::skip;
use crate::protocol::read::Reader;

/// One key, with its value where the operation has values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Bytes of the key within the request.
    pub key: Range<usize>,
    /// Where the item ends.
    pub end: usize,
}

/// A request for many keys and where they stand in it.
#[derive(Debug)]
pub struct Split<'a> {
    frame: &'a [u8],
    pub cache_id: i32,
    /// Where the number of items stands.
    count: usize,
    pub items: Vec<Item>,
}

/// Id of the cache of a request for keys that `Writer::request` began; `None` when its operation has no keys, or one.
pub fn cache_id(operation: &Operation, frame: &[u8]) -> Option<i32> {
    let is_for_keys = matches!(operation.routing, Routing::Keys | Routing::Entries);
    let id = frame.get(REQUEST_HEADER..)?.first_chunk::<4>()?;
    is_for_keys.then(|| i32::from_le_bytes(*id))
}

impl<'a> Split<'a> {
    /// Takes apart a request that `Writer::request` began; `None` when its operation has no keys, or not many.
    pub fn new(operation: &Operation, frame: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        let has_values = match operation.routing {
            Routing::Keys => false,
            Routing::Entries => true,
            Routing::Key | Routing::Any | Routing::Connection => return Ok(None),
        };
        let mut reader = Reader::new(frame);
        reader.bytes(REQUEST_HEADER)?;
        let header = CacheHeader::read(&mut reader)?;
        let count = reader.offset();
        let length = reader.count("number of keys", 1)?;
        if length < 2 || header.transaction.is_some() {
            return Ok(None);
        }
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            let start = reader.offset();
            skip(&mut reader)?;
            let key = start..reader.offset();
            if has_values {
                skip(&mut reader)?;
            }
            items.push(Item { key, end: reader.offset() });
        }
        reader.finish()?;
        Ok(Some(Self { frame, cache_id: header.cache_id, count, items }))
    }

    /// The bytes of a key.
    pub fn key(&self, item: &Item) -> &'a [u8] {
        self.frame.get(item.key.clone()).unwrap_or_default()
    }

    /// A request for some of the items, in their order.
    pub fn part(&self, items: &[usize]) -> Result<Vec<u8>, DecodeError> {
        let wrong = || DecodeError::new(DecodeErrorKind::Value { what: "number of keys", value: i64::MAX }, self.count);
        let mut part = self.frame.get(..self.count).unwrap_or_default().to_vec();
        part.extend(i32::try_from(items.len()).map_err(|_| wrong())?.to_le_bytes());
        for item in items.iter().filter_map(|index| self.items.get(*index)) {
            part.extend_from_slice(self.frame.get(item.key.start..item.end).unwrap_or_default());
        }
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::super::key_value::{self, Expiry, write_cache_header};
    use super::*;
    use crate::protocol::Writer;

    fn request(header: &CacheHeader, entries: &[(i32, &str)]) -> Vec<u8> {
        let mut out = Writer::request(Vec::new());
        write_cache_header(&mut out, header);
        out.i32(entries.len() as i32);
        for (key, value) in entries {
            out.int(*key);
            out.string(value).unwrap();
        }
        out.into_buffer()
    }

    #[test]
    fn parts_have_the_bytes_of_their_items_and_nothing_else() {
        let expiry = Expiry { create: 1, update: 2, access: 3 };
        let header = CacheHeader { expiry: Some(expiry), ..CacheHeader::new(7) };
        let entries = [(1, "one"), (2, ""), (3, "three")];
        let whole = request(&header, &entries);
        let split = Split::new(&key_value::PUT_ALL, &whole).unwrap().unwrap();
        assert_eq!((split.cache_id, split.items.len()), (7, 3));
        assert_eq!(split.key(&split.items[1]), [3, 2, 0, 0, 0]);
        assert_eq!(split.part(&[0, 2]).unwrap(), request(&header, &[entries[0], entries[2]]));
        assert_eq!(split.part(&[0, 1, 2]).unwrap(), whole);
    }

    #[test]
    fn only_many_keys_outside_of_transactions_are_split() {
        let plain = CacheHeader::new(7);
        let in_transaction = CacheHeader { transaction: Some(3), ..plain };
        let two = [(1, "a"), (2, "b")];
        assert!(Split::new(&key_value::PUT_ALL, &request(&plain, &two)).unwrap().is_some());
        assert!(Split::new(&key_value::PUT_ALL, &request(&in_transaction, &two)).unwrap().is_none());
        assert!(Split::new(&key_value::PUT_ALL, &request(&plain, &two[..1])).unwrap().is_none());
        assert!(Split::new(&key_value::PUT, &request(&plain, &two)).unwrap().is_none());
        assert!(Split::new(&key_value::GET_ALL, &request(&plain, &two)).is_err(), "keys and values are no keys");
    }
}
