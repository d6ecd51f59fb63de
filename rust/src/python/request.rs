//! A request on its way through stage 1, and the requests that are made on its behalf.

use std::sync::{Arc, Mutex};

use pyo3::prelude::*;

use super::client::BaseClient;
use super::runtime;
use crate::client::completion::Completions;
use crate::client::flight::{Flight, Flights};
use crate::client::lane::SLICE;
use crate::client::route::Inquiry;
use crate::client::{Deadline, Error, ErrorKind, Target};
use crate::lock::lock;
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
    refused: Option<Box<dyn FnOnce() + Send>>,
    /// For requests of which one at a time is enough.
    pub alone: Option<Alone>,
}

/// What a request that others may be making needs to know about them.
pub(super) struct Alone {
    flights: Arc<Flights>,
    key: i32,
    /// Whether the request still has to be made, asked when it is its turn.
    is_needed: Box<dyn Fn() -> bool + Send>,
    /// From the turn on to the end.
    flight: Option<Flight>,
}

/// Whether a detour can be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Go,
    /// Another call has made it meanwhile.
    Skip,
    /// Another call is at it.
    Wait,
}

impl Detour {
    /// A request without which the call can not go on.
    pub fn needed(operation: &'static Operation, frame: Vec<u8>, done: Done) -> Self {
        Self { operation, frame, done, refused: None, alone: None }
    }

    /// One at a time for each key, and none any more when it is not needed.
    pub fn alone(mut self, flights: &Arc<Flights>, key: i32, is_needed: impl Fn() -> bool + Send + 'static) -> Self {
        self.alone = Some(Alone { flights: Arc::clone(flights), key, is_needed: Box::new(is_needed), flight: None });
        self
    }

    /// Asks for the turn. A call that is named is completed, without payload, when it may ask again.
    pub fn turn(&mut self, call: Option<(&Arc<Completions>, u64)>) -> Turn {
        let Some(alone) = &mut self.alone else { return Turn::Go };
        if alone.flight.is_some() {
            return Turn::Go;
        }
        if !(alone.is_needed)() {
            return Turn::Skip;
        }
        alone.flight = alone.flights.begin(alone.key, call);
        if alone.flight.is_some() { Turn::Go } else { Turn::Wait }
    }

    /// The same for a thread, which waits. `false`: another thread has made the request.
    pub fn turn_of_thread(&mut self, py: Python<'_>, deadline: Deadline) -> Result<bool, (Error, Option<PyErr>)> {
        loop {
            match self.turn(None) {
                Turn::Go => return Ok(true),
                Turn::Skip => return Ok(false),
                Turn::Wait => {}
            }
            let Some(Alone { flights, key, .. }) = &self.alone else { return Ok(true) };
            if flights.is_mine(*key) {
                return Ok(true);
            }
            let (waited, raised) = runtime::wait(py, |interrupt| {
                loop {
                    let Some(slice) = deadline.slice(SLICE) else { return Err(Error::new(ErrorKind::Timeout)) };
                    if flights.wait(*key, slice) {
                        return Ok(());
                    }
                    if interrupt() {
                        return Err(Error::new(ErrorKind::Interrupted));
                    }
                }
            });
            waited.map_err(|error| (error, raised))?;
        }
    }

    /// The call goes on without its answer if it has to.
    pub fn is_on_the_side(&self) -> bool {
        self.refused.is_some()
    }

    /// There will be no answer, for this reason. Tells whether the call goes on without it.
    pub fn unanswered(&mut self, error: &Error) -> bool {
        let Some(refused) = self.refused.take() else { return false };
        if let ErrorKind::Server(_) = error.kind() {
            refused();
        }
        true
    }

    /// The request that follows from this one keeps its turn.
    pub fn after(mut self, alone: Option<Alone>) -> Self {
        self.alone = alone;
        self
    }

    /// A question on the side.
    pub fn aside(mut inquiry: Inquiry) -> Self {
        let (operation, frame) = (inquiry.operation, std::mem::take(&mut inquiry.frame));
        let inquiry = Arc::new(Mutex::new(Some(inquiry)));
        let take = move |inquiry: &Mutex<Option<Inquiry>>| lock(inquiry).take();
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
            alone: None,
        }
    }
}

impl std::fmt::Debug for Detour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Detour({})", self.operation.name)
    }
}
