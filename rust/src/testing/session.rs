//! One connection's session: its protocol version, its cursors and transactions, and how each request is answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::caches::{Cache, Expiry, View, Writes};
use super::cluster::{Cluster, Store, no_filter};
use super::codes::*;
use super::query::{self, OpenCursor, Statement};
use super::types::BinaryType;
use super::wire::{self, Cursor, Outcome, Refusal, Topology, Undecodable, Version};

/// Bit of the feature mask: the cluster's state is a number.
const CLUSTER_STATES: u64 = 1 << 2;

const TRANSACTIONAL: u8 = 2;
const WITH_EXPIRY: u8 = 4;

/// What clients of all connections have open at a node, and how much they may.
#[derive(Debug)]
pub struct Handles {
    pub cursors: AtomicUsize,
    pub transactions: AtomicUsize,
    pub max_cursors: usize,
    pub max_transactions: usize,
}

#[derive(Debug, Default)]
struct Transaction {
    writes: Writes,
    ends: Option<Instant>,
}

impl Transaction {
    fn has_timed_out(&self) -> bool {
        self.ends.is_some_and(|end| end <= Instant::now())
    }
}

fn timed_out() -> Refusal {
    Refusal::new(1, "the transaction has timed out and was rolled back")
}

/// The state of one connection. What it leaves open ends with it.
#[derive(Debug)]
pub struct Session {
    cluster: Arc<Cluster>,
    handles: Arc<Handles>,
    pub version: Version,
    pub features: u64,
    told: Option<Topology>,
    cursors: HashMap<i64, OpenCursor>,
    last_cursor: i64,
    transactions: HashMap<i32, Transaction>,
    last_transaction: i32,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.handles.cursors.fetch_sub(self.cursors.len(), Ordering::AcqRel);
        self.handles.transactions.fetch_sub(self.transactions.len(), Ordering::AcqRel);
    }
}

/// `int cache id, byte flags, [3 x long expiry], [int transaction]`
struct Header {
    cache: i32,
    expiry: Option<Expiry>,
    transaction: Option<i32>,
}

impl Header {
    fn read(body: &mut Cursor<'_>) -> Result<Self, Undecodable> {
        let (cache, flags) = (body.i32()?, body.u8()?);
        let expiry = if flags & WITH_EXPIRY != 0 { Some(Expiry::read(body)?) } else { None };
        let transaction = if flags & TRANSACTIONAL != 0 { Some(body.i32()?) } else { None };
        Ok(Self { cache, expiry, transaction })
    }
}

impl Session {
    pub fn new(cluster: Arc<Cluster>, handles: Arc<Handles>) -> Self {
        Self {
            cluster,
            handles,
            version: [0; 3],
            features: 0,
            told: None,
            cursors: HashMap::new(),
            last_cursor: 0,
            transactions: HashMap::new(),
            last_transaction: 0,
        }
    }

    /// Carries out a request, unless it is to be refused; the answer with its length in front.
    pub fn answer(&mut self, code: i16, id: i64, body: &[u8], refusal: Option<Refusal>) -> Result<Vec<u8>, Undecodable> {
        let cluster = Arc::clone(&self.cluster);
        let mut store = cluster.lock();
        let outcome = match refusal {
            Some(refusal) => Err(refusal),
            None => self.carry_out(&mut store, code, &mut Cursor::new(body))?,
        };
        // A change is told once on each connection, and with its first answer the version that there is.
        let news = (self.version >= [1, 4, 0] && self.told < Some(store.topology)).then_some(store.topology);
        self.told = self.told.max(news);
        Ok(wire::answer(self.version, id, news, outcome))
    }

    fn carry_out(&mut self, store: &mut Store, code: i16, body: &mut Cursor<'_>) -> Result<Outcome, Undecodable> {
        let outcome = match code {
            RESOURCE_CLOSE => self.close_cursor(body.i64()?),
            HEARTBEAT => Ok(Vec::new()),
            GET_IDLE_TIMEOUT => Ok(0i64.to_le_bytes().to_vec()),
            GET..=LOCAL_PEEK => return self.entries(store, code, body),
            GET_NAMES => Ok(wire::counted(store.names().iter().map(|name| wire::string(name)))),
            CREATE_WITH_NAME | GET_OR_CREATE_WITH_NAME => {
                let name = body.string()?.unwrap_or_default();
                store.create(Cache::named(name), code == GET_OR_CREATE_WITH_NAME)
            }
            CREATE_WITH_CONFIGURATION | GET_OR_CREATE_WITH_CONFIGURATION => {
                store.create(Cache::configured(body, self.version)?, code == GET_OR_CREATE_WITH_CONFIGURATION)
            }
            GET_CONFIGURATION => store.settings(body.i32()?, self.version),
            DESTROY => store.destroy(body.i32()?),
            PARTITIONS => return store.partition_map(body),
            QUERY_SCAN => return self.scan(store, body),
            QUERY_SQL_FIELDS => return self.sql(store, body),
            QUERY_SCAN_PAGE | QUERY_SQL_PAGE | QUERY_SQL_FIELDS_PAGE => self.next_page(body.i64()?),
            GET_BINARY_TYPE_NAME => store.types.class_name(body.u8()?, body.i32()?),
            REGISTER_BINARY_TYPE_NAME => {
                let (platform, id) = (body.u8()?, body.i32()?);
                store.types.put_class_name(platform, id, body.string()?.unwrap_or_default())
            }
            GET_BINARY_TYPE => Ok(store.types.tell(body.i32()?)),
            PUT_BINARY_TYPE => store.types.put(BinaryType::read(body)?),
            // Compact footers, full names.
            GET_BINARY_CONFIGURATION => Ok(vec![1, 0]),
            TX_START => return self.start_transaction(body),
            TX_END => {
                let (id, commit) = (body.i32()?, body.bool()?);
                self.end_transaction(store, id, commit)
            }
            CLUSTER_GET_STATE => {
                let as_number = self.features & CLUSTER_STATES != 0;
                Ok(vec![if as_number { store.state } else { (store.state > 0).into() }])
            }
            CLUSTER_CHANGE_STATE => store.set_state(body.u8()?),
            CLUSTER_CHANGE_WAL_STATE => return store.set_wal(body),
            CLUSTER_GET_WAL_STATE => return store.wal(body),
            CLUSTER_GET_ENDPOINTS => return store.endpoints(body),
            _ => Err(Refusal::new(2, format!("Invalid request op code: {code}"))),
        };
        Ok(outcome)
    }

    fn entries(&mut self, store: &mut Store, code: i16, body: &mut Cursor<'_>) -> Result<Outcome, Undecodable> {
        let header = Header::read(body)?;
        if store.state == 0 {
            return Ok(Err(Refusal::new(1, "the cluster is inactive")));
        }
        let cache = match store.cache(header.cache) {
            Ok(cache) => cache,
            // A server reads the whole request first, and closes the connection if it can not.
            Err(refusal) => {
                let (id, mut cache) = (header.cache, Cache::default());
                return View { id, cache: &mut cache, writes: None, expiry: None }.carry_out(code, body).map(|_| Err(refusal));
            }
        };
        // An id that no transaction has: the operation is carried out by itself.
        let transaction = header.transaction.and_then(|id| self.transactions.get_mut(&id));
        if let Some(transaction) = &transaction {
            if transaction.has_timed_out() {
                return Ok(Err(timed_out()));
            }
            if !cache.is_transactional() {
                return Ok(Err(Refusal::new(1, format!("cache {} is atomic and takes no part in transactions", cache.name))));
            }
        }
        let writes = transaction.map(|transaction| &mut transaction.writes);
        let mut view = View { id: header.cache, cache, writes, expiry: header.expiry };
        let unknown = || Err(Refusal::new(2, format!("Invalid request op code: {code}")));
        Ok(view.carry_out(code, body)?.unwrap_or_else(unknown))
    }

    fn scan(&mut self, store: &mut Store, body: &mut Cursor<'_>) -> Result<Outcome, Undecodable> {
        let header = Header::read(body)?;
        if let Err(refusal) = no_filter(body)? {
            return Ok(Err(refusal));
        }
        let (page, partition) = (body.i32()?, body.i32()?);
        body.bool()?;
        let Some(page) = usize::try_from(page).ok().filter(|page| *page > 0) else {
            return Ok(Err(Refusal::new(1, "the page size must be positive")));
        };
        Ok(store.scan(header.cache, partition).and_then(|rows| self.open_cursor(&[], OpenCursor::new(rows, page))))
    }

    fn sql(&mut self, store: &mut Store, body: &mut Cursor<'_>) -> Result<Outcome, Undecodable> {
        let header = Header::read(body)?;
        let statement = Statement::read(body)?;
        if header.cache != 0
            && let Err(refusal) = store.cache(header.cache)
        {
            return Ok(Err(refusal));
        }
        let recorded = match statement.answer(&store.recorded) {
            Ok(recorded) => recorded,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let cursor = OpenCursor::new(query::rows(recorded), statement.page);
        Ok(self.open_cursor(&query::head(recorded, statement.with_names), cursor))
    }

    /// `long cursor id, head, page`. A cursor whose last page this is, is over already.
    fn open_cursor(&mut self, head: &[u8], mut cursor: OpenCursor) -> Outcome {
        if self.cursors.len() >= self.handles.max_cursors {
            let limit = self.handles.max_cursors;
            return Err(Refusal::new(
                1010,
                format!("Too many open cursors (either close other open cursors or increase the limit of {limit})"),
            ));
        }
        self.last_cursor += 1;
        let (page, more) = cursor.next_page();
        if more {
            self.cursors.insert(self.last_cursor, cursor);
            self.handles.cursors.fetch_add(1, Ordering::AcqRel);
        }
        Ok([&self.last_cursor.to_le_bytes()[..], head, &page].concat())
    }

    fn next_page(&mut self, id: i64) -> Outcome {
        let Some(cursor) = self.cursors.get_mut(&id) else { return query::no_cursor(id, true) };
        let (page, more) = cursor.next_page();
        if !more {
            self.forget_cursor(id);
        }
        Ok(page)
    }

    fn forget_cursor(&mut self, id: i64) -> bool {
        let known = self.cursors.remove(&id).is_some();
        if known {
            self.handles.cursors.fetch_sub(1, Ordering::AcqRel);
        }
        known
    }

    fn close_cursor(&mut self, id: i64) -> Outcome {
        if self.forget_cursor(id) { Ok(Vec::new()) } else { query::no_cursor(id, false) }
    }

    /// `byte concurrency, byte isolation, long timeout, string label`
    fn start_transaction(&mut self, body: &mut Cursor<'_>) -> Result<Outcome, Undecodable> {
        body.bytes(2)?;
        let timeout = u64::try_from(body.i64()?).unwrap_or_default();
        body.string()?;
        if self.transactions.len() >= self.handles.max_transactions {
            let limit = self.handles.max_transactions;
            let message = format!("Active transactions per connection limit ({limit}) exceeded");
            return Ok(Err(Refusal::new(1020, message)));
        }
        self.last_transaction += 1;
        let ends = (timeout > 0).then(|| Instant::now() + Duration::from_millis(timeout));
        self.transactions.insert(self.last_transaction, Transaction { writes: Writes::new(), ends });
        self.handles.transactions.fetch_add(1, Ordering::AcqRel);
        Ok(Ok(self.last_transaction.to_le_bytes().to_vec()))
    }

    fn end_transaction(&mut self, store: &mut Store, id: i32, commit: bool) -> Outcome {
        let Some(transaction) = self.transactions.remove(&id) else {
            if !commit {
                return Ok(Vec::new());
            }
            return Err(Refusal::new(1021, format!("Transaction with id {id} not found")));
        };
        self.handles.transactions.fetch_sub(1, Ordering::AcqRel);
        if commit && transaction.has_timed_out() {
            return Err(timed_out());
        }
        if commit {
            for ((cache, key), value) in transaction.writes {
                // A cache that is gone by now has nothing to keep.
                if let Ok(cache) = store.cache(cache) {
                    cache.apply(key, value);
                }
            }
        }
        Ok(Vec::new())
    }
}
