//! Room 3, Python: the extension module `pyignite_rs._core`.
//!
//! May use PyO3 and the other two rooms. Never sockets, byte layouts or choices about retries.
#![allow(unsafe_code)]

use pyo3::prelude::*;

mod decode;
mod encode;
mod hint;
mod import;
mod wire;

/// Rust half of pyignite_rs: connections, codec and the classes under `Client`, `AioClient`, `Cache` and `AioCache`.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    wire::register(module)?;
    Ok(())
}
