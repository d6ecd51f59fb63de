//! The moment by which a call has to end.

use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use super::error::{Error, ErrorKind};

/// One deadline covers a whole call: waiting for a connection, opening one, sending, repeating, reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No end.
    pub const NEVER: Self = Self(None);

    /// `timeout` from now. A time too far away to be told is no deadline.
    pub fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// The sooner of this deadline and `timeout` from now.
    #[must_use]
    pub fn sooner(self, timeout: Duration) -> Self {
        match (self.0, Self::after(Some(timeout)).0) {
            (Some(one), Some(other)) => Self(Some(one.min(other))),
            (one, other) => Self(one.or(other)),
        }
    }

    pub fn instant(self) -> Option<Instant> {
        self.0
    }

    /// Time left, at most `slice`; `None` when it has passed.
    pub fn slice(self, slice: Duration) -> Option<Duration> {
        let Some(end) = self.0 else { return Some(slice) };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() { None } else { Some(left.min(slice)) }
    }

    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }

    /// What `future` says, if it says it before the deadline.
    pub(super) async fn limit<T>(self, future: impl Future<Output = T>) -> Result<T, Error> {
        match self.0 {
            Some(end) => timeout_at(end.into(), future).await.map_err(|_| Error::new(ErrorKind::Timeout)),
            None => Ok(future.await),
        }
    }
}
