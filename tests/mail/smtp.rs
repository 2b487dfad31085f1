//! Mail in by SMTP, against a running node: dialogues, other people's clients, ways to be started, what is refused.

use crate::support::authority::Authority;
use crate::support::node::Node;
use crate::support::smtp::Client;
use crate::support::{PATIENCE, hashed, open_folder, output_with_input, run_with_input};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

const SMTP: &str = "[smtp]\nlisten = \"127.0.0.1:0\"\n";

/// A node for `polux.example` with a certificate of that name and a password for ann; nobody's mail is passed on for his
/// address.
fn secured(parent: &std::path::Path) -> (Node, Authority) {
    let authority = Authority::new();
    let config = format!(
        "domain = \"polux.example\"\n[smtp]\nlisten = \"127.0.0.1:0\"\nsubmission = \"127.0.0.1:0\"\nsubmissions = \"127.0.0.1:0\"\n\
         relay-for = []\ncertificate = \"site.pem\"\nkey-file = \"site.key\"\n[smtp.passwords]\nann = \"{}\"\n\
         [routes]\nsmart-host = \"leaf\"\n[[system]]\nname = \"leaf\"\n",
        hashed("geheim")
    );
    let node = Node::new(parent, "polux", &config);
    authority.certify(&node.path(""), "polux.example");
    (node, authority)
}

/// Says what is in lines that begin with `S:` and hears what is in those with `R:`.
fn play(server: SocketAddr, dialogue: &str) {
    let stream = TcpStream::connect(server).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut stream = BufReader::new(stream);
    for line in dialogue.lines() {
        if let Some(said) = line.strip_prefix("S: ").or(line.strip_prefix("S:")) {
            stream.get_mut().write_all(format!("{said}\r\n").as_bytes()).expect("it hears");
        } else if let Some(wanted) = line.strip_prefix("R: ") {
            let mut reply = String::new();
            stream.read_line(&mut reply).expect("an answer");
            assert!(reply.starts_with(wanted), "wanted {wanted:?}, heard {reply:?}");
        }
    }
}

/// The Mail Administrator HOWTO, section 3.1, word for word, between the opening and the closing that it leaves out.
const ALICE_AND_BOB: &str = "\
R: 220 dobbs.com ESMTP
S: HELO wonderland.com
R: 250 dobbs.com
S: MAIL FROM:<alice@wonderland.com>
R: 250 OK
S: RCPT TO:<bob@dobbs.com>
R: 250 OK
S: DATA
R: 354 Start mail input; end with <CRLF>.<CRLF>
S: From: \"Alice\" <alice@wonderland.com>
S: Message-Id: <199711131704.MAA18447@wonderland.com>
S: Subject: Have you seen my white rabbit?
S: To: bob@dobbs.com (Bob)
S: Date: Thu, 13 Nov 1997 12:04:05 -0500 (EST)
S: Content-Type: text
S:
S: I'm most concerned.  I fear he may have fallen down a hole.
S: --
S:                                                 >>alice>>
S: .
R: 250 OK
S: QUIT
R: 221";

#[test]
fn alice_writes_to_bob() {
    let folder = open_folder();
    let node = Node::new(
        folder.path(),
        "dobbs",
        "domain = \"dobbs.com\"\n[smtp]\nlisten = \"127.0.0.1:0\"\n[users]\nbob = \"mail/bob\"\n",
    );
    let daemon = node.start();
    play(node.await_address("listening for SMTP"), ALICE_AND_BOB);
    node.await_mail("bob", 1);
    assert!(daemon.stop().success());
    let mail = String::from_utf8(node.mailbox("bob").remove(0)).expect("ASCII");
    assert!(
        mail.contains("Received: from 127.0.0.1 (claims to be wonderland.com)\n\tby dobbs.com with SMTP id ")
    );
    let text: String = ALICE_AND_BOB
        .lines()
        .skip_while(|line| !line.starts_with("S: From:"))
        .take_while(|line| *line != "S: .")
        .map(|line| line.strip_prefix("S: ").unwrap_or("").to_owned() + "\n")
        .collect();
    assert!(mail.ends_with(&text), "{mail}");
}

/// What somebody or other has taken for the end of a message, and what has only looked like it.
const ENDS: &[&[u8]] = &[
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\n.\r",
    b"\r\r\n.\n",
    b"\n\r.\n\r",
    b"\r\n..\r\n",
    b"\r\n. \r\n",
    b"\r\0\n.\r\n",
    b"\x85.\x85",
    b"\x0b.\x0b",
];

#[test]
fn no_second_message_rides_inside_of_one() {
    let folder = open_folder();
    let node = Node::new(folder.path(), "polux", SMTP);
    let daemon = node.start();
    let server = node.await_address("listening for SMTP");
    let mut taken = 0;
    for end in ENDS {
        for cut in [0, 1, usize::MAX] {
            let mut client = Client::connect(server).expect("a greeting");
            client.ask("MAIL FROM:<marie@leaf.example>", "250").expect("a sender");
            client.ask("RCPT TO:<ann@polux.uucp>", "250").expect("a recipient");
            client.ask("DATA", "354").expect("a text");
            let inside = b"MAIL FROM:<evil@far.example>\r\nRCPT TO:<root@polux.uucp>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n";
            let text = [b"Subject: outside\r\n\r\ntext", *end, inside].concat();
            // In one piece, byte by byte around the place, or cut in it.
            let at = 25 + end.len();
            match cut {
                0 => client.write(&text).expect("it hears"),
                1 => text.chunks(1).for_each(|byte| client.write(byte).expect("it hears")),
                _ => [&text[..at - 1], &text[at - 1..]]
                    .iter()
                    .for_each(|piece| client.write(piece).expect("it hears")),
            }
            let reply = client.say(".").expect("one answer");
            match reply.get(..3) {
                Some("250") => taken += 1,
                Some("554") => {}
                _ => panic!("{end:?}: {reply}"),
            }
            // Nothing else was answered.
            client.ask("NOOP", "250 2.0.0 OK").expect("the conversation goes on");
        }
    }
    assert_eq!(taken, 3 * 6, "NULs, dots and blanks in lines, and what only other alphabets end lines with");
    node.await_mail("ann", taken);
    assert!(daemon.stop().success());
    assert_eq!(node.waiting(), (0, 0));
    assert!(node.mailbox("root").is_empty(), "the victim got none");
    for message in node.mailbox("ann") {
        let message = String::from_utf8_lossy(&message);
        assert!(message.contains("Subject: outside") && message.contains("MAIL FROM:<evil@far.example>\n"));
    }
}

fn swaks(server: SocketAddr, more: &[&str]) -> (bool, String) {
    let mut command = Command::new("swaks");
    command.args(["--server", &server.to_string(), "--from", "ann@polux.example"]).args(more);
    let output = output_with_input(&mut command, b"");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn swaks_logs_in_over_tls_in_every_way() {
    let folder = open_folder();
    let (node, _authority) = secured(folder.path());
    let daemon = node.start();
    let (smtp, submission) =
        (node.await_address("listening for SMTP"), node.await_address("listening for mail submission"));
    let tls = node.await_address("listening for secured submission");
    let login =
        |way| ["--to", "x@far.example", "--auth", way, "--auth-user", "ann", "--auth-password", "geheim"];
    let ways: [(SocketAddr, &str, &[&str]); 4] = [
        (smtp, "PLAIN", &["--tls"]),
        (submission, "PLAIN", &["--tls"]),
        (submission, "LOGIN", &["--tls"]),
        (tls, "LOGIN", &["--tls-on-connect"]),
    ];
    for (server, way, more) in ways {
        let (good, said) = swaks(server, &[&login(way)[..], more].concat());
        assert!(good && said.contains("235 2.7.0"), "{way}: {said}");
    }
    node.await_jobs(ways.len());
    // Not in clear; not with a wrong password; not without one; not for others.
    let (good, said) = swaks(submission, &login("PLAIN"));
    assert!(!good && !said.contains("235"), "{said}");
    let wrong = [
        "--to",
        "x@far.example",
        "--tls",
        "--auth",
        "PLAIN",
        "--auth-user",
        "ann",
        "--auth-password",
        "offen",
    ];
    let (good, said) = swaks(submission, &wrong);
    assert!(!good && said.contains("535 5.7.8"), "{said}");
    let (good, said) = swaks(submission, &["--to", "ann@polux.example", "--tls"]);
    assert!(!good && said.contains("530 5.7.0"), "{said}");
    let (good, said) = swaks(smtp, &["--to", "x@far.example", "--tls"]);
    assert!(!good && said.contains("550 5.7.1"), "{said}");
    let (good, said) = swaks(smtp, &["--to", "ann@polux.example", "--tls", "--pipeline"]);
    assert!(good, "{said}");
    node.await_mail("ann", 1);
    assert!(daemon.stop().success());
    let log = node.log();
    for secret in ["geheim", "AGFubgBnZWhlaW0", "Z2VoZWlt", "offen", "argon2"] {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
    assert!(log.contains("a wrong password") && log.contains("logged in"));
}

/// Hands a message in as Python does: over TLS, logged in, with notices asked for.
const PYTHON: &str = r#"
import smtplib, ssl, sys
from email.message import EmailMessage
from email.policy import SMTP
host, port, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.check_hostname = False
message = EmailMessage()
message['Subject'] = 'from python'
message['To'] = 'ann@polux.example'
message.set_content('Grüße\n.\n..\nFrom here\n')
with smtplib.SMTP(host, int(port), timeout=60) as client:
    client.starttls(context=context)
    client.login('ann', 'geheim')
    assert client.has_extn('dsn') and client.has_extn('etrn'), client.esmtp_features
    client.sendmail('ann@polux.example', ['ann@polux.example'], message.as_bytes(policy=SMTP),
                    mail_options=['RET=HDRS', 'ENVID=python', 'BODY=8BITMIME'], rcpt_options=['NOTIFY=NEVER'])
    for verb, code in (('VRFY ann', 252), ('EXPN staff', 502), ('HELP', 214), ('NOOP', 250), ('RSET', 250)):
        assert client.docmd(verb)[0] == code, verb
"#;

#[test]
fn python_hands_in_a_message() {
    let folder = open_folder();
    let (node, _authority) = secured(folder.path());
    let daemon = node.start();
    let server = node.await_address("listening for mail submission");
    let mut python = Command::new("python3");
    python
        .args(["-c", PYTHON, &server.ip().to_string(), &server.port().to_string()])
        .arg(node.path("ca.pem"));
    run_with_input(&mut python, b"");
    node.await_mail("ann", 1);
    assert!(daemon.stop().success());
    let mail = String::from_utf8(node.mailbox("ann").remove(0)).expect("UTF-8");
    assert!(
        mail.contains("with ESMTPSA id ") && mail.contains("Message-Id: <") && mail.contains("\nDate: "),
        "{mail}"
    );
    assert!(mail.contains("\n.\n..\nFrom here\n"), "{mail}");
}

#[test]
fn smtp_runs_on_standard_input_as_inetd_starts_it() {
    let folder = open_folder();
    let node =
        Node::new(folder.path(), "polux", "[routes]\nsmart-host = \"leaf\"\n[[system]]\nname = \"leaf\"\n");
    let dialogue = b"EHLO pc\r\nMAIL FROM:<ann@polux.uucp>\r\nRCPT TO:<ann@polux.uucp>\r\nRCPT TO:<x@far.example>\r\nDATA\r\n\
        Subject: inetd\r\n\r\nx\r\n.\r\nQUIT\r\n";
    let early = node.try_run("smtpd", &[], dialogue);
    assert!(!early.status.success() && early.stdout.starts_with(b"421 4.3.2 "), "no daemon is running");
    let daemon = node.start();
    let output = node.run("smtpd", &[], dialogue);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let codes: Vec<&str> =
        said.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect();
    assert_eq!(codes, ["220", "250", "250", "250", "250", "354", "250", "221"], "{said}");
    node.await_mail("ann", 1);
    node.await_jobs(1);
    // inetd gives a socket: its other end is who is served.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    let (served, _) = listener.accept().expect("a connection");
    let ours = || Stdio::from(OwnedFd::from(served.try_clone().expect("a copy")));
    let child = node.command("in.smtpd").stdin(ours()).stdout(ours()).spawn().expect("it starts");
    drop(served);
    client.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    client.write_all(&[&b"EHLO pc\r\n"[..], &dialogue[9..]].concat()).expect("it hears");
    let mut said = String::new();
    client.read_to_string(&mut said).expect("it ends");
    assert!(said.contains("\r\n221 "), "{said}");
    assert!(crate::support::wait(child).success());
    node.await_mail("ann", 2);
    assert!(daemon.stop().success());
    let mail = node.mailbox("ann");
    assert!(String::from_utf8_lossy(&mail[1]).contains("Received: from 127.0.0.1 (claims to be pc)"));
    assert!(!String::from_utf8_lossy(&mail[0]).contains("Received: from"), "a local user is nowhere");
}

/// Listens in its place, as a service manager does, and becomes the daemon.
const ACTIVATE: &str = r#"
import os, socket, sys
names = sys.argv[1].split(':')
sockets = []
for _ in names:
    listening = socket.socket()
    listening.bind(('127.0.0.1', 0))
    listening.listen(5)
    sockets.append(listening)
# Above what is to be used, so that no copy falls on another.
copies = [os.dup2(one.fileno(), 100 + n) for n, one in enumerate(sockets)]
for n, copy in enumerate(copies):
    os.dup2(copy, 3 + n, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=sys.argv[1])
os.execv(sys.argv[2], sys.argv[2:])
"#;

#[test]
fn sockets_of_the_service_manager_are_served_by_their_names() {
    let folder = open_folder();
    let node = Node::new(folder.path(), "polux", "[smtp]\nrelay-for = []\n");
    let log = fs::File::create(node.path("log")).expect("log");
    let mut command = Command::new("python3");
    command.args(["-c", ACTIVATE, "smtp:submission"]).arg(env!("CARGO_BIN_EXE_uugate")).args(["run", "-I"]);
    let child =
        command.arg(node.path("uugate.toml")).stderr(log).stdin(Stdio::null()).spawn().expect("it starts");
    let process = rustix::process::Pid::from_child(&child);
    let mut client = Client::connect(node.await_address("listening for SMTP")).expect("a greeting");
    client.ask("MAIL FROM:<marie@leaf.example>", "250").expect("a sender");
    client.ask("RCPT TO:<ann@polux.uucp>", "250").expect("a recipient");
    let mut client =
        Client::connect(node.await_address("listening for mail submission")).expect("a greeting");
    client.ask("MAIL FROM:<marie@leaf.example>", "530 5.7.0").expect("a refusal");
    rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("it can be told");
    assert!(crate::support::wait(child).success());
}

#[test]
fn etrn_has_a_neighbour_called() {
    let folder = open_folder();
    let node = Node::new(
        folder.path(),
        "polux",
        "[smtp]\nlisten = \"127.0.0.1:0\"\n[routes]\ndomains = { \"leaf.example\" = \"leaf\" }\n[[line]]\nname = \"pipe\"\ntype = \"pipe\"\n\
         program = [\"/bin/false\"]\n[[system]]\nname = \"leaf\"\nline = \"pipe\"\n[[system]]\nname = \"night\"\nline = \"pipe\"\n\
         times = \"Never\"\n[[system]]\nname = \"poor\"\n",
    );
    let daemon = node.start();
    let mut client = Client::connect(node.await_address("listening for SMTP")).expect("a greeting");
    client.ask("ETRN leaf", "251 2.0.0").expect("nothing waits");
    client.ask("ETRN stranger", "459").expect("it is nobody's");
    for system in ["leaf", "night", "poor"] {
        client.send("ann@polux.uucp", &format!("{system}!joe"), b"Subject: x\n\nx\n").expect("it is taken");
    }
    node.await_jobs(3);
    client.ask("ETRN night", "458 4.4.0").expect("not at this hour");
    client.ask("ETRN poor", "458 4.4.0").expect("nobody can call it");
    assert!(node.ended_calls().is_empty());
    client.ask("ETRN @leaf.example", "250 2.0.0").expect("it is called");
    crate::support::watch::until(&node.path("spool"), "a call", || !node.ended_calls().is_empty());
    assert_eq!(node.ended_calls()[0]["system"], "leaf");
    assert!(daemon.stop().success());
}

#[test]
fn limits_are_told_by_their_codes() {
    let folder = open_folder();
    let node = Node::new(
        folder.path(),
        "polux",
        "[mail]\nmax-message-size = \"10 KiB\"\nmax-recipients = 100\n[smtp]\nlisten = \"127.0.0.1:0\"\nmax-errors = 3\n\
         max-sessions = 2\nrelay-for = []\nmax-sessions-each = 2\n",
    );
    let daemon = node.start();
    let server = node.await_address("listening for SMTP");
    let mut client = Client::connect(server).expect("a greeting");
    client.ask("MAIL FROM:<a@leaf.example> SIZE=20000", "552 5.3.4").expect("a size");
    client.ask("MAIL FROM:<a@leaf.example>", "250").expect("a sender");
    for _ in 0..100 {
        client.ask("RCPT TO:<ann@polux.uucp>", "250").expect("a recipient");
    }
    client.ask("RCPT TO:<postmaster@polux.uucp>", "452 4.5.3").expect("no more");
    client.ask(&"x".repeat(3000), "500 5.5.2").expect("a line");
    client.ask("DATA", "354").expect("a text");
    client.write(&b"0123456789\r\n".repeat(2000)).expect("it hears");
    client.ask(".", "552 5.3.4").expect("a text too long");
    let _second = Client::connect(server).expect("a greeting");
    let mut full = String::new();
    TcpStream::connect(server).and_then(|mut stream| stream.read_to_string(&mut full)).expect("an answer");
    assert!(full.starts_with("421 4.3.2"), "{full}");
    client.ask("WIZ", "500 5.5.2").expect("three errors");
    assert!(client.answer().expect("a farewell").starts_with("421 4.7.0"));
    assert!(daemon.stop().success());
    assert!(node.mailbox("ann").is_empty());
}
