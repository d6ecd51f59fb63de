//! Complex objects: attributes become fields, in the order of the class's schema.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::super::hint::Hint;
use super::super::plan::{Entry, Plan};
use super::{Encoder, too_long};
use crate::protocol::error::PathPart;
use crate::protocol::type_code::TypeCode;

/// Offsets of so many fields need no memory of their own.
const FEW: usize = 32;

impl<'py> Encoder<'py, '_> {
    pub(super) fn object(&mut self, value: &Bound<'py, PyAny>, plan: &Arc<Plan>) -> PyResult<()> {
        let py = self.py;
        if plan.has_version {
            check_version(value)?;
        }
        self.announce(value, plan)?;
        let object = self.out.object(plan.type_id, plan.schema_id).map_err(too_long)?;
        let count = plan.fields.len();
        let (mut few, mut many) = ([0; FEW], Vec::new());
        let offsets = if count <= FEW {
            few.get_mut(..count).unwrap_or_default()
        } else {
            many.resize(count, 0);
            &mut many
        };
        for (index, (field, offset)) in plan.fields.iter().zip(offsets.iter_mut()).enumerate() {
            *offset = object.offset(self.out);
            let written = match value.getattr_opt(&field.name)? {
                Some(value) => self.field(&value, field.hint),
                None => self.field(field.default.bind(py), field.hint),
            };
            written.inspect_err(|_| {
                let name = plan.described.fields.get(index).map_or("?", |field| field.name.as_str());
                self.path.push(PathPart::Name(format!(".{name}")));
            })?;
        }
        let compact = self.client.is_none_or(|client| client.get().types.writes_compact());
        let ids = if compact { None } else { Some(plan.field_ids.as_slice()) };
        self.out.object_end(object, offsets, ids).map_err(too_long)
    }

    /// A field that Java declares as `Object` has the type of complex objects, and can hold anything.
    #[inline]
    fn field(&mut self, value: &Bound<'py, PyAny>, hint: Hint) -> PyResult<()> {
        match hint {
            Hint::Code(TypeCode::ComplexObject) | Hint::Infer => self.any(value),
            Hint::Code(code) => self.coded(value, code),
        }
    }

    /// A class that the cluster may not know is published before the request is sent, and reads objects of its type from now on.
    #[inline]
    fn announce(&mut self, value: &Bound<'py, PyAny>, plan: &Arc<Plan>) -> PyResult<()> {
        let Some(client) = self.client else { return Ok(()) };
        let (types, cluster) = (&client.get().types, client.get().cluster());
        if types.is_known_to(cluster, plan) || self.announced.contains(&plan.number) {
            return Ok(());
        }
        if let Some(entry) = Entry::of(&value.get_type())? {
            types.keep(entry);
        }
        self.before.push(types.publish(Arc::clone(plan), cluster));
        self.announced.push(plan.number);
        Ok(())
    }
}

/// The byte that pyignite sends as an object's version is the version of the layout to servers, and they know one.
fn check_version(value: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(version) = value.getattr_opt(pyo3::intern!(value.py(), "version"))? else { return Ok(()) };
    if version.extract::<i64>().is_ok_and(|version| version == 1) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("version can not be {}: servers accept objects of version 1 only", version.repr()?)))
}
