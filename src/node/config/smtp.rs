//! `[smtp]`: where the node takes mail by SMTP, and from whom.

use super::findings::Findings;
use super::node::domain;
use super::section::Section;
use super::systems::password_hash;
use super::units::duration;
use super::users::check_local_part;
use crate::fault::ToFault;
use crate::observe::Secret;
use crate::post::submit::{Network, Service};
use crate::tls::{Identity, TlsSettings};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The SMTP listeners; without an address there is none.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Where mail is taken from other systems and from our own clients.
    pub listen: Vec<SocketAddr>,
    /// Where it is taken from clients whose mail is passed on alone.
    pub submission: Vec<SocketAddr>,
    /// The same, over TLS from the first byte.
    pub submissions: Vec<SocketAddr>,
    /// Whose mail is passed on to other systems. Default: this machine's own.
    pub relay_for: Vec<Network>,
    /// Whose mail is passed on because of a certificate.
    pub relay_certificates: Vec<String>,
    pub tls: Option<TlsSettings>,
    /// Who may log in, each with the hash of the password.
    pub passwords: BTreeMap<String, Secret>,
    /// Clients at once.
    pub max_sessions: u32,
    /// Clients at once from one address whose mail is not passed on.
    pub max_sessions_each: u32,
    /// Wrong commands of one client.
    pub max_errors: u32,
    /// How long a client may be silent. RFC 5321, 4.5.3.2.7: at least 5 minutes.
    pub timeout: Duration,
    /// How long a client may stay.
    pub max_time: Duration,
}

impl Default for Smtp {
    fn default() -> Self {
        Smtp {
            listen: Vec::new(),
            submission: Vec::new(),
            submissions: Vec::new(),
            relay_for: Network::loopback(),
            relay_certificates: Vec::new(),
            tls: None,
            passwords: BTreeMap::new(),
            max_sessions: 200,
            max_sessions_each: 20,
            max_errors: 20,
            timeout: Duration::from_secs(300),
            max_time: Duration::from_secs(4 * 3600),
        }
    }
}

impl Smtp {
    /// Where to listen, and for what.
    pub fn listeners(&self) -> impl Iterator<Item = (Service, SocketAddr)> {
        let all = [
            (Service::Smtp, &self.listen),
            (Service::Submission, &self.submission),
            (Service::Submissions, &self.submissions),
        ];
        all.into_iter().flat_map(|(service, addresses)| addresses.iter().map(move |at| (service, *at)))
    }
}

pub fn read(section: &mut Section<'_>, base: &Path, findings: &Findings) -> Smtp {
    let usual = Smtp::default();
    let mut addresses = |key| section.list(key, address).unwrap_or_default();
    let (listen, submission, submissions) =
        (addresses("listen"), addresses("submission"), addresses("submissions"));
    let relay_for = section.list("relay-for", |text| {
        text.parse::<Network>().map_err(|_| "write networks, as [\"127.0.0.1\", \"192.0.2.0/24\"]".to_owned())
    });
    let smtp = Smtp {
        listen,
        submission,
        submissions,
        relay_for: relay_for.unwrap_or(usual.relay_for),
        relay_certificates: section.list("relay-certificates", domain).unwrap_or_default(),
        tls: read_tls(section, base),
        passwords: section.section("passwords").map(|at| read_passwords(at, findings)).unwrap_or_default(),
        max_sessions: section.count("max-sessions", 1..=1000).unwrap_or(usual.max_sessions),
        max_sessions_each: section.count("max-sessions-each", 1..=1000).unwrap_or(usual.max_sessions_each),
        max_errors: section.count("max-errors", 1..=1000).unwrap_or(usual.max_errors),
        timeout: section.value("timeout", duration).unwrap_or(usual.timeout),
        max_time: section.value("max-time", duration).unwrap_or(usual.max_time),
    };
    check(section, &smtp);
    smtp
}

fn read_tls(section: &mut Section<'_>, base: &Path) -> Option<TlsSettings> {
    let mut path = |key| section.text(key).map(|path| base.join(path));
    let (certificate, key, issuers) = (path("certificate"), path("key-file"), path("ca"));
    for (one, other) in [("certificate", "key-file"), ("key-file", "certificate"), ("certificate", "ca")] {
        if section.has(other) && !section.has(one) {
            section.missing(one, format!("add the file, as {one} = \"polux.pem\""));
        }
    }
    let identity = Identity { certificate: certificate?, key: key? };
    let settings = TlsSettings { identity: Some(identity), issuers, ..TlsSettings::default() };
    if let Err(error) = settings.check_called() {
        section.wrong(
            "certificate",
            format!("no TLS with what is given here: {error}"),
            error.fault().advice,
        );
    }
    Some(settings)
}

/// `[smtp.passwords]`: name = hash.
fn read_passwords(section: Section<'_>, findings: &Findings) -> BTreeMap<String, Secret> {
    let mut passwords = BTreeMap::new();
    for entry in section.entries() {
        check_local_part(&entry.key, entry.key_span.clone(), findings);
        match entry.texts.as_slice() {
            [text] => match password_hash(text) {
                Ok(hash) => drop(passwords.insert(entry.key, hash)),
                // What stands there may be the password itself, so it is not pointed at.
                Err(hint) => findings.error(entry.key_span, "this user has no hash of a password", hint),
            },
            _ => findings.error(
                entry.key_span,
                "a user has one password",
                "write what `uugate password` prints, as jan = \"$argon2id$...\"",
            ),
        }
    }
    passwords
}

fn check(section: &Section<'_>, smtp: &Smtp) {
    let needs_tls = ["passwords", "submissions", "relay-certificates"];
    for key in needs_tls.iter().filter(|key| section.has(key) && smtp.tls.is_none()) {
        section.wrong(
            key,
            format!("`{key}` is of no use without TLS"),
            "add our certificate, as certificate = \"polux.pem\" and key-file = \"polux.key\"",
        );
    }
    if section.has("relay-certificates") && !section.has("ca") {
        section.missing(
            "ca",
            "add the file of the issuers that clients' certificates are to be from, as ca = \"ca.pem\"",
        );
    }
    if smtp.relay_for.iter().any(Network::is_everybody) {
        section.doubtful(
            "relay-for",
            "mail of the whole world is passed on to the whole world: that is what spammers look for",
            "name your own networks",
        );
    }
}

/// An address to listen on. A name would have to be looked up, so only numbers are taken.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an IP address and a port, as \"127.0.0.1:2525\" or \"[::1]:2525\"".into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, titles};

    fn found(smtp: &str) -> Vec<String> {
        titles(&read(&format!("[node]\nname = \"x\"\n[smtp]\n{smtp}")).1)
    }

    #[test]
    fn what_needs_tls_is_not_taken_without() {
        let needs = |key: &str| format!("`{key}` is of no use without TLS");
        assert_eq!(found("submissions = \"127.0.0.1:465\"\n"), [format!("4:15 {}", needs("submissions"))]);
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA";
        let alone = found(&format!("[smtp.passwords]\njan = \"{hash}\"\n"));
        assert_eq!(alone.len(), 1, "{alone:?}");
        assert!(alone[0].contains(&needs("passwords")), "{alone:?}");
        let half = found("certificate = \"x.pem\"\n");
        assert_eq!(half, ["3:1 [smtp] lacks `key-file`"]);
        let gone = found("certificate = \"x.pem\"\nkey-file = \"x.key\"\n");
        assert_eq!(gone.len(), 1, "{gone:?}");
        assert!(gone[0].starts_with("4:15 no TLS with what is given here: /tmp/site/x."), "{gone:?}");
    }

    #[test]
    fn a_password_in_place_of_its_hash_is_not_shown() {
        let text = "[node]\nname = \"x\"\n[smtp.passwords]\njan = \"geheim\"\n";
        let (config, findings) = read(text);
        assert!(config.is_none());
        let shown = findings.render(false);
        assert!(shown.contains("no hash of a password") && !shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn a_relay_for_everybody_is_doubted() {
        let doubted = found("relay-for = [\"0.0.0.0/0\"]\n");
        assert_eq!(doubted.len(), 1);
        assert!(doubted[0].contains("passed on to the whole world"), "{doubted:?}");
        assert!(found("relay-for = [\"10.0.0.0/8\"]\nmax-time = \"1 h\"\nmax-errors = 5\n").is_empty());
    }
}
