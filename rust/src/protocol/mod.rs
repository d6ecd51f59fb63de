//! Room 1, bytes: every layout of the thin-client protocol, read and written, without any I/O.
//!
//! May use the standard collections. Never tokio, Python, sockets, clocks, logs or statics; bytes from the network
//! are never trusted: no indexing, no `unwrap`, every length is checked before anything is allocated for it.
#![forbid(unsafe_code)]

pub mod affinity;
pub mod binary_type;
pub mod context;
pub mod error;
pub mod frame;
pub mod handshake;
pub mod hash;
pub mod object;
pub mod op;
pub mod read;
pub mod status;
pub mod type_code;
pub mod write;

pub use binary_type::BinaryType;
pub use context::{Feature, ProtocolContext, ProtocolVersion};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, PathPart};
pub use read::Reader;
pub use write::Writer;
