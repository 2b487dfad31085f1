//! TLS between two lines of our own, with an authority made for the test.

use crate::clock;
use crate::tls::{Identity, TlsError, TlsSettings};
use crate::wire::line::{Line, LineError, Over, Port, Qualities, TcpListening, TcpSettings};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longer than anything here takes; reaching it fails the test.
const LONG: Duration = Duration::from_secs(30);

async fn soon<T>(work: impl Future<Output = T>) -> T {
    clock::within(LONG, work).await.expect("it takes far too long")
}

/// An authority, and the folder where it puts what it makes.
struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca"), own.pem()).unwrap();
        Authority { folder, issuer: Issuer::new(params, key) }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca")
    }

    /// A certificate with these names; the common name says another.
    fn identity(&self, names: &[&str]) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "common.example");
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |suffix: &str| self.folder.path().join(format!("{}.{suffix}", names.join("+")));
        let identity = Identity { certificate: file("pem"), key: file("key") };
        fs::write(&identity.certificate, certificate.pem()).unwrap();
        fs::write(&identity.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&identity.key, fs::Permissions::from_mode(0o600)).unwrap();
        identity
    }

    fn settings(&self, names: &[&str]) -> TlsSettings {
        let identity = (!names.is_empty()).then(|| self.identity(names));
        TlsSettings { identity, issuers: Some(self.ca()), ..TlsSettings::default() }
    }
}

/// A call: what comes of it at either end.
async fn call(
    caller: TlsSettings,
    called: TlsSettings,
    name: &str,
) -> (Result<Line, LineError>, Result<Line, LineError>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = TcpSettings {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        over: Over::Tls(caller),
        certificate_name: Some(name.to_owned()),
        ..TcpSettings::default()
    };
    let calling = tokio::spawn(async move { Port::Tcp(settings).open().await });
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let called = TcpListening { over: Over::Tls(called), ..TcpListening::default() };
    let called = soon(Line::accepted(stream, &called)).await;
    (soon(calling).await.unwrap(), called)
}

#[tokio::test]
async fn both_ends_are_verified_and_every_byte_passes() {
    let authority = Authority::new();
    let (caller, called) = call(
        authority.settings(&["Leaf.example", "*.wild.example"]),
        authority.settings(&["polux.example"]),
        "polux.example",
    )
    .await;
    let (mut caller, mut called) = (caller.unwrap(), called.unwrap());
    assert_eq!(called.certified(), ["leaf.example"], "no wildcard, and no common name");
    assert_eq!(caller.qualities(), Qualities::STREAM);
    let bytes: Vec<u8> = (0..=255).collect::<Vec<u8>>().repeat(2000);
    let length = bytes.len();
    let sent = bytes.clone();
    let echo = tokio::spawn(async move {
        let mut there = vec![0; length];
        called.read_exact(&mut there).await.unwrap();
        called.write_all(&there).await.unwrap();
        // Whatever TLS keeps back leaves while somebody reads.
        assert_eq!(called.read(&mut [0; 1]).await.unwrap(), 0);
    });
    let mut back = vec![0; length];
    soon(async {
        caller.write_all(&sent).await.unwrap();
        caller.read_exact(&mut back).await.unwrap();
    })
    .await;
    assert!(back == bytes);
    soon(caller.close(LONG)).await;
    soon(echo).await.unwrap();
}

#[tokio::test]
async fn a_wrong_name_or_a_foreign_issuer_is_refused_at_both_ends() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let good = || authority.settings(&["polux.example"]);
    let (refused, _) = call(authority.settings(&[]), good(), "moria.example").await;
    assert!(matches!(refused, Err(LineError::Tls(TlsError::Handshake { .. }))), "{refused:?}");
    // The common name is no name.
    let (refused, _) = call(authority.settings(&[]), good(), "common.example").await;
    assert!(refused.is_err());
    let (refused, _) = call(stranger.settings(&[]), good(), "polux.example").await;
    assert!(refused.is_err());
    let forged =
        TlsSettings { identity: Some(stranger.identity(&["leaf.example"])), ..authority.settings(&[]) };
    let (_, refused) = call(forged, good(), "polux.example").await;
    assert!(refused.is_err(), "a forged certificate is worse than none");
}

#[tokio::test]
async fn a_caller_without_a_certificate_is_nobody_and_where_one_is_needed_not_let_in() {
    let authority = Authority::new();
    let open = authority.settings(&["polux.example"]);
    let (_, called) = call(authority.settings(&[]), open.clone(), "polux.example").await;
    assert!(called.unwrap().certified().is_empty());
    let strict = TlsSettings { callers_need_one: true, ..open };
    let (_, refused) = call(authority.settings(&[]), strict, "polux.example").await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_caller_that_says_nothing_is_let_go() {
    let authority = Authority::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let limited =
        TlsSettings { handshake_limit: Duration::from_millis(20), ..authority.settings(&["polux.example"]) };
    let listening = TcpListening { over: Over::Tls(limited), ..TcpListening::default() };
    assert!(matches!(
        soon(Line::accepted(stream, &listening)).await,
        Err(LineError::Tls(TlsError::Handshake { .. }))
    ));
    drop(silent);
}

#[test]
fn files_that_do_not_fit_are_named_and_no_key_is_shown() {
    let authority = Authority::new();
    let good = authority.settings(&["polux.example"]);
    assert!(good.check(true).is_ok());
    let said = |settings: &TlsSettings| settings.check(true).unwrap_err().to_string();
    let with = |certificate: &Path, key: &Path| {
        let identity = Identity { certificate: certificate.to_owned(), key: key.to_owned() };
        TlsSettings { identity: Some(identity), ..good.clone() }
    };
    let identity = good.identity.clone().unwrap();
    let other = authority.identity(&["moria.example"]);
    assert!(said(&with(&identity.certificate, &other.key)).contains("polux.example.pem"));
    assert!(said(&with(&identity.key, &identity.key)).contains("no certificate"));
    assert!(said(&with(Path::new("/nowhere"), &identity.key)).contains("/nowhere"));
    assert!(said(&TlsSettings { identity: None, ..good.clone() }).contains("no certificate"));
    let rubbish = authority.folder.path().join("rubbish");
    fs::write(&rubbish, "secret").unwrap();
    fs::set_permissions(&rubbish, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!said(&with(&identity.certificate, &rubbish)).contains("secret"));
    fs::set_permissions(&identity.key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(said(&good).contains("chmod 600"));
}
