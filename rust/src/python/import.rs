//! The few Python objects that Rust needs, looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use super::transaction::BaseTransaction;

/// Classes and functions of the standard library and of the package's own Python half.
pub(super) struct Known {
    pub decimal: Py<PyType>,
    pub uuid: Py<PyType>,
    pub safe_uuid_unknown: Py<PyAny>,
    pub object_new: Py<PyAny>,
    pub datetime: Py<PyType>,
    pub datetime_fromtimestamp: Py<PyAny>,
    pub datetime_combine: Py<PyAny>,
    pub date: Py<PyType>,
    pub time: Py<PyType>,
    pub midnight: Py<PyAny>,
    pub timedelta: Py<PyType>,
    pub ordered_dict: Py<PyType>,
    pub cancelled_error: Py<PyType>,
    pub running_loop: Py<PyAny>,
    /// Base of all hint classes.
    pub ignite_data_type: Py<PyType>,
    /// Metaclass of the classes of complex objects.
    pub generic_object_meta: Py<PyType>,
    /// Makes a class, or a schema, of names and type codes.
    pub described_class: Py<PyAny>,
    pub described_schema: Py<PyAny>,
    pub exceptions: Py<PyModule>,
    cursors: Py<PyModule>,
    /// Context variable: moments by which calls have to end.
    deadline: Py<PyAny>,
    /// Context variable: the innermost transaction.
    transaction: Py<PyAny>,
}

fn class<'py>(module: &Bound<'py, PyModule>, name: &str) -> PyResult<Bound<'py, PyType>> {
    Ok(module.getattr(name)?.cast_into::<PyType>()?)
}

impl Known {
    /// The objects; the first call imports their modules.
    pub fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static KNOWN: PyOnceLock<Known> = PyOnceLock::new();
        KNOWN.get_or_try_init(py, || Self::import(py))
    }

    fn import(py: Python<'_>) -> PyResult<Self> {
        let datetimes = py.import("datetime")?;
        let uuids = py.import("uuid")?;
        let binary = py.import("pyignite_rs.binary")?;
        let datetime = class(&datetimes, "datetime")?;
        let time = class(&datetimes, "time")?;
        Ok(Self {
            decimal: class(&py.import("decimal")?, "Decimal")?.unbind(),
            uuid: class(&uuids, "UUID")?.unbind(),
            safe_uuid_unknown: uuids.getattr("SafeUUID")?.getattr("unknown")?.unbind(),
            object_new: py.import("builtins")?.getattr("object")?.getattr("__new__")?.unbind(),
            datetime_fromtimestamp: datetime.getattr("fromtimestamp")?.unbind(),
            datetime_combine: datetime.getattr("combine")?.unbind(),
            datetime: datetime.unbind(),
            date: class(&datetimes, "date")?.unbind(),
            midnight: time.call0()?.unbind(),
            time: time.unbind(),
            timedelta: class(&datetimes, "timedelta")?.unbind(),
            ordered_dict: class(&py.import("collections")?, "OrderedDict")?.unbind(),
            cancelled_error: class(&py.import("asyncio")?, "CancelledError")?.unbind(),
            running_loop: py.import("asyncio")?.getattr("_get_running_loop")?.unbind(),
            ignite_data_type: class(&py.import("pyignite_rs.datatypes.base")?, "IgniteDataType")?.unbind(),
            generic_object_meta: class(&binary, "GenericObjectMeta")?.unbind(),
            described_class: binary.getattr("_described_class")?.unbind(),
            described_schema: binary.getattr("_described_schema")?.unbind(),
            exceptions: py.import("pyignite_rs.exceptions")?.unbind(),
            cursors: py.import("pyignite_rs.cursors")?.unbind(),
            deadline: py.import("pyignite_rs._deadline")?.getattr("CURRENT")?.unbind(),
            transaction: py.import("pyignite_rs.transaction")?.getattr("CURRENT")?.unbind(),
        })
    }

    /// Pairs (client, moment by `time.monotonic()`) of the calling context.
    pub fn current_deadlines<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        Ok(self.deadline.bind(py).call_method0("get")?.cast_into::<PyTuple>()?)
    }

    /// The innermost transaction of the calling context.
    pub fn current_transaction<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, BaseTransaction>>> {
        let innermost = self.transaction.bind(py).call_method0("get")?;
        if innermost.is_none() { Ok(None) } else { Ok(Some(innermost.cast_into::<BaseTransaction>()?)) }
    }

    /// A class of `pyignite_rs.cursors`.
    pub fn cursor<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.cursors.bind(py).getattr(name)
    }

    /// A class of `pyignite_rs.exceptions`.
    pub fn exception<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyType>> {
        class(self.exceptions.bind(py), name)
    }
}
