//! From a key to its partition.

use super::error::DecodeError;
use super::hash;
use super::object::complex::Complex;
use super::object::walk::complex_at;
use super::type_code::TypeCode;

/// The partition of a key with this hash in a cache of `partitions` partitions, as Ignite's rendezvous function finds it.
///
/// `None` for a cache without partitions.
pub fn partition(hash: i32, partitions: u32) -> Option<u32> {
    if partitions == 0 {
        return None;
    }
    if partitions.is_power_of_two() {
        let hash = hash as u32;
        return Some((hash ^ (hash >> 16)) & (partitions - 1));
    }
    // Java's remainder has the sign of the hash; its absolute value is the remainder of the magnitudes.
    Some(hash.unsigned_abs() % partitions)
}

/// The part of an encoded key that decides where its entry lives: a field of a complex object, or the whole key.
///
/// `affinity_field` is the id of the affinity key field of the key's type; the cache's key configuration or the binary type names
/// it. `schema` are the field ids of the object's schema in their order: a compact footer does not tell them. `None` for a key whose
/// field can not be found without them. A key without the field, or with null in it, counts as a whole, as servers see it.
pub fn affinity_value(
    key: &[u8],
    affinity_field: impl Fn(i32) -> Option<i32>,
    schema: impl Fn(i32, i32) -> Option<Vec<i32>>,
) -> Result<Option<&[u8]>, DecodeError> {
    let Some(object) = complex_at(key)? else { return Ok(Some(key)) };
    let Some(field_id) = affinity_field(object.type_id) else { return Ok(Some(key)) };
    let fields = if object.is_compact() { schema(object.type_id, object.schema_id) } else { None };
    if object.is_compact() && fields.is_none() && !object.is_empty() {
        return Ok(None);
    }
    let value = field_value(&object, field_id, fields.as_deref())?;
    Ok(Some(value.unwrap_or(key)))
}

/// The bytes of a field that is there and not null.
fn field_value<'a>(object: &Complex<'a>, field_id: i32, schema: Option<&[i32]>) -> Result<Option<&'a [u8]>, DecodeError> {
    let Some(index) = object.position(field_id, schema) else { return Ok(None) };
    let bytes = object.field(index)?.map(|field| field.rest());
    Ok(bytes.filter(|bytes| bytes.first() != Some(&(TypeCode::Null as u8))))
}

/// Hash of the part of a key that decides where its entry lives; see [`affinity_value`].
pub fn affinity_hash(
    key: &[u8],
    affinity_field: impl Fn(i32) -> Option<i32>,
    schema: impl Fn(i32, i32) -> Option<Vec<i32>>,
) -> Result<Option<i32>, DecodeError> {
    affinity_value(key, affinity_field, schema)?.map(hash::value).transpose()
}
