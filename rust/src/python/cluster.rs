//! BaseCluster: what `Cluster` and `AioCluster` share.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::client::BaseClient;
use super::face::{self, Carried, Finish, seconds};
use crate::client::Target;
use crate::protocol::Writer;
use crate::protocol::op::Operation;
use crate::protocol::op::cluster::{self, ClusterState};

/// A cluster as a whole. Made by `get_cluster` of a client.
#[pyclass(frozen, subclass, weakref, module = "pyignite_rs._core")]
pub(super) struct BaseCluster {
    client: Py<BaseClient>,
}

impl BaseCluster {
    fn run<'py>(
        slf: &Bound<'py, Self>,
        name: &'static str,
        operation: &'static Operation,
        timeout: f64,
        write: impl FnOnce(&mut Writer) -> PyResult<()>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let client = slf.get().client.bind(py);
        let carried = Carried { name, operation, cache: None, target: Target::Any, finish: Finish::Reply };
        face::run(client, carried, timeout, |request| {
            client.get().require(py, "the cluster's state", |context| operation.is_known_to(context))?;
            write(&mut request.out)
        })
    }
}

/// The member of the enumeration `ClusterState`.
pub(super) fn state_to_python(py: Python<'_>, state: ClusterState) -> PyResult<Bound<'_, PyAny>> {
    py.import("pyignite_rs.datatypes.cluster_state")?.getattr("ClusterState")?.call1((state as u8,))
}

#[pymethods]
impl BaseCluster {
    /// Args:
    ///     client: The client that the cluster is reached through.
    #[new]
    fn new(client: Py<BaseClient>) -> Self {
        Self { client }
    }

    /// Read the state of the cluster.
    ///
    /// Args:
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     ClusterState: INACTIVE, ACTIVE or ACTIVE_READ_ONLY (awaitable on AioCluster)
    ///
    /// Raises:
    ///     ClusterError: The server refuses.
    ///     NotSupportedByClusterError: The server is older than Ignite 2.9.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///
    /// Wire: OP_CLUSTER_GET_STATE, 5000, since 1.7 with feature 2.
    #[pyo3(signature = (timeout=0.0))]
    fn get_state<'py>(slf: &Bound<'py, Self>, #[pyo3(from_py_with = seconds)] timeout: f64) -> PyResult<Bound<'py, PyAny>> {
        Self::run(slf, "AioCluster.get_state", &cluster::GET_STATE, timeout, |_| Ok(()))
    }

    /// Change the state of the cluster. Deactivation drops caches that are not persistent, with their entries.
    ///
    /// Args:
    ///     state: `ClusterState` or its number: what the cluster is to be.
    ///     timeout: Seconds that the call may take; 0 is the client's own limit.
    ///
    /// Returns:
    ///     None: (awaitable on AioCluster)
    ///
    /// Raises:
    ///     ClusterError: The server refuses.
    ///     NotSupportedByClusterError: The server is older than Ignite 2.9.
    ///     OSError: The connection was lost, or the time limit passed (TimeoutError).
    ///     ValueError: A number that is no state.
    ///
    /// Wire: OP_CLUSTER_CHANGE_STATE, 5001, since 1.7 with feature 2.
    #[pyo3(signature = (state, timeout=0.0))]
    fn set_state<'py>(
        slf: &Bound<'py, Self>,
        state: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = seconds)] timeout: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::run(slf, "AioCluster.set_state", &cluster::CHANGE_STATE, timeout, |out| {
            let number = state.extract::<i64>()?;
            let known = u8::try_from(number).ok().and_then(ClusterState::from_code);
            let known = known.ok_or_else(|| PyValueError::new_err(format!("{number} is no state of a cluster (0 to 2)")))?;
            out.u8(known as u8);
            Ok(())
        })
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(format!("<{}>", slf.get_type().name()?))
    }
}
