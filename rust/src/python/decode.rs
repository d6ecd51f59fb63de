//! Wire bytes become Python objects in one pass: a visitor whose values are the objects themselves.

use std::collections::HashMap;
use std::sync::Arc;

use num_bigint::BigUint;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyIterator, PyList, PyString, PyTuple};

use super::import::Known;
use super::plan::Entry;
use super::request::Detour;
use super::types::Types;
use super::{cluster, settings};
use crate::protocol::error::{DecodeError, DecodeErrorKind, PathPart};
use crate::protocol::hash;
use crate::protocol::object::complex::{Complex, EMPTY_SCHEMA};
use crate::protocol::object::visit::{DecimalParts, ListKind, PrimitiveKind, Visitor, WalkError};
use crate::protocol::object::walk;
use crate::protocol::object::{optimized, standard};
use crate::protocol::op::Reply;
use crate::protocol::op::cluster::ClusterState;
use crate::protocol::op::query;
use crate::protocol::read::{Reader, Scope};
use crate::protocol::type_code::TypeCode;

/// Entries after which other threads are let in.
const SLICE: usize = 4096;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Entries from which the cycle collector is paused: fewer never trigger it.
const MANY: usize = 512;

/// Why no object came out of the bytes.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The bytes can not be read.
    Decode(DecodeError),
    /// Python raised while an object was made.
    Python(PyErr),
    /// Something has to be asked for first; then reading starts again.
    Missing(Box<Detour>),
}

impl From<DecodeError> for ReadError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<PyErr> for ReadError {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl WalkError for ReadError {
    fn within(self, part: PathPart) -> Self {
        match self {
            Self::Decode(error) => Self::Decode(error.within(part)),
            other => other,
        }
    }
}

pub(super) type Read<T> = Result<T, ReadError>;

/// Reads one data object.
#[inline]
pub(super) fn read_value<'py>(py: Python<'py>, types: &Arc<Types>, reader: &mut Reader<'_>) -> Read<Bound<'py, PyAny>> {
    walk(reader, &mut Objects::new(py, types))
}

/// Reads the complex object that starts at `offset` of `bytes`.
pub(super) fn read_wrapped<'py>(py: Python<'py>, types: &Arc<Types>, bytes: &[u8], offset: i32) -> Read<Bound<'py, PyAny>> {
    let inner = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).filter(|inner| !inner.is_empty());
    let Some(inner) = inner else {
        let kind = DecodeErrorKind::Value { what: "offset of a wrapped object", value: offset.into() };
        return Err(DecodeError::new(kind, 0).into());
    };
    let start = bytes.len() - inner.len();
    let object = Complex::read(&Reader::new(bytes), inner, start, Scope::new(bytes, 0))?;
    Objects::new(py, types).complex(object)
}

/// Reads the payload of an answer, all of it.
#[inline]
pub(super) fn read_reply<'py>(py: Python<'py>, types: &Arc<Types>, reply: Reply, payload: &[u8]) -> Read<Bound<'py, PyAny>> {
    let mut reader = Reader::new(payload);
    let object = match reply {
        Reply::Value => read_value(py, types, &mut reader)?,
        Reply::Empty => py.None().into_bound(py),
        Reply::Bool => PyBool::new(py, reader.bool()?).to_owned().into_any(),
        Reply::Int => reader.i32()?.into_pyobject(py).map_err(PyErr::from)?.into_any(),
        Reply::Long => reader.i64()?.into_pyobject(py).map_err(PyErr::from)?.into_any(),
        Reply::Entries => read_entries(py, types, &mut reader)?.into_any(),
        Reply::Names => read_names(py, &mut reader)?.into_any(),
        Reply::Configuration => settings::read_configuration(py, types, &mut reader)?.into_any(),
        Reply::ClusterState => read_state(py, &mut reader)?,
        // Its finisher reads it.
        Reply::Own => return Ok(py.None().into_bound(py)),
    };
    reader.finish()?;
    Ok(object)
}

/// `int n, n x (object key, object value)`
fn read_entries<'py>(py: Python<'py>, types: &Arc<Types>, reader: &mut Reader<'_>) -> Read<Bound<'py, PyDict>> {
    let length = reader.count("number of entries", 2)?;
    let entries = PyDict::new(py);
    let _paused = (length >= MANY).then(|| CollectorPause::new(py));
    let mut objects = Objects::new(py, types);
    for index in 0..length {
        let located = |error: ReadError| error.within(PathPart::Index(index));
        let key = walk(reader, &mut objects).map_err(located)?;
        let value = walk(reader, &mut objects).map_err(located)?;
        set_item(&entries, key, value, reader.offset())?;
        if index % SLICE == SLICE - 1 {
            py.detach(|| {});
        }
    }
    Ok(entries)
}

/// A page of a cursor on its way to Python.
pub(super) struct Page<'py> {
    pub items: Bound<'py, PyList>,
    /// The cursor has more.
    pub more: bool,
}

/// `int n, n x (object key, object value), bool more`; each entry becomes a tuple, or a list.
pub(super) fn read_entry_page<'py>(
    py: Python<'py>,
    types: &Arc<Types>,
    reader: &mut Reader<'_>,
    as_lists: bool,
) -> Read<Page<'py>> {
    let length = query::read_entry_count(reader)?;
    read_page(py, types, reader, length, |reader, objects| {
        let key = walk(reader, objects)?;
        let value = walk(reader, objects)?;
        Ok(if as_lists { PyList::new(py, [key, value])?.into_any() } else { PyTuple::new(py, [key, value])?.into_any() })
    })
}

/// `int rows, rows x columns x object, bool more`; each row becomes a list.
pub(super) fn read_row_page<'py>(
    py: Python<'py>,
    types: &Arc<Types>,
    reader: &mut Reader<'_>,
    columns: usize,
) -> Read<Page<'py>> {
    let length = query::read_row_count(reader, columns)?;
    read_page(py, types, reader, length, |reader, objects| {
        // SAFETY: the thread is attached. Every slot is filled before the list is handed out; a list that is dropped half full is
        // freed correctly. `count` has seen that a value can follow for each column.
        let row = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyList_New(columns as ffi::Py_ssize_t))? };
        for column in 0..columns {
            let value = walk(reader, objects).map_err(|error| error.within(PathPart::Index(column)))?;
            // SAFETY: `column` is below the length that the list was made with, and nobody else has the list yet.
            unsafe { ffi::PyList_SET_ITEM(row.as_ptr(), column as ffi::Py_ssize_t, value.into_ptr()) };
        }
        Ok(row)
    })
}

fn read_page<'py, 'a, 't>(
    py: Python<'py>,
    types: &'t Arc<Types>,
    reader: &mut Reader<'a>,
    length: usize,
    mut item: impl FnMut(&mut Reader<'a>, &mut Objects<'py, 't>) -> Read<Bound<'py, PyAny>>,
) -> Read<Page<'py>> {
    let _paused = (length >= MANY).then(|| CollectorPause::new(py));
    let mut objects = Objects::new(py, types);
    // SAFETY: as for a row.
    let items =
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyList_New(length as ffi::Py_ssize_t))?.cast_into_unchecked::<PyList>() };
    // SAFETY: a list that this function made; while it is half full and other threads are let in, the collector shows it to nobody.
    unsafe { ffi::PyObject_GC_UnTrack(items.as_ptr().cast()) };
    for index in 0..length {
        let object = item(reader, &mut objects).map_err(|error| error.within(PathPart::Index(index)))?;
        // SAFETY: as for a row.
        unsafe { ffi::PyList_SET_ITEM(items.as_ptr(), index as ffi::Py_ssize_t, object.into_ptr()) };
        if index % SLICE == SLICE - 1 {
            py.detach(|| {});
        }
    }
    // SAFETY: full now.
    unsafe { ffi::PyObject_GC_Track(items.as_ptr().cast()) };
    let more = query::read_page_end(reader)?;
    Ok(Page { items, more })
}

/// `int n, n x string`
fn read_names<'py>(py: Python<'py>, reader: &mut Reader<'_>) -> Read<Bound<'py, PyList>> {
    let length = reader.count("number of names", 1)?;
    let mut names = Vec::with_capacity(length);
    for _ in 0..length {
        names.push(standard::read_string(reader)?.unwrap_or_default());
    }
    Ok(PyList::new(py, names)?)
}

/// `byte state`
fn read_state<'py>(py: Python<'py>, reader: &mut Reader<'_>) -> Read<Bound<'py, PyAny>> {
    let (offset, code) = (reader.offset(), reader.u8()?);
    let state = ClusterState::from_code(code);
    let kind = DecodeErrorKind::Value { what: "state of a cluster", value: code.into() };
    let state = state.ok_or_else(|| DecodeError::new(kind, offset))?;
    Ok(cluster::state_to_python(py, state)?)
}

/// The result of an operation that was carried out in parts.
pub(super) fn merge<'py>(py: Python<'py>, reply: Reply, parts: Vec<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    if reply == Reply::Bool {
        let all = parts.iter().map(|part| part.is_truthy()).collect::<PyResult<Vec<_>>>()?;
        return Ok(PyBool::new(py, all.into_iter().all(|one| one)).to_owned().into_any());
    }
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or_else(|| py.None().into_bound(py));
    if let Ok(entries) = first.cast::<PyDict>() {
        for part in parts {
            entries.update(part.cast()?)?;
        }
    }
    Ok(first)
}

/// Keeps the cycle collector from walking over half-built results again and again.
struct CollectorPause {
    was_enabled: bool,
}

impl CollectorPause {
    fn new(_: Python<'_>) -> Self {
        // SAFETY: the thread is attached. On free-threaded builds the switch is global and another thread may want it on.
        let was_enabled = cfg!(not(Py_GIL_DISABLED)) && unsafe { ffi::PyGC_Disable() } == 1;
        Self { was_enabled }
    }
}

impl Drop for CollectorPause {
    fn drop(&mut self) {
        if self.was_enabled {
            // SAFETY: made and dropped inside one attached function.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}

/// Stores an entry of what begins at `offset`. Keys that Python can not hash (what Ignite's lists and maps turn into) become tuples of
/// their elements.
#[inline]
fn set_item<'py>(dict: &Bound<'py, PyDict>, key: Bound<'py, PyAny>, value: Bound<'py, PyAny>, offset: usize) -> Read<()> {
    match dict.set_item(&key, &value) {
        Err(error) if error.is_instance_of::<PyTypeError>(dict.py()) => Ok(dict.set_item(hashable(&key, offset)?, value)?),
        result => Ok(result?),
    }
}

/// Collections in each other that a key may consist of. Python hashes the tuples that they become by recursion.
const MAX_KEY_DEPTH: usize = 64;

/// A map is three tuples: with its kind, of its entries, of key and value. A list is two, so that a few more of them may be.
const MAX_KEY_TUPLES: usize = 3 * MAX_KEY_DEPTH;

/// Without recursion: the stack may be small.
#[cold]
fn hashable<'py>(key: &Bound<'py, PyAny>, offset: usize) -> Read<Bound<'py, PyAny>> {
    let py = key.py();
    // From the outermost tuple to the innermost: what is left to be made hashable, and what is.
    let mut tuples: Vec<(Bound<'py, PyIterator>, Vec<Bound<'py, PyAny>>)> = Vec::new();
    let mut part = key.clone();
    loop {
        let parts = if let Ok(dict) = part.cast::<PyDict>() {
            Some(dict.items().try_iter()?)
        } else if part.is_instance_of::<PyList>() || part.is_instance_of::<PyTuple>() {
            Some(part.try_iter()?)
        } else {
            None
        };
        if let Some(parts) = parts {
            if tuples.len() == MAX_KEY_TUPLES {
                return Err(DecodeError::new(DecodeErrorKind::TooDeep { limit: MAX_KEY_DEPTH }, offset).into());
            }
            tuples.push((parts, Vec::new()));
        } else if let Some((_, done)) = tuples.last_mut() {
            done.push(part);
        }
        part = loop {
            // Only a key that is no collection has no tuple at all.
            let Some((rest, done)) = tuples.last_mut() else { return Ok(key.clone()) };
            if let Some(next) = rest.next() {
                break next?;
            }
            let whole = PyTuple::new(py, std::mem::take(done))?.into_any();
            tuples.pop();
            match tuples.last_mut() {
                Some((_, done)) => done.push(whole),
                None => return Ok(whole),
            }
        };
    }
}

/// Builds Python objects.
struct Objects<'py, 't> {
    py: Python<'py>,
    types: &'t Arc<Types>,
    /// What the last object was built with: pages hold many of one kind.
    last: Option<(i32, i32, Arc<Entry>)>,
    /// How many complex objects are being read, one inside the other.
    inside: usize,
    /// What handles can point to, by its place in the message, while a complex object is read that may hold handles. None stands for
    /// a collection or a map that is being read.
    places: Option<HashMap<usize, Option<Bound<'py, PyAny>>>>,
    /// Bytes that handles may make it read again.
    again: usize,
}

/// The first byte of a handle. Most objects hold no such byte, and then nothing has to be remembered.
const HANDLE: u8 = TypeCode::Handle as u8;

/// A list on its way, and what it will be.
struct Items<'py> {
    list: Bound<'py, PyList>,
    kind: ListKind,
    offset: usize,
}

struct Entries<'py> {
    dict: Bound<'py, PyAny>,
    kind: i8,
    offset: usize,
}

impl<'py, 't> Objects<'py, 't> {
    fn new(py: Python<'py>, types: &'t Arc<Types>) -> Self {
        Self { py, types, last: None, inside: 0, places: None, again: 0 }
    }

    /// Notes what stands at a place.
    #[inline]
    fn note(&mut self, offset: usize, value: Option<&Bound<'py, PyAny>>) {
        if let Some(places) = &mut self.places {
            places.insert(offset, value.cloned());
        }
    }

    /// The class that an object is built with.
    #[inline]
    fn entry(&mut self, type_id: i32, schema_id: i32) -> Read<Arc<Entry>> {
        if let Some((last_type, last_schema, entry)) = &self.last
            && (*last_type, *last_schema) == (type_id, schema_id)
        {
            return Ok(Arc::clone(entry));
        }
        let Some(entry) = self.types.entry(type_id, schema_id) else {
            return Err(ReadError::Missing(Box::new(self.types.fetch(type_id, schema_id))));
        };
        self.last = Some((type_id, schema_id, Arc::clone(&entry)));
        Ok(entry)
    }

    fn object<'a>(&mut self, object: &Complex<'a>) -> Read<Bound<'py, PyAny>> {
        let type_id = match object.class_name {
            None => object.type_id,
            Some(name) => {
                let name = std::str::from_utf8(name).map_err(|_| DecodeError::new(DecodeErrorKind::Utf8, object.offset()))?;
                hash::entity_id(name)
            }
        };
        let schema_id = if object.is_empty() { EMPTY_SCHEMA } else { object.schema_id };
        let entry = self.entry(type_id, schema_id)?;
        if object.is_user_type() {
            self.types.saw_footer(object.is_compact());
        }
        let plan = &entry.plan;
        if plan.fields.len() != object.len() {
            let kind = DecodeErrorKind::Value { what: "number of fields", value: object.len() as i64 };
            return Err(DecodeError::new(kind, object.offset()).into());
        }
        let built = entry.blank(self.py)?;
        // Noted before its fields are read, because they may point to it.
        self.note(object.offset(), Some(&built));
        for (index, field) in plan.fields.iter().enumerate() {
            // A full footer has the fields in the order of the schema too; it may say otherwise.
            let id = plan.field_ids.get(index).copied().unwrap_or_default();
            let place = match object.field_id(index) {
                Some(found) if found != id => object.position(id, None).unwrap_or(object.len()),
                _ => index,
            };
            let name = || PathPart::Name(plan.described.fields.get(index).map_or_else(String::new, |field| field.name.clone()));
            let value = self.field(object, place).map_err(|error| error.within(name()))?;
            entry.set(&built, &field.name, &value)?;
        }
        if plan.has_version {
            entry.set(
                &built,
                pyo3::intern!(self.py, "version").as_unbound(),
                1_i32.into_pyobject(self.py).map_err(PyErr::from)?.as_any(),
            )?;
        }
        Ok(built)
    }

    #[inline]
    fn field<'a>(&mut self, object: &Complex<'a>, index: usize) -> Read<Bound<'py, PyAny>> {
        let Some(mut reader) = object.field(index)? else { return Ok(self.py.None().into_bound(self.py)) };
        let value = walk(&mut reader, self)?;
        reader.finish()?;
        Ok(value)
    }

    fn known(&self) -> PyResult<&'static Known> {
        Known::get(self.py)
    }

    /// A naive local datetime, cut to milliseconds, as pyignite gives it.
    fn datetime(&self, epoch_ms: i64, offset: usize) -> Read<Bound<'py, PyAny>> {
        let known = self.known()?;
        let (seconds, ms) = (epoch_ms.div_euclid(1000), epoch_ms.rem_euclid(1000));
        // `fromtimestamp` knows the zone; the milliseconds are put in afterwards so that no float rounds them.
        let from_seconds = |seconds: i64| known.datetime_fromtimestamp.bind(self.py).call1((seconds,));
        let whole = from_seconds(seconds).or_else(|_| {
            // It refuses the first and the last days of its own calendar; counted from two days further in, it does not.
            let (days, inwards) = if seconds < 0 { (2, DAY * 2) } else { (-2, DAY * -2) };
            from_seconds(seconds + inwards)?.sub(known.timedelta.bind(self.py).call1((days,))?)
        });
        let datetime = whole.and_then(|whole| match ms {
            0 => Ok(whole),
            _ => whole.call_method("replace", (), Some(&[("microsecond", ms * 1000)].into_py_dict(self.py)?)),
        });
        datetime.map_err(|_| out_of_range("date", epoch_ms, offset))
    }
}

/// A date that Java has and Python has not.
#[cold]
fn out_of_range(what: &'static str, value: i64, offset: usize) -> ReadError {
    DecodeError::new(DecodeErrorKind::Value { what, value }, offset).into()
}

#[cold]
fn unsupported(what: &'static str, offset: usize) -> ReadError {
    DecodeError::new(DecodeErrorKind::Unsupported { what }, offset).into()
}

fn string<'py>(py: Python<'py>, utf8: &[u8], offset: usize) -> Read<Bound<'py, PyAny>> {
    #[cfg(not(any(Py_LIMITED_API, PyPy, GraalPy)))]
    if utf8.len() > 1 && utf8.is_ascii() {
        // SAFETY: a new string of exactly this length and of 7-bit characters, filled before anybody sees it.
        unsafe {
            let object = ffi::PyUnicode_New(utf8.len() as ffi::Py_ssize_t, 127);
            let text = Bound::from_owned_ptr_or_err(py, object)?;
            std::ptr::copy_nonoverlapping(utf8.as_ptr(), ffi::PyUnicode_DATA(object).cast::<u8>(), utf8.len());
            return Ok(text);
        }
    }
    let text = std::str::from_utf8(utf8).map_err(|_| DecodeError::new(DecodeErrorKind::Utf8, offset))?;
    Ok(PyString::new(py, text).into_any())
}

/// A UTF-16 code unit as a string of one character; Java has lone surrogates and so has Python.
fn character<'py>(py: Python<'py>, unit: u16) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the thread is attached; every value of 16 bits is a valid ordinal.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_FromOrdinal(unit.into())) }
}

/// A list of `N`-byte elements.
fn list<'py, const N: usize, T: IntoPyObject<'py>>(
    py: Python<'py>,
    bytes: &[u8],
    element: impl Fn([u8; N]) -> T,
) -> PyResult<Bound<'py, PyAny>>
where
    PyErr: From<T::Error>,
{
    Ok(PyList::new(py, bytes.as_chunks::<N>().0.iter().map(|one| element(*one)))?.into_any())
}

impl<'a, 'py> Visitor<'a> for Objects<'py, '_> {
    type Value = Bound<'py, PyAny>;
    type List = Items<'py>;
    type Map = Entries<'py>;
    type Error = ReadError;

    #[inline]
    fn null(&mut self) -> Read<Self::Value> {
        Ok(self.py.None().into_bound(self.py))
    }

    fn byte(&mut self, value: i8) -> Read<Self::Value> {
        self.int(value.into())
    }

    fn short(&mut self, value: i16) -> Read<Self::Value> {
        self.int(value.into())
    }

    #[inline]
    fn int(&mut self, value: i32) -> Read<Self::Value> {
        self.long(value.into())
    }

    #[inline]
    fn long(&mut self, value: i64) -> Read<Self::Value> {
        // SAFETY: the thread is attached.
        Ok(unsafe { Bound::from_owned_ptr_or_err(self.py, ffi::PyLong_FromLongLong(value)) }?)
    }

    fn float(&mut self, value: f32) -> Read<Self::Value> {
        self.double(value.into())
    }

    #[inline]
    fn double(&mut self, value: f64) -> Read<Self::Value> {
        Ok(PyFloat::new(self.py, value).into_any())
    }

    fn char(&mut self, unit: u16) -> Read<Self::Value> {
        Ok(character(self.py, unit)?)
    }

    fn bool(&mut self, value: bool) -> Read<Self::Value> {
        Ok(PyBool::new(self.py, value).to_owned().into_any())
    }

    #[inline]
    fn string(&mut self, utf8: &'a [u8], offset: usize) -> Read<Self::Value> {
        string(self.py, utf8, offset)
    }

    /// Made without its constructor, which looks at every way in which a UUID can be given.
    fn uuid(&mut self, most: u64, least: u64) -> Read<Self::Value> {
        let known = self.known()?;
        let uuid = known.object_new.bind(self.py).call1((known.uuid.bind(self.py),))?;
        let number = (u128::from(most) << 64 | u128::from(least)).into_pyobject(self.py).map_err(PyErr::from)?;
        for (name, value) in [("int", number.as_any()), ("is_safe", known.safe_uuid_unknown.bind(self.py))] {
            let name = PyString::intern(self.py, name);
            // SAFETY: live objects, the thread is attached. A UUID refuses its own `__setattr__`, so the slot is set as its
            // constructor does it.
            if unsafe { ffi::PyObject_GenericSetAttr(uuid.as_ptr(), name.as_ptr(), value.as_ptr()) } != 0 {
                return Err(PyErr::fetch(self.py).into());
            }
        }
        Ok(uuid)
    }

    fn date(&mut self, epoch_ms: i64, offset: usize) -> Read<Self::Value> {
        self.datetime(epoch_ms, offset)
    }

    fn timestamp(&mut self, epoch_ms: i64, nanoseconds: i32, offset: usize) -> Read<Self::Value> {
        let datetime = self.datetime(epoch_ms, offset)?;
        Ok((datetime, nanoseconds).into_pyobject(self.py)?.into_any())
    }

    fn time(&mut self, ms: i64, offset: usize) -> Read<Self::Value> {
        let (seconds, ms_left) = (ms.div_euclid(1000), ms.rem_euclid(1000));
        let timedelta = self.known()?.timedelta.bind(self.py).call1((0, seconds, ms_left * 1000));
        timedelta.map_err(|_| out_of_range("time", ms, offset))
    }

    /// From text, which Python reads exactly whatever the decimal context says.
    fn decimal(&mut self, parts: DecimalParts<'a>, offset: usize) -> Read<Self::Value> {
        let digits = if parts.rest.len() < 16 {
            parts.magnitude().fold(0u128, |number, byte| number << 8 | u128::from(byte)).to_string()
        } else {
            BigUint::from_bytes_be(&parts.magnitude().collect::<Vec<_>>()).to_string()
        };
        let sign = if parts.negative { "-" } else { "" };
        let exponent = -i64::from(parts.scale);
        let text = if exponent == 0 { format!("{sign}{digits}") } else { format!("{sign}{digits}E{exponent}") };
        let decimal = self.known()?.decimal.bind(self.py).call1((text,));
        decimal.map_err(|_| out_of_range("scale of a decimal", parts.scale.into(), offset))
    }

    fn enum_value(&mut self, type_id: i32, ordinal: i32, _: bool) -> Read<Self::Value> {
        Ok((type_id, ordinal).into_pyobject(self.py)?.into_any())
    }

    fn primitives(&mut self, kind: PrimitiveKind, bytes: &'a [u8]) -> Read<Self::Value> {
        let py = self.py;
        Ok(match kind {
            PrimitiveKind::Byte => PyBytes::new(py, bytes).into_any(),
            PrimitiveKind::Short => list(py, bytes, i16::from_le_bytes)?,
            PrimitiveKind::Int => list(py, bytes, i32::from_le_bytes)?,
            PrimitiveKind::Long => list(py, bytes, i64::from_le_bytes)?,
            PrimitiveKind::Float => list(py, bytes, f32::from_le_bytes)?,
            PrimitiveKind::Double => list(py, bytes, f64::from_le_bytes)?,
            PrimitiveKind::Char => {
                let units = bytes.as_chunks::<2>().0.iter().map(|unit| character(py, u16::from_le_bytes(*unit)));
                PyList::new(py, units.collect::<PyResult<Vec<_>>>()?)?.into_any()
            }
            PrimitiveKind::Bool => list(py, bytes, |[byte]: [u8; 1]| byte != 0)?,
        })
    }

    fn list(&mut self, kind: ListKind, length: usize, offset: usize) -> Read<Self::List> {
        self.note(offset, None);
        // SAFETY: the thread is attached. Every slot is filled before the list is handed out; a list that is dropped half full is
        // freed correctly. `length` was checked against the bytes that follow.
        let list =
            unsafe { Bound::from_owned_ptr_or_err(self.py, ffi::PyList_New(length as ffi::Py_ssize_t))?.cast_into_unchecked() };
        Ok(Items { list, kind, offset })
    }

    #[inline]
    fn list_item(&mut self, list: &mut Self::List, index: usize, value: Self::Value) -> Read<()> {
        // SAFETY: `index` is below the length that the list was made with, each slot is set once, and nobody else has the list yet.
        unsafe { ffi::PyList_SET_ITEM(list.list.as_ptr(), index as ffi::Py_ssize_t, value.into_ptr()) };
        Ok(())
    }

    fn list_end(&mut self, items: Self::List) -> Read<Self::Value> {
        let value = match items.kind {
            ListKind::StandardArray(_) => items.list.into_any(),
            ListKind::EnumArray { type_id } | ListKind::ObjectArray { type_id } => {
                (type_id, items.list).into_pyobject(self.py)?.into_any()
            }
            ListKind::Collection { kind } => (kind, items.list).into_pyobject(self.py)?.into_any(),
        };
        self.note(items.offset, Some(&value));
        Ok(value)
    }

    fn map(&mut self, kind: i8, _: usize, offset: usize) -> Read<Self::Map> {
        self.note(offset, None);
        let dict = if kind == 2 { self.known()?.ordered_dict.bind(self.py).call0()? } else { PyDict::new(self.py).into_any() };
        Ok(Entries { dict, kind, offset })
    }

    fn map_entry(&mut self, map: &mut Self::Map, key: Self::Value, value: Self::Value) -> Read<()> {
        if map.kind != 2 {
            return set_item(map.dict.cast::<PyDict>().map_err(PyErr::from)?, key, value, map.offset);
        }
        // An ordered dictionary keeps its order only through its own method.
        match map.dict.set_item(&key, &value) {
            Err(error) if error.is_instance_of::<PyTypeError>(self.py) => {
                map.dict.set_item(hashable(&key, map.offset)?, value)?
            }
            result => result?,
        }
        Ok(())
    }

    fn map_end(&mut self, map: Self::Map) -> Read<Self::Value> {
        let value = (map.kind, map.dict).into_pyobject(self.py)?.into_any();
        self.note(map.offset, Some(&value));
        Ok(value)
    }

    fn complex(&mut self, object: Complex<'a>) -> Read<Self::Value> {
        if self.inside == 0 {
            self.places = object.bytes().contains(&HANDLE).then(HashMap::new);
            self.again = object.bytes().len();
        }
        self.inside += 1;
        let built = self.object(&object);
        self.inside -= 1;
        if self.inside == 0 {
            self.places = None;
        }
        built
    }

    /// The same Python object that was built for the first occurrence; a complex object may hold itself. What stands in raw data has
    /// not been read and is read now.
    fn handle(&mut self, mut target: Reader<'a>) -> Read<Self::Value> {
        let offset = target.offset();
        match self.places.as_ref().and_then(|places| places.get(&offset)) {
            Some(Some(value)) => return Ok(value.clone()),
            Some(None) => return Err(unsupported("a collection or a map that holds itself", offset)),
            None => {}
        }
        let before = target.left();
        let value = walk(&mut target, self)?;
        match self.again.checked_sub(before - target.left()) {
            Some(left) => self.again = left,
            None => return Err(unsupported("an object of more handles than bytes", offset)),
        }
        Ok(value)
    }

    fn class(&mut self, _: i32, _: Option<&'a [u8]>, offset: usize) -> Read<Self::Value> {
        Err(unsupported("a Java class", offset))
    }

    fn optimized(&mut self, bytes: &'a [u8], offset: usize) -> Read<Self::Value> {
        match optimized::sql_date(bytes) {
            Some(epoch_ms) => self.datetime(epoch_ms, offset),
            None => Err(DecodeError::new(DecodeErrorKind::Optimized { class: optimized::class_name(bytes) }, offset).into()),
        }
    }
}

use pyo3::types::IntoPyDict;
