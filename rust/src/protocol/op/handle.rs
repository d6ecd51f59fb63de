//! What a server keeps for one connection between requests: cursors and transactions. Each has a number that only that connection
//! knows; numbers start at 1 on every connection, so one that is used elsewhere names something else.

use super::{Operation, operations, transaction};
use crate::protocol::context::ProtocolVersion;
use crate::protocol::read::Reader;
use crate::protocol::write::Writer;

operations! { Query since ProtocolVersion::new(1, 0, 0);
    /// `long cursor id`
    RESOURCE_CLOSE = 0, "OP_RESOURCE_CLOSE", Connection, Conditional, Empty;
}

/// What the answer to a request opens on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    Nothing,
    /// `long cursor id` stands first in the answer; `bool`, whether the cursor is still open, stands last.
    Cursor,
    /// `int transaction id` is the answer.
    Transaction,
}

impl Opens {
    /// Number of what a successful answer opened and left open.
    pub fn id(self, payload: &[u8]) -> Option<i64> {
        let mut reader = Reader::new(payload);
        match self {
            Self::Nothing => None,
            Self::Cursor => reader.i64().ok().filter(|_| payload.last() == Some(&1)),
            Self::Transaction => reader.i32().ok().map(i64::from),
        }
    }

    /// The request that gives it up: closes the cursor, rolls the transaction back.
    pub fn closing(self, id: i64) -> Option<(&'static Operation, Vec<u8>)> {
        let mut out = Writer::request(Vec::new());
        let operation = match self {
            Self::Nothing => return None,
            Self::Cursor => {
                out.i64(id);
                &RESOURCE_CLOSE
            }
            Self::Transaction => {
                transaction::write_end(&mut out, i32::try_from(id).ok()?, false);
                &transaction::END
            }
        };
        Some((operation, out.into_buffer()))
    }
}
