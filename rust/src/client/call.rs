//! A call as a state machine without I/O: what to do when an attempt failed.

use super::error::{Error, ErrorKind, Sent};
use super::handle::Target;
use crate::protocol::op::{Opens, Operation, Retry};

/// What a driver does next.
#[derive(Debug)]
pub enum Next {
    /// Send the request again, on whatever connection serves now.
    Again,
    /// The call ends with this error.
    GiveUp(Error),
}

/// The attempts of one call. Every driver asks it; none has rules of its own.
#[derive(Debug)]
pub struct Attempts {
    operation: &'static Operation,
    left: usize,
    /// What is lost with the connection, if the call can go over no other.
    bound: Option<Opens>,
}

impl Attempts {
    /// A call is sent at most once to each address, and once more for a connection that had gone stale unnoticed.
    pub fn new(operation: &'static Operation, addresses: usize, target: &Target) -> Self {
        match target {
            Target::At(_, opens) => Self { operation, left: 0, bound: Some(*opens) },
            Target::Any | Target::Key { .. } | Target::Primary(_) => Self { operation, left: addresses, bound: None },
        }
    }

    /// An attempt ended with `error`. A request that did not leave may go elsewhere; one that may have reached a server is
    /// repeated only if it changes nothing.
    pub fn failed(&mut self, error: Error) -> Next {
        let harmless = error.was_sent() == Sent::No || self.operation.retry == Retry::Read;
        let elsewhere = error.is_connection_lost() && !matches!(error.kind(), ErrorKind::Protocol(_));
        if elsewhere && harmless && self.left > 0 {
            self.left -= 1;
            return Next::Again;
        }
        match self.bound {
            Some(opens) if elsewhere => {
                let sent = error.was_sent();
                Next::GiveUp(Error::new(ErrorKind::HandleLost(opens, error)).sent(sent).during(self.operation))
            }
            _ => Next::GiveUp(error.during(self.operation)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::frame::ServerError;
    use crate::protocol::op::key_value;

    fn repeated(operation: &'static Operation, kind: ErrorKind, sent: Sent) -> bool {
        matches!(Attempts::new(operation, 1, &Target::Any).failed(Error::new(kind).sent(sent)), Next::Again)
    }

    #[test]
    fn only_reads_and_unsent_requests_are_repeated() {
        use ErrorKind::ConnectionClosed as Closed;
        assert!(repeated(&key_value::GET, Closed, Sent::Maybe));
        assert!(repeated(&key_value::PUT, Closed, Sent::No));
        for operation in key_value::ALL.iter().filter(|operation| operation.retry != Retry::Read) {
            assert!(!repeated(operation, Closed, Sent::Maybe), "{}", operation.name);
        }
        let refused = ServerError { status: 1, message: String::new() };
        for kind in [ErrorKind::Timeout, ErrorKind::ClientClosed, ErrorKind::Interrupted, ErrorKind::Server(refused)] {
            assert!(!repeated(&key_value::GET, kind, Sent::No));
        }
    }

    #[test]
    fn attempts_end() {
        let mut attempts = Attempts::new(&key_value::GET, 2, &Target::Any);
        let mut lost = || attempts.failed(Error::new(ErrorKind::ConnectionClosed));
        assert!(matches!(lost(), Next::Again));
        assert!(matches!(lost(), Next::Again));
        assert!(matches!(lost(), Next::GiveUp(_)));
    }
}
