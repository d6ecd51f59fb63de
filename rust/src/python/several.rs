//! Several: one operation of `AioCache` that goes to several nodes at once, as one thing to await.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

use super::call::{Call, Job};
use super::client::BaseClient;
use super::{decode, face};
use crate::lock::{lock, unpoisoned};
use crate::protocol::op::Reply;

enum State {
    Cold {
        jobs: Vec<Job>,
        client: Py<BaseClient>,
        timeout: Option<Duration>,
    },
    /// All are on their way; answers are taken in their order.
    Waiting {
        calls: Vec<Py<Call>>,
        results: Vec<Py<PyAny>>,
    },
    Over,
}

#[pyclass(frozen, weakref, module = "pyignite_rs._core")]
pub(super) struct Several {
    name: &'static str,
    reply: Reply,
    state: Mutex<State>,
}

impl Several {
    pub fn cold(name: &'static str, reply: Reply, jobs: Vec<Job>, client: Py<BaseClient>, timeout: Option<Duration>) -> Self {
        Self { name, reply, state: Mutex::new(State::Cold { jobs, client, timeout }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn replace(&self, state: State) -> State {
        std::mem::replace(&mut *self.lock(), state)
    }

    /// One step of the coroutine: what is to be yielded, or `StopIteration` with the result.
    fn step<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Call>> {
        let (calls, mut results) = match self.replace(State::Over) {
            State::Cold { jobs, client, timeout } => {
                let begin = |job| Ok(Call::eager(py, self.name, job, client.clone_ref(py), timeout)?.unbind());
                (jobs.into_iter().map(begin).collect::<PyResult<Vec<_>>>()?, Vec::new())
            }
            State::Waiting { calls, results } => (calls, results),
            State::Over => {
                return Err(PyRuntimeError::new_err(format!("{} was awaited already", face::qualified(self.name))));
            }
        };
        while let Some(call) = calls.get(results.len()) {
            match Call::step(call.bind(py)) {
                Ok(future) => {
                    *self.lock() = State::Waiting { calls, results };
                    return Ok(future);
                }
                Err(stop) if stop.is_instance_of::<PyStopIteration>(py) => {
                    results.push(stop.value(py).getattr("value")?.unbind())
                }
                Err(error) => {
                    leave(py, &calls);
                    return Err(error);
                }
            }
        }
        let results = results.iter().map(|result| result.bind(py).clone()).collect();
        Err(PyStopIteration::new_err((decode::merge(py, self.reply, results)?.unbind(),)))
    }

    fn end(&self, py: Python<'_>) {
        if let State::Waiting { calls, .. } = self.replace(State::Over) {
            leave(py, &calls);
        }
    }
}

/// Nobody waits for the other parts any more.
fn leave(py: Python<'_>, calls: &[Py<Call>]) {
    calls.iter().for_each(|call| call.bind(py).get().close());
}

#[pymethods]
impl Several {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Call>> {
        self.step(py)
    }

    fn send<'py>(&self, py: Python<'py>, _value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Call>> {
        self.step(py)
    }

    #[pyo3(signature = (kind, value=None, _traceback=None))]
    fn throw(
        &self,
        py: Python<'_>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        self.end(py);
        Call::raise(kind, value)
    }

    fn close(&self, py: Python<'_>) {
        self.end(py);
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
            State::Waiting { .. } => "waiting",
            State::Over => "over",
        };
        format!("<call {} ({state})>", face::qualified(self.name))
    }
}

impl Drop for Several {
    /// What nobody awaited warns, as a coroutine does.
    fn drop(&mut self) {
        if matches!(unpoisoned(self.state.get_mut()), State::Cold { .. }) {
            super::call::never_awaited(self.name);
        }
    }
}
