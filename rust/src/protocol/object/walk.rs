//! The only code that decodes values: walks one data object and reports what it meets to a visitor.

use super::complex::Complex;
use super::visit::{DecimalParts, ListKind, PrimitiveKind, Visitor, WalkError};
use crate::protocol::error::{DecodeError, DecodeErrorKind, PathPart};
use crate::protocol::read::{Reader, Scope};
use crate::protocol::type_code::TypeCode;

/// Reads one data object: a type code and what follows it.
#[inline]
pub fn walk<'a, V: Visitor<'a>>(reader: &mut Reader<'a>, visitor: &mut V) -> Result<V::Value, V::Error> {
    let offset = reader.offset();
    let whole = reader.rest();
    let byte = reader.u8()?;
    let Some(code) = TypeCode::from_byte(byte) else {
        return Err(DecodeError::new(DecodeErrorKind::TypeCode { code: byte, expected: "a value" }, offset).into());
    };
    match code {
        TypeCode::Null => visitor.null(),
        TypeCode::Byte => visitor.byte(reader.i8()?),
        TypeCode::Short => visitor.short(reader.i16()?),
        TypeCode::Int => visitor.int(reader.i32()?),
        TypeCode::Long => visitor.long(reader.i64()?),
        TypeCode::Float => visitor.float(reader.f32()?),
        TypeCode::Double => visitor.double(reader.f64()?),
        TypeCode::Char => visitor.char(reader.u16()?),
        TypeCode::Bool => visitor.bool(reader.bool()?),
        TypeCode::String => {
            let length = reader.count("string length", 1)?;
            let start = reader.offset();
            visitor.string(reader.bytes(length)?, start)
        }
        TypeCode::Uuid => visitor.uuid(reader.u64()?, reader.u64()?),
        TypeCode::Date => visitor.date(reader.i64()?, offset),
        TypeCode::Timestamp => visitor.timestamp(reader.i64()?, reader.i32()?, offset),
        TypeCode::Time => visitor.time(reader.i64()?, offset),
        TypeCode::Decimal => visitor.decimal(decimal(reader)?, offset),
        TypeCode::Enum | TypeCode::BinaryEnum => {
            let (type_id, _) = type_id(reader)?;
            visitor.enum_value(type_id, reader.i32()?, code == TypeCode::BinaryEnum)
        }
        TypeCode::ByteArray => primitives(reader, visitor, PrimitiveKind::Byte),
        TypeCode::ShortArray => primitives(reader, visitor, PrimitiveKind::Short),
        TypeCode::IntArray => primitives(reader, visitor, PrimitiveKind::Int),
        TypeCode::LongArray => primitives(reader, visitor, PrimitiveKind::Long),
        TypeCode::FloatArray => primitives(reader, visitor, PrimitiveKind::Float),
        TypeCode::DoubleArray => primitives(reader, visitor, PrimitiveKind::Double),
        TypeCode::CharArray => primitives(reader, visitor, PrimitiveKind::Char),
        TypeCode::BoolArray => primitives(reader, visitor, PrimitiveKind::Bool),
        TypeCode::StringArray => standard_array(reader, visitor, TypeCode::String),
        TypeCode::UuidArray => standard_array(reader, visitor, TypeCode::Uuid),
        TypeCode::DateArray => standard_array(reader, visitor, TypeCode::Date),
        TypeCode::TimestampArray => standard_array(reader, visitor, TypeCode::Timestamp),
        TypeCode::TimeArray => standard_array(reader, visitor, TypeCode::Time),
        TypeCode::DecimalArray => standard_array(reader, visitor, TypeCode::Decimal),
        TypeCode::EnumArray => {
            let (type_id, _) = type_id(reader)?;
            let length = reader.count("enum array length", 1)?;
            list(reader, visitor, ListKind::EnumArray { type_id }, length, offset)
        }
        TypeCode::ObjectArray => {
            let (type_id, _) = type_id(reader)?;
            let length = reader.count("object array length", 1)?;
            list(reader, visitor, ListKind::ObjectArray { type_id }, length, offset)
        }
        TypeCode::Collection => {
            let length = reader.count("collection size", 1)?;
            let kind = reader.i8()?;
            if !(-1..=5).contains(&kind) {
                return Err(reader.error(DecodeErrorKind::Value { what: "collection kind", value: kind.into() }).into());
            }
            list(reader, visitor, ListKind::Collection { kind }, length, offset)
        }
        TypeCode::Map => map(reader, visitor, offset),
        TypeCode::ComplexObject => complex(reader, visitor, whole, offset),
        TypeCode::WrappedObject => wrapped_complex(reader, visitor),
        TypeCode::Class => {
            let (type_id, name) = type_id(reader)?;
            visitor.class(type_id, name, offset)
        }
        TypeCode::Optimized => {
            let length = reader.count("object length", 1)?;
            visitor.optimized(reader.bytes(length)?, offset)
        }
        TypeCode::Proxy => Err(unsupported("a Java proxy", offset).into()),
        TypeCode::Handle => handle(reader, visitor, offset),
    }
}

#[cold]
fn unsupported(what: &'static str, offset: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Unsupported { what }, offset)
}

/// `int type id, [string class name: id 0]`
fn type_id<'a>(reader: &mut Reader<'a>) -> Result<(i32, Option<&'a [u8]>), DecodeError> {
    let id = reader.i32()?;
    if id != 0 {
        return Ok((id, None));
    }
    let offset = reader.offset();
    match reader.u8()? {
        code if code == TypeCode::String as u8 => {
            let length = reader.count("class name length", 1)?;
            Ok((id, Some(reader.bytes(length)?)))
        }
        code => Err(DecodeError::new(DecodeErrorKind::TypeCode { code, expected: "a class name" }, offset)),
    }
}

/// `int scale, int length, magnitude`
fn decimal<'a>(reader: &mut Reader<'a>) -> Result<DecimalParts<'a>, DecodeError> {
    let scale = reader.i32()?;
    let length = reader.count("decimal length", 1)?;
    match reader.bytes(length)?.split_first() {
        Some((first, rest)) => Ok(DecimalParts { scale, negative: first & 0x80 != 0, first: first & 0x7f, rest }),
        None => Err(reader.error(DecodeErrorKind::Value { what: "decimal length", value: 0 })),
    }
}

fn primitives<'a, V: Visitor<'a>>(reader: &mut Reader<'a>, visitor: &mut V, kind: PrimitiveKind) -> Result<V::Value, V::Error> {
    let length = reader.count("array length", kind.size())?;
    // `count` has seen that the elements fit into the message, so this product is in range.
    let elements = reader.bytes(length * kind.size())?;
    visitor.primitives(kind, elements)
}

fn standard_array<'a, V: Visitor<'a>>(reader: &mut Reader<'a>, visitor: &mut V, element: TypeCode) -> Result<V::Value, V::Error> {
    let offset = reader.offset();
    let length = reader.count("array length", 1)?;
    list(reader, visitor, ListKind::StandardArray(element), length, offset)
}

/// The elements of an array or a collection, one data object each.
fn list<'a, V: Visitor<'a>>(
    reader: &mut Reader<'a>,
    visitor: &mut V,
    kind: ListKind,
    length: usize,
    offset: usize,
) -> Result<V::Value, V::Error> {
    reader.enter(length)?;
    let mut list = visitor.list(kind, length, offset)?;
    for index in 0..length {
        reader.next_value();
        let value = element(reader, visitor, kind).map_err(|error| error.within(PathPart::Index(index)))?;
        visitor.list_item(&mut list, index, value)?;
    }
    reader.leave();
    visitor.list_end(list)
}

#[inline]
fn element<'a, V: Visitor<'a>>(reader: &mut Reader<'a>, visitor: &mut V, kind: ListKind) -> Result<V::Value, V::Error> {
    let allowed = match kind {
        ListKind::StandardArray(code) => Some((code, code)),
        ListKind::EnumArray { .. } => Some((TypeCode::Enum, TypeCode::BinaryEnum)),
        ListKind::ObjectArray { .. } | ListKind::Collection { .. } => None,
    };
    if let Some((one, other)) = allowed {
        let code = reader.peek_u8()?;
        if code != one as u8 && code != other as u8 && code != TypeCode::Null as u8 {
            return Err(reader.error(DecodeErrorKind::TypeCode { code, expected: one.name() }).into());
        }
    }
    walk(reader, visitor)
}

/// `int size, byte kind, size x (object key, object value)`
fn map<'a, V: Visitor<'a>>(reader: &mut Reader<'a>, visitor: &mut V, offset: usize) -> Result<V::Value, V::Error> {
    let length = reader.count("map size", 2)?;
    let kind = reader.i8()?;
    if !(0..=2).contains(&kind) {
        return Err(reader.error(DecodeErrorKind::Value { what: "map kind", value: kind.into() }).into());
    }
    reader.enter(2 * length)?;
    let mut map = visitor.map(kind, length, offset)?;
    for index in 0..length {
        reader.next_value();
        let key = walk(reader, visitor).map_err(|error| error.within(PathPart::Index(index)))?;
        reader.next_value();
        let value = walk(reader, visitor).map_err(|error| error.within(PathPart::Index(index)))?;
        visitor.map_entry(&mut map, key, value)?;
    }
    reader.leave();
    visitor.map_end(map)
}

// These stand by themselves so that what they keep on the stack is not in every level of nested lists.

/// A complex object; its type code has been read.
#[inline(never)]
fn complex<'a, V: Visitor<'a>>(
    reader: &mut Reader<'a>,
    visitor: &mut V,
    whole: &'a [u8],
    offset: usize,
) -> Result<V::Value, V::Error> {
    let object = Complex::read(reader, whole, offset, reader.scope())?;
    reader.bytes(object.bytes().len() - 1)?;
    visitor.complex(object)
}

#[inline(never)]
fn wrapped_complex<'a, V: Visitor<'a>>(reader: &mut Reader<'a>, visitor: &mut V) -> Result<V::Value, V::Error> {
    visitor.complex(wrapped(reader)?)
}

/// `int distance` back from the type code to where the value stands that comes again.
#[inline(never)]
fn handle<'a, V: Visitor<'a>>(reader: &mut Reader<'a>, visitor: &mut V, offset: usize) -> Result<V::Value, V::Error> {
    let distance = reader.i32()?;
    if reader.scope().is_empty() {
        return Err(unsupported("a handle outside a complex object", offset).into());
    }
    let target = reader.back(offset, distance)?;
    match TypeCode::from_byte(target.peek_u8()?) {
        Some(TypeCode::ComplexObject | TypeCode::Collection | TypeCode::Map | TypeCode::ObjectArray) => visitor.handle(target),
        _ => {
            Err(DecodeError::new(DecodeErrorKind::Value { what: "distance of a handle", value: distance.into() }, offset).into())
        }
    }
}

/// `int length, bytes, int offset`: the complex object starts at `offset` of the bytes.
fn wrapped<'a>(reader: &mut Reader<'a>) -> Result<Complex<'a>, DecodeError> {
    let length = reader.count("wrapped object length", 1)?;
    let start = reader.offset();
    let bytes = reader.bytes(length)?;
    let at = reader.i32()?;
    let inner = usize::try_from(at).ok().and_then(|at| bytes.get(at..));
    match inner {
        Some(inner) if inner.first() == Some(&(TypeCode::ComplexObject as u8)) => {
            let offset = start + (length - inner.len());
            Complex::read(reader, inner, offset, Scope::new(bytes, start))
        }
        _ => Err(DecodeError::new(DecodeErrorKind::Value { what: "offset of a wrapped object", value: at.into() }, start)),
    }
}

/// The complex object that an encoded value is, wrapped or not; `None` for every other value.
pub fn complex_at(encoded: &[u8]) -> Result<Option<Complex<'_>>, DecodeError> {
    let mut reader = Reader::new(encoded);
    match reader.u8().ok().and_then(TypeCode::from_byte) {
        Some(TypeCode::ComplexObject) => Complex::from_bytes(encoded).map(Some),
        Some(TypeCode::WrappedObject) => wrapped(&mut reader).map(Some),
        _ => Ok(None),
    }
}
