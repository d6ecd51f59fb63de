//! BaseClient: what `Client` and `AioClient` share. One short method per operation.

use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use super::cache::BaseCache;
use super::call::Job;
use super::cursor::{self, Query, Rows};
use super::encode::{too_long, write_arguments};
use super::event::Events;
use super::face::{self, Carried, Face, Finish};
use super::import::Known;
use super::plan::Entry;
use super::settings::Settings;
use super::types::{self, Types};
use super::{error, options, runtime};
use crate::client::node::Node;
use crate::client::{Config, Deadline, Error, ErrorKind, Pool, Target};
use crate::lock::lock;
use crate::protocol::ProtocolContext;
use crate::protocol::affinity::affinity_hash;
use crate::protocol::handshake::NodeId;
use crate::protocol::hash;
use crate::protocol::op::key_value::{CacheHeader, write_cache_header};
use crate::protocol::op::query::SqlFields;
use crate::protocol::op::{Operation, cache};

/// The connections of a client, and the process that they belong to.
pub(super) struct Connected {
    pub pool: Arc<Pool>,
    events: Option<Arc<Events>>,
    epoch: u64,
}

/// Always `Some`; keeps the connections alive while a call uses them.
pub(super) struct InUse(Guard<Option<Arc<Connected>>>);

impl std::ops::Deref for InUse {
    type Target = Connected;

    fn deref(&self) -> &Connected {
        // `connected` makes this type only from a guard that holds something.
        self.0.as_ref().expect("made from a connected client")
    }
}

struct Setup {
    options: Py<PyDict>,
    cache_class: Py<PyAny>,
    partition_aware: bool,
    events: Arc<Events>,
    /// Where the next connect leads.
    config: Option<Arc<Config>>,
}

/// Connections and operations that both clients share. Use `Client` or `AioClient`.
#[pyclass(frozen, subclass, weakref, module = "pyignite_rs._core")]
pub(super) struct BaseClient {
    is_async: AtomicBool,
    setup: Mutex<Option<Setup>>,
    link: ArcSwapOption<Connected>,
    /// Open transactions: as long as there are none, operations need not look for theirs.
    pub transactions: AtomicUsize,
    /// Blocks with a time limit that are being run; as long as there are none, calls need not look for theirs.
    deadlines: AtomicIsize,
    /// Survives `close()`.
    pub types: Arc<Types>,
}

impl BaseClient {
    #[inline]
    pub fn face(&self) -> Face {
        if self.is_async.load(Ordering::Relaxed) { Face::Async } else { Face::Sync }
    }

    /// The deadline of a call: its own timeout, else the client's, or that of the block that it is made in.
    #[inline]
    pub fn deadline(slf: &Bound<'_, Self>, pool: &Pool, timeout: Option<Duration>) -> PyResult<Deadline> {
        Self::limited(slf, pool.deadline(timeout))
    }

    /// The soonest of a deadline and those of the blocks that the caller is in.
    #[inline]
    pub fn limited(slf: &Bound<'_, Self>, deadline: Deadline) -> PyResult<Deadline> {
        if slf.get().deadlines.load(Ordering::Relaxed) == 0 { Ok(deadline) } else { Self::block_deadline(slf, deadline) }
    }

    #[cold]
    fn block_deadline(slf: &Bound<'_, Self>, mut deadline: Deadline) -> PyResult<Deadline> {
        let py = slf.py();
        let now: f64 = py.import("time")?.call_method0("monotonic")?.extract()?;
        for block in Known::get(py)?.current_deadlines(py)? {
            let (client, end) = block.extract::<(Bound<'_, PyAny>, f64)>()?;
            if client.is(slf) {
                deadline = deadline.sooner(Duration::try_from_secs_f64(end - now).unwrap_or_default());
            }
        }
        Ok(deadline)
    }

    /// Whether keys are looked up to find their nodes.
    #[inline]
    pub fn is_routing(&self) -> bool {
        self.link.load().as_ref().is_some_and(|connected| connected.pool.is_routing())
    }

    /// The open connections. In the child of a fork: new ones, to the same nodes.
    #[inline]
    pub fn connected(&self, py: Python<'_>) -> PyResult<InUse> {
        let link = self.link.load();
        match &*link {
            Some(connected) if connected.epoch == runtime::epoch() => {
                if let Some(events) = &connected.events {
                    events.look(py);
                }
                Ok(InUse(link))
            }
            Some(parents) => {
                self.after_fork(py, &link, parents)?;
                self.connected(py)
            }
            None => Err(error::to_python(py, &Error::new(ErrorKind::ClientClosed), error::Facts::default())),
        }
    }

    /// Hash of what places an encoded key. A key without one, or whose affinity key field can not be found, is a matter for whichever
    /// node gets it.
    pub fn key_hash(&self, cache_id: i32, key: &[u8]) -> Option<i32> {
        let field = |type_id| self.key_field(cache_id, type_id);
        let schema = |type_id, schema_id| self.types.field_ids(type_id, schema_id);
        affinity_hash(key, field, schema).ok().flatten()
    }

    /// Id of the field that places keys of this type in this cache: as the cache has it, else as the type has it.
    pub fn key_field(&self, cache_id: i32, type_id: i32) -> Option<i32> {
        let link = self.link.load();
        let of_cache = link.as_ref().and_then(|connected| connected.pool.key_field(cache_id, type_id));
        of_cache.or_else(|| self.types.affinity_key_field(type_id))
    }

    /// A number for the cluster that is connected; 0 without one. See [`Pool::cluster`].
    #[inline]
    pub fn cluster(&self) -> u64 {
        self.link.load().as_ref().map_or(0, |connected| connected.pool.cluster())
    }

    pub fn pool(&self, py: Python<'_>) -> PyResult<Arc<Pool>> {
        Ok(Arc::clone(&self.connected(py)?.pool))
    }

    #[cold]
    fn after_fork(&self, py: Python<'_>, link: &Guard<Option<Arc<Connected>>>, parents: &Arc<Connected>) -> PyResult<()> {
        parents.pool.abandon();
        let events = parents.events.clone();
        if let Some(events) = &events {
            events.start(py)?;
        }
        let pool = Pool::new(Arc::clone(parents.pool.config()), runtime::handle()?);
        let mine = Arc::new(Connected { pool, events, epoch: runtime::epoch() });
        // Never dropped: what it holds belongs to the parent's runtime.
        std::mem::forget(Arc::clone(parents));
        self.link.compare_and_swap(link, Some(mine));
        Ok(())
    }

    /// Refuses what the servers are known not to have. Before the first connection nothing is known.
    pub fn require(&self, py: Python<'_>, what: &str, has: impl FnOnce(&ProtocolContext) -> bool) -> PyResult<()> {
        match self.link.load().as_ref().and_then(|connected| connected.pool.context()) {
            Some(context) if !has(&context) => {
                let text = format!("{what} can not be had from this cluster, which speaks protocol {}", context.version);
                Err(error::named(py, "NotSupportedByClusterError", text))
            }
            _ => Ok(()),
        }
    }

    /// A pool for the addresses that `_connect` was given, in place of the one before.
    pub fn opening(&self, py: Python<'_>) -> PyResult<Arc<Pool>> {
        let setup = self.lock().as_ref().and_then(|setup| Some((setup.config.clone()?, Arc::clone(&setup.events))));
        let Some((config, events)) = setup else {
            return Err(error::to_python(py, &Error::new(ErrorKind::ClientClosed), error::Facts::default()));
        };
        let pool = Pool::new(config, runtime::handle()?);
        events.start(py)?;
        events.look(py);
        self.replace(Some(Arc::new(Connected { pool: Arc::clone(&pool), events: Some(events), epoch: runtime::epoch() })));
        Ok(pool)
    }

    /// Ends all connections, if there are any.
    pub fn disconnect(&self) {
        self.replace(None);
    }

    fn replace(&self, link: Option<Arc<Connected>>) {
        let Some(before) = self.link.swap(link) else { return };
        if before.epoch == runtime::epoch() {
            before.pool.close();
        } else {
            before.pool.abandon();
            std::mem::forget(before);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Setup>> {
        lock(&self.setup)
    }

    fn cache_class(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let class = self.lock().as_ref().map(|setup| setup.cache_class.clone_ref(py));
        class.ok_or_else(|| pyo3::exceptions::PyRuntimeError::new_err("Client.__init__ was not called"))
    }

    /// The class of this face's cursors: `ScanCursor` or `AioScanCursor`.
    pub fn cursor_class<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let known = Known::get(py)?;
        match self.face() {
            Face::Sync => known.cursor(py, name),
            Face::Async => known.cursor(py, &format!("Aio{name}")),
        }
    }

    /// Makes a cache by name, or by configuration when there is more than a name.
    fn make_cache<'py>(
        slf: &Bound<'py, Self>,
        name: &'static str,
        by_name: &'static Operation,
        by_configuration: &'static Operation,
        settings: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let class = slf.get().cache_class(slf.py())?;
        let settings = match Settings::read(settings) {
            Ok(settings) => settings,
            Err(error) => return face::known(slf, name, Err(error)),
        };
        let operation = if settings.has_more_than_a_name() { by_configuration } else { by_name };
        let finish = Finish::Cache { class, client: slf.clone().unbind() };
        let carried = Carried { name, operation, cache: Some(settings.name.clone()), target: Target::Any, finish };
        face::run(slf, carried, 0.0, |request| settings.write(request))
    }
}

/// Id and, if it is told, name of a cache that is given as an object, a name or an id.
fn named_cache(cache: &Bound<'_, PyAny>) -> PyResult<(i32, Option<Arc<str>>)> {
    if let Ok(cache) = cache.cast::<BaseCache>() {
        return Ok((cache.get().id(), Some(cache.get().shared_name())));
    }
    if let Ok(name) = cache.cast::<PyString>() {
        return Ok((hash::cache_id(name.to_str()?), Some(name.to_str()?.into())));
    }
    let id = cache.extract().map_err(|failure: PyErr| {
        let is_type = failure.is_instance_of::<PyTypeError>(cache.py());
        if is_type { error::wrong_type("cache", "a cache, its name (str) or its id (int)", cache) } else { failure }
    });
    Ok((id?, None))
}

#[pymethods]
impl BaseClient {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            is_async: AtomicBool::new(false),
            setup: Mutex::new(None),
            link: ArcSwapOption::empty(),
            transactions: AtomicUsize::new(0),
            deadlines: AtomicIsize::new(0),
            types: Arc::default(),
        }
    }

    /// Remember what `__init__` was given; called by the Python half.
    fn _configure(
        &self,
        face: &str,
        options: Py<PyDict>,
        cache_class: Py<PyAny>,
        partition_aware: bool,
        teller: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.is_async.store(face == "async", Ordering::Relaxed);
        let events = Events::new(teller)?;
        let before = self.lock().replace(Setup { options, cache_class, partition_aware, events, config: None });
        drop(before);
        Ok(())
    }

    /// The nodes that are known: host, port, id and whether a connection is open.
    fn _known_nodes(&self) -> Vec<(String, u16, Option<String>, bool)> {
        let link = self.link.load();
        let nodes = link.as_ref().map_or_else(Vec::new, |connected| connected.pool.nodes());
        let id = |node: NodeId| format!("{:032x}", u128::from(node.most) << 64 | u128::from(node.least));
        let told = |node: &Arc<Node>| {
            let address = node.address();
            (address.host.clone(), address.port, node.id().map(id), node.is_alive())
        };
        nodes.iter().map(told).collect()
    }

    /// Place among the known nodes of the one that has an encoded key; None if that is not known.
    fn _primary(&self, cache_id: i32, key: &[u8]) -> Option<usize> {
        let hash = self.key_hash(cache_id, key)?;
        self.link.load().as_ref()?.pool.primary(cache_id, hash)
    }

    /// A block with a time limit begins (1) or ends (-1).
    fn _count_deadlines(&self, change: isize) {
        self.deadlines.fetch_add(change, Ordering::Relaxed);
    }

    /// Open the first connection to one of the addresses; called by `connect`.
    fn _connect<'py>(slf: &Bound<'py, Self>, addresses: Vec<(String, u16)>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let options = slf.get().lock().as_ref().map(|setup| setup.options.clone_ref(py));
        let options = options.map_or_else(|| PyDict::new(py), |options| options.into_bound(py));
        let mut config = options::config(py, addresses, &options)?;
        if let Some(setup) = &mut *slf.get().lock() {
            config.partition_aware = setup.partition_aware;
            config.observer = Some(Arc::<Events>::clone(&setup.events));
            setup.config = Some(Arc::new(config));
        }
        if slf.get().face() == Face::Async {
            return face::call(slf, "AioClient.connect", Job::Connect, None);
        }
        let pool = slf.get().opening(py)?;
        let deadline = Self::deadline(slf, &pool, None)?;
        let (connected, raised) = runtime::wait(py, |interrupt| pool.connect(deadline, interrupt));
        connected.map_err(|error| {
            slf.get().disconnect();
            raised.unwrap_or_else(|| error::to_python(py, &error, error::Facts::default()))
        })?;
        Ok(py.None().into_bound(py))
    }

    /// Version and feature bits that the last opened connection agreed on.
    fn _protocol_context(&self) -> Option<((i16, i16, i16), Option<u64>)> {
        let context = self.link.load().as_ref()?.pool.context()?;
        let version = context.version;
        let features = context.has_features().then(|| context.features.bits());
        Some(((version.major, version.minor, version.patch), features))
    }

    /// Form in which complex objects are written: True for compact footers, None until somebody has decided.
    fn _footer(&self) -> Option<bool> {
        self.types.footer()
    }

    fn _set_footer(&self, compact: Option<bool>) {
        self.types.set_footer(compact);
    }

    /// Read objects with this class and tell nobody; for tests and tools.
    fn _keep(&self, data_class: &Bound<'_, PyType>) -> PyResult<()> {
        match Entry::of(data_class)? {
            Some(entry) => self.types.keep(entry),
            None => return Err(pyo3::exceptions::PyTypeError::new_err("the class was not made by GenericObjectMeta")),
        }
        Ok(())
    }

    /// Read what the cluster knows about a binary type.
    ///
    /// Args:
    ///     binary_type: Name of the type (str), or its id (int).
    ///
    /// Returns:
    ///     dict: `type_exists` (bool), and if that is True `type_id`, `type_name`, `affinity_key_field` (str or None), `is_enum`,
    ///         `enums` (of enums: a list of dicts with `literal` and `type_id`, which is the ordinal) and `schemas` (list of
    ///         OrderedDicts of hint classes by field name). Awaitable on AioClient.
    ///
    /// Raises:
    ///     BinaryTypeError: The server refuses.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_GET_BINARY_TYPE, 3002, since 1.0.
    fn get_binary_type<'py>(slf: &Bound<'py, Self>, binary_type: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        types::get(slf, binary_type)
    }

    /// Tell the cluster about a binary type. Fields, schemas and enum values are added to what it knows. The client's own classes
    /// stay as they are: `register_binary_type` is for those.
    ///
    /// Args:
    ///     type_name: Name of the type (str).
    ///     affinity_key_field: Name of the field that decides where entries with such keys live (str). Default: the whole key.
    ///     is_enum: Whether the type is an enum.
    ///     schema: Hint classes by field name (dict), or ordinals (int) by name for an enum. Default: no fields.
    ///
    /// Returns:
    ///     dict: `type_id` and `schema_id` (None for an enum). Awaitable on AioClient.
    ///
    /// Raises:
    ///     BinaryTypeError: What is said contradicts what the cluster knows, for example the type of a field.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_PUT_BINARY_TYPE, 3003, since 1.0.
    #[pyo3(signature = (type_name, affinity_key_field=None, is_enum=false, schema=None))]
    fn put_binary_type<'py>(
        slf: &Bound<'py, Self>,
        type_name: &str,
        affinity_key_field: Option<String>,
        is_enum: bool,
        schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        types::put(slf, type_name, affinity_key_field, is_enum, schema)
    }

    /// Read objects of a type and schema with this class from now on, and make both known to the cluster. Classes are registered by
    /// themselves when their first object is sent; this is for classes that are read before.
    ///
    /// Args:
    ///     data_class: Class made by `GenericObjectMeta`. It takes the place of the class that was registered before, or was made on
    ///         the fly, for the same type and schema.
    ///     affinity_key_field: Name of the field that decides where entries with such keys live (str). Default: what the cluster
    ///         knows already, else the whole key.
    ///
    /// Returns:
    ///     None: (awaitable on AioClient)
    ///
    /// Raises:
    ///     BinaryTypeError: What the class says contradicts what the cluster knows, for example the type of a field.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_GET_BINARY_TYPE, 3002, and OP_PUT_BINARY_TYPE, 3003, if the cluster lacks something; since 1.0.
    #[pyo3(signature = (data_class, affinity_key_field=None))]
    fn register_binary_type<'py>(
        slf: &Bound<'py, Self>,
        data_class: &Bound<'py, PyAny>,
        affinity_key_field: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        types::register(slf, data_class, affinity_key_field)
    }

    /// Look up the class for a schema of a binary type, or all classes for the type. What the client does not know is asked for.
    ///
    /// Args:
    ///     binary_type: Name of the type (str), or its id (int).
    ///     schema: Hint classes by field name (dict), or the id of the schema (int). Default: all schemas.
    ///
    /// Returns:
    ///     object: The class, or None if the type has no such schema; without `schema` a new dict of classes by schema id. Awaitable
    ///         on AioClient.
    ///
    /// Raises:
    ///     BinaryTypeError: The server refuses.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_GET_BINARY_TYPE, 3002, since 1.0.
    #[pyo3(signature = (binary_type, schema=None))]
    fn query_binary_type<'py>(
        slf: &Bound<'py, Self>,
        binary_type: &Bound<'py, PyAny>,
        schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        types::query(slf, binary_type, schema)
    }

    /// Read wrapped complex objects, pairs `(bytes, offset)`, at any depth of collections and maps. This client never hands them out,
    /// but programs may have stored them.
    ///
    /// Args:
    ///     value: Anything.
    ///
    /// Returns:
    ///     object: The same with objects in place of the pairs. Awaitable on AioClient.
    ///
    /// Raises:
    ///     ParseError: The bytes are no complex object, or the cluster does not know its type.
    ///
    /// Wire: OP_GET_BINARY_TYPE, 3002, for types that the client does not know; since 1.0.
    fn unwrap_binary<'py>(slf: &Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        types::unwrap(slf, value)
    }

    /// Close all connections. Calls in flight end with ClientClosedError; nothing connects again until `connect()`.
    ///
    /// Returns:
    ///     None: (awaitable on AioClient)
    fn close<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.get().disconnect();
        face::known(slf, "AioClient.close", Ok(slf.py().None().into_bound(slf.py())))
    }

    /// Create a cache.
    ///
    /// Args:
    ///     settings: Name of the cache (str), or a dict of its properties with PROP_NAME among them.
    ///
    /// Returns:
    ///     Cache: The new cache (AioCache, awaitable, on AioClient).
    ///
    /// Raises:
    ///     CacheCreationError: The cache exists already, or the server refuses the settings.
    ///     ParameterError: The settings have no name, or a property that does not exist, or a dict among them lacks a key.
    ///     TypeError, ValueError, OverflowError: A property is of the wrong type, or out of range.
    ///     NotSupportedByClusterError: PROP_EXPIRY_POLICY, and the servers are older than Ignite 2.8.
    ///
    /// Wire: OP_CACHE_CREATE_WITH_NAME, 1051, or OP_CACHE_CREATE_WITH_CONFIGURATION, 1053, since 1.0.
    fn create_cache<'py>(slf: &Bound<'py, Self>, settings: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        Self::make_cache(slf, "AioClient.create_cache", &cache::CREATE_WITH_NAME, &cache::CREATE_WITH_CONFIGURATION, settings)
    }

    /// Create a cache unless it exists.
    ///
    /// Args:
    ///     settings: Name of the cache (str), or a dict of its properties with PROP_NAME among them.
    ///
    /// Returns:
    ///     Cache: The cache (AioCache, awaitable, on AioClient).
    ///
    /// Raises:
    ///     CacheCreationError: The server refuses the settings.
    ///     ParameterError: The settings have no name, or a property that does not exist, or a dict among them lacks a key.
    ///     TypeError, ValueError, OverflowError: A property is of the wrong type, or out of range.
    ///     NotSupportedByClusterError: PROP_EXPIRY_POLICY, and the servers are older than Ignite 2.8.
    ///
    /// Wire: OP_CACHE_GET_OR_CREATE_WITH_NAME, 1052, or OP_CACHE_GET_OR_CREATE_WITH_CONFIGURATION, 1054, since 1.0.
    fn get_or_create_cache<'py>(slf: &Bound<'py, Self>, settings: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        Self::make_cache(
            slf,
            "AioClient.get_or_create_cache",
            &cache::GET_OR_CREATE_WITH_NAME,
            &cache::GET_OR_CREATE_WITH_CONFIGURATION,
            settings,
        )
    }

    /// Get a cache object without asking the server whether the cache exists.
    ///
    /// Args:
    ///     settings: Name of the cache (str), or a dict with PROP_NAME alone.
    ///
    /// Returns:
    ///     Cache: The cache (AioCache, awaitable, on AioClient).
    ///
    /// Raises:
    ///     ParameterError: The settings have no name, or more than a name.
    fn get_cache<'py>(slf: &Bound<'py, Self>, settings: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let cache = Settings::read(settings).and_then(|settings| {
            if settings.has_more_than_a_name() {
                return Err(error::parameter_error(py, "Only cache name allowed as a parameter".into()));
            }
            slf.get().cache_class(py)?.bind(py).call1((slf, &*settings.name))
        });
        face::known(slf, "AioClient.get_cache", cache)
    }

    /// Run a statement of SQL.
    ///
    /// Args:
    ///     query_str: The statement (str), with a question mark for each argument.
    ///     page_size: Rows that one answer of the server brings (int).
    ///     query_args: Iterable of arguments, values or pairs `(value, hint)`.
    ///     schema: Schema of names that are not qualified (str).
    ///     statement_type: StatementType.SELECT or UPDATE to have others refused; ANY takes all.
    ///     distributed_joins: Whether rows of different nodes are joined.
    ///     local: Whether only the node that answers looks at its own rows.
    ///     replicated_only: Whether only replicated tables are asked.
    ///     enforce_join_order: Whether tables are joined in the order of the statement.
    ///     collocated: Whether rows that are grouped together are known to be on one node.
    ///     lazy: Whether the server makes pages as they are asked for, instead of the whole result at once.
    ///     include_field_names: Whether the first row is the list of column names.
    ///     max_rows: Sent as pyignite does; servers ignore it.
    ///     timeout: Milliseconds that the statement may take on the server (int); 0 is no limit.
    ///     cache: Cache, its name or id, whose schema is used in place of `schema`.
    ///
    /// Returns:
    ///     SqlFieldsCursor: Rows as lists. AioClient returns an AioSqlFieldsCursor, to be awaited or entered with `async with`.
    ///
    /// Raises:
    ///     SQLError: The server refuses.
    ///     CursorLostError: Later, while rows are read: the connection was lost.
    ///     TypeError, ValueError, OverflowError: An argument has no place on the wire.
    ///
    /// Wire: OP_QUERY_SQL_FIELDS, 2004, since 1.0.
    #[pyo3(signature = (query_str, page_size=1024, query_args=None, schema=Some("PUBLIC"), statement_type=0, distributed_joins=false,
        local=false, replicated_only=false, enforce_join_order=false, collocated=false, lazy=false, include_field_names=false,
        max_rows=-1, timeout=0, cache=None),
        text_signature = "($self, query_str, page_size=1024, query_args=None, schema='PUBLIC', statement_type=0, \
        distributed_joins=False, local=False, replicated_only=False, enforce_join_order=False, collocated=False, lazy=False, \
        include_field_names=False, max_rows=-1, timeout=0, cache=None)")]
    #[expect(clippy::too_many_arguments, reason = "the signature is pyignite's")]
    fn sql<'py>(
        slf: &Bound<'py, Self>,
        query_str: &str,
        page_size: i32,
        query_args: Option<&Bound<'py, PyAny>>,
        schema: Option<&str>,
        statement_type: u8,
        distributed_joins: bool,
        local: bool,
        replicated_only: bool,
        enforce_join_order: bool,
        collocated: bool,
        lazy: bool,
        include_field_names: bool,
        max_rows: i32,
        timeout: i64,
        cache: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (cache_id, name) = match cache {
            Some(cache) => named_cache(cache)?,
            None => (0, None),
        };
        let sql = SqlFields {
            schema: schema.filter(|_| cache_id == 0),
            page_size: cursor::page_size(page_size)?,
            max_rows,
            query: query_str,
            statement_type,
            distributed_joins,
            local,
            replicated_only,
            enforce_join_order,
            collocated,
            lazy,
            timeout_ms: timeout,
            include_field_names,
        };
        let class = slf.get().cursor_class(slf.py(), "SqlFieldsCursor")?;
        let query = Query { rows: Rows::Fields { names: include_field_names }, cache: name, timeout: 0.0 };
        cursor::query(slf, class, query, |request| {
            write_cache_header(&mut request.out, &CacheHeader::new(cache_id));
            sql.write_start(&mut request.out).map_err(too_long)?;
            write_arguments(slf.py(), request, query_args)?;
            sql.write_rest(&mut request.out);
            Ok(())
        })
    }

    /// List the caches of the cluster.
    ///
    /// Returns:
    ///     list[str]: Their names (awaitable on AioClient).
    ///
    /// Raises:
    ///     CacheError: The server refuses.
    ///
    /// Wire: OP_CACHE_GET_NAMES, 1050, since 1.0.
    fn get_cache_names<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let name = "AioClient.get_cache_names";
        let carried = Carried { name, operation: &cache::GET_NAMES, cache: None, target: Target::Any, finish: Finish::Reply };
        face::run(slf, carried, 0.0, |_| Ok(()))
    }
}

impl Drop for BaseClient {
    /// A client that nobody closed ends its connections with itself.
    fn drop(&mut self) {
        self.disconnect();
    }
}
