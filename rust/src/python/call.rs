//! Call: one operation of `AioClient` or `AioCache`, cold until somebody awaits it.
//!
//! It is a coroutine (`send`, `throw`, `close`, `__await__`) and, once it waits, its own future: the task that runs it is resumed
//! straight from the loop's callback. No task, no future and no Python frame of ours stands between.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyRuntimeWarning, PyStopIteration};
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::client::BaseClient;
use super::decode::ReadError;
use super::face::{Answer, Carried, MAX_DETOURS};
use super::import::Known;
use super::port::LoopPort;
use super::request::{Detour, Turn};
use super::{error, face};
use crate::client::call::{Attempts, Next};
use crate::client::completion::Reply;
use crate::client::loops::Ticket;
use crate::client::observe::Watched;
use crate::client::shared::Shared;
use crate::client::{Deadline, Error, ErrorKind, Pool, Target};
use crate::lock::{lock, unpoisoned};
use crate::protocol::op::Operation;

/// What a call is to do when it starts.
pub(super) enum Job {
    Request {
        frame: Vec<u8>,
        carried: Carried,
        /// To be carried out first.
        before: VecDeque<Detour>,
    },
    Connect,
    /// Nothing: the result is known, or stage 1 failed.
    Known(PyResult<Py<PyAny>>),
}

/// A call that waits on a loop.
struct Waiting {
    job: Job,
    client: Py<BaseClient>,
    port: Py<LoopPort>,
    token: u64,
    ticket: Option<Ticket>,
    deadline: Deadline,
    attempts: Option<Attempts>,
    /// The request that was sent, if somebody listens to it, and its connection.
    watched: Option<(Arc<Shared>, Watched)>,
    /// The request made on behalf of this one that is being carried out now.
    detour: Option<Detour>,
    /// Another call is making that request: it has to end first.
    parked: bool,
    /// The answer, when something is missing to read it.
    answer: Option<Answer>,
    detours: usize,
    /// Usually one: the task that awaits.
    callbacks: Vec<(Py<PyAny>, Option<Py<PyAny>>)>,
}

enum State {
    Cold {
        job: Job,
        client: Py<BaseClient>,
        timeout: Option<Duration>,
    },
    Waiting(Box<Waiting>),
    /// The outcome is there; the loop whose it was is kept for `get_loop`.
    Done {
        result: PyResult<Py<PyAny>>,
        port: Option<Py<LoopPort>>,
    },
    /// Awaited, closed or thrown into.
    Over,
}

#[pyclass(frozen, weakref, module = "pyignite_rs._core")]
pub(super) struct Call {
    name: &'static str,
    state: Mutex<State>,
    blocking: Mutex<bool>,
}

impl Call {
    pub fn cold(name: &'static str, job: Job, client: Py<BaseClient>, timeout: Option<Duration>) -> Self {
        Self { name, state: Mutex::new(State::Cold { job, client, timeout }), blocking: Mutex::new(false) }
    }

    /// A call that starts at once, on the running loop, and whose outcome is asked for later, if at all.
    pub fn eager<'py>(
        py: Python<'py>,
        name: &'static str,
        job: Job,
        client: Py<BaseClient>,
        timeout: Option<Duration>,
    ) -> PyResult<Bound<'py, Self>> {
        let call = Self { name, state: Mutex::new(State::Over), blocking: Mutex::new(false) };
        let call = Bound::new(py, call)?;
        Self::start(&call, job, client, timeout)?;
        Ok(call)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn replace(&self, state: State) -> State {
        std::mem::replace(&mut *self.lock(), state)
    }

    fn set_blocking(&self, blocking: bool) {
        *lock(&self.blocking) = blocking;
    }

    /// What `throw` of a coroutine does with its arguments.
    pub fn raise(kind: Bound<'_, PyAny>, value: Option<Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        let exception = match value {
            Some(value) if value.is_instance_of::<pyo3::exceptions::PyBaseException>() => value,
            Some(value) => kind.call1((value,))?,
            None if kind.is_instance_of::<pyo3::types::PyType>() => kind.call0()?,
            None => kind,
        };
        Err(PyErr::from_value(exception))
    }

    /// One step of the coroutine: `Ok` is to be yielded, `StopIteration` carries the result.
    pub fn step<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let call = slf.get();
        match call.replace(State::Over) {
            State::Cold { job: Job::Known(result), .. } | State::Done { result, .. } => {
                // A tuple would be taken for the arguments of the exception.
                result.and_then(|value| Err(PyStopIteration::new_err((value,))))
            }
            State::Cold { job, client, timeout } => {
                Self::start(slf, job, client, timeout)?;
                call.set_blocking(true);
                Ok(slf.clone())
            }
            State::Waiting(waiting) => {
                // Stepped without having been told that it is done: still waiting.
                *call.lock() = State::Waiting(waiting);
                call.set_blocking(true);
                Ok(slf.clone())
            }
            State::Over => Err(PyRuntimeError::new_err(format!("{} was awaited already", face::qualified(call.name)))),
        }
    }

    /// Stage 2: hands the request to a connection and begins to wait on the running loop.
    fn start(slf: &Bound<'_, Self>, mut job: Job, client: Py<BaseClient>, timeout: Option<Duration>) -> PyResult<()> {
        let py = slf.py();
        let port = LoopPort::current(py)?;
        let pool = match &job {
            Job::Connect => client.get().opening(py)?,
            _ => client.get().pool(py)?,
        };
        let deadline = BaseClient::deadline(client.bind(py), &pool, timeout)?;
        let token = port.get().insert(slf.clone().unbind());
        let completions = port.get().completions();
        let mut detour = match &mut job {
            Job::Request { before, carried, frame } => {
                if let Some(cache_id) = carried.cache_to_know(frame).filter(|_| pool.is_routing()) {
                    before.extend(pool.inquiries(cache_id).into_iter().map(Detour::aside));
                }
                before.pop_front()
            }
            _ => None,
        };
        let parked = loop {
            match detour.as_mut().map(|detour| detour.turn(Some((completions, token)))) {
                None | Some(Turn::Go) => break false,
                Some(Turn::Wait) => break true,
                Some(Turn::Skip) => {
                    detour = match &mut job {
                        Job::Request { before, .. } => before.pop_front(),
                        Job::Connect | Job::Known(_) => None,
                    };
                }
            }
        };
        let (ticket, collecting) = match next_request(&mut job, &mut detour) {
            _ if parked => (None, None),
            Some((target, operation, frame)) => {
                let (ticket, collecting) = pool.start(target, operation, frame, deadline, completions, token);
                (Some(ticket), collecting)
            }
            None => (Some(pool.start_connect(deadline, completions, token)), None),
        };
        let watched = ticket
            .as_ref()
            .filter(|ticket| pool.is_watched() && ticket.is_sent())
            .and_then(|ticket| watch(ticket, &mut job, &mut detour));
        if let Some(shared) = collecting {
            LoopPort::flush_later(port.bind(py), shared)?;
        }
        let watch = deadline.instant().is_some().then(|| port.clone_ref(py));
        let waiting = Waiting {
            job,
            client,
            port,
            token,
            ticket,
            deadline,
            attempts: None,
            watched,
            detour,
            parked,
            answer: None,
            detours: 0,
            callbacks: Vec::new(),
        };
        *slf.get().lock() = State::Waiting(Box::new(waiting));
        match watch {
            Some(port) => LoopPort::watch(port.bind(py), token, deadline),
            None => Ok(()),
        }
    }

    /// The outcome has come, on the loop's own thread: tries again if that is allowed, else resumes whoever waits.
    pub fn arrive(slf: &Bound<'_, Self>, outcome: Result<Reply, Error>) -> PyResult<()> {
        let py = slf.py();
        let call = slf.get();
        let mut waiting = match call.replace(State::Over) {
            State::Waiting(waiting) => waiting,
            other => {
                *call.lock() = other;
                return Ok(());
            }
        };
        if let Some((shared, watched)) = waiting.watched.take() {
            shared.link().watched_ended(&watched, outcome.as_ref().map(drop));
        }
        let outcome = match outcome {
            Ok(reply) => Ok(reply),
            Err(error) => {
                // The loop's own timer rings for the caller; the answer may still come.
                let error = match waiting.ticket.take() {
                    Some(ticket) if error.is_timeout() => error.sent(ticket.leave()),
                    _ => error,
                };
                match Self::failed(py, &mut waiting, error) {
                    Some(error) => Err(error),
                    None => {
                        *call.lock() = State::Waiting(waiting);
                        return Ok(());
                    }
                }
            }
        };
        let Some(result) = Self::advance(py, &mut waiting, outcome) else {
            *call.lock() = State::Waiting(waiting);
            return Ok(());
        };
        let registered = waiting.port.get().remove(waiting.token);
        let Waiting { port, callbacks, .. } = *waiting;
        *call.lock() = State::Done { result, port: Some(port) };
        drop(registered);
        for (callback, context) in callbacks {
            resume(slf, &callback, context)?;
        }
        Ok(())
    }

    /// The request, which had to wait for a connection, is on its way now.
    pub fn sent(slf: &Bound<'_, Self>) {
        let call = slf.get();
        let State::Waiting(mut waiting) = call.replace(State::Over) else { return };
        if let (Some(ticket), None) = (&waiting.ticket, &waiting.watched) {
            waiting.watched = watch(ticket, &mut waiting.job, &mut waiting.detour);
        }
        *call.lock() = State::Waiting(waiting);
    }

    /// Somebody begins to wait for what was asked ahead of time: the block that they are in limits it too.
    pub fn limit(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let waiting = match &*slf.get().lock() {
            State::Waiting(waiting) => {
                Some((waiting.client.clone_ref(py), waiting.port.clone_ref(py), waiting.token, waiting.deadline))
            }
            _ => None,
        };
        let Some((client, port, token, deadline)) = waiting else { return Ok(()) };
        let sooner = BaseClient::limited(client.bind(py), deadline)?;
        if sooner == deadline {
            return Ok(());
        }
        if let State::Waiting(waiting) = &mut *slf.get().lock() {
            waiting.deadline = sooner;
        }
        LoopPort::watch(port.bind(py), token, sooner)
    }

    /// The deadline has passed. A request that still waits for a connection is told so by the task that it waits in.
    pub fn overdue(slf: &Bound<'_, Self>) -> PyResult<()> {
        let waits = match &*slf.get().lock() {
            State::Waiting(waiting) => waiting.ticket.as_ref().is_some_and(Ticket::is_waiting),
            _ => false,
        };
        if waits { Ok(()) } else { Self::arrive(slf, Err(Error::new(ErrorKind::Timeout))) }
    }

    /// Asks the attempts; `None` when the request was sent again.
    fn failed(py: Python<'_>, waiting: &mut Waiting, error: Error) -> Option<Error> {
        let Ok(pool) = waiting.client.get().pool(py) else { return Some(error) };
        if error.is_connection_lost() {
            pool.lost();
        }
        let Some((target, operation, _)) = next_request(&mut waiting.job, &mut waiting.detour) else { return Some(error) };
        let attempts = waiting.attempts.get_or_insert_with(|| pool.attempts(operation, target));
        match attempts.failed(error) {
            Next::GiveUp(error) => Some(error),
            Next::Again => {
                Self::submit(&pool, waiting);
                None
            }
        }
    }

    /// Sends what is to be sent next.
    fn submit(pool: &std::sync::Arc<Pool>, waiting: &mut Waiting) {
        let completions = waiting.port.get().completions();
        let Some((target, operation, frame)) = next_request(&mut waiting.job, &mut waiting.detour) else { return };
        let target = target.at_attempt(waiting.attempts.is_none());
        let (ticket, collecting) = pool.start(target, operation, frame, waiting.deadline, completions, waiting.token);
        if pool.is_watched() && ticket.is_sent() {
            waiting.watched = watch(&ticket, &mut waiting.job, &mut waiting.detour);
        }
        waiting.ticket = Some(ticket);
        if let Some(shared) = collecting {
            shared.flush();
        }
    }

    /// An answer has come, or the end: the result of the call, or `None` when another request had to be sent first.
    fn advance(py: Python<'_>, waiting: &mut Waiting, outcome: Result<Reply, Error>) -> Option<PyResult<Py<PyAny>>> {
        let outcome = match outcome {
            // After the deadline nobody would end a call that went on: it ends here, before its own request has left.
            Err(_) if waiting.deadline.has_passed() && waiting.detour.take_if(|detour| detour.is_on_the_side()).is_some() => {
                Err(Error::new(ErrorKind::Timeout))
            }
            outcome => outcome,
        };
        let reply = match outcome {
            Ok(reply) => reply,
            Err(error) => match waiting.detour.take_if(|detour| detour.unanswered(&error)) {
                Some(_) => return Self::go_on(py, waiting),
                None => return Some(Err(Self::give_up(py, waiting, &error))),
            },
        };
        if std::mem::take(&mut waiting.parked) {
            return Self::go_on(py, waiting);
        }
        match waiting.detour.take() {
            Some(Detour { done, alone, .. }) => match done(py, reply.payload()) {
                Ok(next) => waiting.detour = next.map(|next| next.after(alone)),
                Err(error) => return Some(Err(error)),
            },
            None => waiting.answer = Some(Answer::Message(reply)),
        }
        Self::go_on(py, waiting)
    }

    /// What comes next: another detour, the call's own request, or its result.
    fn go_on(py: Python<'_>, waiting: &mut Waiting) -> Option<PyResult<Py<PyAny>>> {
        loop {
            let Job::Request { carried, before, .. } = &mut waiting.job else { return Some(Ok(py.None())) };
            match &mut waiting.answer {
                _ if waiting.detour.is_some() => {}
                None => waiting.detour = before.pop_front(),
                Some(answer) => match carried.finish(py, &waiting.client.get().types, answer) {
                    Ok(object) => return Some(Ok(object.unbind())),
                    Err(ReadError::Missing(detour)) if waiting.detours < MAX_DETOURS => {
                        waiting.detours += 1;
                        waiting.detour = Some(*detour);
                    }
                    Err(error) => return Some(Err(carried.unreadable(py, error))),
                },
            }
            let completions = waiting.port.get().completions();
            match waiting.detour.as_mut().map(|detour| detour.turn(Some((completions, waiting.token)))) {
                None | Some(Turn::Go) => break,
                Some(Turn::Skip) => waiting.detour = None,
                Some(Turn::Wait) => {
                    waiting.parked = true;
                    waiting.ticket = None;
                    return None;
                }
            }
        }
        waiting.attempts = None;
        match waiting.client.get().pool(py) {
            Ok(pool) => {
                Self::submit(&pool, waiting);
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    #[cold]
    fn give_up(py: Python<'_>, waiting: &Waiting, error: &Error) -> PyErr {
        match &waiting.job {
            Job::Request { carried, .. } => {
                let mut facts = carried.facts();
                if let Some(detour) = &waiting.detour {
                    facts.operation = Some(detour.operation);
                }
                error::to_python(py, error, facts)
            }
            Job::Connect | Job::Known(_) => {
                waiting.client.get().disconnect();
                error::to_python(py, error, error::Facts::default())
            }
        }
    }

    /// Lets go of the answer: a late one is dropped.
    fn leave(&self, then: State) -> State {
        let mut before = self.replace(then);
        if let State::Waiting(waiting) = &mut before {
            let registered = waiting.port.get().remove(waiting.token);
            if let Some(ticket) = waiting.ticket.take() {
                ticket.leave();
            }
            drop(registered);
        }
        before
    }
}

/// Tells whoever listens that a request was sent, if it was.
#[cold]
fn watch(ticket: &Ticket, job: &mut Job, detour: &mut Option<Detour>) -> Option<(Arc<Shared>, Watched)> {
    let (shared, id) = ticket.sent()?;
    let (_, operation, _) = next_request(job, detour)?;
    let watched = shared.link().watch(operation, id)?;
    Some((shared, watched))
}

/// The request that has to be sent now: a detour, or the call's own.
fn next_request<'a>(
    job: &'a mut Job,
    detour: &'a mut Option<Detour>,
) -> Option<(&'a Target, &'static Operation, &'a mut Vec<u8>)> {
    static ANY: Target = Target::Any;
    match (job, detour) {
        (_, Some(detour)) => Some((&ANY, detour.operation, &mut detour.frame)),
        (Job::Request { frame, carried, .. }, None) => Some((&carried.target, carried.operation, frame)),
        (Job::Connect | Job::Known(_), None) => None,
    }
}

/// Runs a callback in its context, as the loop would.
fn resume(call: &Bound<'_, Call>, callback: &Py<PyAny>, context: Option<Py<PyAny>>) -> PyResult<()> {
    let py = call.py();
    let Some(context) = context else { return callback.call1(py, (call,)).map(drop) };
    // SAFETY: a live context object; it is left again below, whatever the callback does.
    if unsafe { ffi::PyContext_Enter(context.as_ptr()) } != 0 {
        return Err(PyErr::fetch(py));
    }
    let called = callback.call1(py, (call,));
    // SAFETY: as above.
    if unsafe { ffi::PyContext_Exit(context.as_ptr()) } != 0 {
        return Err(PyErr::fetch(py));
    }
    called.map(drop)
}

#[pymethods]
impl Call {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        Self::step(slf)
    }

    fn send<'py>(slf: &Bound<'py, Self>, _value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        Self::step(slf)
    }

    #[pyo3(signature = (kind, value=None, _traceback=None))]
    pub(super) fn throw(
        slf: &Bound<'_, Self>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        slf.get().leave(State::Over);
        Self::raise(kind, value)
    }

    pub(super) fn close(&self) {
        self.leave(State::Over);
    }

    /// The mark of a future. A call that has not started shows none: until then it is a coroutine, which `gather`, `wait_for` and
    /// their kin wrap into a task.
    #[getter]
    fn _asyncio_future_blocking(&self) -> Option<bool> {
        match &*self.lock() {
            State::Cold { .. } => None,
            State::Waiting(_) | State::Done { .. } | State::Over => Some(*lock(&self.blocking)),
        }
    }

    #[setter(_asyncio_future_blocking)]
    fn set_asyncio_future_blocking(&self, blocking: bool) {
        self.set_blocking(blocking);
    }

    fn get_loop(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let port = match &*self.lock() {
            State::Waiting(waiting) => Some(waiting.port.clone_ref(py)),
            State::Done { port, .. } => port.as_ref().map(|port| port.clone_ref(py)),
            State::Cold { .. } | State::Over => None,
        };
        match port {
            Some(port) => Ok(port.get().event_loop().clone_ref(py)),
            None => Err(PyRuntimeError::new_err("the call has not been started")),
        }
    }

    #[pyo3(signature = (callback, *, context=None))]
    fn add_done_callback(slf: &Bound<'_, Self>, callback: Py<PyAny>, context: Option<Py<PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let port = match &mut *slf.get().lock() {
            State::Waiting(waiting) => {
                waiting.callbacks.push((callback, context));
                return Ok(());
            }
            State::Done { port, .. } => port.as_ref().map(|port| port.clone_ref(py)),
            State::Cold { .. } | State::Over => None,
        };
        match port {
            Some(port) => call_soon(&port, &callback, slf, context.as_ref()),
            None => Err(PyRuntimeError::new_err("the call has not been started")),
        }
    }

    fn remove_done_callback(&self, py: Python<'_>, callback: &Bound<'_, PyAny>) -> PyResult<usize> {
        let callbacks = match &mut *self.lock() {
            State::Waiting(waiting) => std::mem::take(&mut waiting.callbacks),
            _ => return Ok(0),
        };
        // Comparing runs Python code, so the lock is not held meanwhile.
        let before = callbacks.len();
        let mut kept = Vec::with_capacity(before);
        for (other, context) in callbacks {
            if !other.bind(py).eq(callback)? {
                kept.push((other, context));
            }
        }
        let removed = before - kept.len();
        if let State::Waiting(waiting) = &mut *self.lock() {
            waiting.callbacks.append(&mut kept);
        }
        Ok(removed)
    }

    /// Called by the task that awaits, when it is cancelled itself.
    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let py = slf.py();
        if !matches!(*slf.get().lock(), State::Waiting(_)) {
            return Ok(false);
        }
        let class = Known::get(py)?.cancelled_error.bind(py);
        let exception = match msg {
            Some(msg) => class.call1((msg,))?,
            None => class.call0()?,
        };
        let State::Waiting(waiting) = slf.get().leave(State::Over) else { return Ok(false) };
        let port = waiting.port.clone_ref(py);
        *slf.get().lock() = State::Done { result: Err(PyErr::from_value(exception)), port: Some(waiting.port) };
        for (callback, context) in waiting.callbacks {
            call_soon(&port, &callback, slf, context.as_ref())?;
        }
        Ok(true)
    }

    fn done(&self) -> bool {
        matches!(*self.lock(), State::Done { .. } | State::Over)
    }

    fn cancelled(&self, py: Python<'_>) -> PyResult<bool> {
        let class = Known::get(py)?.cancelled_error.bind(py);
        Ok(match &*self.lock() {
            State::Done { result: Err(error), .. } => error.is_instance(py, class),
            _ => false,
        })
    }

    /// The outcome, as a future tells it: asked for by the task that is resumed.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match &*self.lock() {
            State::Done { result: Ok(value), .. } => Ok(value.clone_ref(py)),
            State::Done { result: Err(error), .. } => Err(error.clone_ref(py)),
            State::Cold { .. } | State::Waiting(_) => Err(PyRuntimeError::new_err("the call is not done")),
            State::Over => Err(PyRuntimeError::new_err("the call was awaited already")),
        }
    }

    fn exception(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        match self.result(py) {
            Ok(_) => Ok(None),
            Err(error) => Ok(Some(error.into_value(py).into_any())),
        }
    }

    #[getter]
    fn __name__(&self) -> String {
        face::short(self.name)
    }

    #[getter]
    fn __qualname__(&self) -> String {
        face::qualified(self.name)
    }

    fn __repr__(&self) -> String {
        let state = match &*self.lock() {
            State::Cold { .. } => "not started",
            State::Waiting(_) => "waiting",
            State::Done { .. } => "done",
            State::Over => "over",
        };
        format!("<call {} ({state})>", face::qualified(self.name))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A call whose lock is held is in use and no garbage.
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        match &*state {
            State::Waiting(waiting) => {
                for (callback, context) in &waiting.callbacks {
                    visit.call(callback)?;
                    if let Some(context) = context {
                        visit.call(context)?;
                    }
                }
            }
            State::Done { result: Ok(value), .. } => visit.call(value)?,
            State::Done { .. } | State::Cold { .. } | State::Over => {}
        }
        Ok(())
    }

    fn __clear__(&self) {
        if let Ok(mut state) = self.state.try_lock()
            && let State::Waiting(waiting) = &mut *state
        {
            waiting.callbacks.clear();
        }
    }
}

fn call_soon(port: &Py<LoopPort>, callback: &Py<PyAny>, call: &Bound<'_, Call>, context: Option<&Py<PyAny>>) -> PyResult<()> {
    let py = call.py();
    let keywords = pyo3::types::PyDict::new(py);
    if let Some(context) = context {
        keywords.set_item("context", context)?;
    }
    port.get().event_loop().bind(py).call_method("call_soon", (callback, call), Some(&keywords))?;
    Ok(())
}

impl Drop for Call {
    /// A call that nobody awaited warns, as a coroutine does.
    fn drop(&mut self) {
        if matches!(unpoisoned(self.state.get_mut()), State::Cold { .. }) {
            never_awaited(self.name);
        }
    }
}

/// The warning that Python gives for coroutines. It must not disturb an exception that is on its way.
pub(super) fn never_awaited(name: &str) {
    Python::attach(|py| {
        let pending = PyErr::take(py);
        let text = std::ffi::CString::new(format!("coroutine '{}' was never awaited", face::qualified(name)));
        let warned = PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &text.unwrap_or_default(), 1);
        if let Err(error) = warned {
            error.write_unraisable(py, None);
        }
        if let Some(pending) = pending {
            pending.restore(py);
        }
    });
}
