//! A pool with a thread that drives it: calls on lanes and on the shared connection.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pyignite_rs::client::completion::{Completion, Completions, Reply};
use pyignite_rs::client::loops::Ticket;
use pyignite_rs::client::{Address, Config, Deadline, Error, Pool, Target};
use pyignite_rs::protocol::Writer;
use pyignite_rs::protocol::op::Operation;

/// A thread that drives a tokio runtime.
struct Driver {
    handle: tokio::runtime::Handle,
    stop: Option<(tokio::sync::oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Driver {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || drop(runtime.block_on(stopped)));
        Self { handle, stop: Some((stop, thread)) }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.stop.take() {
            drop(stop);
            thread.join().unwrap();
        }
    }
}

pub struct Client {
    pub pool: Arc<Pool>,
    pub completions: Arc<Completions>,
    _driver: Driver,
}

impl Client {
    /// A client of the nodes that listen on these ports.
    pub fn at(ports: impl IntoIterator<Item = u16>, change: impl FnOnce(&mut Config)) -> Self {
        let address = |port| Address { host: "127.0.0.1".into(), port };
        let mut config = Config::new(ports.into_iter().map(address).collect());
        change(&mut config);
        let driver = Driver::start();
        let pool = Pool::new(Arc::new(config), driver.handle.clone());
        Self { pool, completions: Arc::new(Completions::new().unwrap()), _driver: driver }
    }

    /// A call on a lane, on this thread.
    pub fn call(&self, operation: &'static Operation, body: &[u8], limit: Option<u64>) -> Result<Vec<u8>, Error> {
        let deadline = Deadline::after(limit.map(Duration::from_millis));
        let mut frame = frame(body);
        self.pool.call(&Target::Any, operation, &mut frame, deadline, &mut || false).map(|held| held.payload().to_vec())
    }

    /// A call on the shared connection, as an event loop begins it.
    pub fn start(&self, operation: &'static Operation, body: &[u8], limit: Option<u64>, token: u64) -> Ticket {
        let deadline = Deadline::after(limit.map(Duration::from_millis));
        let (ticket, collecting) = self.pool.start(&Target::Any, operation, &mut frame(body), deadline, &self.completions, token);
        if let Some(shared) = collecting {
            shared.flush();
        }
        ticket
    }

    /// Waits until so many calls have ended.
    pub fn ended(&self, number: usize) -> HashMap<u64, Result<Reply, Error>> {
        self.looked(number, Duration::from_millis(1))
    }

    /// The same, for those who have little time.
    pub fn looked(&self, number: usize, every: Duration) -> HashMap<u64, Result<Reply, Error>> {
        let mut batch = VecDeque::new();
        let end = Instant::now() + Duration::from_secs(5);
        while batch.len() < number && Instant::now() < end {
            std::thread::sleep(every);
            self.completions.drain(&mut batch);
        }
        assert_eq!(batch.len(), number, "calls that ended");
        batch.into_iter().map(|Completion { token, outcome }| (token, outcome)).collect()
    }
}

pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut out = Writer::request(Vec::new());
    out.bytes(body);
    out.into_buffer()
}
