//! The options of a client whose names begin with `ssl_`, with the meaning that CPython's module `ssl` gives to their values.

use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString};

use super::error::wrong_type;
use crate::client::{Secret, TlsOptions, TlsVersion};

const PROTOCOL_TLS: i64 = 2;
const PROTOCOL_TLS_CLIENT: i64 = 16;

/// Members of `ssl.TLSVersion`.
fn version(code: i64) -> Option<TlsVersion> {
    Some(match code {
        769 => TlsVersion::V1_0,
        770 => TlsVersion::V1_1,
        771 => TlsVersion::V1_2,
        772 => TlsVersion::V1_3,
        _ => return None,
    })
}

/// `ssl.PROTOCOL_TLSv1` and its younger sisters, or a member of `ssl.TLSVersion`.
fn only_version(code: i64) -> Option<TlsVersion> {
    version(if (3..=5).contains(&code) { code - 3 + 769 } else { code })
}

/// What a client was given; looked at when it turns out that TLS is wanted.
#[derive(Default)]
pub(super) struct Choices<'py> {
    version: Option<Bound<'py, PyAny>>,
    minimum: Option<Bound<'py, PyAny>>,
    level: Option<Bound<'py, PyAny>>,
    ciphers: Option<Bound<'py, PyAny>>,
    check_hostname: Option<Bound<'py, PyAny>>,
    system_roots: Option<Bound<'py, PyAny>>,
    ca_file: Option<Bound<'py, PyAny>>,
    certificate_file: Option<Bound<'py, PyAny>>,
    key_file: Option<Bound<'py, PyAny>>,
    key_password: Option<Bound<'py, PyAny>>,
}

/// What may be meant by `ssl_version`, `ssl_cert_reqs` and `ssl_minimum_version`.
const VERSIONS: &str = "ssl.PROTOCOL_TLS, PROTOCOL_TLSv1_2 or another of these, or a member of ssl.TLSVersion";
const LEVELS: &str = "ssl.CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED";
const MINIMUMS: &str = "a member of ssl.TLSVersion, from TLSv1 to TLSv1_3";

fn constant(name: &str, wanted: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    value.extract().map_err(|_| wrong_type(name, wanted, value))
}

fn no_such(name: &str, wanted: &str, code: i64) -> PyErr {
    PyValueError::new_err(format!("{name} must be {wanted}, not {code}"))
}

/// As pyignite takes them: an empty one counts as none.
fn given<'a, 'py>(value: &'a Option<Bound<'py, PyAny>>) -> PyResult<Option<&'a Bound<'py, PyAny>>> {
    match value {
        Some(value) if value.is_truthy()? => Ok(Some(value)),
        _ => Ok(None),
    }
}

fn path(value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let text: String = value.py().import("os")?.call_method1("fsdecode", (value,))?.extract()?;
    Ok(text.into())
}

/// Text, bytes, or a function that returns one of them.
fn password(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_str()?.as_bytes().to_vec());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(bytes.to_vec());
    }
    if value.is_callable() {
        return password(&value.call0()?);
    }
    Err(wrong_type("ssl_keyfile_password", "a str, bytes, or a function that returns one", value))
}

impl<'py> Choices<'py> {
    /// Keeps an option; `false` if there is none of this name.
    pub fn take(&mut self, name: &str, value: Bound<'py, PyAny>) -> bool {
        let place = match name {
            "ssl_version" => &mut self.version,
            "ssl_minimum_version" => &mut self.minimum,
            "ssl_cert_reqs" => &mut self.level,
            "ssl_ciphers" => &mut self.ciphers,
            "ssl_check_hostname" => &mut self.check_hostname,
            "ssl_system_roots" => &mut self.system_roots,
            "ssl_ca_certfile" => &mut self.ca_file,
            "ssl_certfile" => &mut self.certificate_file,
            "ssl_keyfile" => &mut self.key_file,
            "ssl_keyfile_password" => &mut self.key_password,
            _ => return false,
        };
        *place = Some(value);
        true
    }

    /// What they mean.
    pub fn options(&self) -> PyResult<TlsOptions> {
        let mut options = TlsOptions::default();
        let is_client_protocol = self.versions(&mut options)?;
        self.checks(&mut options, is_client_protocol)?;
        let ciphers = |given: &Bound<'py, PyAny>| given.extract().map_err(|_| wrong_type("ssl_ciphers", "a str", given));
        options.ciphers = given(&self.ciphers)?.map(ciphers).transpose()?;
        options.ca_file = given(&self.ca_file)?.map(path).transpose()?;
        options.certificate_file = given(&self.certificate_file)?.map(path).transpose()?;
        // An empty one is a file that does not exist, where there is a certificate.
        options.key_file = self.key_file.as_ref().filter(|value| !value.is_none()).map(path).transpose()?;
        if given(&self.key_file)?.is_some() && options.certificate_file.is_none() {
            return Err(PyValueError::new_err("ssl_keyfile needs an ssl_certfile beside it"));
        }
        if let Some(value) = self.key_password.as_ref().filter(|value| !value.is_none()) {
            options.key_password = Some(Secret::new(password(value)?));
        }
        Ok(options)
    }

    /// Whether the version is `ssl.PROTOCOL_TLS_CLIENT`, which asks for checks as well.
    fn versions(&self, options: &mut TlsOptions) -> PyResult<bool> {
        // pyignite's None is PROTOCOL_TLS, as in ssl.SSLContext(None).
        let code = match &self.version {
            Some(value) if value.is_none() => Some(PROTOCOL_TLS),
            Some(value) => Some(constant("ssl_version", VERSIONS, value)?),
            None => None,
        };
        match code {
            None => {}
            Some(PROTOCOL_TLS | PROTOCOL_TLS_CLIENT) => options.maximum = None,
            Some(code) => {
                let only = only_version(code);
                options.minimum = only.ok_or_else(|| no_such("ssl_version", VERSIONS, code))?;
                options.maximum = Some(options.minimum);
            }
        }
        if let Some(value) = self.minimum.as_ref().filter(|value| !value.is_none()) {
            let number = constant("ssl_minimum_version", MINIMUMS, value)?;
            options.minimum = version(number).ok_or_else(|| no_such("ssl_minimum_version", MINIMUMS, number))?;
            if code.is_none() {
                // Whoever names a minimum alone means: or newer.
                options.maximum = None;
            }
            if options.maximum.is_some_and(|maximum| maximum < options.minimum) {
                return Err(PyValueError::new_err("ssl_minimum_version is newer than ssl_version"));
            }
        }
        Ok(code == Some(PROTOCOL_TLS_CLIENT))
    }

    fn checks(&self, options: &mut TlsOptions, is_client_protocol: bool) -> PyResult<()> {
        let flag = |value: &Option<Bound<'py, PyAny>>| match value {
            Some(value) if !value.is_none() => value.is_truthy().map(Some),
            _ => Ok(None),
        };
        let level = match self.level.as_ref().filter(|value| !value.is_none()) {
            Some(value) => Some(constant("ssl_cert_reqs", LEVELS, value)?),
            None => None,
        };
        let wanted = flag(&self.check_hostname)?;
        options.system_roots = flag(&self.system_roots)?.unwrap_or(false);
        options.verify = match level {
            // Whoever wants the name checked wants the certificate checked that has it.
            None => wanted == Some(true),
            Some(0) => false,
            // For a client both mean the same: a server always sends a certificate.
            Some(1 | 2) => true,
            Some(level) => return Err(no_such("ssl_cert_reqs", LEVELS, level)),
        };
        options.check_host = wanted.unwrap_or(is_client_protocol);
        if options.check_host && !options.verify {
            let why =
                if is_client_protocol { "ssl.PROTOCOL_TLS_CLIENT checks the server's name" } else { "ssl_check_hostname=True" };
            return Err(PyValueError::new_err(format!("{why}: it needs ssl_cert_reqs=ssl.CERT_REQUIRED")));
        }
        Ok(())
    }
}
