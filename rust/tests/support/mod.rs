//! What the codec tests share.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod allocation;
pub mod answers;
#[cfg(feature = "testing")]
pub mod client;
pub mod examples;
pub mod fixtures;
pub mod random;
pub mod vectors;

use pyignite_rs::protocol::Writer;
use pyignite_rs::protocol::object::value::Value;

/// Bytes from hexadecimal digits; white space is free.
pub fn hex(segments: &[&str]) -> Vec<u8> {
    let digits: String = segments.concat().split_whitespace().collect();
    assert!(digits.len().is_multiple_of(2), "an odd number of digits in {segments:?}");
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("hexadecimal digits are ASCII");
        u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{pair:?} is not hexadecimal"))
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

/// A value's bytes, as our writer makes them.
pub fn written(value: &Value) -> Vec<u8> {
    let mut out = Writer::bare();
    value.write(&mut out).expect("the value has a place on the wire");
    out.into_buffer()
}

/// Says what was reached for a goal of docs/reliability.md; `make reliability` collects these lines.
pub fn reached(goal: &str, what: &str, figure: &str) {
    println!("reached\t{goal}\t{what}\t{figure}");
}

/// How much of something: the first in `make test`, the second in `make reliability`.
pub fn size(short: usize, full: usize) -> usize {
    if std::env::var_os("RELIABILITY_FULL").is_some() { full } else { short }
}
