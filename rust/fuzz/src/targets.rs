//! What is done with each input. A target panics when the codec breaks a promise; the ordinary tests replay the corpus through
//! these functions too.

use pyignite_rs::protocol::affinity::partition;
use pyignite_rs::protocol::context::FeatureSet;
use pyignite_rs::protocol::error::DecodeErrorKind;
use pyignite_rs::protocol::frame::{LENGTH_FIELD, ResponseHeader, message_length};
use pyignite_rs::protocol::handshake::{Handshake, Step};
use pyignite_rs::protocol::object::complex::Complex;
use pyignite_rs::protocol::object::skip::skip;
use pyignite_rs::protocol::object::value::{Decimal, Value};
use pyignite_rs::protocol::object::{ListKind, PrimitiveKind};
use pyignite_rs::protocol::op::affinity::{Endpoints, Mapping};
use pyignite_rs::protocol::op::query;
use pyignite_rs::protocol::type_code::TypeCode;
use pyignite_rs::protocol::{BinaryType, DecodeError, ProtocolContext, ProtocolVersion, Reader, Writer, hash as java_hash};

/// A target takes one input.
pub type Target = fn(&[u8]);

/// Every target; its corpus has the directory of the same name.
pub const ALL: &[(&str, Target)] = &[
    ("frame", frame),
    ("handshake", handshake),
    ("value", value),
    ("hash", hash),
    ("round_trip", round_trip),
    ("complex", complex),
    ("binary_type", binary_type),
    ("partition_map", partition_map),
    ("sql_page", sql_page),
];

/// The decoders that `make fuzz` runs: what a server's bytes meet first.
#[allow(dead_code, reason = "the tests replay the corpus of every target")]
pub const DECODERS: [&str; 6] = ["frame", "handshake", "value", "complex", "partition_map", "sql_page"];

/// A stream of messages: the first byte chooses the protocol version, the rest is what a socket delivers.
pub fn frame(data: &[u8]) {
    let Some((choice, mut stream)) = data.split_first() else { return };
    let version = ProtocolVersion::SUPPORTED[usize::from(*choice) % ProtocolVersion::SUPPORTED.len()];
    let context = ProtocolContext { version, features: FeatureSet::ALL };
    let max = 1 << 16;
    while let Ok(Some(length)) = message_length(stream, max) {
        assert!((1..=max).contains(&length), "a length outside what was allowed");
        let Some(message) = stream.get(LENGTH_FIELD..LENGTH_FIELD + length) else { return };
        if let Ok(header) = ResponseHeader::read(message, &context) {
            assert!(header.payload <= message.len(), "a payload outside its message");
            assert!(header.error.is_none() || header.payload == message.len(), "a failed request with a payload");
        }
        stream = &stream[LENGTH_FIELD + length..];
    }
}

/// Answers to one handshake, each with a byte of length in front.
pub fn handshake(data: &[u8]) {
    let mut handshake = Handshake::new(None);
    let mut rest = data;
    while let Some((length, tail)) = rest.split_first() {
        let (answer, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        let before = handshake.offered();
        match handshake.answer(answer) {
            Ok(Step::Again) => assert!(handshake.offered() < before, "the same version again"),
            Ok(Step::Done { context, .. }) => {
                assert_eq!(context.version, before, "a version that was not offered");
                return;
            }
            Ok(Step::Refused(refusal)) => {
                assert_eq!(refusal.offered, before);
                return;
            }
            Err(_) => return,
        }
        assert!(handshake.request().is_ok(), "a handshake that has no request");
        rest = tail;
    }
}

/// A message that holds one value.
pub fn value(data: &[u8]) {
    match Value::read(data) {
        Ok(_) => {
            if let Some((_, shorter)) = data.split_last() {
                assert!(Value::read(shorter).is_err(), "a value that ends in two places");
            }
            assert!(Value::read(&[data, &[0]].concat()).is_err(), "a byte after the value that nobody read");
        }
        Err(error) => assert!(error.offset() <= data.len(), "an error past the end"),
    }
}

/// The hash of a key: the same for the bytes and for what they say.
pub fn hash(data: &[u8]) {
    match (java_hash::value(data), Value::read(data)) {
        (Ok(hash), Ok(value)) => {
            assert_eq!(java_hash::value(&written(&value)), Ok(hash), "{value:?}");
            for partitions in [1, 2, 10, 1000, 1024, 65_000, u32::MAX] {
                assert!(partition(hash, partitions).is_some_and(|partition| partition < partitions));
            }
        }
        (Ok(_), Err(error)) => panic!("a hash but no value: {error}"),
        // Classes that only Java can read have no hash.
        (Err(error), Ok(_)) => assert!(matches!(error.kind(), DecodeErrorKind::Unsupported { .. }), "no hash: {error}"),
        (Err(_), Err(_)) => {}
    }
}

/// What is read or made comes back equal after it was written.
pub fn round_trip(data: &[u8]) {
    if let Ok(value) = Value::read(data) {
        assert_eq!(Value::read(&written(&value)).as_ref(), Ok(&value));
    }
    let made = Maker { data }.value(0);
    assert_eq!(Value::read(&written(&made)).as_ref(), Ok(&made));
}

/// A complex object and everything inside it; what its fields say is written and read again.
pub fn complex(data: &[u8]) {
    let Ok(value) = Value::read(data) else { return };
    let mut left = 1_000;
    inside(&value, &mut left);
}

/// Reads the fields of every object, up to a number of them: handles make some come again.
fn inside(value: &Value, left: &mut usize) {
    match value {
        Value::Complex(bytes) if *left > 0 => {
            *left -= 1;
            let object = Complex::from_bytes(bytes).expect("it was read before");
            let Ok(fields) = value.fields() else { return };
            assert_eq!(fields.len(), object.len());
            let mut out = Writer::bare();
            let Ok(started) = out.object(object.type_id | 1, object.schema_id) else { return };
            let mut offsets = Vec::new();
            for field in &fields {
                offsets.push(started.offset(&out));
                if field.write(&mut out).is_err() {
                    return;
                }
            }
            out.object_end(started, &offsets, None).expect("an object of this size has a place on the wire");
            assert_eq!(Value::Complex(out.into_buffer()).fields().as_ref(), Ok(&fields));
            fields.iter().for_each(|field| inside(field, left));
        }
        Value::List { items, .. } => items.iter().for_each(|item| inside(item, left)),
        Value::Map { entries, .. } => entries.iter().for_each(|(key, value)| {
            inside(key, left);
            inside(value, left);
        }),
        _ => {}
    }
}

/// An answer that describes a type.
pub fn binary_type(data: &[u8]) {
    let Ok(Some(found)) = BinaryType::read_reply(data) else { return };
    assert!(found.covers(&found) || found.enum_values.is_some() || has_twins(&found), "{found:?}");
    let mut out = Writer::bare();
    found.write(&mut out).expect("a type of this size has a place on the wire");
    let again = [&[1], out.as_slice()].concat();
    assert_eq!(BinaryType::read_reply(&again), Ok(Some(found)));
}

/// Where keys live and where nodes listen: the first byte chooses which of the two answers follows.
pub fn partition_map(data: &[u8]) {
    let Some((choice, payload)) = data.split_first() else { return };
    if choice % 4 == 3 {
        if let Ok(endpoints) = Endpoints::read(payload) {
            let told: usize = endpoints.nodes.iter().map(|node| 24 + node.hosts.iter().map(String::len).sum::<usize>()).sum();
            assert!(told <= payload.len(), "more endpoints than bytes");
        }
        return;
    }
    let Ok(mapping) = Mapping::read(payload) else { return };
    let (mut ids, mut partitions) = (0, 0);
    for group in &mapping.groups {
        assert!(group.is_applicable || group.owners.is_empty(), "owners of what nobody can place");
        ids += group.caches.iter().map(|cache| 1 + 2 * cache.fields.len()).sum::<usize>();
        partitions += group.owners.iter().map(|(_, owned)| owned.len()).sum::<usize>();
        assert!(group.owners.iter().flat_map(|(_, owned)| owned).all(|partition| *partition < 65_000), "no such partition");
    }
    assert!(4 * (ids + partitions) <= payload.len(), "more numbers than bytes");
    assert!(Mapping::read(&[payload, &[0]].concat()).is_err(), "a byte after the map that nobody read");
}

/// Answers of queries. The first byte chooses: the first answer to a statement, with names of columns or without; a later page, of as
/// many columns as the second byte says; a page of entries.
pub fn sql_page(data: &[u8]) {
    let Some((choice, payload)) = data.split_first() else { return };
    if let Ok((values, _)) = page(choice % 4, payload) {
        assert!(values <= payload.len(), "more values than bytes");
        assert!(page(choice % 4, &[payload, &[0]].concat()).is_err(), "a byte after the page that nobody read");
    }
}

/// How many values a page has, and whether more follow.
fn page(form: u8, payload: &[u8]) -> Result<(usize, bool), DecodeError> {
    let mut reader = Reader::new(payload);
    let values = match form {
        0 | 1 => {
            reader.i64()?;
            let columns = query::read_column_count(&mut reader)?;
            if form == 0 {
                assert_eq!(query::read_field_names(&mut reader, columns)?.len(), columns);
            }
            columns * query::read_row_count(&mut reader, columns)?
        }
        2 => {
            let columns = usize::from(reader.u8()?);
            columns * query::read_row_count(&mut reader, columns)?
        }
        _ => 2 * query::read_entry_count(&mut reader)?,
    };
    for _ in 0..values {
        skip(&mut reader)?;
    }
    Ok((values, query::read_page_end(&mut reader)?))
}

/// Two fields of one id: then the first one stands for both.
fn has_twins(found: &BinaryType) -> bool {
    found.fields.iter().enumerate().any(|(index, field)| found.fields.iter().take(index).any(|other| other.id == field.id))
}

fn written(value: &Value) -> Vec<u8> {
    let mut out = Writer::bare();
    value.write(&mut out).expect("a value of this size has a place on the wire");
    out.into_buffer()
}

/// Makes a value from bytes; where they end, it goes on with zeros.
struct Maker<'a> {
    data: &'a [u8],
}

impl Maker<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.data.split_first() else { return 0 };
        self.data = rest;
        *first
    }

    fn number<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn long(&mut self) -> i64 {
        i64::from_le_bytes(self.number())
    }

    fn int(&mut self) -> i32 {
        i32::from_le_bytes(self.number())
    }

    fn bytes(&mut self, unit: usize) -> Vec<u8> {
        let length = usize::from(self.byte()) * unit;
        (0..length).map(|_| self.byte()).collect()
    }

    fn type_id(&mut self) -> i32 {
        self.int()
    }

    fn items(&mut self, mut item: impl FnMut(&mut Self) -> Value) -> Vec<Value> {
        let length = (self.byte() % 16).min(self.data.len() as u8);
        (0..length).map(|_| item(self)).collect()
    }

    fn standard(&mut self, code: TypeCode) -> Value {
        match code {
            TypeCode::String => Value::String(String::from_utf8_lossy(&self.bytes(1)).into_owned()),
            TypeCode::Uuid => Value::Uuid { most: self.long() as u64, least: self.long() as u64 },
            TypeCode::Date => Value::Date(self.long()),
            TypeCode::Timestamp => Value::Timestamp { epoch_ms: self.long(), nanoseconds: self.int() },
            TypeCode::Time => Value::Time(self.long()),
            _ => Value::Decimal(Decimal::new(self.int(), self.byte() % 2 == 1, self.bytes(1))),
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        const STANDARD: [TypeCode; 6] =
            [TypeCode::String, TypeCode::Uuid, TypeCode::Date, TypeCode::Timestamp, TypeCode::Time, TypeCode::Decimal];
        const PRIMITIVES: [PrimitiveKind; 8] = [
            PrimitiveKind::Byte,
            PrimitiveKind::Short,
            PrimitiveKind::Int,
            PrimitiveKind::Long,
            PrimitiveKind::Float,
            PrimitiveKind::Double,
            PrimitiveKind::Char,
            PrimitiveKind::Bool,
        ];
        let kinds = if depth < 40 { 20 } else { 16 };
        match self.byte() % kinds {
            0 => Value::Null,
            1 => Value::Byte(self.byte() as i8),
            2 => Value::Short(i16::from_le_bytes(self.number())),
            3 => Value::Int(self.int()),
            4 => Value::Long(self.long()),
            5 => Value::Float(f32::from_le_bytes(self.number())),
            6 => Value::Double(f64::from_le_bytes(self.number())),
            7 => Value::Char(u16::from_le_bytes(self.number())),
            8 => Value::Bool(self.byte() % 2 == 1),
            9 | 10 => {
                let code = STANDARD[usize::from(self.byte()) % STANDARD.len()];
                self.standard(code)
            }
            11 => self.enum_value(),
            12 => {
                let kind = PRIMITIVES[usize::from(self.byte()) % PRIMITIVES.len()];
                Value::Primitives { kind, elements: self.bytes(kind.size()) }
            }
            13 => {
                let code = STANDARD[usize::from(self.byte()) % STANDARD.len()];
                let element = |maker: &mut Self| if maker.byte().is_multiple_of(4) { Value::Null } else { maker.standard(code) };
                Value::List { kind: ListKind::StandardArray(code), items: self.items(element) }
            }
            14 => Value::List { kind: ListKind::EnumArray { type_id: self.type_id() }, items: self.items(Self::enum_value) },
            15 => Value::Optimized(self.bytes(1)),
            16 => {
                let kind = ListKind::ObjectArray { type_id: self.type_id() };
                Value::List { kind, items: self.items(|maker| maker.value(depth + 1)) }
            }
            17 | 18 => {
                let kind = ListKind::Collection { kind: (self.byte() % 7) as i8 - 1 };
                Value::List { kind, items: self.items(|maker| maker.value(depth + 1)) }
            }
            _ => {
                let kind = (self.byte() % 3) as i8;
                let mut keys = self.items(|maker| maker.value(depth + 1));
                let entries = keys.drain(..).map(|key| (key, self.value(depth + 1))).collect();
                Value::Map { kind, entries }
            }
        }
    }

    fn enum_value(&mut self) -> Value {
        Value::Enum { type_id: self.type_id(), ordinal: self.int(), binary: self.byte() % 2 == 1 }
    }
}
