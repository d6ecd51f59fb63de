//! What is known about connecting to a node, and who may try it: one at a time and after a pause, once it has failed.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use super::deadline::Deadline;
use super::error::Error;
use crate::lock::lock;

/// A node that could not be connected is not tried again for a call that another node can serve, at first for this long; each
/// failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// While no other node can serve either, attempts begin at least this far apart, and up to so much more, so that many clients do not
/// come back at the same moment.
const INTERVAL: Duration = Duration::from_millis(500);
const JITTER: Duration = Duration::from_millis(100);

/// Something that one at a time does and that may fail. Those who waited for their turn meanwhile fail with it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turn: tokio::sync::Mutex<()>,
    failures: Mutex<Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    count: u64,
    last: Option<Error>,
}

/// The turn of one.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    /// How the one before failed, if that was while this one waited.
    pub missed: Option<Error>,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl Turns {
    fn failures(&self) -> MutexGuard<'_, Failures> {
        lock(&self.failures)
    }

    pub async fn take(&self, deadline: Deadline) -> Result<Turn<'_>, Error> {
        let before = self.failures().count;
        let turn = deadline.limit(self.turn.lock()).await?;
        let failures = self.failures();
        let missed = failures.last.as_ref().filter(|_| failures.count != before).cloned();
        Ok(Turn { turns: self, missed, _turn: turn })
    }

    fn is_taken(&self) -> bool {
        self.turn.try_lock().is_err()
    }
}

impl Turn<'_> {
    /// It failed. Whoever ran out of time before the attempt could tell anything keeps that to itself.
    pub fn failed(&self, error: &Error, deadline: Deadline) {
        if !deadline.has_passed() {
            let mut failures = self.turns.failures();
            failures.count += 1;
            failures.last = Some(error.clone());
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    /// Since it was last connected an attempt failed, or a connection was lost.
    is_doubtful: bool,
    is_met: bool,
    setback: Option<Setback>,
}

/// The last attempt failed.
#[derive(Debug)]
struct Setback {
    error: Error,
    /// Not before this moment, unless there is no other node.
    promising: Instant,
    pause: Duration,
    /// Not before this moment.
    next: Instant,
}

/// How a node stands.
#[derive(Debug, Default)]
pub(super) struct Health {
    known: Mutex<Known>,
    turns: Turns,
}

impl Health {
    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    /// Leave to connect: for everybody at once (`None`), or for one at a time when there is doubt.
    pub async fn leave(&self, deadline: Deadline) -> Result<Option<Turn<'_>>, Error> {
        if !self.known().is_doubtful {
            return Ok(None);
        }
        // Who waits in vain tells why the node could not be connected, not only that time was up.
        let why = |timeout| self.known().setback.as_ref().map_or(timeout, |setback| setback.error.clone());
        let turn = self.turns.take(deadline).await.map_err(why)?;
        if !self.known().is_doubtful {
            return Ok(None);
        }
        if let Some(error) = turn.missed {
            return Err(error);
        }
        let next = self.known().setback.as_ref().map(|setback| setback.next);
        if let Some(next) = next {
            deadline.limit(sleep_until(next.into())).await.map_err(why)?;
        }
        Ok(Some(turn))
    }

    /// It could not be connected.
    pub fn failed(&self, turn: Option<&Turn<'_>>, begun: Instant, error: &Error, deadline: Deadline) {
        let now = Instant::now();
        let mut known = self.known();
        known.is_doubtful = true;
        // Of many who tried while there was no doubt, only the first counts.
        let growth = if turn.is_some() { 2 } else { 1 };
        let pause = known.setback.take().map_or(FIRST_PAUSE, |before| (before.pause * growth).min(LONGEST_PAUSE));
        let next = begun + INTERVAL + JITTER.mul_f64(random());
        known.setback = Some(Setback { error: error.clone(), promising: now + pause, pause, next });
        drop(known);
        if let Some(turn) = turn {
            turn.failed(error, deadline);
        }
    }

    pub fn connected(&self) {
        *self.known() = Known { is_met: true, ..Known::default() };
    }

    /// A connection to it was lost: the next one is opened with care.
    pub fn doubt(&self) {
        self.known().is_doubtful = true;
    }

    /// No connection to it was opened yet, and nothing says that it would be in vain.
    pub fn is_to_be_met(&self) -> bool {
        !self.known().is_met && self.is_promising()
    }

    /// Whether it is worth trying while others can serve: not soon after a failure, and not while somebody else tries.
    pub fn is_promising(&self) -> bool {
        let known = self.known();
        known.setback.as_ref().is_none_or(|setback| Instant::now() >= setback.promising)
            && !(known.is_doubtful && self.turns.is_taken())
    }
}

/// From 0 to 1.
fn random() -> f64 {
    RandomState::new().hash_one(0u8) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinHandle;

    use super::super::error::ErrorKind;
    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    fn refused() -> Error {
        std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()
    }

    fn fail(health: &Health) {
        health.failed(None, Instant::now(), &refused(), Deadline::NEVER);
    }

    #[test]
    fn everybody_may_connect_at_once_unless_there_is_doubt() {
        run(async {
            let health = Health::default();
            assert!(health.leave(Deadline::NEVER).await.unwrap().is_none());
            health.doubt();
            let turn = health.leave(Deadline::NEVER).await.unwrap();
            assert!(turn.is_some());
            let soon = Deadline::after(Some(Duration::from_millis(20)));
            assert!(health.leave(soon).await.unwrap_err().is_timeout());
            drop(turn);
            health.connected();
            assert!(health.leave(Deadline::NEVER).await.unwrap().is_none());
        });
    }

    #[test]
    fn attempts_keep_their_distance() {
        run(async {
            let health = Health::default();
            fail(&health);
            let begun = Instant::now();
            for attempt in 1..=3 {
                let turn = health.leave(Deadline::NEVER).await.unwrap();
                let waited = begun.elapsed().as_millis();
                assert!(waited >= 490 * attempt && waited < 620 * attempt + 200, "attempt {attempt} after {waited} ms");
                health.failed(turn.as_ref(), Instant::now(), &refused(), Deadline::NEVER);
            }
        });
    }

    #[test]
    fn a_node_that_fails_is_of_no_promise_for_longer_and_longer() {
        run(async {
            let health = Health::default();
            assert!(health.is_promising());
            fail(&health);
            let turn = health.leave(Deadline::NEVER).await.unwrap();
            health.failed(turn.as_ref(), Instant::now(), &refused(), Deadline::NEVER);
            drop(turn);
            // Others who had begun before do not count.
            fail(&health);
            tokio::time::sleep(Duration::from_millis(700)).await;
            assert!(!health.is_promising());
            tokio::time::sleep(Duration::from_millis(400)).await;
            assert!(health.is_promising());
            health.connected();
            fail(&health);
            tokio::time::sleep(Duration::from_millis(550)).await;
            assert!(health.is_promising(), "the first failure after a success");
        });
    }

    /// Somebody else asks for leave, and has begun to wait for it; tells whether it was a turn.
    async fn ask(health: &Arc<Health>) -> JoinHandle<Result<bool, Error>> {
        let health = Arc::clone(health);
        let asking = tokio::spawn(async move { health.leave(Deadline::NEVER).await.map(|turn| turn.is_some()) });
        tokio::time::sleep(Duration::from_millis(20)).await;
        asking
    }

    #[test]
    fn nobody_waits_for_another_ones_attempt_whom_other_nodes_can_serve() {
        run(async {
            let health = Health::default();
            health.doubt();
            assert!(health.is_promising());
            let turn = health.leave(Deadline::NEVER).await.unwrap();
            assert!(turn.is_some() && !health.is_promising());
            drop(turn);
            assert!(health.is_promising());
        });
    }

    #[test]
    fn those_who_wait_fail_with_the_one_who_tries() {
        run(async {
            let health = Arc::new(Health::default());
            health.doubt();
            let turn = health.leave(Deadline::NEVER).await.unwrap();
            let waiting = [ask(&health).await, ask(&health).await];
            health.failed(turn.as_ref(), Instant::now(), &refused(), Deadline::NEVER);
            drop(turn);
            for waited in waiting {
                assert!(matches!(waited.await.unwrap().unwrap_err().kind(), ErrorKind::Io(_)));
            }
        });
    }

    #[test]
    fn whoever_runs_out_of_time_fails_alone_and_says_why() {
        run(async {
            let health = Arc::new(Health::default());
            health.doubt();
            let short = Deadline::after(Some(Duration::from_millis(1)));
            let turn = health.leave(Deadline::NEVER).await.unwrap();
            let waiting = ask(&health).await;
            health.failed(turn.as_ref(), Instant::now(), &Error::new(ErrorKind::Timeout), short);
            drop(turn);
            assert!(waiting.await.unwrap().unwrap(), "it was its turn");
            fail(&health);
            let short = Deadline::after(Some(Duration::from_millis(1)));
            assert!(matches!(health.leave(short).await.unwrap_err().kind(), ErrorKind::Io(_)));
        });
    }
}
