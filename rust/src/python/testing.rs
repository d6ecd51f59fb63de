//! The scripted node and the gate as Python objects. `pyignite_rs.testing` is what users see of them.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::lock::lock;
use crate::testing::{Direction, FakeNode, Fault, Gate, Greeting, Recorded, Rule, Settings, code_of, name_of};

/// An action of `pyignite_rs.testing`: its kind and what it was made with.
fn fault(action: &Bound<'_, PyTuple>) -> PyResult<Fault> {
    let kind: String = action.get_item(0)?.extract()?;
    let argument = |index: usize| action.get_item(index);
    let seconds = |index: usize| -> PyResult<Duration> {
        let seconds: f64 = argument(index)?.extract()?;
        Duration::try_from_secs_f64(seconds).map_err(|_| PyValueError::new_err(format!("a pause can not be {seconds} seconds")))
    };
    Ok(match kind.as_str() {
        "cut" => Fault::Cut { bytes: argument(1)?.extract()?, reset: argument(2)?.extract()? },
        "half_close" => Fault::HalfClose { bytes: argument(1)?.extract()? },
        "hold" => Fault::Hold(seconds(1)?),
        "keep" => Fault::Keep,
        "silence" => Fault::Silence,
        "dribble" => Fault::Dribble(seconds(1)?),
        "throttle" => Fault::Throttle { bytes_per_second: argument(1)?.extract()? },
        "instead" => Fault::Instead(argument(1)?.extract()?),
        "then" => Fault::Then(argument(1)?.extract()?),
        "first" => Fault::First(argument(1)?.extract()?),
        "with_payload" => Fault::Payload(argument(1)?.extract()?),
        "refusal" => Fault::Refuse { status: argument(1)?.extract()?, message: argument(2)?.extract::<String>()?.into() },
        "stray_first" => Fault::StrayFirst(argument(1)?.extract()?),
        "wrong_id" => Fault::WrongId(argument(1)?.extract()?),
        "garble" => Fault::Garble { offset: argument(1)?.extract()?, mask: argument(2)?.extract()? },
        "repeat" => Fault::Repeat,
        "swap" => Fault::Swap,
        "topology" => Fault::Topology { major: argument(1)?.extract()?, minor: argument(2)?.extract()? },
        "deaf" => Fault::Deaf,
        "black_hole" => Fault::BlackHole,
        _ => return Err(PyValueError::new_err(format!("there is no action '{kind}'"))),
    })
}

fn rule(operation: Option<&str>, action: &Bound<'_, PyTuple>, times: usize, skip: usize, on: &str) -> PyResult<Rule> {
    let known = |name| code_of(name).ok_or_else(|| PyValueError::new_err(format!("there is no operation '{name}'")));
    let operation = operation.map(known).transpose()?;
    let direction = match on {
        "answer" => Direction::Answer,
        "request" => Direction::Request,
        _ => return Err(PyValueError::new_err(format!("a rule is on 'answer' or on 'request', not on '{on}'"))),
    };
    Ok(Rule { operation, direction, fault: fault(action)?, skip, times })
}

fn by_name(py: Python<'_>, counts: Vec<(i16, usize)>) -> PyResult<Bound<'_, PyDict>> {
    let counted = PyDict::new(py);
    for (code, count) in counts {
        match name_of(code) {
            Some(name) => counted.set_item(name, count)?,
            None => counted.set_item(code.to_string(), count)?,
        }
    }
    Ok(counted)
}

fn failed(error: std::io::Error) -> PyErr {
    PyOSError::new_err(error.to_string())
}

/// A pair of UUID halves, most significant first.
fn halves(id: [u8; 16]) -> (u64, u64) {
    let half = |at: usize| id.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    (half(0), half(8))
}

/// What the node and the gate have in common.
macro_rules! scripted {
    ($name:ident($inner:ty) { $($own:tt)* }) => {
        impl $name {
            fn lock(&self) -> MutexGuard<'_, $inner> {
                lock(&self.0)
            }
        }

        #[pymethods]
        impl $name {
            $($own)*

            #[getter]
            fn port(&self) -> u16 {
                self.address().port()
            }

            #[getter]
            fn is_listening(&self) -> bool {
                self.lock().is_listening()
            }

            /// Connections made in all.
            #[getter]
            fn accepted(&self) -> usize {
                self.lock().accepted()
            }

            /// Connections open now.
            #[getter]
            fn open(&self) -> usize {
                self.lock().open()
            }

            fn start(&self, py: Python<'_>) -> PyResult<()> {
                py.detach(|| self.lock().listen()).map_err(failed)
            }

            fn stop(&self, py: Python<'_>) {
                py.detach(|| self.lock().stop());
            }

            fn hang(&self, py: Python<'_>) -> PyResult<()> {
                py.detach(|| self.lock().black_hole()).map_err(failed)
            }

            fn kick(&self, py: Python<'_>, reset: bool) {
                py.detach(|| self.lock().kick(reset));
            }

            fn rule(
                &self,
                operation: Option<&str>,
                action: &Bound<'_, PyTuple>,
                times: usize,
                skip: usize,
                on: &str,
            ) -> PyResult<()> {
                let rule = rule(operation, action, times, skip, on)?;
                self.lock().add_rule(rule);
                Ok(())
            }

            fn forget_rules(&self) {
                self.lock().forget_rules();
            }

            fn release(&self, py: Python<'_>) {
                py.detach(|| self.lock().release());
            }

            fn requests<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                let counts = self.lock().all_requests();
                by_name(py, counts)
            }

            fn by_connection(&self) -> Vec<(usize, usize)> {
                self.lock().by_connection()
            }

            fn reset_counters(&self) {
                self.lock().reset_counters();
            }
        }

        impl $name {
            fn address(&self) -> SocketAddr {
                self.lock().address()
            }
        }
    };
}

/// A stand-in for a node. Use `pyignite_rs.testing.FakeNode`.
#[pyclass(frozen, module = "pyignite_rs._core")]
pub(super) struct ScriptedNode(Mutex<FakeNode>);

/// A proxy in front of a node. Use `pyignite_rs.testing.GateProxy`.
#[pyclass(frozen, module = "pyignite_rs._core")]
pub(super) struct ScriptedGate(Mutex<Gate>);

scripted!(ScriptedGate(Gate) {
    #[new]
    fn new(py: Python<'_>, host: &str, port: u16) -> PyResult<Self> {
        py.detach(|| Gate::start(host, port)).map(|gate| Self(Mutex::new(gate))).map_err(failed)
    }
});

scripted!(ScriptedNode(FakeNode) {
    #[new]
    #[pyo3(signature = (beside, port=0, newest=(1, 7, 0), features=None, any_cache=false, partitions=1024, users=Vec::new(),
        max_cursors=128, max_transactions=100, listed=true))]
    #[allow(clippy::too_many_arguments, reason = "each is a choice of the user, by name in `pyignite_rs.testing`")]
    fn new(
        py: Python<'_>,
        beside: Option<&Self>,
        port: u16,
        newest: (i16, i16, i16),
        features: Option<u64>,
        any_cache: bool,
        partitions: u32,
        users: Vec<(String, String)>,
        max_cursors: usize,
        max_transactions: usize,
        listed: bool,
    ) -> PyResult<Self> {
        let mut settings = Settings {
            port,
            newest: newest.into(),
            any_cache,
            partitions,
            users,
            max_cursors,
            max_transactions,
            listed,
            ..Settings::default()
        };
        settings.features = features.unwrap_or(settings.features);
        let started = py.detach(|| match beside {
            Some(node) => node.lock().join(settings),
            None => FakeNode::with(settings),
        });
        started.map(|node| Self(Mutex::new(node))).map_err(failed)
    }

    #[getter]
    fn node_id(&self) -> (u64, u64) {
        halves(self.lock().id())
    }

    #[getter]
    fn open_cursors(&self) -> usize {
        self.lock().open_cursors()
    }

    #[getter]
    fn open_transactions(&self) -> usize {
        self.lock().open_transactions()
    }

    #[getter]
    fn topology(&self) -> (i64, i32) {
        self.lock().topology()
    }

    fn set_topology(&self, version: (i64, i32)) {
        self.lock().set_topology(version.0, version.1);
    }

    #[getter]
    fn state(&self) -> u8 {
        self.lock().state()
    }

    fn set_state(&self, state: u8) {
        self.lock().set_state(state);
    }

    fn offers(&self) -> Vec<(i16, i16, i16)> {
        self.lock().offers().into_iter().map(|[major, minor, patch]| (major, minor, patch)).collect()
    }

    /// None: a handshake. 'mute': silence. Else bytes, and whether the connection is closed after them.
    #[pyo3(signature = (mute, data=None, then_close=false))]
    fn greet(&self, mute: bool, data: Option<Vec<u8>>, then_close: bool) {
        self.lock().greet(match data {
            Some(bytes) => Greeting::Say { bytes, then_close },
            None if mute => Greeting::Mute,
            None => Greeting::Handshake,
        });
    }

    fn leave(&self) {
        self.lock().leave();
    }

    fn create_cache(&self, name: &str, transactional: bool) {
        self.lock().create_cache(name, transactional);
    }

    fn cache_names(&self) -> Vec<String> {
        self.lock().cache_names()
    }

    /// Whether there is such a cache.
    fn put(&self, name: &str, key: &[u8], value: &[u8]) -> bool {
        self.lock().put(name, key, value)
    }

    fn entries<'py>(&self, py: Python<'py>, name: &str) -> Option<Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>> {
        let entries = self.lock().entries(name)?;
        Some(entries.iter().map(|(key, value)| (PyBytes::new(py, key), PyBytes::new(py, value))).collect())
    }

    fn is_primary(&self, key: &[u8]) -> bool {
        self.lock().is_primary(key)
    }

    #[pyo3(signature = (statement, columns, rows, arguments=None, refusal=None))]
    fn record(
        &self,
        statement: String,
        columns: Vec<String>,
        rows: Vec<Vec<Vec<u8>>>,
        arguments: Option<Vec<Vec<u8>>>,
        refusal: Option<(i32, String)>,
    ) {
        self.lock().record(Recorded { statement, arguments, columns, rows, refusal });
    }

    fn forget_records(&self) {
        self.lock().forget_records();
    }
});

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ScriptedNode>()?;
    module.add_class::<ScriptedGate>()
}
