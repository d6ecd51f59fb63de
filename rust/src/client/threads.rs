//! Calls of threads: a thread carries its request over a lane of its own and waits there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, SendError, Sender, channel};

use super::call::{Attempts, Next};
use super::config::Address;
use super::connect::{open, open_any};
use super::deadline::Deadline;
use super::error::{Error, ErrorKind};
use super::handle::{Handle as ServerHandle, Place, Target};
use super::lane::{Interrupt, Lane, SLICE};
use super::node::{Certain, Node, Turn};
use super::observe::{ConnectionEvent, Tell, tell_noted};
use super::pool::{MEETING, Pool};
use crate::lock::lock;
use crate::protocol::op::{Opens, Operation};

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
        for node in self.nodes.load().iter().filter(|node| node.health.is_to_be_met()) {
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
