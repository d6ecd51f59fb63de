//! Java hash codes, taken from the encoded bytes: what a server uses to place a key, and what names of caches, types, fields
//! and schemas turn into. Arithmetic wraps at 32 bits, as Java's does.

use super::error::{DecodeError, DecodeErrorKind};
use super::object::visit::{DecimalParts, ListKind, PrimitiveKind, Visitor};
use super::object::{Complex, walk};
use super::read::Reader;
use super::type_code::TypeCode;

const FNV1_BASIS: u32 = 0x811c_9dc5;
const FNV1_PRIME: u32 = 0x0100_0193;

/// One step of Java's polynomial.
#[inline]
fn step(hash: i32, next: i32) -> i32 {
    hash.wrapping_mul(31).wrapping_add(next)
}

/// `java.lang.Long.hashCode`: both halves, exclusive or.
#[inline]
fn fold(value: i64) -> i32 {
    (value ^ (value >> 32)) as i32
}

/// `java.lang.String.hashCode` of a text: over UTF-16 code units, so characters outside the BMP count twice.
pub fn string(text: &str) -> i32 {
    if text.is_ascii() {
        return text.bytes().fold(0, |hash, byte| step(hash, byte.into()));
    }
    text.encode_utf16().fold(0, |hash, unit| step(hash, unit.into()))
}

/// Id of a cache: the hash of its name.
pub fn cache_id(name: &str) -> i32 {
    string(name)
}

/// Id of a type or of a field: the hash of the lower-cased name, each UTF-16 unit lowered by itself as Java's
/// `Character.toLowerCase(char)` does. Surrogates stay as they are.
pub fn entity_id(name: &str) -> i32 {
    name.encode_utf16().fold(0, |hash, unit| step(hash, lower(unit).into()))
}

fn lower(unit: u16) -> u16 {
    let Some(character) = char::from_u32(unit.into()) else { return unit };
    let mut lowered = character.to_lowercase();
    // Java lowers U+0130 to a plain i; the full mapping is i and a combining dot.
    match (lowered.next(), lowered.next()) {
        (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(unit),
        (Some('i'), Some(_)) => u16::from(b'i'),
        _ => unit,
    }
}

/// Id of a schema: FNV-1 over the bytes of the field ids, in the order of the fields.
pub fn schema_id(field_ids: impl IntoIterator<Item = i32>) -> i32 {
    let bytes = field_ids.into_iter().flat_map(i32::to_le_bytes);
    bytes.fold(FNV1_BASIS, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(FNV1_PRIME)) as i32
}

/// Hash of an encoded data object, as the server computes it for a key.
///
/// The bytes must hold exactly one value. Java classes that only Java can read have no hash here.
pub fn value(encoded: &[u8]) -> Result<i32, DecodeError> {
    let mut reader = Reader::new(encoded);
    let hash = walk(&mut reader, &mut JavaHash)?;
    reader.finish()?;
    Ok(hash)
}

/// Hash of bytes as of a Java `byte[]`: that of a complex object, over its fields and its raw data.
pub fn bytes(bytes: &[u8]) -> i32 {
    bytes.iter().fold(1, |hash, byte| step(hash, (*byte as i8).into()))
}

struct JavaHash;

/// A sequence on its way to a hash: ordered ones are polynomials, sets are sums.
struct Sequence {
    hash: i32,
    ordered: bool,
}

fn elements<const N: usize>(bytes: &[u8], hash: impl Fn([u8; N]) -> i32) -> i32 {
    bytes.as_chunks::<N>().0.iter().fold(1, |sum, element| step(sum, hash(*element)))
}

fn double_hash(value: f64) -> i32 {
    let bits = if value.is_nan() { 0x7ff8_0000_0000_0000 } else { value.to_bits() };
    fold(bits as i64)
}

fn float_hash(value: f32) -> i32 {
    if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() as i32 }
}

const fn bool_hash(value: bool) -> i32 {
    if value { 1231 } else { 1237 }
}

impl<'a> Visitor<'a> for JavaHash {
    type Value = i32;
    type List = Sequence;
    type Map = i32;
    type Error = DecodeError;

    fn null(&mut self) -> Result<i32, DecodeError> {
        Ok(0)
    }

    fn byte(&mut self, value: i8) -> Result<i32, DecodeError> {
        Ok(value.into())
    }

    fn short(&mut self, value: i16) -> Result<i32, DecodeError> {
        Ok(value.into())
    }

    fn int(&mut self, value: i32) -> Result<i32, DecodeError> {
        Ok(value)
    }

    fn long(&mut self, value: i64) -> Result<i32, DecodeError> {
        Ok(fold(value))
    }

    fn float(&mut self, value: f32) -> Result<i32, DecodeError> {
        Ok(float_hash(value))
    }

    fn double(&mut self, value: f64) -> Result<i32, DecodeError> {
        Ok(double_hash(value))
    }

    fn char(&mut self, unit: u16) -> Result<i32, DecodeError> {
        Ok(unit.into())
    }

    fn bool(&mut self, value: bool) -> Result<i32, DecodeError> {
        Ok(bool_hash(value))
    }

    fn string(&mut self, utf8: &'a [u8], offset: usize) -> Result<i32, DecodeError> {
        let text = std::str::from_utf8(utf8).map_err(|_| DecodeError::new(DecodeErrorKind::Utf8, offset))?;
        Ok(string(text))
    }

    fn uuid(&mut self, most: u64, least: u64) -> Result<i32, DecodeError> {
        Ok(fold((most ^ least) as i64))
    }

    fn date(&mut self, epoch_ms: i64, _: usize) -> Result<i32, DecodeError> {
        Ok(fold(epoch_ms))
    }

    /// The nanoseconds do not count.
    fn timestamp(&mut self, epoch_ms: i64, _: i32, _: usize) -> Result<i32, DecodeError> {
        Ok(fold(epoch_ms))
    }

    fn time(&mut self, ms: i64, _: usize) -> Result<i32, DecodeError> {
        Ok(fold(ms))
    }

    /// `31 * H(unscaled) + scale`; H is the polynomial over the 32-bit words of the magnitude, with the sign of the number.
    fn decimal(&mut self, parts: DecimalParts<'a>, _: usize) -> Result<i32, DecodeError> {
        let mut hash = 0;
        let mut word = 0u32;
        let mut left = parts.rest.len() + 1;
        for byte in parts.magnitude() {
            word = word << 8 | u32::from(byte);
            left -= 1;
            if left.is_multiple_of(4) {
                hash = step(hash, word as i32);
                word = 0;
            }
        }
        let signed = if parts.negative { hash.wrapping_neg() } else { hash };
        Ok(step(signed, parts.scale))
    }

    fn enum_value(&mut self, type_id: i32, ordinal: i32, _: bool) -> Result<i32, DecodeError> {
        Ok(step(type_id, ordinal))
    }

    fn primitives(&mut self, kind: PrimitiveKind, bytes: &'a [u8]) -> Result<i32, DecodeError> {
        Ok(match kind {
            PrimitiveKind::Byte => elements(bytes, |one: [u8; 1]| i8::from_le_bytes(one).into()),
            PrimitiveKind::Short => elements(bytes, |one| i16::from_le_bytes(one).into()),
            PrimitiveKind::Int => elements(bytes, i32::from_le_bytes),
            PrimitiveKind::Long => elements(bytes, |one| fold(i64::from_le_bytes(one))),
            PrimitiveKind::Float => elements(bytes, |one| float_hash(f32::from_le_bytes(one))),
            PrimitiveKind::Double => elements(bytes, |one| double_hash(f64::from_le_bytes(one))),
            PrimitiveKind::Char => elements(bytes, |one| u16::from_le_bytes(one).into()),
            PrimitiveKind::Bool => elements(bytes, |one| bool_hash(one == [1])),
        })
    }

    fn list(&mut self, kind: ListKind, _: usize, _: usize) -> Result<Sequence, DecodeError> {
        let ordered = !matches!(kind, ListKind::Collection { kind: -1 | 3 | 4 });
        Ok(Sequence { hash: ordered.into(), ordered })
    }

    fn list_item(&mut self, list: &mut Sequence, _: usize, value: i32) -> Result<(), DecodeError> {
        list.hash = if list.ordered { step(list.hash, value) } else { list.hash.wrapping_add(value) };
        Ok(())
    }

    fn list_end(&mut self, list: Sequence) -> Result<i32, DecodeError> {
        Ok(list.hash)
    }

    fn map(&mut self, _: i8, _: usize, _: usize) -> Result<i32, DecodeError> {
        Ok(0)
    }

    fn map_entry(&mut self, map: &mut i32, key: i32, value: i32) -> Result<(), DecodeError> {
        *map = map.wrapping_add(key ^ value);
        Ok(())
    }

    fn map_end(&mut self, map: i32) -> Result<i32, DecodeError> {
        Ok(map)
    }

    /// Its writer put the hash into the header, and the server trusts it.
    fn complex(&mut self, object: Complex<'a>) -> Result<i32, DecodeError> {
        Ok(object.hash)
    }

    /// Handles stand in complex objects, whose fields do not count.
    fn handle(&mut self, target: Reader<'a>) -> Result<i32, DecodeError> {
        Err(target.error(DecodeErrorKind::Unsupported { what: TypeCode::Handle.name() }))
    }

    fn class(&mut self, _: i32, _: Option<&'a [u8]>, offset: usize) -> Result<i32, DecodeError> {
        Err(DecodeError::new(DecodeErrorKind::Unsupported { what: TypeCode::Class.name() }, offset))
    }

    fn optimized(&mut self, _: &'a [u8], offset: usize) -> Result<i32, DecodeError> {
        Err(DecodeError::new(DecodeErrorKind::Unsupported { what: TypeCode::Optimized.name() }, offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hash_as_java_does() {
        for (name, hash) in [("cache", 94416770), ("my-cache", -1910710239), ("SQL_PUBLIC_PERSON", -1447683814), ("😀", 1772899)]
        {
            assert_eq!(cache_id(name), hash, "{name}");
        }
        for (name, hash) in [("id", 3355), ("name", 3373707), ("Person", -991716523), ("org.example.Person", -155719517)] {
            assert_eq!(entity_id(name), hash, "{name}");
        }
        // Java: Character.toLowerCase of U+0130 is 'i', of U+03A3 (final sigma or not) U+03C3.
        assert_eq!(entity_id("\u{130}"), entity_id("i"));
        assert_eq!(entity_id("Σ"), string("σ"));
    }

    #[test]
    fn schemas_hash_over_their_field_ids() {
        assert_eq!(schema_id([]), -2128831035);
        assert_eq!(schema_id([3355]), 1664353245);
        assert_eq!(schema_id([3355, 3373707]), 970781171);
        assert_eq!(schema_id(["a", "s", "n"].map(entity_id)), 0x37c8_73f9);
    }
}
