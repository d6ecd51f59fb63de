//! What hostile numbers cost: wrong lengths and counts in every place that has one, nesting of any depth on stacks of any size, handles
//! that lead anywhere.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use pyignite_rs::protocol::context::FeatureSet;
use pyignite_rs::protocol::error::DecodeErrorKind;
use pyignite_rs::protocol::frame::{LENGTH_FIELD, ResponseHeader, message_length};
use pyignite_rs::protocol::handshake::Handshake;
use pyignite_rs::protocol::object::skip::skip;
use pyignite_rs::protocol::object::value::Value;
use pyignite_rs::protocol::op::affinity::{Endpoints, Mapping};
use pyignite_rs::protocol::op::query;
use pyignite_rs::protocol::read::MAX_DEPTH;
use pyignite_rs::protocol::{BinaryType, DecodeError, ProtocolContext, ProtocolVersion, Reader, hash};
use support::random::Random;
use support::{allocation, hex, reached, size};

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;

const NEW: ProtocolContext = ProtocolContext { version: ProtocolVersion::V1_7, features: FeatureSet::ALL };

/// What an answer may cost.
const TIME: Duration = Duration::from_secs(1);
const MEMORY: usize = 64 << 20;

/// Bytes behind an answer, so that larger counts find something too. Each is a null.
const PADDING: usize = 256 << 10;

/// A place of a number in an answer: a line of `lengths.tsv`.
struct Field {
    read_by: String,
    name: String,
    before: Vec<u8>,
    right: i32,
    after: Vec<u8>,
}

impl Field {
    fn with(&self, number: i32, padding: usize) -> Vec<u8> {
        [&self.before[..], &number.to_le_bytes(), &self.after, &vec![0x65; padding]].concat()
    }
}

fn fields() -> Vec<Field> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lengths.tsv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let field = |line: &str| {
        let columns: Vec<_> = line.split('\t').collect();
        let [read_by, name, before, right, after] = columns[..] else { panic!("a line of {} columns", columns.len()) };
        Field {
            read_by: read_by.into(),
            name: name.into(),
            before: hex(&[before]),
            right: i32::from_le_bytes(hex(&[right]).try_into().expect("four bytes")),
            after: hex(&[after]),
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(field).collect()
}

/// Reads what stands in this room. `None`: only the Python room reads it.
fn read(read_by: &str, bytes: &[u8]) -> Option<Result<(), DecodeError>> {
    let page = |columns: usize, mut reader: Reader<'_>| {
        for _ in 0..columns * query::read_row_count(&mut reader, columns)? {
            skip(&mut reader)?;
        }
        query::read_page_end(&mut reader).map(drop)
    };
    Some(match read_by {
        "VALUE" => Value::read(bytes).and_then(|value| match value {
            Value::Complex(_) => value.fields().map(drop),
            _ => hash::value(bytes).map(drop).or_else(|error| match error.kind() {
                DecodeErrorKind::Unsupported { .. } => Ok(()),
                _ => panic!("a value without a hash: {error}"),
            }),
        }),
        "FRAME" => match message_length(bytes, 1 << 20) {
            Ok(Some(length)) if bytes.len() >= LENGTH_FIELD + length => {
                ResponseHeader::read(&bytes[LENGTH_FIELD..LENGTH_FIELD + length], &NEW).map(drop)
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        },
        "HEADER" => ResponseHeader::read(bytes, &NEW).map(drop),
        "HANDSHAKE" => Handshake::new(None).answer(bytes).map(drop),
        "OP_CACHE_PARTITIONS" => Mapping::read(bytes).map(drop),
        "OP_CLUSTER_GROUP_GET_NODE_ENDPOINTS" => Endpoints::read(bytes).map(drop),
        "OP_GET_BINARY_TYPE" => BinaryType::read_reply(bytes).map(drop),
        "OP_QUERY_SQL_FIELDS" => (|| {
            let mut reader = Reader::new(bytes);
            reader.i64()?;
            let columns = query::read_column_count(&mut reader)?;
            query::read_field_names(&mut reader, columns)?;
            page(columns, reader)
        })(),
        // Of as many columns as the recorded answers have.
        "OP_QUERY_SQL_FIELDS_CURSOR_GET_PAGE" => page(13, Reader::new(bytes)),
        "OP_QUERY_SCAN" | "OP_QUERY_SCAN_CURSOR_GET_PAGE" => (|| {
            let mut reader = Reader::new(bytes);
            if read_by == "OP_QUERY_SCAN" {
                reader.i64()?;
            }
            for _ in 0..2 * query::read_entry_count(&mut reader)? {
                skip(&mut reader)?;
            }
            query::read_page_end(&mut reader).map(drop)
        })(),
        "OP_CACHE_GET_ALL" | "OP_CACHE_GET_NAMES" | "OP_CACHE_GET_CONFIGURATION" => return None,
        other => panic!("nobody reads {other}"),
    })
}

#[test]
fn wrong_lengths_and_counts_cost_nothing() {
    let (mut answers, mut refused, mut dearest) = (0, 0, 0);
    for field in fields() {
        let what = format!("{} of {}", field.name, field.read_by);
        let Some(right) = read(&field.read_by, &field.with(field.right, 0)) else { continue };
        right.unwrap_or_else(|error| panic!("{what}: the right number is refused: {error}"));
        let (left, padded) = (field.after.len() as i32, (field.after.len() + PADDING) as i32);
        let numbers = [
            -1,
            i32::MIN,
            i32::MIN + 1,
            i32::MAX,
            i32::MAX - 3,
            1 << 30,
            1 << 24,
            1 << 16,
            field.right - 1,
            field.right + 1,
            left + 1,
            padded,
        ];
        for (number, padding) in numbers.into_iter().flat_map(|number| [(number, 0), (number, PADDING)]) {
            let bytes = field.with(number, padding);
            let start = Instant::now();
            let (outcome, peak) = allocation::peak(|| read(&field.read_by, &bytes));
            let took = start.elapsed();
            assert!(took <= TIME, "{what}, {number}: {took:?}");
            assert!(peak <= MEMORY, "{what}, {number}: {peak} bytes");
            dearest = dearest.max(peak);
            answers += 1;
            refused += usize::from(matches!(outcome, Some(Err(_))));
        }
    }
    assert!(answers >= 300 && refused * 10 > answers * 8, "{refused} of {answers} refused");
    let figure = format!("{answers} answers, {refused} refused; each within 1 s, at most {} KiB held", dearest >> 10);
    reached("G2", "wrong lengths and counts, read in Rust", &figure);
}

/// One way to nest: what stands in front of the inner value, and what after it.
const NESTINGS: &[(&str, &str)] = &[
    ("18 01000000 01", ""),
    ("17 FFFFFFFF 01000000", ""),
    ("19 01000000 01 65", ""),
    ("19 01000000 01", "65"),
    ("18 03000000 01 65 65", ""),
];

/// Complex objects, each the only field of the one around it. Every level has its length and its footer.
fn nested_objects(depth: usize) -> Vec<u8> {
    (0..depth).fold(vec![0x65], |inner, _| object_of(&inner))
}

/// A complex object of one field, with offsets of four bytes.
fn object_of(field: &[u8]) -> Vec<u8> {
    let length = (24 + field.len() + 4) as i32;
    let mut object = hex(&["67 01 2300 559BE3C4 00000000"]);
    object.extend(length.to_le_bytes());
    object.extend(hex(&["F3F1DC39"]));
    object.extend((length - 4).to_le_bytes());
    object.extend(field);
    object.extend(24i32.to_le_bytes());
    object
}

/// Depths from 1 to a million in so many steps, each by the same factor; the limit and its neighbours among them.
fn depths() -> Vec<usize> {
    let mut depths: Vec<usize> = (0..37).map(|step| 10f64.powf(6.0 * step as f64 / 36.0).round() as usize).collect();
    depths.extend([MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 4]);
    depths.sort_unstable();
    depths.dedup();
    depths
}

/// Runs `work` on a thread with such a stack; one that overflows ends the whole test run.
fn on_a_stack_of(bytes: usize, work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(bytes).spawn(work).expect("a thread can be started");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A debug build keeps every temporary of a frame apart, and a sanitizer adds to that: then these stacks are ten times as large.
const STACKS: [usize; 3] = if cfg!(debug_assertions) { [1280 << 10, 5 << 20, 80 << 20] } else { [128 << 10, 512 << 10, 8 << 20] };

#[test]
fn nesting_of_any_depth_ends_well_on_any_stack() {
    let depths = depths();
    assert!(depths.len() >= 40 && depths.first() == Some(&1) && depths.last() == Some(&1_000_000), "{depths:?}");
    let cases = STACKS.len() * (depths.len() * NESTINGS.len() + depths.iter().filter(|depth| **depth <= 2_000).count());
    for stack in STACKS {
        let depths = depths.clone();
        on_a_stack_of(stack, move || {
            for depth in depths {
                for (before, after) in NESTINGS {
                    let bytes = [hex(&[before]).repeat(depth), vec![0x65], hex(&[after]).repeat(depth)].concat();
                    for outcome in [Value::read(&bytes).map(drop), hash::value(&bytes).map(drop), skip(&mut Reader::new(&bytes))]
                    {
                        match outcome {
                            Ok(()) => assert!(depth <= MAX_DEPTH, "{before} {depth} times"),
                            Err(error) => {
                                assert!(depth > MAX_DEPTH, "{before} {depth} times: {error}");
                                assert_eq!(error.kind(), &DecodeErrorKind::TooDeep { limit: MAX_DEPTH });
                            }
                        }
                    }
                }
                if depth <= 2_000 {
                    // An object is bytes until somebody asks for its fields; each level is asked here.
                    let mut value = Value::read(&nested_objects(depth)).expect("objects are read one level at a time");
                    for _ in 0..depth {
                        value = value.fields().expect("one field").pop().expect("one field");
                    }
                    assert_eq!(value, Value::Null);
                }
            }
        });
    }
    let kib: Vec<_> = STACKS.iter().map(|stack| (stack >> 10).to_string()).collect();
    reached(
        "G3",
        "depths from 1 to 1,000,000, read in Rust",
        &format!("{} depths, {cases} cases, stacks of {} KiB", depths.len(), kib.join(", ")),
    );
}

/// An object whose one field is a list; each element is a number, a list of the elements after it, or a handle to a place.
///
/// Handles go back to any byte of the object or out of it, forward, and to themselves: circles, diamonds, chains, and places where no
/// value begins.
fn graph(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut places = vec![24usize];
    let mut body = Vec::new();
    let elements = 1 + random.below(40);
    body.push(0x18);
    body.extend((elements as i32).to_le_bytes());
    body.push(1);
    for _ in 0..elements {
        let here = 24 + body.len();
        match random.below(4) {
            0 => body.extend(hex(&["03 07000000"])),
            1 => {
                places.push(here);
                body.extend(hex(&["18 01000000 01"]));
                // What it holds: a handle, which may lead to the list around it.
                let target = places[random.below(places.len())];
                body.push(0x66);
                body.extend(((here + 6) as i32 - target as i32).to_le_bytes());
            }
            2 => {
                let target = places[random.below(places.len())];
                body.push(0x66);
                body.extend((here as i32 - target as i32).to_le_bytes());
            }
            _ => {
                body.push(0x66);
                body.extend((random.below(2 * here + 2) as i32 - here as i32).to_le_bytes());
            }
        }
    }
    object_of(&body)
}

/// A circle: a list that holds itself through so many others.
fn circle(around: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..around {
        body.extend(hex(&["18 01000000 01"]));
    }
    body.push(0x66);
    body.extend((6 * around as i32).to_le_bytes());
    object_of(&body)
}

#[test]
fn handles_may_lead_anywhere() {
    let graphs = size(2_000, 20_000);
    let mut refused = 0;
    for seed in 0..graphs as u64 {
        let bytes = graph(seed);
        let (outcome, peak) = allocation::peak(|| Value::read(&bytes).and_then(|value| value.fields()));
        assert!(peak <= 64 * bytes.len() + (1 << 20), "graph {seed}: {peak} bytes for {}", bytes.len());
        refused += usize::from(outcome.is_err());
    }
    assert!(refused > 0 && refused < graphs, "{refused} of {graphs} refused");
    let circles = 200;
    on_a_stack_of(STACKS[0], move || {
        for around in 1..=circles {
            let start = Instant::now();
            let outcome = Value::read(&circle(around)).and_then(|value| value.fields());
            assert!(start.elapsed() <= TIME, "a circle of {around}");
            let error = outcome.expect_err("a value without an end");
            assert!(
                matches!(error.kind(), DecodeErrorKind::TooDeep { .. } | DecodeErrorKind::Unsupported { .. }),
                "a circle of {around}: {error}"
            );
        }
    });
    reached("G3", "graphs of handles, read in Rust", &format!("{graphs} graphs and {circles} circles"));
}
