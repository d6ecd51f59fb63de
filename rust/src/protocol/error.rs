//! What can go wrong between values and bytes, with the place where it did.

use std::fmt;

/// One step from the outermost value towards the one that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPart {
    /// A named part: `key`, `value`, a field of an object.
    Name(String),
    /// An element of an array, a collection or a list of keys.
    Index(usize),
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &[PathPart]) -> fmt::Result {
    for (depth, part) in path.iter().rev().enumerate() {
        match part {
            PathPart::Name(name) if depth == 0 => f.write_str(name)?,
            PathPart::Name(name) => write!(f, ".{name}")?,
            PathPart::Index(index) => write!(f, "[{index}]")?,
        }
    }
    Ok(())
}

/// Why bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The message ended inside a field.
    Truncated { wanted: usize, left: usize },
    /// A length or a count that is negative or larger than what follows it.
    BadLength { what: &'static str, length: i64, left: usize },
    /// Bytes are left after the last field of a message.
    TrailingBytes { left: usize },
    /// A type code that the protocol does not have, or not in this place.
    TypeCode { code: u8, expected: &'static str },
    /// A value outside what its field allows.
    Value { what: &'static str, value: i64 },
    /// Text that is not UTF-8.
    Utf8,
    /// Values nested deeper than the limit.
    TooDeep { limit: usize },
    /// An object in Java's own serialization: of which class.
    Optimized { class: String },
    /// A form that this client does not read.
    Unsupported { what: &'static str },
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { wanted, left } => write!(f, "message ends early: {wanted} bytes expected, {left} left"),
            Self::BadLength { what, length, left } => write!(f, "{what} {length} does not fit into the {left} bytes that follow"),
            Self::TrailingBytes { left } => write!(f, "{left} bytes left after the end of the message"),
            Self::TypeCode { code, expected } => write!(f, "type code 0x{code:02x} found where {expected} was expected"),
            Self::Value { what, value } => write!(f, "{what} can not be {value}"),
            Self::Utf8 => f.write_str("string is not valid UTF-8"),
            Self::TooDeep { limit } => write!(f, "values are nested deeper than {limit} levels"),
            Self::Optimized { class } => {
                write!(f, "an object of Java's own serialization {class} can not be read by this client")
            }
            Self::Unsupported { what } => write!(f, "{what} can not be read by this client"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct DecodeFacts {
    kind: DecodeErrorKind,
    offset: usize,
    path: Vec<PathPart>,
}

/// Bytes that could not be read: why, at which offset of the message, inside which value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(Box<DecodeFacts>);

impl DecodeError {
    /// A failure at `offset` bytes from the start of the message.
    #[cold]
    pub fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self(Box::new(DecodeFacts { kind, offset, path: Vec::new() }))
    }

    pub fn kind(&self) -> &DecodeErrorKind {
        &self.0.kind
    }

    /// Bytes from the start of the message.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// The same failure of a message that stands at `start` of another one.
    #[cold]
    pub fn moved(mut self, start: usize) -> Self {
        self.0.offset += start;
        self
    }

    /// The same failure seen from one level further out.
    #[cold]
    pub fn within(mut self, part: PathPart) -> Self {
        self.0.path.push(part);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {}", self.0.kind, self.0.offset)?;
        if !self.0.path.is_empty() {
            f.write_str(" of ")?;
            write_path(f, &self.0.path)?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for DecodeError {}

/// Why a value could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncodeErrorKind {
    /// More bytes or elements than a 32-bit length can say.
    TooLong { what: &'static str, length: usize },
    /// Values nested deeper than the limit, or a container that holds itself.
    TooDeep { limit: usize },
}

/// A value that has no place on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError {
    kind: EncodeErrorKind,
}

impl EncodeError {
    #[cold]
    pub fn new(kind: EncodeErrorKind) -> Self {
        Self { kind }
    }

    pub fn kind(&self) -> &EncodeErrorKind {
        &self.kind
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            EncodeErrorKind::TooLong { what, length } => {
                write!(f, "{what} of {length} is longer than the protocol's limit of {}", i32::MAX)
            }
            EncodeErrorKind::TooDeep { limit } => {
                write!(f, "value is nested deeper than {limit} levels, or a container holds itself")
            }
        }
    }
}

impl std::error::Error for EncodeError {}
