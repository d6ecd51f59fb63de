//! The fixtures: bytes that a Java client sent or a server returned, each beside what it says as tagged JSON.
//! `fixtures/README.md` describes the files and the tags.

use super::examples::list;
use super::hex;
use pyignite_rs::protocol::object::value::{Decimal, Value};
use pyignite_rs::protocol::object::{ListKind, PrimitiveKind};
use pyignite_rs::protocol::type_code::TypeCode;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// One line of a fixture file.
pub struct Fixture {
    /// File and name: `int/max`.
    pub name: String,
    /// `client`: sent by the Java client; `server`: returned by a server; `both`: the same bytes from both.
    pub source: String,
    pub expected: Json,
    pub bytes: Vec<u8>,
}

/// One line of the table of hashes.
pub struct HashVector {
    pub name: String,
    pub key: Vec<u8>,
    pub hash: i32,
    /// Partitions of 1024, of 10 and of 1000.
    pub partitions: [u32; 3],
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Lines of a file as columns; comments go.
fn table(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Every fixture, in the order of the files' names.
pub fn all() -> Vec<Fixture> {
    let entries = std::fs::read_dir(directory()).expect("the fixtures are in the repository");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a directory can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "hex"));
    paths.sort();
    paths.iter().flat_map(|path| table(path).into_iter().map(|columns| fixture(path, &columns))).collect()
}

fn fixture(path: &Path, columns: &[String]) -> Fixture {
    let file = path.file_stem().expect("a file has a name").to_string_lossy();
    let [name, source, expected, bytes] = columns else { panic!("{}: {} columns", path.display(), columns.len()) };
    let expected = serde_json::from_str(expected).unwrap_or_else(|error| panic!("{file}/{name}: {error}"));
    Fixture { name: format!("{file}/{name}"), source: source.clone(), expected, bytes: hex(&[bytes]) }
}

pub fn hash_vectors() -> Vec<HashVector> {
    let number = |text: &String| text.parse().unwrap_or_else(|_| panic!("{text} is not a number"));
    let vector = |columns: Vec<String>| {
        let [name, key, hash, partitions @ ..] = columns.as_slice() else { panic!("a line of {} columns", columns.len()) };
        let partitions: Vec<u32> = partitions.iter().map(number).collect();
        HashVector {
            name: name.clone(),
            key: hex(&[key]),
            hash: hash.parse().unwrap_or_else(|_| panic!("{hash} is not a hash")),
            partitions: partitions.try_into().expect("three partition counts"),
        }
    };
    table(&directory().join("hash.tsv")).into_iter().map(vector).collect()
}

/// Names and what they turn into: cache id, type id, field id.
pub fn names() -> Vec<(String, i32, i32, i32)> {
    let number = |text: &String| text.parse().unwrap_or_else(|_| panic!("{text} is not an id"));
    let row = |columns: Vec<String>| {
        let [name, cache, type_id, field] = columns.as_slice() else { panic!("a line of {} columns", columns.len()) };
        let name = serde_json::from_str(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, number(cache), number(type_id), number(field))
    };
    table(&directory().join("names.tsv")).into_iter().map(row).collect()
}

/// What tagged JSON says, as a value.
#[derive(Default)]
pub struct Meaning {
    /// Parts that the JSON does not describe to the byte were taken from the value found: complex objects, whose type id was
    /// compared, and Java's own classes.
    pub borrowed: bool,
}

impl Meaning {
    /// The value that the JSON describes; `found` lends what the JSON leaves open.
    pub fn value(&mut self, json: &Json, found: Option<&Value>) -> Value {
        let tag = text(json, "t");
        match tag {
            "null" => Value::Null,
            "byte" => Value::Byte(parsed(&json["v"])),
            "short" => Value::Short(parsed(&json["v"])),
            "int" => Value::Int(parsed(&json["v"])),
            "long" => Value::Long(parsed(&json["v"])),
            "float" => Value::Float(f32::from_bits(bits(&json["bits"]) as u32)),
            "double" => Value::Double(f64::from_bits(bits(&json["bits"]))),
            "char" => Value::Char(bits(&json["unit"]) as u16),
            "bool" => Value::Bool(json["v"].as_bool().expect("true or false")),
            "string" => text(json, "v").into(),
            "uuid" => {
                let digits = text(json, "v").replace('-', "");
                let number = u128::from_str_radix(&digits, 16).expect("the text form of a UUID");
                Value::Uuid { most: (number >> 64) as u64, least: number as u64 }
            }
            "date" => Value::Date(long(json, "ms")),
            "time" => Value::Time(long(json, "ms")),
            "timestamp" => Value::Timestamp { epoch_ms: long(json, "ms"), nanoseconds: int(json, "ns") },
            "decimal" => {
                let (negative, magnitude) = big_endian(text(json, "unscaled"));
                Value::Decimal(Decimal::new(int(json, "scale"), negative, magnitude))
            }
            "enum" | "binary_enum" => {
                Value::Enum { type_id: int(json, "type_id"), ordinal: int(json, "ordinal"), binary: tag == "binary_enum" }
            }
            "byte_array" => Value::Primitives { kind: PrimitiveKind::Byte, elements: hex(&[text(json, "hex")]) },
            "short_array" => elements(PrimitiveKind::Short, &json["v"], |one| parsed::<i16>(one).to_le_bytes()),
            "int_array" => elements(PrimitiveKind::Int, &json["v"], |one| parsed::<i32>(one).to_le_bytes()),
            "long_array" => elements(PrimitiveKind::Long, &json["v"], |one| parsed::<i64>(one).to_le_bytes()),
            "float_array" => elements(PrimitiveKind::Float, &json["bits"], |one| (bits(one) as u32).to_le_bytes()),
            "double_array" => elements(PrimitiveKind::Double, &json["bits"], |one| bits(one).to_le_bytes()),
            "char_array" => elements(PrimitiveKind::Char, &json["units"], |one| (bits(one) as u16).to_le_bytes()),
            "bool_array" => elements(PrimitiveKind::Bool, &json["v"], |one| [one.as_bool().expect("true or false").into()]),
            "string_array" => self.list(ListKind::StandardArray(TypeCode::String), json, found),
            "uuid_array" => self.list(ListKind::StandardArray(TypeCode::Uuid), json, found),
            "date_array" => self.list(ListKind::StandardArray(TypeCode::Date), json, found),
            "timestamp_array" => self.list(ListKind::StandardArray(TypeCode::Timestamp), json, found),
            "time_array" => self.list(ListKind::StandardArray(TypeCode::Time), json, found),
            "decimal_array" => self.list(ListKind::StandardArray(TypeCode::Decimal), json, found),
            "enum_array" => self.list(ListKind::EnumArray { type_id: int(json, "type_id") }, json, found),
            "object_array" => self.list(ListKind::ObjectArray { type_id: int(json, "type_id") }, json, found),
            "user_set" => self.list(ListKind::Collection { kind: -1 }, json, found),
            "user_collection" => self.list(ListKind::Collection { kind: 0 }, json, found),
            "array_list" => self.list(ListKind::Collection { kind: 1 }, json, found),
            "linked_list" => self.list(ListKind::Collection { kind: 2 }, json, found),
            "hash_set" => self.list(ListKind::Collection { kind: 3 }, json, found),
            "linked_hash_set" => self.list(ListKind::Collection { kind: 4 }, json, found),
            "singleton_list" => self.list(ListKind::Collection { kind: 5 }, json, found),
            "user_map" => self.map(0, json, found),
            "hash_map" => self.map(1, json, found),
            "linked_hash_map" => self.map(2, json, found),
            "complex" => self.complex(int(json, "type_id"), found),
            "java" => self.java(found),
            other => panic!("the tag {other} is not known"),
        }
    }

    fn list(&mut self, kind: ListKind, json: &Json, found: Option<&Value>) -> Value {
        let lender = |index: usize| match found {
            Some(Value::List { items, .. }) => items.get(index),
            _ => None,
        };
        list(kind, array(&json["v"]).iter().enumerate().map(|(index, item)| self.value(item, lender(index))))
    }

    fn map(&mut self, kind: i8, json: &Json, found: Option<&Value>) -> Value {
        let lender = |index: usize| match found {
            Some(Value::Map { entries, .. }) => entries.get(index),
            _ => None,
        };
        let entry = |(index, entry): (usize, &Json)| {
            let lent = lender(index);
            (self.value(&entry[0], lent.map(|lent| &lent.0)), self.value(&entry[1], lent.map(|lent| &lent.1)))
        };
        Value::Map { kind, entries: array(&json["v"]).iter().enumerate().map(entry).collect() }
    }

    /// A complex object of this type: its header says so at offset 4.
    fn complex(&mut self, type_id: i32, found: Option<&Value>) -> Value {
        self.borrowed = true;
        match found {
            Some(Value::Complex(object)) if object.get(4..8) == Some(&type_id.to_le_bytes()) => Value::Complex(object.clone()),
            other => panic!("a complex object of type {type_id} was expected, not {other:?}"),
        }
    }

    /// Something that only Java can read, in whichever of its forms.
    fn java(&mut self, found: Option<&Value>) -> Value {
        self.borrowed = true;
        match found {
            Some(value @ (Value::Optimized(_) | Value::Complex(_) | Value::Class { .. })) => value.clone(),
            other => panic!("an object that only Java reads was expected, not {other:?}"),
        }
    }
}

fn text<'a>(json: &'a Json, member: &str) -> &'a str {
    json[member].as_str().unwrap_or_else(|| panic!("{member} of {json} is text"))
}

fn long(json: &Json, member: &str) -> i64 {
    json[member].as_i64().unwrap_or_else(|| panic!("{member} of {json} is a number"))
}

fn int(json: &Json, member: &str) -> i32 {
    long(json, member).try_into().unwrap_or_else(|_| panic!("{member} of {json} is an int"))
}

fn array(json: &Json) -> &[Json] {
    json.as_array().unwrap_or_else(|| panic!("{json} is an array"))
}

fn parsed<T: std::str::FromStr>(json: &Json) -> T {
    json.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{json} is a number of its type"))
}

fn bits(json: &Json) -> u64 {
    json.as_str().and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or_else(|| panic!("{json} is hexadecimal"))
}

fn elements<const N: usize>(kind: PrimitiveKind, json: &Json, element: impl Fn(&Json) -> [u8; N]) -> Value {
    Value::Primitives { kind, elements: array(json).iter().flat_map(element).collect() }
}

/// Sign and bytes of a number of any length, most significant byte first.
fn big_endian(digits: &str) -> (bool, Vec<u8>) {
    let mut little = Vec::new();
    for digit in digits.trim_start_matches('-').bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut little {
            carry += u32::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            little.push(carry as u8);
        }
    }
    little.reverse();
    (digits.starts_with('-'), little)
}
