//! Python values become wire bytes in one pass, without a tree of values in between.

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyUnicodeEncodeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use super::client::BaseClient;
use super::hint::{self, Hint};
use super::import::Known;
use super::plan::Plan;
use super::request::{Detour, Request};
use crate::protocol::Writer;
use crate::protocol::error::{EncodeError, PathPart};
use crate::protocol::type_code::TypeCode;

mod hinted;
mod list;
mod object;
mod scalar;

/// Collection and map kinds that Python values get by themselves.
const ARRAY_LIST: i8 = 1;
const HASH_SET: i8 = 3;
const HASH_MAP: i8 = 1;
const LINKED_HASH_MAP: i8 = 2;

/// Writes one value. Without a hint, a `(value, hint)` pair is understood too.
#[inline]
pub(super) fn write_value<'py>(
    py: Python<'py>,
    request: &mut Request<'_, 'py>,
    name: &'static str,
    value: &Bound<'py, PyAny>,
    hint: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let mut encoder = Encoder::new(py, request);
    let written = match hint {
        None => encoder.any(value),
        Some(hint) => hint::resolve(hint).and_then(|hint| encoder.with(value, hint)),
    };
    written.map_err(|error| encoder.locate(error, name))
}

/// Writes one value as a wire type, or as its Python type suggests. A `(value, hint)` pair says for itself what it is.
pub(super) fn write_as<'py>(
    py: Python<'py>,
    request: &mut Request<'_, 'py>,
    name: &str,
    value: &Bound<'py, PyAny>,
    code: Option<TypeCode>,
) -> PyResult<()> {
    let mut encoder = Encoder::new(py, request);
    let written = match code {
        Some(code) if hint::split(value)?.is_none() => encoder.coded(value, code),
        _ => encoder.any(value),
    };
    written.map_err(|error| encoder.locate(error, name))
}

/// Writes `int n, n x key` from any iterable of keys or `(key, hint)` pairs.
pub(super) fn write_keys<'py>(py: Python<'py>, request: &mut Request<'_, 'py>, keys: &Bound<'py, PyAny>) -> PyResult<()> {
    let count = request.out.later();
    let mut encoder = Encoder::new(py, request);
    let length = encoder.items(keys, |encoder, key| encoder.any(key)).map_err(|error| encoder.locate(error, "keys"))?;
    request.out.patch_length(count, "keys", length).map_err(too_long)
}

/// Writes `int n, n x object`: arguments of a query, values or `(value, hint)` pairs; none for None.
pub(super) fn write_arguments<'py>(
    py: Python<'py>,
    request: &mut Request<'_, 'py>,
    arguments: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let count = request.out.later();
    let mut length = 0;
    if let Some(arguments) = arguments {
        let mut encoder = Encoder::new(py, request);
        let written = encoder.items(arguments, |encoder, argument| encoder.any(argument));
        length = written.map_err(|error| encoder.locate(error, "query_args"))?;
    }
    request.out.patch_length(count, "query_args", length).map_err(too_long)
}

/// Writes `int n, n x (key, value)` from a dictionary or another mapping; keys and values may be `(item, hint)` pairs.
pub(super) fn write_entries<'py>(py: Python<'py>, request: &mut Request<'_, 'py>, pairs: &Bound<'py, PyAny>) -> PyResult<()> {
    let count = request.out.later();
    let mut encoder = Encoder::new(py, request);
    let length = encoder.entries(pairs).map_err(|error| encoder.locate(error, "pairs"))?;
    request.out.patch_length(count, "pairs", length).map_err(too_long)
}

/// Writes Python values; `path` fills from the inside out when one can not be written.
pub(super) struct Encoder<'py, 'w> {
    py: Python<'py>,
    out: &'w mut Writer,
    client: Option<&'w Bound<'py, BaseClient>>,
    before: &'w mut Vec<Detour>,
    /// Numbers of the plans whose publication waits in `before`.
    announced: Vec<u64>,
    path: Vec<PathPart>,
}

#[cold]
pub(super) fn too_long(error: EncodeError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

impl<'py, 'w> Encoder<'py, 'w> {
    fn new(py: Python<'py>, request: &'w mut Request<'_, 'py>) -> Self {
        let Request { out, client, before, .. } = request;
        Self { py, out, client: *client, before, announced: Vec::new(), path: Vec::new() }
    }
}

impl<'py> Encoder<'py, '_> {
    /// Puts the place of the failure in front of the message, for the kinds of errors that the encoder itself raises.
    #[cold]
    fn locate(&self, error: PyErr, name: &str) -> PyErr {
        let class = error.get_type(self.py);
        let ours = [self.py.get_type::<PyTypeError>(), self.py.get_type::<PyValueError>(), self.py.get_type::<PyOverflowError>()];
        let is_text = error.is_instance_of::<PyUnicodeEncodeError>(self.py);
        if !is_text && !ours.iter().any(|known| known.is(&class)) {
            return error;
        }
        let mut path = name.to_owned();
        for part in self.path.iter().rev() {
            match part {
                PathPart::Index(index) => path.push_str(&format!("[{index}]")),
                PathPart::Name(name) => path.push_str(name),
            }
        }
        if is_text {
            // Its message is made of attributes; this one stands at the end.
            let value = error.value(self.py);
            let told = value.getattr("reason").and_then(|reason| value.setattr("reason", format!("{reason} ({path})")));
            return told.err().unwrap_or(error);
        }
        PyErr::from_type(class, format!("{path}: {}", error.value(self.py)))
    }

    fn with(&mut self, value: &Bound<'py, PyAny>, hint: Hint) -> PyResult<()> {
        match hint {
            Hint::Infer => self.any(value),
            Hint::Code(code) => self.coded(value, code),
        }
    }

    /// Writes a value as its Python type suggests: the most frequent types first, by their exact type.
    fn any(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        let object = value.as_ptr();
        // SAFETY: `value` is a live object and the thread is attached; the addresses of the static types are only compared.
        let class = unsafe { ffi::Py_TYPE(object) };
        macro_rules! is {
            ($type:ident) => {
                std::ptr::eq(class, &raw const ffi::$type)
            };
        }
        if is!(PyLong_Type) {
            self.long(value)
        } else if is!(PyUnicode_Type) {
            self.string(value)
        } else if is!(PyFloat_Type) {
            // SAFETY: an exact float.
            self.out.double(unsafe { ffi::PyFloat_AS_DOUBLE(object) });
            Ok(())
        } else if is!(PyBool_Type) {
            self.out.boolean(value.is_truthy()?);
            Ok(())
        } else if value.is_none() {
            self.out.null();
            Ok(())
        } else if is!(PyBytes_Type) || is!(PyByteArray_Type) {
            self.byte_array(value)
        } else if is!(PyTuple_Type) {
            match hint::split(value)? {
                Some((value, hint)) => self.with(&value, hint),
                None => self.sequence(value),
            }
        } else if is!(PyList_Type) {
            self.sequence(value)
        } else if is!(PyDict_Type) {
            self.map(HASH_MAP, value)
        } else {
            self.rare(value)
        }
    }

    /// Types that are not built in, and subclasses of those that are.
    fn rare(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = self.py;
        if let Some(plan) = Plan::of(&value.get_type())? {
            return self.object(value, &plan.get().plan);
        }
        let known = Known::get(py)?;
        if value.is_instance(known.datetime.bind(py))? || value.is_instance(known.date.bind(py))? {
            let ms = self.epoch_ms(value)?;
            self.out.date(ms);
            return Ok(());
        }
        if value.is_instance(known.timedelta.bind(py))? || value.is_instance(known.time.bind(py))? {
            let ms = self.time_ms(value)?;
            self.out.time(ms);
            return Ok(());
        }
        if value.is_instance(known.decimal.bind(py))? {
            return self.decimal(value);
        }
        if value.is_instance(known.uuid.bind(py))? {
            return self.uuid(value);
        }
        if value.is_instance_of::<pyo3::types::PySet>() || value.is_instance_of::<pyo3::types::PyFrozenSet>() {
            return self.collection(HASH_SET, value);
        }
        if value.is_instance_of::<PyString>() {
            return self.string(value);
        }
        if value.is_instance_of::<pyo3::types::PyInt>() {
            return self.long(value);
        }
        if value.is_instance_of::<pyo3::types::PyFloat>() {
            self.out.double(value.extract()?);
            return Ok(());
        }
        if value.is_instance(known.ordered_dict.bind(py))? {
            return self.map(LINKED_HASH_MAP, value);
        }
        if value.is_instance_of::<PyDict>() {
            return self.map(HASH_MAP, value);
        }
        if self.buffer(value, None)? {
            return Ok(());
        }
        if value.is_instance_of::<pyo3::types::PyTuple>() || value.is_instance_of::<pyo3::types::PyList>() {
            return self.sequence(value);
        }
        // Scalars of numpy and its kin turn into the built-in value of the same kind.
        if value.hasattr("dtype")? && value.hasattr("item")? {
            return self.any(&value.call_method0("item")?);
        }
        if value.hasattr("__index__")? {
            return self.long(value);
        }
        if value.cast::<PyMapping>().is_ok() {
            return self.map(HASH_MAP, value);
        }
        if let Ok(items) = value.try_iter() {
            let list = items.collect::<PyResult<Vec<_>>>()?;
            return self.sequence(&pyo3::types::PyList::new(py, list)?.into_any());
        }
        let class = value.get_type().qualname()?;
        Err(PyTypeError::new_err(format!("a value of type {class} has no Ignite type; convert it, or give a type hint")))
    }

    /// Calls `write` for each element of an iterable; the number of elements is returned.
    fn items(
        &mut self,
        items: &Bound<'py, PyAny>,
        mut write: impl FnMut(&mut Self, &Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<usize> {
        self.out.enter().map_err(too_long)?;
        let mut length = 0;
        for item in items.try_iter()? {
            let item = item?;
            write(self, &item).inspect_err(|_| self.path.push(PathPart::Index(length)))?;
            length += 1;
        }
        self.out.leave();
        Ok(length)
    }

    /// Key and value of each entry; the number of entries is returned.
    fn entries(&mut self, pairs: &Bound<'py, PyAny>) -> PyResult<usize> {
        self.out.enter().map_err(too_long)?;
        let length = match pairs.cast_exact::<PyDict>() {
            Ok(dict) => {
                // The iterator holds both and notices a dictionary that changes under it.
                for (key, value) in dict.iter() {
                    self.entry(&key, &value)?;
                }
                dict.len()
            }
            Err(_) => {
                let Ok(mapping) = pairs.cast::<PyMapping>() else {
                    let class = pairs.get_type().qualname()?;
                    return Err(PyTypeError::new_err(format!("a mapping was expected, not {class}")));
                };
                let items = mapping.items()?;
                for pair in &items {
                    let (key, value) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
                    self.entry(&key, &value)?;
                }
                items.len()
            }
        };
        self.out.leave();
        Ok(length)
    }

    #[inline]
    fn entry(&mut self, key: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> PyResult<()> {
        let written = self.any(key).and_then(|()| self.any(value));
        written.inspect_err(|_| {
            self.path.push(PathPart::Name(format!("[{}]", key.repr().map_or_else(|_| "?".into(), |r| r.to_string()))))
        })
    }

    fn map(&mut self, kind: i8, value: &Bound<'py, PyAny>) -> PyResult<()> {
        let length = self.out.map(kind);
        let count = self.entries(value)?;
        self.out.patch_length(length, "map", count).map_err(too_long)
    }

    fn collection(&mut self, kind: i8, value: &Bound<'py, PyAny>) -> PyResult<()> {
        let length = self.out.collection(kind);
        let count = self.items(value, |encoder, item| encoder.any(item))?;
        self.out.patch_length(length, "collection", count).map_err(too_long)
    }
}
