//! The handshake as a state machine: a message in, then done, another version to try, or refused.

use super::EncodeError;
use super::context::{FeatureSet, ProtocolContext, ProtocolVersion};
use super::error::DecodeError;
use super::object::standard;
use super::read::Reader;
use super::status::Status;
use super::write::Writer;

const COMMAND: u8 = 1;
const CLIENT_TYPE_THIN: u8 = 2;

/// A node's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId {
    pub most: u64,
    pub least: u64,
}

/// What a client says about itself.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    pub username: &'a str,
    pub password: &'a str,
}

impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// A server that will not talk to this client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The version that was offered last.
    pub offered: ProtocolVersion,
    /// The server's newest version; 0.0.0 when the reason has nothing to do with versions.
    pub server: ProtocolVersion,
    pub message: String,
    /// Servers tell it to clients of 1.1 and later.
    pub status: Option<i32>,
}

impl Refusal {
    pub fn is_authentication(&self) -> bool {
        self.status == Some(Status::AuthFailed.code())
    }
}

/// What to do after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The connection is open.
    Done {
        context: ProtocolContext,
        node_id: Option<NodeId>,
    },
    /// Send [`Handshake::request`] again on the same connection: it now offers an older version.
    Again,
    Refused(Refusal),
}

/// One handshake, from the newest version down to what the server speaks.
#[derive(Debug)]
pub struct Handshake<'a> {
    offered: ProtocolVersion,
    credentials: Option<Credentials<'a>>,
}

impl<'a> Handshake<'a> {
    pub fn new(credentials: Option<Credentials<'a>>) -> Self {
        Self { offered: ProtocolVersion::SUPPORTED[0], credentials }
    }

    pub fn offered(&self) -> ProtocolVersion {
        self.offered
    }

    /// The version and the features that the next request offers.
    pub fn offer(&self) -> ProtocolContext {
        let has_features = self.offered >= ProtocolVersion::V1_7;
        ProtocolContext { version: self.offered, features: if has_features { FeatureSet::ALL } else { FeatureSet::default() } }
    }

    /// The request with its length in front.
    ///
    /// `int length, byte 1, 3 x short version, byte 2 (thin client), [bytes features: 1.7], [string user, string password]`
    pub fn request(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Writer::bare();
        let length = out.later();
        out.u8(COMMAND);
        out.i16(self.offered.major);
        out.i16(self.offered.minor);
        out.i16(self.offered.patch);
        out.u8(CLIENT_TYPE_THIN);
        if self.offered >= ProtocolVersion::V1_7 {
            out.byte_array(&FeatureSet::ALL.to_bytes())?;
        }
        if let Some(credentials) = &self.credentials {
            out.string(credentials.username)?;
            out.string(credentials.password)?;
        }
        out.patch_length(length, "handshake", out.since(length))?;
        Ok(out.into_buffer())
    }

    /// Takes the server's answer, without its length field.
    ///
    /// Accepted: `bool 1, [bytes features: 1.7], [uuid node id: 1.4]`. Refused: `bool 0, 3 x short version, string message,
    /// [int status: 1.1]`.
    pub fn answer(&mut self, message: &[u8]) -> Result<Step, DecodeError> {
        let mut reader = Reader::new(message);
        if reader.bool()? {
            let mut context = ProtocolContext { version: self.offered, features: FeatureSet::default() };
            if context.has_features() {
                context.features = FeatureSet::from_bytes(standard::read_bytes(&mut reader)?.unwrap_or_default());
            }
            let node_id = if context.has_node_id() { standard::read_uuid(&mut reader)? } else { None };
            reader.finish()?;
            return Ok(Step::Done { context, node_id: node_id.map(|(most, least)| NodeId { most, least }) });
        }
        let server = ProtocolVersion::new(reader.i16()?, reader.i16()?, reader.i16()?);
        let message = standard::read_string(&mut reader)?.unwrap_or_default().to_owned();
        // Servers before 1.1 do not send it; a newer one may refuse an old version without it too.
        let status = if reader.left() > 0 { Some(reader.i32()?) } else { None };
        reader.finish()?;

        // A node in recovery and a wrong password also carry a version: only a plain refusal is about versions.
        let about_version = matches!(status, None | Some(0 | 1)) && server < self.offered && server.is_supported();
        if about_version {
            self.offered = server;
            return Ok(Step::Again);
        }
        Ok(Step::Refused(Refusal { offered: self.offered, server, message, status }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(version: [u8; 3], status: Option<i32>) -> Vec<u8> {
        let mut bytes = vec![0];
        version.iter().for_each(|part| bytes.extend([*part, 0]));
        bytes.extend([9, 1, 0, 0, 0, b'x']);
        status.iter().for_each(|status| bytes.extend(status.to_le_bytes()));
        bytes
    }

    #[test]
    fn the_first_request_offers_1_7_with_the_features_of_this_client() {
        let bytes = Handshake::new(None).request().unwrap();
        assert_eq!(bytes, [15, 0, 0, 0, 1, 1, 0, 7, 0, 0, 0, 2, 0x0c, 2, 0, 0, 0, 0x0c, 0x08]);
    }

    #[test]
    fn credentials_are_measured_in_bytes() {
        let credentials = Credentials { username: "ü", password: "" };
        let bytes = Handshake::new(Some(credentials)).request().unwrap();
        assert_eq!(&bytes[19..], [9, 2, 0, 0, 0, 0xc3, 0xbc, 9, 0, 0, 0, 0]);
        assert_eq!(bytes[0] as usize, bytes.len() - 4);
    }

    #[test]
    fn an_accepted_handshake_tells_features_and_node() {
        let mut answer = vec![1, 0x0c, 1, 0, 0, 0, 4, 0x0a];
        answer.extend(1u64.to_le_bytes());
        answer.extend(2u64.to_le_bytes());
        let step = Handshake::new(None).answer(&answer).unwrap();
        let context = ProtocolContext { version: ProtocolVersion::V1_7, features: FeatureSet::from_bytes(&[4]) };
        assert_eq!(step, Step::Done { context, node_id: Some(NodeId { most: 1, least: 2 }) });
    }

    #[test]
    fn older_servers_are_followed_down_to_1_2_and_no_further() {
        let mut handshake = Handshake::new(None);
        for minor in [6, 5, 4, 3, 2] {
            assert_eq!(handshake.answer(&refusal([1, minor, 0], Some(1))).unwrap(), Step::Again);
            assert_eq!(handshake.offered(), ProtocolVersion::new(1, i16::from(minor), 0));
            let request = handshake.request().unwrap();
            assert_eq!(request, [8, 0, 0, 0, 1, 1, 0, minor, 0, 0, 0, 2]);
        }
        assert_eq!(
            handshake.answer(&[1]).unwrap(),
            Step::Done {
                context: ProtocolContext { version: ProtocolVersion::V1_2, features: FeatureSet::default() },
                node_id: None,
            }
        );
        assert!(matches!(handshake.answer(&refusal([1, 1, 0], Some(1))).unwrap(), Step::Refused(_)));
        assert!(matches!(handshake.answer(&refusal([1, 0, 0], None)).unwrap(), Step::Refused(_)));
    }

    #[test]
    fn a_refusal_for_another_reason_is_not_taken_for_a_version() {
        for status in [2000, 11] {
            let step = Handshake::new(None).answer(&refusal([1, 6, 0], Some(status))).unwrap();
            let Step::Refused(refusal) = step else { panic!("{step:?}") };
            assert_eq!(refusal.is_authentication(), status == 2000);
        }
    }

    #[test]
    fn every_cut_of_an_answer_is_an_error() {
        let mut answer = vec![1, 0x0c, 1, 0, 0, 0, 4, 0x0a];
        answer.extend([7; 16]);
        for cut in 0..answer.len() {
            assert!(Handshake::new(None).answer(&answer[..cut]).is_err(), "{cut}");
        }
        answer.push(0);
        assert!(Handshake::new(None).answer(&answer).is_err());
    }
}
