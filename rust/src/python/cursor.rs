//! Cursors: the rows of a query, a page at a time. While one page is read, the next one is on its way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyStopAsyncIteration, PyStopIteration, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::call::{Call, Job};
use super::client::BaseClient;
use super::decode::{self, Page, ReadError};
use super::error;
use super::face::{self, Answer, Carried, Face, Finish, Finisher};
use super::request::Request;
use super::runtime::{self, Kept};
use super::types::Types;
use crate::client::Target;
use crate::protocol::Reader;
use crate::protocol::Writer;
use crate::protocol::op::Operation;
use crate::protocol::op::handle::RESOURCE_CLOSE;
use crate::protocol::op::query::{SCAN, SCAN_PAGE, SQL, SQL_FIELDS, SQL_FIELDS_PAGE, SQL_PAGE};

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
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row that comes next, if it is here already.
    fn ready<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
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
    fn fail(&self) {
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

    /// Stage 1 of asking for the next page.
    fn page_request(slf: &Bound<'_, Self>) -> (Carried, i64) {
        let this = slf.get();
        let (_, operation) = this.rows.operations();
        let (target, number) = {
            let state = this.lock();
            (state.open.as_ref().map_or(Target::Any, Kept::target), state.number)
        };
        let finish = Finish::Own(Box::new(NextPage { cursor: slf.clone().unbind(), asked: AtomicBool::new(false) }));
        let name = if this.rows == Rows::Scan { "AioScanCursor.page" } else { "AioSqlFieldsCursor.page" };
        (Carried { name, operation, cache: this.cache.clone(), target, finish }, number)
    }

    /// Sends the request for the next page while this one is still unread.
    fn ask_ahead(slf: &Bound<'_, Self>, answer: &mut Answer) -> PyResult<()> {
        let py = slf.py();
        let (carried, number) = Self::page_request(slf);
        let mut out = Writer::request(Vec::new());
        out.i64(number);
        let mut frame = out.into_buffer();
        match answer {
            Answer::Lane(held, deadline) => {
                let (asked, raised) =
                    runtime::wait(py, |interrupt| held.ask_ahead(carried.operation, &mut frame, *deadline, interrupt));
                if let Some(raised) = raised {
                    return Err(raised);
                }
                // A connection that does not even take this is found lost by whoever needs the page.
                if let (Ok(request), Some(open)) = (asked, &mut slf.get().lock().open) {
                    open.set_ahead(Some(request));
                }
            }
            Answer::Message(..) => {
                let job = Job::Request { frame, carried, before: Default::default() };
                // Without it the page is asked for when it is needed.
                if let Ok(call) = Call::eager(py, PAGE, job, slf.get().client.clone_ref(py), None) {
                    let before = slf.get().lock().ahead.replace(call.unbind());
                    drop(before);
                }
            }
        }
        Ok(())
    }

    /// Takes charge of what a page's answer says about the rest; done once for an answer, however often it is read.
    fn follow(slf: &Bound<'_, Self>, answer: &mut Answer) -> PyResult<()> {
        let more = answer.payload().last() == Some(&1);
        if more {
            return Self::ask_ahead(slf, answer);
        }
        slf.get().last_page();
        Ok(())
    }
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
    fn finish<'py>(
        &self,
        py: Python<'py>,
        types: &Arc<Types>,
        _: &Carried,
        answer: &mut Answer,
    ) -> Result<Bound<'py, PyAny>, ReadError> {
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
        let page = match this.rows {
            Rows::Scan | Rows::Entries => decode::read_entry_page(py, types, &mut reader, this.makes_lists(py))?,
            Rows::Fields { names } => {
                let columns = decode::read_column_count(&mut reader)?;
                let names = if names { Some(decode::read_field_names(py, &mut reader, columns)?.unbind()) } else { None };
                let mut state = this.lock();
                state.columns = columns;
                let before = std::mem::replace(&mut state.names, names);
                drop(state);
                drop(before);
                decode::read_row_page(py, types, &mut reader, columns)?
            }
        };
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
    fn finish<'py>(
        &self,
        py: Python<'py>,
        types: &Arc<Types>,
        _: &Carried,
        answer: &mut Answer,
    ) -> Result<Bound<'py, PyAny>, ReadError> {
        let cursor = self.cursor.bind(py);
        let this = cursor.get();
        if !self.asked.swap(true, Ordering::Relaxed) {
            if let Some(open) = &mut this.lock().open {
                open.set_ahead(None);
            }
            // An event loop asks for the page after this one when somebody wants this one: one page ahead is enough.
            if matches!(answer, Answer::Lane(..)) || answer.payload().last() != Some(&1) {
                BaseCursor::follow(cursor, answer)?;
            }
        }
        let mut reader = Reader::new(answer.payload());
        let page = match this.rows {
            Rows::Scan | Rows::Entries => decode::read_entry_page(py, types, &mut reader, this.makes_lists(py))?,
            Rows::Fields { .. } => {
                let columns = this.lock().columns;
                decode::read_row_page(py, types, &mut reader, columns)?
            }
        };
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
    fn finish<'py>(&self, py: Python<'py>, _: &Arc<Types>, _: &Carried, _: &mut Answer) -> Result<Bound<'py, PyAny>, ReadError> {
        if let Some(open) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            open.release();
        }
        Ok(py.None().into_bound(py))
    }
}

impl BaseCursor {
    /// pyignite's asynchronous scan gives lists, all others give tuples.
    fn makes_lists(&self, py: Python<'_>) -> bool {
        self.rows == Rows::Scan && self.client.bind(py).get().face() == Face::Async
    }

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

    fn fetch<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let client = slf.get().client.bind(slf.py());
        let (carried, number) = Self::page_request(slf);
        let ahead = slf.get().lock().open.as_ref().and_then(Kept::ahead);
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
            let (mut carried, _) = Self::page_request(slf);
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
    fn finish<'py>(
        &self,
        py: Python<'py>,
        _: &Arc<Types>,
        _: &Carried,
        answer: &mut Answer,
    ) -> Result<Bound<'py, PyAny>, ReadError> {
        let this = self.cursor.bind(py).get();
        if let Some(open) = &mut this.lock().open {
            open.set_ahead(None);
        }
        if answer.payload().last() != Some(&1) {
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
        let py = slf.py();
        let cursor = slf.as_super();
        let this = cursor.get();
        let step = match this.ready(py) {
            Some(row) => Step::Here(row.unbind()),
            None => {
                let (is_open, is_broken, more) = {
                    let state = this.lock();
                    (state.is_open, state.is_broken, state.more)
                };
                if !is_open {
                    let class = if this.rows == Rows::Scan { "CacheError" } else { "SQLError" };
                    let text = "the cursor is not open: await it, or enter it with `async with`";
                    Step::Failed(error::named(py, class, text.into()))
                } else if is_broken {
                    Step::Failed(this.broken(py))
                } else if !more {
                    Step::Failed(PyStopAsyncIteration::new_err(()))
                } else {
                    Step::Waiting(cursor.clone().unbind())
                }
            }
        };
        Bound::new(py, Row { step: Mutex::new(step), call: Mutex::new(None) })
    }
}

enum Step {
    Here(Py<PyAny>),
    Waiting(Py<BaseCursor>),
    /// Raised where the row is awaited, as a coroutine raises.
    Failed(PyErr),
    Over,
}

/// One row of an asynchronous cursor, to be awaited: usually it is here already.
#[pyclass(frozen, weakref, name = "CursorRow", module = "pyignite_rs._core")]
pub(super) struct Row {
    step: Mutex<Step>,
    /// The page that it waits for.
    call: Mutex<Option<Py<Call>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Row {
    /// One step of the coroutine: what is yielded, or `StopIteration` with the row.
    fn advance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let step = std::mem::replace(&mut *lock(&self.step), Step::Over);
        let cursor = match step {
            Step::Here(row) => return Err(PyStopIteration::new_err((row,))),
            Step::Over => return Err(pyo3::exceptions::PyRuntimeError::new_err("the row was awaited already")),
            Step::Failed(error) => return Err(error),
            Step::Waiting(cursor) => cursor,
        };
        let this = cursor.bind(py).get();
        loop {
            let call = match lock(&self.call).take() {
                Some(call) => call,
                None => {
                    if let Some(row) = this.ready(py) {
                        return Err(PyStopIteration::new_err((row.unbind(),)));
                    }
                    Self::next_page(py, cursor.bind(py))?
                }
            };
            match Call::step(call.bind(py)) {
                Ok(future) => {
                    *lock(&self.call) = Some(call);
                    *lock(&self.step) = Step::Waiting(cursor);
                    return Ok(future.into_any());
                }
                Err(stop) if stop.is_instance_of::<PyStopIteration>(py) => {
                    installed(this, &stop.value(py).getattr("value")?)?;
                    // While this page is read, the next one comes.
                    let (more, is_closed) = {
                        let state = this.lock();
                        (state.more, state.open.is_none())
                    };
                    if more && !is_closed {
                        let (job, client) = Self::ask(py, cursor.bind(py));
                        if let Ok(ahead) = Call::eager(py, PAGE, job, client, None) {
                            let before = this.lock().ahead.replace(ahead.unbind());
                            drop(before);
                        }
                    }
                }
                Err(error) => {
                    this.fail();
                    return Err(error);
                }
            }
        }
    }

    fn next_page(py: Python<'_>, cursor: &Bound<'_, BaseCursor>) -> PyResult<Py<Call>> {
        if !BaseCursor::begin_page(cursor)? {
            return Err(PyStopAsyncIteration::new_err(()));
        }
        let ahead = cursor.get().lock().ahead.take();
        if let Some(call) = ahead {
            Call::limit(call.bind(py))?;
            return Ok(call);
        }
        let (job, client) = Self::ask(py, cursor);
        Ok(Bound::new(py, Call::cold(PAGE, job, client, None))?.unbind())
    }

    fn ask(py: Python<'_>, cursor: &Bound<'_, BaseCursor>) -> (Job, Py<BaseClient>) {
        let (carried, number) = BaseCursor::page_request(cursor);
        let mut out = Writer::request(Vec::new());
        out.i64(number);
        let job = Job::Request { frame: out.into_buffer(), carried, before: Default::default() };
        (job, cursor.get().client.clone_ref(py))
    }
}

#[pymethods]
impl Row {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.advance(py)
    }

    fn send<'py>(&self, py: Python<'py>, _value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.advance(py)
    }

    /// Somebody was cancelled while waiting for a page, which is lost with it: the cursor is given up.
    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw(
        &self,
        py: Python<'_>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let waiting = lock(&self.call).take();
        let step = std::mem::replace(&mut *lock(&self.step), Step::Over);
        if let Step::Waiting(cursor) = step {
            cursor.bind(py).get().fail();
        }
        match waiting {
            Some(call) => Call::throw(call.bind(py), kind, value, traceback),
            None => Call::raise(kind, value),
        }
    }

    fn close(&self, py: Python<'_>) {
        let waiting = lock(&self.call).take();
        let step = std::mem::replace(&mut *lock(&self.step), Step::Over);
        if let (Some(call), Step::Waiting(cursor)) = (waiting, step) {
            call.bind(py).get().close();
            cursor.bind(py).get().fail();
        }
    }
}
