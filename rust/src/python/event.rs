//! Events: what the waiting room tells goes to the listeners of a client and to the loggers, through `monitoring._Teller`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};

use arc_swap::ArcSwapOption;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyTuple, PyWeakrefReference};

use super::import::Known;
use super::{error, runtime};
use crate::client::core::Link;
use crate::client::observe::{ConnectionEvent, ConnectionFact, Observer, Problem, RequestEvent, Watched};
use crate::client::{Error, ErrorKind};
use crate::lock::{lock, unpoisoned};
use crate::protocol::ProtocolContext;
use crate::protocol::handshake::{NodeId, Refusal};

/// Events of the background that wait for somebody to tell them; older ones are dropped.
const MAX_WAITING: usize = 1024;

/// `logging.DEBUG`.
const DEBUG: i32 = 10;

/// What one client tells, and to whom.
#[derive(Debug)]
pub(super) struct Events {
    /// Weak, because a listener may hold the client that it listens to.
    teller: Py<PyWeakrefReference>,
    has_request_listeners: bool,
    has_connection_listeners: bool,
    log: Logger,
    watches_requests: AtomicBool,
    /// What the background had to say, when no thread of ours tells it.
    waiting: Mutex<VecDeque<ConnectionEvent>>,
    has_waiting: AtomicBool,
    me: Weak<Self>,
}

/// The logger of requests. Whether it is on must be known for every request, and may change at any time.
#[derive(Debug)]
struct Logger {
    logger: Py<PyAny>,
    /// What the logger remembers of the levels that it was asked about; emptied whenever any level anywhere is set. An attribute of
    /// its own, so it may not be there.
    remembered: Option<Py<PyDict>>,
    debug: Py<PyInt>,
}

impl Logger {
    #[inline]
    fn is_on(&self, py: Python<'_>) -> bool {
        match &self.remembered {
            Some(remembered) => match remembered.bind(py).get_item(&self.debug) {
                Ok(Some(is_on)) => is_on.is(&*PyBool::new(py, true)),
                _ => self.ask(py),
            },
            None => self.ask(py),
        }
    }

    /// It remembers the answer.
    #[cold]
    fn ask(&self, py: Python<'_>) -> bool {
        self.logger.call_method1(py, "isEnabledFor", (&self.debug,)).and_then(|is_on| is_on.extract(py)).unwrap_or(false)
    }
}

impl Events {
    /// `teller` is a `monitoring._Teller`.
    pub fn new(teller: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let logger = teller.getattr("queries_logger")?;
        let remembered = logger.getattr("_cache").ok().and_then(|cache| cache.cast_into::<PyDict>().ok());
        let debug = DEBUG.into_pyobject(teller.py())?.unbind();
        let has_request_listeners = teller.getattr("query_listeners")?.is_truthy()?;
        let has_connection_listeners = teller.getattr("connection_listeners")?.is_truthy()?;
        let teller = PyWeakrefReference::new(teller)?.unbind();
        Ok(Arc::new_cyclic(|me| Self {
            teller,
            has_request_listeners,
            has_connection_listeners,
            log: Logger { logger: logger.unbind(), remembered: remembered.map(Bound::unbind), debug },
            watches_requests: AtomicBool::new(false),
            waiting: Mutex::new(VecDeque::new()),
            has_waiting: AtomicBool::new(false),
            me: Weak::clone(me),
        }))
    }

    /// Looks who listens now; called, attached, at the start of every call.
    #[inline]
    pub fn look(&self, py: Python<'_>) {
        self.watches_requests.store(self.has_request_listeners || self.log.is_on(py), Ordering::Relaxed);
        if self.has_waiting.load(Ordering::Relaxed) {
            self.tell_waiting();
        }
    }

    #[cold]
    fn tell_waiting(&self) {
        self.has_waiting.store(false, Ordering::Relaxed);
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        waiting.iter().for_each(|event| self.connection(event));
    }

    /// Starts the thread that tells what the background has to say, if anybody would listen.
    pub fn start(&self, py: Python<'_>) -> PyResult<()> {
        if self.has_connection_listeners { Dispatcher::start(py) } else { Ok(()) }
    }

    /// Calls a method of the teller.
    #[cold]
    fn tell(&self, what: impl for<'py> FnOnce(Python<'py>) -> PyResult<Telling<'py>>) {
        if runtime::must_stay_away() {
            return;
        }
        Python::attach(|py| {
            // Gone with its client.
            let Some(teller) = self.teller.bind(py).upgrade() else { return };
            let told = what(py).and_then(|(name, arguments)| teller.call_method1(name, arguments));
            match told {
                Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => {
                    // It meant the program, not the listener: raised again where the program goes on.
                    // SAFETY: sets a flag.
                    unsafe { pyo3::ffi::PyErr_SetInterrupt() };
                }
                Err(error) => error.write_unraisable(py, Some(&teller)),
                Ok(_) => {}
            }
        });
    }
}

impl Observer for Events {
    fn watches_requests(&self) -> bool {
        self.watches_requests.load(Ordering::Relaxed)
    }

    fn request(&self, link: &Link, watched: &Watched, event: RequestEvent<'_>) {
        self.tell(|py| {
            let Watched { id, operation, .. } = watched;
            let (host, port, node) = (&link.address.host, link.address.port, text(link.node_id));
            let (code, name) = (operation.code, operation.name);
            Ok(match event {
                RequestEvent::Started => ("query_start", (host, port, node, id, code, name).into_pyobject(py)?),
                RequestEvent::Answered(duration) => {
                    ("query_success", (host, port, node, id, code, name, duration.as_millis() as u64).into_pyobject(py)?)
                }
                RequestEvent::Failed(duration, error) => {
                    let failure = failure(py, error)?;
                    ("query_fail", (host, port, node, id, code, name, duration.as_millis() as u64, failure).into_pyobject(py)?)
                }
            })
        });
    }

    fn connection(&self, event: &ConnectionEvent) {
        self.tell(|py| telling(py, event));
    }

    fn connection_later(&self, event: ConnectionEvent) {
        let mut event = Some(event);
        if self.has_connection_listeners && Dispatcher::feed(&self.me, &mut event) {
            return;
        }
        let mut waiting = lock(&self.waiting);
        if waiting.len() == MAX_WAITING {
            waiting.pop_front();
        }
        waiting.extend(event);
        self.has_waiting.store(true, Ordering::Relaxed);
    }
}

/// Whoever tells it: the method of the teller, and what it takes.
type Telling<'py> = (&'static str, Bound<'py, PyTuple>);

fn telling<'py>(py: Python<'py>, event: &ConnectionEvent) -> PyResult<Telling<'py>> {
    let (host, port) = (&event.address.host, event.address.port);
    Ok(match &event.fact {
        ConnectionFact::Opening(offer) => ("handshake_start", (host, port, agreed(offer)).into_pyobject(py)?),
        ConnectionFact::Open(context, node) => {
            ("handshake_success", (host, port, agreed(context), text(*node)).into_pyobject(py)?)
        }
        ConnectionFact::Failed(offer, problem) => {
            let refused = problem.refusal.as_ref().is_some_and(Refusal::is_authentication);
            let name = if refused { "authentication_fail" } else { "handshake_fail" };
            (name, (host, port, agreed(offer), exception(py, problem)?).into_pyobject(py)?)
        }
        ConnectionFact::Closed(node) => ("connection_closed", (host, port, text(*node)).into_pyobject(py)?),
        ConnectionFact::Lost(node, problem) => {
            ("connection_lost", (host, port, text(*node), exception(py, problem)?).into_pyobject(py)?)
        }
    })
}

/// A version and, where there are any, the bits of its features.
fn agreed(context: &ProtocolContext) -> ((i16, i16, i16), Option<u64>) {
    let version = context.version;
    ((version.major, version.minor, version.patch), context.has_features().then(|| context.features.bits()))
}

/// A node's id as Python's `UUID` prints it; empty where the server does not tell it.
fn text(node: Option<NodeId>) -> String {
    node.map_or_else(String::new, |NodeId { most, least }| {
        let (low, mid, high) = (most >> 32, most >> 16 & 0xffff, most & 0xffff);
        format!("{low:08x}-{mid:04x}-{high:04x}-{:04x}-{:012x}", least >> 48, least & 0xffff_ffff_ffff)
    })
}

/// What pyignite would have at hand here: the exception of the operating system, or its own.
fn exception<'py>(py: Python<'py>, problem: &Problem) -> PyResult<Bound<'py, PyAny>> {
    let known = Known::get(py)?;
    if let Some(refusal) = &problem.refusal {
        if refusal.is_authentication() {
            return known.exception(py, "AuthenticationError")?.call1((&refusal.message,));
        }
        let server = (refusal.server.major, refusal.server.minor, refusal.server.patch);
        return known.exception(py, "HandshakeError")?.call1((server, &problem.text));
    }
    let error = match problem.os_code {
        Some(code) => PyOSError::new_err((code, py.import("os")?.call_method1("strerror", (code,))?.unbind())),
        None if problem.is_timeout => PyTimeoutError::new_err("timed out"),
        None => PyOSError::new_err(problem.text.clone()),
    };
    Ok(error.into_value(py).into_bound(py).into_any())
}

/// Why a request failed: the server's words, or an exception.
fn failure<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    match error.kind() {
        ErrorKind::Server(refused) => refused.message.as_str().into_bound_py_any(py),
        ErrorKind::Io(_) | ErrorKind::ConnectionClosed | ErrorKind::Timeout => exception(py, &Problem::from(error)),
        _ => Ok(error::to_python(py, error, error::Facts::default()).into_value(py).into_bound(py).into_any()),
    }
}

/// The thread of a process that tells what the background has to say. It waits here without the interpreter; what it runs is
/// `monitoring._dispatch`, so that a listener has none of our frames under it.
#[derive(Debug)]
struct Dispatcher {
    epoch: u64,
    queue: Mutex<VecDeque<(Weak<Events>, ConnectionEvent)>>,
    fed: Condvar,
}

static DISPATCHER: ArcSwapOption<Dispatcher> = ArcSwapOption::const_empty();

impl Dispatcher {
    /// The one of this process. What the parent of a fork had stays with the parent.
    fn current() -> Option<Arc<Self>> {
        DISPATCHER.load_full().filter(|dispatcher| dispatcher.epoch == runtime::epoch())
    }

    fn start(py: Python<'_>) -> PyResult<()> {
        if Self::current().is_some() {
            return Ok(());
        }
        let mine = Arc::new(Self { epoch: runtime::epoch(), queue: Mutex::default(), fed: Condvar::new() });
        if let Some(parents) = DISPATCHER.swap(Some(mine)) {
            // Its lock may have been held at the moment of the fork.
            std::mem::forget(parents);
        }
        py.import("pyignite_rs.monitoring")?.call_method0("_start_dispatcher")?;
        Ok(())
    }

    /// `false` when there is no such thread.
    fn feed(events: &Weak<Events>, event: &mut Option<ConnectionEvent>) -> bool {
        let Some(dispatcher) = Self::current() else { return false };
        lock(&dispatcher.queue).extend(event.take().map(|event| (Weak::clone(events), event)));
        dispatcher.fed.notify_one();
        true
    }

    fn wait(&self) -> (Weak<Events>, ConnectionEvent) {
        let mut queue = lock(&self.queue);
        loop {
            match queue.pop_front() {
                Some(next) => return next,
                None => queue = unpoisoned(self.fed.wait(queue)),
            }
        }
    }
}

/// Wait for an event of the background; called by the thread that tells them. Returns the method to call, and its arguments.
#[pyfunction]
pub(super) fn _next_event(py: Python<'_>) -> PyResult<(Py<PyAny>, Py<PyTuple>)> {
    loop {
        let Some(dispatcher) = Dispatcher::current() else {
            return Err(PyRuntimeError::new_err("no client has listeners in this process"));
        };
        let ((events, event), _) = runtime::wait(py, |_| dispatcher.wait());
        let Some(teller) = events.upgrade().and_then(|events| events.teller.bind(py).upgrade()) else { continue };
        let (name, arguments) = telling(py, &event)?;
        return Ok((teller.getattr(name)?.unbind(), arguments.unbind()));
    }
}
