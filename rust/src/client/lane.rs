//! BlockingDriver: a connection that the calling thread owns while it calls. Two system calls a call: one send, one receive.

use std::io::{ErrorKind as IoErrorKind, Write};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, SendFlags};

use super::affinity::Affinity;
use super::connect::{Opened, TLS_READ};
use super::core::{HALT, Input, Link, Owner, RequestTable, SILENCE, id_of, match_answer, unreadable};
use super::deadline::Deadline;
use super::error::{Error, ErrorKind, Sent};
use super::handle::Left;
use super::heartbeat::{self, Beat, Heart};
use super::observe::Watched;
use super::tls::Session;
use crate::protocol::error::DecodeError;
use crate::protocol::frame::{ResponseHeader, seal_request};
use crate::protocol::op::{Opens, Operation};

/// A blocked thread looks up this often: for its deadline, and for signals that arrived just before it blocked.
pub const SLICE: Duration = Duration::from_millis(200);

/// Milliseconds in which the time that a blocked thread looks up again is measured.
const STEP: u64 = 20;

/// A lane that rested longer is probed before it is used: the server may have closed it meanwhile.
const RESTED: Duration = Duration::from_millis(100);

/// After so many receives in one go there is something besides the wanted answer to look at: what comes may never end.
const MANY: u32 = 64;

/// Told that the caller may have to leave: after a signal and once a slice. `true` makes it leave.
pub type Interrupt<'a> = &'a mut dyn FnMut() -> bool;

/// One blocking connection with its own request table.
#[derive(Debug)]
pub struct Lane {
    stream: Arc<TcpStream>,
    link: Link,
    input: Input,
    tls: Option<Box<Session>>,
    /// Encrypted bytes on their way in or out.
    encrypted: Vec<u8>,
    table: RequestTable<Wanted>,
    /// Answers that came while another one was waited for: pages that were asked for ahead.
    ahead: Vec<(i64, Vec<u8>)>,
    /// What `SO_RCVTIMEO` and `SO_SNDTIMEO` are set to.
    timeout: Duration,
    last_used: Instant,
    /// A call waited a slice for nothing, and nothing has come since.
    silent_since: Option<Instant>,
    broken: bool,
    /// Messages that nobody asked for, since the last request.
    strays: u32,
    heart: Option<Heart>,
    affinity: Arc<Affinity>,
    /// Its end was told to whoever listens.
    end_is_told: bool,
    /// The request of the call that uses the lane, and those that were sent ahead, if somebody listens to them.
    watched: Option<Watched>,
    watched_ahead: Vec<Watched>,
    /// It counts among the lanes that a node may have open.
    pub(super) is_counted: bool,
    answer: Answer,
}

/// Who waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The call that uses the lane.
    Now,
    /// A later call: it was asked for ahead.
    Later,
}

/// Where the payload of the last answer is.
#[derive(Debug)]
enum Answer {
    Input(std::ops::Range<usize>),
    /// It had come ahead.
    Apart(Vec<u8>, usize),
}

impl Lane {
    pub(super) fn new(opened: Opened, max_message: usize) -> Result<Self, Error> {
        let Opened { stream, tls, link, node } = opened;
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(SLICE))?;
        stream.set_write_timeout(Some(SLICE))?;
        Ok(Self {
            stream: Arc::new(stream),
            heart: Heart::new(node.pulse.as_ref(), &link),
            link,
            input: Input::new(max_message),
            tls,
            encrypted: Vec::new(),
            table: RequestTable::default(),
            ahead: Vec::new(),
            timeout: SLICE,
            last_used: Instant::now(),
            silent_since: None,
            broken: false,
            strays: 0,
            affinity: Arc::clone(&node.affinity),
            end_is_told: false,
            watched: None,
            watched_ahead: Vec::new(),
            is_counted: true,
            answer: Answer::Input(0..0),
        })
    }

    pub fn link(&self) -> &Link {
        &self.link
    }

    /// For closing the connection under a thread that waits on it.
    pub(super) fn stream(&self) -> Weak<TcpStream> {
        Arc::downgrade(&self.stream)
    }

    /// Nothing more can be sent or received.
    pub(super) fn is_broken(&self) -> bool {
        self.broken || self.table.has_too_many_orphans()
    }

    pub(super) fn rested(&self) -> Duration {
        self.last_used.elapsed()
    }

    /// Looks, without waiting, whether the server closed the connection while nobody used it, or sent what is no message behind the
    /// last answer.
    pub(super) fn is_stale(&mut self) -> bool {
        self.input.is_broken() || (self.rested() >= RESTED && self.is_gone())
    }

    /// The same, however short it rested.
    pub(super) fn is_gone(&mut self) -> bool {
        if self.table.is_owed() {
            return self.catch_up().is_err();
        }
        let mut byte = [MaybeUninit::uninit(); 1];
        match rustix::net::recv(&*self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, 0)) => true,
            // Nobody is owed an answer, yet there is one; under TLS it may be a ticket for the next session.
            Ok(_) => self.tls.is_none(),
            Err(error) => error != rustix::io::Errno::AGAIN,
        }
    }

    /// An answer is overdue, and the peer may have vanished: who comes next takes another connection.
    pub(super) fn is_silent(&self) -> bool {
        self.silent_since.is_some_and(|since| self.table.is_owed() && since.elapsed() >= SILENCE)
    }

    /// Sends a request and waits for its answer; [`Lane::payload`] is its payload until the next call.
    ///
    /// A caller that leaves early (deadline, interrupt) leaves the lane usable, unless half a message is stuck in it: the late answer is
    /// skipped by its id.
    pub(super) fn call(
        &mut self,
        operation: &'static Operation,
        frame: &mut [u8],
        deadline: Deadline,
        interrupt: Interrupt<'_>,
    ) -> Result<(), Error> {
        let id = self.ask(operation, frame, Wanted::Now, deadline, interrupt)?;
        self.answer(id, deadline, interrupt)
    }

    /// Sends a request whose answer a later [`Lane::collect`] will wait for.
    pub(super) fn ask_ahead(
        &mut self,
        operation: &'static Operation,
        frame: &mut [u8],
        deadline: Deadline,
        interrupt: Interrupt<'_>,
    ) -> Result<i64, Error> {
        let before = self.watched_ahead.len();
        let asked = self.ask(operation, frame, Wanted::Later, deadline, interrupt);
        if let Err(error) = &asked {
            self.tell_end(Some(error));
            if self.watched_ahead.len() > before
                && let Some(watched) = self.watched_ahead.pop()
            {
                self.link.watched_ended(&watched, Err(error));
            }
        }
        asked
    }

    /// Waits for the answer to a request that was sent ahead.
    pub(super) fn collect(&mut self, id: i64, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<(), Error> {
        self.set_timeout(deadline)?;
        self.answer(id, deadline, interrupt)
    }

    /// Sends a request about something that nobody needs any more; its answer will be dropped.
    ///
    /// It never waits: a server that does not even take this little loses the connection, and closes what was open on it by itself.
    pub(super) fn forget(&mut self, left: Left) {
        if let Some(ahead) = left.ahead {
            self.table.orphan(ahead);
            self.ahead.retain(|(id, _)| *id != ahead);
            self.watched_ahead.retain(|watched| watched.id != ahead);
        }
        if let Some((operation, frame)) = left.opens.closing(left.id) {
            self.broken |= self.send_for_nobody(operation, frame).is_none();
        }
    }

    /// Sends a request whose answer no call waits for, without waiting; `None` when that can not be done.
    fn send_for_nobody(&mut self, operation: &'static Operation, mut frame: Vec<u8>) -> Option<i64> {
        let id = self.table.register(Wanted::Now, Opens::Nothing)?;
        self.table.orphan(id);
        (seal_request(&mut frame, operation, id) && self.send_at_once(frame)).then_some(id)
    }

    fn send_at_once(&mut self, mut frame: Vec<u8>) -> bool {
        if let Some(session) = &mut self.tls {
            if session.encrypt(&frame).is_err() {
                return false;
            }
            frame.clear();
            session.take_outgoing(&mut frame);
        }
        matches!(rustix::net::send(&*self.stream, &frame, SendFlags::DONTWAIT | SendFlags::NOSIGNAL), Ok(sent) if sent == frame.len())
    }

    fn ask(
        &mut self,
        operation: &'static Operation,
        frame: &mut [u8],
        wanted: Wanted,
        deadline: Deadline,
        interrupt: Interrupt<'_>,
    ) -> Result<i64, Error> {
        let id = match self.table.register(wanted, operation.opens) {
            Some(id) if seal_request(frame, operation, id) => id,
            _ => return Err(self.fail(Error::new(ErrorKind::ConnectionClosed))),
        };
        match (self.link.watch(operation, id), wanted) {
            (None, _) => {}
            (watched, Wanted::Now) => self.watched = watched,
            (Some(watched), Wanted::Later) => self.watched_ahead.push(watched),
        }
        self.set_timeout(deadline)?;
        match &mut self.tls {
            None => self.send(frame, id, deadline, interrupt)?,
            Some(session) => {
                let mut encrypted = std::mem::take(&mut self.encrypted);
                encrypted.clear();
                session.encrypt(frame).map_err(|error| Error::from(std::io::Error::from(error)))?;
                session.take_outgoing(&mut encrypted);
                let sent = self.send(&encrypted, id, deadline, interrupt);
                self.encrypted = encrypted;
                sent?;
            }
        }
        Ok(id)
    }

    fn answer(&mut self, id: i64, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<(), Error> {
        let header = self.receive(id, deadline, interrupt)?;
        self.last_used = Instant::now();
        match header.error {
            None => Ok(()),
            Some(error) => Err(self.at(Error::new(ErrorKind::Server(error)))),
        }
    }

    /// Tells whoever listens how a request ended: the one that was sent ahead with this id, or the one that was just made.
    #[inline]
    pub(super) fn tell_outcome(&mut self, ahead: Option<i64>, outcome: Result<(), &Error>) {
        let watched = match ahead {
            None => self.watched.take(),
            Some(id) => {
                let at = self.watched_ahead.iter().position(|watched| watched.id == id);
                at.map(|at| self.watched_ahead.swap_remove(at))
            }
        };
        if let Some(watched) = watched {
            self.link.watched_ended(&watched, outcome);
        }
    }

    /// Tells whoever listens that the connection has ended, if it has; with an error unless this client wanted it so.
    #[cold]
    pub(super) fn tell_end(&mut self, error: Option<&Error>) {
        if self.broken && !std::mem::replace(&mut self.end_is_told, true) {
            self.link.tell_end(error);
        }
    }

    /// The server closed the connection while nobody used it: to be told when no lock is held any more.
    #[cold]
    pub(super) fn note_gone(&mut self) {
        self.note_end(&Error::new(ErrorKind::ConnectionClosed));
    }

    /// It is given up for its silence.
    #[cold]
    pub(super) fn note_silent(&mut self) {
        let silence = std::io::Error::new(IoErrorKind::TimedOut, "an answer is overdue, and nothing has come for a while");
        self.note_end(&silence.into());
    }

    fn note_end(&mut self, error: &Error) {
        self.broken = true;
        if !std::mem::replace(&mut self.end_is_told, true) {
            self.link.note_end(Some(&error.clone().at(&self.link.address)));
        }
    }

    /// Nobody is told of its end: it belongs to another process.
    pub(super) fn silence(&mut self) {
        self.end_is_told = true;
    }

    /// The payload of the last answer.
    pub fn payload(&self) -> &[u8] {
        match &self.answer {
            Answer::Input(range) => self.input.message(range.clone()),
            Answer::Apart(message, payload) => message.get(*payload..).unwrap_or_default(),
        }
    }

    #[cold]
    fn at(&self, error: Error) -> Error {
        error.at(&self.link.address)
    }

    /// The connection is of no more use.
    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        self.broken = true;
        self.at(error)
    }

    /// What has come can not be read.
    #[cold]
    fn garbled(&mut self, error: DecodeError, is_own: bool) -> Error {
        self.fail(unreadable(error, is_own).sent(Sent::Maybe))
    }

    /// A slice of the time left; a system call only when it is another than before.
    fn set_timeout(&mut self, deadline: Deadline) -> Result<(), Error> {
        // In whole steps, so that a client with a short limit does not set another time for each call. Never zero: that is no limit.
        let left = deadline.slice(SLICE).unwrap_or_default().as_millis() as u64;
        let timeout = Duration::from_millis((left / STEP + 1) * STEP).min(SLICE);
        if timeout != self.timeout {
            let set = self.stream.set_read_timeout(Some(timeout)).and_then(|()| self.stream.set_write_timeout(Some(timeout)));
            set.map_err(|error| self.fail(error.into()))?;
            self.timeout = timeout;
        }
        Ok(())
    }

    fn send(&mut self, frame: &[u8], id: i64, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<(), Error> {
        let mut rest = frame;
        let mut looked = None;
        while !rest.is_empty() {
            let wait_again = match (&*self.stream).write(rest) {
                Ok(0) => Err(Error::new(ErrorKind::ConnectionClosed)),
                Ok(length) => {
                    rest = rest.get(length..).unwrap_or_default();
                    if rest.is_empty() {
                        return Ok(());
                    }
                    self.look_up(&mut looked, deadline, interrupt)
                }
                Err(error) => self.leave(error, deadline, interrupt),
            };
            if let Err(error) = wait_again {
                self.table.orphan(id);
                if rest.len() == frame.len() && !error.is_connection_lost() && self.tls.is_none() {
                    // Not a byte of it left: the lane is as good as before. A session of TLS would miss the record.
                    self.table.answered(id);
                    return Err(self.at(error));
                }
                let sent = if rest.len() == frame.len() { Sent::No } else { Sent::Maybe };
                return Err(self.fail(error.sent(sent)));
            }
        }
        Ok(())
    }

    /// Receives something into the input; 0 when the server closed the connection.
    #[inline]
    fn fill(&mut self, flags: RecvFlags) -> std::io::Result<usize> {
        let Some(session) = &mut self.tls else {
            let (length, _) = rustix::net::recv(&*self.stream, self.input.space(), flags)?;
            self.input.received(length);
            self.silent_since = None;
            return Ok(length);
        };
        self.encrypted.resize(TLS_READ, 0);
        let (length, _) = rustix::net::recv(&*self.stream, &mut self.encrypted[..], flags)?;
        session.received(&self.encrypted[..length]);
        self.silent_since = None;
        Ok(if session.decrypt(&mut self.input)? { length } else { 0 })
    }

    /// Takes the messages that have come whole, up to the answer that is waited for.
    fn take_messages(&mut self, wanted: Option<i64>) -> Result<Option<ResponseHeader>, Error> {
        let is_alone = self.table.owed() <= 1;
        while let Some(message) = self.input.next_message().map_err(|error| self.garbled(error, is_alone))? {
            let bytes = self.input.message(message.clone());
            let is_own = is_alone || id_of(bytes) == wanted;
            let answer = match_answer(bytes, &self.link, &mut self.table);
            let answer = answer.map_err(|error| self.garbled(error, is_own))?;
            if let Some(version) = answer.header.topology {
                self.affinity.announce(version, self.link.node_id);
            }
            let payload = message.start + answer.header.payload..message.end;
            match answer.owner {
                Owner::Waiter(..) if Some(answer.header.id) == wanted => {
                    self.answer = Answer::Input(payload);
                    return Ok(Some(answer.header));
                }
                Owner::Waiter(..) => self.ahead.push((answer.header.id, self.input.message(message).to_vec())),
                Owner::Orphan(opens) => {
                    let payload = self.input.message(payload);
                    if let Some(heart) = &mut self.heart {
                        heart.answered(answer.header.id, payload);
                    }
                    // The caller left; what came too late for it is closed again.
                    if answer.header.error.is_none()
                        && let Some(id) = opens.id(payload)
                    {
                        self.forget(Left { opens, id, ahead: None });
                    }
                }
                Owner::Nobody => self.strays = self.strays.saturating_add(1),
            }
        }
        Ok(None)
    }

    /// Takes in, without waiting, what has come while nobody used the connection; an error when it has ended.
    fn catch_up(&mut self) -> Result<(), Error> {
        for _ in 0..MANY {
            match self.fill(RecvFlags::DONTWAIT) {
                Ok(0) => return Err(Error::new(ErrorKind::ConnectionClosed)),
                Ok(_) => drop(self.take_messages(None)?),
                Err(error) if error.kind() == IoErrorKind::WouldBlock => break,
                Err(error) if error.kind() == IoErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sends a heartbeat if one is due; an error when the last one has had no answer for too long.
    #[cold]
    fn beat(&mut self) -> Result<(), Error> {
        let Some(heart) = &mut self.heart else { return Ok(()) };
        heart.heard(self.last_used);
        match heart.next() {
            Beat::Rest => Ok(()),
            Beat::Missed(timeout) => Err(heartbeat::missed(timeout).into()),
            Beat::Send(operation) => {
                let sent = self.send_for_nobody(operation, heartbeat::frame());
                if let (Some(heart), Some(id)) = (&mut self.heart, sent) {
                    heart.sent(id);
                }
                sent.map(drop).ok_or_else(|| Error::new(ErrorKind::ConnectionClosed))
            }
        }
    }

    /// While nobody uses it: keeps it alive. `false` when it has ended, which is to be told when no lock is held any more.
    pub(super) fn tend(&mut self) -> bool {
        if self.heart.is_none() {
            return true;
        }
        let caught_up = if self.table.is_owed() { self.catch_up() } else { Ok(()) };
        let tended = caught_up.and_then(|()| self.beat());
        if let Err(error) = &tended {
            self.note_end(error);
        }
        tended.is_ok()
    }

    fn receive(&mut self, id: i64, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<ResponseHeader, Error> {
        if let Some(at) = self.ahead.iter().position(|(ahead, _)| *ahead == id) {
            let (_, message) = self.ahead.swap_remove(at);
            let header = ResponseHeader::read(&message, &self.link.context);
            let header = header.map_err(|error| self.fail(Error::from(error).sent(Sent::Maybe)))?;
            self.answer = Answer::Apart(message, header.payload);
            return Ok(header);
        }
        let (mut looked, mut came) = (None, None);
        let mut round = 0u32;
        self.strays = 0;
        loop {
            round = round.wrapping_add(1);
            if let Some(header) = self.take_messages(Some(id))? {
                return Ok(header);
            }
            let wait_again = match self.fill(RecvFlags::empty()) {
                Ok(0) => return Err(self.fail(Error::new(ErrorKind::ConnectionClosed).sent(Sent::Maybe))),
                Ok(_) => {
                    // Nearly always that was the answer, and nothing has to be looked up.
                    if self.input.has_message() && !round.is_multiple_of(MANY) {
                        Ok(())
                    } else {
                        came = Some(Instant::now());
                        self.look_up(&mut looked, deadline, interrupt)
                    }
                }
                Err(error) => self.leave(error, deadline, interrupt).and_then(|()| self.beat()),
            };
            match wait_again {
                Ok(()) => {}
                Err(error) if error.is_connection_lost() => return Err(self.fail(error.sent(Sent::Maybe))),
                Err(error) => {
                    // What its answer opens could be closed only by whoever comes next, perhaps never; and half of a message that
                    // does not go on may be all that ever comes of it, while whoever comes next waits. So the connection ends.
                    let is_stuck = !self.input.pending().is_empty() && came.unwrap_or(self.last_used).elapsed() >= HALT;
                    self.broken |= self.table.opens(id) != Opens::Nothing || is_stuck || self.strays > MANY;
                    self.table.orphan(id);
                    return Err(self.at(error.sent(Sent::Maybe)));
                }
            }
        }
    }

    /// Bytes pass, but not the last one yet. A peer that lets them through one by one must not keep the caller for ever.
    #[cold]
    fn look_up(&mut self, looked: &mut Option<Instant>, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<(), Error> {
        let now = Instant::now();
        if let Some(heart) = &mut self.heart {
            heart.heard(now);
        }
        if now - *looked.get_or_insert(now) >= SLICE {
            *looked = Some(now);
            if interrupt() {
                return Err(Error::new(ErrorKind::Interrupted));
            }
        }
        if deadline.has_passed() {
            return Err(Error::new(ErrorKind::Timeout));
        }
        self.set_timeout(deadline)
    }

    /// A system call returned without having done anything: wait again, or leave?
    #[cold]
    fn leave(&mut self, error: std::io::Error, deadline: Deadline, interrupt: Interrupt<'_>) -> Result<(), Error> {
        match error.kind() {
            IoErrorKind::Interrupted => {}
            IoErrorKind::WouldBlock | IoErrorKind::TimedOut => drop(self.silent_since.get_or_insert_with(Instant::now)),
            _ => return Err(error.into()),
        }
        if interrupt() {
            return Err(Error::new(ErrorKind::Interrupted));
        }
        if deadline.has_passed() {
            return Err(Error::new(ErrorKind::Timeout));
        }
        self.set_timeout(deadline)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.broken {
            self.note_gone();
        } else if !self.end_is_told {
            self.link.note_end(None);
        }
    }
}
