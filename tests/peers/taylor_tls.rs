//! uugate and Taylor UUCP over TLS, which is socat's on Taylor's side: each shows a certificate, and no password is
//! asked for.

use super::taylor_pipe::bytes;
use crate::support::authority::Authority;
use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::Node;
use crate::support::taylor::{Settings, Taylor};
use crate::support::{open_folder, output_with_input, wait};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A node `polux` whose neighbour `leaf` is known by its certificate.
fn polux(folder: &Path, authority: &Authority, system: &str, line: &str) -> Node {
    let config = format!(
        "[routes]\nsmart-host = \"leaf\"\n[[system]]\nname = \"leaf\"\n{system}\n\
         [[line]]\nname = \"net\"\ntype = \"tls\"\nca = \"ca.pem\"\ncertificate = \"site.pem\"\nkey-file = \"site.key\"\n{line}\n"
    );
    let node = Node::new(folder, "polux", &config);
    authority.certify(&node.path(""), "polux.example");
    node
}

/// A site of Taylor UUCP with a certificate for this name.
fn leaf(folder: &Path, authority: &Authority, certified: &str) -> Taylor {
    authority.certify(&folder.join("leaf"), certified);
    Taylor::new(folder, "leaf", "polux", &Settings::default())
}

/// What socat is told of the certificates of Taylor's site.
fn certificates(taylor: &Taylor) -> String {
    let at = |file: &str| taylor.path(file).display().to_string();
    format!("verify=1,cafile={},cert={},key={}", at("ca.pem"), at("site.pem"), at("site.key"))
}

/// Has Taylor call through socat; whether the call went well.
fn call(taylor: &Taylor, port: u16) -> bool {
    let port = format!(
        "type pipe\ncommand /usr/bin/socat STDIO OPENSSL:127.0.0.1:{port},commonname=polux.example,{}\n",
        certificates(taylor)
    );
    taylor.configure(&Settings { port: &port, ..Settings::default() });
    output_with_input(&mut taylor.caller(), b"").status.success()
}

#[test]
fn taylor_calls_over_tls_and_its_certificate_lets_it_in() {
    let folder = open_folder();
    let authority = Authority::new();
    let system = "called-certificate = \"leaf.example\"\n[[system]]\nname = \"moria\"";
    let node = polux(folder.path(), &authority, system, "listen = \"127.0.0.1:0\"");
    let (there, back) = (twenty("there"), twenty("back"));
    for message in &there {
        node.mail("ann@polux.uucp", &["jan@leaf.uucp"], message);
    }
    let daemon = node.start();
    let server = node.await_address("waiting for calls");
    let taylor = leaf(folder.path(), &authority, "leaf.example");
    for message in &back {
        taylor.mail("jan", &["ann"], message);
    }
    assert!(call(&taylor, server.port()), "{}{}", taylor.log(), node.log());
    taylor.execute();
    node.await_mail("ann", back.len());
    // The same certificate is nobody else's.
    let other = folder.path().join("other");
    authority.certify(&other.join("moria"), "leaf.example");
    let moria = Taylor::new(&other, "moria", "polux", &Settings::default());
    assert!(!call(&moria, server.port()), "moria is let in as leaf was");
    assert!(daemon.stop().success());
    assert_arrived(&there, taylor.inbox().into_iter().map(bytes), false);
    assert_arrived(&back, node.mailbox("ann"), true);
}

/// Taylor behind socat, waiting for one call. It is killed when this is dropped.
struct Listening {
    child: Child,
    port: u16,
}

impl Listening {
    fn start(taylor: &Taylor) -> Listening {
        let called = taylor.called();
        let words: Vec<String> = std::iter::once(called.get_program())
            .chain(called.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let mut command = Command::new("/usr/bin/socat");
        // It says where it listens.
        command.args(["-d", "-d"]);
        command.arg(format!("OPENSSL-LISTEN:0,bind=127.0.0.1,{}", certificates(taylor)));
        command.arg(format!("EXEC:{}", words.join(" ")));
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("socat starts");
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
        let port = loop {
            let line = said.next().expect("it listens").expect("text");
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.rsplit(':').next().and_then(|port| port.trim().parse().ok()).expect("a port");
            }
        };
        // What it says further is read, so that it goes on.
        std::thread::spawn(move || said.for_each(drop));
        Listening { child, port }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn taylor_is_called_over_tls_by_the_name_in_its_certificate() {
    let folder = open_folder();
    let authority = Authority::new();
    let taylor = leaf(folder.path(), &authority, "leaf.example");
    let (there, back) = (twenty("there"), twenty("back"));
    for message in &back {
        taylor.mail("jan", &["ann"], message);
    }
    let mut listening = Listening::start(&taylor);
    let system = |name: &str, port: u16| {
        format!("line = \"net\"\naddress = \"127.0.0.1:{port}\"\ncertificate-name = \"{name}\"")
    };
    let node = polux(folder.path(), &authority, &system("leaf.example", listening.port), "");
    for message in &there {
        node.mail("ann@polux.uucp", &["jan@leaf.uucp"], message);
    }
    let file = folder.path().join("call").display().to_string();
    let output = node.try_run("poll", &["leaf", "--record", &file], b"");
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stderr), taylor.log());
    // What is recorded is what TLS carries.
    let traced = String::from_utf8(node.trace(&[&file]).stdout).expect("text");
    assert!(traced.contains("says Shere=leaf") && traced.contains("\nended: in order\n"), "{traced}");
    assert!(
        wait(std::mem::replace(&mut listening.child, Command::new("true").spawn().expect("true"))).success()
    );
    taylor.execute();
    assert_arrived(&there, taylor.inbox().into_iter().map(bytes), false);
    assert_arrived(&back, node.mailbox("ann"), true);

    let listening = Listening::start(&taylor);
    let wrong = polux(folder.path(), &authority, &system("moria.example", listening.port), "");
    let output = wrong.try_run("uucico", &["-r1", "-S", "leaf"], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("no TLS with 127.0.0.1") && said.contains("moria.example"), "{said}");
}
