//! The node itself: listener, handshake, key-value operations in memory, and where a rule changes an answer.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;

use super::wire;
use crate::protocol::op::{Operation, cache, key_value};

/// What happens to one answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// So many bytes of it, then the connection is closed, or reset.
    Cut { bytes: usize, reset: bool },
    /// It comes later; other requests are served meanwhile.
    Hold(Duration),
    /// It never comes.
    Silence,
    /// It comes byte by byte, with a pause after each.
    Dribble(Duration),
    /// These bytes come in its place.
    Instead(Vec<u8>),
    /// A whole answer with this payload comes in its place.
    Payload(Vec<u8>),
    /// An error.
    Refuse { status: i32, message: &'static str },
    /// Answers to requests that nobody made come first: the id moved by each offset.
    StrayFirst(Vec<i64>),
    /// It comes twice.
    Repeat,
    /// The first of two is kept and comes after the second.
    Swap,
    /// No answer, and nothing more is read on this connection.
    Deaf,
}

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

#[derive(Debug, Default)]
struct Script {
    greeting: Greeting,
    rules: Vec<(i16, Fault)>,
    requests: HashMap<i16, usize>,
    offers: Vec<[i16; 3]>,
    caches: HashMap<i32, HashMap<Vec<u8>, Vec<u8>>>,
    names: Vec<String>,
    streams: Vec<(usize, TcpStream)>,
}

#[derive(Debug)]
struct Inner {
    newest: [i16; 3],
    script: Mutex<Script>,
    accepted: AtomicUsize,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stand-in for an Ignite node on a free port of 127.0.0.1. It ends with its last owner.
#[derive(Debug)]
pub struct FakeNode {
    inner: Arc<Inner>,
    address: SocketAddr,
    listening: Option<Arc<AtomicBool>>,
}

impl FakeNode {
    /// A node that speaks protocol 1.7 and everything before it.
    pub fn start() -> io::Result<Self> {
        Self::with_newest([1, 7, 0])
    }

    /// A node whose newest protocol version is this one; it refuses newer ones as a real node does.
    pub fn with_newest(newest: [i16; 3]) -> io::Result<Self> {
        let inner = Inner { newest, script: Mutex::default(), accepted: AtomicUsize::new(0) };
        let mut node = Self { inner: Arc::new(inner), address: (Ipv4Addr::LOCALHOST, 0).into(), listening: None };
        node.listen()?;
        Ok(node)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens; after [`FakeNode::stop`] on the same port again.
    pub fn listen(&mut self) -> io::Result<()> {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&self.address.into())?;
        socket.listen(128)?;
        let listener = TcpListener::from(socket);
        self.address = listener.local_addr()?;
        let open = Arc::new(AtomicBool::new(true));
        self.listening = Some(Arc::clone(&open));
        let inner = Arc::clone(&self.inner);
        std::thread::spawn(move || accept(&inner, &listener, &open));
        Ok(())
    }

    /// Stops listening and closes all connections.
    pub fn stop(&mut self) {
        if let Some(open) = self.listening.take() {
            open.store(false, Ordering::Release);
            // The thread that accepts looks at the flag when somebody comes; gone already is as good.
            drop(TcpStream::connect(self.address));
            // Nobody may meet the listener any more when this returns.
            while Arc::strong_count(&open) > 1 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.kick();
    }

    /// Closes all connections.
    pub fn kick(&self) {
        for (_, stream) in self.inner.lock().streams.drain(..) {
            // It fails only where the client closed it first.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// What happens to new connections from now on.
    pub fn greet(&self, greeting: Greeting) {
        self.inner.lock().greeting = greeting;
    }

    /// The next answers to this operation meet `fault`.
    pub fn rule(&self, operation: &'static Operation, fault: Fault, times: usize) {
        self.inner.lock().rules.extend(std::iter::repeat_n((operation.code, fault), times));
    }

    /// From now on everything is answered as it should be.
    pub fn forget_rules(&self) {
        self.inner.lock().rules.clear();
    }

    /// How often the operation came in, answered or not.
    pub fn requests(&self, operation: &'static Operation) -> usize {
        self.inner.lock().requests.get(&operation.code).copied().unwrap_or_default()
    }

    /// Versions that were offered in handshakes.
    pub fn offers(&self) -> Vec<[i16; 3]> {
        self.inner.lock().offers.clone()
    }

    /// Connections made in all.
    pub fn accepted(&self) -> usize {
        self.inner.accepted.load(Ordering::Acquire)
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.inner.lock().streams.len()
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(inner: &Arc<Inner>, listener: &TcpListener, open: &AtomicBool) {
    while let Ok((stream, _)) = listener.accept() {
        if !open.load(Ordering::Acquire) {
            return;
        }
        let number = inner.accepted.fetch_add(1, Ordering::AcqRel);
        let Ok(kept) = stream.try_clone() else { continue };
        inner.lock().streams.push((number, kept));
        let inner = Arc::clone(inner);
        std::thread::spawn(move || {
            let stream = Arc::new(stream);
            let mut connection = Connection { inner: &inner, number, stream, version: [0; 3], kept: None, reset: false };
            // However it ends: the connection is over.
            let _ = connection.serve();
            if !connection.reset {
                let _ = connection.stream.shutdown(Shutdown::Both);
            }
            connection.forget();
        });
    }
}

struct Connection<'a> {
    inner: &'a Inner,
    number: usize,
    stream: Arc<TcpStream>,
    version: [i16; 3],
    kept: Option<Vec<u8>>,
    reset: bool,
}

impl Connection<'_> {
    fn forget(&self) {
        self.inner.lock().streams.retain(|(other, _)| *other != self.number);
    }

    fn was_kicked(&self) -> bool {
        self.inner.lock().streams.iter().all(|(other, _)| *other != self.number)
    }

    fn serve(&mut self) -> io::Result<()> {
        let greeting = self.inner.lock().greeting.clone();
        match greeting {
            Greeting::Handshake => self.shake_hands()?,
            Greeting::Mute => return self.ignore(),
            Greeting::Say { bytes, then_close } => {
                self.message()?;
                self.send(&bytes)?;
                return if then_close { Ok(()) } else { self.ignore() };
            }
        }
        loop {
            let message = self.message()?;
            self.request(&message)?;
        }
    }

    /// Reads, and says nothing, until the client goes.
    fn ignore(&self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        while (&*self.stream).read(&mut buffer)? > 0 {}
        Ok(())
    }

    fn message(&self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        (&*self.stream).read_exact(&mut length)?;
        let mut message = vec![0; usize::try_from(i32::from_le_bytes(length)).map_err(io::Error::other)?];
        (&*self.stream).read_exact(&mut message)?;
        Ok(message)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self.stream).write_all(bytes)
    }

    fn shake_hands(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        loop {
            let message = self.message()?;
            let offered = [1, 3, 5].map(|at| wire::i16_at(&message, at));
            self.inner.lock().offers.push(offered);
            if offered <= self.inner.newest {
                self.version = offered;
                return self.send(&wire::accepted(offered));
            }
            // A real node keeps the connection and waits for another offer.
            self.send(&wire::refused(self.inner.newest))?;
        }
    }

    fn request(&mut self, message: &[u8]) -> io::Result<()> {
        let (code, id) = (wire::i16_at(message, 0), wire::i64_at(message, 2));
        let (answer, fault) = {
            let mut script = self.inner.lock();
            *script.requests.entry(code).or_default() += 1;
            let outcome = carry_out(&mut script, code, message.get(10..).unwrap_or_default());
            let place = script.rules.iter().position(|(operation, _)| *operation == code);
            (wire::answer(self.version, id, outcome), place.map(|place| script.rules.remove(place).1))
        };
        match fault {
            None => self.send(&answer),
            Some(fault) => self.misbehave(fault, answer, id),
        }
    }

    fn misbehave(&mut self, fault: Fault, answer: Vec<u8>, id: i64) -> io::Result<()> {
        match fault {
            Fault::Cut { bytes, reset } => {
                self.send(answer.get(..bytes).unwrap_or(&answer))?;
                if reset {
                    SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO))?;
                    // The last handle to a socket that is closed sends the reset: the other one has to go first.
                    self.forget();
                    self.reset = true;
                }
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Fault::Hold(time) => {
                let stream = Arc::clone(&self.stream);
                std::thread::spawn(move || {
                    std::thread::sleep(time);
                    // The client may be gone.
                    let _ = (&*stream).write_all(&answer);
                });
                Ok(())
            }
            Fault::Silence => Ok(()),
            Fault::Dribble(pause) => answer.iter().try_for_each(|byte| {
                self.send(&[*byte])?;
                std::thread::sleep(pause);
                Ok(())
            }),
            Fault::Instead(bytes) => self.send(&bytes),
            Fault::Payload(payload) => self.send(&wire::answer(self.version, id, Ok(payload))),
            Fault::Refuse { status, message } => self.send(&wire::answer(self.version, id, Err((status, message)))),
            Fault::StrayFirst(offsets) => {
                let stray = |offset: i64| wire::answer(self.version, id.wrapping_add(offset), Ok(wire::string("not yours")));
                let mut bytes: Vec<u8> = offsets.into_iter().flat_map(stray).collect();
                bytes.extend(answer);
                self.send(&bytes)
            }
            Fault::Repeat => self.send(&[&answer[..], &answer].concat()),
            Fault::Swap => match self.kept.take() {
                None => {
                    self.kept = Some(answer);
                    Ok(())
                }
                Some(kept) => self.send(&[answer, kept].concat()),
            },
            Fault::Deaf => {
                while !self.was_kicked() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }
}

fn carry_out(script: &mut Script, code: i16, body: &[u8]) -> wire::Outcome {
    if code == cache::GET_NAMES.code {
        let names = script.names.iter().map(|name| wire::string(name));
        return Ok(wire::counted(names.collect()));
    }
    if code == cache::CREATE_WITH_NAME.code || code == cache::GET_OR_CREATE_WITH_NAME.code {
        let name = String::from_utf8_lossy(body.get(5..).unwrap_or_default()).into_owned();
        if !script.names.contains(&name) {
            script.names.push(name);
        }
        return Ok(Vec::new());
    }
    let entries = script.caches.entry(wire::i32_at(body, 0)).or_default();
    let values = |from: usize| wire::values(body.get(from..).unwrap_or_default());
    match code {
        code if code == key_value::GET.code => {
            Ok(values(5).first().and_then(|key| entries.get(key)).cloned().unwrap_or_else(|| wire::NULL.to_vec()))
        }
        code if code == key_value::PUT.code || code == key_value::PUT_ALL.code => {
            let values = values(if code == key_value::PUT.code { 5 } else { 9 });
            entries.extend(values.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())));
            Ok(Vec::new())
        }
        code if code == key_value::GET_ALL.code => {
            let found = values(9).into_iter().filter_map(|key| entries.get(&key).map(|value| [&key[..], value].concat()));
            Ok(wire::counted(found.collect()))
        }
        code if code == key_value::GET_SIZE.code => Ok((entries.len() as i64).to_le_bytes().to_vec()),
        code if code == cache::DESTROY.code => {
            entries.clear();
            Ok(Vec::new())
        }
        _ => Err((2, "Invalid request op code")),
    }
}
