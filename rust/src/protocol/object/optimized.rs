//! Java's own serialization (type code FE): opaque, apart from the one class that SQL columns bring.

use crate::protocol::hash;
use crate::protocol::read::Reader;

/// First byte of an object whose class writes its own form.
const EXTERNALIZABLE: u8 = 0x65;
/// First byte of an object that is written field by field.
const SERIALIZABLE: u8 = 0x66;

/// Hash of "java.sql.Date".
const SQL_DATE: i32 = 0x40d5_de3a;

/// Milliseconds since the epoch of a `java.sql.Date`, which is what SQL columns of type DATE come as:
///
/// | offset | type | meaning |
/// |---|---|---|
/// | 0 | byte | 66 |
/// | 1 | int | hash of the class name |
/// | 5 | short | checksum, which differs between releases of Java |
/// | 7 | long | milliseconds |
///
/// `None` for objects of other classes. Seen in the fixture `java/sql_date`.
pub fn sql_date(bytes: &[u8]) -> Option<i64> {
    let mut reader = Reader::new(bytes);
    let found = reader.u8().ok()? == SERIALIZABLE && reader.i32().ok()? == SQL_DATE;
    reader.i16().ok()?;
    let epoch_ms = reader.i64().ok()?;
    (found && reader.finish().is_ok()).then_some(epoch_ms)
}

/// Classes that programs meet, for messages: the bytes have only the hashes of their names.
const NAMES: &[&str] = &[
    "java.math.BigInteger",
    "java.time.Ser",
    "java.util.ArrayDeque",
    "java.util.Arrays$ArrayList",
    "java.util.BitSet",
    "java.util.CollSer",
    "java.util.Collections$EmptyList",
    "java.util.Collections$EmptyMap",
    "java.util.Collections$EmptySet",
    "java.util.Collections$SingletonList",
    "java.util.Collections$SingletonMap",
    "java.util.Collections$SingletonSet",
    "java.util.Collections$UnmodifiableList",
    "java.util.Collections$UnmodifiableMap",
    "java.util.Collections$UnmodifiableRandomAccessList",
    "java.util.Collections$UnmodifiableSet",
    "java.util.ImmutableCollections$List12",
    "java.util.ImmutableCollections$ListN",
    "java.util.ImmutableCollections$Map1",
    "java.util.ImmutableCollections$MapN",
    "java.util.ImmutableCollections$Set12",
    "java.util.ImmutableCollections$SetN",
    "java.util.Locale",
    "java.util.Vector",
    "java.util.concurrent.ConcurrentSkipListSet",
];

/// Which class the object is of, as well as the bytes tell.
pub fn class_name(bytes: &[u8]) -> String {
    let mut reader = Reader::new(bytes);
    match (reader.u8(), reader.i32()) {
        (Ok(EXTERNALIZABLE | SERIALIZABLE), Ok(id)) => match NAMES.iter().find(|name| hash::string(name) == id) {
            // All of java.time is written by one class.
            Some(&"java.time.Ser") => "of a class of java.time".to_owned(),
            Some(name) => format!("of class {name}"),
            None => format!("of the class with id {id}"),
        },
        _ => "of a class that its bytes do not name".to_owned(),
    }
}
