//! Keyword arguments of a client become its configuration.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::error::{self, parameter_error, wrong_type};
use super::tls::Choices;
use crate::client::config::DEFAULT_HEARTBEAT_INTERVAL;
use crate::client::heartbeat::Rhythm;
use crate::client::{Address, Config, Repeat, Secret, Tls};

/// None stands for the default of these.
fn is_optional(name: &str) -> bool {
    matches!(
        name,
        "timeout" | "handshake_timeout" | "heartbeat_interval" | "heartbeat_timeout" | "retry_policy" | "username" | "password"
    )
}

/// A word, or a function of the operation's name, the number of attempts and the error.
fn repeat(value: &Bound<'_, PyAny>) -> PyResult<Repeat> {
    let py = value.py();
    if value.is_callable() {
        let judge = value.clone().unbind();
        return Ok(Repeat::Asked(Arc::new(move |operation, attempts, failure| {
            Python::attach(|py| {
                let failure = error::to_python(py, failure, error::Facts { operation: Some(operation), cache: None });
                let judged = judge.call1(py, (operation.name, attempts, failure.into_value(py)));
                judged.and_then(|judged| judged.bind(py).is_truthy()).unwrap_or_else(|raised| {
                    // What the function raises has no caller to go to; the request is not repeated.
                    raised.write_unraisable(py, Some(judge.bind(py)));
                    false
                })
            })
        })));
    }
    match value.extract::<String>().unwrap_or_default().as_str() {
        "none" => Ok(Repeat::None),
        "reads" | "read" => Ok(Repeat::Reads),
        "all" => Ok(Repeat::All),
        _ => Err(parameter_error(py, format!("retry_policy is 'none', 'reads', 'all' or a function, not {value}"))),
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
    let (mut interval, mut timeout) = (Some(DEFAULT_HEARTBEAT_INTERVAL), None);
    let mut use_ssl = false;
    let mut tls = Choices::default();
    let (mut username, mut password): (Option<String>, Option<String>) = (None, None);
    for (name, value) in options.iter() {
        let name: String = name.extract()?;
        if value.is_none() && is_optional(&name) {
            continue;
        }
        match name.as_str() {
            // pyignite's zero is a non-blocking socket, which can only fail; here it is no limit, as everywhere else.
            "timeout" => {
                config.timeout = if value.eq(0)? { None } else { Some(positive(py, &name, &value)?) };
            }
            "handshake_timeout" => {
                config.handshake_timeout = positive(py, &name, &value)?;
            }
            "heartbeat_interval" => {
                interval = if value.eq(0)? { None } else { Some(positive(py, &name, &value)?) };
            }
            "heartbeat_timeout" => timeout = Some(positive(py, &name, &value)?),
            "username" => username = Some(value.extract().map_err(|_| wrong_type(&name, "a str", &value))?),
            "password" => password = Some(value.extract().map_err(|_| wrong_type(&name, "a str", &value))?),
            "max_connections_per_node" => {
                let number = value.extract::<usize>().ok().filter(|number| *number > 0);
                config.max_connections_per_node = number
                    .ok_or_else(|| parameter_error(py, format!("max_connections_per_node should be 1 or more, not {value}")))?;
            }
            "split_multi_key" => config.split_multi_key = value.is_truthy()?,
            "retry_policy" => config.repeat = repeat(&value)?,
            "use_ssl" => use_ssl = value.is_truthy()?,
            _ if tls.take(&name, value) => {}
            _ => return Err(parameter_error(py, format!("unexpected parameter: {name}"))),
        }
    }
    config.heartbeats = interval.map(|interval| Rhythm { interval, timeout });
    config.tls = if use_ssl { Some(Arc::new(Tls::new(tls.options()?))) } else { None };
    if let Some(username) = username {
        config.credentials = Some((username, Secret::new(password.unwrap_or_default())));
    }
    Ok(config)
}
