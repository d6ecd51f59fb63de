//! Caches in memory: entries as bytes, settings as they came, transactions as lists of writes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::codes::*;
use super::wire::{self, Cursor, NULL, Outcome, Refusal, Undecodable};

/// How long entries live: after creation, update, access, in milliseconds; -2 leaves it, -1 is for ever.
#[derive(Debug, Clone, Copy)]
pub struct Expiry {
    create: i64,
    update: i64,
    access: i64,
}

impl Expiry {
    pub fn read(cursor: &mut Cursor<'_>) -> Result<Self, Undecodable> {
        let expiry = Self { create: cursor.i64()?, update: cursor.i64()?, access: cursor.i64()? };
        let valid = [expiry.create, expiry.update, expiry.access].iter().all(|time| *time >= -2);
        if valid { Ok(expiry) } else { Err(Undecodable) }
    }
}

#[derive(Debug)]
struct Entry {
    value: Vec<u8>,
    ends: Option<Instant>,
}

impl Entry {
    fn set_end(&mut self, milliseconds: i64) {
        match milliseconds {
            -2 => {}
            -1 => self.ends = None,
            time => self.ends = Some(Instant::now() + Duration::from_millis(time.unsigned_abs())),
        }
    }
}

/// One cache.
#[derive(Debug, Default)]
pub struct Cache {
    pub name: String,
    /// Properties by their codes, as they were sent.
    pub settings: BTreeMap<i16, Vec<u8>>,
    entries: BTreeMap<Vec<u8>, Entry>,
    expiry: Option<Expiry>,
}

/// A write of a transaction: the new value, or none for a removal.
pub type Writes = BTreeMap<(i32, Vec<u8>), Option<Vec<u8>>>;

/// How a property of a cache is written.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Int,
    Long,
    Text,
    Keys,
    Entities,
    Expiry,
}

/// The properties in the order in which a server tells them, with what it says when nobody set them.
const PROPERTIES: &[(i16, Kind, i64)] = &[
    (2, Kind::Int, 1),
    (3, Kind::Int, 0),
    (1, Kind::Int, 2),
    (5, Kind::Bool, 1),
    (100, Kind::Text, 0),
    (405, Kind::Bool, 1),
    (406, Kind::Bool, 0),
    (400, Kind::Text, 0),
    (402, Kind::Long, 0),
    (403, Kind::Int, 500),
    (206, Kind::Int, 1024),
    (0, Kind::Text, 0),
    (101, Kind::Bool, 0),
    (404, Kind::Int, 4),
    (202, Kind::Int, 0),
    (201, Kind::Int, 1),
    (6, Kind::Bool, 1),
    (303, Kind::Int, 524_288),
    (304, Kind::Long, 3),
    (301, Kind::Long, 0),
    (300, Kind::Int, 1),
    (305, Kind::Int, 0),
    (306, Kind::Long, 0),
    (302, Kind::Long, 10_000),
    (205, Kind::Bool, 0),
    (204, Kind::Int, -1),
    (203, Kind::Text, 0),
    (4, Kind::Int, 2),
    (401, Kind::Keys, 0),
    (200, Kind::Entities, 0),
    (407, Kind::Expiry, 0),
];

impl Kind {
    fn skip(self, cursor: &mut Cursor<'_>, with_precision: bool) -> Result<(), Undecodable> {
        let text = |cursor: &mut Cursor<'_>| cursor.string().map(drop);
        let texts = |cursor: &mut Cursor<'_>, count: usize| (0..count).try_for_each(|_| cursor.string().map(drop));
        match self {
            Self::Bool => cursor.u8().map(drop),
            Self::Int => cursor.i32().map(drop),
            Self::Long => cursor.i64().map(drop),
            Self::Text => text(cursor),
            Self::Keys => cursor.each(|cursor| texts(cursor, 2)).map(drop),
            Self::Expiry => {
                if cursor.bool()? {
                    Expiry::read(cursor).map(drop)
                } else {
                    Ok(())
                }
            }
            Self::Entities => cursor
                .each(|cursor| {
                    texts(cursor, 5)?;
                    cursor.each(|cursor| {
                        texts(cursor, 2)?;
                        cursor.bytes(2)?;
                        cursor.value()?;
                        cursor.bytes(if with_precision { 8 } else { 0 })
                    })?;
                    cursor.each(|cursor| texts(cursor, 2))?;
                    cursor.each(|cursor| {
                        text(cursor)?;
                        cursor.u8()?;
                        cursor.i32()?;
                        cursor.each(|cursor| {
                            text(cursor)?;
                            cursor.u8()
                        })
                    })
                })
                .map(drop),
        }
    }

    fn unset(self, number: i64) -> Vec<u8> {
        match self {
            Self::Bool => vec![number as u8],
            Self::Int => (number as i32).to_le_bytes().to_vec(),
            Self::Long => number.to_le_bytes().to_vec(),
            Self::Text => NULL.to_vec(),
            Self::Keys | Self::Entities => vec![0; 4],
            Self::Expiry => vec![0],
        }
    }
}

impl Cache {
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), settings: [(0, wire::string(name))].into(), ..Self::default() }
    }

    /// A cache that nobody made. Its settings and its name are not known; transactions are welcome.
    pub fn unknown() -> Self {
        Self { settings: [(2, vec![0; 4])].into(), ..Self::default() }
    }

    /// `int length (ignored), short n, n x (short code, value)`
    pub fn configured(cursor: &mut Cursor<'_>, version: wire::Version) -> Result<Self, Undecodable> {
        let mut cache = Self::default();
        cursor.i32()?;
        for _ in 0..cursor.i16()? {
            let code = cursor.i16()?;
            // An unknown property is skipped, and its value is taken for the next one: so do servers.
            let Some((_, kind, _)) = PROPERTIES.iter().find(|(known, _, _)| *known == code) else { continue };
            let before = *cursor;
            kind.skip(cursor, version >= [1, 2, 0])?;
            let mut value = before;
            let bytes = value.bytes(before.left() - cursor.left())?.to_vec();
            match kind {
                Kind::Text if code == 0 => cache.name = Cursor::new(&bytes).string()?.unwrap_or_default().to_owned(),
                Kind::Expiry if bytes.first() == Some(&1) => {
                    cache.expiry = Some(Expiry::read(&mut Cursor::new(bytes.get(1..).unwrap_or_default()))?);
                }
                _ => {}
            }
            cache.settings.insert(code, bytes);
        }
        Ok(cache)
    }

    /// What a server tells of the settings: all of them, in an order of its own.
    pub fn told(&self, version: wire::Version) -> Vec<u8> {
        let mut body = Vec::new();
        for (code, kind, number) in PROPERTIES {
            if *code == 407 && version < [1, 6, 0] {
                continue;
            }
            body.extend(self.settings.get(code).cloned().unwrap_or_else(|| kind.unset(*number)));
        }
        wire::framed(body)
    }

    fn number(&self, code: i16) -> Option<i32> {
        Cursor::new(self.settings.get(&code)?).i32().ok()
    }

    /// Atomic caches take no part in transactions. One that was made by its name is atomic.
    pub fn is_transactional(&self) -> bool {
        self.number(2) == Some(0)
    }

    pub fn is_partitioned(&self) -> bool {
        self.number(1) != Some(1)
    }

    /// Names of key types and of their affinity fields.
    pub fn affinity_fields(&self) -> Vec<(String, String)> {
        let Some(bytes) = self.settings.get(&401) else { return Vec::new() };
        let text = |cursor: &mut Cursor<'_>| cursor.string().map(|text| text.unwrap_or_default().to_owned());
        Cursor::new(bytes).each(|cursor| Ok((text(cursor)?, text(cursor)?))).unwrap_or_default()
    }

    fn drop_expired(&mut self) {
        let now = Instant::now();
        self.entries.retain(|_, entry| entry.ends.is_none_or(|end| end > now));
    }

    /// Entries that are there now, in the order of their bytes.
    pub fn entries(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.drop_expired();
        self.entries.iter().map(|(key, entry)| (key.clone(), entry.value.clone())).collect()
    }

    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>, expiry: Option<Expiry>) {
        let policy = expiry.or(self.expiry);
        let is_new = !self.entries.contains_key(&key);
        let entry = self.entries.entry(key).or_insert(Entry { value: Vec::new(), ends: None });
        entry.value = value;
        if let Some(policy) = policy {
            entry.set_end(if is_new { policy.create } else { policy.update });
        }
    }

    fn get(&mut self, key: &[u8], expiry: Option<Expiry>) -> Option<Vec<u8>> {
        self.drop_expired();
        let policy = expiry.or(self.expiry);
        let entry = self.entries.get_mut(key)?;
        if let Some(policy) = policy {
            entry.set_end(policy.access);
        }
        Some(entry.value.clone())
    }

    pub fn apply(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.put(key, value, None),
            None => drop(self.entries.remove(&key)),
        }
    }
}

/// A cache as one request sees it: through its transaction and with its expiry policy.
pub struct View<'a> {
    pub id: i32,
    pub cache: &'a mut Cache,
    pub writes: Option<&'a mut Writes>,
    pub expiry: Option<Expiry>,
}

fn null() -> Refusal {
    Refusal::new(1, "a key or a value can not be null")
}

fn boolean(value: bool) -> Outcome {
    Ok(vec![value.into()])
}

impl View<'_> {
    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let pending = self.writes.as_ref().and_then(|writes| writes.get(&(self.id, key.to_vec())));
        match pending {
            Some(value) => value.clone(),
            None => self.cache.get(key, self.expiry),
        }
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        match &mut self.writes {
            Some(writes) => drop(writes.insert((self.id, key), Some(value))),
            None => self.cache.put(key, value, self.expiry),
        }
    }

    /// Whether there was something to remove.
    fn remove(&mut self, key: Vec<u8>) -> bool {
        let was_there = self.get(&key).is_some();
        match &mut self.writes {
            Some(writes) => drop(writes.insert((self.id, key), None)),
            None => self.cache.apply(key, None),
        }
        was_there
    }

    /// Carries out an operation on entries; `None` if it is none.
    pub fn carry_out(&mut self, code: i16, body: &mut Cursor<'_>) -> Result<Option<Outcome>, Undecodable> {
        let one = |body: &mut Cursor<'_>| body.value().map(wire::kept);
        let is_null = |value: &[u8]| value == NULL;
        let outcome = match code {
            GET_ALL | CONTAINS_KEYS | CLEAR_KEYS | REMOVE_KEYS => {
                let keys = body.each(one)?;
                if keys.iter().any(|key| is_null(key)) { Err(null()) } else { self.many(code, keys) }
            }
            PUT_ALL => {
                let pairs = body.each(|body| Ok((one(body)?, one(body)?)))?;
                if pairs.iter().any(|(key, value)| is_null(key) || is_null(value)) {
                    return Ok(Some(Err(null())));
                }
                pairs.into_iter().for_each(|(key, value)| self.put(key, value));
                Ok(Vec::new())
            }
            CLEAR | REMOVE_ALL => {
                // Both go past transactions.
                self.cache.entries.clear();
                Ok(Vec::new())
            }
            GET_SIZE => {
                body.each(Cursor::u8)?;
                Ok((self.cache.entries().len() as i64).to_le_bytes().to_vec())
            }
            GET | LOCAL_PEEK | GET_AND_REMOVE | CONTAINS_KEY | CLEAR_KEY | REMOVE_KEY => {
                let key = one(body)?;
                if is_null(&key) { Err(null()) } else { self.with_key(code, key) }
            }
            PUT | PUT_IF_ABSENT | GET_AND_PUT | GET_AND_REPLACE | GET_AND_PUT_IF_ABSENT | REPLACE | REMOVE_IF_EQUALS => {
                let (key, value) = (one(body)?, one(body)?);
                if is_null(&key) || is_null(&value) { Err(null()) } else { self.with_value(code, key, value) }
            }
            REPLACE_IF_EQUALS => {
                let (key, expected, value) = (one(body)?, one(body)?, one(body)?);
                if [&key, &expected, &value].into_iter().any(|value| is_null(value)) {
                    return Ok(Some(Err(null())));
                }
                let equal = self.get(&key).is_some_and(|found| found == expected);
                if equal {
                    self.put(key, value);
                }
                boolean(equal)
            }
            _ => return Ok(None),
        };
        Ok(Some(outcome))
    }

    fn many(&mut self, code: i16, keys: Vec<Vec<u8>>) -> Outcome {
        match code {
            GET_ALL => {
                let found: BTreeMap<_, _> = keys.into_iter().filter_map(|key| self.get(&key).map(|value| (key, value))).collect();
                Ok(wire::counted(found.iter().map(|(key, value)| {
                    let mut pair = Vec::with_capacity(key.len() + value.len());
                    wire::put_value(&mut pair, key);
                    wire::put_value(&mut pair, value);
                    pair
                })))
            }
            CONTAINS_KEYS => boolean(keys.iter().all(|key| self.get(key).is_some())),
            _ => {
                for key in keys {
                    self.remove(key);
                }
                Ok(Vec::new())
            }
        }
    }

    fn with_key(&mut self, code: i16, key: Vec<u8>) -> Outcome {
        match code {
            CONTAINS_KEY => boolean(self.get(&key).is_some()),
            REMOVE_KEY => boolean(self.remove(key)),
            CLEAR_KEY => {
                self.remove(key);
                Ok(Vec::new())
            }
            _ => {
                let value = self.get(&key);
                if code == GET_AND_REMOVE {
                    self.remove(key);
                }
                Ok(wire::value_or_null(value))
            }
        }
    }

    fn with_value(&mut self, code: i16, key: Vec<u8>, value: Vec<u8>) -> Outcome {
        let found = self.get(&key);
        match code {
            REMOVE_IF_EQUALS => {
                let equal = found.is_some_and(|found| found == value);
                boolean(equal && self.remove(key))
            }
            _ => {
                let writes = match code {
                    PUT_IF_ABSENT | GET_AND_PUT_IF_ABSENT => found.is_none(),
                    GET_AND_REPLACE | REPLACE => found.is_some(),
                    _ => true,
                };
                if writes {
                    self.put(key, value);
                }
                match code {
                    PUT => Ok(Vec::new()),
                    PUT_IF_ABSENT | REPLACE => boolean(writes),
                    _ => Ok(wire::value_or_null(found)),
                }
            }
        }
    }
}
