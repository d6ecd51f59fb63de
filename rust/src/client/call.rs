//! A call as a state machine without I/O: what to do when an attempt failed.

use super::config::Repeat;
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
    repeat: Repeat,
    left: usize,
    made: usize,
    /// What is lost with the connection, if the call can go over no other.
    bound: Option<Opens>,
}

impl Attempts {
    /// A call is sent at most once to each address, and once more for a connection that had gone stale unnoticed.
    pub fn new(operation: &'static Operation, repeat: &Repeat, addresses: usize, target: &Target) -> Self {
        let (left, bound) = match target {
            Target::At(_, opens) => (0, Some(*opens)),
            Target::Any | Target::Key { .. } | Target::Primary(_) => (addresses, None),
        };
        Self { operation, repeat: repeat.clone(), left, made: 0, bound }
    }

    /// Whether a request that may have reached a server may be sent again.
    fn is_repeated(&self, error: &Error) -> bool {
        match &self.repeat {
            Repeat::None => false,
            Repeat::Reads => self.operation.retry == Retry::Read,
            Repeat::All => true,
            Repeat::Asked(judge) => judge(self.operation, self.made, error),
        }
    }

    /// An attempt ended with `error`. A request that did not leave may go elsewhere; one that may have reached a server is
    /// repeated as the user wants it, by default only if it changes nothing.
    pub fn failed(&mut self, error: Error) -> Next {
        self.made += 1;
        let elsewhere = error.is_connection_lost() && !matches!(error.kind(), ErrorKind::Protocol(_));
        if elsewhere && self.left > 0 && (error.was_sent() == Sent::No || self.is_repeated(&error)) {
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
    use std::sync::Arc;

    use super::*;
    use crate::protocol::frame::ServerError;
    use crate::protocol::op::key_value;

    fn repeated(operation: &'static Operation, kind: ErrorKind, sent: Sent) -> bool {
        matches!(Attempts::new(operation, &Repeat::Reads, 1, &Target::Any).failed(Error::new(kind).sent(sent)), Next::Again)
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
    fn what_is_repeated_is_for_the_user_to_say() {
        let lost = || Error::new(ErrorKind::ConnectionClosed).sent(Sent::Maybe);
        let again =
            |operation, repeat: &Repeat| matches!(Attempts::new(operation, repeat, 3, &Target::Any).failed(lost()), Next::Again);
        assert!(!again(&key_value::GET, &Repeat::None));
        assert!(again(&key_value::REMOVE_KEY, &Repeat::All));
        let only_put = Repeat::Asked(Arc::new(|operation, made, error| {
            operation.code == key_value::PUT.code && made < 2 && error.is_connection_lost()
        }));
        assert!(again(&key_value::PUT, &only_put));
        assert!(!again(&key_value::GET, &only_put));
        let mut attempts = Attempts::new(&key_value::PUT, &only_put, 3, &Target::Any);
        assert!(matches!(attempts.failed(lost()), Next::Again));
        assert!(matches!(attempts.failed(lost()), Next::GiveUp(_)));
        // What did not leave is no question of policy.
        let unsent = Error::new(ErrorKind::ConnectionClosed);
        assert!(matches!(Attempts::new(&key_value::PUT, &Repeat::None, 1, &Target::Any).failed(unsent), Next::Again));
    }

    #[test]
    fn attempts_end() {
        let mut attempts = Attempts::new(&key_value::GET, &Repeat::Reads, 2, &Target::Any);
        let mut lost = || attempts.failed(Error::new(ErrorKind::ConnectionClosed));
        assert!(matches!(lost(), Next::Again));
        assert!(matches!(lost(), Next::Again));
        assert!(matches!(lost(), Next::GiveUp(_)));
    }
}
