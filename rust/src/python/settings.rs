//! Settings of a cache to be made: a name, or a dictionary of properties.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::encode::too_long;
use super::error::parameter_error;
use crate::protocol::Writer;
use crate::protocol::op::cache::{PropertyKind, property};

/// PROP_NAME
const NAME: i16 = 0;

/// A name and, perhaps, properties.
pub(super) struct Settings<'py> {
    pub name: Arc<str>,
    properties: Option<Bound<'py, PyDict>>,
}

impl<'py> Settings<'py> {
    pub fn read(settings: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(name) = settings.cast::<PyString>() {
            return Ok(Self { name: name.to_str()?.into(), properties: None });
        }
        let py = settings.py();
        let named = settings.cast::<PyDict>().ok().map(|dict| dict.get_item(NAME)).transpose()?.flatten();
        let (Ok(properties), Some(name)) = (settings.cast::<PyDict>(), named) else {
            return Err(parameter_error(py, "a cache needs at least a name: a str, or a dict with PROP_NAME".into()));
        };
        for code in properties.keys() {
            if code.extract::<i16>().ok().and_then(property).is_none() {
                return Err(parameter_error(py, format!("{code} is no cache property that this version can set")));
            }
        }
        let properties = (properties.len() > 1).then(|| properties.clone());
        Ok(Self { name: name.cast::<PyString>()?.to_str()?.into(), properties })
    }

    pub fn has_more_than_a_name(&self) -> bool {
        self.properties.is_some()
    }

    /// `string name`, or `int length, short n, n x (short code, value)`.
    pub fn write(&self, out: &mut Writer) -> PyResult<()> {
        let Some(properties) = &self.properties else { return out.string(&self.name).map_err(too_long) };
        let length = out.later();
        out.i16(properties.len() as i16);
        for (code, value) in properties.iter() {
            write_property(out, code.extract()?, &value)?;
        }
        out.patch_length(length, "cache configuration", out.since(length)).map_err(too_long)
    }
}

fn write_property(out: &mut Writer, code: i16, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(property) = property(code) else {
        return Err(parameter_error(value.py(), format!("{code} is no cache property")));
    };
    let wrong = || PyValueError::new_err(format!("{} can not be {value}", property.name));
    out.i16(code);
    match property.kind {
        PropertyKind::Bool => out.bool(value.is_truthy()?),
        PropertyKind::Int => out.i32(value.extract().map_err(|_| wrong())?),
        PropertyKind::Long => out.i64(value.extract().map_err(|_| wrong())?),
        PropertyKind::Milliseconds => out.i64(value.extract::<i64>().ok().filter(|ms| *ms >= 0).ok_or_else(wrong)?),
        PropertyKind::String if value.is_none() => out.null(),
        PropertyKind::String => out.string(value.cast::<PyString>().map_err(|_| wrong())?.to_str()?).map_err(too_long)?,
    }
    Ok(())
}
