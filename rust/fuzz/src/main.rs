//! Replays the corpus on stable Rust and, on request, goes on with mutations of it.
//!
//! ```text
//! cargo run --release --manifest-path rust/fuzz/Cargo.toml                          replay the corpus
//! cargo run --release --manifest-path rust/fuzz/Cargo.toml -- --inputs 1000000      and then mutate it, per target
//! cargo run --release --manifest-path rust/fuzz/Cargo.toml -- --target hash --seed 7
//! cargo run --release --manifest-path rust/fuzz/Cargo.toml -- --decoders --inputs 1000000       what `make fuzz` does
//! ```
//!
//! An input fails when the target panics, holds more than 512 MB at one time, or takes longer than a second.
//!
//! With a nightly toolchain, libFuzzer looks for new paths: `cargo +nightly fuzz run --fuzz-dir rust/fuzz --features libfuzzer
//! value`. The corpus is what its `-set_cover_merge=1 -use_counters=0` keeps of the fixtures and of what it found, and one fixture
//! of each type.

mod limits;

use limits::Worst;
use pyignite_rs_fuzz::targets::{self, Target};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Longest input that a mutation makes.
const LONGEST: usize = 4096;

/// Numbers that lengths, counts and type ids break on.
const NUMBERS: [i32; 10] = [-1, 0, 1, 2, 255, 256, 1 << 16, i32::MAX - 1, i32::MAX, i32::MIN];

struct Options {
    inputs: u64,
    seed: u64,
    target: Option<String>,
    decoders: bool,
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}; known: --inputs N, --seed N, --target NAME, --decoders, --report FILE");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let wanted = |name: &str| match &options.target {
        Some(wanted) => wanted == name,
        None => !options.decoders || targets::DECODERS.contains(&name),
    };
    let chosen: Vec<_> = targets::ALL.iter().filter(|(name, _)| wanted(name)).collect();
    if chosen.is_empty() {
        return Err("no such target".into());
    }
    if options.inputs > 0 {
        limits::see_planted_defects()?;
    }
    limits::watch(options.seed);
    // One thread for each core takes the next target until none is left.
    let next = AtomicUsize::new(0);
    let told: Mutex<Vec<(&str, Result<Worst, String>)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((name, target)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = one(name, *target, options);
                    told.lock().unwrap_or_else(PoisonError::into_inner).push((name, outcome));
                }
            });
        }
    });
    let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut worst = Worst::default();
    for (_, outcome) in told {
        worst = worst.max(outcome?);
    }
    if let Some(path) = &options.report {
        let line = format!(
            "G4\tinputs for {} decoders\t{} in all, 0 panics, 0 over {} MB, 0 over {} s; the hungriest took {} KiB, the slowest {} ms\n",
            chosen.len(),
            options.inputs * chosen.len() as u64,
            limits::MEMORY >> 20,
            limits::TIME.as_secs(),
            worst.memory >> 10,
            worst.time.as_millis(),
        );
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Replays the corpus of one target and mutates it.
fn one(name: &'static str, target: Target, options: &Options) -> Result<Worst, String> {
    let start = Instant::now();
    let corpus = corpus(name);
    if corpus.is_empty() {
        return Err(format!("{name}: no corpus"));
    }
    let mut worst = Worst::default();
    for (path, input) in &corpus {
        worst = worst.max(limits::survives(target, input).map_err(|problem| format!("{name}: {}: {problem}", path.display()))?);
    }
    let mut random = Random(options.seed);
    let progress = limits::Progress::start(name);
    for number in 0..options.inputs {
        let input = mutated(&corpus, &mut random);
        progress.at(number);
        let seen = limits::survives(target, &input);
        let named = |problem| format!("{name}: input {number} of seed {}: {problem}: {input:02x?}", options.seed);
        worst = worst.max(seen.map_err(named)?);
    }
    println!("{name:13} {:5} replayed {:10} mutated {:8.1} s", corpus.len(), options.inputs, start.elapsed().as_secs_f64());
    Ok(worst)
}

fn options() -> Result<Options, String> {
    let mut options = Options { inputs: 0, seed: 1, target: None, decoders: false, report: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--decoders" {
            options.decoders = true;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
        let number = || value.parse().map_err(|_| format!("{value} is not a number"));
        match name.as_str() {
            "--inputs" => options.inputs = number()?,
            "--seed" => options.seed = number()?,
            "--target" => options.target = Some(value),
            "--report" => options.report = Some(value.into()),
            _ => return Err(format!("{name} is not an option")),
        }
    }
    Ok(options)
}

/// The committed inputs of a target, in the order of their names.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = std::fs::read_dir(&directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut corpus: Vec<_> = entries.filter_map(|path| Some((path.clone(), std::fs::read(&path).ok()?))).collect();
    corpus.sort();
    corpus
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// One to four changes to an input of the corpus.
fn mutated(corpus: &[(PathBuf, Vec<u8>)], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].1.clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(input.len());
        match random.below(8) {
            _ if input.is_empty() => input.push(random.next() as u8),
            0 => input[at] ^= 1 << random.below(8),
            1 => input[at] = random.next() as u8,
            2 => input.insert(at, random.next() as u8),
            3 => drop(input.remove(at)),
            4 => input.truncate(at),
            5 => {
                let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
                let end = input.len().min(at + 4);
                input[at..end].copy_from_slice(&number[..end - at]);
            }
            6 => {
                // A piece of another input.
                let other = &corpus[random.below(corpus.len())].1;
                let from = random.below(other.len());
                let piece = &other[from..from + random.below(other.len() - from + 1)];
                input.splice(at..at, piece.iter().copied());
            }
            _ => {
                // A piece of its own, again.
                let piece = input[at..at + random.below(input.len() - at + 1)].to_vec();
                input.splice(at..at, piece);
            }
        }
        input.truncate(LONGEST);
    }
    input
}
