//! A connection itself.

use super::{Operation, operations};
use crate::protocol::context::{Feature, ProtocolVersion};
use crate::protocol::error::DecodeError;
use crate::protocol::read::Reader;

operations! { Cluster since ProtocolVersion::V1_7, feature Some(Feature::Heartbeat);
    /// nothing
    HEARTBEAT = 1, "OP_HEARTBEAT", Connection, Read, Empty;
    /// nothing; `long`, see [`read_idle_timeout`]
    GET_IDLE_TIMEOUT = 2, "OP_GET_IDLE_TIMEOUT", Connection, Read, Long;
}

/// Milliseconds after which the server ends a connection over which nothing comes; 0 if it never does.
pub fn read_idle_timeout(payload: &[u8]) -> Result<u64, DecodeError> {
    let mut reader = Reader::new(payload);
    let milliseconds = reader.i64()?;
    reader.finish()?;
    Ok(u64::try_from(milliseconds).unwrap_or(0))
}
