//! A request on its way through stage 1, and the requests that are made on its behalf.

use pyo3::prelude::*;

use super::client::BaseClient;
use crate::protocol::Writer;
use crate::protocol::op::Operation;

/// What the arguments of a call are written into.
pub(super) struct Request<'a, 'py> {
    pub out: Writer,
    /// Whose request it is; `None` where values are written for their own sake.
    pub client: Option<&'a Bound<'py, BaseClient>>,
    /// To be carried out before this request is sent, in their order.
    pub before: Vec<Detour>,
}

impl<'a, 'py> Request<'a, 'py> {
    pub fn new(client: &'a Bound<'py, BaseClient>, out: Writer) -> Self {
        Self { out, client: Some(client), before: Vec::new() }
    }

    /// Room for values alone.
    pub fn bare() -> Self {
        Self { out: Writer::bare(), client: None, before: Vec::new() }
    }
}

/// What reads the payload of an answer, attached; an error ends the call.
pub(super) type Done = Box<dyn FnOnce(Python<'_>, &[u8]) -> PyResult<()> + Send>;

/// A request made on behalf of another one, which goes on when this one is answered.
pub(super) struct Detour {
    pub operation: &'static Operation,
    /// As `Writer::request` began it.
    pub frame: Vec<u8>,
    pub done: Done,
}

impl std::fmt::Debug for Detour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Detour({})", self.operation.name)
    }
}
