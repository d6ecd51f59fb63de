//! Bytes that no honest server sends: each is an error or a value, never a panic, never an overflowing stack, and never much
//! more memory than the bytes themselves.

mod support;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use pyignite_rs::protocol::context::FeatureSet;
use pyignite_rs::protocol::error::{DecodeErrorKind, EncodeErrorKind};
use pyignite_rs::protocol::frame::{ResponseHeader, message_length};
use pyignite_rs::protocol::handshake::Handshake;
use pyignite_rs::protocol::object::ListKind;
use pyignite_rs::protocol::object::value::Value;
use pyignite_rs::protocol::read::MAX_DEPTH;
use pyignite_rs::protocol::type_code::TypeCode;
use pyignite_rs::protocol::{DecodeError, ProtocolContext, ProtocolVersion, Writer, hash};
use support::random::{self, Random};
use support::{allocation, examples, fixtures, hex, reached, size, written};

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;

/// Every example and every fixture, with a name for messages.
fn inputs() -> Vec<(String, Vec<u8>)> {
    let examples = examples::all().into_iter().map(|example| (example.name.to_owned(), example.bytes));
    examples.chain(fixtures::all().into_iter().map(|fixture| (fixture.name, fixture.bytes))).collect()
}

/// What the codec may hold at one time for a message of `length` bytes.
fn allowed(length: usize) -> usize {
    64 * length + (64 << 10)
}

/// Reads the bytes as a value and as a key, and looks at the memory that this took.
fn read_within_bounds(bytes: &[u8], what: &dyn Fn() -> String) -> Result<Value, DecodeError> {
    let (value, peak) = allocation::peak(|| Value::read(bytes));
    assert!(peak <= allowed(bytes.len()), "{} bytes held for {} of {}", peak, bytes.len(), what());
    let (hash, peak) = allocation::peak(|| hash::value(bytes));
    assert!(peak <= allowed(bytes.len()), "{} bytes held for the hash of {}", peak, what());
    match (&value, &hash) {
        (Err(error), Ok(_)) => panic!("{} has a hash but no value: {error}", what()),
        // Classes that only Java can read have no hash.
        (Ok(_), Err(error)) => assert!(matches!(error.kind(), DecodeErrorKind::Unsupported { .. }), "{}: {error}", what()),
        _ => {}
    }
    value
}

#[test]
fn every_prefix_of_a_value_is_an_error() {
    for (name, bytes) in inputs() {
        for cut in 0..bytes.len() {
            assert!(Value::read(&bytes[..cut]).is_err(), "{name} cut at {cut}");
            assert!(hash::value(&bytes[..cut]).is_err(), "hash of {name} cut at {cut}");
        }
    }
}

#[test]
fn a_byte_after_the_value_is_an_error() {
    for (name, mut bytes) in inputs() {
        let length = bytes.len();
        bytes.push(0x65);
        let error = Value::read(&bytes).expect_err(&name);
        if *error.kind() == (DecodeErrorKind::Unsupported { what: "a handle outside a complex object" }) {
            assert!(name.starts_with("handle/"), "{name}: {error}");
            continue;
        }
        assert_eq!((error.kind(), error.offset()), (&DecodeErrorKind::TrailingBytes { left: 1 }, length), "{name}");
        assert!(hash::value(&bytes).is_err(), "{name}");
    }
}

#[test]
fn lengths_from_hell_are_refused_without_taking_memory_for_them() {
    let mut accepted = 0;
    for (name, bytes) in inputs() {
        for at in 0..bytes.len().saturating_sub(3) {
            let left = (bytes.len() - at) as i32;
            for length in [-1, i32::MIN, i32::MAX, i32::MAX - 3, left, left - 4, left - 5, left + 1, 1 << 24] {
                let mut mutated = bytes.clone();
                mutated[at..at + 4].copy_from_slice(&length.to_le_bytes());
                accepted += read_within_bounds(&mutated, &|| format!("{name}, {length} at {at}")).is_ok() as usize;
            }
        }
    }
    // Numbers stay numbers whatever their bytes: a test in which nothing is accepted would have missed the fields.
    assert!(accepted > 100, "{accepted} mutations accepted");
}

#[test]
fn nested_counts_can_not_claim_the_same_bytes_twice() {
    // Each of 200 object arrays claims all bytes that follow it: 200 times the message if they were believed.
    let mut bytes = Vec::new();
    let total: i32 = 200 * 9 + 100_000;
    for level in 0..200 {
        bytes.extend(hex(&["17 FFFFFFFF"]));
        bytes.extend((total - (level + 1) * 9).to_le_bytes());
    }
    bytes.resize(total as usize, 0x65);
    let error = read_within_bounds(&bytes, &|| "nested arrays".into()).expect_err("the outer arrays lack elements");
    assert!(matches!(error.kind(), DecodeErrorKind::BadLength { .. }), "{error}");

    // The same with maps, whose entries hold at least two bytes each.
    let mut bytes = Vec::new();
    for level in 0..200 {
        bytes.extend(hex(&["19"]));
        bytes.extend(((total - (level + 1) * 7) / 2).to_le_bytes());
        bytes.extend(hex(&["01 65"]));
    }
    bytes.resize(total as usize, 0x65);
    read_within_bounds(&bytes, &|| "nested maps".into()).expect_err("the outer maps lack entries");
}

/// One way to nest: what stands in front of the inner value, and what after it.
const NESTINGS: &[(&str, &str, &str)] = &[
    ("list", "18 01000000 01", ""),
    ("object array", "17 FFFFFFFF 01000000", ""),
    ("value of a map", "19 01000000 01 65", ""),
    ("key of a map", "19 01000000 01", "65"),
    ("last of three", "18 03000000 01 65 65", ""),
];

fn nested(before: &str, after: &str, depth: usize) -> Vec<u8> {
    let (before, after) = (hex(&[before]), hex(&[after]));
    [before.repeat(depth), vec![0x65], after.repeat(depth)].concat()
}

/// Runs `work` on a thread with a small stack; one that overflows ends the whole test run.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(SMALL_STACK).spawn(work).expect("a thread can be started");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Optimized, the 256 levels that are allowed take between 64 and 96 KiB (measured). A debug build keeps every temporary of a
/// frame apart and takes between 512 and 768 KiB.
const SMALL_STACK: usize = if cfg!(debug_assertions) { 1 << 20 } else { 128 << 10 };

#[test]
fn nesting_has_a_limit_far_from_the_end_of_a_small_stack() {
    on_a_small_stack(|| {
        let depths = (1..300).chain([1_000, 10_000, 100_000, 1_000_000]);
        for depth in depths {
            for (name, before, after) in NESTINGS {
                let bytes = nested(before, after, depth);
                let (value, hash) = (Value::read(&bytes), hash::value(&bytes));
                if depth <= MAX_DEPTH {
                    let value = value.unwrap_or_else(|error| panic!("{name} {depth}: {error}"));
                    assert_eq!(written(&value), bytes, "{name} {depth}");
                    assert!(hash.is_ok(), "{name} {depth}");
                } else {
                    let limit = DecodeErrorKind::TooDeep { limit: MAX_DEPTH };
                    assert_eq!(value.expect_err(name).kind(), &limit, "{name} {depth}");
                    assert_eq!(hash.expect_err(name).kind(), &limit, "{name} {depth}");
                }
            }
        }
    });
}

#[test]
fn values_nested_past_the_limit_are_not_written() {
    on_a_small_stack(|| {
        let mut value = Value::Null;
        for depth in 1..=MAX_DEPTH + 2 {
            value = match depth % 2 {
                0 => Value::Map { kind: 1, entries: vec![(value, Value::Null)] },
                _ => Value::List { kind: ListKind::Collection { kind: 1 }, items: vec![value] },
            };
            let result = value.write(&mut Writer::bare());
            if depth <= MAX_DEPTH {
                assert_eq!(result, Ok(()), "{depth}");
            } else {
                assert_eq!(result.expect_err("too deep").kind(), &EncodeErrorKind::TooDeep { limit: MAX_DEPTH });
            }
        }
    });
}

#[test]
fn type_codes_that_are_not_in_the_table_are_named_in_the_error() {
    let mut unknown = 0;
    for code in 0..=u8::MAX {
        for tail in [&[][..], &[0; 64], &[0xff; 64]] {
            let bytes = [&[code], tail].concat();
            let result = read_within_bounds(&bytes, &|| format!("type code {code:#04x}"));
            if TypeCode::from_byte(code).is_none() {
                unknown += 1;
                let error = result.expect_err("an unknown type code");
                assert_eq!(error.kind(), &DecodeErrorKind::TypeCode { code, expected: "a value" });
                assert_eq!(error.offset(), 0);
            }
        }
    }
    assert_eq!(unknown, 3 * (256 - TypeCode::ALL.len()));
}

#[test]
fn kinds_and_elements_outside_the_protocol_are_refused() {
    for (bytes, expected) in [
        ("18 00000000 06", DecodeErrorKind::Value { what: "collection kind", value: 6 }),
        ("18 00000000 FE", DecodeErrorKind::Value { what: "collection kind", value: -2 }),
        ("19 00000000 03", DecodeErrorKind::Value { what: "map kind", value: 3 }),
        ("19 00000000 FF", DecodeErrorKind::Value { what: "map kind", value: -1 }),
        // An int in an array of strings.
        ("14 01000000 03 01000000", DecodeErrorKind::TypeCode { code: 3, expected: "string" }),
        // A class name that is an int.
        ("1C 00000000 03 01000000", DecodeErrorKind::TypeCode { code: 3, expected: "a class name" }),
        ("1E 00000000 00000000", DecodeErrorKind::Value { what: "decimal length", value: 0 }),
        // A continuation byte without a start; a surrogate; five bytes that end in the middle of a character.
        ("09 01000000 80", DecodeErrorKind::Utf8),
        ("09 03000000 EDA080", DecodeErrorKind::Utf8),
        ("09 02000000 F09F", DecodeErrorKind::Utf8),
        ("66 05000000", DecodeErrorKind::Unsupported { what: "a handle outside a complex object" }),
        ("23 00000000 65", DecodeErrorKind::Unsupported { what: "a Java proxy" }),
    ] {
        assert_eq!(Value::read(&hex(&[bytes])).expect_err(bytes).kind(), &expected, "{bytes}");
        assert_eq!(hash::value(&hex(&[bytes])).expect_err(bytes).kind(), &expected, "{bytes}");
    }
}

#[test]
fn errors_tell_the_way_to_the_place() {
    // A list whose second element is a map with a broken string as value of its first entry.
    let bytes = hex(&["18 02000000 01", "65", "19 01000000 01", "65", "09 01000000 80"]);
    let error = Value::read(&bytes).expect_err("broken text");
    assert_eq!((error.kind(), error.offset()), (&DecodeErrorKind::Utf8, 19));
    assert_eq!(error.to_string(), "string is not valid UTF-8 (at byte 19 of [1][0])");
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random(1);
    let mut read = 0;
    for case in 0..100_000 {
        let mut bytes: Vec<u8> = (0..1 + random.below(80)).map(|_| random.next() as u8).collect();
        // Small numbers and type codes that exist get further than noise does.
        for _ in 0..random.below(bytes.len() + 1) {
            let at = random.below(bytes.len());
            bytes[at] = if random.below(2) == 0 { 0 } else { random.below(0x27) as u8 };
        }
        if random.below(8) > 0 {
            bytes[0] = TypeCode::ALL[random.below(TypeCode::ALL.len())] as u8;
        }
        read += read_within_bounds(&bytes, &|| format!("case {case}")).is_ok() as usize;
    }
    assert!(read > 100, "only {read} cases were values");
}

/// On both cores, each with values of its own.
#[test]
fn values_come_back_as_they_were_written() {
    let (threads, values) = (2, size(5_000, 1_000_000));
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let config = ProptestConfig {
                    cases: (values / threads) as u32,
                    failure_persistence: None,
                    rng_seed: RngSeed::Fixed(thread as u64),
                    ..ProptestConfig::default()
                };
                let came_back = TestRunner::new(config).run(&random::value(), |value| {
                    let bytes = written(&value);
                    prop_assert_eq!(Value::read(&bytes).expect("what was written can be read"), value);
                    Ok(())
                });
                came_back.unwrap_or_else(|failure| panic!("{failure}"));
            });
        }
    });
    reached("G6", "random values written and read in Rust", &format!("{values} values"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_cut_anywhere_are_errors(value in random::value(), at in any::<prop::sample::Index>()) {
        let bytes = written(&value);
        prop_assert!(Value::read(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn values_with_a_changed_byte_are_values_or_errors(
        value in random::value(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = written(&value);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(value) = read_within_bounds(&bytes, &|| format!("{byte} at {at}")) {
            prop_assert_eq!(Value::read(&written(&value)).expect("what was written can be read"), value);
        }
    }
}

const NEW: ProtocolContext = ProtocolContext { version: ProtocolVersion::V1_7, features: FeatureSet::ALL };

fn old() -> ProtocolContext {
    ProtocolContext { version: ProtocolVersion::V1_2, features: FeatureSet::default() }
}

#[test]
fn every_prefix_of_a_response_header_is_an_error() {
    for (name, context, segments) in [
        (
            "success",
            NEW,
            &[
                "0900000000000000", // request id 9
                "0000",             // no flags
            ][..],
        ),
        (
            "error after a topology change",
            NEW,
            &[
                "0900000000000000",          // request id 9
                "0300",                      // error, topology changed
                "0500000000000000 02000000", // topology 5.2
                "E8030000",                  // status 1000
                "09 02000000 6E6F",          // "no"
            ],
        ),
        (
            "failed notification",
            NEW,
            &[
                "0900000000000000",          // resource id 9
                "0700",                      // error, topology changed, notification
                "0500000000000000 02000000", // topology 5.2
                "0000",                      // op code
                "01000000",                  // status 1
                "65",                        // no message
            ],
        ),
        ("success before 1.4", old(), &["0900000000000000", "00000000"]),
        ("error before 1.4", old(), &["0900000000000000", "E8030000", "09 02000000 6E6F"]),
    ] {
        let bytes = hex(segments);
        let header = ResponseHeader::read(&bytes, &context).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((header.id, header.payload), (9, bytes.len()), "{name}");
        for cut in 0..bytes.len() {
            assert!(ResponseHeader::read(&bytes[..cut], &context).is_err(), "{name} cut at {cut}");
        }
        if header.error.is_some() {
            let longer = [&bytes[..], &[0]].concat();
            assert!(ResponseHeader::read(&longer, &context).is_err(), "{name} and a byte more");
        }
        for at in 0..bytes.len() - 3 {
            for number in [-1, i32::MAX, i32::MIN] {
                let mut mutated = bytes.clone();
                mutated[at..at + 4].copy_from_slice(&number.to_le_bytes());
                let (header, peak) = allocation::peak(|| ResponseHeader::read(&mutated, &context));
                assert!(peak <= allowed(bytes.len()), "{name}: {peak} bytes held");
                assert!(header.is_err() || header.is_ok_and(|header| header.payload <= mutated.len()), "{name}");
            }
        }
    }
}

#[test]
fn every_prefix_of_a_handshake_answer_is_an_error() {
    let accepted = hex(&[
        "01",                                   // accepted
        "0C 03000000 FFFF0B",                   // features
        "0A 0100000000000000 0200000000000000", // node id
    ]);
    let refused = hex(&[
        "00",             // refused
        "0100 0600 0000", // server speaks 1.6.0
        "09 01000000 78", // "x"
        "01000000",       // status 1
    ]);
    for (name, bytes, optional) in [("accepted", &accepted, None), ("refused", &refused, Some(refused.len() - 4))] {
        assert!(Handshake::new(None).answer(bytes).is_ok(), "{name}");
        for cut in 0..bytes.len() {
            // Servers before 1.1 send no status, so the message may end in front of it.
            let whole = optional == Some(cut);
            assert_eq!(Handshake::new(None).answer(&bytes[..cut]).is_ok(), whole, "{name} cut at {cut}");
        }
        for at in 0..bytes.len() - 3 {
            for number in [-1, i32::MAX, i32::MIN] {
                let mut mutated = bytes.to_vec();
                mutated[at..at + 4].copy_from_slice(&number.to_le_bytes());
                let (_, peak) = allocation::peak(|| Handshake::new(None).answer(&mutated));
                assert!(peak <= allowed(bytes.len()), "{name}: {peak} bytes held");
            }
        }
    }
}

#[test]
fn an_unknown_type_code_in_a_field_is_named_in_the_error() {
    let answer = hex(&[
        "01",          // accepted
        "50 00000000", // no byte array of features
    ]);
    let error = Handshake::new(None).answer(&answer).expect_err("0x50 is no type code");
    assert_eq!((error.kind(), error.offset()), (&DecodeErrorKind::TypeCode { code: 0x50, expected: "byte array" }, 1));
}

#[test]
fn a_stream_in_any_pieces_tells_the_same_message_lengths() {
    let stream = hex(&["01000000 AA", "0A000000 00112233445566778899", "00010000"]);
    for end in 0..=stream.len() {
        let expected = if end < 4 { None } else { Some(1) };
        assert_eq!(message_length(&stream[..end], 1 << 20), Ok(expected), "{end} bytes received");
    }
    assert_eq!(message_length(&stream[5..], 1 << 20), Ok(Some(10)));
    assert_eq!(message_length(&stream[19..], 1 << 20), Ok(Some(256)));
    assert!(message_length(&stream[19..], 255).is_err());
    // Every window of the stream, as after a lost byte: a length within bounds, or an error, never more than was allowed.
    for start in 0..stream.len() - 3 {
        let said = i32::from_le_bytes(stream[start..start + 4].try_into().expect("four bytes"));
        let expected = usize::try_from(said).ok().filter(|length| (1..=300).contains(length));
        assert_eq!(message_length(&stream[start..], 300).ok().flatten(), expected, "window at {start}");
    }
}
