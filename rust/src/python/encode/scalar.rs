//! Single values.

use num_bigint::BigUint;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString, PyTuple};

use super::super::import::Known;
use super::{Encoder, too_long};

/// Decimal digits that always fit into 128 bits.
const U128_DIGITS: usize = 38;

#[cold]
pub(super) fn out_of_range(value: &Bound<'_, PyAny>, type_name: &str, low: i64, high: i64) -> PyErr {
    let shown = value.repr().map_or_else(|_| "the number".to_owned(), |repr| repr.to_string());
    PyOverflowError::new_err(format!("{shown} does not fit {type_name} ({low} to {high})"))
}

#[cold]
pub(super) fn wrong_type(value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    match value.get_type().qualname() {
        Ok(class) => PyTypeError::new_err(format!("{expected} was expected, not {class}")),
        Err(error) => error,
    }
}

impl<'py> Encoder<'py, '_> {
    /// The number as 64 bits; `None` when it needs more. Objects with `__index__` count as numbers.
    #[inline]
    pub(super) fn int64(&self, value: &Bound<'py, PyAny>) -> PyResult<Option<i64>> {
        let mut overflow = 0;
        // SAFETY: `value` is a live object and the thread is attached.
        let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
        if overflow != 0 {
            return Ok(None);
        }
        if number == -1
            && let Some(error) = PyErr::take(self.py)
        {
            return Err(error);
        }
        Ok(Some(number))
    }

    #[inline]
    pub(super) fn long(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        match self.int64(value)? {
            Some(number) => {
                self.out.long(number);
                Ok(())
            }
            None => Err(too_wide(value)),
        }
    }

    /// A number within the range of `T`.
    pub(super) fn ranged<T: TryFrom<i64>>(&self, value: &Bound<'py, PyAny>, name: &str, low: i64, high: i64) -> PyResult<T> {
        let number = self.int64(value)?.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| out_of_range(value, name, low, high))
    }

    #[inline]
    pub(super) fn string(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        let text = value.cast::<PyString>()?.to_str()?;
        self.out.string(text).map_err(too_long)
    }

    pub(super) fn byte_array(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return self.out.byte_array(bytes.as_bytes()).map_err(too_long);
        }
        // A copy, because another thread may resize it at any time.
        let bytes = value.cast::<PyByteArray>()?.to_vec();
        self.out.byte_array(&bytes).map_err(too_long)
    }

    /// One UTF-16 code unit from a `str`, or from a number or two bytes as pyignite takes them.
    pub(super) fn char_unit(&self, value: &Bound<'py, PyAny>) -> PyResult<u16> {
        if let Ok(text) = value.cast::<PyString>() {
            let code = if text.len()? == 1 {
                value.py().import("builtins")?.getattr("ord")?.call1((text,))?.extract::<u32>()?
            } else {
                u32::MAX
            };
            return u16::try_from(code).map_err(|_| {
                PyValueError::new_err("a char is one character up to U+FFFF; use a string for anything longer or beyond")
            });
        }
        if let Ok(bytes) = value.cast::<PyBytes>() {
            let unit = bytes.as_bytes().try_into().map(u16::from_le_bytes);
            return unit.map_err(|_| PyValueError::new_err("a char is two bytes, UTF-16 little endian"));
        }
        self.ranged(value, "CharObject", 0, u16::MAX.into())
    }

    pub(super) fn uuid(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        if !value.is_instance(Known::get(self.py)?.uuid.bind(self.py))? {
            return Err(wrong_type(value, "a uuid.UUID"));
        }
        let number: u128 = value.getattr("int")?.extract()?;
        self.out.uuid((number >> 64) as u64, number as u64);
        Ok(())
    }

    /// Milliseconds since the epoch of a datetime or a date, rounded down. A datetime without a zone is local time, as in pyignite.
    pub(super) fn epoch_ms(&self, value: &Bound<'py, PyAny>) -> PyResult<i64> {
        let (seconds, microseconds) = self.epoch(value)?;
        Ok(seconds * 1000 + microseconds / 1000)
    }

    /// Whole seconds since the epoch, and the microseconds after them.
    pub(super) fn epoch(&self, value: &Bound<'py, PyAny>) -> PyResult<(i64, i64)> {
        let known = Known::get(self.py)?;
        let datetime = if value.is_instance(known.datetime.bind(self.py))? {
            value.clone()
        } else if value.is_instance(known.date.bind(self.py))? {
            known.datetime_combine.bind(self.py).call1((value, known.midnight.bind(self.py)))?
        } else {
            return Err(wrong_type(value, "a datetime or a date"));
        };
        let microseconds: i64 = datetime.getattr("microsecond")?.extract()?;
        // Without them the float is a whole number, so nothing is rounded.
        let whole = datetime.call_method("replace", (), Some(&[("microsecond", 0)].into_py_dict(self.py)?))?;
        let seconds = |datetime: &Bound<'py, PyAny>| datetime.call_method0("timestamp")?.extract::<f64>();
        let seconds = seconds(&whole).or_else(|_| {
            // Python refuses the first and the last days of its own calendar; counted from two days further in, it does not.
            let inwards = if whole.getattr("year")?.extract::<i64>()? < 5000 { 2 } else { -2 };
            let shifted = whole.add(known.timedelta.bind(self.py).call1((inwards,))?)?;
            PyResult::Ok(seconds(&shifted)? - (inwards * 86_400) as f64)
        })?;
        Ok((seconds as i64, microseconds))
    }

    /// Milliseconds since midnight of a timedelta or a time of day, rounded down.
    pub(super) fn time_ms(&self, value: &Bound<'py, PyAny>) -> PyResult<i64> {
        let known = Known::get(self.py)?;
        let part = |name| value.getattr(name)?.extract::<i64>();
        if value.is_instance(known.timedelta.bind(self.py))? {
            return Ok((part("days")? * 86_400 + part("seconds")?) * 1000 + part("microseconds")? / 1000);
        }
        if value.is_instance(known.time.bind(self.py))? {
            let seconds = (part("hour")? * 60 + part("minute")?) * 60 + part("second")?;
            return Ok(seconds * 1000 + part("microsecond")? / 1000);
        }
        Err(wrong_type(value, "a timedelta or a time"))
    }

    /// `(datetime, nanoseconds within the millisecond)`, or a datetime whose microseconds are kept.
    pub(super) fn timestamp(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        if let Ok(pair) = value.cast::<PyTuple>() {
            if pair.len() != 2 {
                return Err(PyValueError::new_err("a timestamp is a pair (datetime, nanoseconds)"));
            }
            let ms = self.epoch_ms(&pair.get_item(0)?)?;
            let nanoseconds: i32 = self.ranged(&pair.get_item(1)?, "nanoseconds of a timestamp", 0, 999_999)?;
            if !(0..=999_999).contains(&nanoseconds) {
                return Err(out_of_range(&pair.get_item(1)?, "nanoseconds within a millisecond", 0, 999_999));
            }
            self.out.timestamp(ms, nanoseconds);
            return Ok(());
        }
        let (seconds, microseconds) = self.epoch(value)?;
        self.out.timestamp(seconds * 1000 + microseconds / 1000, (microseconds % 1000 * 1000) as i32);
        Ok(())
    }

    /// Every digit and the scale are kept; only the sign of zero has no place on the wire.
    pub(super) fn decimal(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        let known = Known::get(self.py)?;
        let decimal = if value.is_instance(known.decimal.bind(self.py))? {
            value.clone()
        } else if value.is_instance_of::<pyo3::types::PyInt>() {
            known.decimal.bind(self.py).call1((value,))?
        } else {
            return Err(wrong_type(value, "a decimal.Decimal"));
        };
        let parts = decimal.call_method0("as_tuple")?;
        let exponent: i64 = parts
            .get_item(2)?
            .extract()
            .map_err(|_| PyValueError::new_err(format!("{decimal} is not a number that Ignite's decimal can hold")))?;
        let scale = i32::try_from(-exponent)
            .map_err(|_| PyOverflowError::new_err(format!("the exponent {exponent} needs more than 32 bits")))?;
        let negative: bool = parts.get_item(0)?.extract::<u8>()? == 1;
        let digits: Vec<u8> = parts.get_item(1)?.try_iter()?.map(|digit| digit?.extract::<u8>()).collect::<PyResult<_>>()?;
        let written = if digits.len() <= U128_DIGITS {
            let number = digits.iter().fold(0u128, |number, digit| number * 10 + u128::from(*digit));
            self.out.decimal(scale, negative, &number.to_be_bytes())
        } else {
            let number = BigUint::from_radix_be(&digits, 10).unwrap_or_default();
            self.out.decimal(scale, negative, &number.to_bytes_be())
        };
        written.map_err(too_long)
    }

    /// `(type id, ordinal)`
    pub(super) fn enum_parts(&self, value: &Bound<'py, PyAny>) -> PyResult<(i32, i32)> {
        let pair = value.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2);
        let Some(pair) = pair else { return Err(wrong_type(value, "an enum value, a pair (type id, ordinal),")) };
        let part = |index| self.ranged(&pair.get_item(index)?, "an int of an enum", i32::MIN.into(), i32::MAX.into());
        Ok((part(0)?, part(1)?))
    }
}

#[cold]
pub(super) fn too_wide(value: &Bound<'_, PyAny>) -> PyErr {
    match value.repr() {
        Ok(repr) => PyOverflowError::new_err(format!(
            "{repr} does not fit a long (64 bits); a decimal holds it: give it the hint DecimalObject"
        )),
        // Python refuses to print very long numbers.
        Err(_) => PyOverflowError::new_err(
            "the number does not fit a long (64 bits); a decimal holds it: give it the hint DecimalObject",
        ),
    }
}

use pyo3::types::IntoPyDict;
