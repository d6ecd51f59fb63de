//! Random values for proptest and random bytes for everything else.

use super::examples::list;
use proptest::prelude::*;
use pyignite_rs::protocol::Writer;
use pyignite_rs::protocol::object::value::{Decimal, Value};
use pyignite_rs::protocol::object::{ListKind, PrimitiveKind};
use pyignite_rs::protocol::type_code::TypeCode;

/// Any value of the standard types, nested up to six levels.
pub fn value() -> impl Strategy<Value = Value> {
    prop_oneof![8 => scalar(), 2 => primitives(), 2 => standard_array(), 1 => opaque()].prop_recursive(6, 64, 8, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..8);
        let entries = prop::collection::vec((inner.clone(), inner), 0..6);
        prop_oneof![
            (-1..=5i8, items.clone()).prop_map(|(kind, items)| list(ListKind::Collection { kind }, items)),
            (type_id(), items).prop_map(|(type_id, items)| list(ListKind::ObjectArray { type_id }, items)),
            (0..=2i8, entries).prop_map(|(kind, entries)| Value::Map { kind, entries }),
        ]
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i8>().prop_map(Value::Byte),
        any::<i16>().prop_map(Value::Short),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        // From bits, so that every NaN comes too.
        any::<u32>().prop_map(|bits| Value::Float(f32::from_bits(bits))),
        any::<u64>().prop_map(|bits| Value::Double(f64::from_bits(bits))),
        any::<u16>().prop_map(Value::Char),
        any::<bool>().prop_map(Value::Bool),
        standard(TypeCode::String),
        standard(TypeCode::Uuid),
        standard(TypeCode::Date),
        standard(TypeCode::Timestamp),
        standard(TypeCode::Time),
        standard(TypeCode::Decimal),
        enum_value(),
    ]
}

const ARRAY_ELEMENTS: [TypeCode; 6] =
    [TypeCode::String, TypeCode::Uuid, TypeCode::Date, TypeCode::Timestamp, TypeCode::Time, TypeCode::Decimal];

/// A value of one of the types that have arrays of their own.
fn standard(code: TypeCode) -> BoxedStrategy<Value> {
    match code {
        TypeCode::String => any::<String>().prop_map(Value::String).boxed(),
        TypeCode::Uuid => any::<(u64, u64)>().prop_map(|(most, least)| Value::Uuid { most, least }).boxed(),
        TypeCode::Date => any::<i64>().prop_map(Value::Date).boxed(),
        TypeCode::Timestamp => {
            any::<(i64, i32)>().prop_map(|(epoch_ms, nanoseconds)| Value::Timestamp { epoch_ms, nanoseconds }).boxed()
        }
        TypeCode::Time => any::<i64>().prop_map(Value::Time).boxed(),
        TypeCode::Decimal => (any::<i32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(scale, negative, magnitude)| Value::Decimal(Decimal::new(scale, negative, magnitude)))
            .boxed(),
        other => panic!("{other} has no array of its own"),
    }
}

/// 0 too: it stands for a type without an id.
fn type_id() -> impl Strategy<Value = i32> {
    prop_oneof![1 => Just(0), 9 => any::<i32>()]
}

fn enum_value() -> impl Strategy<Value = Value> {
    (type_id(), any::<i32>(), any::<bool>()).prop_map(|(type_id, ordinal, binary)| Value::Enum { type_id, ordinal, binary })
}

fn primitives() -> impl Strategy<Value = Value> {
    use PrimitiveKind::*;
    (prop::sample::select(vec![Byte, Short, Int, Long, Float, Double, Char, Bool]), 0..20usize).prop_flat_map(|(kind, length)| {
        prop::collection::vec(any::<u8>(), length * kind.size()).prop_map(move |elements| Value::Primitives { kind, elements })
    })
}

fn standard_array() -> impl Strategy<Value = Value> {
    let of_one_type = prop::sample::select(ARRAY_ELEMENTS.to_vec()).prop_flat_map(|code| {
        let element = prop_oneof![1 => Just(Value::Null), 4 => standard(code)];
        prop::collection::vec(element, 0..6).prop_map(move |items| list(ListKind::StandardArray(code), items))
    });
    let of_enums = (type_id(), prop::collection::vec(prop_oneof![Just(Value::Null), enum_value()], 0..6))
        .prop_map(|(type_id, items)| list(ListKind::EnumArray { type_id }, items));
    prop_oneof![6 => of_one_type, 1 => of_enums]
}

fn opaque() -> impl Strategy<Value = Value> {
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![type_id().prop_map(|type_id| Value::Class { type_id }), bytes.clone().prop_map(Value::Optimized), object(bytes),]
}

/// A complex object with or without fields, full and compact; the fields hold scalars.
fn object(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Value> {
    (any::<i32>(), any::<i32>(), prop::collection::vec(scalar(), 0..12), any::<bool>(), bytes).prop_map(
        |(type_id, schema_id, mut fields, compact, bytes)| {
            // Long enough, sometimes, for offsets of two bytes.
            fields.insert(0, Value::Primitives { kind: PrimitiveKind::Byte, elements: bytes.repeat(8) });
            let ids: Vec<i32> = (0..fields.len() as i32).collect();
            // A type id of 0 would need a class name.
            Value::Complex(complex(type_id | 1, schema_id, &fields, if compact { None } else { Some(&ids) }))
        },
    )
}

/// The bytes of an object with these fields, as our writer makes them.
pub fn complex(type_id: i32, schema_id: i32, fields: &[Value], field_ids: Option<&[i32]>) -> Vec<u8> {
    let mut out = Writer::bare();
    let object = out.object(type_id, schema_id).expect("not nested");
    let mut offsets = Vec::new();
    for field in fields {
        offsets.push(object.offset(&out));
        field.write(&mut out).expect("the field has a place on the wire");
    }
    out.object_end(object, &offsets, field_ids).expect("the object is short");
    out.into_buffer()
}

/// SplitMix64: the same bytes in each run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
