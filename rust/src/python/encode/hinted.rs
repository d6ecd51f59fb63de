//! Values whose wire type a hint names.

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyInt, PyMapping, PyString, PyTuple};

use super::super::error;
use super::super::import::Known;
use super::super::plan::Plan;
use super::scalar::{out_of_range, wrong_type};
use super::{ARRAY_LIST, Encoder, HASH_MAP, LINKED_HASH_MAP, too_long};
use crate::protocol::object::visit::PrimitiveKind;
use crate::protocol::object::write::OBJECT;
use crate::protocol::type_code::TypeCode;
use crate::protocol::write::Later;

impl<'py> Encoder<'py, '_> {
    /// Writes `value` as `code`. None is null whatever the type.
    pub(super) fn coded(&mut self, value: &Bound<'py, PyAny>, code: TypeCode) -> PyResult<()> {
        if value.is_none() {
            self.out.null();
            return Ok(());
        }
        match code {
            TypeCode::Null => return Err(wrong_type(value, "None")),
            TypeCode::Byte => {
                let number = self.ranged(value, "ByteObject", i8::MIN.into(), i8::MAX.into())?;
                self.out.byte(number);
            }
            TypeCode::Short => {
                let number = self.ranged(value, "ShortObject", i16::MIN.into(), i16::MAX.into())?;
                self.out.short(number);
            }
            TypeCode::Int => {
                let number = self.ranged(value, "IntObject", i32::MIN.into(), i32::MAX.into())?;
                self.out.int(number);
            }
            TypeCode::Long => self.long(value)?,
            TypeCode::Float => {
                let number = float(value)?;
                self.out.float(number);
            }
            TypeCode::Double => self.out.double(value.extract()?),
            TypeCode::Char => {
                let unit = self.char_unit(value)?;
                self.out.char(unit);
            }
            TypeCode::Bool => self.out.boolean(value.is_truthy()?),
            TypeCode::String => match value.cast::<PyBytes>() {
                Ok(utf8) => {
                    let text =
                        std::str::from_utf8(utf8.as_bytes()).map_err(|_| PyValueError::new_err("the bytes are not UTF-8"))?;
                    self.out.string(text).map_err(too_long)?;
                }
                Err(_) if value.is_instance_of::<PyString>() => self.string(value)?,
                Err(_) => return Err(wrong_type(value, "a str")),
            },
            TypeCode::Uuid => self.uuid(value)?,
            TypeCode::Date => {
                let ms = self.epoch_ms(value)?;
                self.out.date(ms);
            }
            TypeCode::Timestamp => self.timestamp(value)?,
            TypeCode::Time => {
                let ms = self.time_ms(value)?;
                self.out.time(ms);
            }
            TypeCode::Decimal => self.decimal(value)?,
            TypeCode::Enum => {
                let (type_id, ordinal) = self.enum_parts(value)?;
                self.out.enum_value(type_id, ordinal);
            }
            TypeCode::BinaryEnum => {
                let (type_id, ordinal) = self.enum_parts(value)?;
                self.out.binary_enum(type_id, ordinal);
            }
            TypeCode::ByteArray => self.primitives(value, PrimitiveKind::Byte)?,
            TypeCode::ShortArray => self.primitives(value, PrimitiveKind::Short)?,
            TypeCode::IntArray => self.primitives(value, PrimitiveKind::Int)?,
            TypeCode::LongArray => self.primitives(value, PrimitiveKind::Long)?,
            TypeCode::FloatArray => self.primitives(value, PrimitiveKind::Float)?,
            TypeCode::DoubleArray => self.primitives(value, PrimitiveKind::Double)?,
            TypeCode::CharArray => self.primitives(value, PrimitiveKind::Char)?,
            TypeCode::BoolArray => self.primitives(value, PrimitiveKind::Bool)?,
            TypeCode::StringArray => self.array_of(value, code, TypeCode::String)?,
            TypeCode::UuidArray => self.array_of(value, code, TypeCode::Uuid)?,
            TypeCode::DateArray => self.array_of(value, code, TypeCode::Date)?,
            TypeCode::TimestampArray => self.array_of(value, code, TypeCode::Timestamp)?,
            TypeCode::TimeArray => self.array_of(value, code, TypeCode::Time)?,
            TypeCode::DecimalArray => self.array_of(value, code, TypeCode::Decimal)?,
            TypeCode::EnumArray => {
                let (type_id, items) = self.kind_pair(value, i64::from(OBJECT), "an enum array (type id, enums)")?;
                let length = self.out.enum_array(type_id);
                self.elements(&items, length, |encoder, item| encoder.coded(item, TypeCode::Enum))?;
            }
            TypeCode::ObjectArray => {
                let (type_id, items) = self.kind_pair(value, i64::from(OBJECT), "an object array (type id, objects)")?;
                let length = self.out.object_array(type_id);
                self.elements(&items, length, |encoder, item| encoder.any(item))?;
            }
            TypeCode::Collection => {
                let (kind, items) = self.kind_pair(value, ARRAY_LIST.into(), "a collection (kind, items)")?;
                let kind = in_range(kind, -1, 5, "a collection kind")?;
                let length = self.out.collection(kind);
                self.elements(&items, length, |encoder, item| encoder.any(item))?;
            }
            TypeCode::Map => self.hinted_map(value)?,
            TypeCode::WrappedObject => {
                return Err(error::named(
                    self.py,
                    "ParseError",
                    "wrapped data comes from servers only; send the object itself".into(),
                ));
            }
            TypeCode::ComplexObject => match Plan::of(&value.get_type())? {
                Some(plan) => self.object(value, &plan.get().plan)?,
                None => return Err(wrong_type(value, "an object of a class made by GenericObjectMeta")),
            },
            TypeCode::Class | TypeCode::Proxy | TypeCode::Handle | TypeCode::Optimized => {
                let message = format!("a value can not be written as {} by this version", code.name());
                return Err(pyo3::exceptions::PyTypeError::new_err(message));
            }
        }
        Ok(())
    }

    /// A primitive array from a buffer, from bytes, or element by element.
    fn primitives(&mut self, value: &Bound<'py, PyAny>, kind: PrimitiveKind) -> PyResult<()> {
        if kind == PrimitiveKind::Byte && (value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>()) {
            return self.byte_array(value);
        }
        if self.buffer(value, Some(kind))? {
            return Ok(());
        }
        // A str is an iterable of characters.
        let items = self.listed(value, "an iterable")?;
        let length = items.len()?;
        self.out.primitive_array(kind, length).map_err(too_long)?;
        let written = self.items(&items, |encoder, item| encoder.primitive(item, kind))?;
        if written == length { Ok(()) } else { Err(changed()) }
    }

    fn primitive(&mut self, item: &Bound<'py, PyAny>, kind: PrimitiveKind) -> PyResult<()> {
        match kind {
            PrimitiveKind::Byte => {
                // Signed and unsigned bytes are both common; 255 and -1 are the same byte.
                let number: i16 = self.ranged(item, "a byte", -128, 255)?;
                if !(-128..=255).contains(&number) {
                    return Err(out_of_range(item, "a byte", -128, 255));
                }
                self.out.u8(number as u8);
            }
            PrimitiveKind::Short => {
                let number = self.ranged(item, "a short", i16::MIN.into(), i16::MAX.into())?;
                self.out.i16(number);
            }
            PrimitiveKind::Int => {
                let number = self.ranged(item, "an int", i32::MIN.into(), i32::MAX.into())?;
                self.out.i32(number);
            }
            PrimitiveKind::Long => {
                let number = self.ranged(item, "a long", i64::MIN, i64::MAX)?;
                self.out.i64(number);
            }
            PrimitiveKind::Float => {
                let number = float(item)?;
                self.out.f32(number);
            }
            PrimitiveKind::Double => self.out.f64(item.extract()?),
            PrimitiveKind::Char => {
                let unit = self.char_unit(item)?;
                self.out.u16(unit);
            }
            PrimitiveKind::Bool => self.out.bool(item.is_truthy()?),
        }
        Ok(())
    }

    fn array_of(&mut self, value: &Bound<'py, PyAny>, array: TypeCode, element: TypeCode) -> PyResult<()> {
        let length = self.out.standard_array(array);
        self.elements(value, length, |encoder, item| encoder.coded(item, element))
    }

    /// Writes the elements of an array or a collection and fills in their number.
    fn elements(
        &mut self,
        items: &Bound<'py, PyAny>,
        length: Later,
        write: impl FnMut(&mut Self, &Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<()> {
        if items.try_iter().is_err() {
            return Err(wrong_type(items, "an iterable"));
        }
        let count = self.items(items, write)?;
        self.out.patch_length(length, "array", count).map_err(too_long)
    }

    /// The parts of `(kind, items)`. Items alone get the default kind; a single item that is no iterable is one element.
    fn kind_pair(&self, value: &Bound<'py, PyAny>, default: i64, expected: &str) -> PyResult<(i32, Bound<'py, PyAny>)> {
        let pair = value.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2);
        if let Some(pair) = pair {
            let (kind, items) = (pair.get_item(0)?, pair.get_item(1)?);
            if kind.is_instance_of::<PyInt>() {
                let kind = self.ranged(&kind, "an int", i32::MIN.into(), i32::MAX.into())?;
                let items = if items.try_iter().is_ok() { items } else { PyTuple::new(self.py, [items])?.into_any() };
                return Ok((kind, items));
            }
        }
        if value.try_iter().is_err() || value.is_instance_of::<PyString>() {
            return Err(wrong_type(value, expected));
        }
        let kind = i32::try_from(default).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok((kind, value.clone()))
    }

    /// `(kind, dict)`, or a mapping alone.
    fn hinted_map(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        if let Ok(pair) = value.cast::<PyTuple>() {
            if pair.len() != 2 {
                return Err(PyValueError::new_err("a map is a pair (kind, dict)"));
            }
            let entries = pair.get_item(1)?;
            if entries.is_none() {
                self.out.null();
                return Ok(());
            }
            let kind = self.ranged(&pair.get_item(0)?, "a map kind", 0, 2)?;
            return self.map(in_range(kind, 0, 2, "a map kind")?, &entries);
        }
        if value.cast::<PyMapping>().is_err() {
            return Err(wrong_type(value, "a map (kind, dict)"));
        }
        let ordered = value.is_instance(Known::get(self.py)?.ordered_dict.bind(self.py))?;
        let kind = if ordered && value.is_instance_of::<PyDict>() { LINKED_HASH_MAP } else { HASH_MAP };
        self.map(kind, value)
    }
}

fn in_range(kind: i32, low: i32, high: i32, what: &str) -> PyResult<i8> {
    match i8::try_from(kind) {
        Ok(kind) if (low..=high).contains(&i32::from(kind)) => Ok(kind),
        _ => Err(PyValueError::new_err(format!("{what} is {low} to {high}, not {kind}"))),
    }
}

/// A double as a float; a finite number does not become infinite.
fn float(value: &Bound<'_, PyAny>) -> PyResult<f32> {
    let double: f64 = value.extract()?;
    let single = double as f32;
    if single.is_infinite() && double.is_finite() {
        return Err(PyOverflowError::new_err(format!("{double:e} does not fit FloatObject (32 bits)")));
    }
    Ok(single)
}

#[cold]
fn changed() -> PyErr {
    pyo3::exceptions::PyRuntimeError::new_err("the sequence changed while it was written")
}
