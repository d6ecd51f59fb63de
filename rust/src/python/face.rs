//! The two faces of an operation, and its three stages: encode (attached), carry (detached), decode (attached).

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::call::{Call, Job};
use super::client::BaseClient;
use super::decode::{ReadError, read_reply};
use super::error::{self, Facts};
use super::runtime;
use crate::protocol::Writer;
use crate::protocol::op::Operation;

/// Who calls: a thread that waits, or a coroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Sync,
    Async,
}

/// What the caller gets.
pub(super) enum Finish {
    /// What the reply says.
    Reply,
    /// The cache object, once the server has agreed.
    Cache { class: Py<PyAny>, client: Py<BaseClient> },
}

/// An operation on its way: what its answer is read with.
pub(super) struct Carried {
    /// Name of the operation, or of the method of a client that runs it; for messages.
    pub name: &'static str,
    pub operation: &'static Operation,
    pub cache: Option<Arc<str>>,
    pub finish: Finish,
}

impl Carried {
    pub fn facts(&self) -> Facts {
        Facts { operation: Some(self.operation), cache: self.cache.clone() }
    }

    /// Stage 3.
    #[inline]
    pub fn finish<'py>(&self, py: Python<'py>, payload: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let object = read_reply(py, self.operation.reply, payload).map_err(|error| self.unreadable(py, error))?;
        match &self.finish {
            Finish::Reply => Ok(object),
            Finish::Cache { class, client } => class.bind(py).call1((client, self.cache.as_deref())),
        }
    }

    #[cold]
    fn unreadable(&self, py: Python<'_>, error: ReadError) -> PyErr {
        match error {
            ReadError::Decode(error) => error::parse_error(py, &error, self.facts()),
            ReadError::Python(error) => error,
        }
    }
}

thread_local! {
    /// The buffer of this thread's requests, kept between calls.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A request buffer that grew past this is not kept.
const KEPT: usize = 1 << 20;

/// Runs an operation: waits for its result, or returns a call to be awaited. `write` appends the request's body.
#[inline]
pub(super) fn run<'py>(
    client: &Bound<'py, BaseClient>,
    carried: Carried,
    timeout: f64,
    write: impl FnOnce(&mut Writer) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    match client.get().face() {
        Face::Sync => wait(client, &carried, duration(timeout)?, write),
        Face::Async => later(client, carried, timeout, write),
    }
}

fn wait<'py>(
    client: &Bound<'py, BaseClient>,
    carried: &Carried,
    timeout: Option<Duration>,
    write: impl FnOnce(&mut Writer) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = client.py();
    // Taken out, because writing may run Python code that calls again.
    let mut out = Writer::request(BUFFER.take());
    write(&mut out)?;
    let mut frame = out.into_buffer();
    let connected = client.get().connected(py)?;
    let pool = &connected.pool;
    let deadline = pool.deadline(timeout);
    let (carried_out, raised) = runtime::wait(py, |interrupt| pool.call(carried.operation, &mut frame, deadline, interrupt));
    let result = match carried_out {
        Ok(held) => carried.finish(py, held.payload()),
        Err(error) => Err(raised.unwrap_or_else(|| error::to_python(py, &error, carried.facts()))),
    };
    if frame.capacity() <= KEPT {
        BUFFER.set(frame);
    }
    result
}

fn later<'py>(
    client: &Bound<'py, BaseClient>,
    carried: Carried,
    timeout: f64,
    write: impl FnOnce(&mut Writer) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    let name = carried.name;
    let mut out = Writer::request(Vec::with_capacity(64));
    // Stage 1 looks at the arguments now, before the caller can change them; what it finds wrong is raised when the call is awaited.
    let encoded = duration(timeout).and_then(|timeout| write(&mut out).map(|()| timeout));
    let (job, timeout) = match encoded {
        Ok(timeout) => (Job::Request { frame: out.into_buffer(), carried }, timeout),
        Err(error) => (Job::Known(Err(error)), None),
    };
    call(client, name, job, timeout)
}

/// A cold call.
pub(super) fn call<'py>(
    client: &Bound<'py, BaseClient>,
    name: &'static str,
    job: Job,
    timeout: Option<Duration>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::cold(name, job, client.clone().unbind(), timeout);
    Ok(Bound::new(client.py(), call)?.into_any())
}

/// A result that needs no server, or what was wrong before one was asked.
pub(super) fn known<'py>(
    client: &Bound<'py, BaseClient>,
    name: &'static str,
    result: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    match client.get().face() {
        Face::Sync => result,
        Face::Async => call(client, name, Job::Known(result.map(Bound::unbind)), None),
    }
}

/// Seconds as a time limit; zero is none.
pub(super) fn duration(seconds: f64) -> PyResult<Option<Duration>> {
    if seconds == 0.0 || seconds == f64::INFINITY {
        return Ok(None);
    }
    let limit = Duration::try_from_secs_f64(seconds);
    limit.map(Some).map_err(|_| PyValueError::new_err(format!("a time limit in seconds can not be {seconds}")))
}

/// `None` means no limit, as zero does.
pub(super) fn seconds(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if value.is_none() { Ok(0.0) } else { value.extract() }
}

/// The method behind a name: `OP_CACHE_PUT_IF_ABSENT` is `AioCache.put_if_absent`.
pub(super) fn qualified(name: &str) -> String {
    match name.strip_prefix("OP_CACHE_") {
        Some(operation) => format!("AioCache.{}", operation.to_lowercase()),
        None => name.to_owned(),
    }
}
