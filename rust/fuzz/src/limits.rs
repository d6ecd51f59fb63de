//! What an input may cost: 512 MB and a second. Planted defects show, before each run, that more than that is seen.

use pyignite_rs_fuzz::targets::Target;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most bytes that an input may make its target hold at one time.
pub const MEMORY: usize = 512 << 20;

/// Longest that an input may take.
pub const TIME: Duration = Duration::from_secs(1);

/// An input that takes so long ends the run: it may never come back.
const GIVEN_UP: Duration = Duration::from_secs(20);

/// What the dearest input cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Worst {
    pub memory: usize,
    pub time: Duration,
}

impl Worst {
    pub fn max(self, other: Self) -> Self {
        Self { memory: self.memory.max(other.memory), time: self.time.max(other.time) }
    }
}

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// Counts what each thread holds.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged, or is refused; the counters are plain cells that allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending has no counters any more, and runs no input.
        let held = NOW.try_with(|now| {
            now.set(now.get().saturating_add(layout.size()));
            now.get()
        });
        let held = held.unwrap_or_default();
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held)));
        if layout.size() > 4 * MEMORY {
            // Far past the limit: the run ends here, and the machine goes on.
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = NOW.try_with(|now| now.set(now.get().saturating_sub(layout.size())));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Gives the target one input; what it cost, or what is wrong with that.
pub fn survives(target: Target, input: &[u8]) -> Result<Worst, String> {
    let mut cost = measured(target, input)?;
    if cost.time > TIME {
        // The machine may have been busy with something else.
        cost.time = measured(target, input)?.time.min(cost.time);
    }
    if cost.memory > MEMORY {
        return Err(format!("{} bytes held at one time", cost.memory));
    }
    if cost.time > TIME {
        return Err(format!("took {:?}", cost.time));
    }
    Ok(cost)
}

fn measured(target: Target, input: &[u8]) -> Result<Worst, String> {
    let before = NOW.get();
    PEAK.set(before);
    let start = Instant::now();
    let ran = catch_unwind(AssertUnwindSafe(|| target(input)));
    let cost = Worst { memory: PEAK.get().saturating_sub(before), time: start.elapsed() };
    ran.map(|()| cost).map_err(|_| "panicked".into())
}

/// Fails unless targets that panic, take too much memory and take too long are all found out.
pub fn see_planted_defects() -> Result<(), String> {
    let planted: [(&str, Target); 3] = [
        ("a panic", |data| assert!(data.is_empty(), "planted: this panic has to be seen")),
        ("much memory", |_| drop(std::hint::black_box(Vec::<u8>::with_capacity(MEMORY + 1)))),
        ("a long time", |_| std::thread::sleep(TIME + Duration::from_millis(10))),
    ];
    for (what, target) in planted {
        if survives(target, &[0]).is_ok() {
            return Err(format!("{what} is not noticed"));
        }
    }
    Ok(())
}

/// Targets that are running, each with the number of its input.
static RUNNING: Mutex<Vec<(&str, Arc<AtomicU64>)>> = Mutex::new(Vec::new());

/// How far one target has come.
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    pub fn start(name: &'static str) -> Self {
        let number = Arc::default();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push((name, Arc::clone(&number)));
        Self(number)
    }

    pub fn at(&self, number: u64) {
        self.0.store(number + 1, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, number)| !Arc::ptr_eq(number, &self.0));
    }
}

/// Ends the run when an input never comes back.
pub fn watch(seed: u64) {
    let look = || {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().map(|(name, number)| (*name, number.load(Ordering::Relaxed))).collect::<Vec<_>>()
    };
    std::thread::spawn(move || {
        let mut before = look();
        loop {
            std::thread::sleep(GIVEN_UP);
            let now = look();
            for (name, number) in now.iter().filter(|one| one.1 > 0 && before.contains(one)) {
                eprintln!("{name}: input {} of seed {seed} does not come back", number - 1);
                std::process::exit(1);
            }
            before = now;
        }
    });
}
