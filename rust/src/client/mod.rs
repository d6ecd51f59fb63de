//! Room 2, waiting: connections, who drives them, and what happens when they fail.
//!
//! May use tokio, sockets and the protocol room. Never Python, and it never looks inside a value.
#![forbid(unsafe_code)]

pub mod affinity;
pub mod call;
pub mod completion;
pub mod config;
mod connect;
pub mod core;
pub mod deadline;
pub mod error;
pub mod flight;
pub mod handle;
mod health;
pub mod heartbeat;
pub mod lane;
pub mod loops;
pub mod node;
pub mod observe;
pub mod pool;
pub mod registry;
pub mod route;
pub mod shared;
pub mod threads;
pub mod tls;

pub use config::{Address, Config, Repeat, Secret};
pub use deadline::Deadline;
pub use error::{Error, ErrorKind, Sent};
pub use handle::{Handle, Place, Target};
pub use observe::Observer;
pub use pool::Pool;
pub use registry::Registry;
pub use tls::{Tls, TlsOptions, TlsVersion};
