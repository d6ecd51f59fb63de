//! Expiry policies: `ExpiryPolicy` of Python and three numbers.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyDeltaAccess, PyDict, PyType};

use super::error::wrong_type;
use crate::protocol::op::key_value::Expiry;

fn class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    Ok(py.import("pyignite_rs.datatypes.expiry_policy")?.getattr("ExpiryPolicy")?.cast_into()?)
}

/// The three times of an `ExpiryPolicy`. `what` names the argument in messages.
pub(super) fn from_python(what: &str, policy: &Bound<'_, PyAny>) -> PyResult<Expiry> {
    let class = class(policy.py())?;
    if !policy.is_instance(&class)? {
        return Err(wrong_type(what, "an ExpiryPolicy or None", policy));
    }
    let time = |name: &str| milliseconds(what, name, &policy.getattr(name)?);
    Ok(Expiry { create: time("create")?, update: time("update")?, access: time("access")? })
}

/// Milliseconds as a number, or a timedelta, of which a part of a millisecond is cut off.
fn milliseconds(what: &str, name: &str, time: &Bound<'_, PyAny>) -> PyResult<i64> {
    let ms = match time.cast::<PyDelta>() {
        Ok(delta) => {
            let seconds = i64::from(delta.get_days()) * 86_400 + i64::from(delta.get_seconds());
            seconds * 1000 + i64::from(delta.get_microseconds()) / 1000
        }
        Err(_) => time.extract()?,
    };
    if Expiry::is_time(ms) {
        return Ok(ms);
    }
    Err(PyValueError::new_err(format!("{what}.{name} can not be {time}")))
}

/// An `ExpiryPolicy`.
pub(super) fn to_python<'py>(py: Python<'py>, expiry: Expiry) -> PyResult<Bound<'py, PyAny>> {
    let times = PyDict::new(py);
    times.set_item("create", expiry.create)?;
    times.set_item("update", expiry.update)?;
    times.set_item("access", expiry.access)?;
    class(py)?.call((), Some(&times))
}
