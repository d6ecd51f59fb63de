//! Lists, tuples and buffers: what they become when nobody says.

use pyo3::buffer::{ElementType, PyUntypedBuffer};
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyInt, PyList, PyMemoryView, PyString, PyTuple};

use super::super::import::Known;
use super::scalar::{too_wide, wrong_type};
use super::{ARRAY_LIST, Encoder, too_long};
use crate::protocol::object::visit::PrimitiveKind;
use crate::protocol::type_code::TypeCode;

/// What all elements of a list have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Common {
    Ints,
    Floats,
    Bools,
    /// Elements of one standard type; nulls may stand between them.
    Standard(TypeCode),
    Nothing,
}

/// An element of a buffer, as Java has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    /// The same bytes, apart from their order.
    Same(PrimitiveKind),
    /// Java has no unsigned numbers of more than a byte: they are longs.
    Unsigned,
}

/// The elements of a list or a tuple; read one by one, because a list can change while Python code runs.
fn get<'py>(items: &Bound<'py, PyAny>, index: usize) -> PyResult<Bound<'py, PyAny>> {
    match items.cast::<PyList>() {
        Ok(list) => list.get_item(index),
        Err(_) => items.cast::<PyTuple>()?.get_item(index),
    }
}

fn is_exact(value: &Bound<'_, PyAny>, class: *const ffi::PyTypeObject) -> bool {
    // SAFETY: `value` is a live object and the thread is attached; the address is only compared.
    std::ptr::eq(unsafe { ffi::Py_TYPE(value.as_ptr()) }, class)
}

impl<'py> Encoder<'py, '_> {
    /// A list or a tuple without a hint: an array if all elements are of one type, a map or a collection if it is a pair
    /// `(kind, elements)`, else a collection of whatever it holds.
    pub(super) fn sequence(&mut self, items: &Bound<'py, PyAny>) -> PyResult<()> {
        let start = self.out.position();
        let written = match self.common(items)? {
            Common::Ints => self.ints(items)?,
            Common::Floats => self.floats(items)?,
            Common::Bools => self.bools(items)?,
            Common::Standard(code) => self.standard(items, code)?,
            Common::Nothing => false,
        };
        if written {
            return Ok(());
        }
        // The first elements were alike, the others are not.
        self.out.truncate(start);
        if self.kind_and_elements(items)? {
            return Ok(());
        }
        self.collection(ARRAY_LIST, items)
    }

    /// Looks at the first element that is not None.
    fn common(&self, items: &Bound<'py, PyAny>) -> PyResult<Common> {
        let length = items.len()?;
        let mut index = 0;
        let first = loop {
            if index >= length {
                return Ok(Common::Nothing);
            }
            let item = get(items, index)?;
            if !item.is_none() {
                break item;
            }
            index += 1;
        };
        // Compared by exact type, as pyignite does: a subclass says nothing about its neighbours.
        if is_exact(&first, &raw const ffi::PyLong_Type) {
            return Ok(if index == 0 { Common::Ints } else { Common::Nothing });
        }
        if is_exact(&first, &raw const ffi::PyFloat_Type) {
            return Ok(if index == 0 { Common::Floats } else { Common::Nothing });
        }
        if is_exact(&first, &raw const ffi::PyBool_Type) {
            return Ok(if index == 0 { Common::Bools } else { Common::Nothing });
        }
        if is_exact(&first, &raw const ffi::PyUnicode_Type) {
            return Ok(Common::Standard(TypeCode::String));
        }
        let known = Known::get(self.py)?;
        let class = first.get_type();
        let standard = [
            (&known.uuid, TypeCode::Uuid),
            (&known.datetime, TypeCode::Date),
            (&known.date, TypeCode::Date),
            (&known.timedelta, TypeCode::Time),
            (&known.time, TypeCode::Time),
            (&known.decimal, TypeCode::Decimal),
        ];
        let code = standard.iter().find(|(known, _)| class.is(known.bind(self.py))).map(|(_, code)| *code);
        Ok(code.map_or(Common::Nothing, Common::Standard))
    }

    /// Writes a long array; `false` when an element is no int.
    fn ints(&mut self, items: &Bound<'py, PyAny>) -> PyResult<bool> {
        let length = items.len()?;
        self.out.primitive_array(PrimitiveKind::Long, length).map_err(too_long)?;
        for index in 0..length {
            let item = get(items, index)?;
            if !item.is_instance_of::<PyInt>() {
                return Ok(false);
            }
            match self.int64(&item)? {
                Some(number) => self.out.i64(number),
                None => {
                    self.path.push(crate::protocol::PathPart::Index(index));
                    return Err(too_wide(&item));
                }
            }
        }
        Ok(true)
    }

    /// Writes a double array; `false` when an element is no float.
    fn floats(&mut self, items: &Bound<'py, PyAny>) -> PyResult<bool> {
        let length = items.len()?;
        self.out.primitive_array(PrimitiveKind::Double, length).map_err(too_long)?;
        for index in 0..length {
            match get(items, index)?.cast::<pyo3::types::PyFloat>() {
                Ok(number) => self.out.f64(number.value()),
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Writes a bool array; `false` when an element is no bool.
    fn bools(&mut self, items: &Bound<'py, PyAny>) -> PyResult<bool> {
        let length = items.len()?;
        self.out.primitive_array(PrimitiveKind::Bool, length).map_err(too_long)?;
        for index in 0..length {
            match get(items, index)?.cast::<pyo3::types::PyBool>() {
                Ok(flag) => self.out.bool(flag.is_true()),
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Writes an array of one standard type with nulls in it; `false` when an element is of another type.
    fn standard(&mut self, items: &Bound<'py, PyAny>, code: TypeCode) -> PyResult<bool> {
        let array = match code {
            TypeCode::String => TypeCode::StringArray,
            TypeCode::Uuid => TypeCode::UuidArray,
            TypeCode::Date => TypeCode::DateArray,
            TypeCode::Time => TypeCode::TimeArray,
            _ => TypeCode::DecimalArray,
        };
        let length = items.len()?;
        let count = self.out.standard_array(array);
        for index in 0..length {
            let item = get(items, index)?;
            let before = self.out.position();
            self.any(&item).inspect_err(|_| self.path.push(crate::protocol::PathPart::Index(index)))?;
            let written = self.out.as_slice().get(before).copied();
            if written != Some(code as u8) && written != Some(TypeCode::Null as u8) {
                return Ok(false);
            }
        }
        self.out.patch_length(count, "array", length).map_err(too_long)?;
        Ok(true)
    }

    /// `(kind, dict)` is a map and `(kind, iterable)` a collection, as pyignite reads and returns them.
    fn kind_and_elements(&mut self, items: &Bound<'py, PyAny>) -> PyResult<bool> {
        if items.len()? != 2 {
            return Ok(false);
        }
        let (kind, elements) = (get(items, 0)?, get(items, 1)?);
        if !kind.is_instance_of::<PyInt>() {
            return Ok(false);
        }
        let Some(kind) = self.int64(&kind)?.and_then(|kind| i8::try_from(kind).ok()) else { return Ok(false) };
        if elements.is_instance_of::<PyDict>() && (0..=2).contains(&kind) {
            self.map(kind, &elements)?;
            return Ok(true);
        }
        let text = elements.is_instance_of::<PyString>()
            || elements.is_instance_of::<PyBytes>()
            || elements.is_instance_of::<PyByteArray>();
        if text || !(-1..=5).contains(&kind) || elements.try_iter().is_err() {
            return Ok(false);
        }
        self.collection(kind, &elements)?;
        Ok(true)
    }

    /// Writes an object with the buffer protocol (array, memoryview, numpy array) as a primitive array by one copy.
    ///
    /// `wanted` is the element kind that a hint asked for. `false` when the object has no buffer, or not of that kind.
    pub(super) fn buffer(&mut self, value: &Bound<'py, PyAny>, wanted: Option<PrimitiveKind>) -> PyResult<bool> {
        // SAFETY: `value` is a live object and the thread is attached.
        if unsafe { ffi::PyObject_CheckBuffer(value.as_ptr()) } == 0 {
            return Ok(false);
        }
        // A scalar of numpy has a buffer too; it is no array.
        let Ok(buffer) = PyUntypedBuffer::get(value) else { return Ok(false) };
        if buffer.dimensions() == 0 {
            return Ok(false);
        }
        let size = buffer.item_size();
        let element = match (ElementType::from_format(buffer.format()), size) {
            (ElementType::SignedInteger { .. } | ElementType::UnsignedInteger { .. }, 1) => Element::Same(PrimitiveKind::Byte),
            (ElementType::SignedInteger { .. }, 2) => Element::Same(PrimitiveKind::Short),
            (ElementType::SignedInteger { .. }, 4) => Element::Same(PrimitiveKind::Int),
            (ElementType::SignedInteger { .. }, 8) => Element::Same(PrimitiveKind::Long),
            (ElementType::UnsignedInteger { .. }, 2 | 4 | 8) => Element::Unsigned,
            (ElementType::Float { .. }, 4) => Element::Same(PrimitiveKind::Float),
            (ElementType::Float { .. }, 8) => Element::Same(PrimitiveKind::Double),
            (ElementType::Bool, 1) => Element::Same(PrimitiveKind::Bool),
            // With a hint the elements count, one by one.
            _ if wanted.is_some() => return Ok(false),
            _ => {
                let format = buffer.format().to_string_lossy().into_owned();
                return Err(PyTypeError::new_err(format!(
                    "a buffer of elements '{format}' is no Java array; convert it to another type"
                )));
            }
        };
        let kind = match element {
            Element::Same(kind) => kind,
            Element::Unsigned => PrimitiveKind::Long,
        };
        if wanted.is_some_and(|wanted| wanted != kind) {
            return Ok(false);
        }
        if buffer.dimensions() != 1 {
            return Err(PyTypeError::new_err("a buffer of more than one dimension is no Java array"));
        }
        // `@` and no mark at all are the machine's own order.
        let is_big = match buffer.format().to_bytes().first() {
            Some(b'>' | b'!') => true,
            Some(b'<') => false,
            _ => cfg!(target_endian = "big"),
        };
        // tobytes() is one copy whatever the strides are.
        let bytes = PyMemoryView::from(value)?.call_method0("tobytes")?;
        let bytes = bytes.cast::<PyBytes>()?.as_bytes();
        self.out.primitive_array(kind, buffer.item_count()).map_err(too_long)?;
        match element {
            Element::Same(_) if !is_big || size == 1 => self.out.bytes(bytes),
            Element::Same(_) => {
                for element in bytes.chunks_exact(size) {
                    element.iter().rev().for_each(|byte| self.out.u8(*byte));
                }
            }
            Element::Unsigned => {
                for (index, element) in bytes.chunks_exact(size).enumerate() {
                    let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
                    let number = if is_big { element.iter().fold(0, join) } else { element.iter().rev().fold(0, join) };
                    let number = i64::try_from(number).map_err(|_| {
                        self.path.push(crate::protocol::PathPart::Index(index));
                        too_wide(number.into_pyobject(self.py).map_or_else(|never| match never {}, Bound::into_any).as_any())
                    })?;
                    self.out.i64(number);
                }
            }
        }
        Ok(true)
    }

    /// The items of any iterable as a list, so that their number is known.
    pub(super) fn listed(&self, items: &Bound<'py, PyAny>, expected: &str) -> PyResult<Bound<'py, PyAny>> {
        if items.is_instance_of::<PyList>() || items.is_instance_of::<PyTuple>() {
            return Ok(items.clone());
        }
        let Ok(iterator) = items.try_iter() else { return Err(wrong_type(items, expected)) };
        Ok(PyList::new(self.py, iterator.collect::<PyResult<Vec<_>>>()?)?.into_any())
    }
}
