//! Options of a client: their units and their defaults stand here and nowhere else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::heartbeat::Rhythm;
use super::observe::Observer;
use super::tls::Tls;
use crate::protocol::frame::DEFAULT_MAX_MESSAGE;
use crate::protocol::handshake::Credentials;
use crate::protocol::op::Operation;

/// Time for one connection to be opened: TCP connect and handshake together.
pub const DEFAULT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time without a sign of a server after which it is sent a heartbeat.
pub const DEFAULT_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30);

/// Connections that the threads of a process may hold to one node at a time.
pub const DEFAULT_MAX_CONNECTIONS_PER_NODE: usize = 64;

/// Where a node listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Host name, IPv4 or IPv6 address.
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Something that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T = String>(T);

impl<T> Secret<T> {
    pub fn new(secret: T) -> Self {
        Self(secret)
    }

    pub(super) fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A user's own judgement whether a request that may have reached a server is sent again: the operation, how often it was sent, and
/// what went wrong.
pub type Judge = dyn Fn(&'static Operation, usize, &Error) -> bool + Send + Sync;

/// Which requests are sent again that may have reached a server already. Those that did not leave always are.
#[derive(Clone, Default)]
pub enum Repeat {
    None,
    /// Those that change nothing.
    #[default]
    Reads,
    /// Writes too: one whose answer was lost may take effect twice.
    All,
    Asked(Arc<Judge>),
}

impl fmt::Debug for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Reads => "Reads",
            Self::All => "All",
            Self::Asked(_) => "Asked",
        })
    }
}

/// Everything that a user can choose about connections.
#[derive(Debug, Clone)]
pub struct Config {
    /// Nodes to connect to; any of them serves every request.
    pub addresses: Vec<Address>,
    /// Time for one call, from its start to its answer, everything included. `None` waits as long as it takes.
    pub timeout: Option<Duration>,
    /// Time for one connection to be opened.
    pub handshake_timeout: Duration,
    /// Heartbeats over connections on which nothing happens; `None` for none.
    pub heartbeats: Option<Rhythm>,
    /// Encrypted connections; plain TCP without.
    pub tls: Option<Arc<Tls>>,
    /// User name and password.
    pub credentials: Option<(String, Secret)>,
    pub max_connections_per_node: usize,
    pub repeat: Repeat,
    /// Calls with a key go straight to the node that has it.
    pub partition_aware: bool,
    /// Calls with many keys become one request for each node that has some of them.
    pub split_multi_key: bool,
    /// Longest message accepted from a server, in bytes.
    pub max_message: usize,
    /// Told what happens to connections and requests.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Config {
    /// The defaults for these addresses.
    pub fn new(addresses: Vec<Address>) -> Self {
        Self {
            addresses,
            timeout: None,
            handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT,
            heartbeats: Some(Rhythm { interval: DEFAULT_HEARTBEAT_INTERVAL, timeout: None }),
            tls: None,
            credentials: None,
            max_connections_per_node: DEFAULT_MAX_CONNECTIONS_PER_NODE,
            repeat: Repeat::default(),
            partition_aware: true,
            split_multi_key: true,
            max_message: DEFAULT_MAX_MESSAGE,
            observer: None,
        }
    }

    pub(super) fn credentials(&self) -> Option<Credentials<'_>> {
        self.credentials.as_ref().map(|(username, password)| Credentials { username, password: password.reveal() })
    }
}
