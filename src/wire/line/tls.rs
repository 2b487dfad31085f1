//! TLS over a TCP line: who the other end is, shown by a certificate, and nothing to be read or changed on the way.
//!
//! Certificates and keys are read anew for each connection, so that renewed ones count at once. Sources: RFC 8446 and
//! 5246 (TLS 1.3 and 1.2), RFC 9525 for what name counts: the dNSName and iPAddress entries of the subject alternative
//! names, never the common name.

use super::LineError;
use crate::clock;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// The largest file of certificates, in bytes; a whole system's roots have 300 KB.
const LARGEST_FILE: u64 = 4 << 20;
/// Names taken from one certificate.
const MOST_NAMES: usize = 64;

/// How a line is secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// Who we are. A line that takes calls has to have one.
    pub identity: Option<Identity>,
    /// The issuers that we believe, as PEM; without them those that the machine believes, and then no caller is asked
    /// for a certificate.
    pub issuers: Option<PathBuf>,
    /// Callers that show no certificate of these issuers are turned away.
    pub callers_need_one: bool,
    /// How long coming to terms may take.
    pub handshake_limit: Duration,
}

impl Default for TlsSettings {
    fn default() -> Self {
        TlsSettings {
            identity: None,
            issuers: None,
            callers_need_one: false,
            handshake_limit: Duration::from_secs(30),
        }
    }
}

/// Our certificate, followed by those that lead to its issuer, and its private key; both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub certificate: PathBuf,
    /// Nobody else may be able to read it.
    pub key: PathBuf,
}

impl TlsSettings {
    /// Whether the files are there and fit together, for calling and, with `answer`, for being called.
    pub fn check(&self, answer: bool) -> Result<(), LineError> {
        self.client()?;
        if answer { self.server().map(drop) } else { Ok(()) }
    }

    fn client(&self) -> Result<ClientConfig, LineError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(Path::new("TLS"), error))?
            .with_root_certificates(self.roots()?);
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some(identity) => {
                let (chain, key) = identity.read()?;
                builder.with_client_auth_cert(chain, key).map_err(|error| wrong(&identity.certificate, error))
            }
        }
    }

    fn server(&self) -> Result<ServerConfig, LineError> {
        let identity = self.identity.as_ref().ok_or(LineError::NoCertificate)?;
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(Path::new("TLS"), error))?;
        let builder = match &self.issuers {
            None => builder.with_no_client_auth(),
            Some(issuers) => {
                let roots = Arc::new(self.roots()?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier =
                    if self.callers_need_one { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build().map_err(|error| wrong(issuers, error))?)
            }
        };
        let (chain, key) = identity.read()?;
        builder.with_single_cert(chain, key).map_err(|error| wrong(&identity.certificate, error))
    }

    fn roots(&self) -> Result<RootCertStore, LineError> {
        let mut roots = RootCertStore::empty();
        match &self.issuers {
            Some(file) => {
                for certificate in certificates(file)? {
                    roots.add(certificate).map_err(|error| wrong(file, error))?;
                }
            }
            // Some of a machine's own may be unreadable; those that are read count.
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(wrong(Path::new("/etc/ssl/certs"), "this machine believes no issuer"));
                }
            }
        }
        Ok(roots)
    }
}

impl Identity {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), LineError> {
        let chain = certificates(&self.certificate)?;
        let text = read(&self.key)?;
        let open = fs::metadata(&self.key).is_ok_and(|about| about.permissions().mode() & 0o077 != 0);
        if open {
            return Err(wrong(&self.key, "others can read it; say chmod 600, and make a new key"));
        }
        // What is wrong in it is not told: it is a secret.
        let key =
            PrivateKeyDer::from_pem_slice(&text).map_err(|_| wrong(&self.key, "it holds no private key"))?;
        Ok((chain, key))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, LineError> {
    let text = read(file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| wrong(file, error))?;
    if all.is_empty() { Err(wrong(file, "it holds no certificate")) } else { Ok(all) }
}

fn read(file: &Path) -> Result<Vec<u8>, LineError> {
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut bytes));
    opened.map(|_| bytes).map_err(|error| wrong(file, error))
}

fn wrong(file: &Path, what: impl std::fmt::Display) -> LineError {
    LineError::Certificate { file: file.to_owned(), what: what.to_string() }
}

/// Secures a connection that we made to `name`, which has to stand in the certificate of the other end.
pub(super) async fn call(
    stream: TcpStream,
    line: &str,
    name: &str,
    settings: &TlsSettings,
) -> Result<TlsStream<TcpStream>, LineError> {
    let own = settings.clone();
    let config = aside(move || own.client()).await?;
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| LineError::Tls { line: line.to_owned(), source: io::ErrorKind::InvalidInput.into() })?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(server, stream);
    bounded(line, settings.handshake_limit, connecting).await.map(TlsStream::from)
}

/// Secures a connection that came in from `peer`; the names that its certificate shows, if it has one.
pub(super) async fn answer(
    stream: TcpStream,
    peer: &str,
    settings: &TlsSettings,
) -> Result<(TlsStream<TcpStream>, Vec<String>), LineError> {
    let own = settings.clone();
    let config = aside(move || own.server()).await?;
    let accepting = TlsAcceptor::from(Arc::new(config)).accept(stream);
    let stream = bounded(peer, settings.handshake_limit, accepting).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let names = shown.map(dns_names).unwrap_or_default();
    Ok((stream.into(), names))
}

/// The dNSName entries of a certificate, in lower case. A wildcard stands for nobody in particular, and is none.
fn dns_names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    let names = certificate.valid_dns_names().filter(|name| !name.contains('*'));
    names.take(MOST_NAMES).map(str::to_ascii_lowercase).collect()
}

/// Reading files and parsing some hundred certificates takes milliseconds that other calls need not wait for.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LineError> + Send + 'static,
) -> Result<T, LineError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(wrong(Path::new("TLS"), panic)))
}

async fn bounded<T>(
    line: &str,
    limit: Duration,
    handshake: impl Future<Output = io::Result<T>>,
) -> Result<T, LineError> {
    let failed = |source| LineError::Tls { line: line.to_owned(), source };
    match clock::within(limit, handshake).await {
        Some(done) => done.map_err(failed),
        None => Err(failed(io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
mod tests;
