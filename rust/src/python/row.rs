//! Row: one row of an asynchronous cursor, to be awaited.

use std::sync::Mutex;

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

use super::call::Call;
use super::cursor::BaseCursor;
use crate::lock::lock;

enum Step {
    Here(Py<PyAny>),
    Waiting(Py<BaseCursor>),
    /// Raised where the row is awaited, as a coroutine raises.
    Failed(PyErr),
    Over,
}

/// One row of an asynchronous cursor, to be awaited: usually it is here already.
#[pyclass(frozen, weakref, name = "CursorRow", module = "pyignite_rs._core")]
pub(super) struct Row {
    step: Mutex<Step>,
    /// The page that it waits for.
    call: Mutex<Option<Py<Call>>>,
}

impl Row {
    /// The row that comes next, or what stands in its place.
    pub fn next<'py>(cursor: &Bound<'py, BaseCursor>) -> PyResult<Bound<'py, Self>> {
        let py = cursor.py();
        let step = match cursor.get().ready(py) {
            Some(row) => Step::Here(row.unbind()),
            None => match cursor.get().check_more(py) {
                Ok(()) => Step::Waiting(cursor.clone().unbind()),
                Err(error) => Step::Failed(error),
            },
        };
        Bound::new(py, Self { step: Mutex::new(step), call: Mutex::new(None) })
    }

    /// One step of the coroutine: what is yielded, or `StopIteration` with the row.
    fn advance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let step = std::mem::replace(&mut *lock(&self.step), Step::Over);
        let cursor = match step {
            Step::Here(row) => return Err(PyStopIteration::new_err((row,))),
            Step::Over => return Err(PyRuntimeError::new_err("the row was awaited already")),
            Step::Failed(error) => return Err(error),
            Step::Waiting(cursor) => cursor,
        };
        let this = cursor.bind(py).get();
        loop {
            let waiting = lock(&self.call).take();
            let call = match waiting {
                Some(call) => call,
                None => {
                    if let Some(row) = this.ready(py) {
                        return Err(PyStopIteration::new_err((row.unbind(),)));
                    }
                    BaseCursor::page_call(cursor.bind(py))?
                }
            };
            match Call::step(call.bind(py)) {
                Ok(future) => {
                    *lock(&self.call) = Some(call);
                    *lock(&self.step) = Step::Waiting(cursor);
                    return Ok(future.into_any());
                }
                Err(stop) if stop.is_instance_of::<PyStopIteration>(py) => {
                    BaseCursor::page_came(cursor.bind(py), &stop.value(py).getattr("value")?)?;
                }
                Err(error) => {
                    this.fail();
                    return Err(error);
                }
            }
        }
    }
}

#[pymethods]
impl Row {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.advance(py)
    }

    fn send<'py>(&self, py: Python<'py>, _value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.advance(py)
    }

    /// Somebody was cancelled while waiting for a page, which is lost with it: the cursor is given up.
    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw(
        &self,
        py: Python<'_>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let waiting = lock(&self.call).take();
        let step = std::mem::replace(&mut *lock(&self.step), Step::Over);
        if let Step::Waiting(cursor) = step {
            cursor.bind(py).get().fail();
        }
        match waiting {
            Some(call) => Call::throw(call.bind(py), kind, value, traceback),
            None => Call::raise(kind, value),
        }
    }

    fn close(&self, py: Python<'_>) {
        let waiting = lock(&self.call).take();
        let step = std::mem::replace(&mut *lock(&self.step), Step::Over);
        if let (Some(call), Step::Waiting(cursor)) = (waiting, step) {
            call.bind(py).get().close();
            cursor.bind(py).get().fail();
        }
    }
}
