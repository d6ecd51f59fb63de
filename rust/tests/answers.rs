//! Real answers, cut and joined in every way, through what reads them: the input of a connection, lanes, shared connections.
#![cfg(feature = "testing")]

mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyignite_rs::client::core::{Answer, Input, Link, Owner, RequestTable, match_answer};
use pyignite_rs::client::{Address, Error, ErrorKind};
use pyignite_rs::protocol::context::FeatureSet;
use pyignite_rs::protocol::handshake::{Handshake, Step};
use pyignite_rs::protocol::op::{self, Opens, Operation};
use pyignite_rs::protocol::{ProtocolContext, ProtocolVersion};
use support::answers::{self, Recorded};
use support::client::Client;
use support::random::Random;
use support::{reached, size};

/// Answers to requests, without the handshakes.
fn recorded() -> Vec<Recorded> {
    answers::all().into_iter().filter(|answer| !answer.is_handshake()).collect()
}

fn operation(answer: &Recorded) -> &'static Operation {
    op::all().find(|operation| operation.code == answer.code).unwrap_or_else(|| panic!("{}: unknown", answer.name))
}

/// What a driver holds of one connection.
struct Connection {
    link: Link,
    table: RequestTable<usize>,
    input: Input,
}

impl Connection {
    fn new(version: ProtocolVersion) -> Self {
        let features = if version >= ProtocolVersion::V1_7 { FeatureSet::ALL } else { FeatureSet::default() };
        let address = Address { host: "127.0.0.1".into(), port: 10800 };
        let link = Link::new(address, ProtocolContext { version, features }, None, None);
        Self { link, table: RequestTable::default(), input: Input::new(1 << 20) }
    }

    fn ask(&mut self, waiter: usize) -> i64 {
        self.table.register(waiter, Opens::Nothing).expect("few requests are in flight")
    }

    /// Some bytes come; the answers that are whole now, each with its payload.
    fn receive(&mut self, mut bytes: &[u8]) -> Vec<(Answer<usize>, Vec<u8>)> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let space = self.input.space();
            let length = space.len().min(bytes.len());
            space[..length].copy_from_slice(&bytes[..length]);
            self.input.received(length);
            bytes = &bytes[length..];
            while let Some(range) = self.input.next_message().expect("a whole answer") {
                let message = self.input.message(range);
                let answer = match_answer(message, &self.link, &mut self.table).expect("a header");
                let payload = message[answer.header.payload..].to_vec();
                found.push((answer, payload));
            }
        }
        found
    }
}

/// The answer says what was recorded, and goes to the one who asked.
fn check(answer: &Recorded, (found, payload): &(Answer<usize>, Vec<u8>), waiter: usize, what: &dyn Fn() -> String) {
    let anatomy = answer.anatomy();
    assert_eq!(found.owner, Owner::Waiter(waiter, Opens::Nothing), "{}", what());
    assert_eq!(found.header.topology.is_some(), anatomy.has_topology, "{}", what());
    assert_eq!(found.header.error.is_some(), anatomy.is_refusal, "{}", what());
    match &found.header.error {
        None => assert_eq!(payload, &answer.message[anatomy.rest..], "{}", what()),
        // Its text stands at the end of the message.
        Some(error) => {
            assert!(payload.is_empty() && error.status != 0 && !error.message.is_empty(), "{}", what());
            assert!(answer.message.ends_with(error.message.as_bytes()), "{}", what());
        }
    }
}

#[test]
fn answers_are_the_same_wherever_they_are_cut() {
    let recorded = recorded();
    let operations: BTreeSet<_> = recorded.iter().map(|answer| answer.code).collect();
    assert_eq!(operations, op::all().map(|operation| operation.code).collect(), "answers of all operations");
    assert!(recorded.len() >= 60, "only {} answers", recorded.len());
    assert!(recorded.iter().any(Recorded::has_flags) && !recorded.iter().all(Recorded::has_flags), "both forms of the header");
    let mut cases = 0;
    for answer in &recorded {
        let length = answer.message.len() + 4;
        for cut in 0..=length {
            let mut connection = Connection::new(answer.version);
            let id = connection.ask(cut);
            let frame = answer.framed(id);
            let early = connection.receive(&frame[..cut]);
            assert_eq!(early.len(), usize::from(cut == length), "{} cut at {cut}", answer.name);
            let found = [early, connection.receive(&frame[cut..])].concat_all();
            assert_eq!(found.len(), 1, "{} cut at {cut}", answer.name);
            check(answer, &found[0], cut, &|| format!("{} cut at {cut}", answer.name));
            assert!(connection.input.pending().is_empty() && !connection.table.is_owed());
            cases += 1;
        }
        let mut connection = Connection::new(answer.version);
        let id = connection.ask(7);
        let found: Vec<_> = answer.framed(id).iter().flat_map(|byte| connection.receive(&[*byte])).collect();
        assert_eq!(found.len(), 1, "{} byte by byte", answer.name);
        check(answer, &found[0], 7, &|| format!("{} byte by byte", answer.name));
        cases += 1;
    }
    assert!(cases >= 20_000, "only {cases} cases");
    reached(
        "G1",
        "answers of a node cut in two and into bytes",
        &format!("{} answers of {} operations, {cases} cases", recorded.len(), operations.len()),
    );
}

trait ConcatAll<T> {
    fn concat_all(self) -> Vec<T>;
}

impl<T> ConcatAll<T> for [Vec<T>; 2] {
    fn concat_all(self) -> Vec<T> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn answers_that_come_together_are_taken_apart() {
    let recorded = recorded();
    let mut random = Random(1);
    let mut joined = 0;
    for minor in 2..=7 {
        let of_one_version: Vec<_> = recorded.iter().filter(|answer| answer.version.minor == minor).collect();
        for number in 2..=64 {
            let mut connection = Connection::new(ProtocolVersion::new(1, minor, 0));
            // In another order than they were asked for, now and then.
            let mut ids: Vec<_> = (0..number).map(|waiter| (waiter, connection.ask(waiter))).collect();
            if number % 2 == 0 {
                ids.reverse();
            }
            let chosen: Vec<_> = ids.iter().map(|_| of_one_version[random.below(of_one_version.len())]).collect();
            let stream: Vec<u8> = ids.iter().zip(&chosen).flat_map(|((_, id), answer)| answer.framed(*id)).collect();
            // As one segment, and as segments of any size.
            let mut rest = &stream[..];
            let mut found = Vec::new();
            while !rest.is_empty() {
                let length = if number % 3 == 0 { rest.len() } else { 1 + random.below(rest.len().min(3000)) };
                found.extend(connection.receive(&rest[..length]));
                rest = &rest[length..];
            }
            assert_eq!(found.len(), number);
            for (((waiter, _), answer), found) in ids.iter().zip(&chosen).zip(&found) {
                check(answer, found, *waiter, &|| format!("{} among {number}", answer.name));
            }
            joined += number;
        }
    }
    reached("G1", "answers of a node joined, 2 to 64 in a segment", &format!("{joined} answers"));
}

#[test]
fn handshakes_are_the_same_wherever_they_are_cut() {
    let handshakes: Vec<_> = answers::all().into_iter().filter(Recorded::is_handshake).collect();
    assert_eq!(handshakes.len(), 7, "one for each version, and a refusal");
    for answer in &handshakes {
        let frame = answer.framed(0);
        for cut in 0..=frame.len() {
            let mut input = Input::new(1 << 16);
            let mut message = None;
            for part in [&frame[..cut], &frame[cut..]] {
                input.space()[..part.len()].copy_from_slice(part);
                input.received(part.len());
                message = input.next_message().unwrap().or(message);
            }
            let message = input.message(message.expect("a whole answer"));
            let mut handshake = Handshake::new(None);
            while handshake.offered() > answer.version {
                let minor = handshake.offered().minor as u8 - 1;
                assert_eq!(handshake.answer(&[&[0, 1, 0, minor, 0, 0, 0, 0x65][..], &[1, 0, 0, 0]].concat()), Ok(Step::Again));
            }
            match handshake.answer(message).unwrap_or_else(|error| panic!("{}: {error}", answer.name)) {
                Step::Done { context, node_id } => {
                    assert_eq!(context.version, answer.version);
                    assert_eq!(node_id.is_some(), answer.has_flags(), "{}", answer.name);
                }
                // Version 1.99 was asked for then.
                Step::Refused(refusal) => assert!(answer.version.minor == 99 && !refusal.message.is_empty()),
                Step::Again => panic!("{}: no older version was asked for", answer.name),
            }
        }
    }
}

/// What the server says to the next request: bytes of an answer, and where it pauses.
struct Line {
    answer: Vec<u8>,
    cut: usize,
}

/// A server of one version, on loopback: answers each request with the next line.
struct Server {
    port: u16,
    lines: Sender<Line>,
}

impl Server {
    fn start(version: ProtocolVersion) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (lines, next) = channel();
        let next = Arc::new(Mutex::new(next));
        let greeting = answers::all().into_iter().find(|answer| answer.is_handshake() && answer.version == version).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (next, greeting) = (Arc::clone(&next), greeting.framed(0));
                // It ends when the client hangs up.
                std::thread::spawn(move || serve(stream.unwrap(), version, &greeting, &next));
            }
        });
        Self { port, lines }
    }
}

fn message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; i32::from_le_bytes(length) as usize];
    stream.read_exact(&mut message)?;
    Ok(message)
}

fn serve(mut stream: TcpStream, version: ProtocolVersion, greeting: &[u8], lines: &Mutex<Receiver<Line>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut offered = message(&mut stream)?;
    if i16::from_le_bytes([offered[3], offered[4]]) > version.minor {
        let refusal = [&[0, 1, 0, version.minor as u8, 0, 0, 0, 0x65][..], &[1, 0, 0, 0]].concat();
        stream.write_all(&[&(refusal.len() as i32).to_le_bytes()[..], &refusal].concat())?;
        offered = message(&mut stream)?;
    }
    assert_eq!(i16::from_le_bytes([offered[3], offered[4]]), version.minor);
    stream.write_all(greeting)?;
    loop {
        let request = message(&mut stream)?;
        let code = i16::from_le_bytes([request[0], request[1]]);
        let mut line = if code == 0 || code == 4001 {
            // What the answer before had opened is closed.
            let empty = [0; 12];
            let length = if version >= ProtocolVersion::V1_4 { 10 } else { 12 };
            Line { answer: [&[length as u8, 0, 0, 0], &empty[..length]].concat(), cut: 0 }
        } else {
            lines.lock().unwrap().recv().expect("a line for each request")
        };
        line.answer[4..12].copy_from_slice(&request[2..10]);
        let (before, after) = line.answer.split_at(line.cut);
        stream.write_all(before)?;
        if !before.is_empty() && !after.is_empty() {
            // So that the client has read them before the rest comes.
            std::thread::sleep(Duration::from_micros(50));
        }
        stream.write_all(after)?;
    }
}

fn check_outcome(answer: &Recorded, outcome: Result<&[u8], &Error>, cut: usize) {
    let anatomy = answer.anatomy();
    match outcome {
        Ok(payload) => assert!(!anatomy.is_refusal && payload == &answer.message[anatomy.rest..], "{} cut at {cut}", answer.name),
        Err(error) => {
            let ErrorKind::Server(refusal) = error.kind() else { panic!("{} cut at {cut}: {error}", answer.name) };
            assert!(anatomy.is_refusal && answer.message.ends_with(refusal.message.as_bytes()), "{} cut at {cut}", answer.name);
        }
    }
}

/// Both forms of the header, and of each form one version. Answers that close what they say they left open are among those that the
/// server gives by itself.
#[test]
fn lanes_and_shared_connections_take_answers_in_two_pieces() {
    let mut cases = 0;
    for version in [ProtocolVersion::V1_7, ProtocolVersion::V1_3] {
        let server = Server::start(version);
        let client = Client::at([server.port], |_| {});
        let of_this = |answer: &&Recorded| answer.version == version && ![0, 4001].contains(&answer.code);
        for answer in recorded().iter().filter(of_this) {
            let frame = answer.framed(0);
            // All of the header and what follows it; of large answers then each so many bytes.
            let step = (frame.len() / size(100, 400)).max(1);
            for cut in (0..frame.len()).filter(|cut| *cut < 40 || cut % step == 0) {
                let line = || server.lines.send(Line { answer: frame.clone(), cut }).unwrap();
                line();
                let outcome = client.call(operation(answer), &answer.request, Some(5000));
                check_outcome(answer, outcome.as_deref(), cut);
                line();
                let _ticket = client.start(operation(answer), &answer.request, None, 1);
                let mut ended = client.looked(1, Duration::from_micros(50));
                let outcome = ended.remove(&1).expect("the call ended");
                check_outcome(answer, outcome.as_ref().map(|reply| reply.payload()), cut);
                cases += 2;
            }
        }
    }
    assert!(cases > 10_000, "only {cases} cases");
    reached("G1", "answers of a node in two pieces over lanes and shared connections", &format!("{cases} cases"));
}
