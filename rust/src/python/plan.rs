//! Plans: what has to be known to write and to build the objects of one class, looked up once per class.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::hint::{self, Hint};
use super::import::Known;
use crate::protocol::binary_type::{BinaryType, Field, Schema};
use crate::protocol::hash;

/// How the objects of one class are written.
#[derive(Debug)]
pub(super) struct Plan {
    /// No two plans of a process have the same.
    pub number: u64,
    pub type_id: i32,
    pub schema_id: i32,
    pub fields: Vec<PlanField>,
    /// In the order of the fields.
    pub field_ids: Vec<i32>,
    /// What the cluster is told.
    pub described: BinaryType,
    /// `version` is what a user calls a version, not a field.
    pub has_version: bool,
}

#[derive(Debug)]
pub(super) struct PlanField {
    /// Interned.
    pub name: Py<PyString>,
    pub hint: Hint,
    /// For objects that have lost the attribute.
    pub default: Py<PyAny>,
}

/// The plan of a class, in its attribute `_plan`; made by `GenericObjectMeta`.
#[pyclass(frozen, module = "pyignite_rs._core")]
pub(super) struct ObjectPlan {
    pub plan: Arc<Plan>,
}

#[pymethods]
impl ObjectPlan {
    /// Args:
    ///     type_name: Name of the type in the cluster.
    ///     items: Name, hint class and default of each field, in their order.
    ///     has_version: Whether the objects have an attribute `version` that is no field.
    #[new]
    fn new(
        py: Python<'_>,
        type_name: &str,
        items: Vec<(Bound<'_, PyString>, Bound<'_, PyAny>, Py<PyAny>)>,
        has_version: bool,
    ) -> PyResult<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let mut fields = Vec::with_capacity(items.len());
        let mut described = Vec::with_capacity(items.len());
        for (name, class, default) in items {
            let text = name.to_str()?;
            let hint = hint::resolve(&class)?;
            described.push(Field { name: text.to_owned(), type_code: hint.of_field() as i32, id: hash::entity_id(text) });
            fields.push(PlanField { name: PyString::intern(py, text).unbind(), hint, default });
        }
        let field_ids: Vec<i32> = described.iter().map(|field| field.id).collect();
        let (type_id, schema_id) = (hash::entity_id(type_name), hash::schema_id(field_ids.iter().copied()));
        let described = BinaryType {
            type_id,
            name: type_name.to_owned(),
            affinity_key_field: None,
            fields: described,
            enum_values: None,
            schemas: vec![Schema { id: schema_id, field_ids: field_ids.clone() }],
        };
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { plan: Arc::new(Plan { number, type_id, schema_id, fields, field_ids, described, has_version }) })
    }
}

impl Plan {
    /// The plan of a class; `None` if it was not made by `GenericObjectMeta`.
    #[inline]
    pub fn of<'py>(class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, ObjectPlan>>> {
        let py = class.py();
        // SAFETY: a live object, and the thread is attached; addresses are only compared.
        let metaclass = unsafe { ffi::Py_TYPE(class.as_ptr()) };
        if std::ptr::eq(metaclass, &raw const ffi::PyType_Type) {
            return Ok(None);
        }
        let meta = Known::get(py)?.generic_object_meta.bind(py);
        if !std::ptr::eq(metaclass, meta.as_type_ptr()) && !class.is_instance(meta)? {
            return Ok(None);
        }
        Ok(Some(class.getattr(pyo3::intern!(py, "_plan"))?.cast_into::<ObjectPlan>()?))
    }
}

/// A class, and how its objects are built.
#[derive(Debug)]
pub(super) struct Entry {
    pub class: Py<PyType>,
    pub plan: Arc<Plan>,
    /// Objects are made like those of `object` itself: nothing of the class runs.
    is_plain: bool,
    /// Attributes are set as those of `object`: no `__setattr__` of the class has to be asked.
    sets_plainly: bool,
}

impl Entry {
    /// `None` if the class was not made by `GenericObjectMeta`.
    pub fn of(class: &Bound<'_, PyType>) -> PyResult<Option<Self>> {
        let Some(found) = Plan::of(class)? else { return Ok(None) };
        let py = class.py();
        let slot = |slot| {
            // SAFETY: a class made by a metaclass is a heap type; both slots exist for every class.
            unsafe { ffi::PyType_GetSlot(class.as_type_ptr(), slot) as usize }
        };
        let object = py.get_type::<PyAny>();
        // SAFETY: `object` is a static type, which may be asked since Python 3.10.
        let of_object = |slot| unsafe { ffi::PyType_GetSlot(object.as_type_ptr(), slot) as usize };
        Ok(Some(Self {
            class: class.clone().unbind(),
            plan: Arc::clone(&found.get().plan),
            is_plain: slot(ffi::Py_tp_new) == of_object(ffi::Py_tp_new),
            sets_plainly: slot(ffi::Py_tp_setattro) == of_object(ffi::Py_tp_setattro),
        }))
    }

    /// An object without values; `__init__` does not run.
    #[inline]
    pub fn blank<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let class = self.class.bind(py);
        if self.is_plain {
            // SAFETY: what `object.__new__` does for a class that has no abstract methods and no layout of its own.
            return unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(class.as_type_ptr(), 0)) };
        }
        class.call_method1("__new__", (class,))
    }

    #[inline]
    pub fn set(&self, object: &Bound<'_, PyAny>, name: &Py<PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if !self.sets_plainly {
            return object.setattr(name, value);
        }
        // SAFETY: live objects, and the thread is attached.
        let failed = unsafe { ffi::PyObject_GenericSetAttr(object.as_ptr(), name.as_ptr(), value.as_ptr()) } != 0;
        if failed { Err(PyErr::fetch(object.py())) } else { Ok(()) }
    }
}
