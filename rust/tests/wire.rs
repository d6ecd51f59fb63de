//! Values to bytes and back, against bytes that a real Java client made or that were written by hand from the protocol's
//! description; hash codes and partitions against Java's.

mod support;

use pyignite_rs::protocol::affinity::partition;
use pyignite_rs::protocol::error::DecodeErrorKind;
use pyignite_rs::protocol::hash;
use pyignite_rs::protocol::object::value::Value;
use support::fixtures::{self, Fixture, Meaning};
use support::vectors::VECTORS;
use support::{examples, hex, written};

#[test]
fn examples_are_read_as_what_they_say() {
    for example in examples::all() {
        let value = Value::read(&example.bytes).unwrap_or_else(|error| panic!("{}: {error}", example.name));
        assert_eq!(value, example.value, "{}", example.name);
    }
}

#[test]
fn values_are_written_as_the_examples_show() {
    for example in examples::all() {
        assert_eq!(written(&example.value), example.bytes, "{}", example.name);
    }
}

#[test]
fn a_wrapped_complex_object_is_the_object_inside() {
    let bytes = hex(&[
        "1B",             // wrapped object
        "27000000",       // 39 bytes
        examples::PERSON, // the object
        "00000000",       // it starts at offset 0
    ]);
    assert_eq!(Value::read(&bytes), Ok(Value::Complex(hex(&[examples::PERSON]))));
    assert_eq!(hash::value(&bytes), Ok(-88_683_088));
}

#[test]
fn keys_hash_and_lie_where_java_puts_them() {
    assert_eq!(VECTORS.len(), 62);
    for (name, bytes, expected, of_1024, of_10) in VECTORS {
        let hash = hash::value(&hex(&[bytes])).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(hash, *expected, "{name}");
        assert_eq!(partition(hash, 1024), Some(*of_1024), "{name} in 1024 partitions");
        assert_eq!(partition(hash, 10), Some(*of_10), "{name} in 10 partitions");
    }
}

/// A client may write an object that comes again as a handle; the Java client does. Servers never send one outside a complex
/// object: they unfold it, as the same fixtures from the server show.
fn holds_a_handle(fixture: &Fixture) -> bool {
    fixture.name.starts_with("handle/") && fixture.source == "client"
}

#[test]
fn fixtures_are_read_as_what_java_says() {
    let fixtures = fixtures::all();
    assert!(fixtures.len() > 250, "only {} fixtures", fixtures.len());
    for fixture in fixtures.iter().filter(|fixture| !holds_a_handle(fixture)) {
        let value = Value::read(&fixture.bytes).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        let expected = Meaning::default().value(&fixture.expected, Some(&value));
        assert_eq!(value, expected, "{} of {}", fixture.name, fixture.source);
    }
}

#[test]
fn handles_outside_complex_objects_are_refused_and_servers_send_none() {
    let fixtures = fixtures::all();
    let (sent, served): (Vec<_>, Vec<_>) =
        fixtures.iter().filter(|fixture| fixture.name.starts_with("handle/")).partition(|fixture| holds_a_handle(fixture));
    assert!(sent.len() >= 5 && served.len() >= 5, "{} with handles, {} without", sent.len(), served.len());
    for fixture in sent {
        let error = Value::read(&fixture.bytes).expect_err(&fixture.name);
        assert!(matches!(error.kind(), DecodeErrorKind::Unsupported { .. }), "{}: {error}", fixture.name);
    }
    for fixture in served {
        assert!(Value::read(&fixture.bytes).is_ok(), "{}", fixture.name);
    }
}

/// The encoding is compared for all fixtures that the tags describe to the byte. Sets and hash maps are written in the order of
/// the fixture: any order is legal there.
#[test]
fn values_are_written_as_java_writes_them() {
    let mut compared = 0;
    for fixture in fixtures::all().iter().filter(|fixture| !holds_a_handle(fixture)) {
        let found = Value::read(&fixture.bytes).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        let mut meaning = Meaning::default();
        let value = meaning.value(&fixture.expected, Some(&found));
        if meaning.borrowed {
            continue;
        }
        assert_eq!(written(&value), fixture.bytes, "{} of {}", fixture.name, fixture.source);
        compared += 1;
    }
    assert!(compared > 200, "only {compared} fixtures were compared");
}

#[test]
fn keys_hash_and_lie_where_a_node_holds_them() {
    let mut compared = 0;
    for vector in fixtures::hash_vectors() {
        if let Ok(Value::Optimized(_)) = Value::read(&vector.key) {
            // A class that only Java reads: only Java can hash it.
            let error = hash::value(&vector.key).expect_err(&vector.name);
            assert!(matches!(error.kind(), DecodeErrorKind::Unsupported { .. }), "{}: {error}", vector.name);
            continue;
        }
        let hash = hash::value(&vector.key).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(hash, vector.hash, "{}", vector.name);
        let partitions = [1024, 10, 1000].map(|count| partition(hash, count));
        assert_eq!(partitions, vector.partitions.map(Some), "{}", vector.name);
        compared += 1;
    }
    assert!(compared > 100, "only {compared} vectors were compared");
}

#[test]
fn names_turn_into_the_ids_of_java() {
    let names = fixtures::names();
    assert!(names.len() > 20, "only {} names", names.len());
    for (name, cache, type_id, field) in names {
        assert_eq!(hash::cache_id(&name), cache, "cache {name:?}");
        assert_eq!(hash::entity_id(&name), type_id, "type {name:?}");
        assert_eq!(hash::entity_id(&name), field, "field {name:?}");
    }
}

/// The kinds that the recorded keys do not have. A server holds kind -1 as a `HashSet` and 0 as an `ArrayList`, and hashes them so.
#[test]
fn kinds_of_collections_hash_as_what_a_server_makes_of_them() {
    for (kind, expected) in [("FF", 3), ("00", 994), ("01", 994), ("02", 994), ("03", 3), ("04", 3)] {
        let bytes = hex(&[
            "18 02000000",             // collection of two
            kind,                      // its kind
            "03 01000000 03 02000000", // int 1, int 2
        ]);
        assert_eq!(hash::value(&bytes), Ok(expected), "kind {kind}");
    }
}
