//! Complex objects: a header, fields one after the other, and a footer that says where each starts. Integers are little endian.
//!
//! | offset | type | meaning |
//! |---|---|---|
//! | 0 | byte | 67 |
//! | 1 | byte | version of the layout, 1 |
//! | 2 | short | flags |
//! | 4 | int | type id; 0: a string with the class name follows the header |
//! | 8 | int | hash of everything between header and footer |
//! | 12 | int | total length |
//! | 16 | int | schema id |
//! | 20 | int | where the footer starts; without fields, where raw data starts |
//! | 24 | | fields, each a data object; raw data |
//! | | | footer: for each field `[int field id: full footers]`, offset of 1, 2 or 4 bytes |
//! | end-4 | int | where raw data starts, if there are both fields and raw data |
//!
//! All offsets count from the first byte of the object.

use crate::protocol::error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
use crate::protocol::hash;
use crate::protocol::read::{Reader, Scope};
use crate::protocol::type_code::TypeCode;
use crate::protocol::write::{Later, Writer};

/// Bytes of the header.
pub const HEADER: usize = 24;

/// The version of the layout, and the only one.
const VERSION: u8 = 1;

/// Id of a schema without fields.
pub const EMPTY_SCHEMA: i32 = 0x811c_9dc5_u32 as i32;

/// Bits of the header's flags.
pub mod flags {
    /// Not one of Ignite's own classes.
    pub const USER_TYPE: u16 = 0x01;
    pub const HAS_SCHEMA: u16 = 0x02;
    pub const HAS_RAW: u16 = 0x04;
    /// The footer's offsets have one byte.
    pub const OFFSET_1: u16 = 0x08;
    /// The footer's offsets have two bytes.
    pub const OFFSET_2: u16 = 0x10;
    /// The footer has no field ids.
    pub const COMPACT: u16 = 0x20;
}

/// A complex object whose header and footer have been checked: every offset leads to a place inside it.
#[derive(Debug, Clone)]
pub struct Complex<'a> {
    pub type_id: i32,
    /// UTF-8 of the class name, when the type id is 0.
    pub class_name: Option<&'a [u8]>,
    pub hash: i32,
    pub schema_id: i32,
    flags: u16,
    bytes: &'a [u8],
    footer: &'a [u8],
    data_start: usize,
    data_end: usize,
    length: usize,
    /// Where the object starts, in its message; fields are read with its depth.
    outer: Reader<'a>,
    offset: usize,
    scope: Scope<'a>,
}

impl<'a> Complex<'a> {
    /// The object at the start of `bytes`, as long as its header says. `bytes` stand at `offset` of the message that `outer`
    /// reads, and handles inside point into `scope`; without one, into the object itself.
    pub fn read(outer: &Reader<'a>, bytes: &'a [u8], offset: usize, scope: Scope<'a>) -> Result<Self, DecodeError> {
        let fail = |kind, at| DecodeError::new(kind, offset + at);
        let mut header = Reader::new(bytes);
        let located = |error: DecodeError| error.moved(offset);
        header.u8().map_err(located)?;
        let version = header.u8().map_err(located)?;
        let flags = header.u16().map_err(located)?;
        let type_id = header.i32().map_err(located)?;
        let hash = header.i32().map_err(located)?;
        let said = header.i32().map_err(located)?;
        let schema_id = header.i32().map_err(located)?;
        let tail_start = header.i32().map_err(located)?;
        let length = usize::try_from(said).ok().filter(|length| (HEADER..=bytes.len()).contains(length));
        let Some(bytes) = length.and_then(|length| bytes.get(..length)) else {
            return Err(fail(DecodeErrorKind::BadLength { what: "object length", length: said.into(), left: bytes.len() }, 0));
        };
        if version != VERSION {
            return Err(fail(DecodeErrorKind::Value { what: "version of a complex object", value: version.into() }, 1));
        }
        let mut data = Reader::new(bytes);
        data.bytes(HEADER).map_err(located)?;
        let class_name = if type_id == 0 { Some(class_name(&mut data).map_err(located)?) } else { None };
        let data_start = data.offset();
        let wrong_tail = || fail(DecodeErrorKind::Value { what: "offset of a footer", value: tail_start.into() }, 20);
        let tail = usize::try_from(tail_start).ok().filter(|tail| (data_start..=bytes.len()).contains(tail));
        let (has_schema, has_raw) = (flags & flags::HAS_SCHEMA != 0, flags & flags::HAS_RAW != 0);
        let mut object = Self {
            type_id,
            class_name,
            hash,
            schema_id,
            flags,
            bytes,
            footer: &[],
            data_start,
            data_end: bytes.len(),
            length: 0,
            outer: outer.clone(),
            offset,
            scope: if scope.is_empty() { Scope::new(bytes, offset) } else { scope },
        };
        if !has_schema {
            // There are no fields, and nobody reads raw data: its start only has to be inside.
            if has_raw && tail.is_none() {
                return Err(wrong_tail());
            }
            return Ok(object);
        }
        let tail = tail.ok_or_else(wrong_tail)?;
        let end =
            if has_raw { bytes.len().checked_sub(4).filter(|end| *end >= tail).ok_or_else(wrong_tail)? } else { bytes.len() };
        object.footer = bytes.get(tail..end).unwrap_or_default();
        object.data_end = tail;
        if has_raw {
            let raw_start = Reader::new(bytes.get(end..).unwrap_or_default()).i32().map_err(located)?;
            let inside = usize::try_from(raw_start).ok().filter(|raw| (data_start..=tail).contains(raw));
            let wrong = || fail(DecodeErrorKind::Value { what: "offset of raw data", value: raw_start.into() }, end);
            object.data_end = inside.ok_or_else(wrong)?;
        }
        let entry = object.entry_size();
        if !object.footer.len().is_multiple_of(entry) {
            let kind = DecodeErrorKind::BadLength { what: "footer length", length: object.footer.len() as i64, left: entry };
            return Err(fail(kind, tail));
        }
        object.length = object.footer.len() / entry;
        Ok(object)
    }

    /// The object that a message of its own holds.
    pub fn from_bytes(message: &'a [u8]) -> Result<Self, DecodeError> {
        Self::read(&Reader::new(message), message, 0, Scope::default())
    }

    /// From the type code to the end of the footer.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes from the start of the message to the object's type code.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The footer has no field ids: the schema tells which field is which.
    pub fn is_compact(&self) -> bool {
        self.flags & flags::COMPACT != 0
    }

    /// Of a class of the user's, not one of Ignite's own.
    pub fn is_user_type(&self) -> bool {
        self.flags & flags::USER_TYPE != 0
    }

    fn offset_size(&self) -> usize {
        match self.flags {
            flags if flags & flags::OFFSET_1 != 0 => 1,
            flags if flags & flags::OFFSET_2 != 0 => 2,
            _ => 4,
        }
    }

    fn entry_size(&self) -> usize {
        self.offset_size() + if self.is_compact() { 0 } else { 4 }
    }

    fn entry(&self, index: usize) -> Option<&'a [u8]> {
        let size = self.entry_size();
        let start = index.checked_mul(size)?;
        self.footer.get(start..start.checked_add(size)?)
    }

    /// Id of a field, if the footer tells it.
    pub fn field_id(&self, index: usize) -> Option<i32> {
        if self.is_compact() { None } else { Reader::new(self.entry(index)?).i32().ok() }
    }

    fn field_start(&self, index: usize) -> Option<usize> {
        let entry = self.entry(index)?;
        let bytes = entry.get(entry.len() - self.offset_size()..)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// A reader of exactly one field; `None` for one without bytes, which is null. Each field ends where the next one starts, so
    /// fields share no bytes, whatever the footer says.
    pub fn field(&self, index: usize) -> Result<Option<Reader<'a>>, DecodeError> {
        let start = self.field_start(index).unwrap_or(usize::MAX);
        let end = if index + 1 < self.length { self.field_start(index + 1).unwrap_or(usize::MAX) } else { self.data_end };
        let inside = self.data_start <= start && start <= end && end <= self.data_end;
        let Some(bytes) = self.bytes.get(start..end).filter(|_| inside) else {
            let value = i64::try_from(start).unwrap_or(i64::MAX);
            return Err(DecodeError::new(DecodeErrorKind::Value { what: "offset of a field", value }, self.offset));
        };
        if bytes.is_empty() {
            return Ok(None);
        }
        self.outer.inside(bytes, self.offset + start, self.scope).map(Some)
    }

    /// Place of a field in the footer: from its id there, or by a schema's field ids in their order.
    pub fn position(&self, field_id: i32, schema: Option<&[i32]>) -> Option<usize> {
        if self.is_compact() {
            return schema?.iter().position(|id| *id == field_id).filter(|index| *index < self.length);
        }
        (0..self.length).find(|index| self.field_id(*index) == Some(field_id))
    }
}

/// `09, int length, UTF-8`
fn class_name<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let offset = reader.offset();
    let code = reader.u8()?;
    if code != TypeCode::String as u8 {
        return Err(DecodeError::new(DecodeErrorKind::TypeCode { code, expected: "a class name" }, offset));
    }
    let length = reader.count("class name length", 1)?;
    reader.bytes(length)
}

/// A complex object on its way: between [`Writer::object`] and [`Writer::object_end`] its fields are written.
#[derive(Debug)]
#[must_use = "the object has no length and no hash until it ends"]
pub struct Started {
    start: usize,
    hash: Later,
    length: Later,
    tail: Later,
}

impl Started {
    /// Where in the object the next byte is written.
    #[inline]
    pub fn offset(&self, out: &Writer) -> u32 {
        // Beyond 32 bits the whole object is refused at its end, because its length does not fit.
        (out.position() - self.start) as u32
    }
}

impl Writer {
    /// Begins a complex object: its header.
    pub fn object(&mut self, type_id: i32, schema_id: i32) -> Result<Started, EncodeError> {
        self.enter()?;
        let start = self.position();
        self.reserve(2 * HEADER);
        self.u8(TypeCode::ComplexObject as u8);
        self.u8(VERSION);
        self.u16(0);
        self.i32(type_id);
        let hash = self.later();
        let length = self.later();
        self.i32(schema_id);
        let tail = self.later();
        Ok(Started { start, hash, length, tail })
    }

    /// Ends a complex object: its footer, from the offsets of its fields, and what the header says about the whole. A full footer
    /// names the `field_ids`, a compact one has none.
    pub fn object_end(&mut self, object: Started, offsets: &[u32], field_ids: Option<&[i32]>) -> Result<(), EncodeError> {
        let Started { start, hash, length, tail } = object;
        let data_end = self.position();
        let mut bits = flags::USER_TYPE;
        if field_ids.is_none() {
            bits |= flags::COMPACT;
        }
        // The offset of the last field decides how wide all are.
        let width = match offsets.last() {
            None => 0,
            Some(0..=0xff) => 1,
            Some(0x100..=0xffff) => 2,
            Some(_) => 4,
        };
        if width > 0 {
            bits |= flags::HAS_SCHEMA;
        }
        bits |= [0, flags::OFFSET_1, flags::OFFSET_2].get(width).copied().unwrap_or(0);
        for (index, offset) in offsets.iter().enumerate() {
            if let Some(id) = field_ids.and_then(|ids| ids.get(index)) {
                self.i32(*id);
            }
            match width {
                1 => self.u8(*offset as u8),
                2 => self.u16(*offset as u16),
                _ => self.u32(*offset),
            }
        }
        let total = self.position() - start;
        let too_long = || EncodeError::new(EncodeErrorKind::TooLong { what: "complex object", length: total });
        let data = self.as_slice().get(start + HEADER..data_end).unwrap_or_default();
        let code = hash::bytes(data);
        self.patch_i32(length, i32::try_from(total).map_err(|_| too_long())?);
        self.patch_i32(hash, code);
        self.patch_i32(tail, i32::try_from(data_end - start).map_err(|_| too_long())?);
        self.set_bits(start + 2, bits as u8);
        self.leave();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_fields(lengths: &[usize], field_ids: Option<&[i32]>) -> Vec<u8> {
        let mut out = Writer::bare();
        let object = out.object(7, 9).unwrap();
        let mut offsets = Vec::new();
        for length in lengths {
            offsets.push(object.offset(&out));
            out.byte_array(&vec![1; *length]).unwrap();
        }
        out.object_end(object, &offsets, field_ids).unwrap();
        out.into_buffer()
    }

    /// The rule: less than 256, one byte; less than 65536, two; else four.
    #[test]
    fn the_offset_of_the_last_field_decides_how_wide_all_are() {
        for (first, flag, footer) in [(226, 0x08, 2), (227, 0x10, 4), (65_506, 0x10, 4), (65_507, 0, 8)] {
            let bytes = with_fields(&[first, 0], None);
            assert_eq!(bytes[2], 0x23 | flag, "{first}");
            assert_eq!(bytes.len(), HEADER + 5 + first + 5 + footer);
            let object = Complex::from_bytes(&bytes).unwrap();
            assert_eq!(object.len(), 2);
            assert_eq!(object.field(0).unwrap().unwrap().left(), first + 5);
            assert_eq!(object.field(1).unwrap().unwrap().left(), 5);
        }
    }

    #[test]
    fn full_footers_name_their_fields() {
        let bytes = with_fields(&[3, 4], Some(&[-5, 6]));
        let object = Complex::from_bytes(&bytes).unwrap();
        assert!(!object.is_compact() && object.is_user_type());
        assert_eq!((object.field_id(0), object.field_id(1), object.field_id(2)), (Some(-5), Some(6), None));
        assert_eq!((object.position(6, None), object.position(7, None)), (Some(1), None));
        let compact = with_fields(&[3, 4], None);
        let compact = Complex::from_bytes(&compact).unwrap();
        assert_eq!((compact.position(6, Some(&[-5, 6])), compact.position(6, None)), (Some(1), None));
        assert_eq!(compact.hash, object.hash, "the footer does not count");
    }
}
