//! Tagged values that stand as fields of requests and responses: each can be null.

use crate::protocol::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::protocol::read::Reader;
use crate::protocol::type_code::TypeCode;
use crate::protocol::write::Writer;

/// Reads the type code of a nullable field: `true` when a value of `code` follows, `false` for null.
fn present(reader: &mut Reader<'_>, code: TypeCode) -> Result<bool, DecodeError> {
    let offset = reader.offset();
    let found = reader.u8()?;
    match TypeCode::from_byte(found) {
        Some(known) if known == code => Ok(true),
        Some(TypeCode::Null) => Ok(false),
        _ => Err(DecodeError::new(DecodeErrorKind::TypeCode { code: found, expected: code.name() }, offset)),
    }
}

/// `09, int length, UTF-8` or null.
pub fn read_string<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a str>, DecodeError> {
    if !present(reader, TypeCode::String)? {
        return Ok(None);
    }
    let length = reader.count("string length", 1)?;
    let offset = reader.offset();
    let text = std::str::from_utf8(reader.bytes(length)?).map_err(|_| DecodeError::new(DecodeErrorKind::Utf8, offset))?;
    Ok(Some(text))
}

/// `09, int length, UTF-8` or null.
pub fn write_string(out: &mut Writer, text: Option<&str>) -> Result<(), EncodeError> {
    match text {
        Some(text) => out.string(text),
        None => {
            out.null();
            Ok(())
        }
    }
}

/// `0c, int length, bytes` or null.
pub fn read_bytes<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, DecodeError> {
    if !present(reader, TypeCode::ByteArray)? {
        return Ok(None);
    }
    let length = reader.count("byte array length", 1)?;
    reader.bytes(length).map(Some)
}

/// `0a, long most significant, long least significant` or null.
pub fn read_uuid(reader: &mut Reader<'_>) -> Result<Option<(u64, u64)>, DecodeError> {
    if !present(reader, TypeCode::Uuid)? {
        return Ok(None);
    }
    Ok(Some((reader.u64()?, reader.u64()?)))
}
