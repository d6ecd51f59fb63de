//! Bytes of the server's side, written and read without the client's codec: a mistake there must not hide itself here.

use std::borrow::Cow;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: i32,
    pub message: Cow<'static, str>,
}

impl Refusal {
    pub fn new(status: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }
}

/// A payload, or why there is none.
pub type Outcome = Result<Vec<u8>, Refusal>;

/// A request that makes no sense: a server closes the connection without a word.
#[derive(Debug)]
pub struct Undecodable;

impl From<Undecodable> for std::io::Error {
    fn from(_: Undecodable) -> Self {
        std::io::ErrorKind::InvalidData.into()
    }
}

/// Protocol version, and a version of the topology.
pub type Version = [i16; 3];
pub type Topology = (i64, i32);

/// The null value.
pub const NULL: &[u8] = &[101];

/// Deeper than this no test nests its values.
const MAX_DEPTH: usize = 1000;

/// A walk over the bytes of a request.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn left(&self) -> usize {
        self.rest.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], Undecodable> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Undecodable)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Undecodable> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Undecodable)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, Undecodable> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Only 1 is true.
    pub fn bool(&mut self) -> Result<bool, Undecodable> {
        self.u8().map(|byte| byte == 1)
    }

    pub fn i16(&mut self) -> Result<i16, Undecodable> {
        self.array().map(i16::from_le_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, Undecodable> {
        self.array().map(i32::from_le_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, Undecodable> {
        self.array().map(i64::from_le_bytes)
    }

    /// A count or a length.
    pub fn count(&mut self) -> Result<usize, Undecodable> {
        usize::try_from(self.i32()?).map_err(|_| Undecodable)
    }

    /// The parts of a sequence, its count in front.
    pub fn each<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, Undecodable>) -> Result<Vec<T>, Undecodable> {
        let count = self.count()?;
        (0..count).map(|_| read(self)).collect()
    }

    /// One value, whatever its type.
    pub fn value(&mut self) -> Result<&'a [u8], Undecodable> {
        let whole = self.rest;
        self.skip(0)?;
        Ok(&whole[..whole.len() - self.rest.len()])
    }

    /// A string, or null.
    pub fn string(&mut self) -> Result<Option<&'a str>, Undecodable> {
        match self.u8()? {
            101 => Ok(None),
            9 => {
                let length = self.count()?;
                std::str::from_utf8(self.bytes(length)?).map(Some).map_err(|_| Undecodable)
            }
            _ => Err(Undecodable),
        }
    }

    fn skip(&mut self, depth: usize) -> Result<(), Undecodable> {
        if depth > MAX_DEPTH {
            return Err(Undecodable);
        }
        let object = self.rest;
        let code = self.u8()?;
        let fixed = match code {
            1 | 8 => 1,
            2 | 7 => 2,
            3 | 5 | 0x66 => 4,
            4 | 6 | 11 | 0x24 => 8,
            10 => 16,
            33 => 12,
            101 => 0,
            9 | 12 | 19 | 0xfe => self.count()?,
            13 | 18 => self.count()?.saturating_mul(2),
            14 | 16 => self.count()?.saturating_mul(4),
            15 | 17 => self.count()?.saturating_mul(8),
            0x1b => self.count()?.saturating_add(4),
            0x1e => {
                self.i32()?;
                self.count()?
            }
            0x1c | 0x26 => {
                self.type_id()?;
                4
            }
            0x20 => {
                self.type_id()?;
                0
            }
            0x67 => {
                let mut header = Cursor::new(object);
                header.bytes(12)?;
                header.count()?.checked_sub(1).ok_or(Undecodable)?
            }
            0x14..=0x16 | 0x1f | 0x22 | 0x25 => {
                let items = self.count()?;
                return self.skip_many(items, depth);
            }
            0x17 | 0x1d => {
                self.type_id()?;
                let items = self.count()?;
                return self.skip_many(items, depth);
            }
            0x18 | 0x19 => {
                let items = self.count()?;
                self.u8()?;
                return self.skip_many(items.saturating_mul(if code == 0x19 { 2 } else { 1 }), depth);
            }
            _ => return Err(Undecodable),
        };
        self.bytes(fixed).map(drop)
    }

    fn skip_many(&mut self, items: usize, depth: usize) -> Result<(), Undecodable> {
        (0..items).try_for_each(|_| self.skip(depth + 1))
    }

    /// `int type id, [string class name: id 0]`
    fn type_id(&mut self) -> Result<(), Undecodable> {
        if self.i32()? == 0 {
            self.string()?;
        }
        Ok(())
    }
}

/// A value as the server keeps it: an object that came wrapped is taken out.
pub fn kept(value: &[u8]) -> Vec<u8> {
    let unwrapped = || {
        let mut cursor = Cursor::new(value.get(1..)?);
        let length = cursor.count().ok()?;
        let inside = cursor.bytes(length).ok()?;
        inside.get(cursor.count().ok()?..)
    };
    match value.first() {
        Some(0x1b) => unwrapped().unwrap_or(value).to_vec(),
        _ => value.to_vec(),
    }
}

/// A value as the server sends it: a complex object comes wrapped.
pub fn put_value(out: &mut Vec<u8>, value: &[u8]) {
    if value.first() == Some(&0x67) {
        out.push(0x1b);
        out.extend((value.len() as i32).to_le_bytes());
        out.extend(value);
        out.extend(0i32.to_le_bytes());
    } else {
        out.extend(value);
    }
}

/// The same for a value that may be missing.
pub fn value_or_null(value: Option<Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    put_value(&mut out, value.as_deref().unwrap_or(NULL));
    out
}

/// A string as a value.
pub fn string(text: &str) -> Vec<u8> {
    [&[9], &(text.len() as i32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A count and the parts.
pub fn counted(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let parts: Vec<_> = parts.into_iter().collect();
    [(parts.len() as i32).to_le_bytes().to_vec(), parts.concat()].concat()
}

/// A message: its length in front.
pub fn framed(body: Vec<u8>) -> Vec<u8> {
    [(body.len() as i32).to_le_bytes().to_vec(), body].concat()
}

/// A handshake's answer: taken.
pub fn accepted(version: Version, features: u64, node_id: [u8; 16]) -> Vec<u8> {
    let mut body = vec![1];
    if version >= [1, 7, 0] {
        // As a BitSet writes itself: without zeros at its end.
        let mask = features.to_le_bytes();
        let length = mask.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        body.push(12);
        body.extend((length as i32).to_le_bytes());
        body.extend(&mask[..length]);
    }
    if version >= [1, 4, 0] {
        body.push(10);
        body.extend(node_id);
    }
    framed(body)
}

/// A handshake's answer: refused. A version of zeros says that it is not about versions.
pub fn refused(version: Version, refusal: &Refusal) -> Vec<u8> {
    let mut body = vec![0];
    version.iter().for_each(|part| body.extend(part.to_le_bytes()));
    body.extend(string(&refusal.message));
    body.extend(refusal.status.to_le_bytes());
    framed(body)
}

/// An answer in the form of the protocol version, its length in front.
pub fn answer(version: Version, id: i64, topology: Option<Topology>, outcome: Outcome) -> Vec<u8> {
    let mut body = id.to_le_bytes().to_vec();
    let has_flags = version >= [1, 4, 0];
    let failed = outcome.is_err();
    if has_flags {
        body.extend((i16::from(failed) | if topology.is_some() { 2 } else { 0 }).to_le_bytes());
        if let Some((major, minor)) = topology {
            body.extend(major.to_le_bytes());
            body.extend(minor.to_le_bytes());
        }
    }
    match outcome {
        Ok(payload) => {
            if !has_flags {
                body.extend(0i32.to_le_bytes());
            }
            body.extend(payload);
        }
        Err(Refusal { status, message }) => {
            body.extend(status.to_le_bytes());
            body.extend(string(&message));
        }
    }
    framed(body)
}

/// The id of an answer made by [`answer`]; zero for bytes that are none.
pub fn id_of(answer: &[u8]) -> i64 {
    let mut cursor = Cursor::new(answer.get(4..).unwrap_or_default());
    cursor.i64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fixtures that the Java client wrote: a value for each line of hexadecimal digits.
    fn written_by_java() -> Vec<(String, Vec<u8>)> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
        let mut values = Vec::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "hex") {
                continue;
            }
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let digits = line.split('\t').next_back().unwrap_or_default().trim();
                let is_hex = digits.len() % 2 == 0 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                if line.starts_with('#') || digits.is_empty() || !is_hex {
                    continue;
                }
                let pairs = digits.as_bytes().chunks_exact(2);
                let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
                values.push((line.to_owned(), bytes.collect()));
            }
        }
        values
    }

    #[test]
    fn every_value_that_java_writes_is_told_from_the_next() {
        let values = written_by_java();
        assert!(values.len() > 100, "{}", values.len());
        for (line, bytes) in values {
            let stream = [&bytes[..], &bytes, &[1, 2]].concat();
            let mut cursor = Cursor::new(&stream);
            assert_eq!(cursor.value().unwrap(), bytes, "{line}");
            assert_eq!(cursor.value().unwrap(), bytes, "{line}");
            assert_eq!(cursor.value().unwrap(), [1, 2], "{line}");
            assert!(Cursor::new(&bytes[..bytes.len() - 1]).value().is_err(), "{line}");
        }
    }

    #[test]
    fn features_are_written_without_zeros_at_their_end() {
        assert_eq!(accepted([1, 7, 0], 0, [7; 16])[4..10], [1, 12, 0, 0, 0, 0]);
        assert_eq!(accepted([1, 7, 0], 0x0804, [7; 16])[4..11], [1, 12, 2, 0, 0, 0, 4]);
        assert_eq!(accepted([1, 3, 0], 4, [7; 16]), [1, 0, 0, 0, 1]);
    }
}
