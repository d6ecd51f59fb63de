//! Nanoseconds per item of the codec, without any server: writing from the tree, walking without building anything, reading
//! into the tree, and the Java hash.
//!
//! `cargo bench --bench codec` prints a table, medians of eleven rounds; an argument keeps the rows that contain it. Without
//! cargo's `--bench`, as under callgrind or `cargo test --benches`, each row runs once.

use pyignite_rs::protocol::object::value::{Decimal, Value};
use pyignite_rs::protocol::object::{Complex, DecimalParts, ListKind, PrimitiveKind, Visitor, walk};
use pyignite_rs::protocol::{DecodeError, Reader, Writer, hash};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 11;
/// A round takes about this long.
const ROUND: Duration = Duration::from_millis(20);

/// One row: a value, and how many items it counts as.
struct Row {
    name: &'static str,
    items: usize,
    value: Value,
}

fn rows() -> Vec<Row> {
    let map = |entries: Vec<(Value, Value)>| Value::Map { kind: 1, entries };
    let list = |items: Vec<Value>| Value::List { kind: ListKind::Collection { kind: 1 }, items };
    let text = |length: usize| Value::String("abcdefghij".repeat(length / 10));
    let one = |name, value| Row { name, items: 1, value };
    let many = |name, value| Row { name, items: 1000, value };
    vec![
        one("int", Value::Int(42)),
        one("string of 10", text(10)),
        one("string of 100", text(100)),
        one("string of 1,000", text(1000)),
        one("string of 100, Cyrillic", Value::String("я".repeat(100))),
        one("decimal of 4 bytes", Value::Decimal(Decimal::from_unscaled(123_456_789, 2))),
        one("decimal of 16 bytes", Value::Decimal(Decimal::from_unscaled(i128::MAX, 10))),
        one("UUID", Value::Uuid { most: 1, least: 2 }),
        many("map of 1,000 int -> str", map((0..1000).map(|key| (key.into(), format!("value-{key}").as_str().into())).collect())),
        many("list of 1,000 ints", list((0..1000).map(Value::Int).collect())),
        many("list of 1,000 doubles", list((0..1000).map(|value| Value::Double(value.into())).collect())),
        many("list of 1,000 decimals", list((0..1000).map(|value| Value::Decimal(Decimal::from_unscaled(value, 2))).collect())),
        many("int array of 1,000", Value::Primitives { kind: PrimitiveKind::Int, elements: vec![7; 4000] }),
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let once = !arguments.iter().any(|argument| argument == "--bench");
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    println!("{:26} {:>8} {:>10} {:>10} {:>10} {:>10}", "ns per item", "bytes", "encode", "walk", "tree", "hash");
    for row in rows().iter().filter(|row| filter.is_none_or(|filter| row.name.contains(filter.as_str()))) {
        let mut out = Writer::bare();
        row.value.write(&mut out).expect("the value has a place on the wire");
        let bytes = out.into_buffer();
        assert_eq!(Value::read(&bytes).as_ref(), Ok(&row.value), "{} does not come back", row.name);

        let mut out = Some(Writer::request(Vec::with_capacity(bytes.len() + 64)));
        let encode = per_item(row, once, || {
            let mut writer = Writer::request(out.take().expect("put back after each round").into_buffer());
            black_box(&row.value).write(&mut writer).expect("the value has a place on the wire");
            black_box(writer.as_slice());
            out = Some(writer);
        });
        let walked = per_item(row, once, || {
            let mut count = Count(0);
            walk(&mut Reader::new(black_box(&bytes)), &mut count).expect("the bytes hold a value");
            black_box(count.0);
        });
        let tree = per_item(row, once, || drop(black_box(Value::read(black_box(&bytes)))));
        let hashed = per_item(row, once, || drop(black_box(hash::value(black_box(&bytes)))));
        println!("{:26} {:>8} {encode:>10.1} {walked:>10.1} {tree:>10.1} {hashed:>10.1}", row.name, bytes.len());
    }
}

/// Median nanoseconds per item.
fn per_item(row: &Row, once: bool, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    work();
    let first = start.elapsed();
    if once {
        return first.as_nanos() as f64 / row.items as f64;
    }
    let mut repeat = 1;
    while time(repeat, &mut work) < ROUND / 4 {
        repeat *= 2;
    }
    repeat *= 4;
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| time(repeat, &mut work).as_nanos() as f64).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2] / f64::from(repeat) / row.items as f64
}

fn time(repeat: u32, work: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..repeat).for_each(|_| work());
    start.elapsed()
}

/// Counts values and builds nothing: what the walk itself costs.
struct Count(usize);

impl Count {
    #[inline]
    fn one(&mut self) -> Result<(), DecodeError> {
        self.0 += 1;
        Ok(())
    }
}

impl<'a> Visitor<'a> for Count {
    type Value = ();
    type List = ();
    type Map = ();
    type Error = DecodeError;

    fn null(&mut self) -> Result<(), DecodeError> {
        self.one()
    }

    fn byte(&mut self, _: i8) -> Result<(), DecodeError> {
        self.one()
    }

    fn short(&mut self, _: i16) -> Result<(), DecodeError> {
        self.one()
    }

    fn int(&mut self, _: i32) -> Result<(), DecodeError> {
        self.one()
    }

    fn long(&mut self, _: i64) -> Result<(), DecodeError> {
        self.one()
    }

    fn float(&mut self, _: f32) -> Result<(), DecodeError> {
        self.one()
    }

    fn double(&mut self, _: f64) -> Result<(), DecodeError> {
        self.one()
    }

    fn char(&mut self, _: u16) -> Result<(), DecodeError> {
        self.one()
    }

    fn bool(&mut self, _: bool) -> Result<(), DecodeError> {
        self.one()
    }

    fn string(&mut self, _: &'a [u8], _: usize) -> Result<(), DecodeError> {
        self.one()
    }

    fn uuid(&mut self, _: u64, _: u64) -> Result<(), DecodeError> {
        self.one()
    }

    fn date(&mut self, _: i64, _: usize) -> Result<(), DecodeError> {
        self.one()
    }

    fn timestamp(&mut self, _: i64, _: i32, _: usize) -> Result<(), DecodeError> {
        self.one()
    }

    fn time(&mut self, _: i64, _: usize) -> Result<(), DecodeError> {
        self.one()
    }

    fn decimal(&mut self, _: DecimalParts<'a>, _: usize) -> Result<(), DecodeError> {
        self.one()
    }

    fn enum_value(&mut self, _: i32, _: i32, _: bool) -> Result<(), DecodeError> {
        self.one()
    }

    fn primitives(&mut self, _: PrimitiveKind, _: &'a [u8]) -> Result<(), DecodeError> {
        self.one()
    }

    fn list(&mut self, _: ListKind, _: usize, _: usize) -> Result<(), DecodeError> {
        Ok(())
    }

    fn list_item(&mut self, (): &mut (), _: usize, (): ()) -> Result<(), DecodeError> {
        Ok(())
    }

    fn list_end(&mut self, (): ()) -> Result<(), DecodeError> {
        self.one()
    }

    fn map(&mut self, _: i8, _: usize, _: usize) -> Result<(), DecodeError> {
        Ok(())
    }

    fn map_entry(&mut self, (): &mut (), (): (), (): ()) -> Result<(), DecodeError> {
        Ok(())
    }

    fn map_end(&mut self, (): ()) -> Result<(), DecodeError> {
        self.one()
    }

    /// With its fields.
    fn complex(&mut self, object: Complex<'a>) -> Result<(), DecodeError> {
        for index in 0..object.len() {
            if let Some(mut field) = object.field(index)? {
                walk(&mut field, self)?;
            }
        }
        Ok(())
    }

    fn handle(&mut self, _: Reader<'a>) -> Result<(), DecodeError> {
        self.0 += 1;
        Ok(())
    }

    fn class(&mut self, _: i32, _: Option<&'a [u8]>, _: usize) -> Result<(), DecodeError> {
        self.one()
    }

    fn optimized(&mut self, _: &'a [u8], _: usize) -> Result<(), DecodeError> {
        self.one()
    }
}
