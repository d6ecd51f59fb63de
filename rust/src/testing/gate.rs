//! The gate: stands in front of a real node, knows where messages begin and end, and does at exact points what rules say.

use std::collections::HashMap;
use std::io::{self, BufReader, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::codes::{CONNECT, HANDSHAKE};
use super::listen::Listener;
use super::script::{Direction, Fault, Rule, Shared};
use super::voice::Voice;
use super::wire::{self, Cursor, Refusal, Undecodable, Version};
use crate::lock::lock;

/// Flag of an answer: sent by the server on its own.
const NOTIFICATION: i16 = 4;

/// A proxy on a free port of 127.0.0.1. It ends with its last owner.
#[derive(Debug)]
pub struct Gate {
    inner: Arc<Inner>,
    listener: Listener,
}

#[derive(Debug)]
struct Inner {
    target: (String, u16),
    script: Shared,
}

impl Gate {
    /// A gate in front of the node at this host and port. The node need not be there yet.
    pub fn start(host: &str, port: u16) -> io::Result<Self> {
        let inner = Arc::new(Inner { target: (host.to_owned(), port), script: Shared::default() });
        let mut gate = Self { inner, listener: Listener::new(0) };
        gate.listen()?;
        Ok(gate)
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    pub fn is_listening(&self) -> bool {
        self.listener.is_listening()
    }

    /// Listens; after [`Gate::stop`] on the same port again.
    pub fn listen(&mut self) -> io::Result<()> {
        let inner = Arc::clone(&self.inner);
        self.listener.listen(move |stream| serve(&inner, stream))
    }

    /// Stops listening and closes all connections.
    pub fn stop(&mut self) {
        self.listener.stop();
        self.kick(false);
    }

    /// From now on connects hang. [`Gate::listen`] ends it.
    pub fn black_hole(&mut self) -> io::Result<()> {
        self.stop();
        self.listener.black_hole()
    }

    pub fn kick(&self, reset: bool) {
        self.inner.script.kick(reset);
    }

    pub fn add_rule(&self, rule: Rule) {
        self.inner.script.lock().add(rule);
    }

    pub fn forget_rules(&self) {
        self.inner.script.lock().forget_rules();
    }

    pub fn release(&self) {
        self.inner.script.release();
    }

    pub fn all_requests(&self) -> Vec<(i16, usize)> {
        self.inner.script.lock().requests().iter().map(|(code, count)| (*code, *count)).collect()
    }

    pub fn by_connection(&self) -> Vec<(usize, usize)> {
        self.inner.script.lock().by_connection().iter().map(|(number, count)| (*number, *count)).collect()
    }

    pub fn reset_counters(&self) {
        self.inner.script.lock().reset_counters();
    }

    pub fn accepted(&self) -> usize {
        self.inner.script.lock().accepted()
    }

    pub fn open(&self) -> usize {
        self.inner.script.lock().open()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What both directions of a connection know.
#[derive(Debug, Default)]
struct State {
    /// The version that was offered last, and whether the server took it.
    version: Version,
    is_open: bool,
    /// Which operation a request was, until it is answered.
    operations: HashMap<i64, i16>,
}

struct Pair {
    inner: Arc<Inner>,
    number: usize,
    client: Arc<Voice>,
    server: Arc<Voice>,
    state: Mutex<State>,
    /// Everything that comes is thrown away.
    black_hole: AtomicBool,
}

fn serve(inner: &Arc<Inner>, stream: TcpStream) {
    let Ok(client) = Voice::new(stream) else { return };
    let number = inner.script.lock().accept(&client);
    // However it ends: the connection is over.
    let _ = connect(inner, number, &client);
    client.finish();
    inner.script.lock().ended(number);
}

fn connect(inner: &Arc<Inner>, number: usize, client: &Arc<Voice>) -> io::Result<()> {
    if let Some(fault) = inner.script.lock().fault(CONNECT, Direction::Answer) {
        client.say(Vec::new(), Some(fault), [0; 3])?;
    }
    let server = Voice::new(TcpStream::connect((inner.target.0.as_str(), inner.target.1))?)?;
    inner.script.lock().passes_to(number, &server);
    let pair = Arc::new(Pair {
        inner: Arc::clone(inner),
        number,
        client: Arc::clone(client),
        server,
        state: Mutex::default(),
        black_hole: AtomicBool::new(false),
    });
    let back = Arc::clone(&pair);
    let answers = std::thread::Builder::new().name("fake-node".into()).spawn(move || back.pump(Direction::Answer))?;
    pair.pump(Direction::Request);
    // It ends as soon as its sockets do.
    let _ = answers.join();
    Ok(())
}

impl Pair {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Carries messages one way until a side ends; then both do.
    fn pump(&self, direction: Direction) {
        let (from, to) = match direction {
            Direction::Request => (&self.client, &self.server),
            Direction::Answer => (&self.server, &self.client),
        };
        let carried = from.stream.try_clone().and_then(|stream| {
            let mut input = BufReader::new(stream);
            loop {
                self.carry(&mut input, direction, from, to)?;
            }
        });
        let _: io::Result<()> = carried;
        self.client.finish();
        self.server.finish();
    }

    fn carry(&self, input: &mut impl Read, direction: Direction, from: &Voice, to: &Arc<Voice>) -> io::Result<()> {
        let message = read(input)?;
        if self.black_hole.load(Ordering::Acquire) {
            return Ok(());
        }
        let body = message.get(4..).unwrap_or_default();
        let operation = match direction {
            Direction::Request => self.request(body)?,
            Direction::Answer => self.answer(body)?,
        };
        let fault = operation.and_then(|operation| self.inner.script.lock().fault(operation, direction));
        let version = self.lock().version;
        match fault {
            Some(Fault::HalfClose { bytes }) => {
                to.send(message.get(..bytes).unwrap_or(&message))?;
                to.stream.shutdown(Shutdown::Write)?;
                self.client.stay_deaf()
            }
            Some(Fault::Deaf) => {
                self.client.stay_deaf()?;
                to.send(&message)
            }
            Some(Fault::BlackHole) => {
                self.black_hole.store(true, Ordering::Release);
                Ok(())
            }
            // The server never hears of it.
            Some(Fault::Refuse { status, message: text }) if direction == Direction::Request => {
                let id = Cursor::new(body.get(2..).unwrap_or_default()).i64()?;
                self.lock().operations.remove(&id);
                self.client.send(&wire::answer(version, id, None, Err(Refusal { status, message: text })))
            }
            // On the way to the server a cut is about the server too; the client must see the same end.
            Some(Fault::Cut { bytes, reset }) => {
                to.send(message.get(..bytes).unwrap_or(&message))?;
                to.end(reset);
                from.end(reset);
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            fault => to.say(message, fault, version),
        }
    }

    /// Which operation a message of the client is; counts it.
    fn request(&self, body: &[u8]) -> Result<Option<i16>, Undecodable> {
        let mut cursor = Cursor::new(body);
        let mut state = self.lock();
        if !state.is_open {
            cursor.u8()?;
            state.version = [cursor.i16()?, cursor.i16()?, cursor.i16()?];
            return Ok(Some(HANDSHAKE));
        }
        let (operation, id) = (cursor.i16()?, cursor.i64()?);
        state.operations.insert(id, operation);
        drop(state);
        self.inner.script.lock().count(self.number, operation);
        Ok(Some(operation))
    }

    /// Which operation a message of the server answers, if any.
    fn answer(&self, body: &[u8]) -> Result<Option<i16>, Undecodable> {
        let mut cursor = Cursor::new(body);
        let mut state = self.lock();
        if !state.is_open {
            state.is_open = cursor.bool()?;
            return Ok(Some(HANDSHAKE));
        }
        let id = cursor.i64()?;
        if state.version >= [1, 4, 0] && cursor.i16()? & NOTIFICATION != 0 {
            return Ok(None);
        }
        Ok(state.operations.remove(&id))
    }
}

/// One message with its length in front.
fn read(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut message = vec![0; 4];
    input.read_exact(&mut message)?;
    let length = Cursor::new(&message).count()?;
    // Grows with what comes, not with what is promised.
    let taken = input.take(length as u64).read_to_end(&mut message)?;
    if taken < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(message) }
}
