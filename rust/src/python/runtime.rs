//! The one tokio runtime of a process: started by the first connect, left behind by a fork, stopped before the interpreter goes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::client::{Handle as ServerHandle, Place, Target};
use crate::lock::lock;
use crate::protocol::op::Opens;

/// How many forks lie between this process and the one that loaded the module. A plain number, because a child of a fork can rely
/// on no lock.
static EPOCH: AtomicU64 = AtomicU64::new(0);

/// The interpreter is going: whoever is detached must not come back.
static EXITING: AtomicBool = AtomicBool::new(false);

static RUNTIME: ArcSwapOption<Running> = ArcSwapOption::const_empty();

/// Time that the runtime's thread gets to end.
const STOP: Duration = Duration::from_secs(1);

struct Running {
    epoch: u64,
    handle: Handle,
    stop: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

/// Changes with every fork: what was made under another number belongs to another process.
#[inline]
pub(super) fn epoch() -> u64 {
    EPOCH.load(Ordering::Relaxed)
}

extern "C" fn forked() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}

/// Where connections are opened and driven. Starts the runtime if this process has none.
pub(super) fn handle() -> PyResult<Handle> {
    static WATCH_FORKS: Once = Once::new();
    WATCH_FORKS.call_once(|| {
        // SAFETY: the handler only adds to an atomic, which is allowed in the child of a fork.
        unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    });
    let current = RUNTIME.load();
    if let Some(running) = current.as_ref().filter(|running| running.epoch == epoch()) {
        return Ok(running.handle.clone());
    }
    let started = Arc::new(start()?);
    let handle = started.handle.clone();
    let before = RUNTIME.compare_and_swap(&current, Some(Arc::clone(&started)));
    if !std::ptr::eq(
        before.as_ref().map_or(std::ptr::null(), Arc::as_ptr),
        current.as_ref().map_or(std::ptr::null(), Arc::as_ptr),
    ) {
        // Another thread was quicker.
        stop_one(&started);
        return self::handle();
    }
    if let Some(parents) = current.as_ref() {
        // Its threads do not exist in this process; dropping it would wait for them.
        std::mem::forget(Arc::clone(parents));
    }
    Ok(handle)
}

/// One thread does all the waiting of the process.
fn start() -> PyResult<Running> {
    let failed = |error: std::io::Error| PyRuntimeError::new_err(format!("the I/O thread can not be started: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let body = move || {
        block_signals();
        // Ends when told to, or when nobody can tell any more.
        let _ = runtime.block_on(stopped);
        runtime.shutdown_background();
    };
    let thread = std::thread::Builder::new().name("pyignite_rs".into()).spawn(body).map_err(failed)?;
    Ok(Running { epoch: epoch(), handle, stop: Mutex::new(Some((stop, thread))) })
}

/// Signals are for the threads of the program: one that is delivered here would not wake a call in the main thread.
fn block_signals() {
    // SAFETY: a set on this thread's stack, filled before it is used.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}

fn stop_one(running: &Running) {
    let Some((stop, thread)) = lock(&running.stop).take() else { return };
    // It is gone already when nobody listens.
    let _ = stop.send(());
    let end = Instant::now() + STOP;
    while !thread.is_finished() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Stops the runtime; registered with `atexit`.
#[pyfunction]
pub(super) fn _shutdown(py: Python<'_>) {
    EXITING.store(true, Ordering::Release);
    let running = RUNTIME.load_full().filter(|running| running.epoch == epoch());
    if let Some(running) = running {
        py.detach(|| stop_one(&running));
    }
}

/// Whether this is the main thread, the only one that Python's signal handlers run in.
fn is_main_thread() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: two system calls without arguments.
    unsafe {
        libc::gettid() == libc::getpid()
    }
    #[cfg(not(target_os = "linux"))]
    // SAFETY: a call without arguments.
    unsafe {
        libc::pthread_main_np() == 1
    }
}

/// Runs what waits with the interpreter released. `wait` gets a function that it calls now and then: it runs Python's signal
/// handlers, and says `true` when one of them raised.
pub(super) fn wait<T: Send>(py: Python<'_>, wait: impl FnOnce(&mut dyn FnMut() -> bool) -> T + Send) -> (T, Option<PyErr>) {
    let mut raised = None;
    let result = py.detach(|| {
        let mut interrupt = || {
            if !is_main_thread() {
                stay_away();
                return false;
            }
            raised = Python::attach(|py| py.check_signals()).err();
            raised.is_some()
        };
        let result = wait(&mut interrupt);
        if EXITING.load(Ordering::Relaxed) && !is_main_thread() {
            stay_away();
        }
        result
    });
    (result, raised)
}

/// Whether this thread must not attach any more.
pub(super) fn must_stay_away() -> bool {
    EXITING.load(Ordering::Acquire) && !is_main_thread()
}

/// A daemon thread whose answer comes while the interpreter goes: attaching now would end the process in disorder.
fn stay_away() {
    while EXITING.load(Ordering::Acquire) {
        std::thread::park();
    }
}

/// Something open on a server, and the process that opened it: in the child of a fork it is left to the parent.
pub(super) struct Kept {
    /// `None` once it is closed; and where an answer opened nothing.
    handle: Option<ServerHandle>,
    epoch: u64,
}

impl Kept {
    pub fn new(handle: Option<ServerHandle>) -> Self {
        Self { handle, epoch: epoch() }
    }

    fn mine(&self) -> Option<&ServerHandle> {
        self.handle.as_ref().filter(|_| self.epoch == epoch())
    }

    /// Its number on its connection; 0 when it is not open here.
    pub fn id(&self) -> i64 {
        self.mine().map_or(0, ServerHandle::id)
    }

    /// Where requests about it have to go; nowhere when it is not open here.
    pub fn target(&self) -> Target {
        self.mine().map_or_else(|| Target::At(Place::Shared(Weak::new()), Opens::Nothing), ServerHandle::target)
    }

    pub fn ahead(&self) -> Option<i64> {
        self.mine().and_then(ServerHandle::ahead)
    }

    pub fn set_ahead(&mut self, request: Option<i64>) {
        if let Some(handle) = &mut self.handle {
            handle.set_ahead(request);
        }
    }

    /// The server has closed it.
    pub fn release(mut self) {
        if self.epoch == epoch()
            && let Some(handle) = self.handle.take()
        {
            handle.release();
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.epoch != epoch()
            && let Some(handle) = self.handle.take()
        {
            handle.abandon();
        }
    }
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(_shutdown, module)?)?;
    let shutdown = module.getattr("_shutdown")?;
    module.py().import("atexit")?.call_method1("register", (shutdown,))?;
    Ok(())
}
