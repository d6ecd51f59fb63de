//! Data objects with their bytes, written by hand from the protocol's description: most were seen on a live server when it was
//! written, the others follow from the layout.

use super::hex;
use pyignite_rs::protocol::object::value::{Decimal, Value};
use pyignite_rs::protocol::object::{ListKind, PrimitiveKind};
use pyignite_rs::protocol::type_code::TypeCode;

/// A name, the bytes, and what they say.
pub struct Example {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub value: Value,
}

fn example(name: &'static str, segments: &[&str], value: Value) -> Example {
    Example { name, bytes: hex(segments), value }
}

fn array(kind: PrimitiveKind, elements: &[&str]) -> Value {
    Value::Primitives { kind, elements: hex(elements) }
}

pub fn list(kind: ListKind, items: impl IntoIterator<Item = Value>) -> Value {
    Value::List { kind, items: items.into_iter().collect() }
}

pub fn decimal(unscaled: i128, scale: i32) -> Value {
    Value::Decimal(Decimal::from_unscaled(unscaled, scale))
}

/// Every example.
pub fn all() -> Vec<Example> {
    [scalars(), decimals(), arrays(), containers(), opaque()].into_iter().flatten().collect()
}

fn scalars() -> Vec<Example> {
    vec![
        example("null", &["65"], Value::Null),
        example(
            "byte -1",
            &[
                "01", // byte
                "FF", // -1
            ],
            Value::Byte(-1),
        ),
        example(
            "short 258",
            &[
                "02",   // short
                "0201", // 0x0102
            ],
            Value::Short(258),
        ),
        example(
            "int 1",
            &[
                "03",       // int
                "01000000", // 1
            ],
            Value::Int(1),
        ),
        example(
            "long 1",
            &[
                "04",               // long
                "0100000000000000", // 1
            ],
            Value::Long(1),
        ),
        example(
            "float 1.5",
            &[
                "05",       // float
                "0000C03F", // 0x3FC00000
            ],
            Value::Float(1.5),
        ),
        example(
            "double 1.5",
            &[
                "06",               // double
                "000000000000F83F", // 0x3FF8000000000000
            ],
            Value::Double(1.5),
        ),
        example(
            "char z",
            &[
                "07",   // char
                "7A00", // U+007A
            ],
            Value::Char(0x7a),
        ),
        example(
            "char U+044F",
            &[
                "07",   // char
                "4F04", // U+044F
            ],
            Value::Char(0x44f),
        ),
        example(
            "bool true",
            &[
                "08", // bool
                "01", // true
            ],
            Value::Bool(true),
        ),
        example(
            "string with a supplementary character",
            &[
                "09",       // string
                "05000000", // 5 bytes
                "61",       // a
                "F09F9880", // U+1F600
            ],
            "a😀".into(),
        ),
        example(
            "UUID 00112233-4455-6677-8899-aabbccddeeff",
            &[
                "0A",               // UUID
                "7766554433221100", // most significant half
                "FFEEDDCCBBAA9988", // least significant half
            ],
            Value::Uuid { most: 0x0011_2233_4455_6677, least: 0x8899_aabb_ccdd_eeff },
        ),
        example(
            "date",
            &[
                "0B",               // date
                "7B806E8774010000", // 1600000000123 ms
            ],
            Value::Date(1_600_000_000_123),
        ),
        example(
            "timestamp",
            &[
                "21",               // timestamp
                "7B806E8774010000", // 1600000000123 ms
                "55F80600",         // 456789 ns
            ],
            Value::Timestamp { epoch_ms: 1_600_000_000_123, nanoseconds: 456_789 },
        ),
        example(
            "time 01:00",
            &[
                "24",               // time
                "80EE360000000000", // 3600000 ms
            ],
            Value::Time(3_600_000),
        ),
        example(
            "binary enum",
            &[
                "26",       // binary enum
                "76FEB9CA", // type id -893780362
                "01000000", // ordinal 1
            ],
            Value::Enum { type_id: -893_780_362, ordinal: 1, binary: true },
        ),
        example(
            "enum",
            &[
                "1C",       // enum
                "76FEB9CA", // type id -893780362
                "00000000", // ordinal 0
            ],
            Value::Enum { type_id: -893_780_362, ordinal: 0, binary: false },
        ),
    ]
}

fn decimals() -> Vec<Example> {
    vec![
        example(
            "decimal -123.4500",
            &[
                "1E",       // decimal
                "04000000", // scale 4
                "03000000", // 3 bytes
                "92D644",   // 1234500 = 0x12D644, top bit: negative
            ],
            decimal(-1_234_500, 4),
        ),
        example(
            "decimal 1.5",
            &[
                "1E",       // decimal
                "01000000", // scale 1
                "01000000", // 1 byte
                "0F",       // 15
            ],
            decimal(15, 1),
        ),
        example(
            "decimal 1.50",
            &[
                "1E",       // decimal
                "02000000", // scale 2
                "02000000", // 2 bytes
                "0096",     // 150: the sign bit needs a byte of its own
            ],
            decimal(150, 2),
        ),
        example(
            "decimal 128",
            &[
                "1E",       // decimal
                "00000000", // scale 0
                "02000000", // 2 bytes
                "0080",     // 128
            ],
            decimal(128, 0),
        ),
        example(
            "decimal -128",
            &[
                "1E",       // decimal
                "00000000", // scale 0
                "02000000", // 2 bytes
                "8080",     // 128, top bit: negative
            ],
            decimal(-128, 0),
        ),
        example(
            "decimal 0",
            &[
                "1E",       // decimal
                "00000000", // scale 0
                "01000000", // 1 byte
                "00",       // 0
            ],
            decimal(0, 0),
        ),
        example(
            "decimal (2^127-1) x 10^3",
            &[
                "1E",                               // decimal
                "FDFFFFFF",                         // scale -3
                "10000000",                         // 16 bytes
                "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", // 2^127 - 1
            ],
            decimal(i128::MAX, -3),
        ),
    ]
}

fn arrays() -> Vec<Example> {
    vec![
        example(
            "char array",
            &[
                "12",       // char array
                "02000000", // length 2
                "6100",     // a
                "4F04",     // U+044F
            ],
            array(PrimitiveKind::Char, &["6100 4F04"]),
        ),
        example(
            "bool array",
            &[
                "13",       // bool array
                "02000000", // length 2
                "01",       // true
                "00",       // false
            ],
            array(PrimitiveKind::Bool, &["01 00"]),
        ),
        example("byte array", &["0C", "03000000", "01 02 FF"], array(PrimitiveKind::Byte, &["01 02 FF"])),
        example("short array", &["0D", "02000000", "0100 FFFF"], array(PrimitiveKind::Short, &["0100 FFFF"])),
        example("int array", &["0E", "02000000", "01000000 FFFFFFFF"], array(PrimitiveKind::Int, &["01000000 FFFFFFFF"])),
        example("long array", &["0F", "01000000", "FEFFFFFFFFFFFFFF"], array(PrimitiveKind::Long, &["FEFFFFFFFFFFFFFF"])),
        example("float array", &["10", "01000000", "0000C03F"], array(PrimitiveKind::Float, &["0000C03F"])),
        example("double array", &["11", "01000000", "000000000000F83F"], array(PrimitiveKind::Double, &["000000000000F83F"])),
        example(
            "decimal array",
            &[
                "1F",                      // decimal array
                "02000000",                // length 2
                "1E 01000000 01000000 0F", // decimal 1.5
                "65",                      // null
            ],
            list(ListKind::StandardArray(TypeCode::Decimal), [decimal(15, 1), Value::Null]),
        ),
        example(
            "string array",
            &[
                "14",             // string array
                "02000000",       // length 2
                "09 01000000 61", // "a"
                "09 00000000",    // ""
            ],
            list(ListKind::StandardArray(TypeCode::String), ["a".into(), "".into()]),
        ),
        example(
            "UUID array",
            &[
                "15",                                   // UUID array
                "01000000",                             // length 1
                "0A 0100000000000000 0200000000000000", // the UUID
            ],
            list(ListKind::StandardArray(TypeCode::Uuid), [Value::Uuid { most: 1, least: 2 }]),
        ),
        example(
            "date array",
            &["16", "02000000", "0B 7B806E8774010000", "65"],
            list(ListKind::StandardArray(TypeCode::Date), [Value::Date(1_600_000_000_123), Value::Null]),
        ),
        example(
            "timestamp array",
            &["22", "01000000", "21 7B806E8774010000 55F80600"],
            list(
                ListKind::StandardArray(TypeCode::Timestamp),
                [Value::Timestamp { epoch_ms: 1_600_000_000_123, nanoseconds: 456_789 }],
            ),
        ),
        example(
            "time array",
            &["25", "01000000", "24 80EE360000000000"],
            list(ListKind::StandardArray(TypeCode::Time), [Value::Time(3_600_000)]),
        ),
        example(
            "enum array",
            &[
                "1D",                   // enum array
                "76FEB9CA",             // type id -893780362
                "02000000",             // length 2
                "1C 76FEB9CA 00000000", // ordinal 0
                "65",                   // null
            ],
            list(
                ListKind::EnumArray { type_id: -893_780_362 },
                [Value::Enum { type_id: -893_780_362, ordinal: 0, binary: false }, Value::Null],
            ),
        ),
    ]
}

fn containers() -> Vec<Example> {
    vec![
        example(
            "object array",
            &[
                "17",             // object array
                "FFFFFFFF",       // java.lang.Object
                "03000000",       // length 3
                "03 01000000",    // int 1
                "09 01000000 61", // "a"
                "65",             // null
            ],
            list(ListKind::ObjectArray { type_id: -1 }, [1.into(), "a".into(), Value::Null]),
        ),
        example(
            "array list",
            &[
                "18",          // collection
                "02000000",    // size 2
                "01",          // ArrayList
                "03 01000000", // int 1
                "03 02000000", // int 2
            ],
            list(ListKind::Collection { kind: 1 }, [1.into(), 2.into()]),
        ),
        example(
            "map",
            &[
                "19",             // map
                "01000000",       // size 1
                "01",             // HashMap
                "09 01000000 6B", // key "k"
                "03 01000000",    // value 1
            ],
            Value::Map { kind: 1, entries: vec![("k".into(), 1.into())] },
        ),
        example(
            "map of a set and an empty linked map",
            &[
                "19",       // map
                "01000000", // size 1
                "02",       // LinkedHashMap
                "18",       // key: collection
                "01000000", // size 1
                "03",       // HashSet
                "08 00",    // false
                "19",       // value: map
                "00000000", // size 0
                "02",       // LinkedHashMap
            ],
            Value::Map {
                kind: 2,
                entries: vec![(
                    list(ListKind::Collection { kind: 3 }, [Value::Bool(false)]),
                    Value::Map { kind: 2, entries: Vec::new() },
                )],
            },
        ),
    ]
}

/// Values that are passed on as they are.
fn opaque() -> Vec<Example> {
    vec![
        example(
            "class",
            &[
                "20",       // class
                "09000000", // java.lang.String
            ],
            Value::Class { type_id: 9 },
        ),
        example(
            "java.sql.Date",
            &[
                "FE",               // optimized-marshaller object
                "0F000000",         // 15 bytes
                "66 3ADED540 9766", // Serializable, class id, checksum
                "7B806E8774010000", // 1600000000123 ms
            ],
            Value::Optimized(hex(&["66 3ADED540 9766 7B806E8774010000"])),
        ),
        example("complex object", &[PERSON], Value::Complex(hex(&[PERSON]))),
    ]
}

/// Person { id = 1, name = "Bob" }, compact footer; its hash is -88683088.
pub const PERSON: &str = "67 01 2B00 559BE3C4 B0CDB6FA 27000000 F3F1DC39 25000000 03 01000000 09 03000000 426F62 18 1D";
