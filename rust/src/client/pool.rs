//! All connections of one client: which node serves a call, opening, closing, starting again after a loss.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SendError, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::affinity::Affinity;
use super::call::{Attempts, Next};
use super::completion::{Completion, Completions, Reply};
use super::config::{Address, Config};
use super::connect::{Opened, open, open_any};
use super::deadline::Deadline;
use super::error::{Error, ErrorKind, Sent};
use super::handle::{Handle as ServerHandle, Place, Target};
use super::lane::{Interrupt, Lane, SLICE};
use super::node::{Certain, Node, Turn};
use super::observe::{ConnectionEvent, Tell, Told, tell_noted};
use super::shared::{Rejected, Shared, Submitted};
use crate::lock::lock;
use crate::protocol::ProtocolContext;
use crate::protocol::op::{Opens, Operation};

/// One client's connections. Threads call through lanes, event loops through shared connections.
#[derive(Debug)]
pub struct Pool {
    config: Arc<Config>,
    runtime: Handle,
    /// Never empty.
    pub(super) nodes: ArcSwap<Vec<Arc<Node>>>,
    /// The node that served last.
    pub(super) current: ArcSwap<Node>,
    pub(super) affinity: Arc<Affinity>,
    context: Mutex<Option<ProtocolContext>>,
    closed: AtomicBool,
    closing: Notify,
    /// See [`Pool::cluster`].
    cluster: AtomicU64,
    has_shared: AtomicBool,
    aside: Mutex<Aside>,
}

/// What new calls do not use any more, and old ones may.
#[derive(Debug, Default)]
struct Aside {
    nodes: Vec<Weak<Node>>,
    connections: Vec<Weak<Shared>>,
}

impl Aside {
    fn tend(&mut self) {
        self.nodes.retain(|node| node.upgrade().inspect(|node| node.tend()).is_some());
        self.connections.retain(|shared| shared.upgrade().inspect(|shared| shared.tend()).is_some());
    }

    fn close(&self) {
        self.nodes.iter().filter_map(Weak::upgrade).for_each(|node| node.close());
        self.connections.iter().filter_map(Weak::upgrade).for_each(|shared| shared.close());
    }
}

/// How long `connect` waits for nodes besides the first.
const MEETING: Duration = Duration::from_millis(100);

/// No two pools of a process count in the same range.
const LOSSES: u64 = 1 << 32;

/// A lane that is in use by one call; its payload can be read until it is dropped.
#[derive(Debug)]
pub struct Held {
    node: Arc<Node>,
    lane: Option<Box<Lane>>,
    /// What the answer opened; closed with the lane's turn unless somebody takes it.
    pub opened: Option<ServerHandle>,
}

impl Held {
    fn new(node: Arc<Node>, lane: Box<Lane>) -> Self {
        Self { node, lane: Some(lane), opened: None }
    }

    pub fn payload(&self) -> &[u8] {
        self.lane.as_ref().map_or(&[], |lane| lane.payload())
    }

    /// The node that answered.
    pub fn address(&self) -> Option<&Address> {
        self.lane.as_ref().map(|lane| &lane.link().address)
    }

    /// Takes charge of what the answer opened.
    fn open(&mut self, opens: Opens) {
        let Some(lane) = self.lane.as_ref().filter(|_| opens != Opens::Nothing) else { return };
        let place = Place::Lane { node: Arc::clone(&self.node), generation: lane.link().generation };
        self.opened = place.open(opens, lane.payload());
    }

    /// Sends another request without waiting for its answer; the payload stays readable. Returns its request id.
    pub fn ask_ahead(
        &mut self,
        operation: &'static Operation,
        frame: &mut [u8],
        deadline: Deadline,
        interrupt: Interrupt<'_>,
    ) -> Result<i64, Error> {
        let Some(lane) = &mut self.lane else { return Err(Error::new(ErrorKind::ConnectionClosed)) };
        lane.ask_ahead(operation, frame, deadline, interrupt)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.opened.take());
        if let Some(lane) = self.lane.take() {
            self.node.give_back(lane);
            tell_noted();
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
    /// Nothing is connected yet. `runtime` is where connections are opened and shared ones are driven. A configuration without an
    /// address gets one that nobody listens on.
    pub fn new(config: Arc<Config>, runtime: Handle) -> Arc<Self> {
        static POOLS: AtomicU64 = AtomicU64::new(LOSSES);
        let affinity = Arc::new(Affinity::new(config.partition_aware));
        let node = |address: &Address| Arc::new(Node::new(address.clone(), Arc::clone(&affinity), config.heartbeats));
        let mut nodes: Vec<_> = config.addresses.iter().map(node).collect();
        if nodes.is_empty() {
            nodes.push(node(&Address { host: String::new(), port: 0 }));
        }
        let first = Arc::clone(&nodes[0]);
        let pool = Arc::new(Self {
            config,
            runtime,
            nodes: ArcSwap::from_pointee(nodes),
            current: ArcSwap::new(first),
            affinity,
            context: Mutex::new(None),
            closed: AtomicBool::new(false),
            closing: Notify::new(),
            cluster: AtomicU64::new(POOLS.fetch_add(LOSSES, Ordering::Relaxed)),
            has_shared: AtomicBool::new(false),
            aside: Mutex::default(),
        });
        if pool.config.heartbeats.is_some() {
            pool.runtime.spawn(tend(Arc::downgrade(&pool)));
        }
        pool
    }

    /// A number that stands for the cluster as long as it is certainly the same one: it changes with every lost connection. No two
    /// pools have the same.
    pub fn cluster(&self) -> u64 {
        self.cluster.load(Ordering::Relaxed)
    }

    /// A connection was lost: behind the next one may be another cluster.
    pub fn lost(&self) {
        self.cluster.fetch_add(1, Ordering::Relaxed);
    }

    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// What the last opened connection agreed on.
    pub fn context(&self) -> Option<ProtocolContext> {
        *lock(&self.context)
    }

    /// The deadline of a call: its own timeout, else the client's.
    pub fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        Deadline::after(timeout.or(self.config.timeout))
    }

    pub fn attempts(&self, operation: &'static Operation, target: &Target) -> Attempts {
        Attempts::new(operation, &self.config.repeat, self.nodes.load().len(), target)
    }

    pub(super) fn set_nodes(&self, nodes: Vec<Arc<Node>>) {
        self.affinity.count_nodes(nodes.len());
        self.nodes.store(Arc::new(nodes));
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(Error::new(ErrorKind::ClientClosed)) } else { Ok(()) }
    }

    /// Final: calls in flight end, nothing connects again.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.closing.notify_waiters();
        self.nodes.load().iter().for_each(|node| node.close());
        lock(&self.aside).close();
        tell_noted();
    }

    /// A node has left the cluster.
    pub(super) fn part_with(&self, node: &Arc<Node>) {
        if let Some(shared) = node.retire() {
            self.set_aside(shared);
        }
        let mut aside = lock(&self.aside);
        aside.nodes.retain(|node| node.strong_count() > 0);
        aside.nodes.push(Arc::downgrade(node));
        self.close_if_late(&aside);
    }

    /// New calls go over another connection than this one.
    fn set_aside(&self, shared: Arc<Shared>) {
        let mut aside = lock(&self.aside);
        aside.connections.retain(|shared| shared.strong_count() > 0);
        aside.connections.push(Arc::downgrade(&shared));
        shared.retire();
        self.close_if_late(&aside);
    }

    /// `close` may have come just before.
    fn close_if_late(&self, aside: &Aside) {
        if self.closed.load(Ordering::Acquire) {
            aside.close();
        }
    }

    /// Has all nodes tended, and tells when to come back.
    fn tend(&self) -> Option<Duration> {
        if self.closed.load(Ordering::Acquire) {
            return None;
        }
        let nodes = self.nodes.load();
        nodes.iter().for_each(|node| node.tend());
        lock(&self.aside).tend();
        nodes.iter().filter_map(|node| Some(node.pulse.as_ref()?.tick())).min()
    }

    /// In the child of a fork: see [`Node::abandon`]. Shared connections belong to the parent's runtime and are left alone.
    pub fn abandon(&self) {
        self.nodes.load().iter().for_each(|node| node.abandon());
    }

    /// The nodes to try: the one that served last in front, those that failed lately at the end.
    fn order(&self) -> Vec<Arc<Node>> {
        let (nodes, current) = (self.nodes.load(), self.current.load());
        let at = nodes.iter().position(|node| Arc::ptr_eq(node, &current)).unwrap_or(0);
        let mut order: Vec<_> = nodes[at..].iter().chain(&nodes[..at]).cloned().collect();
        order.sort_by_key(|node| !node.health.is_promising());
        order
    }
}

/// Looks after the connections of a pool as long as it is there.
async fn tend(pool: Weak<Pool>) {
    loop {
        let Some(tick) = pool.upgrade().and_then(|pool| pool.tend()) else { return };
        sleep(tick).await;
    }
}

/// What is asked of a lane.
enum Ask<'a> {
    /// A request, and its answer.
    Call(&'a mut [u8]),
    /// The answer to a request that was sent ahead.
    Collect(i64),
}

/// What a thread hears that waits for a connection to be opened.
enum News {
    Event(ConnectionEvent),
    Opened(LaneOrError),
}

type LaneOrError = Result<(Arc<Node>, Box<Lane>), Error>;

/// Calls of threads.
impl Pool {
    /// Opens the first connection.
    pub fn connect(self: &Arc<Self>, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<(), Error> {
        drop(self.lane(&Target::Any, Opens::Nothing, deadline, interrupt)?);
        if self.is_routing() {
            self.meet_others(deadline);
        }
        Ok(())
    }

    /// Opens a connection to each of the other nodes. Those that answer quickly are waited for, the others come in the background.
    fn meet_others(self: &Arc<Self>, deadline: Deadline) {
        let (tell, told) = channel();
        for node in self.nodes.load().iter().filter(|node| !node.health.is_met()) {
            let (pool, node, tell) = (Arc::clone(self), Arc::clone(node), tell.clone());
            self.runtime.spawn(async move {
                // A failure is noted at the node.
                let listens = pool.tell_by(&tell);
                if let Ok(opened) = pool.unless_closed(open(&pool.config, &node, deadline, listens)).await
                    && let Ok(lane) = Lane::new(opened, pool.config.max_message)
                {
                    node.adopt(Box::new(lane));
                }
                drop(tell);
            });
        }
        drop(tell);
        // It ends when the last task has ended.
        let end = std::time::Instant::now() + deadline.slice(MEETING).unwrap_or_default();
        while let Ok(news) = told.recv_timeout(end.saturating_duration_since(std::time::Instant::now())) {
            self.hear(news);
        }
    }

    /// Has a thread that waits tell what happens; the background does when that thread waits no longer.
    fn tell_by(&self, news: &Sender<News>) -> Tell {
        let (observer, news) = (Arc::clone(self.config.observer.as_ref()?), news.clone());
        Some(Arc::new(move |event| {
            if let Err(SendError(News::Event(event))) = news.send(News::Event(event)) {
                observer.connection_later(event);
            }
        }))
    }

    /// Tells what happened; gives back how the opening ended, if it did.
    fn hear(&self, news: News) -> Option<LaneOrError> {
        match news {
            News::Opened(result) => return Some(result),
            News::Event(event) => {
                if let Some(observer) = &self.config.observer {
                    observer.connection(&event);
                }
            }
        }
        None
    }

    /// Carries one request to a server and back on the calling thread. `frame` is a request as `Writer::request` began it.
    pub fn call(
        &self,
        target: &Target,
        operation: &'static Operation,
        frame: &mut [u8],
        deadline: Deadline,
        interrupt: Interrupt<'_>,
    ) -> Result<Held, Error> {
        self.carry(target, operation, Ask::Call(frame), deadline, interrupt)
    }

    /// Waits for the answer to a request that [`Held::ask_ahead`] sent over this connection.
    pub fn collect(
        &self,
        target: &Target,
        operation: &'static Operation,
        request: i64,
        deadline: Deadline,
        interrupt: Interrupt<'_>,
    ) -> Result<Held, Error> {
        self.carry(target, operation, Ask::Collect(request), deadline, interrupt)
    }

    /// Carries several requests at once: all are sent before the first answer is waited for. What fails is repeated as by itself.
    pub fn call_all(
        &self,
        operation: &'static Operation,
        parts: &mut [(Target, Vec<u8>)],
        deadline: Deadline,
        interrupt: Interrupt<'_>,
    ) -> Vec<Result<Held, Error>> {
        let mut asked = Vec::with_capacity(parts.len());
        for (target, frame) in parts.iter_mut() {
            let asking = self.lane(target, operation.opens, deadline, interrupt).and_then(|mut held| {
                let request = held.ask_ahead(operation, frame, deadline, interrupt)?;
                Ok((held, request))
            });
            tell_noted();
            asked.push(asking);
        }
        let mut answers = Vec::with_capacity(parts.len());
        for (asking, (target, frame)) in asked.into_iter().zip(parts) {
            let answered = asking.and_then(|(mut held, request)| match &mut held.lane {
                Some(lane) => {
                    let collected = lane.collect(request, deadline, interrupt);
                    self.tell_outcome(lane, Some(request), collected.as_ref().copied());
                    collected.map(|()| held)
                }
                None => Err(Error::new(ErrorKind::ConnectionClosed)),
            });
            answers.push(answered.or_else(|failed| match self.attempts(operation, target).failed(failed) {
                Next::Again => self.call(&Target::Any, operation, frame, deadline, interrupt),
                Next::GiveUp(error) => Err(error),
            }));
        }
        answers
    }

    /// Tells whoever listens how a request ended, and the connection if it did too.
    #[inline]
    fn tell_outcome(&self, lane: &mut Lane, ahead: Option<i64>, outcome: Result<(), &Error>) {
        if let Err(error) = outcome {
            let closed = self.closed.load(Ordering::Acquire);
            lane.tell_end(Some(error).filter(|_| !closed));
        }
        lane.tell_outcome(ahead, outcome);
    }

    fn carry(
        &self,
        target: &Target,
        operation: &'static Operation,
        mut ask: Ask<'_>,
        deadline: Deadline,
        interrupt: Interrupt<'_>,
    ) -> Result<Held, Error> {
        let mut attempts: Option<Attempts> = None;
        let resolved = self.resolve(target);
        let target = resolved.as_ref().unwrap_or(target);
        let ahead = match ask {
            Ask::Call(..) => None,
            Ask::Collect(request) => Some(request),
        };
        loop {
            let wanted = target.at_attempt(attempts.is_none());
            let failed = match self.lane(wanted, operation.opens, deadline, interrupt) {
                Ok(mut held) => {
                    let Some(lane) = &mut held.lane else { continue };
                    let carried = match &mut ask {
                        Ask::Call(frame) => lane.call(operation, frame, deadline, interrupt),
                        Ask::Collect(request) => lane.collect(*request, deadline, interrupt),
                    };
                    self.tell_outcome(lane, ahead, carried.as_ref().copied());
                    match carried {
                        Ok(()) => {
                            held.open(operation.opens);
                            return Ok(held);
                        }
                        Err(error) => error,
                    }
                }
                Err(error) => {
                    tell_noted();
                    error
                }
            };
            if failed.is_connection_lost() {
                self.lost();
            }
            if self.closed.load(Ordering::Acquire) && failed.is_connection_lost() {
                return Err(Error::new(ErrorKind::ClientClosed).during(operation).sent(failed.was_sent()));
            }
            match attempts.get_or_insert_with(|| self.attempts(operation, target)).failed(failed) {
                Next::Again => {}
                Next::GiveUp(error) => return Err(error),
            }
        }
    }

    /// A lane to the node that the target names, or to another one if that can not be connected.
    fn lane(&self, target: &Target, opens: Opens, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<Held, Error> {
        let max = self.config.max_connections_per_node;
        let mut primary = match target {
            Target::Any | Target::Key { .. } => None,
            Target::Primary(node) => Some(node).filter(|node| node.health.is_promising()),
            Target::At(place, _) => return self.certain_lane(place, deadline, interrupt),
        };
        loop {
            self.check_open()?;
            let current = self.current.load();
            let node = primary.unwrap_or(&current);
            let turn = node.turn(max, opens);
            if node.take_lost() {
                self.lost();
            }
            match turn {
                Turn::Take(lane) => return Ok(Held::new(Arc::clone(node), lane)),
                Turn::Open => {
                    let among = if primary.is_some() { vec![Arc::clone(node)] } else { self.order() };
                    let opened = self.open_lane(among, deadline, interrupt);
                    // Another node may have answered: then the count moves there.
                    if opened.as_ref().map_or(true, |held| !Arc::ptr_eq(&held.node, node)) {
                        node.not_opened();
                    }
                    match opened {
                        Ok(held) => {
                            if !Arc::ptr_eq(&held.node, node) {
                                held.node.count_one();
                            }
                            return Ok(held);
                        }
                        // Any other node serves as well, only less directly.
                        Err(error)
                            if primary.is_some() && matches!(error.kind(), ErrorKind::NoNode(_)) && !deadline.has_passed() =>
                        {
                            primary = None;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Turn::Wait => {
                    let Some(slice) = deadline.slice(SLICE) else { return Err(Error::new(ErrorKind::Timeout)) };
                    if interrupt() {
                        return Err(Error::new(ErrorKind::Interrupted));
                    }
                    node.wait(slice, |idle, open| idle > 0 || open < max);
                }
            }
        }
    }

    /// The lane on which something is open.
    fn certain_lane(&self, place: &Place, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<Held, Error> {
        let Place::Lane { node, generation } = place else { return Err(Error::new(ErrorKind::ConnectionClosed)) };
        loop {
            self.check_open()?;
            match node.certain(*generation) {
                Certain::Take(lane) => return Ok(Held::new(Arc::clone(node), lane)),
                Certain::Gone => return Err(Error::new(ErrorKind::ConnectionClosed)),
                Certain::Wait => {
                    let Some(slice) = deadline.slice(SLICE) else { return Err(Error::new(ErrorKind::Timeout)) };
                    if interrupt() {
                        return Err(Error::new(ErrorKind::Interrupted));
                    }
                    node.wait_for(*generation, slice);
                }
            }
        }
    }

    /// Opens a connection on tokio while this thread waits, and makes a lane of it.
    fn open_lane(&self, among: Vec<Arc<Node>>, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<Held, Error> {
        // What the stack of idle lanes had to say comes before what the new one has.
        tell_noted();
        let (tell, told) = channel();
        let switches = among.len() > 1;
        let config = Arc::clone(&self.config);
        let listens = self.tell_by(&tell);
        let opening = self.runtime.spawn(async move {
            // Nobody listens any more when the caller was interrupted; the connection ends with the message.
            let opened = open_any(&config, among, deadline, listens).await.and_then(|opened| {
                let node = Arc::clone(&opened.node);
                Ok((node, Box::new(Lane::new(opened, config.max_message)?)))
            });
            let _ = tell.send(News::Opened(opened));
        });
        let (node, lane) = loop {
            match told.recv_timeout(SLICE) {
                Ok(news) => {
                    if let Some(opened) = self.hear(news) {
                        break opened?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let go_on = if interrupt() { Err(Error::new(ErrorKind::Interrupted)) } else { self.check_open() };
                    go_on.inspect_err(|_| opening.abort())?;
                }
                // The runtime has ended.
                Err(RecvTimeoutError::Disconnected) => return Err(Error::new(ErrorKind::ClientClosed)),
            }
        };
        if switches {
            self.current.store(Arc::clone(&node));
        }
        *lock(&self.context) = Some(lane.link().context);
        if !node.opened(&lane) {
            return Err(Error::new(ErrorKind::ClientClosed));
        }
        Ok(Held::new(node, lane))
    }
}

/// Calls of event loops.
impl Pool {
    /// Opens the shared connection; its end is told to `completions` under `token`.
    pub fn start_connect(self: &Arc<Self>, deadline: Deadline, completions: &Arc<Completions>, token: u64) -> Ticket {
        let stage = Arc::new(Mutex::new(Stage::Waiting));
        let (pool, completions, kept) = (Arc::clone(self), Arc::clone(completions), Arc::clone(&stage));
        let task = self.runtime.spawn(async move {
            let tell = pool.tell_on(&completions);
            let outcome = pool.open_shared(deadline, tell.clone()).await;
            if outcome.is_ok() && pool.is_routing() {
                let others: Vec<_> = pool.nodes.load().iter().filter(|node| !node.health.is_met()).cloned().collect();
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

    /// Whether anybody listens to requests.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.config.observer.as_ref().is_some_and(|observer| observer.watches_requests())
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
