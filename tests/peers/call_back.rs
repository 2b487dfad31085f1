//! Systems that are called back (`callback`): the caller is refused, and called at once.

use crate::support::node::{Node, neighbour};
use crate::support::taylor::{Settings, Taylor};
use crate::support::{self, hashed, open_folder, output_with_input};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// A node that takes calls on a port of its own choice, and calls `leaf` back at this address.
fn polux(folder: &Path, leaf: SocketAddr) -> Node {
    let config = format!(
        "[routes]\nsmart-host = \"leaf\"\n[[system]]\nname = \"leaf\"\nline = \"net\"\naddress = \"{leaf}\"\n\
         callback = true\ncalled-login = \"Uleaf\"\ncalled-password-hash = \"{}\"\n\
         [[line]]\nname = \"net\"\ntype = \"tcp\"\nanswer = true\nlisten = \"127.0.0.1:0\"\n",
        hashed("geheim")
    );
    Node::new(folder, "polux", &config)
}

/// Waits for one connection and has a program take it on its standard input and output.
fn take(listener: &TcpListener, called: &mut Command) -> ExitStatus {
    let (stream, _) = listener.accept().expect("a call");
    let end = || OwnedFd::from(stream.try_clone().expect("a copy")).into();
    let child = support::start(called, end(), end());
    drop(stream);
    support::wait(child)
}

#[test]
fn a_uugate_is_called_back_at_once() {
    let folder = open_folder();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let polux = polux(folder.path(), listener.local_addr().expect("its address"));
    let daemon = polux.start();
    let server = polux.await_address("waiting for calls");
    let config = format!(
        "[routes]\nsmart-host = \"polux\"\n[[system]]\nname = \"polux\"\nline = \"net\"\naddress = \"{server}\"\n\
         login = \"Uleaf\"\npassword = \"geheim\"\n[[line]]\nname = \"net\"\ntype = \"tcp\"\n"
    );
    let leaf = Node::new(folder.path(), "leaf", &config);
    leaf.mail("ann@leaf.uucp", &["ann@polux.uucp"], b"Subject: there\n\ntext\n");
    let refused = leaf.try_run("uucico", &["-r1", "-S", "polux"], b"");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(75), "{said}");
    assert!(said.contains("call back (RCB)"), "{said}");
    assert!(leaf.ended_calls()[0]["record"]["calls_back"].as_bool().expect("told"));
    assert!(take(&listener, &mut leaf.called()).success());
    polux.await_mail("ann", 1);
    assert!(daemon.stop().success());
    assert_eq!(leaf.waiting(), (0, 0));
}

#[test]
fn taylor_is_called_back_at_once() {
    let folder = open_folder();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let polux = polux(folder.path(), listener.local_addr().expect("its address"));
    let daemon = polux.start();
    let server = polux.await_address("waiting for calls");
    let taylor = Taylor::new(folder.path(), "leaf", "polux", &Settings::default());
    let system = format!(
        "address {}\nchat ogin: \\L word: \\P\ncall-login Uleaf\ncall-password geheim\n",
        server.ip()
    );
    let port = format!("type tcp\nservice {}\n", server.port());
    taylor.configure(&Settings { system: &system, port: &port, ..Settings::default() });
    taylor.mail("jan", &["ann"], b"Subject: back\n\ntext\n");
    let output = output_with_input(&mut taylor.caller(), b"");
    assert!(output.status.success() && taylor.log().contains("will call back"), "{}", taylor.log());
    assert!(take(&listener, &mut taylor.called()).success(), "{}", taylor.log());
    polux.await_mail("ann", 1);
    assert!(daemon.stop().success());
    assert_eq!(taylor.jobs_waiting(), 0);
}

#[test]
fn taylor_refuses_us_and_calls_back() {
    let folder = open_folder();
    let node = Node::new(folder.path(), "polux", &neighbour("leaf", ""));
    let settings = Settings { system: "chat \"\"\ncallback true\n", ..Settings::default() };
    let taylor = Taylor::new(folder.path(), "leaf", "polux", &settings);
    node.mail("ann@polux.uucp", &["jan@leaf.uucp"], b"Subject: there\n\ntext\n");
    let (caller, called) = support::join(&mut node.caller("leaf"), &mut taylor.called());
    assert!(called.success(), "{}", taylor.log());
    assert_eq!(caller.code(), Some(75));
    let record = &node.ended_calls()[0]["record"];
    assert!(record["calls_back"].as_bool().expect("told"), "{record}");
    let (caller, called) = support::join(&mut taylor.caller(), &mut node.called());
    assert!(caller.success() && called.success(), "{}", taylor.log());
    taylor.execute();
    assert_eq!((taylor.inbox().len(), node.waiting()), (1, (0, 0)), "{}", taylor.log());
}
