//! A scripted node for tests: correct by default, with rules that make it misbehave at one exact point. It is a stand-in, not a
//! server: caches live in memory, and it knows only the operations that tests of connections need.
//!
//! May use the standard library, `socket2` and the declarations of operations. Never the client's codec or its connections.

mod node;
mod wire;

pub use node::{FakeNode, Fault, Greeting};
