//! Connections to servers, and TLS on them.

use super::error::HopError;
use super::settings::{Route, Settings};
use super::targets::{At, Target};
use crate::clock;
use crate::post::smtp::client::Tls;
use crate::post::smtp::client::drive::{Secure, Stream};
use crate::tls::TlsSettings;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpSocket, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// Makes a connection.
pub async fn connect(target: &Target, settings: &Settings) -> Result<Box<dyn Stream>, HopError> {
    let connecting = async {
        match &target.at {
            At::Address(address) => tcp(*address, &settings.sources).await,
            At::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?) as Box<dyn Stream>),
        }
    };
    let connected = clock::within(settings.connect_timeout, connecting).await;
    let connected = connected.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()));
    connected.map_err(|source| HopError::Connect { target: target.to_string(), source })
}

async fn tcp(address: SocketAddr, sources: &[IpAddr]) -> io::Result<Box<dyn Stream>> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = sources.iter().find(|source| source.is_ipv4() == address.is_ipv4()) {
        socket.bind(SocketAddr::new(*source, 0))?;
    }
    let stream = socket.connect(address).await?;
    // Commands and the end of a message are short and waited for.
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

/// How connections of one next hop are secured.
#[derive(Debug, Clone)]
pub struct Security {
    config: Arc<ClientConfig>,
    /// The name that has to stand in the certificate, if it is not the host's.
    name: Option<String>,
    patience: Duration,
}

impl Security {
    /// With certificates that are judged if TLS is required; otherwise it only keeps out those who listen.
    pub async fn of(route: &Route, patience: Duration) -> Result<Security, HopError> {
        let (tls, issuers, name) = (route.tls, route.issuers.clone(), route.name.clone());
        let judging = TlsSettings { issuers, ..TlsSettings::default() };
        // Some hundred certificates may be read.
        let made = tokio::task::spawn_blocking(move || match tls {
            Tls::Required | Tls::FromStart => judging.client().map_err(|error| error.to_string()),
            Tls::Never | Tls::IfOffered => unverifying(),
        });
        let config = made.await.map_err(|error| error.to_string()).flatten().map_err(HopError::Issuers)?;
        Ok(Security { config: Arc::new(config), name, patience })
    }

    /// The same for one host.
    pub fn for_target(&self, target: &Target) -> HostSecurity<'_> {
        HostSecurity { security: self, host: self.name.clone().unwrap_or_else(|| target.name.clone()) }
    }
}

/// How connections to one host are secured.
pub struct HostSecurity<'s> {
    security: &'s Security,
    host: String,
}

impl Secure for HostSecurity<'_> {
    async fn secure(&self, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, String> {
        let name = ServerName::try_from(self.host.clone())
            .map_err(|_| format!("{:?} cannot stand in a certificate", self.host))?;
        let connecting = TlsConnector::from(self.security.config.clone()).connect(name, stream);
        match clock::within(self.security.patience, connecting).await {
            Some(Ok(secured)) => Ok(Box::new(secured)),
            Some(Err(error)) => Err(error.to_string()),
            None => Err(format!("nothing came for {} s", self.security.patience.as_secs())),
        }
    }
}

/// Without a look at certificates.
fn unverifying() -> Result<ClientConfig, String> {
    let verifier = Arc::new(Anyone(ring::default_provider()));
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Takes any certificate: who would go on without TLS loses nothing by one of an unknown issuer (RFC 7435).
#[derive(Debug)]
struct Anyone(CryptoProvider);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
