//! One node's lanes: a stack of idle ones, opened on demand up to a limit.

use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::lane::Lane;

/// A lane that nobody used for this long is closed, down to one.
const IDLE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Lanes {
    idle: Vec<Lane>,
    /// Open or being opened, idle ones included.
    open: usize,
    /// Connections of the open lanes, to end the calls on them when the client is closed.
    streams: Vec<Weak<TcpStream>>,
    /// Threads that wait for a lane: waking nobody would be a system call for nothing.
    waiting: usize,
    closed: bool,
}

/// What a thread gets that asks for a lane.
#[derive(Debug)]
pub(super) enum Turn {
    /// A lane that was idle.
    Take(Box<Lane>),
    /// It may open one more; [`Node::opened`] or [`Node::not_opened`] must follow.
    Open,
    /// All are in use, and no more are allowed.
    Wait,
}

/// The lanes to one node.
#[derive(Debug, Default)]
pub(super) struct Node {
    lanes: Mutex<Lanes>,
    freed: Condvar,
}

impl Node {
    fn lock(&self) -> MutexGuard<'_, Lanes> {
        // Nothing in here panics half way, so a poisoned lock still guards whole data.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle lane, the last used first, or leave to open one.
    pub fn turn(&self, max: usize) -> Turn {
        let mut lanes = self.lock();
        while let Some(lane) = lanes.idle.pop() {
            if !lane.is_stale() {
                return Turn::Take(Box::new(lane));
            }
            lanes.open -= 1;
        }
        if lanes.open >= max {
            return Turn::Wait;
        }
        lanes.open += 1;
        Turn::Open
    }

    /// Waits until a lane is given back or another may be opened, at most for `slice`.
    pub fn wait(&self, max: usize, slice: Duration) {
        let mut lanes = self.lock();
        if lanes.idle.is_empty() && lanes.open >= max && !lanes.closed {
            lanes.waiting += 1;
            // Why it woke does not matter: the caller asks for its turn again.
            let (mut lanes, _) = self.freed.wait_timeout(lanes, slice).unwrap_or_else(PoisonError::into_inner);
            lanes.waiting -= 1;
        }
    }

    /// `false` when the client was closed meanwhile: the lane must be dropped.
    pub fn opened(&self, lane: &Lane) -> bool {
        let mut lanes = self.lock();
        lanes.streams.retain(|stream| stream.strong_count() > 0);
        lanes.streams.push(lane.stream());
        !lanes.closed
    }

    /// A lane that was opened on behalf of another node.
    pub fn count_one(&self) {
        self.lock().open += 1;
    }

    /// A lane that was counted is not there: it could not be opened, or it broke.
    pub fn not_opened(&self) {
        let mut lanes = self.lock();
        lanes.open -= 1;
        self.wake(lanes);
    }

    /// Lets a waiting thread ask again.
    fn wake(&self, lanes: MutexGuard<'_, Lanes>) {
        let waiting = lanes.waiting > 0;
        drop(lanes);
        if waiting {
            self.freed.notify_one();
        }
    }

    pub fn give_back(&self, lane: Lane) {
        let mut lanes = self.lock();
        if lane.is_broken() || lanes.closed {
            lanes.open -= 1;
            if lane.is_broken() {
                // Its neighbours were connected to the same process: those that are gone too are not offered any more.
                let before = lanes.idle.len();
                lanes.idle.retain(|idle| !idle.is_gone());
                lanes.open -= before - lanes.idle.len();
            }
        } else {
            lanes.idle.push(lane);
            if lanes.idle.len() > 1 && lanes.idle.first().is_some_and(|lane| lane.rested() > IDLE) {
                lanes.idle.remove(0);
                lanes.open -= 1;
            }
        }
        self.wake(lanes);
    }

    /// Ends every call on a lane of this node, and every idle lane.
    pub fn close(&self) {
        let mut lanes = self.lock();
        lanes.closed = true;
        lanes.open -= lanes.idle.len();
        lanes.idle.clear();
        for stream in lanes.streams.drain(..).filter_map(|stream| stream.upgrade()) {
            // It fails only where the connection is gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(lanes);
        self.freed.notify_all();
    }

    /// In the child of a fork: lets go of the descriptors, without a word to the server. The parent goes on using them.
    pub fn abandon(&self) {
        // Somebody may have held the lock at the moment of the fork; then the descriptors stay until the child ends.
        if let Ok(mut lanes) = self.lanes.try_lock() {
            lanes.idle.clear();
        }
    }
}
