//! The two faces of an operation, and its three stages: encode (attached), carry (detached), decode (attached).

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::call::{Call, Job};
use super::client::{BaseClient, InUse};
use super::decode::{Read, ReadError, merge, read_reply};
use super::error::{self, Facts};
use super::request::{Detour, Request};
use super::runtime;
use super::several::Several;
use super::types::Types;
use crate::client::completion::Reply as Message;
use crate::client::threads::Held;
use crate::client::{Deadline, Handle, Target};
use crate::protocol::Writer;
use crate::protocol::op::{Operation, Reply, split};

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
    /// What this makes of the reply.
    Own(Box<dyn Finisher>),
}

/// Makes a result of a reply in a way of its own: cursors, transactions.
pub(super) trait Finisher: Send + Sync {
    /// Called once more with the same reply when it answered [`ReadError::Missing`] and what was missing is there.
    fn finish<'py>(&self, py: Python<'py>, types: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>>;
}

/// A reply, and the connection that it came over.
pub(super) enum Answer {
    /// The lane is held until the reply has been read.
    Lane(Held, Deadline),
    /// The message outlives the connection.
    Message(Message),
}

impl Answer {
    #[inline]
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Lane(held, _) => held.payload(),
            Self::Message(reply) => reply.payload(),
        }
    }

    /// Takes charge of what the answer opened.
    pub fn opened(&mut self) -> Option<Handle> {
        match self {
            Self::Lane(held, _) => held.opened.take(),
            Self::Message(reply) => reply.opened.take(),
        }
    }

    /// The same reply without the lane, which others can use now.
    fn apart(self) -> Self {
        match self {
            Self::Lane(mut held, _) => {
                let opened = held.opened.take();
                Self::Message(Message { message: held.payload().to_vec().into(), payload: 0, opened })
            }
            Self::Message(_) => self,
        }
    }
}

/// An operation on its way: where it goes, and what its answer is read with.
pub(super) struct Carried {
    /// Name of the operation, or of the method of a client that runs it; for messages.
    pub name: &'static str,
    pub operation: &'static Operation,
    pub cache: Option<Arc<str>>,
    pub target: Target,
    pub finish: Finish,
}

impl Carried {
    /// Sends it where its key lives, unless it has a place already.
    #[inline]
    fn aim(&mut self, key: Option<Target>) {
        if let (Some(key), Target::Any) = (key, &self.target) {
            self.target = key;
        }
    }

    /// The cache whose keys have to be looked up before a request with many of them is sent.
    pub fn cache_to_know(&self, frame: &[u8]) -> Option<i32> {
        match self.target {
            Target::Key { cache_id, .. } => Some(cache_id),
            Target::Any => split::cache_id(self.operation, frame),
            Target::Primary(_) | Target::At(..) => None,
        }
    }

    /// Whether it can be carried out in parts.
    pub fn splittable(&self) -> bool {
        matches!((&self.target, &self.finish), (Target::Any, Finish::Reply))
    }

    pub fn facts(&self) -> Facts {
        Facts { operation: Some(self.operation), cache: self.cache.clone() }
    }

    /// Stage 3.
    #[inline]
    pub fn finish<'py>(&self, py: Python<'py>, types: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        match &self.finish {
            Finish::Reply => read_reply(py, types, self.operation.reply, answer.payload()),
            Finish::Cache { class, client } => {
                read_reply(py, types, self.operation.reply, answer.payload())?;
                Ok(class.bind(py).call1((client, self.cache.as_deref()))?)
            }
            Finish::Own(finisher) => finisher.finish(py, types, answer),
        }
    }

    #[cold]
    pub fn unreadable(&self, py: Python<'_>, error: ReadError) -> PyErr {
        match error {
            ReadError::Decode(error) => error::parse_error(py, &error, self.facts()),
            ReadError::Python(error) => error,
            ReadError::Missing(detour) => error::named(
                py,
                "ParseError",
                format!("the servers keep naming types that have to be fetched ({})", detour.operation.name),
            ),
        }
    }
}

/// Requests that one call may make to learn what it needs; a server that never runs out of unknown types is not believed.
pub(super) const MAX_DETOURS: usize = 4096;

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
    mut carried: Carried,
    timeout: f64,
    write: impl FnOnce(&mut Request<'_, 'py>) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    match client.get().face() {
        Face::Sync => wait(client, &mut carried, duration(timeout)?, write),
        Face::Async => later(client, carried, timeout, write),
    }
}

fn wait<'py>(
    client: &Bound<'py, BaseClient>,
    carried: &mut Carried,
    timeout: Option<Duration>,
    write: impl FnOnce(&mut Request<'_, 'py>) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = client.py();
    // Taken out, because writing may run Python code that calls again.
    let mut request = Request::new(client, Writer::request(BUFFER.take()));
    write(&mut request)?;
    let Request { out, before, key, .. } = request;
    let mut frame = out.into_buffer();
    carried.aim(key);
    let carried = &*carried;
    let connected = client.get().connected(py)?;
    let pool = &connected.pool;
    let deadline = BaseClient::deadline(client, pool, timeout)?;
    for detour in before {
        take_detour(py, &connected, carried, detour, deadline)?;
    }
    if let Some(cache_id) = carried.cache_to_know(&frame).filter(|_| pool.is_routing()) {
        for inquiry in pool.inquiries(cache_id) {
            take_detour(py, &connected, carried, Detour::aside(inquiry), deadline)?;
        }
        let split = |frame: &[u8]| pool.split(carried.operation, frame, |cache_id, key| client.get().key_hash(cache_id, key));
        if let Some(parts) = carried.splittable().then(|| split(&frame)).flatten() {
            return wait_for_all(client, &connected, carried, parts, deadline);
        }
    }
    let (carried_out, raised) =
        runtime::wait(py, |interrupt| pool.call(&carried.target, carried.operation, &mut frame, deadline, interrupt));
    let result = match carried_out {
        Ok(held) => read(client, &connected, carried, Answer::Lane(held, deadline), deadline),
        Err(error) => Err(raised.unwrap_or_else(|| error::to_python(py, &error, carried.facts()))),
    };
    if frame.capacity() <= KEPT {
        BUFFER.set(frame);
    }
    result
}

/// Carries the parts of a request to their nodes and makes one result of their answers.
fn wait_for_all<'py>(
    client: &Bound<'py, BaseClient>,
    connected: &InUse,
    carried: &Carried,
    mut parts: Vec<(Target, Vec<u8>)>,
    deadline: Deadline,
) -> PyResult<Bound<'py, PyAny>> {
    let py = client.py();
    let (answers, mut raised) =
        runtime::wait(py, |interrupt| connected.pool.call_all(carried.operation, &mut parts, deadline, interrupt));
    // The lanes are given back before anything is read: what reading asks for may need one of them.
    let answers: Vec<_> = answers.into_iter().map(|held| held.map(|held| Answer::Lane(held, deadline).apart())).collect();
    let mut results = Vec::with_capacity(answers.len());
    for answer in answers {
        match answer {
            Ok(answer) => results.push(read(client, connected, carried, answer, deadline)?),
            Err(error) => return Err(raised.take().unwrap_or_else(|| error::to_python(py, &error, carried.facts()))),
        }
    }
    merge(py, carried.operation.reply, results)
}

/// Waits for the answer to a request that was sent ahead, on the calling thread.
pub(super) fn collect<'py>(
    client: &Bound<'py, BaseClient>,
    carried: &Carried,
    request: i64,
    timeout: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let py = client.py();
    let connected = client.get().connected(py)?;
    let pool = &connected.pool;
    let deadline = BaseClient::deadline(client, pool, duration(timeout)?)?;
    let (carried_out, raised) =
        runtime::wait(py, |interrupt| pool.collect(&carried.target, carried.operation, request, deadline, interrupt));
    match carried_out {
        Ok(held) => read(client, &connected, carried, Answer::Lane(held, deadline), deadline),
        Err(error) => Err(raised.unwrap_or_else(|| error::to_python(py, &error, carried.facts()))),
    }
}

/// Stage 3 of a thread's call. What it finds missing is fetched, and it starts again.
#[inline]
fn read<'py>(
    client: &Bound<'py, BaseClient>,
    connected: &InUse,
    carried: &Carried,
    mut answer: Answer,
    deadline: Deadline,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, types) = (client.py(), &client.get().types);
    let mut detours = 0;
    loop {
        match carried.finish(py, types, &mut answer) {
            Ok(object) => return Ok(object),
            Err(ReadError::Missing(detour)) if detours < MAX_DETOURS => {
                detours += 1;
                answer = answer.apart();
                take_detour(py, connected, carried, *detour, deadline)?;
            }
            Err(error) => return Err(carried.unreadable(py, error)),
        }
    }
}

fn take_detour(py: Python<'_>, connected: &InUse, carried: &Carried, detour: Detour, deadline: Deadline) -> PyResult<()> {
    let pool = &connected.pool;
    let mut next = Some(detour);
    while let Some(mut detour) = next {
        let operation = detour.operation;
        let facts = || Facts { operation: Some(operation), cache: carried.cache.clone() };
        let turn = detour.turn_of_thread(py, deadline);
        if !turn.map_err(|(error, raised)| raised.unwrap_or_else(|| error::to_python(py, &error, facts())))? {
            return Ok(());
        }
        let (carried_out, raised) =
            runtime::wait(py, |interrupt| pool.call(&Target::Any, operation, &mut detour.frame, deadline, interrupt));
        next = match carried_out {
            Ok(held) => (detour.done)(py, held.payload())?.map(|next| next.after(detour.alone)),
            Err(error) if raised.is_none() && detour.unanswered(&error) => None,
            Err(error) => return Err(raised.unwrap_or_else(|| error::to_python(py, &error, facts()))),
        };
    }
    Ok(())
}

fn later<'py>(
    client: &Bound<'py, BaseClient>,
    carried: Carried,
    timeout: f64,
    write: impl FnOnce(&mut Request<'_, 'py>) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    let name = carried.name;
    let (job, timeout) = prepare(client, carried, timeout, write);
    match parts(client, job)? {
        Parts::One(job) => call(client, name, job, timeout),
        Parts::Many(reply, jobs) => {
            let several = Several::cold(name, reply, jobs, client.clone().unbind(), timeout);
            Ok(Bound::new(client.py(), several)?.into_any())
        }
    }
}

/// A call as it is, or in parts for several nodes.
enum Parts {
    One(Job),
    Many(Reply, Vec<Job>),
}

fn parts(client: &Bound<'_, BaseClient>, job: Job) -> PyResult<Parts> {
    let Job::Request { frame, carried, before } = job else { return Ok(Parts::One(job)) };
    // Types that have to be published first belong to all parts.
    let split = if carried.splittable() && before.is_empty() && client.get().is_routing() {
        let pool = client.get().pool(client.py())?;
        pool.split(carried.operation, &frame, |cache_id, key| client.get().key_hash(cache_id, key))
    } else {
        None
    };
    let Some(split) = split else { return Ok(Parts::One(Job::Request { frame, carried, before })) };
    let reply = carried.operation.reply;
    let jobs = split.into_iter().map(|(target, frame)| {
        let carried = Carried { target, cache: carried.cache.clone(), finish: Finish::Reply, ..carried };
        Job::Request { frame, carried, before: Default::default() }
    });
    Ok(Parts::Many(reply, jobs.collect()))
}

/// Stage 1 of a coroutine's call.
pub(super) fn prepare<'py>(
    client: &Bound<'py, BaseClient>,
    mut carried: Carried,
    timeout: f64,
    write: impl FnOnce(&mut Request<'_, 'py>) -> PyResult<()>,
) -> (Job, Option<Duration>) {
    let mut request = Request::new(client, Writer::request(Vec::with_capacity(64)));
    // Stage 1 looks at the arguments now, before the caller can change them; what it finds wrong is raised when the call is awaited.
    match duration(timeout).and_then(|timeout| write(&mut request).map(|()| timeout)) {
        Ok(timeout) => {
            let Request { out, before, key, .. } = request;
            carried.aim(key);
            (Job::Request { frame: out.into_buffer(), carried, before: before.into() }, timeout)
        }
        Err(error) => (Job::Known(Err(error)), None),
    }
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

/// The method alone, as `__name__` of a coroutine says it.
pub(super) fn short(name: &str) -> String {
    let name = qualified(name);
    name.rsplit('.').next().unwrap_or(&name).to_owned()
}
