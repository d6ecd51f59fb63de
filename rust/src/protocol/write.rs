//! Writer: append-only little-endian bytes with room for the request header kept in front.

use super::error::{EncodeError, EncodeErrorKind};
use super::frame::REQUEST_HEADER;
use super::read::MAX_DEPTH;

/// Stands in a length field until it is patched: a negative length, which every server refuses.
const UNPATCHED: i32 = i32::MIN;

/// The place of a 32-bit field that is filled in later.
#[derive(Debug, Clone, Copy)]
#[must_use = "the field holds an impossible value until it is patched"]
pub struct Later(usize);

/// Grows one request. The buffer is reused: take it out with [`Writer::into_buffer`], hand it back to [`Writer::request`].
#[derive(Debug)]
pub struct Writer {
    buffer: Vec<u8>,
    depth: usize,
}

macro_rules! write_numbers {
    ($($name:ident($type:ty);)*) => {$(
        #[inline]
        pub fn $name(&mut self, value: $type) {
            self.buffer.extend_from_slice(&value.to_le_bytes());
        }
    )*};
}

impl Writer {
    /// Starts a request in `buffer`, whose old content goes; the header is filled in when the request is sent.
    pub fn request(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.resize(REQUEST_HEADER, 0);
        Self { buffer, depth: 0 }
    }

    /// A writer without room for a header: single values, handshakes.
    pub fn bare() -> Self {
        Self { buffer: Vec::new(), depth: 0 }
    }

    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.buffer
    }

    /// Bytes written so far, header room included.
    #[inline]
    pub fn position(&self) -> usize {
        self.buffer.len()
    }

    /// Forgets everything after `position`.
    pub fn truncate(&mut self, position: usize) {
        self.buffer.truncate(position);
    }

    #[inline]
    pub fn reserve(&mut self, bytes: usize) {
        self.buffer.reserve(bytes);
    }

    write_numbers! {
        u8(u8);
        i8(i8);
        i16(i16);
        u16(u16);
        i32(i32);
        u32(u32);
        i64(i64);
        u64(u64);
        f32(f32);
        f64(f64);
    }

    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.buffer.push(value.into());
    }

    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// A type code and the eight or fewer bytes after it, appended at once.
    #[inline]
    pub fn tagged<const N: usize>(&mut self, code: u8, payload: [u8; N]) {
        self.buffer.reserve(N + 1);
        self.buffer.push(code);
        self.buffer.extend_from_slice(&payload);
    }

    /// A 32-bit length; fails beyond `i32::MAX`.
    #[inline]
    pub fn length(&mut self, what: &'static str, length: usize) -> Result<(), EncodeError> {
        self.i32(checked_length(what, length)?);
        Ok(())
    }

    /// Leaves a 32-bit field to be patched.
    #[inline]
    pub fn later(&mut self) -> Later {
        let at = Later(self.buffer.len());
        self.i32(UNPATCHED);
        at
    }

    /// Fills a field that was left with a length or a count.
    pub fn patch_length(&mut self, at: Later, what: &'static str, length: usize) -> Result<(), EncodeError> {
        let value = checked_length(what, length)?;
        self.patch_i32(at, value);
        Ok(())
    }

    /// Fills a field that was left.
    pub fn patch_i32(&mut self, at: Later, value: i32) {
        if let Some(field) = self.buffer.get_mut(at.0..at.0 + 4) {
            field.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Sets bits of a byte already written.
    pub fn set_bits(&mut self, at: usize, bits: u8) {
        if let Some(byte) = self.buffer.get_mut(at) {
            *byte |= bits;
        }
    }

    /// Bytes written since `at` was left, the field itself not counted.
    pub fn since(&self, at: Later) -> usize {
        self.buffer.len() - at.0 - 4
    }

    /// Enters a nested value. Fails past [`MAX_DEPTH`].
    #[inline]
    pub fn enter(&mut self) -> Result<(), EncodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(EncodeError::new(EncodeErrorKind::TooDeep { limit: MAX_DEPTH }));
        }
        self.depth += 1;
        Ok(())
    }

    #[inline]
    pub fn leave(&mut self) {
        self.depth -= 1;
    }
}

#[inline]
fn checked_length(what: &'static str, length: usize) -> Result<i32, EncodeError> {
    i32::try_from(length).map_err(|_| EncodeError::new(EncodeErrorKind::TooLong { what, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_left_for_later_is_impossible_until_it_is_patched() {
        let mut out = Writer::bare();
        let at = out.later();
        out.bytes(b"abc");
        assert_eq!(out.as_slice(), [0, 0, 0, 0x80, b'a', b'b', b'c']);
        out.patch_length(at, "text", out.since(at)).unwrap();
        assert_eq!(out.as_slice(), [3, 0, 0, 0, b'a', b'b', b'c']);
    }

    #[test]
    fn a_length_beyond_31_bits_is_refused() {
        let error = Writer::bare().length("array", 1 << 31).unwrap_err();
        assert_eq!(error.kind(), &EncodeErrorKind::TooLong { what: "array", length: 1 << 31 });
    }
}
