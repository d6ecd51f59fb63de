//! The one place where failures become Python exceptions.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::import::Known;
use crate::client::{Error, ErrorKind, Sent};
use crate::protocol::error::DecodeError;
use crate::protocol::op::{Family, Opens, Operation};
use crate::protocol::status::Status;

/// What an exception tells besides its message.
#[derive(Debug, Default, Clone)]
pub(super) struct Facts {
    pub operation: Option<&'static Operation>,
    pub cache: Option<Arc<str>>,
}

/// An exception of `pyignite_rs.exceptions` by its name.
#[cold]
pub(super) fn named(py: Python<'_>, class: &str, message: String) -> PyErr {
    match Known::get(py).and_then(|known| known.exception(py, class)) {
        Ok(class) => PyErr::from_type(class, message),
        Err(error) => error,
    }
}

/// A setting or an option is wrong.
#[cold]
pub(super) fn parameter_error(py: Python<'_>, message: String) -> PyErr {
    named(py, "ParameterError", message)
}

/// A value is of a type that it can not be of. Only the type is told, since the value may be a secret.
#[cold]
pub(super) fn wrong_type(name: &str, wanted: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let found = value.get_type().qualname().map_or_else(|_| "something else".into(), |name| name.to_string());
    PyTypeError::new_err(format!("{name} must be {wanted}, not {found}"))
}

/// Advice for failures that have a usual cause.
fn advice(status: i32) -> &'static str {
    match Status::from_code(status) {
        Some(Status::CacheDoesNotExist) => "; create it with create_cache() or get_or_create_cache()",
        Some(Status::TooManyCursors) => "; close cursors, or raise maxOpenCursorsPerConnection on the server",
        Some(Status::TxLimitExceeded) => "; end transactions, or raise maxActiveTxPerConnection on the server",
        Some(Status::FunctionalityDisabled) => "; it has to be allowed in the server's thinClientConfiguration",
        Some(Status::InvalidOpCode) => "; the server is too old for it",
        _ => "",
    }
}

fn class_of(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::NoNode(causes) => {
            if error.is_timeout() {
                return "ConnectTimeoutError";
            }
            let refused = |(_, cause): &(_, Error)| matches!(cause.kind(), ErrorKind::Refused(_));
            if !causes.is_empty() && causes.iter().all(refused) { "NodeRefusedError" } else { "NoNodesError" }
        }
        ErrorKind::Refused(refusal) if refusal.is_authentication() => "AuthenticationError",
        ErrorKind::Refused(_) => "NodeRefusedError",
        ErrorKind::Io(_) | ErrorKind::ConnectionClosed => "ConnectionLostError",
        ErrorKind::WrongPeer(_) => "NoNodesError",
        ErrorKind::Timeout => "OperationTimeoutError",
        ErrorKind::Protocol(_) => "ParseError",
        ErrorKind::Server(_) => match error.operation().map(|operation| operation.family) {
            Some(Family::CacheCreation) => "CacheCreationError",
            Some(Family::BinaryType) => "BinaryTypeError",
            Some(Family::Query) => "SQLError",
            Some(Family::Cluster) => "ClusterError",
            Some(Family::Cache | Family::Transaction) | None => "CacheError",
        },
        ErrorKind::HandleLost(Opens::Transaction, _) => "TransactionLostError",
        ErrorKind::HandleLost(..) => "CursorLostError",
        ErrorKind::ClientClosed => "ClientClosedError",
        ErrorKind::Interrupted => "ConnectionLostError",
    }
}

fn message(error: &Error, facts: &Facts) -> String {
    let mut text = match error.kind() {
        ErrorKind::Server(refused) if !refused.message.is_empty() => format!("{}{}", refused.message, advice(refused.status)),
        ErrorKind::Server(refused) => format!("the server refused with status {}{}", refused.status, advice(refused.status)),
        _ => error.to_string(),
    };
    if let Some(operation) = facts.operation {
        text.push_str(&format!(" [{}", operation.name));
        if let Some(cache) = &facts.cache {
            text.push_str(&format!(", cache '{cache}'"));
        }
        let was_carried = matches!(
            error.kind(),
            ErrorKind::Io(_)
                | ErrorKind::ConnectionClosed
                | ErrorKind::HandleLost(..)
                | ErrorKind::Timeout
                | ErrorKind::Protocol(_)
        );
        if was_carried && error.was_sent() == Sent::Maybe {
            text.push_str(", outcome unknown");
        }
        text.push(']');
    }
    text
}

/// The exception for a failed call.
#[cold]
pub(super) fn to_python(py: Python<'_>, error: &Error, facts: Facts) -> PyErr {
    let facts = Facts { operation: facts.operation.or(error.operation()), cache: facts.cache };
    build(py, error, &facts).unwrap_or_else(|failure| failure)
}

fn build(py: Python<'_>, error: &Error, facts: &Facts) -> PyResult<PyErr> {
    let class = Known::get(py)?.exception(py, class_of(error))?;
    let message = message(error, facts);
    let refusal = match error.kind() {
        ErrorKind::Refused(refusal) => Some(refusal),
        ErrorKind::NoNode(causes) => causes.iter().find_map(|(_, cause)| match cause.kind() {
            ErrorKind::Refused(refusal) => Some(refusal),
            _ => None,
        }),
        _ => None,
    };
    let exception = match refusal {
        Some(refusal) if class_of(error) == "NodeRefusedError" => {
            class.call1(((refusal.server.major, refusal.server.minor, refusal.server.patch), message))?
        }
        _ => class.call1((message,))?,
    };
    if let ErrorKind::Server(refused) = error.kind() {
        exception.setattr("code", refused.status)?;
    }
    if let Some(status) = refusal.and_then(|refusal| refusal.status) {
        exception.setattr("code", status)?;
    }
    if let ErrorKind::NoNode(causes) = error.kind() {
        let causes = causes.iter().map(|(address, cause)| (address.to_string(), cause.to_string()));
        exception.setattr("causes", PyTuple::new(py, causes.collect::<Vec<_>>())?)?;
    }
    if let Some(address) = error.address() {
        exception.setattr("address", address.to_string())?;
    }
    let sent = match (error.kind(), error.was_sent()) {
        (ErrorKind::Server(_), _) => None,
        (_, Sent::No) => Some("no"),
        (_, Sent::Maybe) => Some("maybe"),
    };
    exception.setattr("sent", sent)?;
    set_facts(&exception, facts)?;
    Ok(PyErr::from_value(exception))
}

fn set_facts(exception: &Bound<'_, PyAny>, facts: &Facts) -> PyResult<()> {
    if let Some(operation) = facts.operation {
        exception.setattr("operation", operation.name)?;
    }
    if let Some(cache) = &facts.cache {
        exception.setattr("cache", &**cache)?;
    }
    Ok(())
}

/// The exception for bytes that can not be read. The connection is unharmed: the message was whole.
#[cold]
pub(super) fn parse_error(py: Python<'_>, error: &DecodeError, facts: Facts) -> PyErr {
    let build = || {
        let mut message = error.to_string();
        if let Some(operation) = facts.operation {
            message.push_str(&format!(" [{}", operation.name));
            if let Some(cache) = &facts.cache {
                message.push_str(&format!(", cache '{cache}'"));
            }
            message.push(']');
        }
        let exception = Known::get(py)?.exception(py, "ParseError")?.call1((message,))?;
        set_facts(&exception, &facts)?;
        Ok(PyErr::from_value(exception))
    };
    build().unwrap_or_else(|failure: PyErr| failure)
}
