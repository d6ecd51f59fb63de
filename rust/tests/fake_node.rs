//! Lanes and shared connections against the scripted node: answers find their callers, errors say what may have happened, and
//! afterwards the next call works.
#![cfg(feature = "testing")]

mod support;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use pyignite_rs::client::completion::Completions;
use pyignite_rs::client::loops::Ticket;
use pyignite_rs::client::{Config, Deadline, Error, ErrorKind, Sent, Target};
use pyignite_rs::protocol::ProtocolVersion;
use pyignite_rs::protocol::op::{cache, key_value};
use pyignite_rs::testing::{FakeNode, Fault, Greeting};
use support::client::{Client, frame};

const CACHE: [u8; 5] = [99, 0, 0, 0, 0];
const SLACK: Duration = Duration::from_millis(250);

/// What these tests ask of a client.
trait Calls {
    fn new(nodes: &[&FakeNode]) -> Self;
    fn with(nodes: &[&FakeNode], change: impl FnOnce(&mut Config)) -> Self;
    fn get(&self, key: i32) -> Result<Vec<u8>, Error>;
    fn put(&self, key: i32, value: i32) -> Result<Vec<u8>, Error>;
    fn start_get(&self, key: i32) -> Ticket;
}

impl Calls for Client {
    fn new(nodes: &[&FakeNode]) -> Self {
        Self::with(nodes, |_| {})
    }

    fn with(nodes: &[&FakeNode], change: impl FnOnce(&mut Config)) -> Self {
        Self::at(nodes.iter().map(|node| node.address().port()), change)
    }

    fn get(&self, key: i32) -> Result<Vec<u8>, Error> {
        self.call(&key_value::GET, &[&CACHE[..], &int(key)].concat(), Some(5000))
    }

    fn put(&self, key: i32, value: i32) -> Result<Vec<u8>, Error> {
        self.call(&key_value::PUT, &[&CACHE[..], &int(key), &int(value)].concat(), Some(5000))
    }

    fn start_get(&self, key: i32) -> Ticket {
        self.start(&key_value::GET, &[&CACHE[..], &int(key)].concat(), None, key as u64)
    }
}

/// An int as a value.
fn int(value: i32) -> Vec<u8> {
    [&[3], &value.to_le_bytes()[..]].concat()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(3);
    while !condition() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn lost(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionClosed | ErrorKind::Io(_))
}

#[test]
fn a_lane_carries_calls_and_skips_what_nobody_asked_for() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    client.put(1, 10).unwrap();
    node.rule(&key_value::GET, Fault::StrayFirst(vec![1, -1, 1 << 24, 1 << 40, -(1 << 24)]), 3);
    node.rule(&key_value::GET, Fault::Repeat, 3);
    node.rule(&key_value::GET, Fault::Dribble(Duration::from_millis(1)), 2);
    for _ in 0..10 {
        assert_eq!(client.get(1).unwrap(), int(10));
    }
    assert_eq!((node.accepted(), node.requests(&key_value::GET)), (1, 10));
}

#[test]
fn swapped_answers_of_a_shared_connection_find_their_callers() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    (0..100).for_each(|key| drop(client.put(key, key * 3).unwrap()));
    node.rule(&key_value::GET, Fault::Swap, 60);
    node.rule(&key_value::GET, Fault::StrayFirst(vec![1 << 24, -(1 << 24)]), 40);
    let tickets: Vec<_> = (0..100).map(|key| client.start_get(key)).collect();
    let ended = client.ended(100);
    for key in 0..100 {
        assert_eq!(ended[&(key as u64)].as_ref().unwrap().payload(), int(key * 3));
    }
    assert_eq!((tickets.len(), node.accepted()), (100, 2));
}

#[test]
fn a_late_answer_never_meets_a_later_call() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    (0..20).for_each(|key| drop(client.put(key, key * 3).unwrap()));
    node.rule(&key_value::GET, Fault::Hold(Duration::from_millis(150)), 20);
    for key in 0..20 {
        let begin = Instant::now();
        let error = client.call(&key_value::GET, &[&CACHE[..], &int(key)].concat(), Some(30)).unwrap_err();
        assert!(error.is_timeout() && error.was_sent() == Sent::Maybe, "{error}");
        assert!(begin.elapsed() < Duration::from_millis(30) + SLACK);
    }
    let end = Instant::now() + Duration::from_millis(300);
    while Instant::now() < end {
        for key in 0..20 {
            assert_eq!(client.get(key).unwrap(), int(key * 3));
        }
    }
    assert_eq!(node.accepted(), 1);
}

#[test]
fn callers_of_a_shared_connection_leave_without_harm() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    (0..40).for_each(|key| drop(client.put(key, key * 3).unwrap()));
    node.rule(&key_value::GET, Fault::Hold(Duration::from_millis(100)), 40);
    let tickets: Vec<_> = (0..40).map(|key| client.start_get(key)).collect();
    until("all gets came in", || node.requests(&key_value::GET) == 40);
    for ticket in tickets.into_iter().step_by(2) {
        assert!(!ticket.is_waiting());
        assert_eq!(ticket.leave(), Sent::Maybe);
    }
    let ended = client.ended(20);
    for key in (1..40).step_by(2) {
        assert_eq!(ended[&(key as u64)].as_ref().unwrap().payload(), int(key * 3));
    }
    client.start_get(7);
    assert_eq!(client.ended(1)[&7].as_ref().unwrap().payload(), int(21));
}

#[test]
fn a_write_is_never_repeated_and_a_read_is() {
    for reset in [false, true] {
        for bytes in [0, 1, 4, 5, 13] {
            let node = FakeNode::start().unwrap();
            let client = Client::new(&[&node]);
            client.put(1, 10).unwrap();
            node.rule(&key_value::PUT, Fault::Cut { bytes, reset }, 1);
            let error = client.put(1, 11).unwrap_err();
            assert!(lost(&error) && error.was_sent() == Sent::Maybe, "{error} after {bytes}");
            assert_eq!(node.requests(&key_value::PUT), 2);
            node.rule(&key_value::GET, Fault::Cut { bytes, reset }, 1);
            assert_eq!(client.get(1).unwrap(), int(11));
            assert_eq!(node.requests(&key_value::GET), 2);
            // Once more than there are addresses, and not for ever.
            node.rule(&key_value::GET, Fault::Cut { bytes, reset }, 9);
            assert!(lost(&client.get(1).unwrap_err()));
            assert_eq!(node.requests(&key_value::GET), 4);
        }
    }
}

#[test]
fn a_connection_that_broke_unnoticed_costs_no_call() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    client.put(1, 10).unwrap();
    node.kick(false);
    std::thread::sleep(Duration::from_millis(120));
    client.put(1, 11).unwrap();
    assert_eq!((node.requests(&key_value::PUT), node.accepted()), (2, 2));
}

#[test]
fn without_a_server_nothing_is_sent_and_later_all_goes_on() {
    let mut node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    client.put(1, 10).unwrap();
    client.start_get(1);
    client.ended(1);
    node.stop();
    std::thread::sleep(Duration::from_millis(120));
    let error = client.put(1, 11).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoNode(causes) if causes.len() == 1), "{error}");
    assert_eq!(error.was_sent(), Sent::No);
    client.start(&key_value::PUT, &[&CACHE[..], &int(1), &int(11)].concat(), None, 5);
    let error = client.ended(1).remove(&5).unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoNode(_)) && error.was_sent() == Sent::No, "{error}");
    node.listen().unwrap();
    assert_eq!(client.get(1).unwrap(), int(10));
    client.start_get(1);
    assert_eq!(client.ended(1)[&1].as_ref().unwrap().payload(), int(10));
    assert_eq!(node.requests(&key_value::PUT), 1);
}

#[test]
fn a_lost_shared_connection_tells_what_had_left() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    client.start_get(1);
    client.ended(1);
    node.rule(&key_value::PUT, Fault::Deaf, 1);
    // A byte array of a megabyte each: the socket takes some, the rest waits in this process.
    let value = [&[12][..], &(1i32 << 20).to_le_bytes(), &vec![7; 1 << 20]].concat();
    let body = [&CACHE[..], &int(1), &value].concat();
    let tickets: Vec<_> = (0..15).map(|token| client.start(&key_value::PUT, &body, None, token)).collect();
    until("the first put came in", || node.requests(&key_value::PUT) == 1);
    std::thread::sleep(Duration::from_millis(50));
    node.kick(false);
    let ended = client.ended(tickets.len());
    let sent: Vec<_> = (0..15).map(|token| ended[&token].as_ref().unwrap_err().was_sent()).collect();
    assert_eq!((sent[0], sent[14]), (Sent::Maybe, Sent::No));
    assert!(ended.values().all(|outcome| lost(outcome.as_ref().unwrap_err())));
    assert!(sent.is_sorted_by_key(|sent| *sent == Sent::No), "{sent:?}");
}

#[test]
fn a_stalled_connection_holds_up_callers_and_forgets_those_who_leave() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    client.start_get(1);
    client.ended(1);
    node.rule(&key_value::PUT, Fault::Deaf, 1);
    let value = [&[12][..], &(1i32 << 20).to_le_bytes(), &vec![7; 1 << 20]].concat();
    let body = [&CACHE[..], &int(1), &value].concat();
    let tickets: Vec<_> = (0..60).map(|token| client.start(&key_value::PUT, &body, None, token)).collect();
    std::thread::sleep(Duration::from_millis(100));
    let waiting = tickets.iter().filter(|ticket| ticket.is_waiting()).count();
    assert!((10..50).contains(&waiting), "{waiting}");
    // One more, with a limit: it is told that it did not leave.
    client.start(&key_value::PUT, &body, Some(50), 99);
    let begin = Instant::now();
    let error = client.ended(1).remove(&99).unwrap().unwrap_err();
    assert!(error.is_timeout() && error.was_sent() == Sent::No && begin.elapsed() < Duration::from_millis(50) + SLACK);
    let left: Vec<_> = tickets.into_iter().map(Ticket::leave).collect();
    assert_eq!(left.iter().filter(|sent| **sent == Sent::No).count(), waiting);
    client.pool.close();
}

#[test]
fn requests_that_a_dead_loop_collected_do_not_hold_up_another_loop() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    client.put(1, 10).unwrap();
    client.start_get(1);
    client.ended(1);
    node.rule(&key_value::GET, Fault::Silence, 1);
    let body = [&CACHE[..], &int(1)].concat();
    let mut dead = Vec::new();
    let loop_that_ends = Arc::new(Completions::new().unwrap());
    for token in 0..3 {
        // Nobody flushes.
        dead.push(client.pool.start(&Target::Any, &key_value::GET, &mut frame(&body), Deadline::NEVER, &loop_that_ends, token));
    }
    assert!(dead.iter().any(|(_, collecting)| collecting.is_some()));
    client.start_get(1);
    assert_eq!(client.ended(1)[&1].as_ref().unwrap().payload(), int(10));
    assert_eq!(node.requests(&key_value::GET), 5);
}

#[test]
fn when_no_address_works_each_has_its_cause() {
    let mut gone = FakeNode::start().unwrap();
    gone.stop();
    let http = FakeNode::start().unwrap();
    http.greet(Greeting::Say { bytes: b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), then_close: true });
    let old = FakeNode::with_newest([1, 1, 0]).unwrap();
    let mute = FakeNode::start().unwrap();
    mute.greet(Greeting::Mute);
    let garbled = FakeNode::start().unwrap();
    garbled.greet(Greeting::Say { bytes: vec![0xff; 64], then_close: false });
    let curt = FakeNode::start().unwrap();
    curt.greet(Greeting::Say { bytes: vec![24, 0, 0, 0, 1], then_close: true });
    let nodes = [&gone, &http, &old, &mute, &garbled, &curt];
    let client = Client::with(&nodes, |config| config.handshake_timeout = Duration::from_millis(300));
    let begin = Instant::now();
    let error = client.pool.connect(Deadline::NEVER, &mut || false).unwrap_err();
    assert!(begin.elapsed() < Duration::from_millis(300) + SLACK);
    let ErrorKind::NoNode(causes) = error.kind() else { panic!("{error}") };
    let ports: Vec<_> = causes.iter().map(|(address, _)| address.port).collect();
    assert_eq!(ports, nodes.map(|node| node.address().port()));
    let kinds: Vec<_> = causes.iter().map(|(_, cause)| cause.kind()).collect();
    let expected = matches!(
        kinds[..],
        [
            ErrorKind::Io(_),
            ErrorKind::WrongPeer(_),
            ErrorKind::Refused(_),
            ErrorKind::Timeout,
            ErrorKind::Protocol(_),
            ErrorKind::ConnectionClosed | ErrorKind::Io(_),
        ]
    );
    assert!(expected, "{kinds:?}");
    assert!(causes[5].1.to_string().contains("closed the connection"));
    assert!(!error.is_timeout());
    until("failed connections are closed", || nodes.iter().all(|node| node.open() == 0));
}

#[test]
fn a_silent_node_is_a_timeout() {
    let mute = FakeNode::start().unwrap();
    mute.greet(Greeting::Mute);
    let client = Client::with(&[&mute], |config| config.handshake_timeout = Duration::from_millis(200));
    let error = client.pool.connect(Deadline::NEVER, &mut || false).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoNode(_)) && error.is_timeout());
}

#[test]
fn the_first_address_that_answers_serves() {
    let mute = FakeNode::start().unwrap();
    mute.greet(Greeting::Mute);
    let (first, second) = (FakeNode::start().unwrap(), FakeNode::start().unwrap());
    let client = Client::new(&[&mute, &first, &second]);
    let begin = Instant::now();
    client.put(1, 10).unwrap();
    assert!(begin.elapsed() < Duration::from_millis(500));
    let (mut serves, other) = if first.requests(&key_value::PUT) == 1 { (first, second) } else { (second, first) };
    serves.stop();
    std::thread::sleep(Duration::from_millis(120));
    assert_eq!(client.get(1).unwrap(), [101]);
    assert_eq!(other.requests(&key_value::GET), 1);
}

#[test]
fn older_servers_are_followed_one_version_at_a_time() {
    for minor in (2..=7).rev() {
        let node = FakeNode::with_newest([1, minor, 0]).unwrap();
        let client = Client::new(&[&node]);
        client.put(1, 10).unwrap();
        assert_eq!(client.get(1).unwrap(), int(10));
        let context = client.pool.context().unwrap();
        assert_eq!(context.version, ProtocolVersion::new(1, minor, 0));
        let expected: &[_] = if minor == 7 { &[[1, 7, 0]] } else { &[[1, 7, 0], [1, minor, 0]] };
        assert_eq!((&node.offers()[..], node.accepted()), (expected, 1));
        node.rule(&key_value::GET, Fault::Refuse { status: 1000, message: "no".into() }, 1);
        let error = client.get(1).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Server(refused) if refused.status == 1000 && refused.message == "no"));
    }
    for newest in [[1, 1, 0], [1, 0, 0], [0, 9, 0]] {
        let node = FakeNode::with_newest(newest).unwrap();
        let error = Client::new(&[&node]).put(1, 10).unwrap_err();
        let ErrorKind::NoNode(causes) = error.kind() else { panic!("{error}") };
        assert!(matches!(causes[0].1.kind(), ErrorKind::Refused(refusal) if refusal.message == "Unsupported version."));
    }
}

#[test]
fn bytes_that_are_no_message_end_the_connection_for_everybody_on_it() {
    for garbage in [vec![0; 8], vec![0xff; 8], vec![0xff, 0xff, 0xff, 0x7f, 1], vec![2, 0, 0, 0, 1, 2]] {
        let node = FakeNode::start().unwrap();
        let client = Client::new(&[&node]);
        client.put(1, 10).unwrap();
        node.rule(&key_value::GET, Fault::Instead(garbage.clone()), 1);
        let error = client.get(1).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Protocol(_)) && error.was_sent() == Sent::Maybe, "{error}");
        // Bytes of a confused server are no reason to ask again.
        assert_eq!(node.requests(&key_value::GET), 1);
        assert_eq!(client.get(1).unwrap(), int(10));

        node.rule(&key_value::GET, Fault::Silence, 4);
        node.rule(&key_value::GET, Fault::Instead(garbage), 1);
        (0..5).for_each(|key| drop(client.start_get(key)));
        // Nobody knows whose answer that was: for all of them the connection is lost, and reads may go over another one.
        for outcome in client.ended(5).into_values() {
            let error = outcome.unwrap_err();
            assert!(lost(&error) && error.was_sent() == Sent::Maybe, "{error}");
        }
        client.start_get(1);
        assert_eq!(client.ended(1)[&1].as_ref().unwrap().payload(), int(10));
    }
}

#[test]
fn drops_of_bytes_do_not_keep_a_caller_past_its_deadline() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    client.put(1, 10).unwrap();
    // A longer one looks like the end of what will ever come.
    for pause in [3, 30, 60] {
        node.rule(&key_value::GET, Fault::Dribble(Duration::from_millis(pause)), 1);
        let body = [&CACHE[..], &int(1)].concat();
        let limit = 5 * pause;
        let begin = Instant::now();
        let error = client.call(&key_value::GET, &body, Some(limit)).unwrap_err();
        assert!(error.is_timeout() && begin.elapsed() < Duration::from_millis(limit) + SLACK, "{error}");
        assert_eq!(client.get(1).unwrap(), int(10));
    }
    assert_eq!(node.accepted(), 1);
}

#[test]
fn a_caller_that_is_called_away_leaves_the_lane_in_order() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    client.put(1, 10).unwrap();
    node.rule(&key_value::PUT, Fault::Hold(Duration::from_millis(300)), 1);
    let mut frame = frame(&[&CACHE[..], &int(1), &int(11)].concat());
    let begin = Instant::now();
    let mut calls = 0;
    let mut interrupt = || {
        calls += 1;
        true
    };
    let error = client.pool.call(&Target::Any, &key_value::PUT, &mut frame, Deadline::NEVER, &mut interrupt).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Interrupted) && error.was_sent() == Sent::Maybe, "{error}");
    assert!(begin.elapsed() < SLACK && calls == 1);
    for _ in 0..200 {
        assert_eq!(client.get(1).unwrap(), int(11));
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!((node.requests(&key_value::PUT), node.accepted()), (2, 1));
}

#[test]
fn threads_share_no_more_lanes_than_allowed() {
    let node = FakeNode::start().unwrap();
    let client = Client::with(&[&node], |config| config.max_connections_per_node = 4);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..200 {
                    let (key, value) = (thread * 1000 + number % 20, thread * 100_000 + number);
                    client.put(key, value).unwrap();
                    assert_eq!(client.get(key).unwrap(), int(value));
                }
            });
        }
    });
    assert!(node.accepted() <= 4, "{}", node.accepted());
    assert_eq!(node.requests(&key_value::PUT), 16 * 200);
}

#[test]
fn closing_ends_every_call_and_nothing_connects_again() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    client.put(1, 10).unwrap();
    node.rule(&key_value::GET, Fault::Silence, 1000);
    (0..200).for_each(|key| drop(client.start_get(key)));
    let (tell, told): (Sender<Error>, _) = channel();
    std::thread::scope(|scope| {
        for key in 0..8 {
            let (client, tell) = (&client, tell.clone());
            scope.spawn(move || tell.send(client.get(key).unwrap_err()).unwrap());
        }
        until("all gets came in", || node.requests(&key_value::GET) == 208);
        let begin = Instant::now();
        client.pool.close();
        for _ in 0..8 {
            let error = told.recv().unwrap();
            assert!(matches!(error.kind(), ErrorKind::ClientClosed) && error.was_sent() == Sent::Maybe, "{error}");
        }
        for outcome in client.ended(200).into_values() {
            assert!(matches!(outcome.unwrap_err().kind(), ErrorKind::ClientClosed));
        }
        assert!(begin.elapsed() < Duration::from_secs(1));
    });
    let accepted = node.accepted();
    assert!(matches!(client.get(1).unwrap_err().kind(), ErrorKind::ClientClosed));
    client.start_get(1);
    assert!(matches!(client.ended(1)[&1].as_ref().unwrap_err().kind(), ErrorKind::ClientClosed));
    until("all connections are closed", || node.open() == 0);
    assert_eq!(node.accepted(), accepted);
}

#[test]
fn closing_ends_connects_in_progress() {
    let node = FakeNode::start().unwrap();
    node.greet(Greeting::Mute);
    let client = Client::new(&[&node]);
    client.start_get(1);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.get(1).unwrap_err());
        until("both connect", || node.accepted() == 2);
        let begin = Instant::now();
        client.pool.close();
        assert!(matches!(client.ended(1)[&1].as_ref().unwrap_err().kind(), ErrorKind::ClientClosed));
        assert!(matches!(waiting.join().unwrap().kind(), ErrorKind::ClientClosed));
        assert!(begin.elapsed() < Duration::from_secs(1));
    });
    until("all connections are closed", || node.open() == 0);
}

#[test]
fn the_stand_in_keeps_caches_like_a_node() {
    let node = FakeNode::start().unwrap();
    let client = Client::new(&[&node]);
    let name = [&[9][..], &1i32.to_le_bytes(), b"c"].concat();
    client.call(&cache::CREATE_WITH_NAME, &name, None).unwrap();
    client.call(&cache::GET_OR_CREATE_WITH_NAME, &name, None).unwrap();
    assert_eq!(client.call(&cache::GET_NAMES, &[], None).unwrap(), [&[1, 0, 0, 0][..], &name].concat());
    let entries = [&CACHE[..], &2i32.to_le_bytes(), &int(1), &name, &int(2), &int(20)].concat();
    client.call(&key_value::PUT_ALL, &entries, None).unwrap();
    let keys = [&CACHE[..], &3i32.to_le_bytes(), &int(1), &int(2), &int(3)].concat();
    let found = client.call(&key_value::GET_ALL, &keys, None).unwrap();
    assert_eq!(found, [&2i32.to_le_bytes()[..], &int(1), &name, &int(2), &int(20)].concat());
    let size = [&CACHE[..], &0i32.to_le_bytes()].concat();
    assert_eq!(client.call(&key_value::GET_SIZE, &size, None).unwrap(), 2i64.to_le_bytes());
    client.call(&key_value::CLEAR, &CACHE, None).unwrap();
    assert_eq!(client.call(&key_value::GET_SIZE, &size, None).unwrap(), 0i64.to_le_bytes());
    client.call(&key_value::PUT_ALL, &entries, None).unwrap();
    client.call(&cache::DESTROY, &CACHE[..4], None).unwrap();
    assert_eq!(client.call(&key_value::GET_SIZE, &size, None).unwrap(), 0i64.to_le_bytes());
}
