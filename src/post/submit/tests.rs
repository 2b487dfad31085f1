//! Real connections to the listener, over a spool in memory.

mod relay;

use super::*;
use crate::agent::Agent;
use crate::job::SystemName;
use crate::post::delivery::uucp;
use crate::post::queue::{self, Door, Worker};
use crate::post::route::{Neighbour, Route, Tables};
use crate::post::smtp;
use crate::spool::Spool;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

struct Site {
    folder: tempfile::TempDir,
    door: Door,
    worker: Worker,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Site {
    /// `polux` with the user jan and the neighbour leaf.
    async fn new(settings: Settings) -> Site {
        Site::open(settings, Service::Smtp, None, None).await
    }

    /// The same, whose mail for everybody else goes by leaf.
    async fn serving(settings: Settings, service: Service) -> Site {
        Site::open(settings, service, Some("leaf"), None).await
    }

    /// The same, which has neighbours called.
    async fn turning(settings: Settings, turn: Turn) -> Site {
        Site::open(settings, Service::Smtp, Some("leaf"), Some(turn)).await
    }

    async fn open(
        settings: Settings,
        service: Service,
        smart_host: Option<&str>,
        turn: Option<Turn>,
    ) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let polux: SystemName = "polux".parse().unwrap();
        let mut tables = Tables::new(polux.clone());
        tables.domains = vec!["polux.example".to_owned()];
        tables.users.insert("jan".to_owned(), folder.path().join("jan"));
        tables.neighbours.insert("leaf".parse().unwrap(), Neighbour::default());
        tables.smart_host = smart_host.map(|host| Route::from(host.parse::<SystemName>().unwrap()));
        let host = "polux.example".to_owned();
        let door = Door::new(Spool::in_memory(), queue::Settings::new(host.clone()), tables);
        let agent = Agent::new(crate::agent::Settings::default());
        let worker = Worker::new(door.clone(), agent, uucp::Settings::new(polux, host));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let desk = Desk::new(door.clone(), settings, Clients::default(), turn);
        let served = tokio::spawn(serve(listener, service, desk, stopped));
        Site { folder, door, worker, address, stop, served }
    }

    async fn client(&self) -> Client {
        Client { stream: BufReader::new(Box::new(TcpStream::connect(self.address).await.unwrap())) }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.served.await.unwrap();
    }

    fn mailbox(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("jan")).unwrap_or_default()
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

impl Client {
    /// Hears the greeting.
    async fn greeted(mut self) -> Client {
        let greeting = self.reply().await;
        assert_eq!(greeting, "220 localhost ESMTP\r\n", "it names no version");
        self
    }

    /// The last line of a reply.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    async fn say(&mut self, text: &[u8]) -> String {
        self.stream.write_all(text).await.unwrap();
        self.stream.write_all(b"\r\n").await.unwrap();
        self.reply().await
    }
}

#[tokio::test]
async fn a_250_means_that_the_message_is_in_the_spool() {
    let site = Site::new(Settings::default()).await;
    let mut client = site.client().await;
    assert!(client.reply().await.starts_with("220 "));
    assert!(client.say(b"EHLO pc").await.starts_with("250 "));
    assert!(client.say(b"MAIL FROM:<ida>").await.starts_with("250 "));
    assert!(client.say(b"RCPT TO:<jan@polux.example>").await.starts_with("250 "));
    assert!(client.say(b"RCPT TO:<leaf!joe>").await.starts_with("250 "));
    assert!(client.say(b"RCPT TO:<nobody@polux.example>").await.starts_with("550 5.1.1 "));
    assert!(client.say(b"RCPT TO:<x@nowhere.example>").await.starts_with("550 5.1.2 "));
    assert!(client.say(b"DATA").await.starts_with("354 "));
    let accepted = client.say(b"Subject: hello\r\n\r\n..dot \xe9\r\nFrom x\r\n.").await;
    assert!(accepted.starts_with("250 "), "{accepted}");
    assert_eq!(site.door.spool().queue(None).await.unwrap().len(), 2);
    assert!(client.say(b"QUIT").await.starts_with("221 "));
    while site.worker.pass().await.unwrap() > 0 {}
    let bytes = site.mailbox();
    let mbox = String::from_utf8_lossy(&bytes);
    assert!(
        mbox.contains("Received: from 127.0.0.1 (claims to be pc)\n\tby polux.example with ESMTP id "),
        "{mbox}"
    );
    // What a client of ours left out was added.
    assert!(mbox.contains("\nMessage-Id: <") && mbox.contains("\nFrom: ida@polux.example\n"), "{mbox}");
    assert!(bytes.ends_with(b"\n\n.dot \xe9\n>From x\n\n"));
    site.stop().await;
}

#[tokio::test]
async fn a_client_that_may_not_relay_reaches_our_users_alone() {
    let site = Site::new(Settings { relay: Vec::new(), ..Settings::default() }).await;
    let mut client = site.client().await;
    client.reply().await;
    client.say(b"HELO pc").await;
    client.say(b"MAIL FROM:<ida@far.example>").await;
    for address in ["leaf!joe", "joe@leaf", "joe%leaf@polux.example", "polux!leaf!joe", "x@far.example"] {
        let reply = client.say(format!("RCPT TO:<{address}>").as_bytes()).await;
        assert!(reply.starts_with("550 5.7.1 "), "{address}: {reply}");
    }
    assert!(client.say(b"RCPT TO:<jan@polux.example>").await.starts_with("250 "));
    assert!(client.say(b"DATA").await.starts_with("354 "));
    assert!(client.say(b"Subject: hello\r\n\r\nx\r\n.").await.starts_with("250 "));
    while site.worker.pass().await.unwrap() > 0 {}
    let mbox = String::from_utf8(site.mailbox()).unwrap();
    assert!(mbox.contains("with SMTP id ") && !mbox.contains("Message-Id"), "{mbox}");
    site.stop().await;
}

#[tokio::test]
async fn a_message_that_breaks_off_or_is_too_large_is_not_taken() {
    let smtp = smtp::Settings { message_max: 100_000, ..smtp::Settings::default() };
    let site = Site::new(Settings { smtp, ..Settings::default() }).await;
    let begin: [&[u8]; 4] = [b"HELO pc", b"MAIL FROM:<ida>", b"RCPT TO:<jan>", b"DATA"];
    let mut client = site.client().await;
    client.reply().await;
    for line in begin {
        client.say(line).await;
    }
    client.stream.write_all(b"Subject: cut\r\n\r\nx").await.unwrap();
    client.stream.shutdown().await.unwrap();
    // The connection ends without a word for it.
    client.stream.read_to_end(&mut Vec::new()).await.unwrap();

    let mut client = site.client().await;
    client.reply().await;
    for line in begin {
        client.say(line).await;
    }
    let mut text = b"Subject: large\r\n\r\n".to_vec();
    text.extend(b"0123456789\r\n".repeat(20_000));
    text.push(b'.');
    assert!(client.say(&text).await.starts_with("552 "));
    assert!(client.say(b"MAIL FROM:<ida>").await.starts_with("250 "));
    assert!(site.door.spool().queue(None).await.unwrap().is_empty());
    site.stop().await;
}

#[tokio::test]
async fn a_connection_too_many_is_told_to_come_again() {
    let site = Site::new(Settings { connections: 1, ..Settings::default() }).await;
    let mut first = site.client().await;
    assert!(first.reply().await.starts_with("220 "));
    let mut second = site.client().await;
    assert!(second.reply().await.starts_with("421 "));
    assert!(first.say(b"QUIT").await.starts_with("221 "));
    site.stop().await;
}

#[tokio::test]
async fn a_stop_ends_open_connections_and_keeps_nothing_half_done() {
    let site = Site::new(Settings::default()).await;
    let mut client = site.client().await;
    client.reply().await;
    for line in ["HELO pc", "MAIL FROM:<ida>", "RCPT TO:<jan>", "DATA"] {
        client.say(line.as_bytes()).await;
    }
    let spool = site.door.spool().clone();
    let mut end = site.client().await;
    end.reply().await;
    site.stop().await;
    assert!(client.reply().await.starts_with("421 "));
    assert!(end.reply().await.starts_with("421 "));
    assert!(spool.queue(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn many_clients_at_once_lose_nothing() {
    const CLIENTS: usize = 20;
    let site = Site::new(Settings::default()).await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let mut client = site.client().await;
        clients.spawn(async move {
            client.reply().await;
            for line in ["HELO pc", "MAIL FROM:<ida>", "RCPT TO:<jan>", "DATA"] {
                client.say(line.as_bytes()).await;
            }
            let text = format!("Subject: number {number};\r\n\r\n{}\r\n.", "x".repeat(number * 1000));
            assert!(client.say(text.as_bytes()).await.starts_with("250 "));
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    while site.worker.pass().await.unwrap() > 0 {}
    let mbox = String::from_utf8(site.mailbox()).unwrap();
    for number in 0..CLIENTS {
        assert_eq!(mbox.matches(&format!("Subject: number {number};\n")).count(), 1);
    }
    site.stop().await;
}
