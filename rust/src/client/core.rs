//! One connection without I/O: received bytes become messages, request ids find their callers.
//!
//! Three parts that every driver composes: [`Input`] (bytes in, messages out), [`RequestTable`] (who waits for which answer) and
//! [`Link`] (what the connection is). A thread's lane holds them together; a shared connection has its reader own the input.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::config::Address;
use super::error::Error;
use super::observe::Observer;
use crate::protocol::ProtocolContext;
use crate::protocol::error::DecodeError;
use crate::protocol::frame::{LENGTH_FIELD, ResponseHeader, message_length};
use crate::protocol::handshake::NodeId;
use crate::protocol::op::Opens;

/// Size of a fresh input buffer.
const INPUT: usize = 16 * 1024;

/// A buffer that has grown past this is given back once it is empty.
const KEPT_INPUT: usize = 4 * 1024 * 1024;

/// A message from this size on is worth its buffer.
const LARGE: usize = 64 * 1024;

/// Answers that nobody waits for any more: a connection with more of them, older than this, is closed.
pub const MAX_ORPHANS: usize = 64;
pub const ORPHAN_AGE: Duration = Duration::from_secs(1);

/// Half a message that has not grown for so long, when a caller leaves, may be all that ever comes of it.
pub const HALT: Duration = Duration::from_millis(100);

/// A connection on which an answer is overdue and from which nothing at all has come for so long is not used for new calls.
pub const SILENCE: Duration = Duration::from_millis(500);

/// What a connection is, for as long as it lives.
#[derive(Debug, Clone)]
pub struct Link {
    pub address: Address,
    pub context: ProtocolContext,
    pub node_id: Option<NodeId>,
    /// Never used twice in a process: a handle made on one connection is not mistaken for one made on another.
    pub generation: u64,
    pub observer: Option<Arc<dyn Observer>>,
}

impl Link {
    pub fn new(address: Address, context: ProtocolContext, node_id: Option<NodeId>, observer: Option<Arc<dyn Observer>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { address, context, node_id, generation: NEXT.fetch_add(1, Ordering::Relaxed), observer }
    }
}

/// Received bytes on their way to being messages. Grows with what has arrived, never with what a length field promises.
#[derive(Debug)]
pub struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    max_message: usize,
}

impl Input {
    pub fn new(max_message: usize) -> Self {
        Self { buffer: vec![0; INPUT], start: 0, end: 0, max_message }
    }

    /// Room to receive into; tell how much was used with [`Input::received`].
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEPT_INPUT {
                self.buffer.truncate(INPUT);
                self.buffer.shrink_to_fit();
            }
        } else if self.start > 0 && self.buffer.len() - self.end < INPUT / 2 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            // Full of bytes that have really come: twice as many may follow.
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        &mut self.buffer[self.end..]
    }

    /// The first `length` bytes of the space were filled.
    pub fn received(&mut self, length: usize) {
        self.end = (self.end + length).min(self.buffer.len());
    }

    /// Bytes received and not yet taken as a message.
    pub fn pending(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes the next whole message, its length field left out. The range is valid until [`Input::space`] is called.
    pub fn next_message(&mut self) -> Result<Option<std::ops::Range<usize>>, DecodeError> {
        let Some(length) = message_length(self.pending(), self.max_message)? else { return Ok(None) };
        if self.pending().len() < LENGTH_FIELD + length {
            return Ok(None);
        }
        let start = self.start + LENGTH_FIELD;
        self.start = start + length;
        Ok(Some(start..start + length))
    }

    /// Whether what has come can not be the beginning of a message.
    pub fn is_broken(&self) -> bool {
        message_length(self.pending(), self.max_message).is_err()
    }

    /// Whether [`Input::next_message`] has something to say: a whole message, or an error.
    pub fn has_message(&self) -> bool {
        match message_length(self.pending(), self.max_message) {
            Ok(Some(length)) => self.pending().len() >= LENGTH_FIELD + length,
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// A message that outlives this buffer. A large one that came alone is not copied: it takes the buffer with it.
    pub fn take(&mut self, range: std::ops::Range<usize>) -> Bytes {
        if range.len() < LARGE || !self.pending().is_empty() {
            return Bytes::copy_from_slice(self.message(range));
        }
        let buffer = std::mem::replace(&mut self.buffer, vec![0; INPUT]);
        (self.start, self.end) = (0, 0);
        Bytes::from(buffer).slice(range)
    }

    /// The bytes of a message.
    pub fn message(&self, range: std::ops::Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }
}

/// What an arriving answer belongs to.
#[derive(Debug, PartialEq, Eq)]
pub enum Owner<W> {
    /// A caller waits for it, and takes charge of what it opened.
    Waiter(W, Opens),
    /// The caller left: what the answer may have opened has to be closed.
    Orphan(Opens),
    /// No request has this id, or it was answered before.
    Nobody,
}

#[derive(Debug)]
enum Slot<W> {
    Free,
    Waiting(W),
    Orphan(Instant),
}

#[derive(Debug)]
struct Entry<W> {
    /// How often it was used.
    round: i64,
    opens: Opens,
    slot: Slot<W>,
}

/// Requests in flight on one connection. An id holds the slot in its low 24 bits and, above them, how often the slot was used: an
/// answer is matched in one step, and a late one never meets a later request.
#[derive(Debug)]
pub struct RequestTable<W> {
    slots: Vec<Entry<W>>,
    free: Vec<usize>,
    waiting: usize,
}

const SLOT_BITS: u32 = 24;

impl<W> Default for RequestTable<W> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), waiting: 0 }
    }
}

impl<W> RequestTable<W> {
    /// A request id for a new request. `None` when 16 million requests are in flight.
    pub fn register(&mut self, waiter: W, opens: Opens) -> Option<i64> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() < 1 << SLOT_BITS => {
                self.slots.push(Entry { round: 0, opens, slot: Slot::Free });
                self.slots.len() - 1
            }
            None => return None,
        };
        let entry = self.slots.get_mut(index)?;
        entry.round += 1;
        entry.opens = opens;
        entry.slot = Slot::Waiting(waiter);
        self.waiting += 1;
        Some(entry.round << SLOT_BITS | index as i64)
    }

    fn index(&self, id: i64) -> Option<usize> {
        let index = (id & ((1 << SLOT_BITS) - 1)) as usize;
        self.slots.get(index).filter(|entry| entry.round == id >> SLOT_BITS).map(|_| index)
    }

    /// The answer with this id has come: whose is it?
    pub fn answered(&mut self, id: i64) -> Owner<W> {
        let Some(index) = self.index(id) else { return Owner::Nobody };
        let entry = &mut self.slots[index];
        match std::mem::replace(&mut entry.slot, Slot::Free) {
            Slot::Free => Owner::Nobody,
            Slot::Waiting(waiter) => {
                let opens = entry.opens;
                self.waiting -= 1;
                self.free.push(index);
                Owner::Waiter(waiter, opens)
            }
            Slot::Orphan(_) => {
                let opens = entry.opens;
                self.free.push(index);
                Owner::Orphan(opens)
            }
        }
    }

    /// What the answer with this id will open.
    pub fn opens(&self, id: i64) -> Opens {
        self.index(id).and_then(|index| self.slots.get(index)).map_or(Opens::Nothing, |entry| entry.opens)
    }

    /// The caller leaves; the id stays taken until its answer comes. Returns what waited.
    pub fn orphan(&mut self, id: i64) -> Option<W> {
        let index = self.index(id)?;
        match std::mem::replace(&mut self.slots[index].slot, Slot::Orphan(Instant::now())) {
            Slot::Waiting(waiter) => {
                self.waiting -= 1;
                Some(waiter)
            }
            other => {
                self.slots[index].slot = other;
                None
            }
        }
    }

    /// Callers waiting for an answer.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Answers are still to come, wanted or not.
    pub fn is_owed(&self) -> bool {
        self.owed() > 0
    }

    /// How many.
    pub fn owed(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Who waits for the message that broke the connection: the one with its id, if it could be read; without one, the only one there is.
    pub fn culprit(&mut self, id: Option<i64>) -> Option<W> {
        match id.map(|id| self.answered(id)) {
            Some(Owner::Waiter(waiter, _)) => Some(waiter),
            Some(Owner::Orphan(_)) => None,
            Some(Owner::Nobody) | None if self.owed() == 1 => self.drain().pop(),
            Some(Owner::Nobody) | None => None,
        }
    }

    /// More answers are overdue than a healthy connection would owe.
    pub fn has_too_many_orphans(&self) -> bool {
        if self.slots.len() - self.free.len() - self.waiting <= MAX_ORPHANS {
            return false;
        }
        let now = Instant::now();
        let old = self.slots.iter().filter(|entry| matches!(entry.slot, Slot::Orphan(since) if now - since > ORPHAN_AGE));
        old.count() > MAX_ORPHANS
    }

    /// The connection is gone: everybody who waits.
    pub fn drain(&mut self) -> Vec<W> {
        self.free.clear();
        self.waiting = 0;
        std::mem::take(&mut self.slots)
            .into_iter()
            .filter_map(|entry| match entry.slot {
                Slot::Waiting(waiter) => Some(waiter),
                Slot::Free | Slot::Orphan(_) => None,
            })
            .collect()
    }
}

/// One message of a server, matched with its caller.
#[derive(Debug)]
pub struct Answer<W> {
    pub owner: Owner<W>,
    pub header: ResponseHeader,
}

/// Reads the header of a message and finds its caller. Notifications belong to nobody yet.
pub fn match_answer<W>(message: &[u8], link: &Link, table: &mut RequestTable<W>) -> Result<Answer<W>, DecodeError> {
    let header = ResponseHeader::read(message, &link.context)?;
    let owner = if header.is_notification { Owner::Nobody } else { table.answered(header.id) };
    Ok(Answer { owner, header })
}

/// The id that a message begins with.
pub fn id_of(message: &[u8]) -> Option<i64> {
    message.first_chunk().map(|id| i64::from_le_bytes(*id))
}

/// What bytes that can not be read are to a caller: the answer that it waits for, or, where they are another one's, the end of a
/// connection like any other.
pub fn unreadable(error: DecodeError, is_own: bool) -> Error {
    if is_own {
        return error.into();
    }
    let text = format!("the connection broke over an answer to another request: {error}");
    std::io::Error::new(std::io::ErrorKind::InvalidData, text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(bytes: &[u8], chunk: usize) -> (Input, Vec<Vec<u8>>) {
        let mut input = Input::new(1 << 20);
        let mut messages = Vec::new();
        for part in bytes.chunks(chunk) {
            let mut part = part;
            while !part.is_empty() {
                let space = input.space();
                let length = space.len().min(part.len());
                space[..length].copy_from_slice(&part[..length]);
                input.received(length);
                part = &part[length..];
                while let Some(range) = input.next_message().unwrap() {
                    messages.push(input.message(range).to_vec());
                }
            }
        }
        (input, messages)
    }

    #[test]
    fn messages_are_the_same_however_the_stream_is_cut() {
        let expected: Vec<Vec<u8>> =
            [1usize, 3, 100, 40_000, 2, 70_000, 5].iter().map(|n| (0..*n).map(|i| i as u8).collect()).collect();
        let mut stream = Vec::new();
        for message in &expected {
            stream.extend((message.len() as i32).to_le_bytes());
            stream.extend(message);
        }
        for chunk in [1, 2, 3, 5, 7, 64, 4096, 16_384, 1 << 20] {
            let (input, messages) = fed(&stream, chunk);
            assert_eq!(messages, expected, "chunks of {chunk}");
            assert!(input.pending().is_empty());
        }
    }

    #[test]
    fn a_taken_message_is_the_same_whether_it_was_copied_or_not() {
        for length in [1usize, 1000, LARGE - 1, LARGE, 3 * LARGE] {
            let message: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
            let mut input = Input::new(1 << 20);
            let mut stream = [&(length as i32).to_le_bytes()[..], &message].concat();
            stream.extend([1, 0, 0, 0, 9]);
            let (first, second) = stream.split_at(length + 4);
            for part in [first, second] {
                let mut part = part;
                while !part.is_empty() {
                    let space = input.space();
                    let fits = space.len().min(part.len());
                    space[..fits].copy_from_slice(&part[..fits]);
                    input.received(fits);
                    part = &part[fits..];
                }
                let range = input.next_message().unwrap().unwrap();
                let expected = if part.as_ptr() == first[first.len()..].as_ptr() { &message[..] } else { &[9][..] };
                assert_eq!(&input.take(range)[..], expected, "length {length}");
            }
        }
    }

    #[test]
    fn a_promised_length_reserves_nothing() {
        let (mut input, messages) = fed(&[0xff, 0xff, 0x0f, 0, 1, 2, 3], 7);
        assert!(messages.is_empty());
        input.space();
        assert!(input.buffer.len() <= 2 * INPUT);
    }

    #[test]
    fn a_late_answer_never_meets_a_later_request() {
        let mut table = RequestTable::default();
        let first = table.register('a', Opens::Nothing).unwrap();
        assert_eq!(table.orphan(first), Some('a'));
        let second = table.register('b', Opens::Nothing).unwrap();
        assert_ne!(first, second);
        assert_eq!(table.answered(first), Owner::Orphan(Opens::Nothing));
        assert_eq!(table.answered(first), Owner::Nobody);
        let third = table.register('c', Opens::Nothing).unwrap();
        assert_ne!(first, third);
        assert_eq!(table.answered(first), Owner::Nobody);
        assert_eq!(table.answered(third), Owner::Waiter('c', Opens::Nothing));
        assert_eq!(table.answered(second), Owner::Waiter('b', Opens::Nothing));
        assert_eq!((table.waiting(), table.is_owed()), (0, false));
        assert_eq!(table.answered(-1), Owner::Nobody);
        assert_eq!(table.answered(i64::MAX), Owner::Nobody);
    }

    #[test]
    fn the_message_that_broke_a_connection_has_one_owner_at_most() {
        let table = |waiters: usize| {
            let mut table = RequestTable::default();
            let ids: Vec<_> = (0..waiters).map(|waiter| table.register(waiter, Opens::Nothing).unwrap()).collect();
            (table, ids)
        };
        let (mut two, ids) = table(2);
        assert_eq!((two.culprit(None), two.culprit(Some(5))), (None, None));
        assert_eq!((two.culprit(Some(ids[1])), two.waiting()), (Some(1), 1));
        // Without a message that says whose it is, the only one who waits.
        assert_eq!(two.culprit(None), Some(0));
        let (mut other, ids) = table(2);
        other.orphan(ids[0]);
        assert_eq!((other.culprit(None), other.culprit(Some(ids[0])), other.waiting()), (None, None, 1));
        assert_eq!(table(1).0.culprit(Some(-1)), Some(0));
    }

    #[test]
    fn everybody_who_waits_hears_of_a_lost_connection() {
        let mut table = RequestTable::default();
        let ids: Vec<_> = (0..5).map(|n| table.register(n, Opens::Nothing).unwrap()).collect();
        table.orphan(ids[1]);
        table.answered(ids[3]);
        assert_eq!(table.drain(), [0, 2, 4]);
        assert_eq!(table.answered(ids[0]), Owner::Nobody);
    }
}
