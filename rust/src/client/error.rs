//! What can go wrong between a call and its answer.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::config::Address;
use crate::protocol::error::DecodeError;
use crate::protocol::frame::ServerError;
use crate::protocol::handshake::Refusal;
use crate::protocol::op::{Opens, Operation};

/// Whether a failed request may have reached a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It did not leave this process: it had no effect.
    No,
    /// At least a part of it left: its effect is not known.
    Maybe,
}

/// Why a call failed.
#[derive(Debug, Clone)]
pub enum ErrorKind {
    /// No node could be connected: each address with its cause.
    NoNode(Vec<(Address, Error)>),
    /// The server would not talk to this client.
    Refused(Refusal),
    /// The operating system reports a failure of a connection.
    Io(Arc<io::Error>),
    /// The server closed the connection.
    ConnectionClosed,
    /// The peer does not speak Ignite's protocol; what it seems to speak.
    WrongPeer(&'static str),
    /// The deadline passed.
    Timeout,
    /// The server sent bytes that can not be read.
    Protocol(DecodeError),
    /// The server refused the request.
    Server(ServerError),
    /// The connection is gone on which a cursor or a transaction was open; how it was lost.
    HandleLost(Opens, Error),
    /// The client was closed.
    ClientClosed,
    /// The caller was called away (a signal handler raised).
    Interrupted,
}

#[derive(Debug, Clone)]
struct Facts {
    kind: ErrorKind,
    operation: Option<&'static Operation>,
    address: Option<Address>,
    sent: Sent,
}

/// A failed call: why, during which operation, at which node, and whether the request may have taken effect.
#[derive(Debug, Clone)]
pub struct Error(Box<Facts>);

impl Error {
    /// A failure before anything was sent.
    #[cold]
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Facts { kind, operation: None, address: None, sent: Sent::No }))
    }

    #[must_use]
    pub fn at(mut self, address: &Address) -> Self {
        self.0.address.get_or_insert_with(|| address.clone());
        self
    }

    #[must_use]
    pub fn during(mut self, operation: &'static Operation) -> Self {
        self.0.operation = Some(operation);
        self
    }

    #[must_use]
    pub fn sent(mut self, sent: Sent) -> Self {
        self.0.sent = sent;
        self
    }

    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    pub fn operation(&self) -> Option<&'static Operation> {
        self.0.operation
    }

    pub fn address(&self) -> Option<&Address> {
        self.0.address.as_ref()
    }

    /// Whether the request may have reached a server. Says nothing for errors that a server answered with.
    pub fn was_sent(&self) -> Sent {
        self.0.sent
    }

    /// The connection is gone, or was never there: another one may serve.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self.kind(), ErrorKind::Io(_) | ErrorKind::ConnectionClosed | ErrorKind::Protocol(_))
    }

    /// Time was all that was missing: no answer came, or no node let itself be connected, within the limit.
    pub fn is_timeout(&self) -> bool {
        match self.kind() {
            ErrorKind::Timeout => true,
            ErrorKind::NoNode(causes) => !causes.is_empty() && causes.iter().all(|(_, cause)| cause.is_timeout()),
            _ => false,
        }
    }

    pub fn is_authentication(&self) -> bool {
        matches!(self.kind(), ErrorKind::Refused(refusal) if refusal.is_authentication())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::new(ErrorKind::Io(Arc::new(error)))
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::new(ErrorKind::Protocol(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            ErrorKind::NoNode(causes) => {
                f.write_str("no node could be connected")?;
                for (index, (address, cause)) in causes.iter().enumerate() {
                    let separator = if index == 0 { ": " } else { "; " };
                    write!(f, "{separator}{address}: {}", Cause(cause))?;
                }
                return Ok(());
            }
            _ => Cause(self).fmt(f)?,
        }
        match &self.0.address {
            Some(address) => write!(f, " (node {address})"),
            None => Ok(()),
        }
    }
}

/// The cause alone, without the address that the surrounding text already tells.
struct Cause<'a>(&'a Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            ErrorKind::NoNode(_) => f.write_str("no node could be connected"),
            ErrorKind::Refused(refusal) => {
                f.write_str(&refusal.message)?;
                if refusal.server.major != 0 && !refusal.is_authentication() {
                    write!(f, " (this client offered protocol {}, the server has {})", refusal.offered, refusal.server)?;
                }
                Ok(())
            }
            ErrorKind::Io(error) => write!(f, "{}", IoText(error)),
            ErrorKind::ConnectionClosed => f.write_str("the server closed the connection"),
            ErrorKind::WrongPeer(speaks) => write!(f, "not an Ignite client port: {speaks}"),
            ErrorKind::Timeout => f.write_str("no answer within the time limit"),
            ErrorKind::Protocol(error) => write!(f, "the server sent bytes that can not be read: {error}"),
            ErrorKind::Server(error) => f.write_str(&error.message),
            ErrorKind::HandleLost(opens, cause) => {
                let what = if *opens == Opens::Transaction { "transaction" } else { "cursor" };
                write!(f, "the {what} is lost with its connection: {}", Cause(cause))
            }
            ErrorKind::ClientClosed => f.write_str("the client is closed: call connect() first"),
            ErrorKind::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// "Connection refused", without the number that Rust appends.
struct IoText<'a>(&'a io::Error);

impl fmt::Display for IoText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split(" (os error").next().unwrap_or(&text))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            ErrorKind::Io(error) => Some(error),
            ErrorKind::Protocol(error) => Some(error),
            _ => None,
        }
    }
}
