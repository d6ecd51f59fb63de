//! A request on its way through stage 1, and the requests that are made on its behalf.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use super::client::BaseClient;
use crate::client::Target;
use crate::client::route::Inquiry;
use crate::protocol::Writer;
use crate::protocol::op::Operation;

/// What the arguments of a call are written into.
pub(super) struct Request<'a, 'py> {
    pub out: Writer,
    /// Whose request it is; `None` where values are written for their own sake.
    pub client: Option<&'a Bound<'py, BaseClient>>,
    /// To be carried out before this request is sent, in their order.
    pub before: Vec<Detour>,
    /// Where its key lives, if it has one and keys are looked up.
    pub key: Option<Target>,
}

impl<'a, 'py> Request<'a, 'py> {
    pub fn new(client: &'a Bound<'py, BaseClient>, out: Writer) -> Self {
        Self { out, client: Some(client), before: Vec::new(), key: None }
    }

    /// Room for values alone.
    pub fn bare() -> Self {
        Self { out: Writer::bare(), client: None, before: Vec::new(), key: None }
    }

    /// The key of the request stands from `start` on to the end of what is written so far.
    #[inline]
    pub fn key_since(&mut self, cache_id: i32, start: usize) {
        let Some(client) = self.client.map(|client| client.get()).filter(|client| client.is_routing()) else { return };
        let hash = self.out.as_slice().get(start..).and_then(|key| client.key_hash(cache_id, key));
        self.key = hash.map(|hash| Target::Key { cache_id, hash });
    }
}

/// What reads the payload of an answer, attached; an error ends the call. The request that follows from it is carried out next.
pub(super) type Done = Box<dyn FnOnce(Python<'_>, &[u8]) -> PyResult<Option<Detour>> + Send>;

/// A request made on behalf of another one, which goes on when this one is answered.
pub(super) struct Detour {
    pub operation: &'static Operation,
    /// As `Writer::request` began it.
    pub frame: Vec<u8>,
    pub done: Done,
    /// What happens when servers refuse it: this, and the call goes on; without it the call ends.
    pub refused: Option<Box<dyn FnOnce() + Send>>,
}

impl Detour {
    /// A request without which the call can not go on.
    pub fn needed(operation: &'static Operation, frame: Vec<u8>, done: Done) -> Self {
        Self { operation, frame, done, refused: None }
    }

    /// A question on the side.
    pub fn aside(mut inquiry: Inquiry) -> Self {
        let (operation, frame) = (inquiry.operation, std::mem::take(&mut inquiry.frame));
        let inquiry = Arc::new(Mutex::new(Some(inquiry)));
        let take = move |inquiry: &Mutex<Option<Inquiry>>| inquiry.lock().unwrap_or_else(PoisonError::into_inner).take();
        let refused = Arc::clone(&inquiry);
        Self {
            operation,
            frame,
            done: Box::new(move |_, payload| {
                // Bytes that make no sense leave everything as it was; the next call asks again.
                let _ = take(&inquiry).map(|inquiry| inquiry.answer(payload));
                Ok(None)
            }),
            refused: Some(Box::new(move || {
                if let Some(inquiry) = take(&refused) {
                    inquiry.give_up();
                }
            })),
        }
    }
}

impl std::fmt::Debug for Detour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Detour({})", self.operation.name)
    }
}
