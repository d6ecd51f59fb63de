//! Heartbeats: small requests over connections on which nothing else happens. They keep a server from ending them, and one that hangs
//! is noticed by them if the user wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::core::Link;
use crate::protocol::Writer;
use crate::protocol::op::Operation;
use crate::protocol::op::connection::{GET_IDLE_TIMEOUT, HEARTBEAT, read_idle_timeout};

/// Servers that end a connection sooner than this after the last heartbeat can not be kept from it.
const SHORTEST: Duration = Duration::from_millis(500);

/// How long a connection rests before the server is asked after how long it would end it.
const FIRST: Duration = Duration::from_millis(500);

/// Not known yet.
const UNKNOWN: u64 = u64::MAX;

/// How often the user wants heartbeats, and how long their answers may take.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    pub interval: Duration,
    /// A connection whose heartbeat has no answer by then is given up, with all that is in flight. `None`: never.
    pub timeout: Option<Duration>,
}

/// The heartbeats of the connections to one node.
#[derive(Debug)]
pub(super) struct Pulse {
    rhythm: Rhythm,
    /// Milliseconds after which the server ends a silent connection; 0 if never.
    idle_timeout: AtomicU64,
}

impl Pulse {
    pub fn new(rhythm: Rhythm) -> Self {
        Self { rhythm, idle_timeout: AtomicU64::new(UNKNOWN) }
    }

    /// A third of what the server allows, if that is less than what the user wants.
    pub fn interval(&self) -> Duration {
        match self.idle_timeout.load(Ordering::Relaxed) {
            UNKNOWN => self.rhythm.interval.min(FIRST),
            0 => self.rhythm.interval,
            milliseconds => self.rhythm.interval.min(Duration::from_millis(milliseconds / 3).max(SHORTEST)),
        }
    }

    /// How often one has to look whether a heartbeat is due: often enough to be in time.
    pub fn tick(&self) -> Duration {
        let interval = self.interval();
        // A client that is never idle does not come to ask, and is not to be woken often for it.
        if self.is_known() { interval / 8 } else { interval }
    }

    /// The server has told after how long it ends a silent connection.
    fn is_known(&self) -> bool {
        self.idle_timeout.load(Ordering::Relaxed) != UNKNOWN
    }

    /// The first heartbeat asks how long the server waits for the next.
    fn operation(&self) -> &'static Operation {
        if self.is_known() { &HEARTBEAT } else { &GET_IDLE_TIMEOUT }
    }

    /// A server that does not tell is believed to wait for ever.
    fn learn(&self, answer: &[u8]) {
        if !self.is_known() {
            self.idle_timeout.store(read_idle_timeout(answer).unwrap_or(0), Ordering::Relaxed);
        }
    }
}

/// What a connection has to do now.
#[derive(Debug)]
pub(super) enum Beat {
    Rest,
    Send(&'static Operation),
    /// The last one had no answer for so long.
    Missed(Duration),
}

/// The heartbeats of one connection.
#[derive(Debug)]
pub(super) struct Heart {
    pulse: Arc<Pulse>,
    /// The server was heard, or a heartbeat was sent.
    last: Instant,
    /// A heartbeat has no answer since then.
    waiting: Option<Instant>,
    /// Its request id.
    asked: i64,
}

impl Heart {
    /// Of a connection whose server knows heartbeats, if the user wants them.
    pub fn new(pulse: Option<&Arc<Pulse>>, link: &Link) -> Option<Self> {
        let pulse = pulse.filter(|_| HEARTBEAT.is_known_to(&link.context))?;
        Some(Self { pulse: Arc::clone(pulse), last: Instant::now(), waiting: None, asked: 0 })
    }

    /// A sign of life, whatever it was.
    pub fn heard(&mut self, at: Instant) {
        if at >= self.last {
            (self.last, self.waiting) = (at, None);
        }
    }

    /// A heartbeat was sent.
    pub fn sent(&mut self, id: i64) {
        self.asked = id;
    }

    /// An answer has come that no call waits for.
    pub fn answered(&mut self, id: i64, answer: &[u8]) {
        if self.asked == id {
            self.pulse.learn(answer);
            self.waiting = None;
        }
    }

    /// What was sent has not left this process yet: the time for its answer has not begun.
    pub fn is_on_its_way(&mut self) {
        self.waiting = self.waiting.map(|_| Instant::now());
    }

    pub fn next(&mut self) -> Beat {
        let now = Instant::now();
        match (self.waiting, self.pulse.rhythm.timeout) {
            (Some(since), Some(timeout)) if now - since >= timeout => Beat::Missed(timeout),
            (Some(_), _) => Beat::Rest,
            // A little early, since nobody looks at the very moment.
            (None, _) if now - self.last >= self.pulse.interval() * 3 / 4 => {
                (self.last, self.waiting) = (now, Some(now));
                Beat::Send(self.pulse.operation())
            }
            (None, _) => Beat::Rest,
        }
    }
}

/// The request, as `Writer::request` began it.
pub(super) fn frame() -> Vec<u8> {
    Writer::request(Vec::new()).into_buffer()
}

/// Why the connection is given up.
pub(super) fn missed(timeout: Duration) -> std::io::Error {
    let text = format!("the server has not answered a heartbeat for {} s", timeout.as_secs_f64());
    std::io::Error::new(std::io::ErrorKind::TimedOut, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(interval: u64, timeout: Option<u64>) -> Arc<Pulse> {
        Arc::new(Pulse::new(Rhythm { interval: Duration::from_millis(interval), timeout: timeout.map(Duration::from_millis) }))
    }

    fn heart(pulse: &Arc<Pulse>) -> Heart {
        Heart { pulse: Arc::clone(pulse), last: Instant::now(), waiting: None, asked: 0 }
    }

    #[test]
    fn the_interval_is_a_third_of_what_the_server_allows() {
        let pulse = pulse(30_000, None);
        assert_eq!(pulse.interval(), FIRST);
        pulse.learn(&9_000i64.to_le_bytes());
        assert_eq!(pulse.interval(), Duration::from_secs(3));
        pulse.learn(&0i64.to_le_bytes());
        assert_eq!(pulse.interval(), Duration::from_secs(3), "it is asked once");
    }

    #[test]
    fn what_the_server_allows_has_limits_too() {
        for (told, interval) in [(&600i64.to_le_bytes()[..], 500), (&0i64.to_le_bytes(), 2_000), (&[], 2_000), (&[255; 8], 2_000)]
        {
            let pulse = pulse(2_000, None);
            pulse.learn(told);
            assert_eq!(pulse.interval(), Duration::from_millis(interval), "{told:?}");
        }
    }

    #[test]
    fn the_first_asks_and_the_next_ones_only_knock() {
        let pulse = pulse(40, None);
        let mut heart = heart(&pulse);
        assert!(matches!(heart.next(), Beat::Rest));
        std::thread::sleep(Duration::from_millis(45));
        assert!(matches!(heart.next(), Beat::Send(operation) if operation.code == GET_IDLE_TIMEOUT.code));
        std::thread::sleep(Duration::from_millis(45));
        assert!(matches!(heart.next(), Beat::Rest), "one at a time");
        heart.sent(7);
        heart.answered(6, &[]);
        assert!(matches!(heart.next(), Beat::Rest), "the answer to something else");
        heart.answered(7, &0i64.to_le_bytes());
        assert!(matches!(heart.next(), Beat::Send(operation) if operation.code == HEARTBEAT.code));
    }

    #[test]
    fn a_sign_of_life_is_as_good_as_an_answer() {
        let pulse = pulse(40, Some(30));
        let mut heart = heart(&pulse);
        std::thread::sleep(Duration::from_millis(45));
        let before = Instant::now();
        assert!(matches!(heart.next(), Beat::Send(_)));
        std::thread::sleep(Duration::from_millis(35));
        // What came before it was sent says nothing.
        heart.heard(before);
        assert!(matches!(heart.next(), Beat::Missed(_)));
        heart.is_on_its_way();
        assert!(matches!(heart.next(), Beat::Rest));
        std::thread::sleep(Duration::from_millis(35));
        assert!(matches!(heart.next(), Beat::Missed(_)));
        heart.heard(Instant::now());
        assert!(matches!(heart.next(), Beat::Rest));
    }
}
