//! Flights: of requests that anybody may need, one at a time is made for each key; whoever comes meanwhile waits for its end.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, ThreadId};
use std::time::Duration;

use bytes::Bytes;

use super::completion::{Completion, Completions, Reply};
use crate::lock::{lock, unpoisoned};

/// What is being asked for now.
#[derive(Debug, Default)]
pub struct Flights {
    under_way: Mutex<HashMap<i32, UnderWay>>,
    landed: Condvar,
}

#[derive(Debug)]
struct UnderWay {
    by: ThreadId,
    /// Calls of event loops that go on when it has ended.
    waiting: Vec<(Arc<Completions>, u64)>,
}

/// The right to make the request. It ends, and others go on, when this is dropped: however the request ended.
#[derive(Debug)]
pub struct Flight {
    flights: Arc<Flights>,
    key: i32,
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, UnderWay>> {
        lock(&self.under_way)
    }

    /// The right to make the request; `None` while another one is under way. Then, if a call is named, it gets a completion
    /// without payload when that one has ended.
    pub fn begin(self: &Arc<Self>, key: i32, call: Option<(&Arc<Completions>, u64)>) -> Option<Flight> {
        let mut under_way = self.lock();
        if let Some(other) = under_way.get_mut(&key) {
            if let Some((completions, token)) = call {
                other.waiting.push((Arc::clone(completions), token));
            }
            return None;
        }
        under_way.insert(key, UnderWay { by: thread::current().id(), waiting: Vec::new() });
        Some(Flight { flights: Arc::clone(self), key })
    }

    /// Whether this thread itself is making the request: then it must not wait for it, for example in a handler of signals.
    pub fn is_mine(&self, key: i32) -> bool {
        self.lock().get(&key).is_some_and(|other| other.by == thread::current().id())
    }

    /// Waits until the request has ended, at most this long. Tells whether it has.
    pub fn wait(&self, key: i32, slice: Duration) -> bool {
        let waited = self.landed.wait_timeout_while(self.lock(), slice, |under_way| under_way.contains_key(&key));
        !unpoisoned(waited).0.contains_key(&key)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let ended = self.flights.lock().remove(&self.key);
        self.flights.landed.notify_all();
        for (completions, token) in ended.map(|ended| ended.waiting).unwrap_or_default() {
            let outcome = Ok(Reply { message: Bytes::new(), payload: 0, opened: None });
            completions.push(Completion { token, outcome });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn one_request_at_a_time_and_the_others_go_on_when_it_has_ended() {
        let flights = Arc::new(Flights::default());
        let completions = Arc::new(Completions::new().unwrap());
        let first = flights.begin(7, None).unwrap();
        assert!(flights.begin(7, Some((&completions, 1))).is_none() && flights.begin(7, Some((&completions, 2))).is_none());
        assert!(flights.begin(8, None).is_some(), "another key");
        assert!(flights.is_mine(7) && !flights.is_mine(8));
        assert!(!flights.wait(7, Duration::from_millis(1)));
        let other = Arc::clone(&flights);
        let waiting =
            thread::spawn(move || (other.is_mine(7), other.wait(7, Duration::from_secs(60)), other.begin(7, None).is_some()));
        drop(first);
        assert_eq!(waiting.join().unwrap(), (false, true, true));
        let mut told = VecDeque::new();
        completions.drain(&mut told);
        assert_eq!(told.iter().map(|completion| completion.token).collect::<Vec<_>>(), [1, 2]);
    }
}
