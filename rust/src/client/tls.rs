//! TLS over memory buffers: bytes in, bytes out, no socket. So one TLS layer serves blocking lanes and tokio alike.

use std::fmt;
use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{
    Error as SslError, ErrorCode, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::X509VerifyResult;
use openssl::x509::verify::X509CheckFlags;

use super::config::Secret;
use super::core::Input;
use crate::lock::lock;

/// What CPython's `ssl` offers to servers, and so pyignite: forward secrecy, nothing of SHA-1, keys of 112 bits of strength.
const DEFAULT_CIPHERS: &str = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM";

/// A version of the TLS protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
}

impl From<TlsVersion> for SslVersion {
    fn from(version: TlsVersion) -> Self {
        match version {
            TlsVersion::V1_0 => Self::TLS1,
            TlsVersion::V1_1 => Self::TLS1_1,
            TlsVersion::V1_2 => Self::TLS1_2,
            TlsVersion::V1_3 => Self::TLS1_3,
        }
    }
}

/// What a user can choose about TLS. The defaults are pyignite's: TLS 1.2, and nothing of the server is checked.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    pub minimum: TlsVersion,
    /// The newest version that both sides know without.
    pub maximum: Option<TlsVersion>,
    /// An OpenSSL cipher list, for TLS up to 1.2.
    pub ciphers: Option<String>,
    /// Whether the server's certificate has to be valid.
    pub verify: bool,
    /// Whether it also has to be for the host that was connected to.
    pub check_host: bool,
    /// Whether the authorities that this machine trusts are trusted.
    pub system_roots: bool,
    /// Certificates that are trusted.
    pub ca_file: Option<PathBuf>,
    /// This client's certificate and the chain above it.
    pub certificate_file: Option<PathBuf>,
    /// Its private key; the certificate's file when there is no file of its own.
    pub key_file: Option<PathBuf>,
    pub key_password: Option<Secret<Vec<u8>>>,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            minimum: TlsVersion::V1_2,
            maximum: Some(TlsVersion::V1_2),
            ciphers: None,
            verify: false,
            check_host: false,
            system_roots: false,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            key_password: None,
        }
    }
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
    fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.ca_file, &self.certificate_file, &self.key_file].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Reads the files and checks the choices.
    fn context(&self) -> Result<SslContext, TlsError> {
        let mut builder = SslContext::builder(SslMethod::tls_client()).map_err(failed("TLS"))?;
        builder.set_options(SslOptions::ALL | SslOptions::NO_COMPRESSION);
        builder.set_min_proto_version(Some(self.minimum.into())).map_err(failed("ssl_version"))?;
        builder.set_max_proto_version(self.maximum.map(Into::into)).map_err(failed("ssl_version"))?;
        // First, because a list of the user's keeps the level of security unless it names another.
        builder.set_cipher_list(DEFAULT_CIPHERS).map_err(failed("TLS"))?;
        if let Some(ciphers) = &self.ciphers {
            builder.set_cipher_list(ciphers).map_err(failed("ssl_ciphers"))?;
        }
        if self.system_roots {
            builder.set_default_verify_paths().map_err(failed("ssl_system_roots"))?;
        }
        if let Some(path) = &self.ca_file {
            readable("ssl_ca_certfile", path)?;
            builder.set_ca_file(path).map_err(|stack| at("ssl_ca_certfile", path, &stack))?;
        }
        if let Some(path) = &self.certificate_file {
            readable("ssl_certfile", path)?;
            builder.set_certificate_chain_file(path).map_err(|stack| at("ssl_certfile", path, &stack))?;
            self.set_key(&mut builder, self.key_file.as_ref().unwrap_or(path))?;
        }
        builder.set_verify(if self.verify { SslVerifyMode::PEER } else { SslVerifyMode::NONE });
        Ok(builder.build())
    }

    fn set_key(&self, builder: &mut SslContextBuilder, path: &PathBuf) -> Result<(), TlsError> {
        let pem = std::fs::read(path).map_err(|error| TlsError(format!("ssl_keyfile {}: {error}", path.display())))?;
        let key = match &self.key_password {
            Some(password) => PKey::private_key_from_pem_passphrase(&pem, password.reveal()),
            // Without a password OpenSSL would ask on the terminal for one.
            None => PKey::private_key_from_pem_callback(&pem, |_| Ok(0)),
        };
        let key = key.map_err(|stack| {
            let hint = match &self.key_password {
                Some(_) => "; is ssl_keyfile_password right?",
                None if pem.windows(9).any(|word| word == b"ENCRYPTED") => "; it is encrypted: ssl_keyfile_password is missing",
                None => "",
            };
            TlsError(format!("{}{hint}", at("ssl_keyfile", path, &stack)))
        })?;
        builder.set_private_key(&key).map_err(failed("ssl_keyfile does not fit ssl_certfile"))
    }
}

#[cold]
fn at(option: &str, path: &Path, stack: &ErrorStack) -> TlsError {
    TlsError(format!("{option} {}: {}", path.display(), reasons(stack)))
}

fn readable(option: &str, path: &Path) -> Result<(), TlsError> {
    std::fs::File::open(path).map(drop).map_err(|error| TlsError(format!("{option} {}: {error}", path.display())))
}

/// When the files were written, and how long they are: another answer than before means that they have to be read again.
type Stamp = Vec<Option<(SystemTime, u64)>>;

fn stamp(options: &TlsOptions) -> Stamp {
    let one = |path: &Path| {
        let facts = std::fs::metadata(path).ok()?;
        Some((facts.modified().ok()?, facts.len()))
    };
    options.files().map(one).collect()
}

/// TLS of one client. Its files are read once, and again when they have changed: certificates are renewed while clients run.
#[derive(Debug)]
pub struct Tls {
    options: TlsOptions,
    context: Mutex<Option<(Stamp, SslContext)>>,
}

impl Tls {
    pub fn new(options: TlsOptions) -> Self {
        Self { options, context: Mutex::new(None) }
    }

    pub fn options(&self) -> &TlsOptions {
        &self.options
    }

    fn context(&self) -> Result<SslContext, TlsError> {
        let now = stamp(&self.options);
        let mut kept = lock(&self.context);
        if let Some((stamp, context)) = &*kept
            && *stamp == now
        {
            return Ok(context.clone());
        }
        let context = self.options.context()?;
        *kept = Some((now, context.clone()));
        Ok(context)
    }

    /// A session that has not begun; `host` is named to the server unless it is a bare address.
    pub fn session(&self, host: &str) -> Result<Session, TlsError> {
        let mut ssl = Ssl::new(&*self.context()?).map_err(failed("TLS"))?;
        let address = host.parse::<IpAddr>();
        if address.is_err() {
            ssl.set_hostname(host).map_err(failed("host name"))?;
        }
        if self.options.check_host {
            let wanted = ssl.param_mut();
            wanted.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            let set = match address {
                Ok(address) => wanted.set_ip(address),
                Err(_) => wanted.set_host(host),
            };
            set.map_err(failed("host name"))?;
        }
        let stream = SslStream::new(ssl, Pipe::default()).map_err(failed("TLS"))?;
        Ok(Session { stream, verify: self.options.verify })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_made_once_and_again_when_a_file_has_changed() {
        let directory = std::env::temp_dir().join(format!("pyignite_rs-tls-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("trusted.pem");
        let tls = Tls::new(TlsOptions { ca_file: Some(path.clone()), ..TlsOptions::default() });
        let missing = tls.context().unwrap_err().to_string();
        assert!(missing.starts_with("ssl_ca_certfile") && missing.contains("trusted.pem"), "{missing}");
        // A real certificate: what is at stake is how often it is read.
        std::fs::write(&path, CERTIFICATE).unwrap();
        let same = |one: &SslContext, other: &SslContext| std::ptr::eq(&**one, &**other);
        let first = tls.context().unwrap();
        assert!(same(&first, &tls.context().unwrap()));
        std::fs::write(&path, [CERTIFICATE, CERTIFICATE].concat()).unwrap();
        let second = tls.context().unwrap();
        assert!(!same(&first, &second) && same(&second, &tls.context().unwrap()));
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(tls.context().is_err());
    }

    #[test]
    fn a_password_is_never_printed() {
        let options = TlsOptions { key_password: Some(Secret::new(b"secret".to_vec())), ..TlsOptions::default() };
        let shown = format!("{options:?} {:?}", Tls::new(options.clone()));
        assert!(shown.contains("***") && !shown.contains("secret") && !shown.contains("115, 101"), "{shown}");
    }

    const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUVzZXWcpfsoFMPLSBppLNjMGq5vIwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjYwNjE5MjJaGA8yMTI2MTEwMjA2MTky
MlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJh3
HbXh/ec2dlSkIdPOdtTUJK7EeMIl+BfJaHbqJLogGzAniOVo3cILwUxeYD3xKZPL
RKYe5kOUMXIzJc9a26SjUzBRMB0GA1UdDgQWBBRIt2mrS/YvrA7YqGm7bfN/6CwZ
QDAfBgNVHSMEGDAWgBRIt2mrS/YvrA7YqGm7bfN/6CwZQDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQDmORaTBWOlb3tKhfnzcHtGz+MoDOmjlM2L
K/PPtS+yRwIgAVjEH+clux8YTnIRX0Prc1xVC2O8fXuqy50YJhXj0SM=
-----END CERTIFICATE-----
";
}
