//! Visitor: what the walker tells about the values that it meets.

use super::complex::Complex;
use crate::protocol::error::{DecodeError, PathPart};
use crate::protocol::read::Reader;
use crate::protocol::type_code::TypeCode;

/// The error of a visitor: it can hold a decoding failure and learns on the way out where that happened.
pub trait WalkError: From<DecodeError> {
    /// The same failure seen from one level further out.
    fn within(self, part: PathPart) -> Self;
}

impl WalkError for DecodeError {
    fn within(self, part: PathPart) -> Self {
        DecodeError::within(self, part)
    }
}

/// Element of a primitive array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrimitiveKind {
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    Char,
    Bool,
}

impl PrimitiveKind {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::Byte | Self::Bool => 1,
            Self::Short | Self::Char => 2,
            Self::Int | Self::Float => 4,
            Self::Long | Self::Double => 8,
        }
    }

    /// Type code of an array of these elements.
    pub const fn array_code(self) -> TypeCode {
        match self {
            Self::Byte => TypeCode::ByteArray,
            Self::Short => TypeCode::ShortArray,
            Self::Int => TypeCode::IntArray,
            Self::Long => TypeCode::LongArray,
            Self::Float => TypeCode::FloatArray,
            Self::Double => TypeCode::DoubleArray,
            Self::Char => TypeCode::CharArray,
            Self::Bool => TypeCode::BoolArray,
        }
    }
}

/// What a sequence of data objects is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// Array whose elements are all of one standard type, or null: the element's type code.
    StandardArray(TypeCode),
    /// Array of enums of one type.
    EnumArray { type_id: i32 },
    /// `Object[]` or an array of one class; -1 is `java.lang.Object`.
    ObjectArray { type_id: i32 },
    /// -1 other set, 0 other collection, 1 `ArrayList`, 2 `LinkedList`, 3 `HashSet`, 4 `LinkedHashSet`, 5 singleton list.
    Collection { kind: i8 },
}

/// Parts of a decimal: the value is `±magnitude × 10^-scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecimalParts<'a> {
    pub scale: i32,
    pub negative: bool,
    /// First byte of the magnitude, without the sign bit.
    pub first: u8,
    /// The other bytes, most significant first.
    pub rest: &'a [u8],
}

impl DecimalParts<'_> {
    /// The magnitude, most significant byte first.
    pub fn magnitude(&self) -> impl Iterator<Item = u8> + '_ {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }
}

/// Receives each value once, in the order of the bytes. No method has a default: whoever builds something from values says
/// what becomes of each kind.
pub trait Visitor<'a> {
    type Value;
    type List;
    type Map;
    type Error: WalkError;

    fn null(&mut self) -> Result<Self::Value, Self::Error>;
    fn byte(&mut self, value: i8) -> Result<Self::Value, Self::Error>;
    fn short(&mut self, value: i16) -> Result<Self::Value, Self::Error>;
    fn int(&mut self, value: i32) -> Result<Self::Value, Self::Error>;
    fn long(&mut self, value: i64) -> Result<Self::Value, Self::Error>;
    fn float(&mut self, value: f32) -> Result<Self::Value, Self::Error>;
    fn double(&mut self, value: f64) -> Result<Self::Value, Self::Error>;
    /// One UTF-16 code unit.
    fn char(&mut self, unit: u16) -> Result<Self::Value, Self::Error>;
    fn bool(&mut self, value: bool) -> Result<Self::Value, Self::Error>;
    /// UTF-8 bytes, not checked yet; `offset` is where they start.
    fn string(&mut self, utf8: &'a [u8], offset: usize) -> Result<Self::Value, Self::Error>;
    fn uuid(&mut self, most: u64, least: u64) -> Result<Self::Value, Self::Error>;
    /// Milliseconds since the epoch; `offset` is where the value starts.
    fn date(&mut self, epoch_ms: i64, offset: usize) -> Result<Self::Value, Self::Error>;
    /// Milliseconds since the epoch and the nanoseconds within the millisecond.
    fn timestamp(&mut self, epoch_ms: i64, nanoseconds: i32, offset: usize) -> Result<Self::Value, Self::Error>;
    /// Milliseconds since midnight.
    fn time(&mut self, ms: i64, offset: usize) -> Result<Self::Value, Self::Error>;
    fn decimal(&mut self, parts: DecimalParts<'a>, offset: usize) -> Result<Self::Value, Self::Error>;
    /// An enum's constant; `binary` tells code 0x26 from 0x1c.
    fn enum_value(&mut self, type_id: i32, ordinal: i32, binary: bool) -> Result<Self::Value, Self::Error>;
    /// Little-endian elements of a primitive array.
    fn primitives(&mut self, kind: PrimitiveKind, elements: &'a [u8]) -> Result<Self::Value, Self::Error>;

    /// `offset` is where the sequence starts: handles point there.
    fn list(&mut self, kind: ListKind, length: usize, offset: usize) -> Result<Self::List, Self::Error>;
    fn list_item(&mut self, list: &mut Self::List, index: usize, value: Self::Value) -> Result<(), Self::Error>;
    fn list_end(&mut self, list: Self::List) -> Result<Self::Value, Self::Error>;

    /// `kind`: 1 `HashMap`, 2 `LinkedHashMap`.
    fn map(&mut self, kind: i8, length: usize, offset: usize) -> Result<Self::Map, Self::Error>;
    fn map_entry(&mut self, map: &mut Self::Map, key: Self::Value, value: Self::Value) -> Result<(), Self::Error>;
    fn map_end(&mut self, map: Self::Map) -> Result<Self::Value, Self::Error>;

    /// A whole complex object, wrapped or not. Its fields are walked only if the visitor asks for them.
    fn complex(&mut self, object: Complex<'a>) -> Result<Self::Value, Self::Error>;
    /// A handle: the value that `target` is at comes again. It may be one that is still being read.
    fn handle(&mut self, target: Reader<'a>) -> Result<Self::Value, Self::Error>;
    /// A `java.lang.Class`; type id 0 comes with the class name.
    fn class(&mut self, type_id: i32, name: Option<&'a [u8]>, offset: usize) -> Result<Self::Value, Self::Error>;
    /// Opaque bytes of Java's optimized marshaller.
    fn optimized(&mut self, bytes: &'a [u8], offset: usize) -> Result<Self::Value, Self::Error>;
}
