use super::dns::{Mx, NotFound, Script};
use super::targets::{At, find};
use super::*;
use crate::clock;
use crate::fault::Retry;
use crate::post::smtp::client::Tls;
use crate::post::smtp::client::drive::Stream;
use crate::spool::{Content, NewDelivery, NewMessage, Outcome};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

/// A server that answers as it is told. It is asked with the number of the connection and what it heard: nothing for the
/// greeting, a command, or the dot at the end of a text. No answer: it hangs up.
struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<(usize, String)>>>,
}

type Told = dyn Fn(usize, &str) -> String + Send + Sync;

impl Server {
    async fn start(answer: impl Fn(usize, &str) -> String + Send + Sync + 'static) -> Server {
        Server::start_at("127.0.0.1:0", None, answer).await
    }

    async fn start_at(
        address: &str,
        tls: Option<TlsAcceptor>,
        answer: impl Fn(usize, &str) -> String + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Server { address: listener.local_addr().unwrap(), heard: Arc::default() };
        let (heard, answer): (_, Arc<Told>) = (server.heard.clone(), Arc::new(answer));
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let conversation = converse(stream, number, answer.clone(), heard.clone(), tls.clone());
                tokio::spawn(conversation);
            }
        });
        server
    }

    fn hop(&self) -> String {
        format!("[127.0.0.1]:{}", self.address.port())
    }

    fn connections(&self) -> usize {
        self.heard.lock().unwrap().iter().filter(|(_, line)| line.is_empty()).count()
    }

    /// How often a line that begins so was heard.
    fn count(&self, start: &str) -> usize {
        self.heard.lock().unwrap().iter().filter(|(_, line)| line.starts_with(start)).count()
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    number: usize,
    answer: Arc<Told>,
    heard: Arc<Mutex<Vec<(usize, String)>>>,
    tls: Option<TlsAcceptor>,
) {
    let mut stream: BufReader<Box<dyn Stream>> = BufReader::new(Box::new(stream));
    let (mut line, mut in_text) = (String::new(), false);
    loop {
        let is_text = in_text && line != ".";
        if !is_text {
            heard.lock().unwrap().push((number, line.clone()));
            let said = answer(number, &line);
            if said.is_empty() || stream.write_all(format!("{said}\r\n").as_bytes()).await.is_err() {
                return;
            }
            in_text = said.starts_with("354");
            if line == "STARTTLS" && said.starts_with("220") {
                let Some(acceptor) = &tls else { return };
                let Ok(secured) = acceptor.accept(stream.into_inner()).await else { return };
                stream = BufReader::new(Box::new(secured));
            }
        }
        line.clear();
        match stream.read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => line.truncate(line.trim_end_matches(['\r', '\n']).len()),
        }
    }
}

/// What a server says that takes everything.
fn usual(line: &str) -> String {
    let verb = line.split([' ', ':']).next().unwrap_or_default();
    let said = match verb {
        "" => "220 mx.far ESMTP",
        "EHLO" | "LHLO" => "250-mx.far\r\n250-PIPELINING\r\n250 SIZE",
        "DATA" => "354 go",
        "." => "250 2.0.0 queued",
        "QUIT" => "221 bye",
        _ => "250 ok",
    };
    said.to_owned()
}

struct Site {
    spool: Spool,
    smtp: Smtp,
}

impl Site {
    fn new(change: impl FnOnce(&mut Settings)) -> Site {
        Site::with_names(Script::default(), change)
    }

    fn with_names(script: Script, change: impl FnOnce(&mut Settings)) -> Site {
        let spool = Spool::in_memory();
        let mut settings = Settings::new("leaf.example".to_owned());
        change(&mut settings);
        let mut smtp = Smtp::new(spool.clone(), settings);
        smtp.resolver = Resolver::Scripted(Arc::new(script));
        Site { spool, smtp }
    }

    async fn accept(&self, site: &str, to: &[&str], text: &str) {
        let delivery = |to: &&str| NewDelivery {
            recipient: (*to).to_owned(),
            transport: "smtp".to_owned(),
            site: site.to_owned(),
            address: (*to).to_owned(),
            ..NewDelivery::default()
        };
        let message = NewMessage {
            sender: "joe@leaf.example".to_owned(),
            content: Content::bytes(text.as_bytes().to_vec()),
            accepted: clock::wall(),
            origin: "test".to_owned(),
            deliveries: to.iter().map(delivery).collect(),
            ..NewMessage::default()
        };
        self.spool.accept(None, vec![message]).await.unwrap();
    }

    /// Tries what waits for a next hop, once. What failed, and waits again: for whom, whether for ever, and why.
    async fn deliver(&self, site: &str) -> Vec<(Vec<String>, Retry, String)> {
        let due = self.spool.claim_deliveries(clock::wall(), 1000, Duration::from_secs(600)).await.unwrap();
        let (tell, mut told) = mpsc::channel(1);
        let listening = async {
            let mut all = Vec::new();
            while let Some(Undelivered { failed: Failed { deliveries, fault }, .. }) = told.recv().await {
                let claims = deliveries.iter().map(|delivery| delivery.claim).collect();
                let (until, note) = (clock::wall(), String::new());
                let deferred = Outcome::Deferred { deliveries: claims, until, note };
                self.spool.settle(until, vec![deferred]).await.unwrap();
                let who = deliveries.into_iter().map(|delivery| delivery.address).collect();
                all.push((who, fault.retry, fault.message));
            }
            all
        };
        let (delivered, failed) = tokio::join!(self.smtp.deliver(site, due, tell), listening);
        delivered.unwrap();
        failed
    }

    /// The recipients that wait, and those at work: whoever is not delivered.
    async fn left(&self) -> Vec<String> {
        self.spool.queue(None).await.unwrap().into_iter().map(|entry| entry.recipient).collect()
    }
}

fn who(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn one_of_five_is_refused_and_the_others_get_it() {
    let server = Server::start(|_, line| match line {
        "RCPT TO:<c@far>" => "550 5.1.1 no such user".to_owned(),
        line => usual(line),
    })
    .await;
    let site = Site::new(|_| {});
    site.accept(&server.hop(), &["a@far", "b@far", "c@far", "d@far", "e@far"], "Subject: x\n\n.\n").await;
    let failed = site.deliver(&server.hop()).await;
    let expected =
        format!("[127.0.0.1]:{}: 550 5.1.1 no such user (in answer to RCPT)", server.address.port());
    assert_eq!(failed, [(who(&["c@far"]), Retry::Never, expected)]);
    assert_eq!(site.left().await, ["c@far"], "the others are settled");
    assert_eq!((server.count("."), server.count("DATA")), (1, 1));
}

#[tokio::test]
async fn greylisting_is_for_later() {
    let server = Server::start(|_, line| match line {
        "RCPT TO:<a@far>" => "451 4.7.1 come back in 5 minutes".to_owned(),
        line => usual(line),
    })
    .await;
    let site = Site::new(|_| {});
    site.accept(&server.hop(), &["a@far"], "x\n").await;
    let failed = site.deliver(&server.hop()).await;
    assert_eq!((failed.len(), failed[0].1), (1, Retry::Later), "{failed:?}");
}

#[tokio::test]
async fn many_messages_go_over_few_connections() {
    let server = Server::start(|_, line| usual(line)).await;
    let site = Site::new(|settings| settings.messages_max = 10);
    for _ in 0..25 {
        site.accept(&server.hop(), &["a@far"], "x\n").await;
    }
    assert_eq!(site.deliver(&server.hop()).await, []);
    assert_eq!((server.connections(), server.count("."), server.count("QUIT")), (3, 25, 3));
    assert!(site.left().await.is_empty());
    let site = Site::new(|settings| settings.time_max = Duration::ZERO);
    for _ in 0..3 {
        site.accept(&server.hop(), &["a@far"], "x\n").await;
    }
    assert_eq!(site.deliver(&server.hop()).await, []);
    assert_eq!(server.connections(), 6);
}

#[tokio::test]
async fn a_server_that_has_enough_in_mid_session_gets_the_rest_over_another_connection() {
    let count = Mutex::new(0);
    let server = Server::start(move |number, line| {
        let mut count = count.lock().unwrap();
        *count += usize::from(line.starts_with("MAIL"));
        match line {
            // Two messages each.
            line if line.starts_with("MAIL") && *count > 2 * (number + 1) => {
                *count -= 1;
                "421 4.7.0 that is enough".to_owned()
            }
            line => usual(line),
        }
    })
    .await;
    let site = Site::new(|_| {});
    for _ in 0..5 {
        site.accept(&server.hop(), &["a@far"], "x\n").await;
    }
    assert_eq!(site.deliver(&server.hop()).await, []);
    assert_eq!((server.connections(), server.count(".")), (3, 5), "each once");
    // One that never takes anything is not asked for ever.
    let server =
        Server::start(|_, line| if line.is_empty() { "421 no".to_owned() } else { usual(line) }).await;
    site.accept(&server.hop(), &["a@far"], "x\n").await;
    let failed = site.deliver(&server.hop()).await;
    assert_eq!((failed.len(), failed[0].1, server.connections()), (1, Retry::Later, 1), "{failed:?}");
}

#[tokio::test]
async fn a_message_that_a_server_cannot_stand_does_not_hold_up_the_others() {
    let server =
        Server::start(|_, line| if line.contains("poison") { String::new() } else { usual(line) }).await;
    let site = Site::new(|_| {});
    for to in ["poison@far", "a@far", "poison@far", "b@far"] {
        site.accept(&server.hop(), &[to], "x\n").await;
    }
    let failed = site.deliver(&server.hop()).await;
    let ends: Vec<_> = failed.iter().map(|(who, retry, _)| (who.clone(), *retry)).collect();
    assert_eq!(ends, [(who(&["poison@far"]), Retry::Later), (who(&["poison@far"]), Retry::Later)]);
    assert_eq!(server.count("."), 2);
    // A host that lets none through is left alone after three.
    let server = Server::start(|_, line| if line == "DATA" { String::new() } else { usual(line) }).await;
    let site = Site::new(|_| {});
    for _ in 0..10 {
        site.accept(&server.hop(), &["a@far"], "x\n").await;
    }
    let failed = site.deliver(&server.hop()).await;
    assert_eq!(failed.iter().map(|(who, ..)| who.len()).sum::<usize>(), 10);
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn what_had_no_answer_after_the_dot_is_sent_again() {
    let server = Server::start(|number, line| match (number, line) {
        (0, ".") => String::new(),
        (_, line) => usual(line),
    })
    .await;
    let site = Site::new(|_| {});
    site.accept(&server.hop(), &["a@far", "b@far"], "x\n").await;
    let failed = site.deliver(&server.hop()).await;
    let [(who_failed, Retry::Later, why)] = failed.as_slice() else { panic!("{failed:?}") };
    assert_eq!(who_failed, &who(&["a@far", "b@far"]));
    assert!(why.ends_with("whether it kept the message is not known, and it may get it twice"), "{why}");
    assert_eq!(server.count("."), 1, "not at once");
    assert_eq!(site.deliver(&server.hop()).await, []);
    assert_eq!(server.count("."), 2, "twice, and no more");
    assert!(site.left().await.is_empty());
}

#[tokio::test]
async fn a_node_that_stops_begins_no_further_message_and_waits_for_no_slow_server() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |_, line| {
        if line == "DATA" {
            tell.send(()).unwrap();
        }
        usual(line)
    })
    .await;
    let site = Site::new(|settings| settings.messages_max = 1000);
    for _ in 0..200 {
        site.accept(&server.hop(), &["a@far"], "x\n").await;
    }
    let hop = server.hop();
    let stop = async {
        told.recv().await.unwrap();
        site.smtp.stop();
    };
    let (failed, ()) = tokio::join!(site.deliver(&hop), stop);
    let waits = failed.iter().map(|(who, _, _)| who.len()).sum::<usize>();
    assert!(waits > 0 && waits < 200 && server.count(".") == 200 - waits, "{waits}");
    assert!(failed.iter().all(|(_, retry, _)| *retry == Retry::Later));
    // In mid-message, and at a server that never says anything.
    let (tell, mut told) = mpsc::unbounded_channel();
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hop = format!("[127.0.0.1]:{}", mute.local_addr().unwrap().port());
    tokio::spawn(async move {
        let connection = mute.accept().await.unwrap();
        tell.send(()).unwrap();
        std::future::pending::<()>().await;
        drop(connection);
    });
    let site = Site::new(|settings| settings.stopping_time = Duration::ZERO);
    site.accept(&hop, &["a@far"], "x\n").await;
    let stop = async {
        told.recv().await.unwrap();
        site.smtp.stop();
    };
    let (failed, ()) = tokio::join!(site.deliver(&hop), stop);
    let why = "this node was told to stop before the server had answered".to_owned();
    assert_eq!(failed, [(who(&["a@far"]), Retry::Later, why)]);
}

#[tokio::test]
async fn too_many_recipients_for_one_message_are_several_messages() {
    let server = Server::start(|_, line| usual(line)).await;
    let site = Site::new(|_| {});
    let names: Vec<String> = (0..250).map(|number| format!("u{number}@far")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    site.accept(&server.hop(), &names, "x\n").await;
    assert_eq!(site.deliver(&server.hop()).await, []);
    assert_eq!((server.connections(), server.count("RCPT"), server.count(".")), (1, 250, 3));
    // A server with a limit of its own.
    let taken = Mutex::new(0);
    let server = Server::start(move |_, line| {
        let mut taken = taken.lock().unwrap();
        match line.split(' ').next() {
            Some("MAIL") => *taken = 0,
            Some("RCPT") => *taken += 1,
            _ => {}
        }
        if line.starts_with("RCPT") && *taken > 2 { "452 4.5.3 too many".to_owned() } else { usual(line) }
    })
    .await;
    site.accept(&server.hop(), &["a@far", "b@far", "c@far", "d@far", "e@far"], "x\n").await;
    assert_eq!(site.deliver(&server.hop()).await, []);
    assert_eq!((server.connections(), server.count(".")), (1, 3));
}

#[tokio::test]
async fn lmtp_over_a_socket_delivers_to_some() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lmtp");
    let listener = UnixListener::bind(&path).unwrap();
    let heard: Arc<Mutex<Vec<(usize, String)>>> = Arc::default();
    let log = heard.clone();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = |_: usize, line: &str| match line {
            "." => "250 2.1.5 a has it\r\n452 4.2.2 b is full\r\n550 5.2.1 c is gone".to_owned(),
            line => usual(line),
        };
        converse(stream, 0, Arc::new(answer), log, None).await;
    });
    let site = Site::new(|_| {});
    let hop = format!("lmtp:{}", path.display());
    site.accept(&hop, &["a", "b", "c"], "x\n").await;
    let failed = site.deliver(&hop).await;
    let ends: Vec<_> = failed.iter().map(|(who, retry, _)| (who.clone(), *retry)).collect();
    assert_eq!(ends, [(who(&["b"]), Retry::Later), (who(&["c"]), Retry::Never)]);
    assert_eq!(site.left().await, ["b", "c"]);
    assert_eq!(heard.lock().unwrap()[1].1, "LHLO leaf.example");
}

/// An issuer's certificate as PEM, and what a server needs that it certifies.
fn certified(folder: &Path, name: &str) -> TlsAcceptor {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let issuer_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("ca.pem"), params.self_signed(&issuer_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, issuer_key);
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn tls_is_used_where_it_is_offered_and_judged_where_it_is_required() {
    let folder = tempfile::tempdir().unwrap();
    let acceptor = certified(folder.path(), "mail.far.example");
    let offering = |_: usize, line: &str| match line {
        "STARTTLS" => "220 go".to_owned(),
        line if line.starts_with("EHLO") => "250-mx.far\r\n250 STARTTLS".to_owned(),
        line => usual(line),
    };
    let server = Server::start_at("127.0.0.1:0", Some(acceptor), offering).await;
    // Who does not offer it is a man in the middle, or an old host.
    let stripped = Server::start(|_, line| usual(line)).await;
    // Who offers it and cannot do it.
    let broken = Server::start(offering).await;
    let ca = folder.path().join("ca.pem");
    for (to, tls, name, issuers, delivered) in [
        (&server, Tls::IfOffered, None, None, true),
        (&server, Tls::Never, None, None, true),
        (&server, Tls::Required, Some("mail.far.example"), Some(&ca), true),
        (&server, Tls::Required, Some("other.example"), Some(&ca), false),
        (&server, Tls::Required, None, Some(&ca), false),
        (&server, Tls::Required, Some("mail.far.example"), None, false),
        (&stripped, Tls::IfOffered, None, None, true),
        (&stripped, Tls::Required, Some("mail.far.example"), Some(&ca), false),
        (&broken, Tls::IfOffered, None, None, true),
        (&broken, Tls::Required, Some("mail.far.example"), Some(&ca), false),
    ] {
        let secured = to.count("STARTTLS");
        let site = Site::new(|settings| {
            settings.usual.tls = tls;
            settings.usual.name = name.map(str::to_owned);
            settings.usual.issuers = issuers.cloned();
        });
        site.accept(&to.hop(), &["a@far"], "x\n").await;
        let failed = site.deliver(&to.hop()).await;
        assert_eq!(failed.is_empty(), delivered, "{tls:?} {name:?}: {failed:?}");
        assert!(failed.iter().all(|(_, retry, _)| *retry == Retry::Later));
        let offers = to.address != stripped.address;
        assert_eq!(to.count("STARTTLS") > secured, offers && tls != Tls::Never, "{tls:?} {name:?}");
    }
    // Nothing was said to whom was not to be trusted but EHLO and STARTTLS.
    assert_eq!((stripped.count("MAIL"), broken.count("MAIL")), (1, 1));
}

fn mx(all: &[(u16, &str)]) -> Result<Vec<Mx>, NotFound> {
    Ok(all
        .iter()
        .map(|(preference, host)| Mx { preference: *preference, host: (*host).to_owned() })
        .collect())
}

fn addresses(all: &[&str]) -> Result<Vec<IpAddr>, NotFound> {
    Ok(all.iter().map(|address| address.parse().unwrap()).collect())
}

fn names() -> Script {
    let down = || Err(NotFound::Unknown("timed out".to_owned()));
    Script {
        mail_hosts: [
            ("far.example", mx(&[(20, "c.far"), (10, "a.far"), (10, "b.far")])),
            ("null.example", mx(&[(0, "")])),
            ("bare.example", Err(NotFound::NoRecord)),
            ("nothing.example", Err(NotFound::NoRecord)),
            ("down.example", Err(NotFound::Unknown("timed out".to_owned()))),
            ("first.example", mx(&[(5, "leaf.example"), (10, "a.far")])),
            ("second.example", mx(&[(5, "a.far"), (10, "LEAF.example"), (10, "b.far"), (20, "c.far")])),
            ("address.example", mx(&[(5, "me.far"), (10, "a.far")])),
            ("half.example", mx(&[(5, "down.far"), (10, "a.far")])),
            ("dark.example", mx(&[(5, "down.far"), (10, "gone.far")])),
            ("gone.example", mx(&[(5, "gone.far")])),
        ]
        .into(),
        addresses: [
            ("a.far", addresses(&["2001:db8::a", "203.0.113.1"])),
            ("b.far", addresses(&["203.0.113.2"])),
            ("c.far", addresses(&["203.0.113.3"])),
            ("bare.example", addresses(&["203.0.113.4"])),
            ("me.far", addresses(&["127.0.0.1"])),
            ("down.far", down()),
        ]
        .into(),
    }
}

/// The addresses that are tried, or why there are none.
async fn tried(hop: &str) -> Result<Vec<String>, String> {
    let mut settings = Settings::new("leaf.example".to_owned());
    settings.own_addresses = vec!["0.0.0.0:25".parse().unwrap()];
    let resolver = Resolver::Scripted(Arc::new(names()));
    let found = find(&hop.parse().unwrap(), &settings, &resolver, None).await;
    let address = |target: super::targets::Target| match target.at {
        At::Address(address) => address.to_string(),
        At::Socket(path) => path.display().to_string(),
    };
    found.map(|targets| targets.into_iter().map(address).collect()).map_err(|error| {
        let fault = error.fault();
        format!("{:?} {}: {}", fault.retry, error.status().unwrap_or_default(), fault.message)
    })
}

#[tokio::test]
async fn mail_hosts_are_tried_by_preference_and_without_order_among_equals() {
    let mut first = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let all = tried("far.example").await.unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!(all[3], "203.0.113.3:25");
        first.insert(all[0].clone());
    }
    assert_eq!(first.into_iter().collect::<Vec<_>>(), ["203.0.113.2:25", "[2001:db8::a]:25"]);
    assert_eq!(tried("bare.example").await.unwrap(), ["203.0.113.4:25"], "its own mail host");
    assert_eq!(tried("[a.far]:587").await.unwrap(), ["[2001:db8::a]:587", "203.0.113.1:587"]);
    assert_eq!(tried("lmtp:[b.far]").await.unwrap(), ["203.0.113.2:24"]);
    assert_eq!(tried("half.example").await.unwrap(), ["[2001:db8::a]:25", "203.0.113.1:25"]);
}

#[tokio::test]
async fn only_what_is_known_not_to_be_fails_for_ever() {
    for (hop, expected) in [
        ("null.example", "Never 5.1.10: null.example takes no mail: it says so by a null MX"),
        ("unknown.example", "Never 5.1.2: there is no domain unknown.example"),
        ("nothing.example", "Never 5.4.4: no mail host of nothing.example has an address"),
        ("gone.example", "Never 5.4.4: no mail host of gone.example has an address"),
        ("[gone.far]", "Never 5.4.4: no mail host of gone.far has an address"),
        ("down.example", "Later 5.4.1: down.example cannot be looked up: timed out"),
        ("dark.example", "Later 5.4.1: down.far cannot be looked up: timed out"),
        ("[down.far]:25", "Later 5.4.1: down.far cannot be looked up: timed out"),
    ] {
        assert_eq!(tried(hop).await.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn an_mx_that_is_ourselves_is_no_way_out() {
    let lost = |domain| {
        format!("Never 5.4.6: mail for {domain} comes back to this host: no other is a better MX of it")
    };
    assert_eq!(tried("first.example").await.unwrap_err(), lost("first.example"));
    assert_eq!(tried("address.example").await.unwrap_err(), lost("address.example"), "by its address");
    // Those before us may take it; those behind would give it to us.
    assert_eq!(tried("second.example").await.unwrap(), ["[2001:db8::a]:25", "203.0.113.1:25"]);
    // What is told by address is taken at its word.
    assert_eq!(tried("[127.0.0.1]").await.unwrap(), ["127.0.0.1:25"]);
}

#[tokio::test]
async fn the_next_host_is_tried_when_one_is_down() {
    let server = Server::start_at("127.0.0.3:0", None, |_, line| usual(line)).await;
    let port = server.address.port();
    let busy =
        Server::start_at(&format!("127.0.0.2:{port}"), None, |_, _| "554 5.3.2 not today".to_owned()).await;
    let script = || Script {
        mail_hosts: [("far.example", mx(&[(10, "a.far"), (20, "b.far"), (30, "c.far")]))].into(),
        addresses: [
            ("a.far", addresses(&["127.0.0.4"])),
            ("b.far", addresses(&["127.0.0.2"])),
            ("c.far", addresses(&["127.0.0.3"])),
        ]
        .into(),
    };
    let site = Site::with_names(script(), |settings| settings.usual.port = Some(port));
    site.accept("far.example", &["a@far.example"], "x\n").await;
    assert_eq!(site.deliver("far.example").await, []);
    assert_eq!((busy.connections(), server.count(".")), (1, 1));
    // All are down.
    for (defer_no_connect, retry) in [(true, Retry::Later), (false, Retry::Never)] {
        let mut script = script();
        script.mail_hosts = [("far.example", mx(&[(10, "a.far")]))].into();
        let site = Site::with_names(script, |settings| {
            settings.usual.port = Some(port);
            settings.defer_no_connect = defer_no_connect;
        });
        site.accept("far.example", &["a@far.example"], "x\n").await;
        let failed = site.deliver("far.example").await;
        assert_eq!((failed.len(), failed[0].1), (1, retry));
        assert!(failed[0].2.starts_with(&format!("a.far [127.0.0.4]:{port}: no connection: ")), "{failed:?}");
    }
}

#[tokio::test]
async fn a_site_that_is_no_next_hop_is_said() {
    let site = Site::new(|_| {});
    site.accept("two words", &["a@far"], "x\n").await;
    let failed = site.deliver("two words").await;
    assert_eq!(failed, [(who(&["a@far"]), Retry::Never, "\"two words\" is no next hop".to_owned())]);
}
