//! Keyword arguments of a client become its configuration.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::error::{self, parameter_error};
use crate::client::{Address, Config, Repeat, Secret, TlsOptions, TlsVersion};

/// None stands for the default of these.
fn is_optional(name: &str) -> bool {
    matches!(
        name,
        "timeout"
            | "handshake_timeout"
            | "retry_policy"
            | "username"
            | "password"
            | "ssl_version"
            | "ssl_ciphers"
            | "ssl_cert_reqs"
            | "ssl_keyfile"
            | "ssl_keyfile_password"
            | "ssl_certfile"
            | "ssl_ca_certfile"
    )
}

/// A constant of the standard module `ssl`.
fn tls_version(code: i32) -> Option<TlsVersion> {
    Some(match code {
        // PROTOCOL_TLS, PROTOCOL_TLS_CLIENT
        2 | 16 => TlsVersion::Any,
        // PROTOCOL_TLSv1, PROTOCOL_TLSv1_1, PROTOCOL_TLSv1_2
        3 => TlsVersion::V1_0,
        4 => TlsVersion::V1_1,
        5 => TlsVersion::V1_2,
        _ => return None,
    })
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
    let mut use_ssl = false;
    let mut tls = TlsOptions {
        version: TlsVersion::V1_2,
        ciphers: None,
        verify: false,
        ca_file: None,
        certificate_file: None,
        key_file: None,
        key_password: None,
    };
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
            "username" => username = value.extract()?,
            "password" => password = value.extract()?,
            "max_connections_per_node" => {
                let number = value.extract::<usize>().ok().filter(|number| *number > 0);
                config.max_connections_per_node = number
                    .ok_or_else(|| parameter_error(py, format!("max_connections_per_node should be 1 or more, not {value}")))?;
            }
            "split_multi_key" => config.split_multi_key = value.is_truthy()?,
            "retry_policy" => config.repeat = repeat(&value)?,
            "use_ssl" => use_ssl = value.is_truthy()?,
            "ssl_version" => {
                let code = value.extract().ok().and_then(tls_version);
                tls.version = code.ok_or_else(|| parameter_error(py, format!("ssl_version can not be {value}")))?;
            }
            "ssl_ciphers" => tls.ciphers = value.extract()?,
            "ssl_cert_reqs" => {
                let level = value.extract::<i32>().ok().filter(|level| (0..=2).contains(level));
                // For a client OPTIONAL means the same as REQUIRED: a server always sends a certificate.
                tls.verify = level.ok_or_else(|| parameter_error(py, format!("ssl_cert_reqs can not be {value}")))? > 0;
            }
            "ssl_keyfile" => tls.key_file = value.extract()?,
            "ssl_keyfile_password" => tls.key_password = Some(Secret::new(value.extract()?)),
            "ssl_certfile" => tls.certificate_file = value.extract()?,
            "ssl_ca_certfile" => tls.ca_file = value.extract()?,
            _ => return Err(parameter_error(py, format!("unexpected parameter: {name}"))),
        }
    }
    config.tls = use_ssl.then_some(tls);
    if let Some(username) = username {
        config.credentials = Some((username, Secret::new(password.unwrap_or_default())));
    }
    Ok(config)
}
