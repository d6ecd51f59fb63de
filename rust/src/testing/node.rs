//! The node itself: handshake, requests, and where a rule changes what happens.

use std::io::{self, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::caches::Cache;
use super::cluster::Cluster;
use super::codes::{CONNECT, HANDSHAKE};
use super::listen::Listener;
use super::query::Recorded;
use super::script::{Direction, Fault, Rule, Shared};
use super::session::{Handles, Session};
use super::voice::Voice;
use super::wire::{self, Cursor, Refusal, Undecodable, Version};
use crate::lock::lock;
use crate::protocol::hash;
use crate::protocol::op::Operation;

/// Feature bits that the stand-in keeps: cluster states, endpoints, the default timeout of queries, the configuration of binary
/// objects, heartbeats. None of them changes a request.
const FEATURES: u64 = 1 << 2 | 1 << 3 | 1 << 6 | 1 << 8 | 1 << 11;

/// The longest message that is accepted, as in a handshake.
const MAX_MESSAGE: usize = 1 << 30;

/// What happens to a new connection.
#[derive(Debug, Clone, Default)]
pub enum Greeting {
    /// A handshake as a real node answers it.
    #[default]
    Handshake,
    /// Nothing is ever said.
    Mute,
    /// These bytes answer the first message; then the connection is closed, or kept.
    Say { bytes: Vec<u8>, then_close: bool },
}

/// Choices about a node.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its port; 0 for a free one.
    pub port: u16,
    /// The newest protocol version that it accepts. Newer ones are refused, as a real node does it.
    pub newest: Version,
    /// Feature bits that it grants to clients of 1.7.
    pub features: u64,
    /// Whether a cache is there as soon as it is used. A real node refuses.
    pub any_cache: bool,
    /// Partitions of every cache.
    pub partitions: u32,
    /// Users and passwords; without any, everybody is welcome.
    pub users: Vec<(String, String)>,
    /// Whether other nodes and clients are told of it: not of a service entrance.
    pub listed: bool,
    /// Cursors and transactions that one connection may have open.
    pub max_cursors: usize,
    pub max_transactions: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            newest: [1, 7, 0],
            features: FEATURES,
            any_cache: false,
            partitions: 1024,
            users: Vec::new(),
            listed: true,
            max_cursors: 128,
            max_transactions: 100,
        }
    }
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    id: [u8; 16],
    script: Shared,
    greeting: Mutex<Greeting>,
    offers: Mutex<Vec<Version>>,
    cluster: Arc<Cluster>,
    handles: Arc<Handles>,
}

/// A stand-in for an Ignite node on a free port of 127.0.0.1. It ends with its last owner.
#[derive(Debug)]
pub struct FakeNode {
    inner: Arc<Inner>,
    listener: Listener,
}

impl FakeNode {
    /// A node that speaks protocol 1.7 and everything before it, and has every cache.
    pub fn start() -> io::Result<Self> {
        Self::with_newest([1, 7, 0])
    }

    /// The same with another newest version.
    pub fn with_newest(newest: Version) -> io::Result<Self> {
        Self::with(Settings { newest, any_cache: true, ..Settings::default() })
    }

    /// A node by itself.
    pub fn with(settings: Settings) -> io::Result<Self> {
        let cluster = Arc::new(Cluster::new(settings.partitions, settings.any_cache));
        Self::of(cluster, settings)
    }

    /// One more node of this node's cluster: they share caches, types and queries.
    pub fn join(&self, settings: Settings) -> io::Result<Self> {
        Self::of(Arc::clone(&self.inner.cluster), settings)
    }

    fn of(cluster: Arc<Cluster>, settings: Settings) -> io::Result<Self> {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let mut id = [0; 16];
        // In the form of a random UUID, so that nobody stumbles over it: version 4, variant 1.
        id[..8].copy_from_slice(&0x6661_6b65_0000_4000u64.to_le_bytes());
        id[8..].copy_from_slice(&(0x8000_0000_0000_0000 | NEXT.fetch_add(1, Ordering::Relaxed)).to_le_bytes());
        let handles = Handles {
            cursors: 0.into(),
            transactions: 0.into(),
            max_cursors: settings.max_cursors,
            max_transactions: settings.max_transactions,
        };
        let listener = Listener::new(settings.port);
        let inner = Inner {
            settings,
            id,
            script: Shared::default(),
            greeting: Mutex::default(),
            offers: Mutex::default(),
            cluster,
            handles: Arc::new(handles),
        };
        let mut node = Self { inner: Arc::new(inner), listener };
        node.listen()?;
        Ok(node)
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    pub fn is_listening(&self) -> bool {
        self.listener.is_listening()
    }

    /// Its id, the most significant long first, both little endian.
    pub fn id(&self) -> [u8; 16] {
        self.inner.id
    }

    /// Listens; after [`FakeNode::stop`] on the same port again.
    pub fn listen(&mut self) -> io::Result<()> {
        let inner = Arc::clone(&self.inner);
        self.listener.listen(move |stream| serve(&inner, stream))?;
        if self.inner.settings.listed {
            self.inner.cluster.lock().joined(self.inner.id, self.address().port());
        }
        Ok(())
    }

    /// Stops listening and closes all connections. The other nodes of its cluster see it go.
    pub fn stop(&mut self) {
        if self.listener.is_listening() {
            self.inner.cluster.lock().left(self.inner.id);
        }
        self.listener.stop();
        self.kick(false);
    }

    /// The other nodes part with it, as with one that hangs; it goes on serving those who are connected.
    pub fn leave(&self) {
        self.inner.cluster.lock().left(self.inner.id);
    }

    /// From now on connects hang. [`FakeNode::listen`] ends it.
    pub fn black_hole(&mut self) -> io::Result<()> {
        self.stop();
        self.listener.black_hole()
    }

    /// Closes, or resets, all connections.
    pub fn kick(&self, reset: bool) {
        self.inner.script.kick(reset);
    }

    /// What happens to new connections from now on.
    pub fn greet(&self, greeting: Greeting) {
        *lock(&self.inner.greeting) = greeting;
    }

    /// The next answers to this operation meet `fault`.
    pub fn rule(&self, operation: &'static Operation, fault: Fault, times: usize) {
        let direction = Direction::Answer;
        self.add_rule(Rule { operation: Some(operation.code), direction, fault, skip: 0, times });
    }

    pub fn add_rule(&self, rule: Rule) {
        self.inner.script.lock().add(rule);
    }

    /// From now on everything is answered as it should be.
    pub fn forget_rules(&self) {
        self.inner.script.lock().forget_rules();
    }

    /// Sends what rules keep back.
    pub fn release(&self) {
        self.inner.script.release();
    }

    /// How often the operation came in, answered or not.
    pub fn requests(&self, operation: &'static Operation) -> usize {
        self.inner.script.lock().requests().get(&operation.code).copied().unwrap_or_default()
    }

    /// Op codes and how often each came in.
    pub fn all_requests(&self) -> Vec<(i16, usize)> {
        self.inner.script.lock().requests().iter().map(|(code, count)| (*code, *count)).collect()
    }

    /// Connections, by their numbers, and how many requests came on each.
    pub fn by_connection(&self) -> Vec<(usize, usize)> {
        self.inner.script.lock().by_connection().iter().map(|(number, count)| (*number, *count)).collect()
    }

    pub fn reset_counters(&self) {
        self.inner.script.lock().reset_counters();
        lock(&self.inner.offers).clear();
    }

    /// Versions that were offered in handshakes.
    pub fn offers(&self) -> Vec<Version> {
        lock(&self.inner.offers).clone()
    }

    /// Connections made in all.
    pub fn accepted(&self) -> usize {
        self.inner.script.lock().accepted()
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.inner.script.lock().open()
    }

    /// Cursors and transactions that clients have open here.
    pub fn open_cursors(&self) -> usize {
        self.inner.handles.cursors.load(Ordering::Acquire)
    }

    pub fn open_transactions(&self) -> usize {
        self.inner.handles.transactions.load(Ordering::Acquire)
    }

    /// Makes a cache, if there is none of this name.
    pub fn create_cache(&self, name: &str, is_transactional: bool) {
        let mut cache = Cache::named(name);
        if is_transactional {
            cache.settings.insert(2, vec![0; 4]);
        }
        // It fails only for a cache without a name, which no client can reach.
        let _ = self.inner.cluster.lock().create(cache, true);
    }

    pub fn cache_names(&self) -> Vec<String> {
        self.inner.cluster.lock().names()
    }

    /// Puts an entry past all rules. `false` when there is no such cache.
    pub fn put(&self, cache: &str, key: &[u8], value: &[u8]) -> bool {
        let mut store = self.inner.cluster.lock();
        let cache = store.cache(hash::cache_id(cache));
        cache.map(|cache| cache.put(wire::kept(key), wire::kept(value), None)).is_ok()
    }

    /// Entries of a cache; nothing when there is none.
    pub fn entries(&self, cache: &str) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut store = self.inner.cluster.lock();
        store.cache(hash::cache_id(cache)).ok().map(Cache::entries)
    }

    /// Whether the map tells that this node has the key.
    pub fn is_primary(&self, key: &[u8]) -> bool {
        self.inner.cluster.lock().primary(&wire::kept(key)) == Some(self.inner.id)
    }

    /// Records the answer to a statement.
    pub fn record(&self, recorded: Recorded) {
        self.inner.cluster.lock().recorded.push(recorded);
    }

    pub fn forget_records(&self) {
        self.inner.cluster.lock().recorded.clear();
    }

    /// The topology changes: the next answer on each connection tells it. A version that falls is not told, as in a cluster that
    /// was started anew: only new connections hear of it.
    pub fn set_topology(&self, major: i64, minor: i32) {
        self.inner.cluster.lock().topology = (major, minor);
    }

    pub fn topology(&self) -> (i64, i32) {
        self.inner.cluster.lock().topology
    }

    /// 0 inactive, 1 active, 2 read-only.
    pub fn set_state(&self, state: u8) {
        self.inner.cluster.lock().state = state;
    }

    pub fn state(&self) -> u8 {
        self.inner.cluster.lock().state
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(inner: &Arc<Inner>, stream: TcpStream) {
    let Ok(voice) = Voice::new(stream) else { return };
    let Ok(stream) = voice.stream.try_clone() else { return };
    let number = inner.script.lock().accept(&voice);
    let session = Session::new(Arc::clone(&inner.cluster), Arc::clone(&inner.handles));
    let mut connection = Connection { inner, number, voice: &voice, input: BufReader::new(stream), session };
    // However it ends: the connection is over.
    let _ = connection.serve();
    drop(connection);
    voice.finish();
    inner.script.lock().ended(number);
}

struct Connection<'a> {
    inner: &'a Inner,
    number: usize,
    voice: &'a Arc<Voice>,
    input: BufReader<TcpStream>,
    session: Session,
}

impl Connection<'_> {
    fn fault(&self, operation: i16, direction: Direction) -> Option<Fault> {
        self.inner.script.lock().fault(operation, direction)
    }

    fn serve(&mut self) -> io::Result<()> {
        if let Some(fault) = self.fault(CONNECT, Direction::Answer) {
            self.voice.say(Vec::new(), Some(fault), [0; 3])?;
        }
        let greeting = lock(&self.inner.greeting).clone();
        match greeting {
            Greeting::Handshake => self.shake_hands()?,
            Greeting::Mute => return Err(self.voice.ignore()),
            Greeting::Say { bytes, then_close } => {
                self.message()?;
                self.voice.send(&bytes)?;
                return if then_close { Ok(()) } else { Err(self.voice.ignore()) };
            }
        }
        loop {
            self.request()?;
        }
    }

    fn length(&mut self) -> io::Result<usize> {
        let mut length = [0; 4];
        self.input.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_le_bytes(length)).ok().filter(|length| (1..=MAX_MESSAGE).contains(length));
        length.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn message(&mut self) -> io::Result<Vec<u8>> {
        let mut message = vec![0; self.length()?];
        self.input.read_exact(&mut message)?;
        Ok(message)
    }

    fn shake_hands(&mut self) -> io::Result<()> {
        loop {
            let message = self.message()?;
            if self.before(HANDSHAKE)?.is_none() {
                continue;
            }
            let offer = Offer::read(&message)?;
            lock(&self.inner.offers).push(offer.version);
            let refusal = self.refusal(&offer);
            let mut fault = self.fault(HANDSHAKE, Direction::Answer);
            let answer = match (fault.take(), refusal) {
                (Some(Fault::Refuse { status, message }), _) => wire::refused([0; 3], &Refusal { status, message }),
                (Some(Fault::Payload(payload)), _) => wire::framed(payload),
                (other, refusal) => {
                    fault = other;
                    match refusal {
                        Some((version, refusal)) => wire::refused(version, &refusal),
                        None => {
                            self.session.version = offer.version;
                            self.session.features = offer.features & self.inner.settings.features;
                            let answer = wire::accepted(offer.version, self.session.features, self.inner.id);
                            return self.voice.say(answer, fault, offer.version);
                        }
                    }
                }
            };
            // A real node keeps the connection and waits for another offer.
            self.voice.say(answer, fault, offer.version)?;
        }
    }

    /// Why a real node would not take the offer, and which version it would tell.
    fn refusal(&self, offer: &Offer<'_>) -> Option<(Version, Refusal)> {
        let settings = &self.inner.settings;
        if offer.version > settings.newest {
            return Some((settings.newest, Refusal::new(1, "Unsupported version.")));
        }
        let is_user = |(name, password): &(String, String)| offer.credentials == Some((name.as_str(), password.as_str()));
        if settings.users.is_empty() || settings.users.iter().any(is_user) {
            return None;
        }
        Some(([0; 3], Refusal::new(2000, "The user name or password is incorrect [userName=...]")))
    }

    /// What a rule does to a request before it is carried out: how often it is carried out, if at all.
    fn before(&mut self, code: i16) -> io::Result<Option<usize>> {
        match self.fault(code, Direction::Request) {
            None => Ok(Some(1)),
            Some(Fault::Repeat) => Ok(Some(2)),
            Some(Fault::Silence) => Ok(None),
            Some(Fault::Hold(time)) => self.voice.pause(time).map(|()| Some(1)),
            Some(Fault::Deaf) => self.voice.stay_deaf().map(|()| Some(1)),
            // The others end the connection, or send something of their own.
            Some(fault) => self.voice.say(Vec::new(), Some(fault), self.session.version).map(|()| None),
        }
    }

    fn request(&mut self) -> io::Result<()> {
        let length = self.length()?;
        let mut head = [0; 10];
        let has_head = length >= head.len();
        if !has_head {
            return Err(Undecodable.into());
        }
        self.input.read_exact(&mut head)?;
        let mut cursor = Cursor::new(&head);
        let (code, id) = (cursor.i16()?, cursor.i64()?);
        self.inner.script.lock().count(self.number, code);
        // Here, because a rule may be about not reading the rest.
        let times = self.before(code)?;
        let mut body = vec![0; length - head.len()];
        self.input.read_exact(&mut body)?;
        for _ in 0..times.unwrap_or_default() {
            // Known before, because what is refused is not carried out.
            let (fault, refusal) = match self.fault(code, Direction::Answer) {
                Some(Fault::Refuse { status, message }) => (None, Some(Refusal { status, message })),
                fault => (fault, None),
            };
            let answer = self.session.answer(code, id, &body, refusal)?;
            self.voice.say(answer, fault, self.session.version)?;
        }
        Ok(())
    }
}

/// What a client offers in a handshake.
struct Offer<'a> {
    version: Version,
    features: u64,
    credentials: Option<(&'a str, &'a str)>,
}

impl<'a> Offer<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Undecodable> {
        let mut cursor = Cursor::new(message);
        if cursor.u8()? != 1 {
            return Err(Undecodable);
        }
        let version = [cursor.i16()?, cursor.i16()?, cursor.i16()?];
        cursor.u8()?;
        let mut features = 0;
        if version >= [1, 7, 0] {
            let mask = cursor.value()?;
            let bits = mask.get(5..).unwrap_or_default();
            features = bits.iter().take(8).enumerate().fold(0, |all, (index, byte)| all | u64::from(*byte) << (8 * index));
            if features & 1 != 0 {
                cursor.value()?;
            }
        }
        let credentials = if cursor.is_empty() { None } else { cursor.string()?.zip(cursor.string()?) };
        Ok(Self { version, features, credentials })
    }
}
