//! The codec by itself: functions of `_core` for tests, tools and `pyignite_rs.utils`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::client::BaseClient;
use super::decode::{ReadError, read_value};
use super::encode::write_value;
use super::error;
use super::request::Request;
use crate::protocol::op;
use crate::protocol::op::cache::{self, Absent};
use crate::protocol::op::cluster::ClusterState;
use crate::protocol::op::key_value::Expiry;
use crate::protocol::read::Reader;
use crate::protocol::{affinity, hash};

/// Write one value as it goes over the wire.
///
/// Args:
///     value: A value of any supported type, or a pair `(value, hint)`.
///     hint: Class of `pyignite_rs.datatypes` that names the wire type. Without it the value's own type decides.
///     client: Client that knows how complex objects are to be written. Without it they have compact footers.
///
/// Returns:
///     bytes: The type code and what follows it.
///
/// Raises:
///     TypeError, ValueError, OverflowError: The value has no place on the wire.
#[pyfunction]
#[pyo3(signature = (value, hint=None, client=None))]
fn encode<'py>(
    py: Python<'py>,
    value: &Bound<'py, PyAny>,
    hint: Option<&Bound<'py, PyAny>>,
    client: Option<&Bound<'py, BaseClient>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut request = Request { client, ..Request::bare() };
    write_value(py, &mut request, "value", value, hint)?;
    Ok(PyBytes::new(py, request.out.as_slice()))
}

/// Read one value from the bytes that a server sends.
///
/// Args:
///     data: Exactly one value: its type code and what follows.
///     client: Client whose classes complex objects are read with. Without it they can not be read.
///
/// Returns:
///     object: The value.
///
/// Raises:
///     ParseError: The bytes are no value, or more than one.
#[pyfunction]
#[pyo3(signature = (data, client=None))]
fn decode<'py>(py: Python<'py>, data: &[u8], client: Option<&Bound<'py, BaseClient>>) -> PyResult<Bound<'py, PyAny>> {
    let mut reader = Reader::new(data);
    let none = Arc::default();
    let types = client.map_or(&none, |client| &client.get().types);
    let value = read_value(py, types, &mut reader).and_then(|value| {
        reader.finish()?;
        Ok(value)
    });
    value.map_err(|error| match error {
        ReadError::Decode(error) => error::parse_error(py, &error, error::Facts::default()),
        ReadError::Python(error) => error,
        ReadError::Missing(detour) => error::named(
            py,
            "ParseError",
            format!("only a client can read this: {} has to be asked first", detour.operation.name),
        ),
    })
}

/// Hash code that a server computes for a key.
///
/// Args:
///     data: The encoded key.
///
/// Returns:
///     int: Java's 32-bit hash code.
///
/// Raises:
///     ParseError: The bytes are no value.
#[pyfunction]
fn hash_of(py: Python<'_>, data: &[u8]) -> PyResult<i32> {
    hash::value(data).map_err(|error| error::parse_error(py, &error, error::Facts::default()))
}

/// Java's `String.hashCode` of a text, over its UTF-16 code units: the id of a cache is that of its name.
#[pyfunction]
fn java_hash_string(text: &str) -> i32 {
    hash::string(text)
}

/// Id of a type or a field: the hash of the name in lower case.
#[pyfunction]
fn entity_id(name: &str) -> i32 {
    hash::entity_id(name)
}

/// Id of a schema, from the names of its fields in their order.
#[pyfunction]
fn schema_id(fields: &Bound<'_, PyAny>) -> PyResult<i32> {
    let names = fields.try_iter()?.map(|name| name?.extract::<String>()).collect::<PyResult<Vec<_>>>()?;
    Ok(hash::schema_id(names.iter().map(|name| hash::entity_id(name))))
}

/// Partition of a key.
///
/// Args:
///     hash: The key's hash code.
///     partitions: Number of partitions of the cache.
///
/// Returns:
///     int | None: Number of the partition; None if there are none.
#[pyfunction]
fn partition(hash: i32, partitions: u32) -> Option<u32> {
    affinity::partition(hash, partitions)
}

/// Show what this client knows by number, for the tests that compare it with what Python says.
///
/// Returns:
///     dict: Tables by name: operations, properties and records of settings, states of a cluster, times of expiry policies.
#[pyfunction]
fn tables(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let operations = PyDict::new(py);
    for operation in op::all() {
        operations.set_item(operation.name, operation.code)?;
    }
    let properties = PyDict::new(py);
    for property in cache::PROPERTIES {
        properties.set_item(property.name, (property.code, property.kind.name()))?;
    }
    let records = PyDict::new(py);
    for record in cache::RECORDS {
        let fields = record.fields.iter().map(|field| (field.name, field.kind.name(), field.absent != Absent::Refused));
        records.set_item(record.name, fields.collect::<Vec<_>>())?;
    }
    let states = PyDict::new(py);
    for (state, name) in ClusterState::ALL {
        states.set_item(name, *state as u8)?;
    }
    let expiry = PyDict::new(py);
    expiry.set_item("UNCHANGED", Expiry::UNCHANGED)?;
    expiry.set_item("ETERNAL", Expiry::ETERNAL)?;
    let tables = PyDict::new(py);
    for (name, table) in
        [("operations", operations), ("properties", properties), ("records", records), ("states", states), ("expiry", expiry)]
    {
        tables.set_item(name, table)?;
    }
    Ok(tables)
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(encode, module)?)?;
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    module.add_function(wrap_pyfunction!(hash_of, module)?)?;
    module.add_function(wrap_pyfunction!(java_hash_string, module)?)?;
    module.add_function(wrap_pyfunction!(entity_id, module)?)?;
    module.add_function(wrap_pyfunction!(schema_id, module)?)?;
    module.add_function(wrap_pyfunction!(partition, module)?)?;
    module.add_function(wrap_pyfunction!(tables, module)?)?;
    Ok(())
}
