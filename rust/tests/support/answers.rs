//! Answers that a real node gave: `answers.tsv`, made by `make fixtures`.

use super::hex;
use pyignite_rs::protocol::ProtocolVersion;
use std::path::Path;

/// One answer.
pub struct Recorded {
    pub version: ProtocolVersion,
    pub operation: String,
    pub code: i16,
    /// Operation, version and what the answer is, for messages.
    pub name: String,
    /// The request, without its header.
    pub request: Vec<u8>,
    /// The answer as it came, without its length.
    pub message: Vec<u8>,
}

/// Where the parts of an answer are, by the description of the protocol: `long id`, then since 1.4 `short flags` and perhaps `long + int`
/// version of the topology, before it `int status`.
pub struct Anatomy {
    pub has_topology: bool,
    pub is_refusal: bool,
    /// Where the payload starts; for a refusal of the new form, where its status stands.
    pub rest: usize,
}

impl Recorded {
    pub fn is_handshake(&self) -> bool {
        self.operation == "HANDSHAKE"
    }

    pub fn has_flags(&self) -> bool {
        self.version >= ProtocolVersion::V1_4
    }

    pub fn anatomy(&self) -> Anatomy {
        let field =
            |at: usize, size: usize| self.message[at..at + size].iter().rev().fold(0, |sum, byte| sum << 8 | i64::from(*byte));
        if self.has_flags() {
            let flags = field(8, 2);
            assert_eq!(flags & !3, 0, "{}: other flags", self.name);
            let has_topology = flags & 2 != 0;
            Anatomy { has_topology, is_refusal: flags & 1 != 0, rest: if has_topology { 22 } else { 10 } }
        } else {
            Anatomy { has_topology: false, is_refusal: field(8, 4) != 0, rest: 12 }
        }
    }

    /// The answer with its length in front, to the request with this id.
    pub fn framed(&self, id: i64) -> Vec<u8> {
        let mut frame = (self.message.len() as i32).to_le_bytes().to_vec();
        frame.extend(&self.message);
        if !self.is_handshake() {
            frame[4..12].copy_from_slice(&id.to_le_bytes());
        }
        frame
    }
}

/// All of them, handshakes too.
pub fn all() -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers.tsv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let line = |line: &str| {
        let columns: Vec<_> = line.split('\t').collect();
        let [minor, operation, code, name, request, message] = columns[..] else { panic!("a line of {} columns", columns.len()) };
        Recorded {
            version: ProtocolVersion::new(1, minor.parse().expect("a number"), 0),
            operation: operation.into(),
            code: code.parse().expect("a number"),
            name: format!("{operation} in 1.{minor}, {name}"),
            request: hex(&[request]),
            message: hex(&[message]),
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}
