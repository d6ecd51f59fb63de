//! Binary types: what a cluster knows about a type of complex objects or enums.

use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::object::standard::{read_string, write_string};
use super::read::Reader;
use super::type_code::TypeCode;
use super::write::Writer;

/// A field that objects of a type have had in one of its schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    /// Type code of its values.
    pub type_code: i32,
    pub id: i32,
}

/// Fields that objects have together, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    pub id: i32,
    pub field_ids: Vec<i32>,
}

/// A type of complex objects, or of enums:
///
/// | type | meaning |
/// |---|---|
/// | int | type id |
/// | string | name |
/// | string or null | name of the affinity key field |
/// | int n; n x (string name, int type code, int field id) | fields of all schemas together |
/// | bool | whether it is an enum |
/// | int n; n x (string name, int ordinal) | values, of enums only |
/// | int n; n x (int schema id, int k, k x int field id) | schemas |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryType {
    pub type_id: i32,
    pub name: String,
    pub affinity_key_field: Option<String>,
    pub fields: Vec<Field>,
    /// `Some` for enums.
    pub enum_values: Option<Vec<(String, i32)>>,
    pub schemas: Vec<Schema>,
}

/// Shortest forms: a name of no bytes and two ints; two ints.
const FIELD_SIZE: usize = 13;
const VALUE_SIZE: usize = 9;
const SCHEMA_SIZE: usize = 8;

fn name(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let offset = reader.offset();
    let kind = || DecodeErrorKind::TypeCode { code: TypeCode::Null as u8, expected: "a name" };
    read_string(reader)?.map(str::to_owned).ok_or_else(|| DecodeError::new(kind(), offset))
}

/// `int n, n x item`
fn items<'a, T>(
    reader: &mut Reader<'a>,
    what: &'static str,
    size: usize,
    read: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = reader.count(what, size)?;
    (0..count).map(|_| read(reader)).collect()
}

impl BinaryType {
    /// Reads the answer to OP_BINARY_TYPE_GET: `bool exists`, and the type if it does.
    pub fn read_reply(payload: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(payload);
        let found = if reader.bool()? { Some(Self::read(&mut reader)?) } else { None };
        reader.finish()?;
        Ok(found)
    }

    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let type_id = reader.i32()?;
        let type_name = name(reader)?;
        let affinity_key_field = read_string(reader)?.map(str::to_owned);
        let fields = items(reader, "number of fields", FIELD_SIZE, |reader| {
            Ok(Field { name: name(reader)?, type_code: reader.i32()?, id: reader.i32()? })
        })?;
        let is_enum = reader.bool()?;
        let values = |reader: &mut Reader<'_>| {
            items(reader, "number of enum values", VALUE_SIZE, |reader| Ok((name(reader)?, reader.i32()?)))
        };
        let enum_values = if is_enum { Some(values(reader)?) } else { None };
        let schemas = items(reader, "number of schemas", SCHEMA_SIZE, |reader| {
            let id = reader.i32()?;
            Ok(Schema { id, field_ids: items(reader, "number of field ids", 4, Reader::i32)? })
        })?;
        Ok(Self { type_id, name: type_name, affinity_key_field, fields, enum_values, schemas })
    }

    pub fn write(&self, out: &mut Writer) -> Result<(), EncodeError> {
        out.i32(self.type_id);
        out.string(&self.name)?;
        write_string(out, self.affinity_key_field.as_deref())?;
        out.length("fields", self.fields.len())?;
        for field in &self.fields {
            out.string(&field.name)?;
            out.i32(field.type_code);
            out.i32(field.id);
        }
        out.bool(self.enum_values.is_some());
        if let Some(values) = &self.enum_values {
            out.length("enum values", values.len())?;
            for (name, ordinal) in values {
                out.string(name)?;
                out.i32(*ordinal);
            }
        }
        out.length("schemas", self.schemas.len())?;
        for schema in &self.schemas {
            out.i32(schema.id);
            out.length("field ids", schema.field_ids.len())?;
            schema.field_ids.iter().for_each(|id| out.i32(*id));
        }
        Ok(())
    }

    pub fn field(&self, id: i32) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    pub fn schema(&self, id: i32) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.id == id)
    }

    /// Whether the cluster knows everything that `other` says: telling it again would change nothing.
    pub fn covers(&self, other: &Self) -> bool {
        self.name == other.name
            && (other.affinity_key_field.is_none() || self.affinity_key_field == other.affinity_key_field)
            && self.enum_values.is_some() == other.enum_values.is_some()
            && other.enum_values.iter().flatten().all(|value| self.enum_values.iter().flatten().any(|mine| mine == value))
            && other
                .fields
                .iter()
                .all(|field| self.field(field.id).is_some_and(|mine| same_type(mine.type_code, field.type_code)))
            && other.schemas.iter().all(|schema| self.schema(schema.id).is_some())
    }
}

/// Servers take these for the same: an object and a wrapped one, an enum in both its forms.
fn same_type(one: i32, other: i32) -> bool {
    let plain = |code| match u8::try_from(code).ok().and_then(TypeCode::from_byte) {
        Some(TypeCode::WrappedObject) => TypeCode::ComplexObject as i32,
        Some(TypeCode::BinaryEnum) => TypeCode::Enum as i32,
        _ => code,
    };
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of a node, taken from the description of the protocol.
    const POJO: &[&str] = &[
        "01",                               // exists
        "114A3904",                         // type id
        "09 08000000 53727624506F6A6F",     // "Srv$Pojo"
        "65",                               // no affinity key field
        "03000000",                         // three fields
        "09 01000000 61 03000000 61000000", // a: int
        "09 01000000 73 09000000 73000000", // s: string
        "09 01000000 6E 03000000 6E000000", // n: int
        "00",                               // no enum
        "01000000",                         // one schema
        "F973C837 03000000 61000000 73000000 6E000000",
    ];
    const ENUM: &[&str] = &[
        "01",
        "76FEB9CA",
        "09 06000000 53727624456E", // "Srv$En"
        "65",
        "00000000",
        "01",       // an enum
        "03000000", // of three values
        "09 01000000 41 00000000",
        "09 01000000 42 01000000",
        "09 01000000 43 02000000",
        "00000000", // no schemas
    ];

    fn hex(segments: &[&str]) -> Vec<u8> {
        let digits: Vec<u8> = segments.concat().bytes().filter(|byte| *byte != b' ').collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn types_are_read_and_written_as_a_node_does() {
        for (answer, name, fields, values) in [(POJO, "Srv$Pojo", 3, None), (ENUM, "Srv$En", 0, Some(3))] {
            let bytes = hex(answer);
            let found = BinaryType::read_reply(&bytes).unwrap().unwrap();
            assert_eq!((found.name.as_str(), found.fields.len()), (name, fields));
            assert_eq!(found.enum_values.as_ref().map(Vec::len), values);
            let mut out = Writer::bare();
            found.write(&mut out).unwrap();
            assert_eq!(out.as_slice(), &bytes[1..]);
            for cut in 0..bytes.len() {
                assert!(BinaryType::read_reply(&bytes[..cut]).is_err(), "{name} cut at {cut}");
            }
        }
        assert_eq!(BinaryType::read_reply(&[0]).unwrap(), None);
    }

    #[test]
    fn counts_from_hell_are_refused() {
        let bytes = hex(POJO);
        for at in 0..bytes.len() - 3 {
            for count in [-1, i32::MAX, 1 << 24] {
                let mut mutated = bytes.clone();
                mutated[at..at + 4].copy_from_slice(&count.to_le_bytes());
                if let Ok(Some(found)) = BinaryType::read_reply(&mutated) {
                    assert!(found.fields.len() <= 3 && found.schemas.len() <= 1);
                }
            }
        }
    }

    #[test]
    fn a_type_covers_what_says_nothing_new() {
        let known = BinaryType::read_reply(&hex(POJO)).unwrap().unwrap();
        assert!(known.covers(&known));
        let changed = |change: &dyn Fn(&mut BinaryType)| {
            let mut other = known.clone();
            change(&mut other);
            known.covers(&other)
        };
        assert!(changed(&|other| other.fields.truncate(1)));
        assert!(!changed(&|other| other.schemas[0].id = 1));
        assert!(!changed(&|other| other.fields[0].type_code = 4));
        assert!(!changed(&|other| other.affinity_key_field = Some("a".into())));
        assert!(!changed(&|other| other.enum_values = Some(Vec::new())));
    }
}
