//! Complex objects: what Java wrote is read field by field and written again to the same bytes; what nobody honest writes is refused.

mod support;

use pyignite_rs::protocol::affinity::{affinity_hash, affinity_value};
use pyignite_rs::protocol::error::DecodeErrorKind;
use pyignite_rs::protocol::hash;
use pyignite_rs::protocol::object::complex::Complex;
use pyignite_rs::protocol::object::optimized;
use pyignite_rs::protocol::object::value::Value;
use support::fixtures::{self, Fixture};
use support::random::{Random, complex};
use support::{examples, hex, written};

/// Objects that Java wrote, as they stand alone.
fn objects() -> Vec<(Fixture, Vec<u8>)> {
    let complex = |fixture: &Fixture| {
        fixture.expected["t"] == "complex" && (fixture.name.starts_with("complex/") || fixture.name.starts_with("object/"))
    };
    let found = fixtures::all().into_iter().filter(complex).map(|fixture| match Value::read(&fixture.bytes) {
        Ok(Value::Complex(object)) => (fixture, object),
        other => panic!("{}: {other:?}", fixture.name),
    });
    found.collect()
}

/// Reads what is inside the complex objects of a value, some levels deep: an object can hold itself.
fn look_inside(value: &Value, levels: usize) {
    match value {
        Value::Complex(_) if levels > 0 => {
            value.fields().unwrap_or_default().iter().for_each(|field| look_inside(field, levels - 1));
        }
        Value::List { items, .. } => items.iter().for_each(|item| look_inside(item, levels)),
        Value::Map { entries, .. } => entries.iter().for_each(|(key, value)| {
            look_inside(key, levels);
            look_inside(value, levels);
        }),
        _ => {}
    }
}

#[test]
fn fields_are_read_under_the_names_that_java_gives_them() {
    let objects = objects();
    assert!(objects.len() >= 12, "only {} objects", objects.len());
    for (fixture, bytes) in &objects {
        let object = Complex::from_bytes(bytes).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        // Java shows all fields of a type, an object has those of its schema; one that holds itself is not told to its end.
        let told = fixture.expected["fields"].as_array().map(Vec::len);
        if told != Some(object.len()) {
            assert!(fixture.name.starts_with("object/"), "{}", fixture.name);
            assert!(told.is_none_or(|told| told > object.len()), "{}", fixture.name);
            continue;
        }
        let names: Vec<_> =
            fixture.expected["fields"].as_array().expect("fields").iter().map(|pair| pair[0].as_str().unwrap()).collect();
        let ids: Vec<i32> = names.iter().map(|name| hash::entity_id(name)).collect();
        assert_eq!(object.len(), names.len(), "{}", fixture.name);
        assert_eq!(i64::from(object.type_id), fixture.expected["type_id"].as_i64().unwrap());
        assert_eq!(object.type_id, hash::entity_id(fixture.expected["type_name"].as_str().unwrap()));
        assert_eq!(object.schema_id, hash::schema_id(ids.iter().copied()), "{}", fixture.name);
        let fields = Value::Complex(bytes.clone()).fields().unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        for (field, pair) in fields.iter().zip(fixture.expected["fields"].as_array().unwrap()) {
            // Enums and arrays of them are shown in the form that Java's own reader makes of them.
            let simple = ["null", "int", "string"].contains(&pair[1]["t"].as_str().unwrap());
            if simple {
                assert_eq!(*field, fixtures::Meaning::default().value(&pair[1], Some(field)), "{} of {}", pair[0], fixture.name);
            }
        }
    }
}

#[test]
fn objects_are_written_as_java_writes_them() {
    let mut compared = 0;
    for (fixture, bytes) in objects() {
        let object = Complex::from_bytes(&bytes).expect("read before");
        let fields = Value::Complex(bytes.clone()).fields().expect("read before");
        let again = complex(object.type_id, object.schema_id, &fields, None);
        let name = fixture.name.rsplit('/').next().expect("a name");
        if ["node_same_twice", "shared_list", "itself", "circle", "raw_data_behind_a_field"].contains(&name) {
            // What Java wrote as a handle is written out, and raw data goes: the object is another one and says the same.
            assert_ne!(again, bytes, "{name}");
            assert_eq!(Complex::from_bytes(&again).map(|again| again.len()), Ok(object.len()), "{name}");
            continue;
        }
        assert_eq!(again, bytes, "{} of {}", fixture.name, fixture.source);
        compared += 1;
    }
    assert!(compared >= 25, "only {compared} objects were compared");
}

#[test]
fn a_handle_is_what_it_points_to() {
    let (_, bytes) = objects().into_iter().find(|(fixture, _)| fixture.name.ends_with("node_same_twice")).expect("a fixture");
    let fields = Value::Complex(bytes).fields().expect("read before");
    assert_eq!(fields[1], fields[2]);
    assert!(matches!(&fields[1], Value::Complex(person) if *person == hex(&[examples::PERSON])));
}

/// From the description of the protocol, seen on a live server: two references to one object, two to one list, one to itself.
#[test]
fn an_object_can_point_to_itself_and_is_not_followed_for_ever() {
    let pojo = "67 01 2B00 114A3904 BAD6A5F5 27000000 F973C837 24000000 03 07000000 09 01000000 78 65 18 1D 23";
    let bytes = hex(&[
        "67 01 2B00 D2CD858C B7882D51 5E000000 D95C0A0D 59000000",
        pojo,                         // 18: the object
        "66 27000000",                // 3F: 0x3F - 0x18
        "18 01000000 01 03 01000000", // 44: a list
        "66 0B000000",                // 4F: 0x4F - 0x44
        "66 54000000",                // 54: 0x54 - 0, the object around it
        "18 3F 44 4F 54",             // 59: footer
    ]);
    let object = Complex::from_bytes(&bytes).unwrap();
    assert_eq!((object.len(), object.is_compact()), (5, true));
    // The tree has no place for a value that holds itself as a reference: it holds the bytes, which say it.
    let fields = Value::Complex(bytes.clone()).fields().unwrap();
    assert_eq!(fields[0], fields[1]);
    assert_eq!(fields[2], fields[3]);
    assert_eq!(fields[4], Value::Complex(bytes));
}

/// A named field and raw data; raw data alone; no fields. From the description of the protocol.
#[test]
fn raw_data_is_passed_over() {
    for (segments, fields) in [
        (
            &[
                "67 01 2F00 FBFF858C 097EFEC8 2C000000 E4D3E1F5 27000000",
                "03 01000000",
                "02000000 09 01000000 72",
                "18",
                "1D000000",
            ][..],
            vec![Value::Int(1)],
        ),
        (&["67 01 2500 27AA73D9 3F000F00 1C000000 C59D1C81 18000000", "02000000"], vec![]),
        (&["67 01 2100 60245482 01000000 18000000 C59D1C81 18000000"], vec![]),
    ] {
        let bytes = hex(segments);
        assert_eq!(Value::read(&bytes), Ok(Value::Complex(bytes.clone())));
        assert_eq!(Value::Complex(bytes.clone()).fields(), Ok(fields));
        for cut in 0..bytes.len() {
            assert!(Value::read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn a_type_without_an_id_has_a_class_name_after_the_header() {
    let person = hex(&[examples::PERSON]);
    let name = hex(&["09 06000000 506572736F6E"]);
    let mut bytes = [&person[..24], &name, &person[24..]].concat();
    bytes[4..8].copy_from_slice(&[0; 4]);
    let (length, shift) = (bytes.len() as i32, name.len() as u8);
    bytes[12..16].copy_from_slice(&length.to_le_bytes());
    bytes[20] += shift;
    for at in [bytes.len() - 2, bytes.len() - 1] {
        bytes[at] += shift;
    }
    let object = Complex::from_bytes(&bytes).unwrap();
    assert_eq!((object.type_id, object.class_name), (0, Some(&b"Person"[..])));
    assert_eq!(Value::Complex(bytes.clone()).fields(), Ok(vec![Value::Int(1), "Bob".into()]));
    // Without the name, or with something else in its place.
    bytes[24] = 3;
    assert!(Value::read(&bytes).is_err());
}

#[test]
fn full_footers_name_the_fields() {
    let bytes = hex(&[
        "67 01 0B00 559BE3C4 B0CDB6FA 2F000000 F3F1DC39 25000000", // header
        "03 01000000",                                             // 1
        "09 03000000 426F62",                                      // "Bob"
        "1B0D0000 18",                                             // id at 0x18
        "8B7A3300 1D",                                             // name at 0x1D
    ]);
    let object = Complex::from_bytes(&bytes).unwrap();
    assert_eq!([object.field_id(0), object.field_id(1)], [Some(3355), Some(3_373_707)]);
    let fields = vec![Value::Int(1), "Bob".into()];
    assert_eq!(Value::Complex(bytes.clone()).fields().as_ref(), Ok(&fields));
    assert_eq!(complex(object.type_id, object.schema_id, &fields, Some(&[3355, 3_373_707])), bytes);
    assert_eq!(hash::value(&bytes), hash::value(&hex(&[examples::PERSON])), "the footer does not count");
}

#[test]
fn headers_and_footers_that_lie_are_refused() {
    let person = hex(&[examples::PERSON]);
    for (at, byte, expected) in [
        (1, 2, DecodeErrorKind::Value { what: "version of a complex object", value: 2 }),
        (20, 0x17, DecodeErrorKind::Value { what: "offset of a footer", value: 0x17 }),
        (20, 0x28, DecodeErrorKind::Value { what: "offset of a footer", value: 0x28 }),
        (23, 0x80, DecodeErrorKind::Value { what: "offset of a footer", value: 0x25 - (1 << 31) }),
        (12, 0x28, DecodeErrorKind::BadLength { what: "object length", length: 0x28, left: 39 }),
        (12, 0x17, DecodeErrorKind::BadLength { what: "object length", length: 0x17, left: 39 }),
    ] {
        let mut lying = person.clone();
        lying[at] = byte;
        assert_eq!(Value::read(&lying).expect_err("a lie").kind(), &expected);
        assert_eq!(hash::value(&lying).expect_err("a lie").kind(), &expected);
    }
    // Offsets of fields are looked at when a field is: before the first one, past the last, backwards, into the footer.
    for (first, second) in [(0x17, 0x1d), (0x18, 0x26), (0x1d, 0x18), (0xff, 0xff), (0x18, 0x17)] {
        let mut lying = person.clone();
        lying[37..].copy_from_slice(&[first, second]);
        let error = Value::Complex(lying).fields().expect_err("an offset that lies");
        assert!(matches!(error.kind(), DecodeErrorKind::Value { what: "offset of a field", .. }), "{error}");
    }
    // A field that is shorter than its place, and one that is longer.
    for second in [0x1e, 0x1c] {
        let mut lying = person.clone();
        lying[38] = second;
        assert!(Value::Complex(lying).fields().is_err());
    }
    // A footer of two bytes per field for three bytes.
    let mut lying = person.clone();
    lying[2] = 0x33;
    lying.push(0);
    lying[12] += 1;
    assert!(matches!(
        Value::read(&lying).expect_err("half an entry").kind(),
        DecodeErrorKind::BadLength { what: "footer length", .. }
    ));
}

/// `count` handles to one list, in a list beside it.
fn handles(count: usize, distance: impl Fn(usize) -> usize) -> Vec<u8> {
    let mut field = hex(&["18"]);
    field.extend((count as i32).to_le_bytes());
    field.push(1);
    for index in 0..count {
        field.push(0x66);
        field.extend((distance(index) as i32).to_le_bytes());
    }
    let value = Value::Complex(complex(1, 2, &[Value::Null], None));
    let mut object = written(&value);
    // In place of the null: the field, and what follows from its length.
    object.splice(24..25, field.iter().copied());
    let (length, tail) = (object.len() as i32, 24 + field.len() as i32);
    object[12..16].copy_from_slice(&length.to_le_bytes());
    object[20..24].copy_from_slice(&tail.to_le_bytes());
    object
}

#[test]
fn handles_reach_nothing_but_earlier_values_of_their_object() {
    for (distance, what) in [
        (0, "itself"),
        (-1, "forward"),
        (i32::MAX, "far away"),
        (31, "before the object"),
        (1, "the middle of something"),
        (6, "the list around it"),
    ] {
        let object = handles(1, |_| distance as usize);
        let bytes = [vec![0x18, 1, 0, 0, 0, 1], object.clone()].concat();
        assert!(Value::read(&bytes).is_ok(), "{what}: nobody asks for the fields");
        assert!(Value::Complex(object).fields().is_err(), "{what}");
    }
    // The object around the list: its bytes hold the handle and are not followed.
    let object = handles(1, |_| 30);
    assert!(Value::Complex(object).fields().is_ok());
}

/// Each level holds the level before twice: 2^n values if nothing stopped it.
#[test]
fn a_few_handles_do_not_become_many_values() {
    let (mut fields, mut start, mut previous) = (Vec::new(), 24, None);
    for _ in 0..40 {
        let mut field = hex(&["18 02000000 01"]);
        let at = start + 6;
        match previous {
            None => field.extend(hex(&["65 65"])),
            Some(place) => {
                for handle in [at, at + 5] {
                    field.push(0x66);
                    field.extend(((handle - place) as i32).to_le_bytes());
                }
            }
        }
        previous = Some(start);
        start += field.len();
        fields.push(field);
    }
    let lengths: Vec<usize> = fields.iter().map(Vec::len).collect();
    // Nulls give the object its shape; the footer is made for the fields.
    let mut object = written(&Value::Complex(complex(1, 2, &[], None)));
    fields.iter().for_each(|field| object.extend(field));
    let tail = object.len() as i32;
    let mut offset = 24_u16;
    for length in lengths {
        object.extend(offset.to_le_bytes());
        offset += length as u16;
    }
    let length = object.len() as i32;
    object[2] = 0x33;
    object[12..16].copy_from_slice(&length.to_le_bytes());
    object[20..24].copy_from_slice(&tail.to_le_bytes());
    let error = Value::Complex(object).fields().expect_err("more values than bytes");
    assert!(matches!(error.kind(), DecodeErrorKind::Unsupported { .. } | DecodeErrorKind::TooDeep { .. }), "{error}");
}

#[test]
fn mutated_objects_are_values_or_errors() {
    let mut random = Random(3);
    let (mut read, mut refused) = (0, 0);
    for (_, bytes) in objects() {
        for _ in 0..3_000 {
            let mut mutated = bytes.clone();
            for _ in 0..1 + random.below(3) {
                let at = random.below(mutated.len());
                mutated[at] = if random.below(2) == 0 { random.next() as u8 } else { random.below(0x68) as u8 };
            }
            match Value::read(&mutated) {
                Ok(value) => {
                    look_inside(&value, 4);
                    read += value.fields().is_ok() as usize;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read > 1_000 && refused > 1_000, "{read} read, {refused} refused");
}

#[test]
fn the_affinity_key_field_decides_where_an_object_lives() {
    let person = hex(&[examples::PERSON]);
    let wrapped = [hex(&["1B 27000000"]), person.clone(), vec![0; 4]].concat();
    let schema = |_, schema_id| (schema_id == 970_781_171).then(|| vec![3355, 3_373_707]);
    let name = hex(&["09 03000000 426F62"]);
    for key in [&person, &wrapped] {
        assert_eq!(affinity_value(key, |_| None, schema), Ok(Some(&key[..])), "no affinity key field");
        assert_eq!(affinity_value(key, |_| Some(3_373_707), schema), Ok(Some(&name[..])));
        assert_eq!(affinity_hash(key, |_| Some(3355), schema), Ok(Some(1)), "the hash of int 1");
        assert_eq!(affinity_hash(key, |_| Some(77), schema), Ok(Some(-88_683_088)), "a field that it has not");
        assert_eq!(affinity_value(key, |_| Some(3355), |_, _| None), Ok(None), "an unknown schema");
    }
    // With null in the field, the whole key counts.
    let nameless = complex(-991_716_523, 970_781_171, &[Value::Int(1), Value::Null], Some(&[3355, 3_373_707]));
    assert_eq!(affinity_value(&nameless, |_| Some(3_373_707), |_, _| None), Ok(Some(&nameless[..])));
    assert_eq!(affinity_hash(&nameless, |_| Some(3355), |_, _| None), Ok(Some(1)));
    assert_eq!(affinity_hash(&written(&Value::Int(5)), |_| Some(3355), schema), Ok(Some(5)), "no object");
}

#[test]
fn of_javas_own_serialization_only_sql_dates_are_read() {
    let mut classes = 0;
    for fixture in fixtures::all().iter().filter(|fixture| fixture.name.starts_with("java/")) {
        let Ok(Value::Optimized(bytes)) = Value::read(&fixture.bytes) else { continue };
        let class = fixture.expected["class"].as_str().unwrap();
        let expected = (class == "java.sql.Date").then_some(1_600_000_000_123);
        assert_eq!(optimized::sql_date(&bytes), expected, "{}", fixture.name);
        let told = optimized::class_name(&bytes);
        classes += (told == format!("of class {class}")) as usize;
        for cut in 0..bytes.len() {
            assert_eq!(optimized::sql_date(&bytes[..cut]), None, "{} cut at {cut}", fixture.name);
            optimized::class_name(&bytes[..cut]);
        }
    }
    assert!(classes >= 5, "only {classes} classes were named");
}
