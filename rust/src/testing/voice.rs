//! The way to one peer: where messages are sent, and where a fault changes one.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;

use super::script::Fault;
use super::wire::{self, Refusal, Version};
use crate::lock::lock;

/// How often somebody who waits looks whether the connection has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Steps in which a throttled message is sent.
const STEPS_PER_SECOND: u32 = 50;

/// One connection, for sending. Its thread owns it; whoever else sends later holds it weakly, so that it ends when it is told to.
#[derive(Debug)]
pub struct Voice {
    pub stream: TcpStream,
    sending: Mutex<()>,
    /// The first of two messages that are swapped, and those that wait for `release`.
    swapped: Mutex<Option<Vec<u8>>>,
    waiting: Mutex<Vec<Vec<u8>>>,
    /// How often `release` was called.
    released: AtomicUsize,
    ended: AtomicBool,
    reset: AtomicBool,
}

impl Voice {
    pub fn new(stream: TcpStream) -> io::Result<Arc<Self>> {
        stream.set_nodelay(true)?;
        Ok(Arc::new(Self {
            stream,
            sending: Mutex::new(()),
            swapped: Mutex::new(None),
            waiting: Mutex::new(Vec::new()),
            released: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            reset: AtomicBool::new(false),
        }))
    }

    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let _turn = lock(&self.sending);
        (&self.stream).write_all(bytes)
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Closes the connection, or resets it: then its last owner does that by dropping it.
    pub fn end(&self, reset: bool) {
        self.ended.store(true, Ordering::Release);
        // These fail only where the peer has gone already.
        if reset {
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
            self.reset.store(true, Ordering::Release);
            let _ = self.stream.shutdown(Shutdown::Read);
        } else {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }

    /// The connection's thread is through with it.
    pub fn finish(&self) {
        if !self.reset.load(Ordering::Acquire) {
            self.end(false);
        }
    }

    /// Sends what was kept back, ends deafness, and lets trickling messages flow.
    pub fn release(&self) {
        self.released.fetch_add(1, Ordering::AcqRel);
        for message in lock(&self.waiting).drain(..) {
            // The client may be gone.
            let _ = self.send(&message);
        }
    }

    /// Waits, unless the connection is ended meanwhile.
    pub fn pause(&self, time: Duration) -> io::Result<()> {
        let mut left = time;
        while !left.is_zero() {
            if self.has_ended() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let step = left.min(LOOK);
            std::thread::sleep(step);
            left -= step;
        }
        Ok(())
    }

    /// Reads nothing until `release`, or until the connection is ended from here.
    pub fn stay_deaf(&self) -> io::Result<()> {
        let before = self.released.load(Ordering::Acquire);
        while self.released.load(Ordering::Acquire) == before {
            self.pause(LOOK)?;
        }
        Ok(())
    }

    /// Throws away what comes until the peer goes.
    pub fn ignore(&self) -> io::Error {
        let mut buffer = [0; 4096];
        loop {
            match (&self.stream).read(&mut buffer) {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    /// Sends so many bytes at a time, with a pause after each part; all that is left at once after `release`.
    fn trickle(&self, message: &[u8], step: usize, pause: Duration) -> io::Result<()> {
        let before = self.released.load(Ordering::Acquire);
        let mut rest = message;
        while !rest.is_empty() {
            let is_released = self.released.load(Ordering::Acquire) != before;
            let length = if is_released { rest.len() } else { step.min(rest.len()) };
            let (part, behind) = rest.split_at(length);
            self.send(part)?;
            rest = behind;
            self.pause(pause)?;
        }
        Ok(())
    }

    /// Sends a message as the fault says. An error ends the connection.
    pub fn say(self: &Arc<Self>, message: Vec<u8>, fault: Option<Fault>, version: Version) -> io::Result<()> {
        let Some(fault) = fault else { return self.send(&message) };
        let id = wire::id_of(&message);
        let forged = |id, outcome| wire::answer(version, id, None, outcome);
        match fault {
            Fault::Cut { bytes, reset } => {
                self.send(message.get(..bytes).unwrap_or(&message))?;
                self.end(reset);
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Fault::HalfClose { bytes } => {
                self.send(message.get(..bytes).unwrap_or(&message))?;
                self.stream.shutdown(Shutdown::Write)?;
                Err(self.ignore())
            }
            Fault::Hold(time) => {
                let later = Arc::downgrade(self);
                let hold = move || {
                    std::thread::sleep(time);
                    // The client, or the whole connection, may be gone.
                    if let Some(voice) = later.upgrade() {
                        let _ = voice.send(&message);
                    }
                };
                std::thread::Builder::new().name("fake-node".into()).spawn(hold).map(drop)
            }
            Fault::Keep => {
                lock(&self.waiting).push(message);
                Ok(())
            }
            Fault::Silence => Ok(()),
            Fault::Dribble(pause) => self.trickle(&message, 1, pause),
            Fault::Throttle { bytes_per_second } => {
                let step = usize::try_from(bytes_per_second / STEPS_PER_SECOND).unwrap_or_default().max(1);
                self.trickle(&message, step, Duration::from_secs(1) / STEPS_PER_SECOND)
            }
            Fault::Instead(bytes) => self.send(&bytes),
            Fault::First(bytes) => self.send(&[bytes, message].concat()),
            Fault::Payload(payload) => self.send(&forged(id, Ok(payload))),
            Fault::Refuse { status, message } => self.send(&forged(id, Err(Refusal { status, message }))),
            Fault::StrayFirst(offsets) => {
                let stray = |offset: i64| forged(id.wrapping_add(offset), Ok(wire::string("not yours")));
                let mut bytes: Vec<u8> = offsets.into_iter().flat_map(stray).collect();
                bytes.extend(message);
                self.send(&bytes)
            }
            Fault::WrongId(offset) => {
                let mut bytes = message;
                if let Some(field) = bytes.get_mut(4..12) {
                    field.copy_from_slice(&id.wrapping_add(offset).to_le_bytes());
                }
                self.send(&bytes)
            }
            Fault::Garble { offset, mask } => {
                let mut bytes = message;
                let length = bytes.len();
                if let Some(byte) = bytes.get_mut(offset.checked_rem(length).unwrap_or_default()) {
                    *byte ^= mask;
                }
                self.send(&bytes)
            }
            Fault::Repeat => self.send(&[&message[..], &message].concat()),
            Fault::Swap => {
                let first = lock(&self.swapped).take();
                match first {
                    None => {
                        *lock(&self.swapped) = Some(message);
                        Ok(())
                    }
                    Some(first) => self.send(&[message, first].concat()),
                }
            }
            Fault::Topology { major, minor } => self.send(&with_topology(&message, version, (major, minor))),
            Fault::Deaf => {
                self.stay_deaf()?;
                self.send(&message)
            }
            Fault::Then(bytes) => self.send(&[message, bytes].concat()),
            Fault::BlackHole => Err(self.ignore()),
        }
    }
}

/// The same answer with another version of the topology in its header.
fn with_topology(message: &[u8], version: Version, topology: wire::Topology) -> Vec<u8> {
    let (Some(head), Some(flags)) = (message.get(4..12), message.get(12..14)) else { return message.to_vec() };
    if version < [1, 4, 0] {
        return message.to_vec();
    }
    let flags = i16::from_le_bytes([flags[0], flags[1]]);
    let rest = message.get(if flags & 2 == 0 { 14 } else { 26 }..).unwrap_or_default();
    let (major, minor) = topology;
    let parts = [head, &(flags | 2).to_le_bytes(), &major.to_le_bytes(), &minor.to_le_bytes(), rest];
    wire::framed(parts.concat())
}
