//! Calls of event loops: a request is given to a shared connection, and its end is told to the loop.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::completion::{Completion, Completions, Reply};
use super::connect::{Opened, open_any};
use super::deadline::Deadline;
use super::error::{Error, ErrorKind, Sent};
use super::handle::{Place, Target};
use super::node::Node;
use super::observe::{ConnectionEvent, Tell, Told};
use super::pool::{MEETING, Pool};
use super::shared::{Rejected, Shared, Submitted};
use crate::lock::lock;
use crate::protocol::op::Operation;

/// Where a call of an event loop is; dropping it changes nothing, [`Ticket::leave`] lets the answer go.
#[derive(Debug)]
pub enum Ticket {
    Sent {
        shared: Weak<Shared>,
        id: i64,
    },
    /// It waits for a connection, or for room on one, in a task of its own, which also keeps to the deadline until then.
    Opening {
        stage: Arc<Mutex<Stage>>,
        task: AbortHandle,
    },
    /// It ended before it began; its completion is on the way.
    Ended,
}

/// A call that had to wait for a connection.
#[derive(Debug)]
pub enum Stage {
    Waiting,
    Sent(Weak<Shared>, i64),
    Left,
}

impl Ticket {
    /// It was given to a connection at once. One that had to wait is told of later ([`Told::Sent`]), behind what happened on its way.
    pub fn is_sent(&self) -> bool {
        matches!(self, Self::Sent { .. })
    }

    /// The request has not been given to a connection yet.
    pub fn is_waiting(&self) -> bool {
        match self {
            Self::Sent { .. } | Self::Ended => false,
            Self::Opening { stage, .. } => matches!(*lock(stage), Stage::Waiting),
        }
    }

    /// The connection that the request was given to, and its id there.
    pub fn sent(&self) -> Option<(Arc<Shared>, i64)> {
        let (shared, id) = match self {
            Self::Sent { shared, id } => (shared.upgrade(), *id),
            Self::Opening { stage, .. } => match &*lock(stage) {
                Stage::Sent(shared, id) => (shared.upgrade(), *id),
                Stage::Waiting | Stage::Left => return None,
            },
            Self::Ended => return None,
        };
        Some((shared?, id))
    }

    /// The caller leaves: nobody is told when the answer comes. Tells whether the request had left.
    pub fn leave(self) -> Sent {
        let (shared, id) = match self {
            Self::Sent { shared, id } => (shared, id),
            Self::Opening { stage, task } => match std::mem::replace(&mut *lock(&stage), Stage::Left) {
                Stage::Sent(shared, id) => (shared, id),
                Stage::Waiting | Stage::Left => {
                    // What the task holds, the request among it, is of no more use to anybody.
                    task.abort();
                    return Sent::No;
                }
            },
            Self::Ended => return Sent::No,
        };
        if let Some(shared) = shared.upgrade() {
            shared.orphan(id);
        }
        Sent::Maybe
    }
}

impl Pool {
    /// Opens the shared connection; its end is told to `completions` under `token`.
    pub fn start_connect(self: &Arc<Self>, deadline: Deadline, completions: &Arc<Completions>, token: u64) -> Ticket {
        let stage = Arc::new(Mutex::new(Stage::Waiting));
        let (pool, completions, kept) = (Arc::clone(self), Arc::clone(completions), Arc::clone(&stage));
        let task = self.runtime.spawn(async move {
            let tell = pool.tell_on(&completions);
            let outcome = pool.open_shared(deadline, tell.clone()).await;
            if outcome.is_ok() && pool.is_routing() {
                let others: Vec<_> = pool.nodes.load().iter().filter(|node| node.health.is_to_be_met()).cloned().collect();
                let mut meetings = JoinSet::new();
                for node in others {
                    let (pool, tell) = (Arc::clone(&pool), tell.clone());
                    meetings.spawn(
                        async move { pool.open_shared_to(&node, vec![Arc::clone(&node)], deadline, tell).await.map(drop) },
                    );
                }
                // Those that answer quickly are waited for, the others come in the background.
                let met = async { while meetings.join_next().await.is_some() {} };
                if timeout(MEETING, met).await.is_err() {
                    meetings.detach_all();
                }
            }
            let outcome = outcome.map(|_| Reply { message: Bytes::new(), payload: 0, opened: None });
            if matches!(*lock(&kept), Stage::Waiting) {
                completions.push(Completion { token, outcome });
            }
        });
        Ticket::Opening { stage, task: task.abort_handle() }
    }

    /// The connection that can take a request now.
    fn ready(self: &Arc<Self>, target: &Target) -> Option<Arc<Shared>> {
        match target {
            Target::Any | Target::Key { .. } => self.current.load().live_shared(),
            Target::Primary(node) => node.live_shared().or_else(|| {
                self.approach(node);
                self.current.load().live_shared()
            }),
            Target::At(Place::Shared(shared), _) => shared.upgrade().filter(|shared| shared.is_alive()),
            Target::At(Place::Lane { .. }, _) => None,
        }
    }

    /// Opens the shared connection to a node in the background, for later calls.
    fn approach(self: &Arc<Self>, node: &Arc<Node>) {
        if !node.health.is_promising() {
            return;
        }
        // One at a time; others that come meanwhile use another node.
        let (pool, node) = (Arc::clone(self), Arc::clone(node));
        if node.begin_approach() {
            self.runtime.spawn(async move {
                let deadline = Deadline::after(Some(pool.config.handshake_timeout));
                // A failure is noted at the node, and whoever needs it tries again.
                let tell = pool.config.observer.clone().map(|observer| -> Arc<dyn Fn(ConnectionEvent) + Send + Sync> {
                    Arc::new(move |event| observer.connection_later(event))
                });
                let _ = pool.open_shared_to(&node, vec![Arc::clone(&node)], deadline, tell).await;
                node.end_approach();
            });
        }
    }

    /// Takes a request; its end is told to `completions` under `token`. A connection that comes back with the ticket collects
    /// requests: it has to be flushed at the end of the loop's turn.
    pub fn start(
        self: &Arc<Self>,
        target: &Target,
        operation: &'static Operation,
        frame: &mut [u8],
        deadline: Deadline,
        completions: &Arc<Completions>,
        token: u64,
    ) -> (Ticket, Option<Arc<Shared>>) {
        let resolved = self.resolve(target);
        let target = resolved.as_ref().unwrap_or(target);
        match self.ready(target) {
            Some(shared) => {
                if let Ok(Submitted { id, flush }) = shared.submit(operation, frame, completions, token) {
                    let ticket = Ticket::Sent { shared: Arc::downgrade(&shared), id };
                    return (ticket, flush.then_some(shared));
                }
            }
            None if matches!(target, Target::At(..)) => {
                let closed = self.closed.load(Ordering::Acquire);
                let kind = if closed { ErrorKind::ClientClosed } else { ErrorKind::ConnectionClosed };
                completions.push(Completion { token, outcome: Err(Error::new(kind)) });
                return (Ticket::Ended, None);
            }
            None => {}
        }
        (self.start_slowly(target, operation, frame.to_vec(), deadline, completions, token), None)
    }

    /// No connection can take the request now: open one, or wait for room.
    #[cold]
    fn start_slowly(
        self: &Arc<Self>,
        target: &Target,
        operation: &'static Operation,
        mut frame: Vec<u8>,
        deadline: Deadline,
        completions: &Arc<Completions>,
        token: u64,
    ) -> Ticket {
        let stage = Arc::new(Mutex::new(Stage::Waiting));
        let (pool, completions, kept, target) = (Arc::clone(self), Arc::clone(completions), Arc::clone(&stage), target.clone());
        let task = self.runtime.spawn(async move {
            let failed = loop {
                let shared = match pool.connection(&target, deadline, &completions).await {
                    Ok(shared) => shared,
                    Err(error) => break error,
                };
                {
                    let mut stage = lock(&kept);
                    if matches!(*stage, Stage::Left) {
                        return;
                    }
                    // Whoever watches the deadlines of requests that were sent has looked at this one already.
                    if deadline.has_passed() {
                        break Error::new(ErrorKind::Timeout);
                    }
                    match shared.submit(operation, &mut frame, &completions, token) {
                        Ok(Submitted { id, .. }) => {
                            *stage = Stage::Sent(Arc::downgrade(&shared), id);
                            if shared.link().is_watched() {
                                completions.tell(Told::Sent(token));
                            }
                            shared.flush();
                            return;
                        }
                        Err(Rejected::Lost) => continue,
                        Err(Rejected::Full) => {}
                    }
                }
                if let Err(error) = deadline.limit(shared.room()).await {
                    break error;
                }
            };
            if matches!(*lock(&kept), Stage::Waiting) {
                completions.push(Completion { token, outcome: Err(failed) });
            }
        });
        Ticket::Opening { stage, task: task.abort_handle() }
    }

    /// The connection that a waiting request is for.
    async fn connection(
        &self,
        target: &Target,
        deadline: Deadline,
        completions: &Arc<Completions>,
    ) -> Result<Arc<Shared>, Error> {
        match target {
            Target::Any | Target::Key { .. } => self.open_shared(deadline, self.tell_on(completions)).await,
            Target::Primary(node) => match node.live_shared() {
                Some(shared) => Ok(shared),
                None => self.open_shared(deadline, self.tell_on(completions)).await,
            },
            Target::At(Place::Shared(shared), _) => {
                shared.upgrade().filter(|shared| shared.is_alive()).ok_or_else(|| Error::new(ErrorKind::ConnectionClosed))
            }
            Target::At(Place::Lane { .. }, _) => Err(Error::new(ErrorKind::ConnectionClosed)),
        }
    }

    /// The shared connection to the node that served last, opened if there is none; to another one if that can not be connected.
    async fn open_shared(&self, deadline: Deadline, tell: Tell) -> Result<Arc<Shared>, Error> {
        let node = self.current.load_full();
        self.open_shared_to(&node, self.order(), deadline, tell).await
    }

    /// Has a loop tell what happens while it waits for a connection.
    fn tell_on(&self, completions: &Arc<Completions>) -> Tell {
        let (observer, completions) = (Arc::clone(self.config.observer.as_ref()?), Arc::clone(completions));
        Some(Arc::new(move |event| completions.tell(Told::Connection(Arc::clone(&observer), event))))
    }

    async fn open_shared_to(
        &self,
        node: &Arc<Node>,
        among: Vec<Arc<Node>>,
        deadline: Deadline,
        tell: Tell,
    ) -> Result<Arc<Shared>, Error> {
        let turn = node.opening.take(deadline).await?;
        self.check_open()?;
        // Whoever had the turn before may have opened it.
        let switches = among.len() > 1;
        if let Some(shared) = node.live_shared() {
            return Ok(shared);
        }
        // Any node serves as well, and one that is connected serves at once.
        if switches && let Some((other, shared)) = among.iter().find_map(|other| Some((other, other.live_shared()?))) {
            self.current.store(Arc::clone(other));
            return Ok(shared);
        }
        if let Some(error) = turn.missed {
            return Err(error);
        }
        let opened = self.unless_closed(open_any(&self.config, among, deadline, tell)).await;
        let opened = opened.inspect_err(|error| turn.failed(error, deadline))?;
        let Opened { node, link, .. } = &opened;
        let (node, context) = (Arc::clone(node), link.context);
        if switches {
            self.current.store(Arc::clone(&node));
        }
        *lock(&self.context) = Some(context);
        // Every one but the first may follow one that was lost while nobody called.
        if self.has_shared.swap(true, Ordering::Relaxed) {
            self.lost();
        }
        let (shared, before) = node.set_shared(Shared::start(&self.runtime, opened, self.config.max_message));
        if let Some(before) = before {
            self.set_aside(before);
        }
        // `close` may have looked for it just before it was there.
        if let Err(error) = self.check_open() {
            shared.close();
            return Err(error);
        }
        Ok(shared)
    }
}
