//! A port of 127.0.0.1 and the thread that accepts connections to it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// Longest wait for the thread that accepts: it ends as soon as it is woken.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    listening: Option<Arc<AtomicBool>>,
    /// Connections that fill the queue of a port that answers nobody.
    hole: Vec<Socket>,
    /// A child of a fork has the object, and not the thread.
    process: u32,
}

fn socket(address: SocketAddr, backlog: i32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket)
}

impl Listener {
    /// Takes a port, 0 for a free one, and does not listen yet.
    pub fn new(port: u16) -> Self {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        Self { address, listening: None, hole: Vec::new(), process: std::process::id() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn is_listening(&self) -> bool {
        self.listening.is_some()
    }

    /// Hands every connection to `serve`, from a thread of its own.
    pub fn listen(&mut self, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> io::Result<()> {
        self.stop();
        let listener = TcpListener::from(socket(self.address, BACKLOG)?);
        self.address = listener.local_addr()?;
        let open = Arc::new(AtomicBool::new(true));
        self.listening = Some(Arc::clone(&open));
        let serve = Arc::new(serve);
        let accept = move || {
            while let Ok((stream, _)) = listener.accept() {
                if !open.load(Ordering::Acquire) {
                    return;
                }
                let serve = Arc::clone(&serve);
                // A machine without room for a thread refuses the connection.
                let _ = std::thread::Builder::new().name("fake-node".into()).spawn(move || serve(stream));
            }
        };
        std::thread::Builder::new().name("fake-node".into()).spawn(accept)?;
        Ok(())
    }

    /// Stops listening. Nobody meets the listener any more when this returns.
    pub fn stop(&mut self) {
        self.hole.clear();
        let Some(open) = self.listening.take() else { return };
        if self.process != std::process::id() {
            return;
        }
        open.store(false, Ordering::Release);
        // The thread looks at the flag when somebody comes; gone already is as good.
        drop(TcpStream::connect_timeout(&self.address, PATIENCE));
        let end = Instant::now() + PATIENCE;
        while Arc::strong_count(&open) > 1 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Holds the port, and lets connects wait for ever: the queue is full, and nobody accepts.
    pub fn black_hole(&mut self) -> io::Result<()> {
        self.stop();
        self.hole.push(socket(self.address, 0)?);
        for _ in 0..4 {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            client.set_nonblocking(true)?;
            // It would block: that is what it is for.
            let _ = client.connect(&self.address.into());
            self.hole.push(client);
        }
        Ok(())
    }
}
