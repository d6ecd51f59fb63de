//! Facts about connections and requests, told outward. Nothing in this room knows who listens.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::completion::Completions;
use super::config::Address;
use super::core::Link;
use super::error::{Error, ErrorKind};
use crate::protocol::ProtocolContext;
use crate::protocol::handshake::{NodeId, Refusal};
use crate::protocol::op::Operation;

/// Somebody who wants to know. One for each client; without one nothing is told.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Whether anybody listens to requests now. Asked for every request, so it must cost next to nothing.
    fn watches_requests(&self) -> bool;

    /// Called on the thread of the call, with no lock held: before the request is sent, and when it has ended.
    fn request(&self, link: &Link, watched: &Watched, event: RequestEvent<'_>);

    /// Called on the thread of the call that caused it, with no lock held.
    fn connection(&self, event: &ConnectionEvent);

    /// What no call caused, or none that could be told of it. Called anywhere; whoever implements it finds a thread for it.
    fn connection_later(&self, event: ConnectionEvent);
}

/// A request that somebody listens to.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// Id of the request on its connection.
    pub id: i64,
    pub operation: &'static Operation,
    pub since: Instant,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub enum RequestEvent<'a> {
    Started,
    Answered(Duration),
    Failed(Duration, &'a Error),
}

/// What happens to a connection.
#[derive(Debug)]
pub struct ConnectionEvent {
    pub address: Address,
    pub fact: ConnectionFact,
}

#[derive(Debug)]
pub enum ConnectionFact {
    /// A handshake begins; what is offered.
    Opening(ProtocolContext),
    Open(ProtocolContext, Option<NodeId>),
    /// It could not be opened; what had been offered.
    Failed(ProtocolContext, Problem),
    /// This client ended it.
    Closed(Option<NodeId>),
    /// It broke.
    Lost(Option<NodeId>, Problem),
}

/// What went wrong, without the error itself, which goes to whoever called.
#[derive(Debug, Clone)]
pub struct Problem {
    pub text: String,
    /// Number that the operating system has for it.
    pub os_code: Option<i32>,
    pub is_timeout: bool,
    pub refusal: Option<Refusal>,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let (os_code, refusal) = match error.kind() {
            ErrorKind::Io(error) => (error.raw_os_error(), None),
            ErrorKind::Refused(refusal) => (None, Some(refusal.clone())),
            _ => (None, None),
        };
        Self { text: error.to_string(), os_code, is_timeout: error.is_timeout(), refusal }
    }
}

/// Told what happens while connections are opened; the one who waits for that passes it on.
pub(super) type Tell = Option<Arc<dyn Fn(ConnectionEvent) + Send + Sync>>;

/// A fact on its way to the thread that tells it.
#[derive(Debug)]
pub enum Told {
    /// To this observer.
    Connection(Arc<dyn Observer>, ConnectionEvent),
    /// The call of this token, which had to wait for a connection, was sent now.
    Sent(u64),
}

thread_local! {
    /// What this thread saw while it held a lock, or on its way out of a call.
    static NOTED: RefCell<Vec<(Arc<dyn Observer>, ConnectionEvent)>> = const { RefCell::new(Vec::new()) };
}

/// Tells what this thread has noted; to be called where no lock is held, before the call returns.
#[inline]
pub(super) fn tell_noted() {
    if NOTED.with_borrow(|noted| !noted.is_empty()) {
        for (observer, event) in NOTED.take() {
            observer.connection(&event);
        }
    }
}

/// What a connection says about itself.
impl Link {
    /// Somebody listens to this request, from now on.
    #[inline]
    pub fn watch(&self, operation: &'static Operation, id: i64) -> Option<Watched> {
        let observer = self.observer.as_ref().filter(|observer| observer.watches_requests())?;
        let watched = Watched { id, operation, since: Instant::now() };
        observer.request(self, &watched, RequestEvent::Started);
        Some(watched)
    }

    pub fn watched_ended(&self, watched: &Watched, outcome: Result<(), &Error>) {
        if let Some(observer) = &self.observer {
            let duration = watched.since.elapsed();
            let event = match outcome {
                Ok(()) => RequestEvent::Answered(duration),
                Err(error) => RequestEvent::Failed(duration, error),
            };
            observer.request(self, watched, event);
        }
    }

    fn event(&self, error: Option<&Error>) -> ConnectionEvent {
        let fact = match error {
            // It ended because the client did.
            Some(error) if !matches!(error.kind(), ErrorKind::ClientClosed) => {
                ConnectionFact::Lost(self.node_id, Problem::from(error))
            }
            _ => ConnectionFact::Closed(self.node_id),
        };
        ConnectionEvent { address: self.address.clone(), fact }
    }

    /// It has ended, with an error or because this client wanted it so: told at once, on the thread of a call, with no lock held.
    pub(super) fn tell_end(&self, error: Option<&Error>) {
        if let Some(observer) = &self.observer {
            observer.connection(&self.event(error));
        }
    }

    /// The same, kept for [`tell_noted`].
    pub(super) fn note_end(&self, error: Option<&Error>) {
        let Some(observer) = &self.observer else { return };
        let (observer, event) = (Arc::clone(observer), self.event(error));
        // A task of tokio has no call to tell it in.
        if tokio::runtime::Handle::try_current().is_ok() {
            observer.connection_later(event);
        } else {
            NOTED.with_borrow_mut(|noted| noted.push((observer, event)));
        }
    }

    /// The same, told by the loop of one of those who waited, or by nobody's.
    pub(super) fn end_told_by(&self, error: &Error, completions: Option<&Completions>) {
        let Some(observer) = &self.observer else { return };
        let event = self.event(Some(error));
        match completions {
            Some(completions) => completions.tell(Told::Connection(Arc::clone(observer), event)),
            None => observer.connection_later(event),
        }
    }

    /// Whether anybody listens to requests.
    pub(super) fn is_watched(&self) -> bool {
        self.observer.as_ref().is_some_and(|observer| observer.watches_requests())
    }
}
