//! TokioDriver: a connection that many calls use at once, driven by a reader and a writer task.

use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Instant;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::affinity::Affinity;
use super::completion::{Completion, Completions, Reply};
use super::connect::{Opened, TLS_READ};
use super::core::{HALT, Input, Link, Owner, RequestTable, SILENCE, id_of, match_answer, unreadable};
use super::error::{Error, ErrorKind, Sent};
use super::handle::Place;
use super::heartbeat::{self, Beat, Heart};
use super::tls::Session;
use crate::lock::lock;
use crate::protocol::error::DecodeError;
use crate::protocol::frame::seal_request;
use crate::protocol::op::{Opens, Operation};

/// Bytes that may wait to be sent. A server that stops reading costs its callers waiting, not memory.
const WINDOW: usize = 16 * 1024 * 1024;

/// Who waits for an answer, and where its request stands in the stream of bytes sent.
#[derive(Debug)]
struct Waiter {
    /// `None`: nobody does.
    completions: Option<Arc<Completions>>,
    token: u64,
    position: u64,
}

impl Waiter {
    fn nobody() -> Self {
        Self { completions: None, token: 0, position: 0 }
    }
}

#[derive(Debug, Default)]
struct State {
    table: RequestTable<Waiter>,
    tls: Option<Box<Session>>,
    heart: Option<Heart>,
    /// Where the last heartbeat ends in the stream of bytes sent.
    beaten: u64,
    /// Sealed requests on their way to the socket, encrypted if the connection is.
    outbox: Vec<u8>,
    /// Bytes ever put into the outbox or the socket.
    queued: u64,
    /// Bytes given to the socket.
    written: u64,
    /// The writer task has bytes of its own to write.
    writing: bool,
    /// Requests of this turn of a loop are being collected; [`Shared::flush`] follows.
    corked: Option<Arc<Completions>>,
    lost: bool,
    /// Since when half a message has not grown.
    half_since: Option<Instant>,
    /// How often something had come when heartbeats were looked after last.
    heard: u64,
    /// When a caller left, and how often something had come by then.
    left: Option<(Instant, u64)>,
    /// Cursors and transactions that are open on it.
    handles: usize,
    /// Itself, as long as it is needed and nobody else keeps it for that; see [`Shared::retire`].
    kept: Option<Arc<Shared>>,
}

impl State {
    fn is_needed(&self) -> bool {
        self.table.waiting() + self.handles > 0
    }

    /// Seals a request and puts it into the outbox; `false` when the session of TLS is broken, of which the reader will tell.
    fn put(&mut self, operation: &'static Operation, frame: &mut [u8], id: i64) -> bool {
        // A frame is always one that `Writer::request` began; its length was checked when its parts were written.
        seal_request(frame, operation, id);
        let before = self.outbox.len();
        match &mut self.tls {
            None => self.outbox.extend_from_slice(frame),
            Some(session) => {
                if session.encrypt(frame).is_err() {
                    return false;
                }
                session.take_outgoing(&mut self.outbox);
            }
        }
        self.queued += (self.outbox.len() - before) as u64;
        true
    }
}

/// Why a request was not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Rejected {
    /// The connection is gone.
    Lost,
    /// Too many bytes wait to be sent; [`Shared::room`] tells when there is room again.
    Full,
}

/// A request that was taken.
#[derive(Debug)]
pub struct Submitted {
    pub id: i64,
    /// It is the first one to be collected: [`Shared::flush`] has to be called soon.
    pub flush: bool,
}

/// A connection shared by many calls.
#[derive(Debug)]
pub struct Shared {
    link: Link,
    affinity: Arc<Affinity>,
    stream: Arc<TcpStream>,
    state: Mutex<State>,
    outgoing: Arc<Notify>,
    drained: Notify,
    closed: AtomicBool,
    /// How often something came.
    heard: AtomicU64,
    /// A caller left while half a message had come to a halt, or nothing came at all: new calls go over another connection until it
    /// goes on.
    halted: AtomicBool,
}

impl Shared {
    /// Starts driving `stream`.
    pub(super) fn start(runtime: &Handle, opened: Opened, max_message: usize) -> Arc<Self> {
        let Opened { stream, tls, link, node } = opened;
        let encrypted = if tls.is_some() { vec![0; TLS_READ] } else { Vec::new() };
        let heart = Heart::new(node.pulse.as_ref(), &link);
        let shared = Arc::new(Self {
            link,
            affinity: Arc::clone(&node.affinity),
            stream: Arc::new(stream),
            state: Mutex::new(State { tls, heart, ..State::default() }),
            outgoing: Arc::new(Notify::new()),
            drained: Notify::new(),
            closed: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            halted: AtomicBool::new(false),
        });
        // The tasks hold the socket, not the connection: when its last user lets go of it, it ends, and the tasks with it.
        runtime.spawn(read(Arc::downgrade(&shared), Arc::clone(&shared.stream), Input::new(max_message), encrypted));
        runtime.spawn(write(Arc::downgrade(&shared), Arc::clone(&shared.stream), Arc::clone(&shared.outgoing)));
        shared
    }

    pub fn link(&self) -> &Link {
        &self.link
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub fn is_alive(&self) -> bool {
        !self.lock().lost
    }

    /// Whether new calls may use it.
    pub(super) fn is_welcoming(&self) -> bool {
        let state = self.lock();
        !state.lost && !self.halted.load(Ordering::Relaxed)
    }

    /// Takes a request; its end is told to `completions` under `token`.
    ///
    /// The first request on an idle connection goes out at once, from this thread. Others are collected until [`Shared::flush`].
    pub fn submit(
        &self,
        operation: &'static Operation,
        frame: &mut [u8],
        completions: &Arc<Completions>,
        token: u64,
    ) -> Result<Submitted, Rejected> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.lost {
            return Err(Rejected::Lost);
        }
        if state.outbox.len() > WINDOW {
            return Err(Rejected::Full);
        }
        let position = state.queued;
        let waiter = Waiter { completions: Some(Arc::clone(completions)), token, position };
        let Some(id) = state.table.register(waiter, operation.opens) else { return Err(Rejected::Full) };
        if !state.put(operation, frame, id) {
            state.table.answered(id);
            return Err(Rejected::Lost);
        }
        match &state.corked {
            None if state.table.waiting() > 1 => {
                state.corked = Some(Arc::clone(completions));
                Ok(Submitted { id, flush: true })
            }
            Some(collector) if Arc::ptr_eq(collector, completions) => Ok(Submitted { id, flush: false }),
            // Idle; or another loop collects, which may have been closed before it came to the end of its turn.
            None | Some(_) => {
                self.write_now(state);
                Ok(Submitted { id, flush: false })
            }
        }
    }

    /// Sends what was collected, in one go.
    pub fn flush(&self) {
        let mut state = self.lock();
        state.corked = None;
        self.write_now(&mut state);
    }

    /// Writes as much of the outbox as the socket takes; the writer task gets the rest.
    fn write_now(&self, state: &mut State) {
        if state.writing || state.outbox.is_empty() {
            return;
        }
        // An error will be seen by the reader, who tells everybody.
        let written = self.stream.try_write(&state.outbox).unwrap_or(0);
        state.written += written as u64;
        if written == state.outbox.len() {
            state.outbox.clear();
        } else {
            state.outbox.drain(..written);
            state.writing = true;
            self.outgoing.notify_one();
        }
    }

    /// Decrypts what has come; `false` when the server has ended the session.
    fn decrypt(&self, encrypted: &[u8], input: &mut Input) -> std::io::Result<bool> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(session) = &mut state.tls else { return Ok(false) };
        session.received(encrypted);
        let open = session.decrypt(input)?;
        // An answer to a change of keys, say.
        let before = state.outbox.len();
        session.take_outgoing(&mut state.outbox);
        state.queued += (state.outbox.len() - before) as u64;
        self.write_now(state);
        Ok(open)
    }

    /// Waits until the outbox has room, or the connection is gone.
    pub(super) async fn room(&self) {
        loop {
            let drained = self.drained.notified();
            {
                let state = self.lock();
                if state.lost || state.outbox.len() <= WINDOW {
                    return;
                }
            }
            drained.await;
        }
    }

    /// The caller left: its answer will be dropped. Too many of those, and the connection is given up.
    pub fn orphan(&self, id: i64) {
        let overdue = {
            let mut state = self.lock();
            state.table.orphan(id);
            if state.half_since.is_some_and(|since| since.elapsed() >= HALT) || self.is_silent(&mut state) {
                self.halted.store(true, Ordering::Relaxed);
            }
            state.table.has_too_many_orphans()
        };
        if overdue {
            self.shutdown();
        }
        self.end_if_retired();
    }

    /// Whether nothing has come since a caller left a while ago. What comes from now on counts from now.
    fn is_silent(&self, state: &mut State) -> bool {
        let heard = self.heard.load(Ordering::Relaxed);
        match state.left {
            Some((since, before)) if before == heard => since.elapsed() >= SILENCE,
            _ => {
                state.left = Some((Instant::now(), heard));
                false
            }
        }
    }

    /// A cursor or transaction is open on it.
    pub(super) fn keep(&self) {
        self.lock().handles += 1;
    }

    /// One is closed, or being closed.
    pub(super) fn release(&self) {
        self.lock().handles -= 1;
        self.end_if_retired();
    }

    /// Closes what nobody needs any more, without anybody waiting for the answer.
    pub(super) fn close_handle(&self, opens: Opens, id: i64) {
        if let Some((operation, frame)) = opens.closing(id) {
            self.send_for_nobody(&mut self.lock(), operation, frame);
        }
    }

    fn send_for_nobody(&self, state: &mut State, operation: &'static Operation, mut frame: Vec<u8>) -> Option<i64> {
        if state.lost {
            return None;
        }
        let id = state.table.register(Waiter::nobody(), Opens::Nothing)?;
        state.table.orphan(id);
        if state.put(operation, &mut frame, id) && state.corked.is_none() {
            self.write_now(state);
        }
        Some(id)
    }

    /// Sends a heartbeat if one is due; ends the connection when the last one has had no answer for too long.
    pub(super) fn tend(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(heart) = state.heart.as_mut().filter(|_| !state.lost) else { return };
        let heard = self.heard.load(Ordering::Relaxed);
        if std::mem::replace(&mut state.heard, heard) != heard {
            heart.heard(Instant::now());
        }
        if state.beaten > state.written {
            heart.is_on_its_way();
        }
        match heart.next() {
            Beat::Rest => {}
            Beat::Send(operation) => {
                let sent = self.send_for_nobody(state, operation, heartbeat::frame());
                state.beaten = state.queued;
                if let (Some(heart), Some(id)) = (&mut state.heart, sent) {
                    heart.sent(id);
                }
            }
            Beat::Missed(timeout) => {
                drop(guard);
                self.lose_to(&heartbeat::missed(timeout));
                self.shutdown();
            }
        }
    }

    /// Ends the connection; whoever waits on it is told that the client was closed.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Before the reader sees it: this thread is the one to tell.
        self.lose(|| Error::new(ErrorKind::ClientClosed));
        self.shutdown();
    }

    /// Nothing new comes: it ends with the last call that is in flight, and what is open on it, which may be now.
    pub(super) fn retire(self: Arc<Self>) {
        let mut state = self.lock();
        if state.is_needed() && !state.lost {
            state.kept = Some(Arc::clone(&self));
        }
    }

    fn shutdown(&self) {
        // It fails only where the connection is gone already.
        let _ = SockRef::from(&*self.stream).shutdown(Shutdown::Both);
        self.outgoing.notify_one();
    }

    /// The connection is gone: everybody who waits is told, with what may have become of the request.
    fn lose(&self, error: impl Fn() -> Error) {
        self.end(|_| None, |_| error());
    }

    /// The same; one caller may hear something else than the others: why the connection ended, `error(true)`.
    fn end(&self, culprit: impl FnOnce(&mut RequestTable<Waiter>) -> Option<Waiter>, error: impl Fn(bool) -> Error) {
        let (was_lost, culprit, waiters, written) = {
            let mut state = self.lock();
            state.kept = None;
            state.outbox = Vec::new();
            let culprit = culprit(&mut state.table);
            (std::mem::replace(&mut state.lost, true), culprit, state.table.drain(), state.written)
        };
        if !was_lost {
            let error = error(true);
            if matches!(error.kind(), ErrorKind::ClientClosed) {
                self.link.note_end(None);
            } else {
                let error = error.at(&self.link.address);
                let mut told = culprit.iter().chain(&waiters);
                self.link.end_told_by(&error, told.find_map(|waiter| waiter.completions.as_deref()));
            }
        }
        let everybody = culprit.into_iter().map(|waiter| (waiter, true)).chain(waiters.into_iter().map(|waiter| (waiter, false)));
        for (waiter, is_culprit) in everybody {
            let sent = if waiter.position < written { Sent::Maybe } else { Sent::No };
            let outcome = Err(error(is_culprit).at(&self.link.address).sent(sent));
            if let Some(completions) = waiter.completions {
                completions.push(Completion { token: waiter.token, outcome });
            }
        }
        self.drained.notify_waiters();
        self.outgoing.notify_one();
    }

    fn lose_to(&self, error: &std::io::Error) {
        if self.closed.load(Ordering::Acquire) {
            return self.lose(|| Error::new(ErrorKind::ClientClosed));
        }
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return self.lose(|| Error::new(ErrorKind::ConnectionClosed));
        }
        let code = error.raw_os_error();
        self.lose(|| match code {
            Some(code) => std::io::Error::from_raw_os_error(code).into(),
            None => std::io::Error::new(error.kind(), error.to_string()).into(),
        });
    }

    /// Matches all whole messages of the input with their callers and tells them, a batch per event loop.
    ///
    /// A message that can not be read ends the connection; the error comes with the id that it began with.
    fn deliver(self: &Arc<Self>, input: &mut Input) -> Result<(), (DecodeError, Option<i64>)> {
        let mut batch: Vec<Completion> = Vec::new();
        let mut target: Option<Arc<Completions>> = None;
        let delivered = loop {
            let range = match input.next_message() {
                Ok(Some(range)) => range,
                Ok(None) => break Ok(()),
                Err(error) => break Err((error, None)),
            };
            let message = input.message(range.clone());
            let answer = match match_answer(message, &self.link, &mut self.lock().table) {
                Ok(answer) => answer,
                Err(error) => break Err((error, id_of(message))),
            };
            if let Some(version) = answer.header.topology {
                self.affinity.announce(version, self.link.node_id);
            }
            let payload = range.start + answer.header.payload..range.end;
            let (waiter, opens) = match answer.owner {
                Owner::Waiter(waiter, opens) => (waiter, opens),
                Owner::Orphan(opens) => {
                    if let Some(heart) = &mut self.lock().heart {
                        heart.answered(answer.header.id, input.message(payload.clone()));
                    }
                    // The caller left; what came too late for it is closed again.
                    if answer.header.error.is_none()
                        && let Some(id) = opens.id(input.message(payload))
                    {
                        self.close_handle(opens, id);
                    }
                    continue;
                }
                Owner::Nobody => continue,
            };
            let Some(completions) = waiter.completions else { continue };
            if target.as_ref().is_some_and(|target| !Arc::ptr_eq(target, &completions)) {
                flush(target.take(), &mut batch);
            }
            target.get_or_insert(completions);
            let outcome = match answer.header.error {
                Some(error) => Err(Error::new(ErrorKind::Server(error)).at(&self.link.address)),
                None => {
                    let opened = if opens == Opens::Nothing {
                        None
                    } else {
                        Place::Shared(Arc::downgrade(self)).open(opens, input.message(payload))
                    };
                    Ok(Reply { message: input.take(range), payload: answer.header.payload, opened })
                }
            };
            batch.push(Completion { token: waiter.token, outcome });
        };
        flush(target, &mut batch);
        self.end_if_retired();
        delivered
    }

    /// Something has come; what follows the last whole message is half of one, or nothing.
    fn advanced(&self, is_half: bool) {
        let mut state = self.lock();
        state.half_since = is_half.then(Instant::now);
        self.halted.store(false, Ordering::Relaxed);
    }

    /// Lets go of itself when nobody needs it any more.
    fn end_if_retired(&self) {
        let mut state = self.lock();
        let kept = if state.is_needed() { None } else { state.kept.take() };
        drop(state);
        drop(kept);
    }
}

fn flush(target: Option<Arc<Completions>>, batch: &mut Vec<Completion>) {
    if let Some(target) = target {
        target.extend(batch.drain(..));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.shutdown();
        // The tasks that would tell end without a word when the connection is gone.
        self.lose(|| Error::new(ErrorKind::ConnectionClosed));
    }
}

/// `encrypted` is room for encrypted bytes; a connection without TLS has none.
async fn read(shared: Weak<Shared>, stream: Arc<TcpStream>, mut input: Input, mut encrypted: Vec<u8>) {
    let plain = encrypted.is_empty();
    let mut was_half = false;
    loop {
        let ready = stream.readable().await;
        let received = ready.and_then(|()| stream.try_read(if plain { input.space() } else { &mut encrypted }));
        let Some(shared) = shared.upgrade() else { return };
        match received {
            Ok(0) => return shared.lose_to(&std::io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                shared.heard.fetch_add(1, Ordering::Relaxed);
                if plain {
                    input.received(length);
                } else {
                    match shared.decrypt(&encrypted[..length], &mut input) {
                        Ok(true) => {}
                        Ok(false) => return shared.lose_to(&std::io::ErrorKind::UnexpectedEof.into()),
                        Err(error) => return shared.lose_to(&error),
                    }
                }
                if let Err((error, id)) = shared.deliver(&mut input) {
                    shared.shutdown();
                    return shared.end(|table| table.culprit(id), |is_own| unreadable(error.clone(), is_own));
                }
                let is_half = !input.pending().is_empty();
                if is_half || was_half || shared.halted.load(Ordering::Relaxed) {
                    shared.advanced(is_half);
                }
                was_half = is_half;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return shared.lose_to(&error),
        }
    }
}

async fn write(shared: Weak<Shared>, stream: Arc<TcpStream>, outgoing: Arc<Notify>) {
    let mut sending = Vec::new();
    loop {
        outgoing.notified().await;
        loop {
            {
                let Some(shared) = shared.upgrade() else { return };
                let mut state = shared.lock();
                if state.lost {
                    return;
                }
                sending.clear();
                std::mem::swap(&mut sending, &mut state.outbox);
                state.writing = !sending.is_empty();
                if sending.is_empty() {
                    break;
                }
            }
            let mut rest = &sending[..];
            while !rest.is_empty() {
                match stream.try_write(rest) {
                    Ok(length) => {
                        rest = rest.get(length..).unwrap_or_default();
                        let Some(shared) = shared.upgrade() else { return };
                        shared.lock().written += length as u64;
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        if stream.writable().await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        if let Some(shared) = shared.upgrade() {
                            shared.lose_to(&error);
                        }
                        return;
                    }
                }
            }
            if let Some(shared) = shared.upgrade() {
                shared.drained.notify_waiters();
            }
        }
    }
}
