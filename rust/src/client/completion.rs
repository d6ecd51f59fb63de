//! Finished calls of one event loop: pushed by the connections' tasks, drained by the loop, which is woken once per batch.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;

use super::error::Error;
use super::handle::Handle;
use super::observe::Told;
use crate::lock::lock;

/// A whole message and where its payload starts.
#[derive(Debug)]
pub struct Reply {
    pub message: Bytes,
    pub payload: usize,
    /// What the answer opened; closed with the reply unless somebody takes it.
    pub opened: Option<Handle>,
}

impl Reply {
    pub fn payload(&self) -> &[u8] {
        self.message.get(self.payload..).unwrap_or_default()
    }
}

/// One finished call: who waits for it, and how it ended.
#[derive(Debug)]
pub struct Completion {
    pub token: u64,
    pub outcome: Result<Reply, Error>,
}

/// The queue of one event loop. Its descriptor becomes readable when the queue stops being empty.
#[derive(Debug)]
pub struct Completions {
    queue: Mutex<Vec<Completion>>,
    /// Facts that this loop tells to listeners; each was pushed before the completion that it led to.
    told: Mutex<Vec<Told>>,
    has_told: AtomicBool,
    signal: Signal,
}

impl Completions {
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            queue: Mutex::new(Vec::new()),
            told: Mutex::new(Vec::new()),
            has_told: AtomicBool::new(false),
            signal: Signal::new()?,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Completion>> {
        lock(&self.queue)
    }

    /// To be watched for reading by the loop.
    pub fn descriptor(&self) -> RawFd {
        self.signal.reader().as_raw_fd()
    }

    pub fn push(&self, completion: Completion) {
        self.extend(std::iter::once(completion));
    }

    /// Adds a batch; the loop is woken only if it had nothing to do.
    pub fn extend(&self, batch: impl IntoIterator<Item = Completion>) {
        let mut queue = self.lock();
        let was_empty = queue.is_empty();
        queue.extend(batch);
        let wake = was_empty && !queue.is_empty();
        drop(queue);
        if wake {
            self.signal.raise();
        }
    }

    /// Has the loop tell a fact, before it ends the calls that are pushed from now on.
    pub fn tell(&self, told: Told) {
        lock(&self.told).push(told);
        self.has_told.store(true, Ordering::Release);
        self.signal.raise();
    }

    /// What is to be told; to be asked for after [`Completions::drain`], so that nothing comes after what it led to.
    pub fn take_told(&self) -> Vec<Told> {
        if !self.has_told.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut *lock(&self.told))
    }

    /// Takes everything, into `batch`. Lowers the signal.
    pub fn drain(&self, batch: &mut std::collections::VecDeque<Completion>) {
        // First the signal, then the queue: what is pushed in between raises it again.
        self.signal.lower();
        batch.extend(self.lock().drain(..));
    }
}

#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Signal(OwnedFd);

#[cfg(target_os = "linux")]
impl Signal {
    fn new() -> std::io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    fn reader(&self) -> impl AsFd + AsRawFd + '_ {
        self.0.as_fd()
    }

    fn raise(&self) {
        // It can only fail when the counter is full, and then the loop is awake anyway.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn lower(&self) {
        // Empty already: somebody drained without having been woken.
        let _ = rustix::io::read(&self.0, &mut [0u8; 8]);
    }
}

#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct Signal(std::os::unix::net::UnixStream, std::os::unix::net::UnixStream);

#[cfg(not(target_os = "linux"))]
impl Signal {
    fn new() -> std::io::Result<Self> {
        let (reader, writer) = std::os::unix::net::UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self(reader, writer))
    }

    fn reader(&self) -> impl AsFd + AsRawFd + '_ {
        self.0.as_fd()
    }

    fn raise(&self) {
        // A full buffer means that the loop is awake anyway.
        let _ = std::io::Write::write(&mut &self.1, &[1]);
    }

    fn lower(&self) {
        // Empty already: somebody drained without having been woken.
        let _ = std::io::Read::read(&mut &self.0, &mut [0u8; 64]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;
    use crate::client::error::ErrorKind;

    fn is_raised(completions: &Completions) -> bool {
        let reader = completions.signal.reader();
        let mut fds = [PollFd::new(&reader, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    #[test]
    fn a_batch_raises_the_signal_once_and_draining_lowers_it() {
        let completions = Completions::new().unwrap();
        let done = |token| Completion { token, outcome: Err(Error::new(ErrorKind::ClientClosed)) };
        assert!(!is_raised(&completions));
        completions.extend([done(1), done(2)]);
        completions.push(done(3));
        assert!(is_raised(&completions));
        let mut batch = VecDeque::new();
        completions.drain(&mut batch);
        assert_eq!(batch.iter().map(|one| one.token).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(!is_raised(&completions));
        completions.extend([]);
        assert!(!is_raised(&completions));
        completions.push(done(4));
        assert!(is_raised(&completions));
    }
}
