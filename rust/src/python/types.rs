//! Types: the classes of one client, and how it learns of types and makes them known. Every request is a detour, so both faces
//! have it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use super::client::BaseClient;
use super::decode::{Read, ReadError, read_wrapped};
use super::encode::too_long;
use super::error::{self, Facts};
use super::face::{self, Answer, Carried, Finish, Finisher};
use super::hint;
use super::import::Known;
use super::plan::{Entry, Plan};
use super::request::Detour;
use crate::client::flight::Flights;
use crate::client::{Registry, Target};
use crate::protocol::binary_type::{BinaryType, Field, Schema};
use crate::protocol::object::complex::EMPTY_SCHEMA;
use crate::protocol::op::{Operation, binary};
use crate::protocol::{Writer, hash};

/// Form of the footers of objects that are written.
const UNDECIDED: u8 = 0;
const COMPACT: u8 = 1;
const FULL: u8 = 2;

#[derive(Debug, Default)]
pub(super) struct Types {
    registry: Registry<Entry>,
    footer: AtomicU8,
    /// Types that are being asked for or told.
    flights: Arc<Flights>,
}

impl Types {
    /// `None` until somebody has decided: the user, or the first object that was read.
    pub fn footer(&self) -> Option<bool> {
        match self.footer.load(Ordering::Relaxed) {
            UNDECIDED => None,
            form => Some(form == COMPACT),
        }
    }

    pub fn set_footer(&self, compact: Option<bool>) {
        let form = compact.map_or(UNDECIDED, |compact| if compact { COMPACT } else { FULL });
        self.footer.store(form, Ordering::Relaxed);
    }

    /// An object with such a footer was read: the servers' way is followed, unless the user has decided.
    #[inline]
    pub fn saw_footer(&self, compact: bool) {
        if self.footer.load(Ordering::Relaxed) == UNDECIDED {
            self.set_footer(Some(compact));
        }
    }

    #[inline]
    pub fn writes_compact(&self) -> bool {
        self.footer.load(Ordering::Relaxed) != FULL
    }

    #[inline]
    pub fn entry(&self, type_id: i32, schema_id: i32) -> Option<Arc<Entry>> {
        self.registry.plan(type_id, schema_id)
    }

    #[inline]
    pub fn is_known_to(&self, cluster: u64, plan: &Plan) -> bool {
        self.registry.was_told(cluster, plan.number)
    }

    /// Id of the field that decides where entries with keys of this type live, if the cluster said that it is not the whole key.
    pub fn affinity_key_field(&self, type_id: i32) -> Option<i32> {
        Some(hash::entity_id(self.registry.said(type_id)?.affinity_key_field.as_deref()?))
    }

    /// Field ids of a schema in their order.
    pub fn field_ids(&self, type_id: i32, schema_id: i32) -> Option<Vec<i32>> {
        Some(self.entry(type_id, schema_id)?.plan.field_ids.clone())
    }

    /// Objects of this type and schema are built with the class from now on.
    pub fn keep(&self, entry: Entry) {
        let (type_id, schema_id) = (entry.plan.type_id, entry.plan.schema_id);
        let before = self.registry.replace(type_id, schema_id, Arc::new(entry));
        // The last reference to a class may run code.
        drop(before);
    }

    /// Keeps what the cluster answers about a type, with a class for each schema that has none; `None` when it knows no such type.
    fn learn_reply(&self, py: Python<'_>, payload: &[u8]) -> PyResult<Option<Arc<BinaryType>>> {
        let Some(found) = read_type(py, payload)?.map(Arc::new) else { return Ok(None) };
        for schema in &found.schemas {
            self.describe(py, &found, schema)?;
        }
        self.registry.learn(Arc::clone(&found));
        Ok(Some(found))
    }

    fn describe(&self, py: Python<'_>, found: &BinaryType, schema: &Schema) -> PyResult<()> {
        if self.entry(found.type_id, schema.id).is_some() {
            return Ok(());
        }
        let fields =
            schema.field_ids.iter().filter_map(|id| found.field(*id)).map(|field| (field.name.as_str(), field.type_code));
        let fields = PyTuple::new(py, fields.collect::<Vec<_>>())?;
        let class = Known::get(py)?.described_class.bind(py).call1((&found.name, fields))?.cast_into::<PyType>()?;
        if let Some(entry) = Entry::of(&class)? {
            self.registry.keep(found.type_id, schema.id, Arc::new(entry));
        }
        Ok(())
    }

    /// Asks for a type that an object which was read needs.
    pub fn fetch(self: &Arc<Self>, type_id: i32, schema_id: i32) -> Detour {
        let types = Arc::clone(self);
        let done = move |py: Python<'_>, payload: &[u8]| {
            if let Some(found) = types.learn_reply(py, payload)? {
                // An object without fields has the schema that every type has.
                if schema_id == EMPTY_SCHEMA {
                    types.describe(py, &found, &Schema { id: EMPTY_SCHEMA, field_ids: Vec::new() })?;
                }
                if types.entry(type_id, schema_id).is_some() {
                    return Ok(None);
                }
                let message = format!("binary type {} has no schema {schema_id}, and an object has it", found.name);
                return Err(error::named(py, "ParseError", message));
            }
            let message = format!("an object is of a type that the cluster does not know (type id {type_id})");
            Err(error::named(py, "ParseError", message))
        };
        let types = Arc::clone(self);
        Detour::needed(&binary::TYPE_GET, ask(type_id), Box::new(done))
            .alone(&self.flights, type_id, move || types.entry(type_id, schema_id).is_none())
    }

    /// Makes a class known to the cluster: asks what it knows, and tells it what that lacks.
    pub fn publish(self: &Arc<Self>, plan: Arc<Plan>, cluster: u64) -> Detour {
        let (types, told) = (Arc::clone(self), Arc::clone(&plan));
        let type_id = plan.type_id;
        let done = move |py: Python<'_>, payload: &[u8]| types.tell(py, payload, &told, None, cluster);
        let types = Arc::clone(self);
        Detour::needed(&binary::TYPE_GET, ask(type_id), Box::new(done))
            .alone(&self.flights, type_id, move || !types.is_known_to(cluster, &plan))
    }

    /// What has to be told after the cluster has said what it knows; `None` if there is nothing.
    fn tell(
        self: &Arc<Self>,
        py: Python<'_>,
        payload: &[u8],
        plan: &Arc<Plan>,
        affinity_key_field: Option<String>,
        cluster: u64,
    ) -> PyResult<Option<Detour>> {
        let found = self.learn_reply(py, payload)?;
        let mut description = plan.described.clone();
        // A type keeps its affinity key field: telling none would contradict.
        let known = found.as_ref().and_then(|found| found.affinity_key_field.clone());
        description.affinity_key_field = affinity_key_field.or(known);
        if found.as_ref().is_some_and(|found| found.covers(&description)) {
            self.registry.tell(cluster, plan.number);
            return Ok(None);
        }
        let mut out = Writer::request(Vec::with_capacity(256));
        description.write(&mut out).map_err(too_long)?;
        let (types, number) = (Arc::clone(self), plan.number);
        let done = move |_: Python<'_>, _: &[u8]| {
            types.registry.tell(cluster, number);
            if found.is_none() {
                types.registry.learn(Arc::new(description));
            }
            Ok(None)
        };
        Ok(Some(Detour::needed(&binary::TYPE_PUT, out.into_buffer(), Box::new(done))))
    }
}

/// A request for a type.
fn ask(type_id: i32) -> Vec<u8> {
    let mut out = Writer::request(Vec::with_capacity(32));
    out.i32(type_id);
    out.into_buffer()
}

fn read_type(py: Python<'_>, payload: &[u8]) -> PyResult<Option<BinaryType>> {
    let facts = || Facts { operation: Some(&binary::TYPE_GET), cache: None };
    BinaryType::read_reply(payload).map_err(|error| error::parse_error(py, &error, facts()))
}

/// Id of a type that is given by its name or its id.
fn type_id(binary_type: &Bound<'_, PyAny>) -> PyResult<i32> {
    match binary_type.cast::<PyString>() {
        Ok(name) => Ok(hash::entity_id(name.to_str()?)),
        Err(_) => binary_type
            .extract()
            .map_err(|_| error::wrong_type("a binary type", "given by its name (str) or its id (int of 32 bits)", binary_type)),
    }
}

/// Id of a schema that is given by its fields or its id; `None` for none.
fn schema_id(schema: Option<&Bound<'_, PyAny>>) -> PyResult<Option<i32>> {
    let Some(schema) = schema.filter(|schema| schema.is_truthy().unwrap_or(true)) else { return Ok(None) };
    if let Ok(id) = schema.extract::<i32>() {
        return Ok(Some(id));
    }
    let names = schema.try_iter()?.map(|name| name?.extract::<String>()).collect::<PyResult<Vec<_>>>()?;
    Ok(Some(hash::schema_id(names.iter().map(|name| hash::entity_id(name)))))
}

/// Runs one of the operations on types.
fn run<'py>(
    client: &Bound<'py, BaseClient>,
    name: &'static str,
    operation: &'static Operation,
    finisher: impl Finisher + 'static,
    write: impl FnOnce(&mut Writer) -> PyResult<()>,
) -> PyResult<Bound<'py, PyAny>> {
    let finish = Finish::Own(Box::new(finisher));
    let carried = Carried { name, operation, cache: None, target: Target::Any, finish };
    face::run(client, carried, 0.0, |request| write(&mut request.out))
}

fn run_get<'py>(
    client: &Bound<'py, BaseClient>,
    name: &'static str,
    type_id: i32,
    finisher: impl Finisher + 'static,
) -> PyResult<Bound<'py, PyAny>> {
    run(client, name, &binary::TYPE_GET, finisher, |out| {
        out.i32(type_id);
        Ok(())
    })
}

struct Register {
    plan: Arc<Plan>,
    affinity_key_field: Option<String>,
    cluster: u64,
    /// Set when the cluster has been told; then the same reply is read once more.
    told: std::sync::atomic::AtomicBool,
}

impl Finisher for Register {
    fn finish<'py>(&self, py: Python<'py>, types: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        if !self.told.swap(true, Ordering::Relaxed)
            && let Some(detour) = types.tell(py, answer.payload(), &self.plan, self.affinity_key_field.clone(), self.cluster)?
        {
            return Err(ReadError::Missing(Box::new(detour)));
        }
        Ok(py.None().into_bound(py))
    }
}

pub(super) fn register<'py>(
    client: &Bound<'py, BaseClient>,
    data_class: &Bound<'py, PyAny>,
    affinity_key_field: Option<String>,
) -> PyResult<Bound<'py, PyAny>> {
    let name = "AioClient.register_binary_type";
    let entry = data_class.cast::<PyType>().ok().map(Entry::of).transpose()?.flatten();
    let Some(entry) = entry else {
        let error = PyTypeError::new_err(format!("{data_class} was not made by GenericObjectMeta"));
        return face::known(client, name, Err(error));
    };
    let plan = Arc::clone(&entry.plan);
    let type_id = plan.type_id;
    client.get().types.keep(entry);
    let told = std::sync::atomic::AtomicBool::new(false);
    run_get(client, name, type_id, Register { plan, affinity_key_field, cluster: client.get().cluster(), told })
}

struct Describe;

impl Finisher for Describe {
    fn finish<'py>(&self, py: Python<'py>, _: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        let described = PyDict::new(py);
        let found = read_type(py, answer.payload())?;
        described.set_item("type_exists", found.is_some())?;
        let Some(found) = found else { return Ok(described.into_any()) };
        described.set_item("type_id", found.type_id)?;
        described.set_item("type_name", &found.name)?;
        described.set_item("affinity_key_field", found.affinity_key_field.as_deref())?;
        described.set_item("is_enum", found.enum_values.is_some())?;
        if let Some(values) = &found.enum_values {
            let enums = PyList::empty(py);
            for (literal, ordinal) in values {
                let value = PyDict::new(py);
                value.set_item("literal", literal)?;
                value.set_item("type_id", *ordinal)?;
                enums.append(value)?;
            }
            described.set_item("enums", enums)?;
        }
        let schemas = PyList::empty(py);
        for schema in &found.schemas {
            let fields = schema.field_ids.iter().filter_map(|id| found.field(*id));
            let fields = fields.map(|field| (field.name.as_str(), field.type_code)).collect::<Vec<_>>();
            schemas.append(Known::get(py)?.described_schema.bind(py).call1((PyTuple::new(py, fields)?,))?)?;
        }
        described.set_item("schemas", schemas)?;
        Ok(described.into_any())
    }
}

pub(super) fn get<'py>(client: &Bound<'py, BaseClient>, binary_type: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let name = "AioClient.get_binary_type";
    match type_id(binary_type) {
        Ok(type_id) => run_get(client, name, type_id, Describe),
        Err(error) => face::known(client, name, Err(error)),
    }
}

struct Query {
    type_id: i32,
    schema_id: Option<i32>,
}

impl Query {
    /// What the client knows by itself: a class or None, or all classes by schema id.
    fn local<'py>(&self, py: Python<'py>, types: &Types) -> PyResult<Bound<'py, PyAny>> {
        if let Some(schema_id) = self.schema_id {
            let entry = types.entry(self.type_id, schema_id);
            return Ok(entry.map_or_else(|| py.None().into_bound(py), |entry| entry.class.bind(py).clone().into_any()));
        }
        let classes = PyDict::new(py);
        for (schema_id, entry) in types.registry.plans(self.type_id) {
            classes.set_item(schema_id, entry.class.bind(py))?;
        }
        Ok(classes.into_any())
    }

    fn is_answered(&self, types: &Types) -> bool {
        match self.schema_id {
            Some(schema_id) => types.entry(self.type_id, schema_id).is_some(),
            // Others may have added schemas.
            None => false,
        }
    }
}

impl Finisher for Query {
    fn finish<'py>(&self, py: Python<'py>, types: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        types.learn_reply(py, answer.payload())?;
        Ok(self.local(py, types)?)
    }
}

pub(super) fn query<'py>(
    client: &Bound<'py, BaseClient>,
    binary_type: &Bound<'py, PyAny>,
    schema: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let name = "AioClient.query_binary_type";
    let asked = type_id(binary_type).and_then(|type_id| Ok(Query { type_id, schema_id: schema_id(schema)? }));
    match asked {
        Ok(query) if query.is_answered(&client.get().types) => {
            face::known(client, name, query.local(client.py(), &client.get().types))
        }
        Ok(query) => run_get(client, name, query.type_id, query),
        Err(error) => face::known(client, name, Err(error)),
    }
}

struct Put {
    type_id: i32,
    schema_id: Option<i32>,
}

impl Finisher for Put {
    fn finish<'py>(&self, py: Python<'py>, _: &Arc<Types>, _: &mut Answer) -> Read<Bound<'py, PyAny>> {
        let ids = PyDict::new(py);
        ids.set_item("type_id", self.type_id)?;
        ids.set_item("schema_id", self.schema_id)?;
        Ok(ids.into_any())
    }
}

pub(super) fn put<'py>(
    client: &Bound<'py, BaseClient>,
    type_name: &str,
    affinity_key_field: Option<String>,
    is_enum: bool,
    schema: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let name = "AioClient.put_binary_type";
    let described = described(type_name, affinity_key_field, is_enum, schema);
    match described {
        Ok(described) => {
            let schema_id = described.schemas.first().map(|schema| schema.id);
            let finisher = Put { type_id: described.type_id, schema_id };
            run(client, name, &binary::TYPE_PUT, finisher, |out| described.write(out).map_err(too_long))
        }
        Err(error) => face::known(client, name, Err(error)),
    }
}

fn described(
    type_name: &str,
    affinity_key_field: Option<String>,
    is_enum: bool,
    schema: Option<&Bound<'_, PyAny>>,
) -> PyResult<BinaryType> {
    let items = match schema {
        None => Vec::new(),
        Some(schema) => {
            let items = schema.call_method0("items")?;
            items.try_iter()?.map(|item| item?.extract::<(String, Bound<'_, PyAny>)>()).collect::<PyResult<Vec<_>>>()?
        }
    };
    let mut described = BinaryType {
        type_id: hash::entity_id(type_name),
        name: type_name.to_owned(),
        affinity_key_field,
        fields: Vec::new(),
        enum_values: None,
        schemas: Vec::new(),
    };
    if is_enum {
        let values = items.into_iter().map(|(literal, ordinal)| Ok((literal, ordinal.extract()?)));
        described.enum_values = Some(values.collect::<PyResult<_>>()?);
        return Ok(described);
    }
    for (name, class) in items {
        let type_code = hint::resolve(&class)?.of_field() as i32;
        described.fields.push(Field { id: hash::entity_id(&name), name, type_code });
    }
    let field_ids: Vec<i32> = described.fields.iter().map(|field| field.id).collect();
    described.schemas.push(Schema { id: hash::schema_id(field_ids.iter().copied()), field_ids });
    Ok(described)
}

struct Unwrap {
    value: Py<PyAny>,
}

impl Finisher for Unwrap {
    fn finish<'py>(&self, py: Python<'py>, types: &Arc<Types>, answer: &mut Answer) -> Read<Bound<'py, PyAny>> {
        types.learn_reply(py, answer.payload())?;
        unwrapped(types, self.value.bind(py))
    }
}

/// Objects in place of pairs `(bytes, offset)`, at any depth of collections and maps; everything else as it is.
fn unwrapped<'py>(types: &Arc<Types>, value: &Bound<'py, PyAny>) -> Read<Bound<'py, PyAny>> {
    let py = value.py();
    let Some(pair) = value.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2) else { return Ok(value.clone()) };
    let (first, second) = (pair.get_item(0)?, pair.get_item(1)?);
    if let (Ok(bytes), Ok(offset)) = (first.cast::<pyo3::types::PyBytes>(), second.extract::<i32>()) {
        return read_wrapped(py, types, bytes.as_bytes(), offset);
    }
    if !first.is_instance_of::<pyo3::types::PyInt>() {
        return Ok(value.clone());
    }
    if let Ok(list) = second.cast::<PyList>() {
        let items = PyList::empty(py);
        for item in list {
            items.append(unwrapped(types, &item)?)?;
        }
        return Ok((first, items).into_pyobject(py)?.into_any());
    }
    if let Ok(dict) = second.cast::<PyDict>() {
        let entries = second.get_type().call0()?;
        for (key, item) in dict {
            entries.set_item(unwrapped(types, &key)?, unwrapped(types, &item)?)?;
        }
        return Ok((first, entries).into_pyobject(py)?.into_any());
    }
    Ok(value.clone())
}

pub(super) fn unwrap<'py>(client: &Bound<'py, BaseClient>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let name = "AioClient.unwrap_binary";
    let py = client.py();
    match unwrapped(&client.get().types, value) {
        Ok(object) => face::known(client, name, Ok(object)),
        Err(ReadError::Missing(detour)) => {
            // The same request, made by this call itself; further ones are detours of it.
            let Detour { frame, .. } = *detour;
            let body = frame.get(crate::protocol::frame::REQUEST_HEADER..).unwrap_or_default().to_vec();
            run(client, name, &binary::TYPE_GET, Unwrap { value: value.clone().unbind() }, |out| {
                out.bytes(&body);
                Ok(())
            })
        }
        Err(ReadError::Decode(error)) => face::known(client, name, Err(error::parse_error(py, &error, Facts::default()))),
        Err(ReadError::Python(error)) => face::known(client, name, Err(error)),
    }
}
