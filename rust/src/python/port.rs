//! One event loop's side of the bridge: calls that wait on it, and the callback that ends them in batches.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::call::Call;
use super::import::Known;
use super::runtime;
use crate::client::Deadline;
use crate::client::completion::{Completion, Completions};
use crate::client::observe::Told;
use crate::client::shared::Shared;
use crate::lock::lock;

/// One turn of the loop ends at most this many calls, or decodes about this many bytes; then others get their turn.
const TURN_CALLS: usize = 256;
const TURN_BYTES: usize = 256 * 1024;

#[derive(Default)]
struct Calls {
    slots: Vec<(u32, Option<Py<Call>>)>,
    free: Vec<u32>,
    /// Completions taken from the queue that no turn has had time for.
    backlog: VecDeque<Completion>,
    deadlines: BinaryHeap<Reverse<(Instant, u64)>>,
    /// When the timer that is set will fire.
    timer: Option<Instant>,
    /// Connections that collect the requests of this turn.
    collecting: Vec<Arc<Shared>>,
    /// A turn of ours is running; it flushes at its end.
    draining: bool,
}

impl Calls {
    fn insert(&mut self, call: Py<Call>) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        let (round, slot) = &mut self.slots[index as usize];
        *round = round.wrapping_add(1);
        *slot = Some(call);
        u64::from(*round) << 32 | u64::from(index)
    }

    fn slot(&mut self, token: u64) -> Option<&mut Option<Py<Call>>> {
        let (round, slot) = self.slots.get_mut(token as u32 as usize)?;
        (u64::from(*round) == token >> 32 && slot.is_some()).then_some(slot)
    }

    /// The call, if it still waits.
    fn waiting(&mut self, py: Python<'_>, token: u64) -> Option<Py<Call>> {
        self.slot(token)?.as_ref().map(|call| call.clone_ref(py))
    }

    fn remove(&mut self, token: u64) -> Option<Py<Call>> {
        let call = self.slot(token)?.take();
        self.free.push(token as u32);
        call
    }
}

/// Lives as long as its loop is used; made by the first call on the loop.
#[pyclass(frozen, module = "pyignite_rs._core")]
pub(super) struct LoopPort {
    event_loop: Py<PyAny>,
    completions: Arc<Completions>,
    calls: Mutex<Calls>,
    epoch: u64,
}

thread_local! {
    /// The mark of the loop that ran last in this thread, and its port.
    static RUNNING: RefCell<Option<(Py<PyAny>, Py<LoopPort>)>> = const { RefCell::new(None) };

    /// The ports of this thread's loops, the last used first. A loop runs in one thread.
    static PORTS: RefCell<Vec<Py<LoopPort>>> = const { RefCell::new(Vec::new()) };
}

/// What asyncio keeps in the thread's state while a loop runs: another object for each run. Until Python 3.13 asking asyncio itself
/// costs a system call (`getpid`) each time; there the mark is missing, and asking is cheap.
fn running_mark<'py>(py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: the thread is attached; the dictionary is borrowed from its state and only used here.
    let state = unsafe { Bound::from_borrowed_ptr_or_opt(py, pyo3::ffi::PyThreadState_GetDict()) };
    match state {
        Some(state) => state.cast::<PyDict>()?.get_item(pyo3::intern!(py, "__asyncio_running_event_loop__")),
        None => Ok(None),
    }
}

impl LoopPort {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        lock(&self.calls)
    }

    pub fn completions(&self) -> &Arc<Completions> {
        &self.completions
    }

    pub fn event_loop(&self) -> &Py<PyAny> {
        &self.event_loop
    }

    /// The port of the loop that runs in this thread.
    #[inline]
    pub fn current(py: Python<'_>) -> PyResult<Py<Self>> {
        let mark = running_mark(py)?;
        let known = mark.as_ref().and_then(|mark| {
            RUNNING.with_borrow(|running| match running {
                Some((known, port)) if known.is(mark) && port.get().epoch == runtime::epoch() => Some(port.clone_ref(py)),
                _ => None,
            })
        });
        if let Some(port) = known {
            return Ok(port);
        }
        let port = Self::of_running_loop(py)?;
        RUNNING.set(mark.map(|mark| (mark.unbind(), port.clone_ref(py))));
        Ok(port)
    }

    fn of_running_loop(py: Python<'_>) -> PyResult<Py<Self>> {
        let running = Known::get(py)?.running_loop.bind(py).call0()?;
        if running.is_none() {
            return Err(PyRuntimeError::new_err("no running event loop: calls of AioClient are awaited inside a coroutine"));
        }
        let known = PORTS.with_borrow(|ports| {
            let mine = |port: &&Py<Self>| port.get().event_loop.is(&running) && port.get().epoch == runtime::epoch();
            ports.iter().find(mine).map(|port| port.clone_ref(py))
        });
        match known {
            Some(port) => Ok(port),
            None => Self::open(py, running),
        }
    }

    #[cold]
    fn open(py: Python<'_>, event_loop: Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let completions = Arc::new(Completions::new()?);
        let descriptor = completions.descriptor();
        let epoch = runtime::epoch();
        let port = Self { event_loop: event_loop.clone().unbind(), completions, calls: Mutex::default(), epoch };
        let port = Py::new(py, port)?;
        event_loop.call_method1("add_reader", (descriptor, port.getattr(py, "_drain")?))?;
        // Loops that were closed will not come back; neither will those of the process before a fork.
        let others = PORTS.take();
        let mut kept = vec![port.clone_ref(py)];
        for other in others {
            let closed = other.get().event_loop.call_method0(py, "is_closed").and_then(|closed| closed.extract::<bool>(py));
            if other.get().epoch != epoch {
                // Its descriptors are the parent's.
                std::mem::forget(other);
            } else if !closed.unwrap_or(true) {
                kept.push(other);
            }
        }
        PORTS.set(kept);
        Ok(port)
    }

    /// The requests of this turn of the loop are sent together when it ends.
    pub fn flush_later(slf: &Bound<'_, Self>, shared: Arc<Shared>) -> PyResult<()> {
        let draining = {
            let mut calls = slf.get().lock();
            calls.collecting.push(shared);
            calls.draining
        };
        if !draining {
            slf.get().event_loop.bind(slf.py()).call_method1("call_soon", (slf.getattr("_flush")?,))?;
        }
        Ok(())
    }

    /// Registers a call that starts to wait; returns the token that its completion will carry.
    pub fn insert(&self, call: Py<Call>) -> u64 {
        self.lock().insert(call)
    }

    /// The call does not wait any more.
    pub fn remove(&self, token: u64) -> Option<Py<Call>> {
        self.lock().remove(token)
    }

    /// Ends the call when the deadline passes before its answer comes. One timer serves all calls of the loop.
    pub fn watch(slf: &Bound<'_, Self>, token: u64, deadline: Deadline) -> PyResult<()> {
        let Some(end) = deadline.instant() else { return Ok(()) };
        let sooner = {
            let mut calls = slf.get().lock();
            calls.deadlines.push(Reverse((end, token)));
            // Most calls are answered long before: their entries are thrown out when they outnumber those that count.
            if calls.deadlines.len() > 1024 && calls.deadlines.len() > 4 * (calls.slots.len() - calls.free.len()) {
                let all = std::mem::take(&mut calls.deadlines).into_vec();
                calls.deadlines = all.into_iter().filter(|Reverse((_, token))| calls.slot(*token).is_some()).collect();
            }
            calls.timer.is_none_or(|timer| end < timer)
        };
        if sooner { Self::set_timer(slf, end) } else { Ok(()) }
    }

    fn set_timer(slf: &Bound<'_, Self>, end: Instant) -> PyResult<()> {
        slf.get().lock().timer = Some(end);
        let delay = end.saturating_duration_since(Instant::now()).as_secs_f64();
        slf.get().event_loop.bind(slf.py()).call_method1("call_later", (delay, slf.getattr("_tick")?))?;
        Ok(())
    }

    /// Ends calls until the turn is used up.
    fn end_calls(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let port = slf.get();
        let mut bytes = 0;
        for _ in 0..TURN_CALLS {
            let (call, outcome) = {
                let mut calls = port.lock();
                let Some(completion) = calls.backlog.pop_front() else { return Ok(()) };
                // Nobody waits any more when the call was cancelled in this very turn.
                let Some(call) = calls.waiting(py, completion.token) else { continue };
                (call, completion.outcome)
            };
            bytes += outcome.as_ref().map_or(0, |reply| reply.message.len());
            if let Err(error) = Call::arrive(call.bind(py), outcome) {
                // KeyboardInterrupt or SystemExit out of a task: the others are not forgotten.
                port.event_loop.bind(py).call_method1("call_soon", (slf.getattr("_drain")?,))?;
                return Err(error);
            }
            if bytes > TURN_BYTES {
                break;
            }
        }
        if !port.lock().backlog.is_empty() {
            port.event_loop.bind(py).call_method1("call_soon", (slf.getattr("_drain")?,))?;
        }
        Ok(())
    }
}

#[pymethods]
impl LoopPort {
    /// Sends the requests that were collected.
    fn _flush(&self) {
        let collecting = std::mem::take(&mut self.lock().collecting);
        collecting.iter().for_each(|shared| shared.flush());
    }

    /// The loop's callback: ends the calls whose answers have come, and sends what they led to.
    fn _drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        {
            let mut calls = slf.get().lock();
            calls.draining = true;
            slf.get().completions.drain(&mut calls.backlog);
        }
        for told in slf.get().completions.take_told() {
            match told {
                Told::Connection(observer, event) => observer.connection(&event),
                Told::Sent(token) => {
                    let call = slf.get().lock().waiting(slf.py(), token);
                    if let Some(call) = call {
                        Call::sent(call.bind(slf.py()));
                    }
                }
            }
        }
        let drained = Self::end_calls(slf);
        slf.get().lock().draining = false;
        slf.get()._flush();
        drained
    }

    /// The timer's callback: ends the calls whose deadline has passed.
    fn _tick(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let port = slf.get();
        port.lock().timer = None;
        let now = Instant::now();
        loop {
            let next = {
                let mut calls = port.lock();
                match calls.deadlines.peek() {
                    None => return Ok(()),
                    Some(Reverse((end, _))) if *end > now => Err(*end),
                    Some(Reverse((_, token))) => {
                        let token = *token;
                        calls.deadlines.pop();
                        Ok(calls.waiting(py, token))
                    }
                }
            };
            match next {
                Err(end) => return Self::set_timer(slf, end),
                Ok(None) => {}
                Ok(Some(call)) => Call::overdue(call.bind(py))?,
            }
        }
    }
}
