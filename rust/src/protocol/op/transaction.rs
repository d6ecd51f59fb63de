//! Transactions: all operations of one go over the connection that started it.

use super::{Operation, operations};
use crate::protocol::context::ProtocolVersion;
use crate::protocol::error::EncodeError;
use crate::protocol::write::Writer;

operations! { Transaction since ProtocolVersion::new(1, 5, 0);
    /// `byte concurrency, byte isolation, long timeout in ms, string label`. What a first copy started ends with its connection.
    START = 4000, "OP_TX_START", Any, Read, Int, Transaction;
    /// `int transaction id, bool commit`
    END = 4001, "OP_TX_END", Connection, Conditional, Empty;
}

/// How a transaction is to run.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// 0 optimistic, 1 pessimistic
    pub concurrency: u8,
    /// 0 read committed, 1 repeatable read, 2 serializable
    pub isolation: u8,
    /// 0 is no limit.
    pub timeout_ms: i64,
    /// Shown by the server's views and in its errors.
    pub label: Option<&'a str>,
}

impl Start<'_> {
    pub fn write(&self, out: &mut Writer) -> Result<(), EncodeError> {
        out.u8(self.concurrency);
        out.u8(self.isolation);
        out.i64(self.timeout_ms);
        match self.label {
            Some(label) => out.string(label),
            None => {
                out.null();
                Ok(())
            }
        }
    }
}

/// Body of `END`.
pub fn write_end(out: &mut Writer, id: i32, commit: bool) {
    out.i32(id);
    out.bool(commit);
}
