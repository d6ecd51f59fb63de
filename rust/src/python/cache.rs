//! BaseCache: what `Cache` and `AioCache` share. One short method per operation; its docstring is the documentation of both.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

use super::client::BaseClient;
use super::cursor::{self, Query, Rows};
use super::encode::{too_long, write_arguments, write_entries, write_keys, write_value};
use super::expiry;
use super::face::{self, Carried, Finish, seconds};
use super::request::Request;
use super::transaction;
use crate::client::Target;
use crate::protocol::hash;
use crate::protocol::op::key_value::{self, CacheHeader, PeekMode, write_cache_header};
use crate::protocol::op::query::{Scan, Sql};
use crate::protocol::op::{Operation, cache};
use crate::protocol::{ProtocolContext, Writer};

type Object<'a, 'py> = &'a Bound<'py, PyAny>;
type Hint<'a, 'py> = Option<&'a Bound<'py, PyAny>>;
type Result<'py> = PyResult<Bound<'py, PyAny>>;

/// A cache of a cluster. Made by `create_cache`, `get_or_create_cache` and `get_cache` of a client.
#[pyclass(frozen, subclass, weakref, module = "pyignite_rs._core")]
pub(super) struct BaseCache {
    client: Py<BaseClient>,
    name: Arc<str>,
    /// Its id, and the policy of requests that carry one.
    header: CacheHeader,
    expiry_policy: Option<Py<PyAny>>,
}

impl BaseCache {
    pub fn id(&self) -> i32 {
        self.header.cache_id
    }

    pub fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    #[inline]
    fn write_header(&self, py: Python<'_>, request: &mut Request<'_, '_>, transaction: Option<i32>) -> PyResult<()> {
        if self.header.expiry.is_some() {
            self.client.get().require(py, "an expiry policy", ProtocolContext::has_expiry_policy)?;
        }
        write_cache_header(&mut request.out, &CacheHeader { transaction, ..self.header });
        Ok(())
    }

    /// Writes the key that a request is about: it goes to the node that has it.
    #[inline]
    fn write_key<'py>(
        &self,
        py: Python<'py>,
        request: &mut Request<'_, 'py>,
        key: Object<'_, 'py>,
        hint: Hint<'_, 'py>,
    ) -> PyResult<()> {
        let start = request.out.position();
        write_value(py, request, "key", key, hint)?;
        request.key_since(self.header.cache_id, start);
        Ok(())
    }

    /// Runs an operation on this cache; `write` appends what follows the cache header.
    #[inline]
    fn run<'py>(
        slf: &Bound<'py, Self>,
        operation: &'static Operation,
        timeout: f64,
        write: impl FnOnce(&mut Request<'_, 'py>) -> PyResult<()>,
    ) -> Result<'py> {
        let cache = slf.get();
        let client = cache.client.bind(slf.py());
        let transaction = transaction::current(client)?;
        let (transaction, target) = transaction.map_or((None, Target::Any), |current| (Some(current.id), current.target));
        let carried =
            Carried { name: operation.name, operation, cache: Some(Arc::clone(&cache.name)), target, finish: Finish::Reply };
        face::run(client, carried, timeout, |request| {
            cache.write_header(slf.py(), request, transaction)?;
            write(request)
        })
    }

    /// Begins a query on this cache. Servers would read a transaction's number only since 2.17, and ignore it unless told otherwise,
    /// so queries do not carry it.
    fn query<'py>(
        slf: &Bound<'py, Self>,
        class: &str,
        rows: Rows,
        timeout: f64,
        write: impl FnOnce(&mut Request<'_, 'py>) -> PyResult<()>,
    ) -> Result<'py> {
        let py = slf.py();
        let cache = slf.get();
        let client = cache.client.bind(py);
        let class = client.get().cursor_class(py, class)?;
        let query = Query { rows, cache: Some(Arc::clone(&cache.name)), timeout };
        cursor::query(client, class, query, |request| {
            cache.write_header(py, request, None)?;
            write(request)
        })
    }

    /// Runs an operation on the cache itself, which no transaction is about.
    fn run_apart<'py>(
        slf: &Bound<'py, Self>,
        name: &'static str,
        operation: &'static Operation,
        timeout: f64,
        write: impl FnOnce(&mut Writer),
    ) -> Result<'py> {
        let cache = slf.get();
        let carried =
            Carried { name, operation, cache: Some(Arc::clone(&cache.name)), target: Target::Any, finish: Finish::Reply };
        face::run(cache.client.bind(slf.py()), carried, timeout, |request| {
            write(&mut request.out);
            Ok(())
        })
    }

    #[inline]
    fn key<'py>(
        slf: &Bound<'py, Self>,
        operation: &'static Operation,
        key: Object<'_, 'py>,
        hint: Hint<'_, 'py>,
        timeout: f64,
    ) -> Result<'py> {
        Self::run(slf, operation, timeout, |request| slf.get().write_key(slf.py(), request, key, hint))
    }

    #[inline]
    fn key_value<'py>(
        slf: &Bound<'py, Self>,
        operation: &'static Operation,
        (key, key_hint): (Object<'_, 'py>, Hint<'_, 'py>),
        (value, value_hint): (Object<'_, 'py>, Hint<'_, 'py>),
        timeout: f64,
    ) -> Result<'py> {
        Self::run(slf, operation, timeout, |request| {
            slf.get().write_key(slf.py(), request, key, key_hint)?;
            write_value(slf.py(), request, "value", value, value_hint)
        })
    }

    fn keys<'py>(slf: &Bound<'py, Self>, operation: &'static Operation, keys: Object<'_, 'py>, timeout: f64) -> Result<'py> {
        Self::run(slf, operation, timeout, |request| write_keys(slf.py(), request, keys))
    }
}

/// `int n, n x byte`: one mode, several, or none.
fn write_peek_modes(out: &mut Writer, modes: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let mode = |mode: &Bound<'_, PyAny>| {
        let number = mode.extract::<i64>().ok().filter(|number| (0..=PeekMode::LAST).contains(number));
        number
            .map(|number| number as u8)
            .ok_or_else(|| PyValueError::new_err(format!("{mode} is no peek mode (0 to {})", PeekMode::LAST)))
    };
    let modes = match modes {
        None => Vec::new(),
        Some(one) if one.is_instance_of::<PyInt>() => vec![mode(one)?],
        Some(several) => several.try_iter()?.map(|one| mode(&one?)).collect::<PyResult<_>>()?,
    };
    out.i32(modes.len() as i32);
    out.bytes(&modes);
    Ok(())
}

#[pymethods]
impl BaseCache {
    /// Args:
    ///     client: The client that the cache is reached through.
    ///     name: Name of the cache.
    ///     expiry_policy: How long entries live that are used through this object. Default: as the cache says.
    #[new]
    #[pyo3(signature = (client, name, expiry_policy=None))]
    fn new(client: Py<BaseClient>, name: &Bound<'_, PyString>, expiry_policy: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let name: Arc<str> = name.to_str()?.into();
        let expiry = expiry_policy.map(|policy| expiry::from_python("expiry_policy", policy)).transpose()?;
        let header = CacheHeader { expiry, ..CacheHeader::new(hash::cache_id(&name)) };
        Ok(Self { client, name, header, expiry_policy: expiry_policy.map(|policy| policy.clone().unbind()) })
    }

    /// Name of the cache.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// Id of the cache: Java's hash code of its name, a signed 32-bit number.
    #[getter]
    fn cache_id(&self) -> i32 {
        self.header.cache_id
    }

    /// How long entries live that are used through this object, an `ExpiryPolicy`; None is the cache's own policy.
    #[getter]
    fn expiry_policy<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyAny>> {
        self.expiry_policy.as_ref().map(|policy| policy.bind(py))
    }

    /// The client that the cache is reached through.
    #[getter]
    fn client<'py>(&self, py: Python<'py>) -> &Bound<'py, BaseClient> {
        self.client.bind(py)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(format!("<{} '{}'>", slf.get_type().name()?, slf.get().name))
    }

    /// Read the value of a key.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     object: The value; None if there is none (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_GET, 1000, since 1.0.
    #[pyo3(signature = (key, key_hint=None, timeout=0.0))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key(slf, &key_value::GET, key, key_hint, timeout)
    }

    /// Store a value, in place of the one before.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     value: Value, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     value_hint: The same for the value.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     None: (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_PUT, 1001, since 1.0.
    #[pyo3(signature = (key, value, key_hint=None, value_hint=None, timeout=0.0))]
    fn put<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        value: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        value_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key_value(slf, &key_value::PUT, (key, key_hint), (value, value_hint), timeout)
    }

    /// Store a value unless the key has one.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     value: Value, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     value_hint: The same for the value.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     bool: True if it was stored (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_PUT_IF_ABSENT, 1002, since 1.0.
    #[pyo3(signature = (key, value, key_hint=None, value_hint=None, timeout=0.0))]
    fn put_if_absent<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        value: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        value_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key_value(slf, &key_value::PUT_IF_ABSENT, (key, key_hint), (value, value_hint), timeout)
    }

    /// Read the values of several keys.
    ///
    /// Args:
    ///     keys: Iterable of keys or of pairs `(key, hint)`.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     dict: Values by key; keys without a value are left out (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_GET_ALL, 1003, since 1.0.
    #[pyo3(signature = (keys, timeout=0.0))]
    fn get_all<'py>(slf: &Bound<'py, Self>, keys: Object<'_, 'py>, #[pyo3(from_py_with = seconds)] timeout: f64) -> Result<'py> {
        Self::keys(slf, &key_value::GET_ALL, keys, timeout)
    }

    /// Store several entries, in place of those before.
    ///
    /// Args:
    ///     pairs: Mapping of keys to values; each key or value can be a pair `(item, hint)`.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     None: (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_PUT_ALL, 1004, since 1.0.
    #[pyo3(signature = (pairs, timeout=0.0))]
    fn put_all<'py>(slf: &Bound<'py, Self>, pairs: Object<'_, 'py>, #[pyo3(from_py_with = seconds)] timeout: f64) -> Result<'py> {
        Self::run(slf, &key_value::PUT_ALL, timeout, |request| write_entries(slf.py(), request, pairs))
    }

    /// Store a value and read the one before.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     value: Value, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     value_hint: The same for the value.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     object: The value before; None if there was none (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_GET_AND_PUT, 1005, since 1.0.
    #[pyo3(signature = (key, value, key_hint=None, value_hint=None, timeout=0.0))]
    fn get_and_put<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        value: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        value_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key_value(slf, &key_value::GET_AND_PUT, (key, key_hint), (value, value_hint), timeout)
    }

    /// Store a value in place of another, and read the one before. A key without a value stays without one.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     value: Value, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     value_hint: The same for the value.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     object: The value before; None if there was none and nothing was stored (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_GET_AND_REPLACE, 1006, since 1.0.
    #[pyo3(signature = (key, value, key_hint=None, value_hint=None, timeout=0.0))]
    fn get_and_replace<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        value: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        value_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key_value(slf, &key_value::GET_AND_REPLACE, (key, key_hint), (value, value_hint), timeout)
    }

    /// Remove an entry and read its value.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     object: The value before; None if there was none (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_GET_AND_REMOVE, 1007, since 1.0.
    #[pyo3(signature = (key, key_hint=None, timeout=0.0))]
    fn get_and_remove<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key(slf, &key_value::GET_AND_REMOVE, key, key_hint, timeout)
    }

    /// Store a value unless the key has one, and read the one that was there.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     value: Value, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     value_hint: The same for the value.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     object: The value that was there; None if the new one was stored (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_GET_AND_PUT_IF_ABSENT, 1008, since 1.0.
    #[pyo3(signature = (key, value, key_hint=None, value_hint=None, timeout=0.0))]
    fn get_and_put_if_absent<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        value: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        value_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key_value(slf, &key_value::GET_AND_PUT_IF_ABSENT, (key, key_hint), (value, value_hint), timeout)
    }

    /// Store a value in place of another. A key without a value stays without one.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     value: Value, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     value_hint: The same for the value.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     bool: True if a value was replaced (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_REPLACE, 1009, since 1.0.
    #[pyo3(signature = (key, value, key_hint=None, value_hint=None, timeout=0.0))]
    fn replace<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        value: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        value_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key_value(slf, &key_value::REPLACE, (key, key_hint), (value, value_hint), timeout)
    }

    /// Store a value in place of another, if that one is what is expected.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     sample: Value to compare the stored one with.
    ///     value: The new value.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     sample_hint: The same for the sample.
    ///     value_hint: The same for the value.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     bool: True if the value was replaced (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_REPLACE_IF_EQUALS, 1010, since 1.0.
    #[pyo3(signature = (key, sample, value, key_hint=None, sample_hint=None, value_hint=None, timeout=0.0))]
    #[expect(clippy::too_many_arguments, reason = "the signature is pyignite's")]
    fn replace_if_equals<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        sample: Object<'_, 'py>,
        value: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        sample_hint: Hint<'_, 'py>,
        value_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::run(slf, &key_value::REPLACE_IF_EQUALS, timeout, |request| {
            slf.get().write_key(slf.py(), request, key, key_hint)?;
            write_value(slf.py(), request, "sample", sample, sample_hint)?;
            write_value(slf.py(), request, "value", value, value_hint)
        })
    }

    /// Tell whether a key has a value.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     bool: True if it has one (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_CONTAINS_KEY, 1011, since 1.0.
    #[pyo3(signature = (key, key_hint=None, timeout=0.0))]
    fn contains_key<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key(slf, &key_value::CONTAINS_KEY, key, key_hint, timeout)
    }

    /// Tell whether all of several keys have values.
    ///
    /// Args:
    ///     keys: Iterable of keys or of pairs `(key, hint)`.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     bool: True if each has one, and for no keys at all (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_CONTAINS_KEYS, 1012, since 1.0.
    #[pyo3(signature = (keys, timeout=0.0))]
    fn contains_keys<'py>(
        slf: &Bound<'py, Self>,
        keys: Object<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::keys(slf, &key_value::CONTAINS_KEYS, keys, timeout)
    }

    /// Clear the cache, or some keys, without telling listeners and cache stores.
    ///
    /// Args:
    ///     keys: Iterable of keys or of pairs `(key, hint)`. Default, and for an empty one: all entries.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     None: (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_CACHE_CLEAR, 1013, or OP_CACHE_CLEAR_KEYS, 1015, since 1.0.
    #[pyo3(signature = (keys=None, timeout=0.0))]
    fn clear<'py>(slf: &Bound<'py, Self>, keys: Hint<'_, 'py>, #[pyo3(from_py_with = seconds)] timeout: f64) -> Result<'py> {
        match keys {
            Some(keys) if keys.is_truthy()? => Self::keys(slf, &key_value::CLEAR_KEYS, keys, timeout),
            _ => Self::run(slf, &key_value::CLEAR, timeout, |_| Ok(())),
        }
    }

    /// Clear one key without telling listeners and cache stores.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     None: (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_CLEAR_KEY, 1014, since 1.0.
    #[pyo3(signature = (key, key_hint=None, timeout=0.0))]
    fn clear_key<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key(slf, &key_value::CLEAR_KEY, key, key_hint, timeout)
    }

    /// Clear several keys without telling listeners and cache stores.
    ///
    /// Args:
    ///     keys: Iterable of keys or of pairs `(key, hint)`.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     None: (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_CLEAR_KEYS, 1015, since 1.0.
    #[pyo3(signature = (keys, timeout=0.0))]
    fn clear_keys<'py>(
        slf: &Bound<'py, Self>,
        keys: Object<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::keys(slf, &key_value::CLEAR_KEYS, keys, timeout)
    }

    /// Remove an entry; listeners and cache stores are told.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     bool: True if there was one (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_REMOVE_KEY, 1016, since 1.0.
    #[pyo3(signature = (key, key_hint=None, timeout=0.0))]
    fn remove_key<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key(slf, &key_value::REMOVE_KEY, key, key_hint, timeout)
    }

    /// Remove an entry if its value is what is expected.
    ///
    /// Args:
    ///     key: Key of the entry, of any supported type.
    ///     sample: Value to compare the stored one with.
    ///     key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
    ///         a string, and so on.
    ///     sample_hint: The same for the sample.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     bool: True if it was removed (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_REMOVE_IF_EQUALS, 1017, since 1.0.
    #[pyo3(signature = (key, sample, key_hint=None, sample_hint=None, timeout=0.0))]
    fn remove_if_equals<'py>(
        slf: &Bound<'py, Self>,
        key: Object<'_, 'py>,
        sample: Object<'_, 'py>,
        key_hint: Hint<'_, 'py>,
        sample_hint: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::key_value(slf, &key_value::REMOVE_IF_EQUALS, (key, key_hint), (sample, sample_hint), timeout)
    }

    /// Remove several entries; listeners and cache stores are told.
    ///
    /// Args:
    ///     keys: Iterable of keys or of pairs `(key, hint)`.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     None: (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     TypeError, ValueError, OverflowError: A key or a value has no place on the wire.
    ///
    /// Wire: OP_CACHE_REMOVE_KEYS, 1018, since 1.0.
    #[pyo3(signature = (keys, timeout=0.0))]
    fn remove_keys<'py>(
        slf: &Bound<'py, Self>,
        keys: Object<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::keys(slf, &key_value::REMOVE_KEYS, keys, timeout)
    }

    /// Remove all entries; listeners and cache stores are told.
    ///
    /// Args:
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     None: (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_CACHE_REMOVE_ALL, 1019, since 1.0.
    #[pyo3(signature = (timeout=0.0))]
    fn remove_all<'py>(slf: &Bound<'py, Self>, #[pyo3(from_py_with = seconds)] timeout: f64) -> Result<'py> {
        Self::run(slf, &key_value::REMOVE_ALL, timeout, |_| Ok(()))
    }

    /// Count the entries.
    ///
    /// Args:
    ///     peek_modes: One of `PeekModes` or a list of them: which copies count. Default: primary copies, each entry once.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     int: Number of entries (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     ValueError: A number that is no peek mode.
    ///
    /// Wire: OP_CACHE_GET_SIZE, 1020, since 1.0.
    #[pyo3(signature = (peek_modes=None, timeout=0.0))]
    fn get_size<'py>(
        slf: &Bound<'py, Self>,
        peek_modes: Hint<'_, 'py>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        Self::run(slf, &key_value::GET_SIZE, timeout, |request| write_peek_modes(&mut request.out, peek_modes))
    }

    /// Read everything in the cache, a page at a time.
    ///
    /// Args:
    ///     page_size: Entries that one answer of the server brings (int). pyignite's default is 1.
    ///     partitions: Number of the partition to read (int); negative for all.
    ///     local: Whether only the node that answers looks at its own entries.
    ///     timeout: Seconds that the first answer may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     ScanCursor: Tuples (key, value). AioCache returns an AioScanCursor, to be awaited or entered with `async with`.
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache or the partition does not exist.
    ///     CursorLostError: Later, while rows are read: the connection was lost.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_QUERY_SCAN, 2000, since 1.0.
    #[pyo3(signature = (page_size=1024, partitions=-1, local=false, timeout=0.0),
        text_signature = "($self, page_size=1024, partitions=-1, local=False, timeout=0.0)")]
    fn scan<'py>(
        slf: &Bound<'py, Self>,
        page_size: i32,
        partitions: i32,
        local: bool,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> Result<'py> {
        let scan = Scan { page_size: cursor::page_size(page_size)?, partition: partitions, local };
        Self::query(slf, "ScanCursor", Rows::Scan, timeout, |request| {
            scan.write(&mut request.out);
            Ok(())
        })
    }

    /// Query whole entries of one type.
    ///
    /// Args:
    ///     type_name: Name of the type, or of its table (str).
    ///     query_str: Condition or SELECT statement (str).
    ///     page_size: Entries that one answer of the server brings (int).
    ///     query_args: Iterable of arguments, values or pairs `(value, hint)`.
    ///     distributed_joins: Whether rows of different nodes are joined.
    ///     replicated_only: Whether only replicated tables are asked.
    ///     local: Whether only the node that answers looks at its own entries.
    ///     timeout: Milliseconds that the query may take on the server (int); 0 is no limit.
    ///
    /// Returns:
    ///     SqlCursor: Tuples (key, value).
    ///
    /// Raises:
    ///     SQLError: The server refuses.
    ///
    /// Wire: OP_QUERY_SQL, 2002, since 1.0.
    #[pyo3(signature = (type_name, query_str, page_size, query_args, distributed_joins, replicated_only, local, timeout))]
    #[expect(clippy::too_many_arguments, reason = "the parameters are pyignite's")]
    fn _select_row<'py>(
        slf: &Bound<'py, Self>,
        type_name: &str,
        query_str: &str,
        page_size: i32,
        query_args: Option<&Bound<'py, PyAny>>,
        distributed_joins: bool,
        replicated_only: bool,
        local: bool,
        timeout: i64,
    ) -> Result<'py> {
        let sql = Sql {
            table: type_name,
            query: query_str,
            distributed_joins,
            local,
            replicated_only,
            page_size: cursor::page_size(page_size)?,
            timeout_ms: timeout,
        };
        Self::query(slf, "SqlCursor", Rows::Entries, 0.0, |request| {
            sql.write_start(&mut request.out).map_err(too_long)?;
            write_arguments(slf.py(), request, query_args)?;
            sql.write_rest(&mut request.out);
            Ok(())
        })
    }

    /// Destroy the cache and everything in it, on all nodes.
    ///
    /// Args:
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     None: (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_CACHE_DESTROY, 1056, since 1.0.
    #[pyo3(signature = (timeout=0.0))]
    fn destroy<'py>(slf: &Bound<'py, Self>, #[pyo3(from_py_with = seconds)] timeout: f64) -> Result<'py> {
        Self::run_apart(slf, cache::DESTROY.name, &cache::DESTROY, timeout, |out| out.i32(slf.get().id()))
    }

    /// Read the settings from the server; `settings` remembers them.
    ///
    /// Args:
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     dict: Values by their codes (awaitable on AioCache)
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because the cache does not exist.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_CACHE_GET_CONFIGURATION, 1055, since 1.0.
    #[pyo3(signature = (timeout=0.0))]
    fn _settings<'py>(slf: &Bound<'py, Self>, #[pyo3(from_py_with = seconds)] timeout: f64) -> Result<'py> {
        Self::run_apart(slf, "AioCache.settings", &cache::GET_CONFIGURATION, timeout, |out| {
            write_cache_header(out, &CacheHeader::new(slf.get().id()));
        })
    }
}
