//! Keyword arguments of a client become its configuration.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::import::Known;
use crate::client::config::DEFAULT_HANDSHAKE_TIMEOUT;
use crate::client::{Address, Config, Secret};

fn parameter_error(py: Python<'_>, message: String) -> PyErr {
    match Known::get(py).and_then(|known| known.exception(py, "ParameterError")) {
        Ok(class) => PyErr::from_type(class, message),
        Err(error) => error,
    }
}

fn unsupported(py: Python<'_>, message: &'static str) -> PyErr {
    match Known::get(py).and_then(|known| known.exception(py, "NotSupportedError")) {
        Ok(class) => PyErr::from_type(class, message),
        Err(error) => error,
    }
}

fn positive(py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let seconds = value.extract::<f64>().ok().filter(|seconds| *seconds > 0.0);
    let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    limit.ok_or_else(|| parameter_error(py, format!("{name} should be a positive number of seconds, not {value}")))
}

/// Reads the options that `Client(...)` was given.
pub(super) fn config(py: Python<'_>, addresses: Vec<(String, u16)>, options: &Bound<'_, PyDict>) -> PyResult<Config> {
    let addresses = addresses.into_iter().map(|(host, port)| Address { host, port }).collect();
    let mut config = Config::new(addresses);
    let (mut username, mut password): (Option<String>, Option<String>) = (None, None);
    for (name, value) in options.iter() {
        let name: String = name.extract()?;
        match name.as_str() {
            // pyignite's zero is a non-blocking socket, which can only fail; here it is no limit, as everywhere else.
            "timeout" => {
                let none = value.is_none() || value.eq(0)?;
                config.timeout = if none { None } else { Some(positive(py, &name, &value)?) };
            }
            "handshake_timeout" => {
                config.handshake_timeout = if value.is_none() { DEFAULT_HANDSHAKE_TIMEOUT } else { positive(py, &name, &value)? };
            }
            "username" => username = value.extract()?,
            "password" => password = value.extract()?,
            "max_connections_per_node" => {
                let number = value.extract::<usize>().ok().filter(|number| *number > 0);
                config.max_connections_per_node = number
                    .ok_or_else(|| parameter_error(py, format!("max_connections_per_node should be 1 or more, not {value}")))?;
            }
            "use_ssl" => {
                if value.is_truthy()? {
                    return Err(unsupported(py, "this version does not speak TLS yet; use_ssl must be False"));
                }
            }
            "ssl_version"
            | "ssl_ciphers"
            | "ssl_cert_reqs"
            | "ssl_keyfile"
            | "ssl_keyfile_password"
            | "ssl_certfile"
            | "ssl_ca_certfile" => {}
            _ => return Err(parameter_error(py, format!("unexpected parameter: {name}"))),
        }
    }
    if let Some(username) = username {
        config.credentials = Some((username, Secret::new(password.unwrap_or_default())));
    }
    Ok(config)
}
