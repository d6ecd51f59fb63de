//! Opening connections, always on tokio: TCP, then the handshake; several addresses at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::config::{Address, Config};
use super::core::{Input, Link};
use super::deadline::Deadline;
use super::error::{Error, ErrorKind};
use super::node::Node;
use super::observe::{ConnectionEvent, ConnectionFact, Problem, Tell};
use super::tls::{Session, Tls};
use crate::protocol::handshake::{Handshake, Step};

/// Longest answer to a handshake: some flags, an id, a message.
const MAX_HANDSHAKE: usize = 1 << 20;

/// Encrypted bytes that are read at a time: a record of TLS and a little more.
pub(super) const TLS_READ: usize = 17 * 1024;

/// The next address is tried when the one before has not answered within this time.
const STAGGER: Duration = Duration::from_millis(50);

/// A connection that rests for this long is probed by the operating system; so many probes without an answer, a while apart, and
/// the peer has vanished without a word. The same when it does not confirm what was sent to it.
const KEEPALIVE: Duration = Duration::from_secs(30);
const PROBES: u32 = 3;
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
const UNCONFIRMED: Duration = Duration::from_secs(60);

/// An open connection that nobody drives yet.
#[derive(Debug)]
pub(super) struct Opened {
    pub stream: TcpStream,
    pub tls: Option<Box<Session>>,
    pub link: Link,
    pub node: Arc<Node>,
}

/// Tries several, each a little after the one before or as soon as that has failed, and keeps the first that succeeds. When none does:
/// how each failed, in their order; or how one did whose failure is final.
async fn first_of<I, T, F>(
    items: impl ExactSizeIterator<Item = I>,
    attempt: impl Fn(I) -> F,
    is_final: impl Fn(&Error) -> bool,
) -> Result<T, Vec<(usize, Error)>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let mut tries = JoinSet::new();
    let mut failed = Vec::with_capacity(items.len());
    let mut items = items.enumerate();
    loop {
        let is_last = items.len() == 0;
        if let Some((index, item)) = items.next() {
            let attempt = attempt(item);
            tries.spawn(async move { (index, attempt.await) });
        }
        let joined = if items.len() > 0 {
            // The next one gets its turn when this one has failed, or has taken its time.
            let Ok(joined) = timeout(STAGGER, tries.join_next()).await else { continue };
            joined
        } else {
            tries.join_next().await
        };
        match joined {
            Some(Ok((_, Ok(found)))) => return Ok(found),
            Some(Ok((index, Err(error)))) if is_final(&error) => return Err(vec![(index, error)]),
            Some(Ok((index, Err(error)))) => failed.push((index, error)),
            // Only a panic or the end of the runtime gets here; either way nothing was found there.
            Some(Err(_)) => {}
            None if is_last => break,
            None => {}
        }
    }
    failed.sort_by_key(|(index, _)| *index);
    Err(failed)
}

/// Opens connections to several nodes, each a little after the one before, and keeps the first that succeeds. When none does, the
/// error lists them all.
///
/// A wrong password ends it at once: other nodes of the cluster would say the same.
pub(super) async fn open_any(
    config: &Arc<Config>,
    nodes: Vec<Arc<Node>>,
    deadline: Deadline,
    tell: Tell,
) -> Result<Opened, Error> {
    let attempt = |node: &Arc<Node>| {
        let (config, node, tell) = (Arc::clone(config), Arc::clone(node), tell.clone());
        async move { open(&config, &node, deadline, tell).await }
    };
    first_of(nodes.iter(), attempt, Error::is_authentication).await.map_err(|mut failed| match failed.pop() {
        Some((index, error)) if error.is_authentication() => error.at(nodes[index].address()),
        last => {
            let causes = failed.into_iter().chain(last);
            Error::new(ErrorKind::NoNode(causes.map(|(index, error)| (nodes[index].address().clone(), error)).collect()))
        }
    })
}

/// Opens a connection to one node when it may be tried, and takes note there of how that went.
pub(super) async fn open(config: &Config, node: &Arc<Node>, deadline: Deadline, tell: Tell) -> Result<Opened, Error> {
    let turn = node.health.leave(deadline).await?;
    let begun = std::time::Instant::now();
    let opened = open_at(config, node, deadline, tell).await;
    match &opened {
        Ok(opened) => node.connected(opened.link.node_id),
        Err(error) => node.health.failed(turn.as_ref(), begun, error, deadline),
    }
    opened
}

/// Within the handshake timeout.
async fn open_at(config: &Config, node: &Arc<Node>, deadline: Deadline, tell: Tell) -> Result<Opened, Error> {
    let address = node.address();
    let tell = |fact| {
        if let Some(tell) = &tell {
            tell(ConnectionEvent { address: address.clone(), fact });
        }
    };
    let deadline = deadline.sooner(config.handshake_timeout);
    let mut handshake = Handshake::new(config.credentials());
    let opening = async {
        tell(ConnectionFact::Opening(handshake.offer()));
        loop {
            let offered = handshake.offered();
            let mut conduit = Conduit { stream: connect(config, address).await?, tls: None, encrypted: Vec::new() };
            if let Some(tls) = &config.tls {
                conduit.encrypt(tls, &address.host).await?;
            }
            match shake_hands(config, address, &mut conduit, &mut handshake, &tell).await {
                // It hung up after it had named an older version: it is called again with that one.
                Err(error) if error.is_connection_lost() && handshake.offered() < offered => {}
                shaken => {
                    let (stream, tls) = (conduit.stream, conduit.tls);
                    return Ok(Opened { stream, tls, link: shaken?, node: Arc::clone(node) });
                }
            }
        }
    };
    let opened = deadline.limit(opening).await.and_then(|opened| opened);
    match &opened {
        Ok(opened) => tell(ConnectionFact::Open(opened.link.context, opened.link.node_id)),
        Err(error) => tell(ConnectionFact::Failed(handshake.offer(), Problem::from(error))),
    }
    opened
}

/// To any of the addresses that the name stands for, IPv4 and IPv6.
async fn connect(config: &Config, address: &Address) -> Result<TcpStream, Error> {
    let addresses = lookup_host((address.host.as_str(), address.port)).await?;
    let stream = dial(addresses.collect()).await?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(PROBE_INTERVAL).with_retries(PROBES))?;
    // Who wants heartbeats answered by a certain time does not want to wait longer for what comes before.
    let limit = config.heartbeats.and_then(|rhythm| Some(rhythm.interval + rhythm.timeout?));
    socket.set_tcp_user_timeout(Some(limit.map_or(UNCONFIRMED, |limit| limit.min(UNCONFIRMED))))?;
    Ok(stream)
}

/// An address that does not answer costs a moment: the next ones are tried meanwhile.
async fn dial(addresses: Vec<SocketAddr>) -> Result<TcpStream, Error> {
    let attempt = |address| async move { Ok(TcpStream::connect(address).await?) };
    first_of(addresses.into_iter(), attempt, |_| false).await.map_err(|mut failed| match failed.pop() {
        Some((_, error)) => error,
        None => std::io::Error::new(std::io::ErrorKind::NotFound, "the name stands for no address").into(),
    })
}

/// A connection on its way to being open.
struct Conduit {
    stream: TcpStream,
    tls: Option<Box<Session>>,
    encrypted: Vec<u8>,
}

impl Conduit {
    /// The handshake of TLS, which comes before everything else.
    async fn encrypt(&mut self, tls: &Tls, host: &str) -> std::io::Result<()> {
        let mut session = Box::new(tls.session(host)?);
        let mut received = vec![0; TLS_READ];
        loop {
            let done = session.shake_hands();
            // What it has to say comes first, an alert about what is wrong with the server too.
            session.take_outgoing(&mut self.encrypted);
            self.flush().await?;
            if done? {
                break;
            }
            match self.stream.read(&mut received).await? {
                0 => return Err(std::io::Error::other("the server ended the connection during the TLS handshake")),
                length => session.received(&received[..length]),
            }
        }
        self.tls = Some(session);
        Ok(())
    }

    async fn flush(&mut self) -> std::io::Result<()> {
        self.stream.write_all(&self.encrypted).await?;
        self.encrypted.clear();
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let Some(session) = &mut self.tls else { return self.stream.write_all(bytes).await };
        session.encrypt(bytes)?;
        session.take_outgoing(&mut self.encrypted);
        self.flush().await
    }

    /// Why the server closed the connection under TLS, if it said so before: a refused certificate of ours, say.
    async fn last_words(&mut self, input: &mut Input) -> Option<std::io::Error> {
        self.tls.as_ref()?;
        match self.receive(input).await {
            Err(error) if error.raw_os_error().is_none() => Some(error),
            _ => None,
        }
    }

    /// Receives something into the input; `false` when the server closed the connection.
    async fn receive(&mut self, input: &mut Input) -> std::io::Result<bool> {
        let Some(session) = &mut self.tls else {
            let length = self.stream.read(input.space()).await?;
            input.received(length);
            return Ok(length > 0);
        };
        let mut received = vec![0; TLS_READ];
        let length = self.stream.read(&mut received).await?;
        session.received(&received[..length]);
        Ok(session.decrypt(input)? && length > 0)
    }
}

async fn shake_hands(
    config: &Config,
    address: &Address,
    conduit: &mut Conduit,
    handshake: &mut Handshake<'_>,
    tell: &impl Fn(ConnectionFact),
) -> Result<Link, Error> {
    let mut input = Input::new(MAX_HANDSHAKE);
    loop {
        let request = handshake.request().map_err(|_| Error::new(ErrorKind::WrongPeer("user name or password too long")))?;
        if let Err(error) = conduit.send(&request).await {
            return Err(conduit.last_words(&mut input).await.unwrap_or(error).into());
        }
        let message = loop {
            if let Some(speaks) = other_protocol(input.pending()) {
                return Err(Error::new(ErrorKind::WrongPeer(speaks)));
            }
            if let Some(range) = input.next_message()? {
                break range;
            }
            if !conduit.receive(&mut input).await? {
                let hint = if conduit.tls.is_none() { "; it may expect TLS (use_ssl=True)" } else { "" };
                let text = format!("the server closed the connection during the handshake{hint}");
                return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, text).into());
            }
        };
        match handshake.answer(input.message(message))? {
            Step::Done { context, node_id } => {
                return Ok(Link::new(address.clone(), context, node_id, config.observer.clone()));
            }
            Step::Again => tell(ConnectionFact::Opening(handshake.offer())),
            Step::Refused(refusal) => return Err(Error::new(ErrorKind::Refused(refusal))),
        }
    }
}

/// What a peer that is no Ignite node gives itself away as. None of these can be the length of a handshake's answer.
fn other_protocol(received: &[u8]) -> Option<&'static str> {
    match received {
        [b'H', b'T', b'T', b'P', ..] => Some("the peer speaks HTTP"),
        [b'S', b'S', b'H', b'-', ..] => Some("the peer speaks SSH"),
        [0x15, 0x03, _, _, ..] => Some("the peer expects TLS (use_ssl=True)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    /// An address that neither takes nor refuses connections, as long as what fills its queue lives.
    fn silent() -> (SocketAddr, socket2::Socket, Vec<socket2::Socket>) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let fill = |_| {
            let filler = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            filler.set_nonblocking(true).unwrap();
            let _ = filler.connect(&address.into());
            filler
        };
        let fillers = (0..4).map(fill).collect();
        (address, socket, fillers)
    }

    fn refusing() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[test]
    fn an_address_that_is_silent_does_not_keep_the_others_from_being_tried() {
        let (silent, _socket, _fillers) = silent();
        let listener = TcpListener::bind("127.0.0.2:0").unwrap();
        let good = listener.local_addr().unwrap();
        run(async {
            let alone = timeout(Duration::from_millis(300), dial(vec![silent])).await;
            assert!(alone.is_err(), "it is silent");
            let begun = Instant::now();
            let stream = dial(vec![silent, refusing(), good, silent]).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good);
            assert!(begun.elapsed() < Duration::from_secs(1));
        });
    }

    #[test]
    fn without_an_address_that_answers_the_last_failure_is_told() {
        run(async {
            let refused = dial(vec![refusing(), refusing()]).await.unwrap_err();
            assert!(refused.to_string().contains("refused"), "{refused}");
            assert!(dial(Vec::new()).await.unwrap_err().to_string().contains("no address"));
        });
    }
}
