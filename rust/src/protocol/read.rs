//! Reader: a checked little-endian cursor over one message.

use super::error::{DecodeError, DecodeErrorKind};

/// How deep values may be nested, read or written. pyignite gives up at 250; one level costs a few hundred bytes of stack.
pub const MAX_DEPTH: usize = 256;

/// Cursor over the bytes of one message. Every read is bounds-checked; offsets in errors count from the start of the message.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    end: usize,
    depth: usize,
    /// Values that the sequences around this place still have to bring, at least a byte each.
    owed: usize,
    scope: Scope<'a>,
}

/// The bytes that a handle can point back into: the outermost complex object around a place, or the byte array that it was wrapped
/// in. Empty outside complex objects.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope<'a> {
    bytes: &'a [u8],
    start: usize,
}

impl<'a> Scope<'a> {
    /// `start` is where `bytes` stand in the message.
    pub fn new(bytes: &'a [u8], start: usize) -> Self {
        Self { bytes, start }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

macro_rules! read_numbers {
    ($($(#[$doc:meta])* $name:ident -> $type:ty;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name(&mut self) -> Result<$type, DecodeError> {
            Ok(<$type>::from_le_bytes(self.array()?))
        }
    )*};
}

impl<'a> Reader<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message, end: message.len(), depth: 0, owed: 0, scope: Scope::default() }
    }

    /// Bytes from the start of the message to the next one read.
    #[inline]
    pub fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Bytes not read yet.
    #[inline]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// All bytes not read yet, without reading them.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// A failure at the current offset.
    #[cold]
    pub fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.offset())
    }

    /// The next `length` bytes.
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.error(DecodeErrorKind::Truncated { wanted: length, left: self.rest.len() })),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.error(DecodeErrorKind::Truncated { wanted: N, left: self.rest.len() })),
        }
    }

    read_numbers! {
        u8 -> u8;
        i8 -> i8;
        i16 -> i16;
        u16 -> u16;
        i32 -> i32;
        i64 -> i64;
        u64 -> u64;
        f32 -> f32;
        f64 -> f64;
    }

    /// One byte; only 1 is true, as the server reads it.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.u8()? == 1)
    }

    /// The next byte, which stays to be read.
    #[inline]
    pub fn peek_u8(&self) -> Result<u8, DecodeError> {
        self.rest.first().copied().ok_or_else(|| self.error(DecodeErrorKind::Truncated { wanted: 1, left: 0 }))
    }

    /// A 32-bit count of elements of at least `element_size` bytes each: refused unless they can all follow, and what the
    /// sequences around them still owe after them. So nested counts never claim the same bytes twice, and whoever allocates by
    /// them allocates in proportion to the message.
    #[inline]
    pub fn count(&mut self, what: &'static str, element_size: usize) -> Result<usize, DecodeError> {
        let at = self.offset();
        let count = self.i32()?;
        let left = self.left().saturating_sub(self.owed);
        let fits = usize::try_from(count).ok().filter(|count| count.saturating_mul(element_size) <= left);
        fits.ok_or_else(|| DecodeError::new(DecodeErrorKind::BadLength { what, length: count.into(), left }, at))
    }

    /// Enters a sequence of so many values, a number that [`Reader::count`] let through; each is announced by `next_value`, and
    /// `leave` ends the sequence. Fails past [`MAX_DEPTH`].
    #[inline]
    pub fn enter(&mut self, values: usize) -> Result<(), DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(DecodeErrorKind::TooDeep { limit: MAX_DEPTH }));
        }
        self.depth += 1;
        self.owed += values;
        Ok(())
    }

    /// The next value of the sequence comes now.
    #[inline]
    pub fn next_value(&mut self) {
        self.owed -= 1;
    }

    #[inline]
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    pub fn scope(&self) -> Scope<'a> {
        self.scope
    }

    /// A reader of `bytes`, which stand at `start` of the same message and belong to the value that this reader is at; one level
    /// deeper. Fails past [`MAX_DEPTH`].
    pub fn inside(&self, bytes: &'a [u8], start: usize, scope: Scope<'a>) -> Result<Self, DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(DecodeError::new(DecodeErrorKind::TooDeep { limit: MAX_DEPTH }, start));
        }
        Ok(Self { rest: bytes, end: start + bytes.len(), depth: self.depth + 1, owed: 0, scope })
    }

    /// A reader at the place `distance` bytes before `from`, where a handle stands; one level deeper. Nothing outside the scope can
    /// be reached.
    pub fn back(&self, from: usize, distance: i32) -> Result<Self, DecodeError> {
        let Scope { bytes, start } = self.scope;
        let place =
            usize::try_from(distance).ok().filter(|distance| *distance > 0).and_then(|distance| from.checked_sub(distance));
        let target = place.and_then(|place| Some((place, bytes.get(place.checked_sub(start)?..)?)));
        match target {
            Some((place, target)) => self.inside(target, place, self.scope),
            None => Err(DecodeError::new(DecodeErrorKind::Value { what: "distance of a handle", value: distance.into() }, from)),
        }
    }

    /// Ends the message: bytes that nobody read are an error.
    #[inline]
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.error(DecodeErrorKind::TrailingBytes { left: self.rest.len() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian_and_bounds_are_checked() {
        let mut reader = Reader::new(&[0x01, 0x02, 0x03, 0x04, 0xff]);
        assert_eq!(reader.i32().unwrap(), 0x0403_0201);
        assert_eq!(reader.i8().unwrap(), -1);
        let error = reader.u8().unwrap_err();
        assert_eq!(error.offset(), 5);
        assert_eq!(error.kind(), &DecodeErrorKind::Truncated { wanted: 1, left: 0 });
    }

    #[test]
    fn a_count_is_refused_unless_its_elements_can_follow() {
        for (bytes, size, accepted) in [
            (&[2, 0, 0, 0, 9, 9][..], 1, Some(2)),
            (&[2, 0, 0, 0, 9, 9][..], 2, None),
            (&[0xff, 0xff, 0xff, 0xff][..], 1, None),
            (&[0xff, 0xff, 0xff, 0x7f][..], 8, None),
            (&[0, 0, 0, 0][..], 8, Some(0)),
        ] {
            assert_eq!(Reader::new(bytes).count("count", size).ok(), accepted);
        }
    }

    #[test]
    fn a_nested_count_leaves_room_for_what_the_outer_sequence_owes() {
        let mut reader = Reader::new(&[4, 0, 0, 0, 2, 0, 0, 0]);
        reader.enter(3).unwrap();
        reader.next_value();
        let error = reader.count("count", 1).unwrap_err();
        assert_eq!(error.kind(), &DecodeErrorKind::BadLength { what: "count", length: 4, left: 2 });
        assert_eq!(reader.count("count", 1).unwrap_err().offset(), 4);
    }

    #[test]
    fn bytes_left_over_are_an_error() {
        let mut reader = Reader::new(&[1, 2]);
        reader.u8().unwrap();
        assert_eq!(reader.finish().unwrap_err().kind(), &DecodeErrorKind::TrailingBytes { left: 1 });
    }
}
