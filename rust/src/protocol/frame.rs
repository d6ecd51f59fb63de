//! Messages: the length in front, the request header, the response header.

use super::context::ProtocolContext;
use super::error::{DecodeError, DecodeErrorKind};
use super::object::standard;
use super::op::Operation;
use super::read::Reader;

/// Bytes of the length field in front of every message; it does not count itself.
pub const LENGTH_FIELD: usize = 4;

/// Bytes in front of a request's body.
///
/// | offset | size | type | meaning |
/// |---|---|---|---|
/// | 0 | 4 | int | length of what follows |
/// | 4 | 2 | short | op code |
/// | 6 | 8 | long | request id |
pub const REQUEST_HEADER: usize = 14;

/// Largest message that is accepted unless the user sets another limit: 1 GiB.
pub const DEFAULT_MAX_MESSAGE: usize = 1 << 30;

const FLAG_ERROR: i16 = 0x01;
const FLAG_TOPOLOGY_CHANGED: i16 = 0x02;
const FLAG_NOTIFICATION: i16 = 0x04;

/// Fills the header of a request made by `Writer::request`. `false` when the buffer is no request or longer than a message can be.
pub fn seal_request(frame: &mut [u8], operation: &Operation, request_id: i64) -> bool {
    let body = frame.len().checked_sub(LENGTH_FIELD).and_then(|length| i32::try_from(length).ok());
    let (Some(length), Some(header)) = (body, frame.first_chunk_mut::<REQUEST_HEADER>()) else { return false };
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4..6].copy_from_slice(&operation.code.to_le_bytes());
    header[6..].copy_from_slice(&request_id.to_le_bytes());
    true
}

/// Length of the message whose first bytes are `received`, the length field not counted.
///
/// `None` while fewer than four bytes are there. A length outside `1..=max` is an error: nothing can be trusted after it.
pub fn message_length(received: &[u8], max: usize) -> Result<Option<usize>, DecodeError> {
    let Some(field) = received.first_chunk::<LENGTH_FIELD>() else { return Ok(None) };
    let length = i32::from_le_bytes(*field);
    match usize::try_from(length) {
        Ok(length) if (1..=max).contains(&length) => Ok(Some(length)),
        _ => Err(DecodeError::new(DecodeErrorKind::Value { what: "message length", value: length.into() }, 0)),
    }
}

/// Version of the cluster's topology; pairs compare in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopologyVersion {
    pub major: i64,
    pub minor: i32,
}

/// A request that the server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    pub status: i32,
    pub message: String,
}

/// What stands in front of a response's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHeader {
    /// Request id, or the resource id of a notification.
    pub id: i64,
    /// Sent by the server on its own, not in answer to a request.
    pub is_notification: bool,
    /// The topology changed since the server's last response on this connection.
    pub topology: Option<TopologyVersion>,
    /// The request failed; there is no payload.
    pub error: Option<ServerError>,
    /// Where the payload starts in the message (the length field not counted).
    pub payload: usize,
}

impl ResponseHeader {
    /// Reads the header of a whole message (without its length field).
    ///
    /// Protocol 1.4 and later: `long id, short flags, [long + int topology: 0x02], [short op code: 0x04], [int status, string
    /// message: 0x01]`. Before 1.4: `long id, int status, [string message: status != 0]`.
    pub fn read(message: &[u8], context: &ProtocolContext) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let id = reader.i64()?;
        let mut header = Self { id, is_notification: false, topology: None, error: None, payload: 0 };
        if context.has_response_flags() {
            let flags = reader.i16()?;
            if flags & FLAG_TOPOLOGY_CHANGED != 0 {
                header.topology = Some(TopologyVersion { major: reader.i64()?, minor: reader.i32()? });
            }
            if flags & FLAG_NOTIFICATION != 0 {
                header.is_notification = true;
                reader.i16()?;
            }
            if flags & FLAG_ERROR != 0 {
                header.error = Some(read_error(reader.i32()?, &mut reader)?);
            }
        } else {
            match reader.i32()? {
                0 => {}
                status => header.error = Some(read_error(status, &mut reader)?),
            }
        }
        header.payload = reader.offset();
        Ok(header)
    }
}

#[cold]
fn read_error(status: i32, reader: &mut Reader<'_>) -> Result<ServerError, DecodeError> {
    let message = standard::read_string(reader)?.unwrap_or_default().to_owned();
    reader.finish()?;
    Ok(ServerError { status, message })
}

#[cfg(test)]
mod tests {
    use super::super::context::{FeatureSet, ProtocolVersion};
    use super::super::op::key_value;
    use super::super::write::Writer;
    use super::*;

    const NEW: ProtocolContext = ProtocolContext { version: ProtocolVersion::V1_7, features: FeatureSet::ALL };
    const OLD: ProtocolContext = ProtocolContext { version: ProtocolVersion::V1_3, features: FeatureSet::ALL };

    #[test]
    fn a_request_has_the_bytes_that_a_server_was_seen_to_accept() {
        let mut out = Writer::request(Vec::new());
        out.bytes(&[0x2e, 0x0c, 0, 0, 0]); // cache id of "c1", no flags
        out.bytes(&[3, 1, 0, 0, 0]); // int 1
        let mut frame = out.into_buffer();
        assert!(seal_request(&mut frame, &key_value::GET, 3));
        assert_eq!(frame, [0x14, 0, 0, 0, 0xe8, 0x03, 3, 0, 0, 0, 0, 0, 0, 0, 0x2e, 0x0c, 0, 0, 0, 3, 1, 0, 0, 0],);
    }

    #[test]
    fn impossible_lengths_are_refused_and_short_input_is_awaited() {
        assert_eq!(message_length(&[1, 0, 0], 100).unwrap(), None);
        assert_eq!(message_length(&[100, 0, 0, 0, 7], 100).unwrap(), Some(100));
        for bytes in [[0, 0, 0, 0], [0xfc, 0xff, 0xff, 0xff], [101, 0, 0, 0], [0xff, 0xff, 0xff, 0x7f]] {
            assert!(message_length(&bytes, 100).is_err());
        }
    }

    #[test]
    fn response_headers_of_both_forms_are_read() {
        // flags 0x03: topology 5.2, status 1000, message "no"
        let new = [9, 0, 0, 0, 0, 0, 0, 0, 3, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0xe8, 3, 0, 0, 9, 2, 0, 0, 0, b'n', b'o'];
        let header = ResponseHeader::read(&new, &NEW).unwrap();
        assert_eq!((header.id, header.payload), (9, new.len()));
        assert_eq!(header.topology, Some(TopologyVersion { major: 5, minor: 2 }));
        assert_eq!(header.error, Some(ServerError { status: 1000, message: "no".into() }));

        let old = [9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1];
        let header = ResponseHeader::read(&old, &OLD).unwrap();
        assert_eq!((header.error, header.payload), (None, 12));
    }
}
