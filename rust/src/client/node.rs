//! One node: where it listens, its lanes (a stack of idle ones, opened on demand up to a limit), and its shared connection.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::Duration;

use super::affinity::Affinity;
use super::config::Address;
use super::handle::Left;
use super::health::{Health, Turns};
use super::heartbeat::{Pulse, Rhythm};
use super::lane::Lane;
use super::shared::Shared;
use crate::lock::{lock, unpoisoned};
use crate::protocol::handshake::NodeId;
use crate::protocol::op::Opens;

/// A lane that nobody used for this long is closed, down to one.
const IDLE: Duration = Duration::from_secs(60);

/// Cursors that may be open on one lane; servers allow 128 unless they are told otherwise.
const CURSORS: usize = 32;

/// A lane on which something is open, and that waits for the next request about it.
#[derive(Debug, Default)]
struct Kept {
    /// `None` while a call uses it.
    lane: Option<Box<Lane>>,
    cursors: usize,
    transactions: usize,
    /// To be closed as soon as the call that uses the lane has ended.
    closing: Vec<Left>,
}

impl Kept {
    fn count(&mut self, opens: Opens) -> &mut usize {
        match opens {
            Opens::Transaction => &mut self.transactions,
            Opens::Cursor | Opens::Nothing => &mut self.cursors,
        }
    }

    fn is_needed(&self) -> bool {
        self.cursors + self.transactions > 0
    }
}

#[derive(Debug, Default)]
struct Lanes {
    #[expect(clippy::vec_box, reason = "lanes go in and out for every call, and a box is all that moves")]
    idle: Vec<Box<Lane>>,
    /// Lanes with open cursors or transactions, by generation. They do not count as open: whoever keeps a transaction must not
    /// wait for somebody who waits for a lane.
    kept: HashMap<u64, Kept>,
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

/// What a thread gets that asks for one certain lane.
#[derive(Debug)]
pub(super) enum Certain {
    Take(Box<Lane>),
    /// Another thread uses it.
    Wait,
    /// The connection is gone, and what was open on it.
    Gone,
}

/// One node of the cluster.
#[derive(Debug)]
pub struct Node {
    address: Address,
    /// The user named it; others were found through it.
    pub(super) is_configured: bool,
    /// Told by every connection to it of changes of the topology.
    pub(super) affinity: Arc<Affinity>,
    lanes: Mutex<Lanes>,
    freed: Condvar,
    shared: Mutex<Option<Arc<Shared>>>,
    /// One event-loop call opens the shared connection, the others wait for it.
    pub(super) opening: Turns,
    /// As the last handshake told it.
    id: Mutex<Option<NodeId>>,
    pub(super) health: Health,
    /// `None`: the user wants no heartbeats.
    pub(super) pulse: Option<Arc<Pulse>>,
    /// A background task is connecting to it.
    approached: AtomicBool,
    /// An idle lane was found to have ended; see [`Node::take_lost`].
    lost: AtomicBool,
}

impl Node {
    /// A node that the user named.
    pub(super) fn new(address: Address, affinity: Arc<Affinity>, heartbeats: Option<Rhythm>) -> Self {
        Self::at(address, None, true, affinity, heartbeats)
    }

    /// A node that another one named.
    pub(super) fn discovered(address: Address, id: NodeId, affinity: Arc<Affinity>, heartbeats: Option<Rhythm>) -> Self {
        Self::at(address, Some(id), false, affinity, heartbeats)
    }

    fn at(
        address: Address,
        id: Option<NodeId>,
        is_configured: bool,
        affinity: Arc<Affinity>,
        heartbeats: Option<Rhythm>,
    ) -> Self {
        Self {
            address,
            is_configured,
            affinity,
            lanes: Mutex::default(),
            freed: Condvar::new(),
            shared: Mutex::new(None),
            opening: Turns::default(),
            id: Mutex::new(id),
            health: Health::default(),
            pulse: heartbeats.map(|rhythm| Arc::new(Pulse::new(rhythm))),
            approached: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        }
    }

    /// Whether an idle lane has ended since the last time that this was asked.
    #[inline]
    pub(super) fn take_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed) && self.lost.swap(false, Ordering::Relaxed)
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Its id, once a connection has been opened; protocols before 1.4 do not tell.
    pub fn id(&self) -> Option<NodeId> {
        *lock(&self.id)
    }

    pub(super) fn connected(&self, id: Option<NodeId>) {
        *lock(&self.id) = id;
        self.health.connected();
    }

    /// A connection to it is open, as far as anybody has noticed.
    pub fn is_alive(&self) -> bool {
        let lanes = self.lanes();
        let has_lanes = lanes.open > 0 || !lanes.kept.is_empty();
        drop(lanes);
        has_lanes || self.live_shared().is_some()
    }

    /// `false` when somebody is connecting to it in the background already.
    pub(super) fn begin_approach(&self) -> bool {
        !self.approached.swap(true, Ordering::Relaxed)
    }

    pub(super) fn end_approach(&self) {
        self.approached.store(false, Ordering::Relaxed);
    }
}

/// Lanes.
impl Node {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        lock(&self.lanes)
    }

    /// An idle lane, the last used first, or leave to open one. Cursors gather on lanes that have some already.
    pub(super) fn turn(&self, max: usize, opens: Opens) -> Turn {
        let mut lanes = self.lanes();
        if opens == Opens::Cursor && !lanes.kept.is_empty() {
            let suits = |kept: &&mut Kept| kept.lane.is_some() && kept.transactions == 0 && kept.cursors < CURSORS;
            if let Some(lane) = lanes.kept.values_mut().find(suits).and_then(|kept| kept.lane.take()) {
                return Turn::Take(lane);
            }
        }
        while let Some(mut lane) = lanes.idle.pop() {
            if lane.is_stale() {
                lane.note_gone();
            } else if lane.is_silent() {
                lane.note_silent();
                self.health.doubt();
            } else {
                return Turn::Take(lane);
            }
            lanes.open -= 1;
            self.lost.store(true, Ordering::Relaxed);
        }
        if lanes.open >= max {
            return Turn::Wait;
        }
        lanes.open += 1;
        Turn::Open
    }

    /// The lane of this generation, on which something is open.
    pub(super) fn certain(&self, generation: u64) -> Certain {
        let mut lanes = self.lanes();
        let Some(kept) = lanes.kept.get_mut(&generation) else { return Certain::Gone };
        match kept.lane.take() {
            Some(mut lane) => {
                if !lane.is_stale() {
                    return Certain::Take(lane);
                }
                lane.note_gone();
                lanes.kept.remove(&generation);
                Certain::Gone
            }
            None => Certain::Wait,
        }
    }

    /// Waits until a lane is given back or another may be opened, at most for `slice`.
    pub(super) fn wait(&self, slice: Duration, is_possible: impl Fn(usize, usize) -> bool) {
        let mut lanes = self.lanes();
        if !is_possible(lanes.idle.len(), lanes.open) && !lanes.closed {
            lanes.waiting += 1;
            // Why it woke does not matter: the caller asks for its turn again.
            let (mut lanes, _) = unpoisoned(self.freed.wait_timeout(lanes, slice));
            lanes.waiting -= 1;
        }
    }

    /// Waits until the lane of this generation is given back, at most for `slice`.
    pub(super) fn wait_for(&self, generation: u64, slice: Duration) {
        let mut lanes = self.lanes();
        let is_away = lanes.kept.get(&generation).is_some_and(|kept| kept.lane.is_none());
        if is_away && !lanes.closed {
            lanes.waiting += 1;
            let (mut lanes, _) = unpoisoned(self.freed.wait_timeout(lanes, slice));
            lanes.waiting -= 1;
        }
    }

    /// `false` when the client was closed meanwhile: the lane must be dropped.
    pub(super) fn opened(&self, lane: &Lane) -> bool {
        let mut lanes = self.lanes();
        lanes.streams.retain(|stream| stream.strong_count() > 0);
        lanes.streams.push(lane.stream());
        !lanes.closed
    }

    /// A lane that was opened on behalf of another node.
    pub(super) fn count_one(&self) {
        self.lanes().open += 1;
    }

    /// A lane that was counted is not there: it could not be opened, or it broke.
    pub(super) fn not_opened(&self) {
        let mut lanes = self.lanes();
        lanes.open -= 1;
        self.wake(lanes);
    }

    /// Lets waiting threads ask again.
    fn wake(&self, lanes: MutexGuard<'_, Lanes>) {
        // Those that wait for a certain lane wait among the others.
        let (waiting, certain) = (lanes.waiting > 0, !lanes.kept.is_empty());
        drop(lanes);
        if waiting && certain {
            self.freed.notify_all();
        } else if waiting {
            self.freed.notify_one();
        }
    }

    pub(super) fn give_back(&self, mut lane: Box<Lane>) {
        let mut lanes = self.lanes();
        let generation = lane.link().generation;
        if lane.is_broken() || lanes.closed {
            if lanes.kept.remove(&generation).is_none() || lane.is_counted {
                lanes.open -= 1;
            }
            if lane.is_broken() {
                self.health.doubt();
                // Its neighbours were connected to the same process: those that are gone too are not offered any more.
                let before = lanes.idle.len();
                lanes.idle.retain_mut(|idle| {
                    let is_gone = idle.is_gone();
                    if is_gone {
                        idle.note_gone();
                    }
                    !is_gone
                });
                lanes.open -= before - lanes.idle.len();
            }
            self.freed.notify_all();
            return;
        }
        if let Some(kept) = lanes.kept.get_mut(&generation) {
            for left in std::mem::take(&mut kept.closing) {
                lane.forget(left);
                *kept.count(left.opens) -= 1;
            }
            if kept.is_needed() {
                if std::mem::take(&mut lane.is_counted) {
                    lanes.open -= 1;
                }
                if let Some(kept) = lanes.kept.get_mut(&generation) {
                    kept.lane = Some(lane);
                }
                return self.wake(lanes);
            }
            lanes.kept.remove(&generation);
        }
        lanes.rest(lane);
        self.wake(lanes);
    }

    /// Something was opened on the lane of this generation, which a call uses now.
    pub(super) fn keep(&self, generation: u64, opens: Opens) {
        *self.lanes().kept.entry(generation).or_default().count(opens) += 1;
    }

    /// Something on the lane of this generation is closed.
    pub(super) fn release(&self, generation: u64, opens: Opens) {
        let mut lanes = self.lanes();
        let Some(kept) = lanes.kept.get_mut(&generation) else { return };
        *kept.count(opens) -= 1;
        lanes.settle(generation);
        self.wake(lanes);
    }

    /// Closes something on the lane of this generation, without waiting for the answer.
    pub(super) fn close_handle(&self, generation: u64, left: Left) {
        let mut lanes = self.lanes();
        let Some(kept) = lanes.kept.get_mut(&generation) else { return };
        match &mut kept.lane {
            Some(lane) => lane.forget(left),
            None => {
                kept.closing.push(left);
                return;
            }
        }
        *kept.count(left.opens) -= 1;
        lanes.settle(generation);
        self.wake(lanes);
    }

    /// A lane that was opened for nobody in particular.
    pub(super) fn adopt(&self, lane: Box<Lane>) {
        if !self.opened(&lane) {
            return;
        }
        let mut lanes = self.lanes();
        lanes.open += 1;
        lanes.rest(lane);
        self.wake(lanes);
    }

    /// It left the cluster: nothing new goes to it, and what is idle is closed. Gives back its shared connection.
    pub(super) fn retire(&self) -> Option<Arc<Shared>> {
        let mut lanes = self.lanes();
        lanes.open -= lanes.idle.len();
        lanes.idle.clear();
        drop(lanes);
        lock(&self.shared).take()
    }

    /// Looks after the connections that nobody uses at this moment: takes in what has come, sends heartbeats where they are due.
    pub(super) fn tend(&self) {
        let mut lanes = self.lanes();
        let Lanes { idle, kept, open, .. } = &mut *lanes;
        let before = idle.len();
        idle.retain_mut(|lane| lane.tend());
        if idle.len() < before {
            *open -= before - idle.len();
            self.lost.store(true, Ordering::Relaxed);
        }
        kept.retain(|_, kept| kept.lane.as_mut().is_none_or(|lane| lane.tend()));
        drop(lanes);
        let shared = lock(&self.shared).clone();
        if let Some(shared) = shared {
            shared.tend();
        }
    }

    /// Ends every call on a connection of this node, and every idle lane.
    pub(super) fn close(&self) {
        let mut lanes = self.lanes();
        lanes.closed = true;
        lanes.open -= lanes.idle.len();
        lanes.idle.clear();
        lanes.kept.clear();
        for stream in lanes.streams.drain(..).filter_map(|stream| stream.upgrade()) {
            // It fails only where the connection is gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(lanes);
        self.freed.notify_all();
        let shared = lock(&self.shared).take();
        if let Some(shared) = shared {
            shared.close();
        }
    }

    /// In the child of a fork: lets go of the descriptors, without a word to the server. The parent goes on using them.
    pub(super) fn abandon(&self) {
        // Somebody may have held the lock at the moment of the fork; then the descriptors stay until the child ends.
        if let Ok(mut lanes) = self.lanes.try_lock() {
            let Lanes { idle, kept, .. } = &mut *lanes;
            idle.iter_mut().for_each(|lane| lane.silence());
            kept.values_mut().filter_map(|kept| kept.lane.as_mut()).for_each(|lane| lane.silence());
            lanes.idle.clear();
            lanes.kept.clear();
        }
    }
}

impl Lanes {
    /// A lane that nobody needs any more joins the idle ones.
    fn rest(&mut self, mut lane: Box<Lane>) {
        if !std::mem::replace(&mut lane.is_counted, true) {
            self.open += 1;
        }
        self.idle.push(lane);
        if self.idle.len() > 1 && self.idle.first().is_some_and(|lane| lane.rested() > IDLE) {
            self.idle.remove(0);
            self.open -= 1;
        }
    }

    /// Looks whether anything is still open on a lane.
    fn settle(&mut self, generation: u64) {
        let Some(kept) = self.kept.get(&generation) else { return };
        if kept.is_needed() || !kept.closing.is_empty() {
            return;
        }
        if let Some(lane) = self.kept.remove(&generation).and_then(|kept| kept.lane) {
            if lane.is_broken() { drop(lane) } else { self.rest(lane) }
        }
    }
}

/// The shared connection.
impl Node {
    pub(super) fn live_shared(&self) -> Option<Arc<Shared>> {
        lock(&self.shared).as_ref().filter(|shared| shared.is_welcoming()).cloned()
    }

    /// The connection to use from now on: this one, unless one was opened meanwhile on which calls may be in flight; and the one that
    /// was used before.
    pub(super) fn set_shared(&self, opened: Arc<Shared>) -> (Arc<Shared>, Option<Arc<Shared>>) {
        let mut shared = lock(&self.shared);
        match shared.as_ref().filter(|shared| shared.is_welcoming()) {
            Some(before) => (Arc::clone(before), None),
            None => {
                let before = shared.replace(Arc::clone(&opened));
                (opened, before)
            }
        }
    }
}
