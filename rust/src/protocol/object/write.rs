//! One method per wire type: how each value is written. Byte order is little endian except inside a decimal.

use crate::protocol::error::EncodeError;
use crate::protocol::object::visit::PrimitiveKind;
use crate::protocol::type_code::TypeCode;
use crate::protocol::write::{Later, Writer};

/// Component type id of `Object[]`.
pub const OBJECT: i32 = -1;

impl Writer {
    /// `65`
    #[inline]
    pub fn null(&mut self) {
        self.u8(TypeCode::Null as u8);
    }

    /// `01, 1 byte`
    #[inline]
    pub fn byte(&mut self, value: i8) {
        self.tagged(TypeCode::Byte as u8, value.to_le_bytes());
    }

    /// `02, 2 bytes`
    #[inline]
    pub fn short(&mut self, value: i16) {
        self.tagged(TypeCode::Short as u8, value.to_le_bytes());
    }

    /// `03, 4 bytes`
    #[inline]
    pub fn int(&mut self, value: i32) {
        self.tagged(TypeCode::Int as u8, value.to_le_bytes());
    }

    /// `04, 8 bytes`
    #[inline]
    pub fn long(&mut self, value: i64) {
        self.tagged(TypeCode::Long as u8, value.to_le_bytes());
    }

    /// `05, 4 bytes`
    #[inline]
    pub fn float(&mut self, value: f32) {
        self.tagged(TypeCode::Float as u8, value.to_le_bytes());
    }

    /// `06, 8 bytes`
    #[inline]
    pub fn double(&mut self, value: f64) {
        self.tagged(TypeCode::Double as u8, value.to_le_bytes());
    }

    /// `07, one UTF-16 code unit`
    #[inline]
    pub fn char(&mut self, unit: u16) {
        self.tagged(TypeCode::Char as u8, unit.to_le_bytes());
    }

    /// `08, 1 or 0`
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.tagged(TypeCode::Bool as u8, [value.into()]);
    }

    /// `09, int length, UTF-8`
    #[inline]
    pub fn string(&mut self, value: &str) -> Result<(), EncodeError> {
        self.counted_bytes(TypeCode::String, value.as_bytes())
    }

    /// `0c, int length, bytes`
    #[inline]
    pub fn byte_array(&mut self, value: &[u8]) -> Result<(), EncodeError> {
        self.counted_bytes(TypeCode::ByteArray, value)
    }

    #[inline]
    fn counted_bytes(&mut self, code: TypeCode, bytes: &[u8]) -> Result<(), EncodeError> {
        self.reserve(bytes.len() + 5);
        self.u8(code as u8);
        self.length(code.name(), bytes.len())?;
        self.bytes(bytes);
        Ok(())
    }

    /// `0a, long most significant, long least significant`: each half reversed against the text form.
    #[inline]
    pub fn uuid(&mut self, most: u64, least: u64) {
        self.tagged(TypeCode::Uuid as u8, most.to_le_bytes());
        self.u64(least);
    }

    /// `0b, long milliseconds since the epoch`
    #[inline]
    pub fn date(&mut self, epoch_ms: i64) {
        self.tagged(TypeCode::Date as u8, epoch_ms.to_le_bytes());
    }

    /// `21, long milliseconds since the epoch, int nanoseconds within the millisecond`
    #[inline]
    pub fn timestamp(&mut self, epoch_ms: i64, nanoseconds: i32) {
        self.tagged(TypeCode::Timestamp as u8, epoch_ms.to_le_bytes());
        self.i32(nanoseconds);
    }

    /// `24, long milliseconds since midnight`
    #[inline]
    pub fn time(&mut self, ms: i64) {
        self.tagged(TypeCode::Time as u8, ms.to_le_bytes());
    }

    /// `1e, int scale, int length, magnitude`: big endian, Java's shortest two's complement of the absolute value, with the
    /// top bit set for negative numbers. `magnitude` may have leading zeros; an empty one is zero.
    pub fn decimal(&mut self, scale: i32, negative: bool, magnitude: &[u8]) -> Result<(), EncodeError> {
        let leading = magnitude.iter().take_while(|byte| **byte == 0).count();
        let (_, digits) = magnitude.split_at(leading);
        let first = digits.first().copied().unwrap_or(0);
        let sign = if negative && !digits.is_empty() { 0x80 } else { 0 };
        self.u8(TypeCode::Decimal as u8);
        self.i32(scale);
        if first & 0x80 != 0 || digits.is_empty() {
            self.length("decimal", digits.len() + 1)?;
            self.u8(sign);
            self.bytes(digits);
        } else {
            self.length("decimal", digits.len())?;
            let at = self.position();
            self.bytes(digits);
            self.set_bits(at, sign);
        }
        Ok(())
    }

    /// `1c, int type id, int ordinal`
    pub fn enum_value(&mut self, type_id: i32, ordinal: i32) {
        self.tagged(TypeCode::Enum as u8, type_id.to_le_bytes());
        self.i32(ordinal);
    }

    /// `26, int type id, int ordinal`
    pub fn binary_enum(&mut self, type_id: i32, ordinal: i32) {
        self.tagged(TypeCode::BinaryEnum as u8, type_id.to_le_bytes());
        self.i32(ordinal);
    }

    /// `0c to 13, int length`; the little-endian elements follow.
    pub fn primitive_array(&mut self, kind: PrimitiveKind, length: usize) -> Result<(), EncodeError> {
        self.reserve(length.saturating_mul(kind.size()).saturating_add(5));
        self.u8(kind.array_code() as u8);
        self.length(kind.array_code().name(), length)
    }

    /// `14, 15, 16, 1f, 22 or 25, int length`; the elements follow, each with its type code.
    pub fn standard_array(&mut self, code: TypeCode) -> Later {
        self.u8(code as u8);
        self.later()
    }

    /// `1d, int type id, int length`; the elements follow: enums or nulls.
    pub fn enum_array(&mut self, type_id: i32) -> Later {
        self.tagged(TypeCode::EnumArray as u8, type_id.to_le_bytes());
        self.later()
    }

    /// `17, int component type id, int length`; the elements follow.
    pub fn object_array(&mut self, type_id: i32) -> Later {
        self.tagged(TypeCode::ObjectArray as u8, type_id.to_le_bytes());
        self.later()
    }

    /// `18, int length, byte kind`; the elements follow.
    pub fn collection(&mut self, kind: i8) -> Later {
        self.u8(TypeCode::Collection as u8);
        let length = self.later();
        self.i8(kind);
        length
    }

    /// `19, int length, byte kind`; key and value of each entry follow.
    pub fn map(&mut self, kind: i8) -> Later {
        self.u8(TypeCode::Map as u8);
        let length = self.later();
        self.i8(kind);
        length
    }
}
