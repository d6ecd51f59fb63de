//! What an observer is told, in which thread, and that nothing is locked meanwhile.
#![cfg(feature = "testing")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyignite_rs::client::completion::Completions;
use pyignite_rs::client::core::Link;
use pyignite_rs::client::observe::{ConnectionEvent, ConnectionFact, Observer, RequestEvent, Told, Watched};
use pyignite_rs::client::{Address, Config, Deadline, Error, Pool, Target};
use pyignite_rs::protocol::Writer;
use pyignite_rs::protocol::op::{Operation, key_value};
use pyignite_rs::testing::{FakeNode, Fault};

/// Cache id, flags, the int key 1.
const KEY: [u8; 10] = [99, 0, 0, 0, 0, 3, 1, 0, 0, 0];

/// Keeps what it is told, with the thread.
#[derive(Debug, Default)]
struct Keeper {
    heard: Mutex<Vec<(String, ThreadId)>>,
    later: Mutex<Vec<String>>,
    is_deaf: AtomicBool,
    /// Called back for every fact, as a listener may: anything that is locked would show as a deadlock.
    pool: Mutex<Option<Arc<Pool>>>,
}

impl Keeper {
    fn keep(&self, what: String) {
        let pool = self.pool.lock().unwrap().take();
        if let Some(pool) = pool {
            call(&pool, &key_value::GET, &KEY).unwrap();
            *self.pool.lock().unwrap() = Some(pool);
        }
        self.heard.lock().unwrap().push((what, thread::current().id()));
    }

    fn take(&self) -> Vec<(String, ThreadId)> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    fn words(&self) -> Vec<String> {
        self.take().into_iter().map(|(what, _)| what).collect()
    }
}

fn name(fact: &ConnectionFact) -> &'static str {
    match fact {
        ConnectionFact::Opening(_) => "opening",
        ConnectionFact::Open(..) => "open",
        ConnectionFact::Failed(..) => "failed",
        ConnectionFact::Closed(_) => "closed",
        ConnectionFact::Lost(..) => "lost",
    }
}

impl Observer for Keeper {
    fn watches_requests(&self) -> bool {
        !self.is_deaf.load(Ordering::Relaxed)
    }

    fn request(&self, _: &Link, watched: &Watched, event: RequestEvent<'_>) {
        let what = match event {
            RequestEvent::Started => "started",
            RequestEvent::Answered(_) => "answered",
            RequestEvent::Failed(..) => "failed",
        };
        self.keep(format!("{what} {}", watched.operation.name));
    }

    fn connection(&self, event: &ConnectionEvent) {
        self.keep(name(&event.fact).to_owned());
    }

    fn connection_later(&self, event: ConnectionEvent) {
        self.later.lock().unwrap().push(name(&event.fact).to_owned());
    }
}

fn call(pool: &Arc<Pool>, operation: &'static Operation, body: &[u8]) -> Result<(), Error> {
    let mut frame = frame(body);
    let deadline = Deadline::after(Some(Duration::from_secs(5)));
    pool.call(&Target::Any, operation, &mut frame, deadline, &mut || false).map(drop)
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut out = Writer::request(Vec::new());
    out.bytes(body);
    out.into_buffer()
}

struct Scene {
    node: FakeNode,
    keeper: Arc<Keeper>,
    pool: Arc<Pool>,
}

fn scene() -> Scene {
    let node = FakeNode::start().unwrap();
    let keeper = Arc::new(Keeper::default());
    let mut config = Config::new(vec![Address { host: "127.0.0.1".into(), port: node.address().port() }]);
    config.observer = Some(Arc::clone(&keeper) as Arc<dyn Observer>);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    // Drives the runtime for as long as the test runs.
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Scene { node, keeper, pool: Pool::new(Arc::new(config), handle) }
}

#[test]
fn a_threads_facts_are_told_in_that_thread_and_in_their_order() {
    let Scene { node, keeper, pool } = scene();
    call(&pool, &key_value::GET, &KEY).unwrap();
    node.rule(&key_value::PUT, Fault::Cut { bytes: 0, reset: false }, 1);
    call(&pool, &key_value::PUT, &[&KEY[..], &KEY[5..]].concat()).unwrap_err();
    call(&pool, &key_value::GET, &KEY).unwrap();
    pool.close();
    let heard = keeper.take();
    assert!(heard.iter().all(|(_, thread)| *thread == thread::current().id()));
    assert_eq!(
        heard.iter().map(|(what, _)| what.as_str()).collect::<Vec<_>>(),
        [
            "opening",
            "open",
            "started OP_CACHE_GET",
            "answered OP_CACHE_GET",
            "started OP_CACHE_PUT",
            "lost",
            "failed OP_CACHE_PUT",
            "opening",
            "open",
            "started OP_CACHE_GET",
            "answered OP_CACHE_GET",
            "closed",
        ]
    );
    assert!(keeper.later.lock().unwrap().is_empty());
}

#[test]
fn an_observer_may_call_again_whatever_it_is_told() {
    let Scene { node, keeper, pool } = scene();
    *keeper.pool.lock().unwrap() = Some(Arc::clone(&pool));
    call(&pool, &key_value::GET, &KEY).unwrap();
    node.rule(&key_value::PUT, Fault::Cut { bytes: 0, reset: false }, 1);
    call(&pool, &key_value::PUT, &[&KEY[..], &KEY[5..]].concat()).unwrap_err();
    call(&pool, &key_value::GET, &KEY).unwrap();
    *keeper.pool.lock().unwrap() = None;
    pool.close();
    assert!(keeper.words().iter().filter(|what| *what == "answered OP_CACHE_GET").count() > 5);
}

#[test]
fn requests_are_told_only_to_those_who_listen() {
    let Scene { node: _node, keeper, pool } = scene();
    keeper.is_deaf.store(true, Ordering::Relaxed);
    call(&pool, &key_value::GET, &KEY).unwrap();
    assert_eq!(keeper.words(), ["opening", "open"]);
}

#[test]
fn a_loop_is_given_facts_in_front_of_what_they_led_to() {
    let Scene { node, keeper, pool } = scene();
    let completions = Arc::new(Completions::new().unwrap());
    let deadline = Deadline::after(Some(Duration::from_secs(5)));
    let start = |token, operation, body: &[u8]| {
        let (ticket, flush) = pool.start(&Target::Any, operation, &mut frame(body), deadline, &completions, token);
        if let Some(shared) = flush {
            shared.flush();
        }
        ticket
    };
    // What the loop is to tell by the time that so many calls have ended.
    let told = |ended: usize| {
        let (mut batch, mut told) = (std::collections::VecDeque::new(), Vec::new());
        let end = Instant::now() + Duration::from_secs(5);
        while batch.len() < ended && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
            completions.drain(&mut batch);
            told.extend(completions.take_told().into_iter().map(|told| match told {
                Told::Connection(_, event) => name(&event.fact).to_owned(),
                Told::Sent(token) => format!("sent {token}"),
            }));
        }
        assert_eq!(batch.len(), ended);
        told
    };
    let first = start(1, &key_value::GET, &KEY);
    assert_eq!(told(1), ["opening", "open", "sent 1"]);
    assert!(first.sent().is_some());
    node.rule(&key_value::PUT, Fault::Cut { bytes: 0, reset: false }, 1);
    let second = start(2, &key_value::PUT, &[&KEY[..], &KEY[5..]].concat());
    assert_eq!(told(1), ["lost"]);
    drop((first, second));
    // This thread told nothing of all that, and the background had nothing to tell.
    assert!(keeper.words().is_empty());
    assert!(keeper.later.lock().unwrap().is_empty());
}

#[test]
fn what_happens_while_nobody_calls_is_left_to_the_background() {
    let Scene { node, keeper, pool } = scene();
    let completions = Arc::new(Completions::new().unwrap());
    let deadline = Deadline::after(Some(Duration::from_secs(5)));
    pool.start_connect(deadline, &completions, 1);
    let end = Instant::now() + Duration::from_secs(5);
    let mut batch = std::collections::VecDeque::new();
    while batch.is_empty() && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
        completions.drain(&mut batch);
    }
    drop(node);
    while keeper.later.lock().unwrap().is_empty() && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(*keeper.later.lock().unwrap(), ["lost"]);
    pool.close();
    assert_eq!(keeper.words(), [""; 0]);
}
