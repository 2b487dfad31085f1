//! uugate and Taylor UUCP over TCP, with a login: our daemon takes Taylor's calls and calls Taylor.

use super::taylor_pipe::bytes;
use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::Node;
use crate::support::taylor::{Settings, Taylor};
use crate::support::{self, PATIENCE, hashed, open_folder, output_with_input};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitStatus;

/// A node that takes calls on a port of its own choice; the neighbour logs in as `Uleaf`.
fn answering(folder: &Path, protocol: char) -> Node {
    let config = format!(
        "[routes]\nsmart-host = \"leaf\"\n[[system]]\nname = \"leaf\"\nprotocols = \"{protocol}\"\n\
         called-login = \"Uleaf\"\ncalled-password-hash = \"{}\"\n\
         [[line]]\nname = \"net\"\ntype = \"tcp\"\nanswer = true\nlisten = \"127.0.0.1:0\"\n",
        hashed("geheim")
    );
    Node::new(folder, "polux", &config)
}

/// Has Taylor call there, with the login that it has.
fn configure(taylor: &Taylor, protocol: char, server: SocketAddr) {
    let system = format!(
        "address {}\nchat ogin: \\L word: \\P\ncall-login Uleaf\ncall-password geheim\n",
        server.ip()
    );
    let port = format!("type tcp\nservice {}\n", server.port());
    taylor.configure(&Settings { protocol, system: &system, port: &port, ..Settings::default() });
}

fn taylor_calls(protocol: char) {
    let folder = open_folder();
    let node = answering(folder.path(), protocol);
    let (there, back) = (twenty("there"), twenty("back"));
    for message in &there {
        node.mail("ann@polux.uucp", &["jan@leaf.uucp"], message);
    }
    let daemon = node.start();
    let server = node.await_address("waiting for calls");
    let taylor = Taylor::new(folder.path(), "leaf", "polux", &Settings::default());
    for message in &back {
        taylor.mail("jan", &["ann"], message);
    }
    // Somebody is at the door meanwhile, and not let in.
    refused_alike(server);
    configure(&taylor, protocol, server);
    let output = output_with_input(&mut taylor.caller(), b"");
    assert!(output.status.success(), "{}{}", taylor.log(), node.log());
    taylor.execute();
    node.await_mail("ann", back.len());
    assert!(daemon.stop().success());
    assert_arrived(&there, taylor.inbox().into_iter().map(bytes), false);
    assert_arrived(&back, node.mailbox("ann"), true);
    assert!(!node.log().contains("geheim") && !node.log().contains("falsch"), "no secrets in the log");
}

#[test]
fn taylor_calls_by_tcp_and_logs_in_with_i() {
    taylor_calls('i');
}

#[test]
fn taylor_calls_by_tcp_and_logs_in_with_g() {
    taylor_calls('g');
}

/// Waits for one connection and has `uucico -l` take it, as inetd does.
fn inetd(listener: &TcpListener, taylor: &Taylor) -> ExitStatus {
    let (stream, _) = listener.accept().expect("a call");
    let mut command = taylor.called();
    command.arg("-l");
    let end = |stream: &TcpStream| OwnedFd::from(stream.try_clone().expect("a copy"));
    let child = support::start(&mut command, end(&stream).into(), end(&stream).into());
    drop(stream);
    support::wait(child)
}

fn taylor_is_called(protocol: char) {
    let folder = open_folder();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let config = |password: &str| {
        format!(
            "[routes]\nsmart-host = \"leaf\"\n[[system]]\nname = \"leaf\"\nprotocols = \"{protocol}\"\nline = \"net\"\n\
             address = \"{address}\"\nlogin = \"npolux\"\npassword-file = \"{password}\"\n\
             [[line]]\nname = \"net\"\ntype = \"tcp\"\n"
        )
    };
    let node = Node::new(folder.path(), "polux", &config("right"));
    for (file, password) in [("right", "geheim\n"), ("wrong", "falsch\n")] {
        std::fs::write(node.path(file), password).expect("a password file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(node.path(file), mode).expect("its mode");
    }
    let settings = Settings {
        protocol,
        system: "chat \"\"\ncalled-login npolux\n",
        logins: "npolux geheim\n",
        ..Settings::default()
    };
    let taylor = Taylor::new(folder.path(), "leaf", "polux", &settings);
    let (there, back) = (twenty("there"), twenty("back"));
    for message in &there {
        node.mail("ann@polux.uucp", &["jan@leaf.uucp"], message);
    }
    for message in &back {
        taylor.mail("jan", &["ann"], message);
    }
    let daemon = node.start();
    std::thread::scope(|scope| {
        let called = scope.spawn(|| inetd(&listener, &taylor));
        node.run("poll", &["leaf", "--wait"], b"");
        assert!(called.join().expect("the call was taken").success(), "{}", taylor.log());
    });
    taylor.execute();
    node.await_mail("ann", back.len());
    assert!(daemon.stop().success());
    assert_arrived(&there, taylor.inbox().into_iter().map(bytes), false);
    assert_arrived(&back, node.mailbox("ann"), true);
    // With the wrong password, by a command that owns the spool.
    node.configure(&config("wrong"));
    std::thread::scope(|scope| {
        let called = scope.spawn(|| inetd(&listener, &taylor));
        let output = node.try_run("uucico", &["-r1", "-S", "leaf"], b"");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(75), "{said}");
        assert!(said.contains("leaf") && !said.contains("falsch"), "{said}");
        // Taylor writes it down and ends well.
        called.join().expect("the call was taken");
        assert!(taylor.log().contains("Bad login"), "{}", taylor.log());
    });
}

#[test]
fn taylor_is_called_by_tcp_and_asks_for_a_login_with_i() {
    taylor_is_called('i');
}

#[test]
fn taylor_is_called_by_tcp_and_asks_for_a_login_with_g() {
    taylor_is_called('g');
}

/// All that a caller sees when he is not let in.
fn refused(server: SocketAddr, login: &str, password: &str) -> String {
    let mut stream = TcpStream::connect(server).expect("the line is free");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut seen = Vec::new();
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() {
        seen.push(byte[0]);
        if seen.ends_with(b"ogin: ") {
            stream.write_all(format!("{login}\r").as_bytes()).expect("it is taken");
        } else if seen.ends_with(b"word:") {
            stream.write_all(format!("{password}\r").as_bytes()).expect("it is taken");
        }
    }
    String::from_utf8_lossy(&seen).into_owned()
}

/// A wrong password and an unknown user see the same, and nothing of us.
fn refused_alike(server: SocketAddr) {
    let (wrong, unknown) = std::thread::scope(|scope| {
        let wrong = scope.spawn(|| refused(server, "Uleaf", "falsch"));
        let unknown = scope.spawn(|| refused(server, "Ulea", "geheim"));
        (wrong.join().expect("an answer"), unknown.join().expect("an answer"))
    });
    assert_eq!(wrong.replace("Uleaf", "Ulea"), unknown);
    assert!(wrong.ends_with("Login incorrect\r\n") && !wrong.contains("Shere"), "{wrong:?}");
}
