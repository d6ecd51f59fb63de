//! Settings of a cache: a name, or a dictionary of properties; and the properties that a server tells.

use std::sync::Arc;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyMapping, PyString};

use super::decode::{ReadError, read_value};
use super::encode::{too_long, write_as};
use super::error::{parameter_error, wrong_type};
use super::expiry;
use super::request::Request;
use super::types::Types;
use crate::protocol::error::{DecodeError, DecodeErrorKind, PathPart};
use crate::protocol::object::standard;
use crate::protocol::object::visit::WalkError;
use crate::protocol::op::cache::{Absent, CONFIGURATION, Kind, PROP_NAME, Property, Record, property, type_code_of};
use crate::protocol::op::key_value::Expiry;
use crate::protocol::read::Reader;

type Object<'py> = Bound<'py, PyAny>;

/// A name and, perhaps, properties.
pub(super) struct Settings<'py> {
    pub name: Arc<str>,
    properties: Option<Vec<(&'static Property, Object<'py>)>>,
}

impl<'py> Settings<'py> {
    pub fn read(settings: &Object<'py>) -> PyResult<Self> {
        if let Ok(name) = settings.cast::<PyString>() {
            return Ok(Self { name: name.to_str()?.into(), properties: None });
        }
        let py = settings.py();
        let named = settings.cast::<PyDict>().ok().map(|dict| dict.get_item(PROP_NAME)).transpose()?.flatten();
        let (Ok(dict), Some(name)) = (settings.cast::<PyDict>(), named) else {
            return Err(parameter_error(py, "You should supply at least cache name: a str, or a dict with PROP_NAME".into()));
        };
        let mut properties = Vec::with_capacity(dict.len());
        for (code, value) in dict.iter() {
            let known = code.extract::<i16>().ok().and_then(property);
            let known = known.ok_or_else(|| parameter_error(py, format!("{code} is no property of a cache")))?;
            properties.push((known, value));
        }
        let name = name.cast::<PyString>().map_err(|_| wrong_type("PROP_NAME", "a str", &name))?;
        Ok(Self { name: name.to_str()?.into(), properties: (properties.len() > 1).then_some(properties) })
    }

    pub fn has_more_than_a_name(&self) -> bool {
        self.properties.is_some()
    }

    /// `string name`, or `int length, short n, n x (short code, value)`.
    pub fn write(&self, request: &mut Request<'_, 'py>) -> PyResult<()> {
        let Some(properties) = &self.properties else { return request.out.string(&self.name).map_err(too_long) };
        let length = request.out.later();
        request.out.i16(properties.len() as i16);
        for (property, value) in properties {
            if let (Some(since), Some(client)) = (property.since, request.client) {
                client.get().require(client.py(), property.name, |context| context.version >= since)?;
            }
            request.out.i16(property.code);
            write_field(request, property.name, property.kind, value)?;
        }
        let written = request.out.since(length);
        request.out.patch_length(length, "cache configuration", written).map_err(too_long)
    }
}

/// `path` names the field in messages: `PROP_QUERY_ENTITIES[0].table_name`.
fn write_field<'py>(request: &mut Request<'_, 'py>, path: &str, kind: Kind, value: &Object<'py>) -> PyResult<()> {
    let out = &mut request.out;
    match kind {
        Kind::Bool => out.bool(flag(path, value)?),
        Kind::Byte => out.u8(number(path, value, u8::MIN.into(), u8::MAX.into())? as u8),
        Kind::Int => out.i32(number(path, value, i32::MIN.into(), i32::MAX.into())? as i32),
        Kind::Long => out.i64(number(path, value, i64::MIN, i64::MAX)?),
        Kind::Milliseconds => {
            let ms = number(path, value, i64::MIN, i64::MAX)?;
            if ms < 0 {
                return Err(PyValueError::new_err(format!("{path} can not be {ms}: a time in milliseconds is not negative")));
            }
            out.i64(ms);
        }
        Kind::String if value.is_none() => out.null(),
        Kind::String => {
            let text = value.cast::<PyString>().map_err(|_| wrong_type(path, "a str or None", value))?;
            out.string(text.to_str()?).map_err(too_long)?;
        }
        Kind::Default => write_as(value.py(), request, path, value, None)?,
        Kind::Expiry if value.is_none() => out.bool(false),
        Kind::Expiry => {
            let expiry = expiry::from_python(path, value)?;
            out.bool(true);
            expiry.write(out);
        }
        Kind::Records(record) => write_records(request, path, record, value)?,
    }
    Ok(())
}

/// `int n, n x record`, from any iterable of mappings.
fn write_records<'py>(request: &mut Request<'_, 'py>, path: &str, record: &Record, records: &Object<'py>) -> PyResult<()> {
    let wrong = || wrong_type(path, "an iterable of dicts", records);
    // Both can be iterated over, and neither is meant by it.
    if records.cast::<PyString>().is_ok() || records.cast::<PyMapping>().is_ok() {
        return Err(wrong());
    }
    let count = request.out.later();
    let mut length = 0;
    for item in records.try_iter().map_err(|_| wrong())? {
        write_record(request, &format!("{path}[{length}]"), record, &item?)?;
        length += 1;
    }
    request.out.patch_length(count, "list of dicts", length).map_err(too_long)
}

fn write_record<'py>(request: &mut Request<'_, 'py>, path: &str, record: &Record, item: &Object<'py>) -> PyResult<()> {
    let mapping = item.cast::<PyMapping>().map_err(|_| wrong_type(path, "a dict", item))?;
    for field in record.fields {
        if mapping.contains(field.name)? {
            let (path, value) = (format!("{path}.{}", field.name), mapping.get_item(field.name)?);
            match field.kind {
                Kind::Default => {
                    let class = mapping.get_item("type_name")?;
                    let code = class.cast::<PyString>().ok().and_then(|class| type_code_of(class.to_str().ok()?));
                    write_as(item.py(), request, &path, &value, code)?;
                }
                kind => write_field(request, &path, kind, &value)?,
            }
            continue;
        }
        let py = item.py();
        let default = match field.absent {
            Absent::Refused => return Err(parameter_error(py, format!("{path} has no '{}'", field.name))),
            Absent::False => {
                request.out.bool(false);
                PyBool::new(py, false).to_owned().into_any()
            }
            Absent::Null => {
                request.out.null();
                py.None().into_bound(py)
            }
            Absent::Unset => {
                request.out.i32(-1);
                int(py, -1)?
            }
        };
        // As pyignite does: programs compare what they gave with the settings that they read back.
        if let Ok(dict) = item.cast::<PyDict>() {
            dict.set_item(PyString::intern(py, field.name), default)?;
        }
    }
    Ok(())
}

/// True, False, or what numpy and old programs have for them.
fn flag(path: &str, value: &Object<'_>) -> PyResult<bool> {
    let flag = value.extract::<bool>().ok();
    let flag = flag.or_else(|| value.extract::<u8>().ok().filter(|number| *number <= 1).map(|number| number == 1));
    flag.ok_or_else(|| wrong_type(path, "a bool", value))
}

fn number(path: &str, value: &Object<'_>, least: i64, most: i64) -> PyResult<i64> {
    match value.extract::<i64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Err(error) if !error.is_instance_of::<PyOverflowError>(value.py()) => Err(wrong_type(path, "an int", value)),
        _ => Err(PyOverflowError::new_err(format!("{path} can not be {value}: it is from {least} to {most}"))),
    }
}

/// The properties of a cache by their codes.
pub(super) fn read_configuration<'py>(
    py: Python<'py>,
    types: &Arc<Types>,
    reader: &mut Reader<'_>,
) -> Result<Bound<'py, PyDict>, ReadError> {
    let at = reader.offset();
    let length = reader.i32()?;
    if usize::try_from(length).ok() != Some(reader.left()) {
        let kind = DecodeErrorKind::BadLength { what: "length of a configuration", length: length.into(), left: reader.left() };
        return Err(DecodeError::new(kind, at).into());
    }
    let settings = PyDict::new(py);
    for property in CONFIGURATION.iter().filter_map(|code| property(*code)) {
        // Each server ends with what its protocol version has.
        if property.since.is_some() && reader.left() == 0 {
            break;
        }
        let value =
            read_field(py, types, reader, property.kind).map_err(|error| error.within(PathPart::Name(property.name.into())))?;
        settings.set_item(property.code, value)?;
    }
    Ok(settings)
}

fn read_field<'py>(py: Python<'py>, types: &Arc<Types>, reader: &mut Reader<'_>, kind: Kind) -> Result<Object<'py>, ReadError> {
    Ok(match kind {
        Kind::Bool => PyBool::new(py, reader.bool()?).to_owned().into_any(),
        Kind::Byte => int(py, reader.u8()?.into())?,
        Kind::Int => int(py, reader.i32()?.into())?,
        Kind::Long | Kind::Milliseconds => int(py, reader.i64()?)?,
        Kind::String => match standard::read_string(reader)? {
            Some(text) => PyString::new(py, text).into_any(),
            None => py.None().into_bound(py),
        },
        Kind::Default => read_value(py, types, reader)?,
        Kind::Expiry => match reader.bool()? {
            true => expiry::to_python(py, Expiry::read(reader)?)?,
            false => py.None().into_bound(py),
        },
        Kind::Records(record) => read_records(py, types, reader, record)?.into_any(),
    })
}

fn int(py: Python<'_>, number: i64) -> PyResult<Object<'_>> {
    Ok(number.into_pyobject(py)?.into_any())
}

fn read_records<'py>(
    py: Python<'py>,
    types: &Arc<Types>,
    reader: &mut Reader<'_>,
    record: &Record,
) -> Result<Bound<'py, PyList>, ReadError> {
    let length = reader.count(record.name, record.fields.len())?;
    reader.enter(length)?;
    let records = PyList::empty(py);
    for index in 0..length {
        reader.next_value();
        let dict = PyDict::new(py);
        for field in record.fields {
            let value = read_field(py, types, reader, field.kind)
                .map_err(|error: ReadError| error.within(PathPart::Name(field.name.into())).within(PathPart::Index(index)))?;
            dict.set_item(PyString::intern(py, field.name), value)?;
        }
        records.append(dict)?;
    }
    reader.leave();
    Ok(records)
}
