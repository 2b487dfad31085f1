//! Whose mail is passed on, and by what he shows it.

use super::*;
use crate::observe::Secret;
use crate::tls::{self, Identity, TlsServer, TlsSettings};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// Addresses that are not ours, in every form in which somebody hopes that they are taken for ours.
const ELSEWHERE: &[&str] = &[
    "x@far.example",
    "leaf!joe",
    "joe@leaf",
    "joe@leaf.uucp",
    "joe%leaf@polux.example",
    "joe%leaf",
    "joe%leaf%polux.example@polux.example",
    "polux!leaf!joe",
    "polux.example!leaf!joe",
    "leaf!joe@polux.example",
    "leaf!polux!jan",
    "far.example!x",
    "\"x@far.example\"@polux.example",
    "\"leaf!joe\"@polux.example",
    "\"x%far.example\"@polux.example",
    "@polux.example:x@far.example",
    "@a.example,@polux.example:x@far.example",
    "@polux.example:leaf!joe",
    "x@[192.0.2.1]",
    "x@[127.0.0.1]",
    "jan@[127.0.0.1]",
    "x%[192.0.2.1]@polux.example",
    "x@far.example@polux.example",
    "x@polux.example@far.example",
    "jan@polux.example.far.example",
    "jan@far-polux.example",
    "x@localhost",
    "postmaster@far.example",
    "|sh",
    "/etc/passwd",
    "-froot",
    "x@",
    "@polux.example",
    "!",
    ".!",
];
/// Those among them that go on when they may.
const REACHABLE: &[&str] = &[
    "x@far.example",
    "leaf!joe",
    "joe@leaf",
    "joe@leaf.uucp",
    "joe%leaf@polux.example",
    "polux!leaf!joe",
    "leaf!joe@polux.example",
    "@polux.example:x@far.example",
];

struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        fs::write(folder.path().join("ca"), params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { folder, issuer: Issuer::new(params, key) }
    }

    fn identity(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let file = |suffix: &str| -> PathBuf { self.folder.path().join(format!("{name}.{suffix}")) };
        let identity = Identity { certificate: file("pem"), key: file("key") };
        fs::write(&identity.certificate, params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        fs::write(&identity.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&identity.key, fs::Permissions::from_mode(0o600)).unwrap();
        identity
    }

    fn settings(&self, name: Option<&str>) -> TlsSettings {
        let issuers = Some(self.folder.path().join("ca"));
        TlsSettings { identity: name.map(|name| self.identity(name)), issuers, ..TlsSettings::default() }
    }
}

/// A site that passes on for nobody by his address, for jan by his password, and for one certificate.
async fn strict(authority: &Authority, service: Service) -> Site {
    let params = Params::new(64, 1, 1, None).unwrap();
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon.hash_password_with_salt(b"geheim", b"saltsaltsalt").unwrap().to_string();
    let smtp = smtp::Settings { errors_max: 1000, login_pause: Duration::ZERO, ..smtp::Settings::default() };
    let settings = Settings {
        relay: Vec::new(),
        relay_certificates: vec!["pc.polux.example".to_owned()],
        passwords: [("jan".to_owned(), Secret::new(hash))].into(),
        tls: Some(TlsServer::new(authority.settings(Some("polux.example")))),
        smtp,
        ..Settings::default()
    };
    Site::serving(settings, service).await
}

impl Client {
    /// Says STARTTLS, and goes on with this certificate, or without one.
    async fn secured(mut self, authority: &Authority, name: Option<&str>) -> Client {
        assert!(self.say(b"EHLO pc").await.starts_with("250 "));
        assert!(self.say(b"STARTTLS").await.starts_with("220 "));
        let settings = authority.settings(name);
        let stream = tls::call(self.stream.into_inner(), "polux", "polux.example", &settings).await.unwrap();
        let mut client = Client { stream: BufReader::new(Box::new(stream)) };
        assert!(client.say(b"EHLO pc").await.starts_with("250 "));
        client
    }

    async fn recipients(&mut self, sender: &str, recipients: &[&str], wanted: &str) {
        assert!(self.say(format!("MAIL FROM:<{sender}>").as_bytes()).await.starts_with("250 "));
        for address in recipients {
            let reply = self.say(format!("RCPT TO:<{address}>").as_bytes()).await;
            assert!(reply.starts_with(wanted), "{address} from <{sender}>: {reply}");
        }
        assert!(self.say(b"RSET").await.starts_with("250 "));
    }
}

/// `NUL jan NUL geheim`, and with another password.
const RIGHT: &[u8] = b"AUTH PLAIN AGphbgBnZWhlaW0=";
const WRONG: &[u8] = b"AUTH PLAIN AGphbgB3cm9uZw==";

#[tokio::test]
async fn nothing_is_passed_on_for_a_stranger_in_whatever_form() {
    let authority = Authority::new();
    let site = strict(&authority, Service::Smtp).await;
    let mut client = site.client().await.greeted().await;
    client.say(b"EHLO pc").await;
    for sender in ["", "ida@far.example", "jan@polux.example", "jan", "leaf!joe", "postmaster@polux.example"]
    {
        client.recipients(sender, ELSEWHERE, "5").await;
        client.recipients(sender, &["jan@polux.example", "JAN@Polux.Example", "jan"], "250 ").await;
    }
    // TLS alone shows nobody; nor does a certificate of another name, or a wrong password.
    for name in [None, Some("stranger.example")] {
        let mut client = site.client().await.greeted().await.secured(&authority, name).await;
        client.recipients("ida@far.example", ELSEWHERE, "5").await;
        assert!(client.say(WRONG).await.starts_with("535 5.7.8 "));
        client.recipients("ida@far.example", ELSEWHERE, "5").await;
    }
    assert!(site.door.spool().queue(None).await.unwrap().is_empty());
    site.stop().await;
}

#[tokio::test]
async fn who_has_logged_in_or_has_a_certificate_reaches_everybody() {
    let authority = Authority::new();
    let site = strict(&authority, Service::Smtp).await;
    let mut client = site.client().await.greeted().await.secured(&authority, None).await;
    assert!(client.say(RIGHT).await.starts_with("235 "));
    client.recipients("jan@polux.example", REACHABLE, "250 ").await;
    // It ends with the connection.
    let mut client = site.client().await.greeted().await.secured(&authority, Some("pc.polux.example")).await;
    client.recipients("", REACHABLE, "250 ").await;
    site.stop().await;
    let site = Site::serving(Settings::default(), Service::Smtp).await;
    let mut client = site.client().await.greeted().await;
    client.say(b"HELO pc").await;
    client.recipients("ida", REACHABLE, "250 ").await;
    site.stop().await;
}

#[tokio::test]
async fn a_submission_port_takes_mail_of_ours_alone_and_completes_it() {
    let authority = Authority::new();
    let site = strict(&authority, Service::Submission).await;
    let mut client = site.client().await.greeted().await;
    client.say(b"EHLO pc").await;
    assert!(client.say(b"MAIL FROM:<ida@far.example>").await.starts_with("530 5.7.0 "));
    let mut client = client.secured(&authority, None).await;
    assert!(client.say(b"MAIL FROM:<jan>").await.starts_with("530 5.7.0 "));
    assert!(client.say(RIGHT).await.starts_with("235 "));
    for line in ["MAIL FROM:<jan>", "RCPT TO:<jan@polux.example>"] {
        assert!(client.say(line.as_bytes()).await.starts_with("250 "));
    }
    assert!(client.say(b"DATA").await.starts_with("354 "));
    assert!(client.say(b"Subject: x\r\n\r\ny\r\n.").await.starts_with("250 "));
    while site.worker.pass().await.unwrap() > 0 {}
    let mbox = String::from_utf8(site.mailbox()).unwrap();
    assert!(mbox.contains(" with ESMTPSA id "), "{mbox}");
    for field in ["\nMessage-Id: <", "\nDate: ", "\nFrom: jan@polux.example\n"] {
        assert_eq!(mbox.matches(field).count(), 1, "{field} {mbox}");
    }
    assert!(!mbox.contains("geheim"));
    site.stop().await;
}

#[tokio::test]
async fn a_connection_may_be_secured_before_its_first_word() {
    let authority = Authority::new();
    let site = strict(&authority, Service::Submissions).await;
    let stream = TcpStream::connect(site.address).await.unwrap();
    let stream = tls::call(stream, "polux", "polux.example", &authority.settings(None)).await.unwrap();
    let mut client = Client { stream: BufReader::new(Box::new(stream)) };
    assert!(client.reply().await.starts_with("220 "));
    client.say(b"EHLO pc").await;
    assert!(client.say(b"STARTTLS").await.starts_with("503 "));
    assert!(client.say(RIGHT).await.starts_with("235 "));
    assert!(client.say(b"QUIT").await.starts_with("221 "));
    site.stop().await;
}

#[tokio::test]
async fn who_guesses_in_one_connection_after_the_other_is_not_listened_to() {
    let authority = Authority::new();
    let site = strict(&authority, Service::Smtp).await;
    let mut client = site.client().await.greeted().await.secured(&authority, None).await;
    for _ in 0..2 {
        assert!(client.say(WRONG).await.starts_with("535 "));
    }
    let mut client = site.client().await.greeted().await.secured(&authority, None).await;
    let reply = client.say(RIGHT).await;
    assert!(reply.starts_with("454 4.7.0 too many wrong passwords"), "{reply}");
    site.stop().await;
}

#[tokio::test]
async fn one_client_does_not_take_all_the_places() {
    let settings = Settings { relay: Vec::new(), connections: 3, connections_each: 2, ..Settings::default() };
    let site = Site::new(settings).await;
    let _first = site.client().await.greeted().await;
    let mut second = site.client().await.greeted().await;
    let refused = site.client().await.reply().await;
    assert!(refused.starts_with("421 4.7.0 too many connections from your address"), "{refused}");
    assert!(second.say(b"QUIT").await.starts_with("221 "));
    site.stop().await;
}

#[tokio::test]
async fn a_call_is_made_for_whom_we_pass_on_and_nobody_else() {
    let answers = |system: SystemName| -> Turning {
        Box::pin(async move {
            match system.as_str() {
                "leaf" => Ok(true),
                other => Err(smtp::Refusal::new(458, "4.4.0", format!("no line to {other}"))),
            }
        })
    };
    for (relay, wanted) in
        [(Network::loopback(), ["250 ", "250 ", "250 ", "459 ", "459 "]), (Vec::new(), ["459 "; 5])]
    {
        let site = Site::turning(Settings { relay, ..Settings::default() }, Turn::new(answers)).await;
        let mut client = site.client().await.greeted().await;
        client.say(b"EHLO pc").await;
        let nodes = ["leaf", "leaf.uucp", "@far.example", "polux.example", "jan@x"];
        for (node, wanted) in nodes.into_iter().zip(wanted) {
            let reply = client.say(format!("ETRN {node}").as_bytes()).await;
            assert!(reply.starts_with(wanted), "{node}: {reply}");
        }
        site.stop().await;
    }
}

/// What a session costs while its client says nothing.
#[tokio::test]
async fn a_session_at_rest_is_small() {
    let authority = Authority::new();
    for service in [Service::Smtp, Service::Submission] {
        let site = strict(&authority, service).await;
        let desk = Desk::new(site.door.clone(), Settings::default(), Clients::default(), None);
        let (stream, _) = tokio::io::duplex(1);
        let client = crate::post::submit::Client::At("192.0.2.1".parse().unwrap());
        let session = serve_one(stream, client, service, desk, std::future::pending());
        let size = std::mem::size_of_val(&session);
        assert!(size < 8 * 1024, "{size} bytes");
        site.stop().await;
    }
}

#[tokio::test]
async fn a_renewed_certificate_counts_at_once() {
    let authority = Authority::new();
    let site = strict(&authority, Service::Submissions).await;
    let client = authority.settings(None);
    let shown = async || {
        let stream = TcpStream::connect(site.address).await.unwrap();
        let stream = tls::call(stream, "polux", "polux.example", &client).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap().to_vec()
    };
    let first = shown().await;
    assert_eq!(shown().await, first);
    authority.identity("polux.example");
    assert_ne!(shown().await, first);
    site.stop().await;
}
