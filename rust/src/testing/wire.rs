//! Bytes of the server's side, written without the client's codec: a mistake there must not hide itself here.

/// A payload, or status and message of an error.
pub type Outcome = Result<Vec<u8>, (i32, &'static str)>;

/// The null value.
pub const NULL: &[u8] = &[101];

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// Numbers of a message; zero where it is too short.
pub fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_le_bytes(array_at(bytes, at))
}

pub fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(array_at(bytes, at))
}

pub fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(array_at(bytes, at))
}

/// A string as a value.
pub fn string(text: &str) -> Vec<u8> {
    [&[9], &(text.len() as i32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A count and the parts.
pub fn counted(parts: Vec<Vec<u8>>) -> Vec<u8> {
    [(parts.len() as i32).to_le_bytes().to_vec(), parts.concat()].concat()
}

fn framed(body: Vec<u8>) -> Vec<u8> {
    [(body.len() as i32).to_le_bytes().to_vec(), body].concat()
}

/// A handshake's answer: taken.
pub fn accepted(version: [i16; 3]) -> Vec<u8> {
    let mut body = vec![1];
    if version >= [1, 7, 0] {
        body.extend([12, 1, 0, 0, 0, 4]);
    }
    if version >= [1, 4, 0] {
        body.push(10);
        body.extend(0..16u8);
    }
    framed(body)
}

/// A handshake's answer: another version, please.
pub fn refused(newest: [i16; 3]) -> Vec<u8> {
    let mut body = vec![0];
    newest.iter().for_each(|part| body.extend(part.to_le_bytes()));
    body.extend(string("Unsupported version."));
    body.extend(1i32.to_le_bytes());
    framed(body)
}

/// An answer in the form of the protocol version, its length in front.
pub fn answer(version: [i16; 3], id: i64, outcome: Outcome) -> Vec<u8> {
    let mut body = id.to_le_bytes().to_vec();
    let has_flags = version >= [1, 4, 0];
    match outcome {
        Ok(payload) => {
            body.extend(if has_flags { vec![0; 2] } else { vec![0; 4] });
            body.extend(payload);
        }
        Err((status, message)) => {
            if has_flags {
                body.extend([1, 0]);
            }
            body.extend(status.to_le_bytes());
            body.extend(string(message));
        }
    }
    framed(body)
}

/// The values that stand one after another, of the types that tests of connections need.
pub fn values(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    while let Some(code) = bytes.first() {
        let length = match code {
            1 | 8 => 2,
            2 | 7 => 3,
            3 | 5 => 5,
            4 | 6 | 11 => 9,
            10 => 17,
            33 => 13,
            9 | 12 => 5 + usize::try_from(i32_at(bytes, 1)).unwrap_or(usize::MAX / 2),
            _ => 1,
        };
        let (value, rest) = bytes.split_at(length.min(bytes.len()));
        values.push(value.to_vec());
        bytes = rest;
    }
    values
}
