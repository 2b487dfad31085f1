//! TLS over any stream: who the other end is, shown by a certificate, and nothing to be read or changed on the way.
//!
//! Renewed certificates and keys count at once: they are read anew for each connection, or, by a [`TlsServer`], when
//! their files have changed. Sources: RFC 8446 and 5246 (TLS 1.3 and 1.2), RFC 9525 for what name counts: the dNSName
//! and iPAddress entries of the subject alternative names, never the common name.

use crate::clock;
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// The largest file of certificates, in bytes; a whole system's roots have 300 KB.
const LARGEST_FILE: u64 = 4 << 20;
/// Names taken from one certificate.
const MOST_NAMES: usize = 64;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("no TLS with {with}: {source}")]
    Handshake { with: String, source: io::Error },
    #[error("{}: {what}", file.display())]
    Certificate { file: PathBuf, what: String },
    #[error("no certificate is given, and whoever is called over TLS has to have one")]
    NoCertificate,
}

impl ToFault for TlsError {
    fn fault(&self) -> Fault {
        let (whose, advice) = match self {
            TlsError::Handshake { .. } => (
                Whose::PeerRefused,
                "see that each end believes the issuer of the other's certificate, and the name in it",
            ),
            TlsError::Certificate { .. } | TlsError::NoCertificate => {
                (Whose::Local, "see that certificate, key-file and ca are sound")
            }
        };
        let (message, advice) = (self.to_string(), advice.to_owned());
        Fault { stage: Stage::Port, whose, retry: Retry::Later, message, advice }
    }
}

/// How a connection is secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// Who we are. Whoever is called has to have one.
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
    pub fn check(&self, answer: bool) -> Result<(), TlsError> {
        self.client()?;
        if answer { self.server().map(drop) } else { Ok(()) }
    }

    /// The same for being called alone.
    pub fn check_called(&self) -> Result<(), TlsError> {
        self.server().map(drop)
    }

    /// For connections that we make: the other end has to show a certificate of our issuers for the name by which it is called.
    pub fn client(&self) -> Result<ClientConfig, TlsError> {
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

    fn server(&self) -> Result<ServerConfig, TlsError> {
        let identity = self.identity.as_ref().ok_or(TlsError::NoCertificate)?;
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

    /// By which it is seen that a file is another one: inode, time of change, size. One that is not there is left out, and
    /// missed when it is read.
    fn stamps(&self) -> Vec<(u64, i64, i64, u64)> {
        let own = self.identity.iter().flat_map(|identity| [&identity.certificate, &identity.key]);
        let about = own.chain(&self.issuers).filter_map(|file| fs::metadata(file).ok());
        about.map(|about| (about.ino(), about.ctime(), about.ctime_nsec(), about.len())).collect()
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
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
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
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

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| wrong(file, error))?;
    if all.is_empty() { Err(wrong(file, "it holds no certificate")) } else { Ok(all) }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut bytes));
    opened.map(|_| bytes).map_err(|error| wrong(file, error))
}

fn wrong(file: &Path, what: impl std::fmt::Display) -> TlsError {
    TlsError::Certificate { file: file.to_owned(), what: what.to_string() }
}

/// Secures a connection that we made to `name`, which has to stand in the certificate of the other end. `with`: how the
/// other end is called in errors.
pub async fn call<S>(
    stream: S,
    with: &str,
    name: &str,
    settings: &TlsSettings,
) -> Result<client::TlsStream<S>, TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let own = settings.clone();
    let config = aside(move || own.client()).await?;
    let server = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Handshake {
        with: with.to_owned(),
        source: io::ErrorKind::InvalidInput.into(),
    })?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(server, stream);
    bounded(with, settings.handshake_limit, connecting).await
}

/// Secures a connection that came in from `peer`; the names that its certificate shows, if it has one.
pub async fn answer<S>(
    stream: S,
    peer: &str,
    settings: &TlsSettings,
) -> Result<(server::TlsStream<S>, Vec<String>), TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    TlsServer::new(settings.clone()).answer(stream, peer).await
}

/// The called side, for many connections with the same settings.
#[derive(Debug, Clone)]
pub struct TlsServer {
    settings: TlsSettings,
    made: Arc<Mutex<Option<Made>>>,
}

/// What was made of files, and what these were then.
#[derive(Debug, Clone)]
struct Made {
    files: Vec<(u64, i64, i64, u64)>,
    config: Arc<ServerConfig>,
}

impl TlsServer {
    pub fn new(settings: TlsSettings) -> TlsServer {
        TlsServer { settings, made: Arc::default() }
    }

    /// Secures a connection that came in from `peer`; the names that its certificate shows, if it has one.
    pub async fn answer<S>(
        &self,
        stream: S,
        peer: &str,
    ) -> Result<(server::TlsStream<S>, Vec<String>), TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let own = self.clone();
        let config = aside(move || own.config()).await?;
        let accepting = TlsAcceptor::from(config).accept(stream);
        let stream = bounded(peer, self.settings.handshake_limit, accepting).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let names = shown.map(dns_names).unwrap_or_default();
        Ok((stream, names))
    }

    /// As the files say now.
    fn config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let files = self.settings.stamps();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| made.files == files) {
            return Ok(made.config.clone());
        }
        let config = Arc::new(self.settings.server()?);
        *made = Some(Made { files, config: config.clone() });
        Ok(config)
    }
}

/// The dNSName entries of a certificate, in lower case. A wildcard stands for nobody in particular, and is none.
fn dns_names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    let names = certificate.valid_dns_names().filter(|name| !name.contains('*'));
    names.take(MOST_NAMES).map(str::to_ascii_lowercase).collect()
}

/// Reading files and parsing some hundred certificates takes milliseconds that other calls need not wait for.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TlsError> + Send + 'static,
) -> Result<T, TlsError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(wrong(Path::new("TLS"), panic)))
}

async fn bounded<T>(
    with: &str,
    limit: Duration,
    handshake: impl Future<Output = io::Result<T>>,
) -> Result<T, TlsError> {
    let failed = |source| TlsError::Handshake { with: with.to_owned(), source };
    match clock::within(limit, handshake).await {
        Some(done) => done.map_err(failed),
        None => Err(failed(io::ErrorKind::TimedOut.into())),
    }
}
