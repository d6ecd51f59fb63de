//! All connections of one client: which node serves a call, opening, closing, starting again after a loss.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::affinity::Affinity;
use super::call::Attempts;
use super::config::{Address, Config};
use super::deadline::Deadline;
use super::error::{Error, ErrorKind};
use super::handle::Target;
use super::node::Node;
use super::observe::tell_noted;
use super::shared::Shared;
use crate::lock::lock;
use crate::protocol::ProtocolContext;
use crate::protocol::op::Operation;

/// One client's connections. Threads call through lanes, event loops through shared connections.
#[derive(Debug)]
pub struct Pool {
    pub(super) config: Arc<Config>,
    pub(super) runtime: Handle,
    /// Never empty.
    pub(super) nodes: ArcSwap<Vec<Arc<Node>>>,
    /// The node that served last.
    pub(super) current: ArcSwap<Node>,
    pub(super) affinity: Arc<Affinity>,
    pub(super) context: Mutex<Option<ProtocolContext>>,
    pub(super) closed: AtomicBool,
    closing: Notify,
    /// See [`Pool::cluster`].
    cluster: AtomicU64,
    pub(super) has_shared: AtomicBool,
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
pub(super) const MEETING: Duration = Duration::from_millis(100);

/// No two pools of a process count in the same range.
const LOSSES: u64 = 1 << 32;

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

    pub(super) fn check_open(&self) -> Result<(), Error> {
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

    /// What `opening` says, or that the client was closed meanwhile.
    pub(super) async fn unless_closed<T>(&self, opening: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
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

    /// Whether anybody listens to requests.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.config.observer.as_ref().is_some_and(|observer| observer.watches_requests())
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
    pub(super) fn set_aside(&self, shared: Arc<Shared>) {
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
    pub(super) fn order(&self) -> Vec<Arc<Node>> {
        let (nodes, current) = (self.nodes.load(), self.current.load());
        let at = nodes.iter().position(|node| Arc::ptr_eq(node, &current)).unwrap_or(0);
        let mut order: Vec<_> = nodes[at..].iter().chain(&nodes[..at]).cloned().collect();
        // Each is asked once: the answer may change meanwhile.
        order.sort_by_cached_key(|node| !node.health.is_promising());
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
