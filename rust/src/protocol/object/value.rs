//! Value tree: data objects as plain Rust values, for tests, benches and Rust callers. It never stands between Python and the
//! wire; there the walker's visitor builds Python objects and the encoder writes them, without a tree.

use super::complex::Complex;
use super::visit::{DecimalParts, ListKind, PrimitiveKind, Visitor};
use super::walk;
use crate::protocol::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::protocol::read::Reader;
use crate::protocol::type_code::TypeCode;
use crate::protocol::write::Writer;

/// One data object.
///
/// Two values are equal when they say the same on the wire: floats compare by their bits (each NaN equals itself, `0.0` and
/// `-0.0` differ), entries of sets and maps by their order.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    /// One UTF-16 code unit.
    Char(u16),
    Bool(bool),
    String(String),
    Uuid {
        most: u64,
        least: u64,
    },
    /// Milliseconds since the epoch.
    Date(i64),
    /// Milliseconds since the epoch and the nanoseconds within the millisecond.
    Timestamp {
        epoch_ms: i64,
        nanoseconds: i32,
    },
    /// Milliseconds since midnight.
    Time(i64),
    Decimal(Decimal),
    /// An enum's constant; `binary` tells code 0x26 from 0x1c.
    Enum {
        type_id: i32,
        ordinal: i32,
        binary: bool,
    },
    /// Primitive array: its elements as they stand on the wire, little endian.
    Primitives {
        kind: PrimitiveKind,
        elements: Vec<u8>,
    },
    /// Arrays of objects and collections.
    List {
        kind: ListKind,
        items: Vec<Value>,
    },
    /// `kind`: 1 `HashMap`, 2 `LinkedHashMap`.
    Map {
        kind: i8,
        entries: Vec<(Value, Value)>,
    },
    /// A whole complex object, from its type code to its footer.
    Complex(Vec<u8>),
    /// A `java.lang.Class`.
    Class {
        type_id: i32,
    },
    /// Opaque bytes of Java's optimized marshaller.
    Optimized(Vec<u8>),
}

/// `±magnitude × 10^-scale`, in the one form that each number and scale has: no leading zero bytes, no negative zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    scale: i32,
    negative: bool,
    magnitude: Vec<u8>,
}

impl Decimal {
    /// `magnitude`: most significant byte first; leading zeros go.
    pub fn new(scale: i32, negative: bool, magnitude: impl IntoIterator<Item = u8>) -> Self {
        let magnitude: Vec<u8> = magnitude.into_iter().skip_while(|byte| *byte == 0).collect();
        Self { scale, negative: negative && !magnitude.is_empty(), magnitude }
    }

    /// A decimal whose unscaled number fits into 128 bits.
    pub fn from_unscaled(unscaled: i128, scale: i32) -> Self {
        Self::new(scale, unscaled < 0, unscaled.unsigned_abs().to_be_bytes())
    }

    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// Most significant byte first, without leading zeros; empty for zero.
    pub fn magnitude(&self) -> &[u8] {
        &self.magnitude
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(one), Self::Float(two)) => one.to_bits() == two.to_bits(),
            (Self::Double(one), Self::Double(two)) => one.to_bits() == two.to_bits(),
            (Self::Null, Self::Null) => true,
            (Self::Byte(one), Self::Byte(two)) => one == two,
            (Self::Short(one), Self::Short(two)) => one == two,
            (Self::Int(one), Self::Int(two)) => one == two,
            (Self::Char(one), Self::Char(two)) => one == two,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Long(one), Self::Long(two)) | (Self::Date(one), Self::Date(two)) | (Self::Time(one), Self::Time(two)) => {
                one == two
            }
            (Self::String(one), Self::String(two)) => one == two,
            (Self::Uuid { most, least }, Self::Uuid { most: m, least: l }) => (most, least) == (m, l),
            (Self::Timestamp { epoch_ms, nanoseconds }, Self::Timestamp { epoch_ms: e, nanoseconds: n }) => {
                (epoch_ms, nanoseconds) == (e, n)
            }
            (Self::Decimal(one), Self::Decimal(two)) => one == two,
            (Self::Enum { type_id, ordinal, binary }, Self::Enum { type_id: t, ordinal: o, binary: b }) => {
                (type_id, ordinal, binary) == (t, o, b)
            }
            (Self::Primitives { kind, elements }, Self::Primitives { kind: k, elements: e }) => (kind, elements) == (k, e),
            (Self::List { kind, items }, Self::List { kind: k, items: i }) => kind == k && items == i,
            (Self::Map { kind, entries }, Self::Map { kind: k, entries: e }) => kind == k && entries == e,
            (Self::Complex(one), Self::Complex(two)) | (Self::Optimized(one), Self::Optimized(two)) => one == two,
            (Self::Class { type_id }, Self::Class { type_id: t }) => type_id == t,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}

impl Value {
    /// Reads a message that holds exactly one data object.
    ///
    /// The tree has no place for the class names that stand in for a type id of 0; such a value is written with an empty name.
    pub fn read(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let value = walk(&mut reader, &mut Tree::default())?;
        reader.finish()?;
        Ok(value)
    }

    /// Reads the fields of a complex object in the order of its footer; other values have none.
    pub fn fields(&self) -> Result<Vec<Self>, DecodeError> {
        let Self::Complex(bytes) = self else { return Ok(Vec::new()) };
        let object = Complex::from_bytes(bytes)?;
        let mut tree = Tree::default();
        let read = |index| match object.field(index)? {
            Some(mut field) => {
                let value = walk(&mut field, &mut tree)?;
                field.finish()?;
                Ok(value)
            }
            None => Ok(Self::Null),
        };
        (0..object.len()).map(read).collect()
    }

    /// Appends the data object.
    ///
    /// # Panics
    ///
    /// When a `ListKind::StandardArray` names a type that has no array of its own.
    pub fn write(&self, out: &mut Writer) -> Result<(), EncodeError> {
        match self {
            Self::Null => out.null(),
            Self::Byte(value) => out.byte(*value),
            Self::Short(value) => out.short(*value),
            Self::Int(value) => out.int(*value),
            Self::Long(value) => out.long(*value),
            Self::Float(value) => out.float(*value),
            Self::Double(value) => out.double(*value),
            Self::Char(unit) => out.char(*unit),
            Self::Bool(value) => out.boolean(*value),
            Self::String(text) => out.string(text)?,
            Self::Uuid { most, least } => out.uuid(*most, *least),
            Self::Date(epoch_ms) => out.date(*epoch_ms),
            Self::Timestamp { epoch_ms, nanoseconds } => out.timestamp(*epoch_ms, *nanoseconds),
            Self::Time(ms) => out.time(*ms),
            Self::Decimal(value) => out.decimal(value.scale, value.negative, &value.magnitude)?,
            Self::Enum { type_id: 0, ordinal, binary } => {
                nameless(out, if *binary { TypeCode::BinaryEnum } else { TypeCode::Enum })?;
                out.i32(*ordinal);
            }
            Self::Enum { type_id, ordinal, binary: false } => out.enum_value(*type_id, *ordinal),
            Self::Enum { type_id, ordinal, binary: true } => out.binary_enum(*type_id, *ordinal),
            Self::Primitives { kind, elements } => {
                out.primitive_array(*kind, elements.len() / kind.size())?;
                out.bytes(elements);
            }
            Self::List { kind, items } => write_list(out, *kind, items)?,
            Self::Map { kind, entries } => write_map(out, *kind, entries)?,
            Self::Complex(object) => out.bytes(object),
            Self::Class { type_id: 0 } => nameless(out, TypeCode::Class)?,
            Self::Class { type_id } => {
                out.u8(TypeCode::Class as u8);
                out.i32(*type_id);
            }
            Self::Optimized(bytes) => {
                out.u8(TypeCode::Optimized as u8);
                out.length(TypeCode::Optimized.name(), bytes.len())?;
                out.bytes(bytes);
            }
        }
        Ok(())
    }
}

/// The start of a value whose type has no id: 0, and the class name in its place.
fn nameless(out: &mut Writer, code: TypeCode) -> Result<(), EncodeError> {
    out.u8(code as u8);
    out.i32(0);
    out.string("")
}

fn write_list(out: &mut Writer, kind: ListKind, items: &[Value]) -> Result<(), EncodeError> {
    out.enter()?;
    let length = match kind {
        ListKind::StandardArray(element) => {
            out.standard_array(standard_array_code(element).expect("the caller names an element type that has an array"))
        }
        ListKind::EnumArray { type_id: 0 } => {
            nameless(out, TypeCode::EnumArray)?;
            out.later()
        }
        ListKind::ObjectArray { type_id: 0 } => {
            nameless(out, TypeCode::ObjectArray)?;
            out.later()
        }
        ListKind::EnumArray { type_id } => out.enum_array(type_id),
        ListKind::ObjectArray { type_id } => out.object_array(type_id),
        ListKind::Collection { kind } => out.collection(kind),
    };
    items.iter().try_for_each(|item| item.write(out))?;
    out.patch_length(length, "list", items.len())?;
    out.leave();
    Ok(())
}

fn write_map(out: &mut Writer, kind: i8, entries: &[(Value, Value)]) -> Result<(), EncodeError> {
    out.enter()?;
    let length = out.map(kind);
    for (key, value) in entries {
        key.write(out)?;
        value.write(out)?;
    }
    out.patch_length(length, TypeCode::Map.name(), entries.len())?;
    out.leave();
    Ok(())
}

/// Type code of an array of one standard type; the primitive types have arrays of another form.
fn standard_array_code(element: TypeCode) -> Option<TypeCode> {
    match element {
        TypeCode::String => Some(TypeCode::StringArray),
        TypeCode::Uuid => Some(TypeCode::UuidArray),
        TypeCode::Date => Some(TypeCode::DateArray),
        TypeCode::Timestamp => Some(TypeCode::TimestampArray),
        TypeCode::Time => Some(TypeCode::TimeArray),
        TypeCode::Decimal => Some(TypeCode::DecimalArray),
        _ => None,
    }
}

/// The visitor that builds a [`Value`].
#[derive(Default)]
struct Tree {
    /// Bytes that handles have made it read again.
    again: usize,
}

/// A sequence on its way.
struct Items {
    kind: ListKind,
    items: Vec<Value>,
}

struct Entries {
    kind: i8,
    entries: Vec<(Value, Value)>,
}

impl<'a> Visitor<'a> for Tree {
    type Value = Value;
    type List = Items;
    type Map = Entries;
    type Error = DecodeError;

    fn null(&mut self) -> Result<Value, DecodeError> {
        Ok(Value::Null)
    }

    fn byte(&mut self, value: i8) -> Result<Value, DecodeError> {
        Ok(Value::Byte(value))
    }

    fn short(&mut self, value: i16) -> Result<Value, DecodeError> {
        Ok(Value::Short(value))
    }

    fn int(&mut self, value: i32) -> Result<Value, DecodeError> {
        Ok(Value::Int(value))
    }

    fn long(&mut self, value: i64) -> Result<Value, DecodeError> {
        Ok(Value::Long(value))
    }

    fn float(&mut self, value: f32) -> Result<Value, DecodeError> {
        Ok(Value::Float(value))
    }

    fn double(&mut self, value: f64) -> Result<Value, DecodeError> {
        Ok(Value::Double(value))
    }

    fn char(&mut self, unit: u16) -> Result<Value, DecodeError> {
        Ok(Value::Char(unit))
    }

    fn bool(&mut self, value: bool) -> Result<Value, DecodeError> {
        Ok(Value::Bool(value))
    }

    fn string(&mut self, utf8: &'a [u8], offset: usize) -> Result<Value, DecodeError> {
        let text = std::str::from_utf8(utf8).map_err(|_| DecodeError::new(DecodeErrorKind::Utf8, offset))?;
        Ok(text.into())
    }

    fn uuid(&mut self, most: u64, least: u64) -> Result<Value, DecodeError> {
        Ok(Value::Uuid { most, least })
    }

    fn date(&mut self, epoch_ms: i64, _: usize) -> Result<Value, DecodeError> {
        Ok(Value::Date(epoch_ms))
    }

    fn timestamp(&mut self, epoch_ms: i64, nanoseconds: i32, _: usize) -> Result<Value, DecodeError> {
        Ok(Value::Timestamp { epoch_ms, nanoseconds })
    }

    fn time(&mut self, ms: i64, _: usize) -> Result<Value, DecodeError> {
        Ok(Value::Time(ms))
    }

    fn decimal(&mut self, parts: DecimalParts<'a>, _: usize) -> Result<Value, DecodeError> {
        Ok(Value::Decimal(Decimal::new(parts.scale, parts.negative, parts.magnitude())))
    }

    fn enum_value(&mut self, type_id: i32, ordinal: i32, binary: bool) -> Result<Value, DecodeError> {
        Ok(Value::Enum { type_id, ordinal, binary })
    }

    fn primitives(&mut self, kind: PrimitiveKind, elements: &'a [u8]) -> Result<Value, DecodeError> {
        Ok(Value::Primitives { kind, elements: elements.to_vec() })
    }

    fn list(&mut self, kind: ListKind, length: usize, _: usize) -> Result<Items, DecodeError> {
        Ok(Items { kind, items: Vec::with_capacity(length) })
    }

    fn list_item(&mut self, list: &mut Items, _: usize, value: Value) -> Result<(), DecodeError> {
        list.items.push(value);
        Ok(())
    }

    fn list_end(&mut self, list: Items) -> Result<Value, DecodeError> {
        Ok(Value::List { kind: list.kind, items: list.items })
    }

    fn map(&mut self, kind: i8, length: usize, _: usize) -> Result<Entries, DecodeError> {
        Ok(Entries { kind, entries: Vec::with_capacity(length) })
    }

    fn map_entry(&mut self, map: &mut Entries, key: Value, value: Value) -> Result<(), DecodeError> {
        map.entries.push((key, value));
        Ok(())
    }

    fn map_end(&mut self, map: Entries) -> Result<Value, DecodeError> {
        Ok(Value::Map { kind: map.kind, entries: map.entries })
    }

    fn complex(&mut self, object: Complex<'a>) -> Result<Value, DecodeError> {
        Ok(Value::Complex(object.bytes().to_vec()))
    }

    /// A copy of what the handle points to. A value inside which the handle stands is nested deeper than any limit.
    fn handle(&mut self, mut target: Reader<'a>) -> Result<Value, DecodeError> {
        let before = target.left();
        if self.again > target.scope().len() {
            return Err(target.error(DecodeErrorKind::Unsupported { what: "an object of more handles than bytes" }));
        }
        self.again += 1;
        let value = walk(&mut target, self)?;
        self.again += before - target.left();
        Ok(value)
    }

    fn class(&mut self, type_id: i32, _: Option<&'a [u8]>, _: usize) -> Result<Value, DecodeError> {
        Ok(Value::Class { type_id })
    }

    fn optimized(&mut self, bytes: &'a [u8], _: usize) -> Result<Value, DecodeError> {
        Ok(Value::Optimized(bytes.to_vec()))
    }
}
