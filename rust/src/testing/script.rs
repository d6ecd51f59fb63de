//! Rules (what goes wrong, where, how often) and counters (what came in), shared by the scripted node and the gate.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use super::voice::Voice;
use crate::lock::lock;

/// What happens to one answer, or to one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// So many bytes of it, then the connection is closed, or reset.
    Cut { bytes: usize, reset: bool },
    /// So many bytes of it, then this direction ends; the other one goes on.
    HalfClose { bytes: usize },
    /// It comes later; other requests are served meanwhile.
    Hold(Duration),
    /// It waits for `release`; other requests are served meanwhile.
    Keep,
    /// It never comes.
    Silence,
    /// It comes byte by byte, with a pause after each.
    Dribble(Duration),
    /// It comes at no more than so many bytes a second.
    Throttle { bytes_per_second: u32 },
    /// These bytes come in its place.
    Instead(Vec<u8>),
    /// These bytes come before it.
    First(Vec<u8>),
    /// These bytes come after it.
    Then(Vec<u8>),
    /// A whole answer with this payload comes in its place.
    Payload(Vec<u8>),
    /// An error.
    Refuse { status: i32, message: Cow<'static, str> },
    /// Answers to requests that nobody made come first: the id moved by each offset.
    StrayFirst(Vec<i64>),
    /// It carries another id: moved by this much.
    WrongId(i64),
    /// Bits of one byte are turned round; an offset beyond its end counts from the start again.
    Garble { offset: usize, mask: u8 },
    /// It comes twice.
    Repeat,
    /// The first of two is kept and comes after the second.
    Swap,
    /// It says that the topology has this version now.
    Topology { major: i64, minor: i32 },
    /// It waits for `release`, and until then nothing more is read on this connection.
    Deaf,
    /// No answer, and everything that comes on this connection is thrown away from now on.
    BlackHole,
}

/// What a rule changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The way to the server: the request has not been carried out yet.
    Request,
    /// The way back: it has been.
    #[default]
    Answer,
}

/// One rule: the next `times` messages of this operation, after the first `skip`.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Any operation without.
    pub operation: Option<i16>,
    pub direction: Direction,
    pub fault: Fault,
    pub skip: usize,
    pub times: usize,
}

/// Rules, counters and open connections of one node or gate.
#[derive(Debug, Default)]
pub struct Script {
    rules: Vec<Rule>,
    requests: HashMap<i16, usize>,
    by_connection: BTreeMap<usize, usize>,
    /// The ways to a connection's client, and, of a gate, to its node.
    voices: BTreeMap<usize, Vec<Weak<Voice>>>,
    accepted: usize,
}

impl Script {
    pub fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub fn forget_rules(&mut self) {
        self.rules.clear();
    }

    /// What happens to this message, if a rule speaks of it.
    pub fn fault(&mut self, operation: i16, direction: Direction) -> Option<Fault> {
        for index in 0..self.rules.len() {
            let rule = &mut self.rules[index];
            // A rule for any operation is about requests, not about what comes before them.
            let fits = rule.operation.map_or(operation >= 0, |code| code == operation);
            if !fits || rule.direction != direction {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times = rule.times.saturating_sub(1);
            let fault = rule.fault.clone();
            if rule.times == 0 {
                self.rules.remove(index);
            }
            return Some(fault);
        }
        None
    }

    pub fn count(&mut self, connection: usize, operation: i16) {
        *self.requests.entry(operation).or_default() += 1;
        *self.by_connection.entry(connection).or_default() += 1;
    }

    pub fn reset_counters(&mut self) {
        self.requests.clear();
        self.by_connection.clear();
    }

    pub fn requests(&self) -> &HashMap<i16, usize> {
        &self.requests
    }

    pub fn by_connection(&self) -> &BTreeMap<usize, usize> {
        &self.by_connection
    }

    /// A new connection's number.
    pub fn accept(&mut self, voice: &Arc<Voice>) -> usize {
        let number = self.accepted;
        self.accepted += 1;
        self.voices.insert(number, vec![Arc::downgrade(voice)]);
        number
    }

    /// The other end of a connection that passes a gate.
    pub fn passes_to(&mut self, number: usize, voice: &Arc<Voice>) {
        self.voices.entry(number).or_default().push(Arc::downgrade(voice));
    }

    pub fn accepted(&self) -> usize {
        self.accepted
    }

    pub fn open(&self) -> usize {
        self.voices.len()
    }

    pub fn ended(&mut self, number: usize) {
        self.voices.remove(&number);
    }

    pub fn voices(&self) -> Vec<Arc<Voice>> {
        self.voices.values().flatten().filter_map(Weak::upgrade).collect()
    }
}

/// A script that threads share.
#[derive(Debug, Default)]
pub struct Shared(Mutex<Script>);

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Script> {
        lock(&self.0)
    }

    /// Closes all connections.
    pub fn kick(&self, reset: bool) {
        let voices = self.lock().voices();
        voices.iter().for_each(|voice| voice.end(reset));
    }

    /// Ends what faults do at this moment: see [`Voice::release`].
    pub fn release(&self) {
        let voices = self.lock().voices();
        voices.iter().for_each(|voice| voice.release());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_meets_the_messages_that_it_names() {
        let mut script = Script::default();
        let rule = |operation, direction, skip, times| Rule { operation, direction, fault: Fault::Silence, skip, times };
        script.add(rule(Some(1000), Direction::Answer, 2, 1));
        script.add(rule(Some(1001), Direction::Request, 0, 2));
        let mut meets = |operation, direction| script.fault(operation, direction).is_some();
        assert_eq!([(); 4].map(|()| meets(1000, Direction::Answer)), [false, false, true, false]);
        assert!(!meets(1001, Direction::Answer));
        assert_eq!([(); 3].map(|()| meets(1001, Direction::Request)), [true, true, false]);
    }

    #[test]
    fn a_rule_for_any_operation_leaves_handshakes_alone() {
        let mut script = Script::default();
        script.add(Rule { operation: None, direction: Direction::Answer, fault: Fault::Silence, skip: 0, times: 1 });
        assert!(script.fault(super::super::HANDSHAKE, Direction::Answer).is_none());
        assert!(script.fault(0, Direction::Answer).is_some());
    }
}
