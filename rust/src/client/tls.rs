//! TLS over memory buffers: bytes in, bytes out, no socket. So one TLS layer serves blocking lanes and tokio alike.

use std::fmt;
use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::path::PathBuf;

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{Error as SslError, ErrorCode, Ssl, SslContext, SslMethod, SslStream, SslVerifyMode, SslVersion};
use openssl::x509::X509VerifyResult;

use super::config::Secret;
use super::core::Input;

/// Protocol versions of TLS that may be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// Whatever both sides know.
    Any,
    V1_0,
    V1_1,
    V1_2,
}

/// What a user can choose about TLS. The server's name is never checked, as in pyignite.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    pub version: TlsVersion,
    /// An OpenSSL cipher list.
    pub ciphers: Option<String>,
    /// Whether the server's certificate has to be valid.
    pub verify: bool,
    /// Certificates that are trusted.
    pub ca_file: Option<PathBuf>,
    /// This client's certificate and the chain above it.
    pub certificate_file: Option<PathBuf>,
    /// Its private key; the certificate's file when there is no file of its own.
    pub key_file: Option<PathBuf>,
    pub key_password: Option<Secret>,
}

/// Why TLS could not be set up or spoken.
#[derive(Debug, Clone)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

impl From<TlsError> for std::io::Error {
    fn from(error: TlsError) -> Self {
        Self::other(error)
    }
}

/// The reasons of OpenSSL without its file names and line numbers.
fn reasons(stack: &ErrorStack) -> String {
    let reasons: Vec<_> = stack.errors().iter().filter_map(|error| error.reason()).collect();
    if reasons.is_empty() { "unknown failure".into() } else { reasons.join(", ") }
}

fn failed(what: &str) -> impl Fn(ErrorStack) -> TlsError + '_ {
    move |stack| TlsError(format!("{what}: {}", reasons(&stack)))
}

impl TlsOptions {
    /// Reads the files and checks the choices.
    fn context(&self) -> Result<SslContext, TlsError> {
        let mut builder = SslContext::builder(SslMethod::tls_client()).map_err(failed("TLS"))?;
        let version = match self.version {
            TlsVersion::Any => None,
            TlsVersion::V1_0 => Some(SslVersion::TLS1),
            TlsVersion::V1_1 => Some(SslVersion::TLS1_1),
            TlsVersion::V1_2 => Some(SslVersion::TLS1_2),
        };
        if version.is_some() {
            builder.set_min_proto_version(version).map_err(failed("ssl_version"))?;
            builder.set_max_proto_version(version).map_err(failed("ssl_version"))?;
        }
        if let Some(ciphers) = &self.ciphers {
            builder.set_cipher_list(ciphers).map_err(failed("ssl_ciphers"))?;
        }
        if let Some(path) = &self.ca_file {
            readable("ssl_ca_certfile", path)?;
            builder.set_ca_file(path).map_err(failed("ssl_ca_certfile"))?;
        }
        if let Some(path) = &self.certificate_file {
            readable("ssl_certfile", path)?;
            builder.set_certificate_chain_file(path).map_err(failed("ssl_certfile"))?;
        }
        if let Some(path) = self.key_file.as_ref().or(self.certificate_file.as_ref()) {
            let pem = std::fs::read(path).map_err(|error| TlsError(format!("ssl_keyfile {}: {error}", path.display())))?;
            let key = match &self.key_password {
                Some(password) => PKey::private_key_from_pem_passphrase(&pem, password.reveal().as_bytes()),
                // Without a password OpenSSL would ask on the terminal for one.
                None => PKey::private_key_from_pem_callback(&pem, |_| Ok(0)),
            };
            let key = key.map_err(failed("ssl_keyfile (is ssl_keyfile_password right?)"))?;
            builder.set_private_key(&key).map_err(failed("ssl_keyfile does not fit ssl_certfile"))?;
        }
        builder.set_verify(if self.verify { SslVerifyMode::PEER } else { SslVerifyMode::NONE });
        Ok(builder.build())
    }

    /// A session that has not begun; `host` is named to the server unless it is a bare address.
    pub fn session(&self, host: &str) -> Result<Session, TlsError> {
        let context = self.context()?;
        let mut ssl = Ssl::new(&context).map_err(failed("TLS"))?;
        if host.parse::<std::net::IpAddr>().is_err() {
            ssl.set_hostname(host).map_err(failed("host name"))?;
        }
        let stream = SslStream::new(ssl, Pipe::default()).map_err(failed("TLS"))?;
        Ok(Session { stream, verify: self.verify })
    }
}

fn readable(option: &str, path: &PathBuf) -> Result<(), TlsError> {
    std::fs::File::open(path).map(drop).map_err(|error| TlsError(format!("{option} {}: {error}", path.display())))
}

/// The two directions of a connection, as memory.
#[derive(Debug, Default)]
struct Pipe {
    incoming: Vec<u8>,
    taken: usize,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let left = self.incoming.get(self.taken..).unwrap_or_default();
        if left.is_empty() {
            self.incoming.clear();
            self.taken = 0;
            return Err(IoErrorKind::WouldBlock.into());
        }
        let length = left.len().min(into.len());
        into[..length].copy_from_slice(&left[..length]);
        self.taken += length;
        Ok(length)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// TLS of one connection.
pub struct Session {
    stream: SslStream<Pipe>,
    verify: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.stream.ssl().version_str())
    }
}

impl Session {
    /// Goes on with the handshake as far as the received bytes lead; `true` when it is done.
    pub fn shake_hands(&mut self) -> Result<bool, TlsError> {
        match self.stream.connect() {
            Ok(()) => Ok(true),
            Err(error) if error.code() == ErrorCode::WANT_READ => Ok(false),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// Bytes came from the socket.
    pub fn received(&mut self, bytes: &[u8]) {
        self.stream.get_mut().incoming.extend_from_slice(bytes);
    }

    /// Moves what has to go to the socket to the end of `out`.
    pub fn take_outgoing(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.stream.get_mut().outgoing);
    }

    /// Encrypts a message.
    pub fn encrypt(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        // The pipe takes everything, so a write is never done by halves.
        self.stream.write_all(plain).map_err(|error| TlsError(format!("TLS: {error}")))
    }

    /// Decrypts everything that has come; `false` when the server has ended the session.
    pub fn decrypt(&mut self, input: &mut Input) -> Result<bool, TlsError> {
        loop {
            match self.stream.ssl_read(input.space()) {
                Ok(length) => input.received(length),
                Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(true),
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => return Ok(false),
                Err(error) => return Err(self.explain(&error)),
            }
        }
    }

    fn explain(&self, error: &SslError) -> TlsError {
        let text = error.ssl_error().map_or_else(|| error.to_string(), reasons);
        let verified = self.stream.ssl().verify_result();
        if self.verify && verified != X509VerifyResult::OK {
            return TlsError(format!("TLS: {text}: {}", verified.error_string()));
        }
        TlsError(format!("TLS: {text}"))
    }
}
