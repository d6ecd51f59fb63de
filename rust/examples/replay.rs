//! The floor of the benchmarks: replays one recorded request on a blocking socket and drops the answers.
//!
//! `replay HOST:PORT CACHE get|put COUNT` prints one JSON object: median and 99th percentile of the latency, CPU time per call.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use pyignite_rs::protocol::frame::seal_request;
use pyignite_rs::protocol::handshake::Handshake;
use pyignite_rs::protocol::op::key_value::{self, CacheHeader, write_cache_header};
use pyignite_rs::protocol::{Writer, hash};
use rustix::time::{ClockId, clock_gettime};

fn read_message(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut received = 0;
    loop {
        received += stream.read(&mut buffer[received..]).expect("the server answers");
        if received >= 4 {
            let length = i32::from_le_bytes(buffer[..4].try_into().expect("four bytes")) as usize;
            if received >= length + 4 {
                return length + 4;
            }
        }
    }
}

/// CPU time of this process in seconds.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("usage: replay HOST:PORT CACHE get|put COUNT");
    let (address, cache, operation, count) = (next(), next(), next(), next().parse::<usize>().expect("a number of calls"));
    let mut stream = TcpStream::connect(address).expect("the node listens");
    stream.set_nodelay(true).expect("a TCP socket");
    let mut buffer = vec![0; 64 * 1024];
    stream.write_all(&Handshake::new(None).request().expect("no credentials")).expect("the node listens");
    read_message(&mut stream, &mut buffer);

    let mut out = Writer::request(Vec::new());
    write_cache_header(&mut out, &CacheHeader::new(hash::cache_id(&cache)));
    out.long(1);
    let operation = if operation == "put" {
        out.string("fourteen chars").expect("a short string");
        &key_value::PUT
    } else {
        &key_value::GET
    };
    let mut frame = out.into_buffer();
    seal_request(&mut frame, operation, 1);

    for _ in 0..count / 10 {
        stream.write_all(&frame).expect("the node listens");
        read_message(&mut stream, &mut buffer);
    }
    let mut latencies = Vec::with_capacity(count);
    let before = cpu();
    for _ in 0..count {
        let start = Instant::now();
        stream.write_all(&frame).expect("the node listens");
        read_message(&mut stream, &mut buffer);
        latencies.push(start.elapsed().as_nanos() as f64 / 1e3);
    }
    let spent = cpu() - before;
    latencies.sort_by(f64::total_cmp);
    let (p50, p99) = (latencies[count / 2], latencies[count * 99 / 100]);
    println!("{{\"p50\": {p50:.3}, \"p99\": {p99:.3}, \"cpu\": {:.3}}}", spent / count as f64 * 1e6);
}
