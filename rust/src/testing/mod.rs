//! The scripted node: a stand-in for a server, correct by default, with rules that make it misbehave at one exact point. Caches,
//! binary types, transactions and recorded answers of SQL live in memory. And the gate: the same rules in front of a real node.
//!
//! May use the standard library, `socket2`, declarations of operations and hash codes (which Java's own vectors hold). Never the
//! client's codec or its connections: what is wrong there must not hide itself here.
#![forbid(unsafe_code)]

mod caches;
mod cluster;
mod codes;
mod gate;
mod listen;
mod node;
mod query;
mod script;
mod session;
mod types;
mod voice;
mod wire;

pub use codes::{CONNECT, HANDSHAKE, code_of, name_of};
pub use gate::Gate;
pub use node::{FakeNode, Greeting, Settings};
pub use query::Recorded;
pub use script::{Direction, Fault, Rule};
