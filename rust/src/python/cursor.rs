//! Cursors: the rows of a query, a page at a time. While one page is read, the next one is on its way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use pyo3::exceptions::{PyStopAsyncIteration, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::call::{Call, Job};
use super::client::BaseClient;
use super::decode::{self, Page, Read};
use super::error;
use super::face::{self, Answer, Carried, Face, Finish, Finisher};
use super::request::Request;
use super::row::Row;
use super::runtime::{self, Kept};
use super::types::Types;
use crate::client::Target;
use crate::lock::lock;
use crate::protocol::Reader;
use crate::protocol::Writer;
use crate::protocol::op::Operation;
use crate::protocol::op::handle::RESOURCE_CLOSE;
use crate::protocol::op::query::{
    SCAN, SCAN_PAGE, SQL, SQL_FIELDS, SQL_FIELDS_PAGE, SQL_PAGE, read_column_count, read_field_names,
};

/// Name of the calls that ask for pages.
const PAGE: &str = "AioCursor.page";

/// What a query's answer consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Entries of a scan.
    Scan,
    /// Entries of a query for one type.
    Entries,
    /// Rows of a statement; with or without a row of names in front.
    Fields { names: bool },
}

impl Rows {
    fn operations(self) -> (&'static Operation, &'static Operation) {
        match self {
            Self::Scan => (&SCAN, &SCAN_PAGE),
            Self::Entries => (&SQL, &SQL_PAGE),
            Self::Fields { .. } => (&SQL_FIELDS, &SQL_FIELDS_PAGE),
        }
    }
}

/// A query that an asynchronous cursor will send when it is awaited.
type Prepared = Option<(Job, Option<std::time::Duration>)>;

struct State {
    query: Prepared,
    is_open: bool,
    /// The server's half, as long as it has more.
    open: Option<Kept>,
    /// Number of the cursor on its connection.
    number: i64,
    more: bool,
    columns: usize,
    names: Option<Py<PyList>>,
    page: Option<Py<PyList>>,
    /// Row of the page that comes next.
    next: usize,
    /// The next page, asked for ahead by an event loop.
    ahead: Option<Py<Call>>,
    /// A thread or a task waits for a page.
    is_busy: bool,
    /// A page could not be had: what follows is not what came before.
    is_broken: bool,
}

/// Rows of a query. Made by `scan`, `select_row` and `sql`.
#[pyclass(frozen, subclass, weakref, module = "pyignite_rs._core")]
pub(super) struct BaseCursor {
    client: Py<BaseClient>,
    rows: Rows,
    cache: Option<Arc<str>>,
    state: Mutex<State>,
}

/// What a query is about.
pub(super) struct Query {
    pub rows: Rows,
    pub cache: Option<Arc<str>>,
    pub timeout: f64,
}

/// A server would drop the connection for a page without rows.
pub(super) fn page_size(rows: i32) -> PyResult<i32> {
    if rows > 0 { Ok(rows) } else { Err(PyValueError::new_err(format!("page_size is 1 or more, not {rows}"))) }
}

/// Begins a query: a thread gets an open cursor, a coroutine one that is to be awaited.
pub(super) fn query<'py>(
    client: &Bound<'py, BaseClient>,
    class: Bound<'py, PyAny>,
    query: Query,
    write: impl FnOnce(&mut Request<'_, 'py>) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    let Query { rows, cache, timeout } = query;
    let cursor = class.call1((client, Start { rows, cache: cache.clone() }))?.cast_into::<BaseCursor>()?;
    let (operation, _) = rows.operations();
    let name = match rows {
        Rows::Scan => "AioCache.scan",
        Rows::Entries => "AioCache.select_row",
        Rows::Fields { .. } => "AioClient.sql",
    };
    let mut carried = Carried { name, operation, cache, target: Target::Any, finish: Finish::Reply };
    match client.get().face() {
        Face::Sync => {
            carried.finish = Opened::finish_with(&cursor);
            face::run(client, carried, timeout, write)
        }
        Face::Async => {
            // Its finisher comes when it is awaited: a cursor that nobody awaits must not hold itself.
            cursor.get().lock().query = Some(face::prepare(client, carried, timeout, write));
            Ok(cursor.into_any())
        }
    }
}

/// What a cursor is made with; of no use to anybody else.
#[pyclass(frozen, name = "CursorStart", module = "pyignite_rs._core")]
pub(super) struct Start {
    rows: Rows,
    cache: Option<Arc<str>>,
}

impl BaseCursor {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The row that comes next, if it is here already.
    pub fn ready<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let mut state = self.lock();
        if let Some(names) = state.names.take() {
            return Some(names.into_bound(py).into_any());
        }
        let page = state.page.as_ref()?.bind(py);
        let row = page.get_item(state.next).ok();
        match row {
            Some(_) => state.next += 1,
            None => {
                let page = state.page.take();
                drop(state);
                drop(page);
            }
        }
        row
    }

    /// The rows of an answer, which every page of it ends with.
    fn read_page<'py>(&self, py: Python<'py>, types: &Arc<Types>, reader: &mut Reader<'_>) -> Read<Page<'py>> {
        let columns = self.lock().columns;
        match self.rows {
            // pyignite's asynchronous scan gives lists, all others give tuples.
            Rows::Scan | Rows::Entries => {
                let as_lists = self.rows == Rows::Scan && self.client.bind(py).get().face() == Face::Async;
                decode::read_entry_page(py, types, reader, as_lists)
            }
            Rows::Fields { .. } => decode::read_row_page(py, types, reader, columns),
        }
    }

    fn install(&self, page: Page<'_>) {
        let before = {
            let mut state = self.lock();
            (state.more, state.is_busy) = (page.more, false);
            state.next = 0;
            state.page.replace(page.items.unbind())
        };
        drop(before);
    }

    /// A page is the last one: the server has closed its half.
    fn last_page(&self) {
        let open = self.lock().open.take();
        if let Some(open) = open {
            open.release();
        }
    }

    /// A page could not be had.
    pub fn fail(&self) {
        let open = {
            let mut state = self.lock();
            (state.more, state.is_broken, state.is_busy) = (false, true, false);
            state.open.take()
        };
        drop(open);
    }

    fn broken(&self, py: Python<'_>) -> PyErr {
        error::named(
            py,
            "CursorLostError",
            "the cursor was given up after a page that could not be read; start the query again".into(),
        )
    }

    /// What a request for the next page is carried with.
    fn page_request(slf: &Bound<'_, Self>) -> Carried {
        let this = slf.get();
        let (_, operation) = this.rows.operations();
        let target = this.lock().open.as_ref().map_or(Target::Any, Kept::target);
        let finish = Finish::Own(Box::new(NextPage { cursor: slf.clone().unbind(), asked: AtomicBool::new(false) }));
        let name = if this.rows == Rows::Scan { "AioScanCursor.page" } else { "AioSqlFieldsCursor.page" };
        Carried { name, operation, cache: this.cache.clone(), target, finish }
    }

    /// That request, as it is sent.
    fn page_frame(&self) -> Vec<u8> {
        let mut out = Writer::request(Vec::new());
        out.i64(self.lock().number);
        out.into_buffer()
    }

    fn page_job(slf: &Bound<'_, Self>) -> Job {
        Job::Request { frame: slf.get().page_frame(), carried: Self::page_request(slf), before: Default::default() }
    }

    /// Starts the call for the next page on the running loop.
    fn call_ahead(slf: &Bound<'_, Self>) {
        let this = slf.get();
        // Without it the page is asked for when it is needed.
        if let Ok(call) = Call::eager(slf.py(), PAGE, Self::page_job(slf), this.client.clone_ref(slf.py()), None) {
            let before = this.lock().ahead.replace(call.unbind());
            drop(before);
        }
    }

    /// Sends the request for the next page while this one is still unread.
    fn ask_ahead(slf: &Bound<'_, Self>, answer: &mut Answer) -> PyResult<()> {
        let this = slf.get();
        match answer {
            Answer::Lane(held, deadline) => {
                let (_, operation) = this.rows.operations();
                let mut frame = this.page_frame();
                let (asked, raised) =
                    runtime::wait(slf.py(), |interrupt| held.ask_ahead(operation, &mut frame, *deadline, interrupt));
                if let Some(raised) = raised {
                    return Err(raised);
                }
                // A connection that does not even take this is found lost by whoever needs the page.
                if let (Ok(request), Some(open)) = (asked, &mut this.lock().open) {
                    open.set_ahead(Some(request));
                }
            }
            Answer::Message(..) => Self::call_ahead(slf),
        }
        Ok(())
    }

    /// Takes charge of what a page's answer says about the rest; done once for an answer, however often it is read.
    fn follow(slf: &Bound<'_, Self>, answer: &mut Answer) -> PyResult<()> {
        if has_more(answer) {
            return Self::ask_ahead(slf, answer);
        }
        slf.get().last_page();
        Ok(())
    }
}

/// Whether there is a page after that of an answer, of which it is the last byte.
fn has_more(answer: &Answer) -> bool {
    answer.payload().last() == Some(&1)
}

/// Reads the first answer.
struct Opened {
    cursor: Py<BaseCursor>,
    was_followed: AtomicBool,
}

impl Opened {
    fn finish_with(cursor: &Bound<'_, BaseCursor>) -> Finish {
        Finish::Own(Box::new(Self { cursor: cursor.clone().unbind(), was_followed: AtomicBool::new(false) }))
    }
}

impl Finisher for Opened {
    fn finish<'py>(&self, py: Python<'py>, types: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        let cursor = self.cursor.bind(py);
        let this = cursor.get();
        if !self.was_followed.swap(true, Ordering::Relaxed) {
            if let Some(handle) = answer.opened() {
                let mut state = this.lock();
                state.number = handle.id();
                state.open = Some(Kept::new(Some(handle)));
            }
            BaseCursor::follow(cursor, answer)?;
        }
        let mut reader = Reader::new(answer.payload());
        let number = reader.i64()?;
        if let Rows::Fields { names } = this.rows {
            let columns = read_column_count(&mut reader)?;
            let names = match names {
                true => Some(PyList::new(py, read_field_names(&mut reader, columns)?)?.unbind()),
                false => None,
            };
            let mut state = this.lock();
            state.columns = columns;
            let before = std::mem::replace(&mut state.names, names);
            drop(state);
            drop(before);
        }
        let page = this.read_page(py, types, &mut reader)?;
        this.install(page);
        let mut state = this.lock();
        (state.number, state.is_open) = (number, true);
        Ok(cursor.clone().into_any())
    }
}

/// Reads a later answer: makes the page, which whoever waits for it installs.
struct NextPage {
    cursor: Py<BaseCursor>,
    asked: AtomicBool,
}

impl Finisher for NextPage {
    fn finish<'py>(&self, py: Python<'py>, types: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        let cursor = self.cursor.bind(py);
        let this = cursor.get();
        if !self.asked.swap(true, Ordering::Relaxed) {
            if let Some(open) = &mut this.lock().open {
                open.set_ahead(None);
            }
            // An event loop asks for the page after this one when somebody wants this one: one page ahead is enough.
            if matches!(answer, Answer::Lane(..)) || !has_more(answer) {
                BaseCursor::follow(cursor, answer)?;
            }
        }
        let page = this.read_page(py, types, &mut Reader::new(answer.payload()))?;
        Ok((page.items, page.more).into_pyobject(py)?.into_any())
    }
}

fn installed(cursor: &BaseCursor, page: &Bound<'_, PyAny>) -> PyResult<()> {
    let (items, more) = page.extract()?;
    cursor.install(Page { items, more });
    Ok(())
}

/// Gives the handle up once the server has closed the cursor.
struct Closed(Mutex<Option<Kept>>);

impl Finisher for Closed {
    fn finish<'py>(&self, py: Python<'py>, _: &Arc<Types>, _: &mut Answer) -> Read<Bound<'py, PyAny>> {
        if let Some(open) = lock(&self.0).take() {
            open.release();
        }
        Ok(py.None().into_bound(py))
    }
}

impl BaseCursor {
    /// The next row on the calling thread.
    fn next<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let this = slf.get();
        loop {
            if let Some(row) = this.ready(slf.py()) {
                return Ok(Some(row));
            }
            if !Self::begin_page(slf)? {
                return Ok(None);
            }
            installed(this, &Self::fetch(slf).inspect_err(|_| this.fail())?)?;
        }
    }

    /// `false` when there is no other page.
    fn begin_page(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let mut state = slf.get().lock();
        if state.is_broken {
            drop(state);
            return Err(slf.get().broken(slf.py()));
        }
        if !state.more {
            return Ok(false);
        }
        if std::mem::replace(&mut state.is_busy, true) {
            return Err(PyValueError::new_err("another thread or task waits for the next page of this cursor already"));
        }
        Ok(true)
    }

    /// An error if there is no row to wait for, in the end or now.
    pub fn check_more(&self, py: Python<'_>) -> PyResult<()> {
        let (is_open, is_broken, more) = {
            let state = self.lock();
            (state.is_open, state.is_broken, state.more)
        };
        if !is_open {
            let class = if self.rows == Rows::Scan { "CacheError" } else { "SQLError" };
            let text = "the cursor is not open: await it, or enter it with `async with`";
            Err(error::named(py, class, text.into()))
        } else if is_broken {
            Err(self.broken(py))
        } else if !more {
            Err(PyStopAsyncIteration::new_err(()))
        } else {
            Ok(())
        }
    }

    /// The call that brings the next page of an asynchronous cursor: the one that was started ahead, or a cold one.
    pub fn page_call(slf: &Bound<'_, Self>) -> PyResult<Py<Call>> {
        if !Self::begin_page(slf)? {
            return Err(PyStopAsyncIteration::new_err(()));
        }
        if let Some(call) = slf.get()._take_ahead() {
            Call::limit(call.bind(slf.py()))?;
            return Ok(call);
        }
        let client = slf.get().client.clone_ref(slf.py());
        Ok(Bound::new(slf.py(), Call::cold(PAGE, Self::page_job(slf), client, None))?.unbind())
    }

    /// Keeps what that call brought. While this page is read, the next one comes.
    pub fn page_came(slf: &Bound<'_, Self>, page: &Bound<'_, PyAny>) -> PyResult<()> {
        installed(slf.get(), page)?;
        let (more, is_closed) = {
            let state = slf.get().lock();
            (state.more, state.open.is_none())
        };
        if more && !is_closed {
            Self::call_ahead(slf);
        }
        Ok(())
    }

    fn fetch<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let client = slf.get().client.bind(slf.py());
        let carried = Self::page_request(slf);
        let (ahead, number) = {
            let state = slf.get().lock();
            (state.open.as_ref().and_then(Kept::ahead), state.number)
        };
        match ahead {
            Some(request) => face::collect(client, &carried, request, 0.0),
            None => face::run(client, carried, 0.0, |request| {
                request.out.i64(number);
                Ok(())
            }),
        }
    }
}

#[pymethods]
impl BaseCursor {
    #[new]
    #[pyo3(signature = (client, start))]
    fn new(client: Py<BaseClient>, start: &Bound<'_, Start>) -> Self {
        let start = start.get();
        let state = State {
            query: None,
            is_open: false,
            open: None,
            number: 0,
            more: false,
            columns: 0,
            names: None,
            page: None,
            next: 0,
            ahead: None,
            is_busy: false,
            is_broken: false,
        };
        Self { client, rows: start.rows, cache: start.cache.clone(), state: Mutex::new(state) }
    }

    /// The client that the query runs on.
    #[getter]
    fn client<'py>(&self, py: Python<'py>) -> &Bound<'py, BaseClient> {
        self.client.bind(py)
    }

    /// Number of the cursor on its connection (int); None before it is open.
    #[getter]
    fn cursor_id(&self) -> Option<i64> {
        let state = self.lock();
        state.is_open.then_some(state.number)
    }

    /// Whether the server has more rows than the page that is here (bool); None before the cursor is open.
    #[getter]
    fn more(&self) -> Option<bool> {
        let state = self.lock();
        state.is_open.then_some(state.more)
    }

    /// Rows of the page that is here and have not been given out (iterator); None before the cursor is open.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (page, next) = {
            let state = self.lock();
            if !state.is_open {
                return Ok(None);
            }
            (state.page.as_ref().map(|page| page.clone_ref(py)), state.next)
        };
        let rows = match page {
            Some(page) => page.bind(py).get_slice(next, usize::MAX),
            None => PyList::empty(py),
        };
        Ok(Some(rows.try_iter()?.into_any()))
    }

    /// Close the cursor on the server, if it has more rows.
    ///
    /// Returns:
    ///     None: (awaitable on asynchronous cursors)
    ///
    /// Wire: OP_RESOURCE_CLOSE, 0, since 1.0.
    fn _close<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let client = this.client.bind(py);
        // A page that is on its way is waited for: a cursor serves one request at a time.
        if client.get().face() == Face::Sync && this.lock().open.as_ref().is_some_and(|open| open.ahead().is_some()) {
            let mut carried = Self::page_request(slf);
            carried.finish = Finish::Own(Box::new(Discard { cursor: slf.clone().unbind() }));
            let request = this.lock().open.as_ref().and_then(Kept::ahead).unwrap_or_default();
            if let Err(error) = face::collect(client, &carried, request, 0.0) {
                this.fail();
                return if is_lost(py, &error) { Ok(py.None().into_bound(py)) } else { Err(error) };
            }
        }
        let (open, left) = {
            let mut state = this.lock();
            state.more = false;
            state.next = 0;
            (state.open.take(), (state.page.take(), state.names.take(), state.ahead.take()))
        };
        drop(left);
        let name = "AioCursor.close";
        let Some(open) = open else { return face::known(client, name, Ok(py.None().into_bound(py))) };
        let (number, target) = (open.id(), open.target());
        let finish = Finish::Own(Box::new(Closed(Mutex::new(Some(open)))));
        let carried = Carried { name, operation: &RESOURCE_CLOSE, cache: this.cache.clone(), target, finish };
        face::run(client, carried, 0.0, |request| {
            request.out.i64(number);
            Ok(())
        })
    }

    /// The call that asked for the next page ahead, to be awaited before the cursor is closed; None if there is none.
    fn _take_ahead(&self) -> Option<Py<Call>> {
        self.lock().ahead.take()
    }

    /// Send the query; the call returns the cursor.
    fn _open<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let client = slf.get().client.bind(py);
        let prepared = slf.get().lock().query.take();
        match prepared {
            Some((mut job, timeout)) => {
                if let Job::Request { carried, .. } = &mut job {
                    carried.finish = Opened::finish_with(slf);
                }
                face::call(client, "AioCursor.open", job, timeout)
            }
            None if !slf.get().lock().is_open => face::known(client, "AioCursor.open", Err(slf.get().broken(py))),
            None => face::known(client, "AioCursor.open", Ok(slf.clone().into_any())),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.client)?;
        // A cursor whose lock is held is in use and no garbage.
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        visit.call(&state.page)?;
        visit.call(&state.names)?;
        visit.call(&state.ahead)
    }
}

/// A page that nobody will read: only whether it was the last one counts.
struct Discard {
    cursor: Py<BaseCursor>,
}

impl Finisher for Discard {
    fn finish<'py>(&self, py: Python<'py>, _: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        let this = self.cursor.bind(py).get();
        if let Some(open) = &mut this.lock().open {
            open.set_ahead(None);
        }
        if !has_more(answer) {
            this.last_page();
        }
        Ok(py.None().into_bound(py))
    }
}

/// The connection is gone: the server closes what was open on it.
fn is_lost(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<pyo3::exceptions::PyConnectionError>(py)
}

/// Rows on the calling thread.
#[pyclass(frozen, subclass, extends = BaseCursor, module = "pyignite_rs._core")]
pub(super) struct SyncCursor;

#[pymethods]
impl SyncCursor {
    #[new]
    #[pyo3(signature = (client, start))]
    fn new(client: Py<BaseClient>, start: &Bound<'_, Start>) -> PyClassInitializer<Self> {
        PyClassInitializer::from(BaseCursor::new(client, start)).add_subclass(Self)
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        BaseCursor::next(slf.as_super())
    }
}

/// Rows for coroutines.
#[pyclass(frozen, subclass, extends = BaseCursor, module = "pyignite_rs._core")]
pub(super) struct AsyncCursor;

#[pymethods]
impl AsyncCursor {
    #[new]
    #[pyo3(signature = (client, start))]
    fn new(client: Py<BaseClient>, start: &Bound<'_, Start>) -> PyClassInitializer<Self> {
        PyClassInitializer::from(BaseCursor::new(client, start)).add_subclass(Self)
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Row>> {
        Row::next(slf.as_super())
    }
}
