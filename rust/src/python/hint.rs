//! Hint classes: which wire type a class of `pyignite_rs.datatypes` names.

use std::collections::HashMap;
use std::sync::Mutex;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple, PyType};

use super::import::Known;
use crate::lock::lock;
use crate::protocol::type_code::TypeCode;

/// What a hint asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// Whatever suits the value (`AnyDataObject`).
    Infer,
    Code(TypeCode),
}

impl Hint {
    /// What the cluster is told about a field with this hint.
    pub fn of_field(self) -> TypeCode {
        match self {
            Self::Code(code) => code,
            Self::Infer => TypeCode::ComplexObject,
        }
    }
}

/// Classes seen so far. The reference keeps a class alive, so that its address is not given to another one.
type Seen = Mutex<HashMap<usize, (Py<PyType>, Hint)>>;

/// The wire type that a hint names.
pub(super) fn resolve(hint: &Bound<'_, PyAny>) -> PyResult<Hint> {
    static SEEN: PyOnceLock<Seen> = PyOnceLock::new();
    let py = hint.py();
    let seen = SEEN.get_or_init(py, Seen::default);
    let address = hint.as_ptr() as usize;
    if let Some((_, found)) = lock(seen).get(&address) {
        return Ok(*found);
    }
    // Python code runs here (attribute look-up), so the lock is not held.
    let found = look_up(hint)?;
    let class = hint.cast::<PyType>()?.clone().unbind();
    lock(seen).insert(address, (class, found));
    Ok(found)
}

fn look_up(hint: &Bound<'_, PyAny>) -> PyResult<Hint> {
    let py = hint.py();
    let base = Known::get(py)?.ignite_data_type.bind(py);
    let is_data_type = hint.cast::<PyType>().ok().map(|class| class.is_subclass(base)).transpose()?.unwrap_or(false);
    if !is_data_type {
        let message = format!("a type hint must be a class of pyignite_rs.datatypes, not {}", hint.repr()?);
        return Err(PyTypeError::new_err(message));
    }
    let name: String = hint.getattr("__name__")?.extract()?;
    if name == "AnyDataObject" {
        return Ok(Hint::Infer);
    }
    let code = hint.getattr_opt("type_code")?.filter(|code| !code.is_none());
    let code = code.as_ref().and_then(|code| code.cast::<PyBytes>().ok()).and_then(|code| code.as_bytes().first().copied());
    match code.and_then(TypeCode::from_byte) {
        Some(code) => Ok(Hint::Code(code)),
        None => {
            let message = format!("{name} names no data object and can not be a type hint; use a class like {name}Object");
            Err(PyTypeError::new_err(message))
        }
    }
}

/// The parts of a `(value, hint)` pair; `None` for every other object.
pub(super) fn split<'py>(pair: &Bound<'py, PyAny>) -> PyResult<Option<(Bound<'py, PyAny>, Hint)>> {
    let Ok(tuple) = pair.cast::<PyTuple>() else { return Ok(None) };
    if tuple.len() != 2 {
        return Ok(None);
    }
    let second = tuple.get_item(1)?;
    let Ok(class) = second.cast::<PyType>() else { return Ok(None) };
    let base = Known::get(pair.py())?.ignite_data_type.bind(pair.py());
    if !class.is_subclass(base)? {
        return Ok(None);
    }
    Ok(Some((tuple.get_item(0)?, resolve(&second)?)))
}
