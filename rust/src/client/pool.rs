//! All connections of one client: which node serves a call, opening, closing, starting again after a loss.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::call::{Attempts, Next};
use super::completion::{Completion, Completions, Reply};
use super::config::Config;
use super::connect::{Opened, open_any};
use super::deadline::Deadline;
use super::error::{Error, ErrorKind, Sent};
use super::lane::{Interrupt, Lane, SLICE};
use super::node::{Node, Turn};
use super::shared::{Rejected, Shared, Submitted};
use crate::protocol::ProtocolContext;
use crate::protocol::op::Operation;

/// One client's connections. Threads call through lanes, event loops through a shared connection.
#[derive(Debug)]
pub struct Pool {
    config: Arc<Config>,
    runtime: Handle,
    nodes: Vec<Node>,
    /// The node that served last.
    current: AtomicUsize,
    shared: Mutex<Option<Arc<Shared>>>,
    /// One event-loop call opens a connection, the others wait for it.
    opening: tokio::sync::Mutex<()>,
    context: Mutex<Option<ProtocolContext>>,
    closed: AtomicBool,
    closing: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `future` says, if it says it before the deadline.
async fn within<T>(deadline: Deadline, future: impl Future<Output = T>) -> Result<T, Error> {
    match deadline.instant() {
        Some(end) => timeout_at(Instant::from_std(end), future).await.map_err(|_| Error::new(ErrorKind::Timeout)),
        None => Ok(future.await),
    }
}

/// A lane that is in use by one call; its payload can be read until it is dropped.
#[derive(Debug)]
pub struct Held<'a> {
    pool: &'a Pool,
    lane: Option<Box<Lane>>,
}

impl Held<'_> {
    pub fn payload(&self) -> &[u8] {
        self.lane.as_ref().map_or(&[], |lane| lane.payload())
    }

    /// The node that answered.
    pub fn address(&self) -> Option<&super::Address> {
        self.lane.as_ref().map(|lane| &lane.link().address)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take()
            && let Some(node) = self.pool.nodes.get(lane.node)
        {
            node.give_back(*lane);
        }
    }
}

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
}

/// A call that had to wait for a connection.
#[derive(Debug)]
pub enum Stage {
    Waiting,
    Sent(Weak<Shared>, i64),
    Left,
}

impl Ticket {
    /// The request has not been given to a connection yet.
    pub fn is_waiting(&self) -> bool {
        match self {
            Self::Sent { .. } => false,
            Self::Opening { stage, .. } => matches!(*lock(stage), Stage::Waiting),
        }
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
        };
        if let Some(shared) = shared.upgrade() {
            shared.orphan(id);
        }
        Sent::Maybe
    }
}

impl Pool {
    /// Nothing is connected yet. `runtime` is where connections are opened and shared ones are driven.
    pub fn new(config: Arc<Config>, runtime: Handle) -> Arc<Self> {
        let nodes = config.addresses.iter().map(|_| Node::default()).collect();
        Arc::new(Self {
            config,
            runtime,
            nodes,
            current: AtomicUsize::new(0),
            shared: Mutex::new(None),
            opening: tokio::sync::Mutex::new(()),
            context: Mutex::new(None),
            closed: AtomicBool::new(false),
            closing: Notify::new(),
        })
    }

    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// What the last opened connection agreed on.
    pub fn context(&self) -> Option<ProtocolContext> {
        *lock(&self.context)
    }

    /// The deadline of a call: its own timeout, else the client's.
    pub fn deadline(&self, timeout: Option<std::time::Duration>) -> Deadline {
        Deadline::after(timeout.or(self.config.timeout))
    }

    pub fn attempts(&self, operation: &'static Operation) -> Attempts {
        Attempts::new(operation, self.nodes.len())
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(Error::new(ErrorKind::ClientClosed)) } else { Ok(()) }
    }

    /// Final: calls in flight end, nothing connects again.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.nodes.iter().for_each(Node::close);
        self.closing.notify_waiters();
        let shared = lock(&self.shared).take();
        if let Some(shared) = shared {
            shared.close();
        }
    }

    /// In the child of a fork: see [`Node::abandon`]. The shared connection belongs to the parent's runtime and is left alone.
    pub fn abandon(&self) {
        self.nodes.iter().for_each(Node::abandon);
    }

    /// The addresses to try, the one that served last in front.
    fn order(&self) -> Vec<usize> {
        let current = self.current.load(Ordering::Relaxed);
        (current..self.nodes.len()).chain(0..current).collect()
    }

    fn opened(&self, opened: &Opened) {
        self.current.store(opened.index, Ordering::Relaxed);
        *lock(&self.context) = Some(opened.link.context);
    }
}

/// Calls of threads.
impl Pool {
    /// Opens the first connection.
    pub fn connect(&self, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<(), Error> {
        let lane = self.lane(deadline, interrupt)?;
        drop(Held { pool: self, lane: Some(lane) });
        Ok(())
    }

    /// Carries one request to a server and back on the calling thread. `frame` is a request as `Writer::request` began it.
    pub fn call(
        &self,
        operation: &'static Operation,
        frame: &mut [u8],
        deadline: Deadline,
        interrupt: Interrupt<'_>,
    ) -> Result<Held<'_>, Error> {
        let mut attempts: Option<Attempts> = None;
        loop {
            let failed = match self.lane(deadline, interrupt) {
                Ok(lane) => {
                    let mut held = Held { pool: self, lane: Some(lane) };
                    let Some(lane) = &mut held.lane else { continue };
                    match lane.call(operation, frame, deadline, interrupt) {
                        Ok(()) => return Ok(held),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            if self.closed.load(Ordering::Acquire) && failed.is_connection_lost() {
                return Err(Error::new(ErrorKind::ClientClosed).during(operation).sent(failed.was_sent()));
            }
            match attempts.get_or_insert_with(|| self.attempts(operation)).failed(failed) {
                Next::Again => {}
                Next::GiveUp(error) => return Err(error),
            }
        }
    }

    /// A lane to the node that served last, or to another one if that can not be connected.
    fn lane(&self, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<Box<Lane>, Error> {
        loop {
            self.check_open()?;
            let current = self.current.load(Ordering::Relaxed);
            let Some(node) = self.nodes.get(current) else { return Err(Error::new(ErrorKind::NoNode(Vec::new()))) };
            match node.turn(self.config.max_connections_per_node) {
                Turn::Take(lane) => return Ok(lane),
                Turn::Open => {
                    let opened = self.open_lane(deadline, interrupt);
                    // Another address may have answered: then the count moves there.
                    if opened.as_ref().map_or(true, |lane| lane.node != current) {
                        node.not_opened();
                    }
                    if let Ok(lane) = &opened
                        && lane.node != current
                    {
                        self.nodes[lane.node].count_one();
                    }
                    return opened;
                }
                Turn::Wait => {
                    let Some(slice) = deadline.slice(SLICE) else { return Err(Error::new(ErrorKind::Timeout)) };
                    if interrupt() {
                        return Err(Error::new(ErrorKind::Interrupted));
                    }
                    node.wait(self.config.max_connections_per_node, slice);
                }
            }
        }
    }

    /// Opens a connection on tokio while this thread waits, and makes a lane of it.
    fn open_lane(&self, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<Box<Lane>, Error> {
        let (tell, told) = sync_channel(1);
        let (config, order) = (Arc::clone(&self.config), self.order());
        let opening = self.runtime.spawn(async move {
            // Nobody listens any more when the caller was interrupted; the connection ends with the message.
            let _ = tell.send(open_any(&config, order, deadline).await.and_then(|opened| {
                let lane = Lane::new(opened, config.max_message)?;
                Ok(lane)
            }));
        });
        let lane = loop {
            match told.recv_timeout(SLICE) {
                Ok(result) => break result?,
                Err(RecvTimeoutError::Timeout) => {
                    let go_on = if interrupt() { Err(Error::new(ErrorKind::Interrupted)) } else { self.check_open() };
                    go_on.inspect_err(|_| opening.abort())?;
                }
                // The runtime has ended.
                Err(RecvTimeoutError::Disconnected) => return Err(Error::new(ErrorKind::ClientClosed)),
            }
        };
        self.current.store(lane.node, Ordering::Relaxed);
        *lock(&self.context) = Some(lane.link().context);
        if !self.nodes[lane.node].opened(&lane) {
            return Err(Error::new(ErrorKind::ClientClosed));
        }
        Ok(Box::new(lane))
    }
}

/// Calls of event loops.
impl Pool {
    fn live_shared(&self) -> Option<Arc<Shared>> {
        lock(&self.shared).as_ref().filter(|shared| shared.is_alive()).cloned()
    }

    /// Opens the shared connection; its end is told to `completions` under `token`.
    pub fn start_connect(self: &Arc<Self>, deadline: Deadline, completions: &Arc<Completions>, token: u64) -> Ticket {
        let stage = Arc::new(Mutex::new(Stage::Waiting));
        let (pool, completions, kept) = (Arc::clone(self), Arc::clone(completions), Arc::clone(&stage));
        let task = self.runtime.spawn(async move {
            let outcome = pool.open_shared(deadline).await.map(|_| Reply { message: Bytes::new(), payload: 0 });
            if matches!(*lock(&kept), Stage::Waiting) {
                completions.push(Completion { token, outcome });
            }
        });
        Ticket::Opening { stage, task: task.abort_handle() }
    }

    /// Takes a request; its end is told to `completions` under `token`. A connection that comes back with the ticket collects
    /// requests: it has to be flushed at the end of the loop's turn.
    pub fn start(
        self: &Arc<Self>,
        operation: &'static Operation,
        frame: &mut [u8],
        deadline: Deadline,
        completions: &Arc<Completions>,
        token: u64,
    ) -> (Ticket, Option<Arc<Shared>>) {
        if let Some(shared) = self.live_shared()
            && let Ok(Submitted { id, flush }) = shared.submit(operation, frame, completions, token)
        {
            let ticket = Ticket::Sent { shared: Arc::downgrade(&shared), id };
            return (ticket, flush.then_some(shared));
        }
        (self.start_slowly(operation, frame.to_vec(), deadline, completions, token), None)
    }

    /// No connection can take the request now: open one, or wait for room.
    #[cold]
    fn start_slowly(
        self: &Arc<Self>,
        operation: &'static Operation,
        mut frame: Vec<u8>,
        deadline: Deadline,
        completions: &Arc<Completions>,
        token: u64,
    ) -> Ticket {
        let stage = Arc::new(Mutex::new(Stage::Waiting));
        let (pool, completions, kept) = (Arc::clone(self), Arc::clone(completions), Arc::clone(&stage));
        let task = self.runtime.spawn(async move {
            let failed = loop {
                let shared = match pool.open_shared(deadline).await {
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
                            shared.flush();
                            return;
                        }
                        Err(Rejected::Lost) => continue,
                        Err(Rejected::Full) => {}
                    }
                }
                if let Err(error) = within(deadline, shared.room()).await {
                    break error;
                }
            };
            if matches!(*lock(&kept), Stage::Waiting) {
                completions.push(Completion { token, outcome: Err(failed) });
            }
        });
        Ticket::Opening { stage, task: task.abort_handle() }
    }

    /// What `opening` says, or that the client was closed meanwhile.
    async fn unless_closed<T>(&self, opening: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        // Made before the look at the flag: from here on no closing is missed.
        let mut closing = pin!(self.closing.notified());
        self.check_open()?;
        let mut opening = pin!(opening);
        poll_fn(|context| match closing.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(Error::new(ErrorKind::ClientClosed))),
            Poll::Pending => opening.as_mut().poll(context),
        })
        .await
    }

    /// The shared connection, opened if there is none.
    async fn open_shared(&self, deadline: Deadline) -> Result<Arc<Shared>, Error> {
        let _turn = within(deadline, self.opening.lock()).await?;
        self.check_open()?;
        if let Some(shared) = self.live_shared() {
            return Ok(shared);
        }
        let opened = self.unless_closed(open_any(&self.config, self.order(), deadline)).await?;
        self.opened(&opened);
        let shared = Shared::start(&self.runtime, opened, self.config.max_message);
        *lock(&self.shared) = Some(Arc::clone(&shared));
        // `close` may have looked for it just before it was there.
        if let Err(error) = self.check_open() {
            shared.close();
            return Err(error);
        }
        Ok(shared)
    }
}
