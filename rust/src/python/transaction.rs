//! BaseTransaction: what `Transaction` and `AioTransaction` share, and which transaction an operation belongs to.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;

use super::client::BaseClient;
use super::decode::{Read, read_reply};
use super::encode::too_long;
use super::face::{self, Answer, Carried, Finish, Finisher};
use super::import::Known;
use super::runtime::Kept;
use super::types::Types;
use crate::client::Target;
use crate::lock::{lock, unpoisoned};
use crate::protocol::op::transaction::{END, START, Start, write_end};

/// How a transaction is to run, checked by the Python half.
struct Terms {
    concurrency: u8,
    isolation: u8,
    timeout_ms: i64,
    label: Option<String>,
}

/// A transaction. Made by `tx_start` of a client.
#[pyclass(frozen, subclass, weakref, module = "pyignite_rs._core")]
pub(super) struct BaseTransaction {
    client: Py<BaseClient>,
    terms: Terms,
    /// The server's half; `None` before the start and from the end on.
    open: Mutex<Option<Kept>>,
    /// Its number, which stays known after the end; 0 before the start.
    number: AtomicI64,
    /// The transaction that was current when this one began.
    outer: Mutex<Option<Py<BaseTransaction>>>,
}

/// What a request of a transaction needs.
pub(super) struct Membership {
    pub id: i32,
    pub target: Target,
}

/// The transaction of this client that the calling context is in.
#[inline]
pub(super) fn current(client: &Bound<'_, BaseClient>) -> PyResult<Option<Membership>> {
    if client.get().transactions.load(Ordering::Relaxed) == 0 {
        return Ok(None);
    }
    look_up(client)
}

#[cold]
fn look_up(client: &Bound<'_, BaseClient>) -> PyResult<Option<Membership>> {
    let py = client.py();
    let mut next = Known::get(py)?.current_transaction(py)?;
    while let Some(transaction) = next {
        let this = transaction.get();
        if this.client.is(client)
            && let Some(open) = &*lock(&this.open)
        {
            // A transaction's number is written as 32 bits, and was read as such.
            return Ok(Some(Membership { id: open.id() as i32, target: open.target() }));
        }
        next = lock(&this.outer).as_ref().map(|outer| outer.bind(py).clone());
    }
    Ok(None)
}

impl BaseTransaction {
    /// Ends the transaction for this process; what is left is for the server.
    fn take(&self, py: Python<'_>) -> Option<Kept> {
        let open = lock(&self.open).take();
        if open.is_some() {
            self.client.bind(py).get().transactions.fetch_sub(1, Ordering::Relaxed);
        }
        open
    }
}

struct Started(Py<BaseTransaction>);

impl Finisher for Started {
    fn finish<'py>(&self, py: Python<'py>, types: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        let id = read_reply(py, types, START.reply, answer.payload())?;
        let handle = answer.opened();
        let transaction = self.0.bind(py).get();
        transaction.number.store(handle.as_ref().map_or(0, |handle| handle.id()), Ordering::Relaxed);
        let before = lock(&transaction.open).replace(Kept::new(handle));
        if before.is_none() {
            transaction.client.bind(py).get().transactions.fetch_add(1, Ordering::Relaxed);
        }
        Ok(id)
    }
}

/// Holds the handle until the answer is there. If none comes, dropping it rolls back what is not committed.
struct Ended(Mutex<Option<Kept>>);

impl Finisher for Ended {
    fn finish<'py>(&self, py: Python<'py>, types: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        if let Some(open) = lock(&self.0).take() {
            open.release();
        }
        read_reply(py, types, END.reply, answer.payload())
    }
}

#[pymethods]
impl BaseTransaction {
    /// Args:
    ///     client: The client that the transaction runs on.
    ///     concurrency: 0 optimistic, 1 pessimistic.
    ///     isolation: 0 read committed, 1 repeatable read, 2 serializable.
    ///     timeout: Milliseconds after which the server rolls it back; 0 is no limit.
    ///     label: Shown by the server.
    #[new]
    #[pyo3(signature = (client, concurrency, isolation, timeout, label))]
    fn new(client: Py<BaseClient>, concurrency: u8, isolation: u8, timeout: i64, label: Option<String>) -> Self {
        let terms = Terms { concurrency, isolation, timeout_ms: timeout, label };
        Self { client, terms, open: Mutex::new(None), number: AtomicI64::new(0), outer: Mutex::new(None) }
    }

    /// The client that the transaction runs on.
    #[getter]
    fn client<'py>(&self, py: Python<'py>) -> &Bound<'py, BaseClient> {
        self.client.bind(py)
    }

    /// Number of the transaction on its connection (int); None before it began.
    #[getter]
    fn tx_id(&self) -> Option<i64> {
        Some(self.number.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }

    /// The transaction that was current when this one began, or None.
    #[getter]
    fn _outer(&self, py: Python<'_>) -> Option<Py<Self>> {
        lock(&self.outer).as_ref().map(|outer| outer.clone_ref(py))
    }

    #[setter(_outer)]
    fn set_outer(&self, outer: Option<Py<Self>>) {
        let before = std::mem::replace(&mut *lock(&self.outer), outer);
        drop(before);
    }

    /// Begin on the server.
    ///
    /// Returns:
    ///     int: Number of the transaction (awaitable on AioTransaction).
    ///
    /// Raises:
    ///     CacheError: The server refuses, for example because too many transactions are open on the connection.
    ///
    /// Wire: OP_TX_START, 4000, since 1.5.
    fn _start<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let this = slf.get();
        let finish = Finish::Own(Box::new(Started(slf.clone().unbind())));
        let carried = Carried { name: "AioTransaction.start", operation: &START, cache: None, target: Target::Any, finish };
        face::run(this.client.bind(slf.py()), carried, 0.0, |request| {
            let Terms { concurrency, isolation, timeout_ms, ref label } = this.terms;
            let start = Start { concurrency, isolation, timeout_ms, label: label.as_deref() };
            start.write(&mut request.out).map_err(too_long)
        })
    }

    /// Commit or roll back. A transaction that is not open stays as it is.
    ///
    /// Returns:
    ///     None: (awaitable on AioTransaction)
    ///
    /// Raises:
    ///     CacheError: The server could not commit.
    ///     TransactionLostError: The connection is gone, and the transaction with it.
    ///
    /// Wire: OP_TX_END, 4001, since 1.5.
    fn _end<'py>(slf: &Bound<'py, Self>, commit: bool) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let client = slf.get().client.bind(py);
        let name = if commit { "AioTransaction.commit" } else { "AioTransaction.rollback" };
        let Some(open) = slf.get().take(py) else { return face::known(client, name, Ok(py.None().into_bound(py))) };
        let (id, target) = (open.id(), open.target());
        let finish = Finish::Own(Box::new(Ended(Mutex::new(Some(open)))));
        let carried = Carried { name, operation: &END, cache: None, target, finish };
        face::run(client, carried, 0.0, |request| {
            write_end(&mut request.out, id as i32, commit);
            Ok(())
        })
    }
}

impl Drop for BaseTransaction {
    /// A transaction that nobody ended is rolled back.
    fn drop(&mut self) {
        if unpoisoned(self.open.get_mut()).is_some() {
            Python::attach(|py| drop(self.take(py)));
        }
    }
}
