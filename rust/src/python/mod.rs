//! Room 3, Python: the extension module `pyignite_rs._core`.
//!
//! May use PyO3 and the other two rooms. Never sockets, byte layouts or choices about retries.
#![allow(unsafe_code, reason = "PyO3's raw interface in the codec's inner loops, and three calls of the C library")]

use pyo3::prelude::*;

mod cache;
mod call;
mod client;
mod cluster;
mod cursor;
mod decode;
mod encode;
mod error;
mod event;
mod expiry;
mod face;
mod hint;
mod import;
mod options;
mod plan;
mod port;
mod request;
mod row;
mod runtime;
mod settings;
mod several;
mod testing;
mod tls;
mod transaction;
mod types;
mod wire;

/// Rust half of pyignite_rs: connections, codec and the classes under `Client`, `AioClient`, `Cache` and `AioCache`.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<client::BaseClient>()?;
    module.add_class::<cache::BaseCache>()?;
    module.add_class::<transaction::BaseTransaction>()?;
    module.add_class::<cursor::Start>()?;
    module.add_class::<row::Row>()?;
    module.add_class::<cursor::BaseCursor>()?;
    module.add_class::<cursor::SyncCursor>()?;
    module.add_class::<cursor::AsyncCursor>()?;
    module.add_class::<cluster::BaseCluster>()?;
    module.add_class::<call::Call>()?;
    module.add_class::<several::Several>()?;
    module.add_class::<plan::ObjectPlan>()?;
    module.add_function(wrap_pyfunction!(event::_next_event, module)?)?;
    wire::register(module)?;
    testing::register(module)?;
    runtime::register(module)?;
    Ok(())
}
