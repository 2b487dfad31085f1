use super::*;
use crate::node::config::Config;
use crate::node::verbs::{JobFilter, Verbs};
use crate::spool::Spool;
use crate::wire::station::CallEvents;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A node in memory behind a control socket.
struct Node {
    _folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    socket: PathBuf,
}

impl Node {
    fn start(settings: ServerSettings) -> Node {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("control");
        let source = "[node]\nname = \"barberouge\"\n[[system]]\nname = \"polux\"\n".to_owned();
        let (config, _) = Config::read(Path::new("uugate.toml"), source);
        let config = Arc::new(config.unwrap());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = {
            let _inside = runtime.enter();
            Server::bind(&socket, settings).unwrap()
        };
        let verbs = Verbs::new(config, Spool::in_memory(), CallEvents::default());
        runtime.spawn(async move { server.run(|| verbs.clone()).await });
        Node { _folder: folder, runtime, socket }
    }

    fn ask(&self, request: &Request) -> Result<Report, ControlError> {
        Client::connect(&self.socket)?.ask(request, None)
    }

    /// Sends raw bytes and reads what comes until the server hangs up.
    fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        // The server may hang up before it has read everything.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}

fn framed(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], content].concat()
}

#[test]
fn a_question_is_answered() {
    let node = Node::start(ServerSettings::default());
    let Report::Names(names) = node.ask(&Request::Names).unwrap() else { panic!() };
    assert_eq!(names.node, "barberouge");
    assert_eq!(names.systems[0].name, "polux");
}

#[test]
fn a_refusal_arrives_as_the_fault_that_it_is() {
    let node = Node::start(ServerSettings::default());
    let filter = JobFilter { systems: vec!["moria".into()], user: None };
    let error = node.ask(&Request::Jobs { filter, after: None }).unwrap_err();
    let ControlError::Refused(fault) = &error else { panic!("{error}") };
    assert_eq!(fault.exit_code(), crate::exit::NOHOST);
    assert!(fault.message.contains("moria"));
}

#[test]
fn nobody_listening_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control");
    assert!(matches!(Client::connect(&socket), Err(ControlError::NoDaemon { .. })));
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(matches!(Client::connect(&socket), Err(ControlError::NoDaemon { .. })));
}

#[test]
fn hostile_frames_end_their_own_connection_alone() {
    let node = Node::start(ServerSettings::default());
    let question = |text: &str| framed(b'J', text.as_bytes());
    let deep = "[".repeat(100_000);
    let hostile: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"J".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 100_000],
        [b"J\xff\xff\xff\xff".to_vec(), vec![b'x'; 1 << 21]].concat(),
        framed(b'B', b"x"),
        framed(b'E', b""),
        question(""),
        question("null"),
        question("{\"version\":1}"),
        question("{\"version\":1,\"request\":{\"format-disk\":{}}}"),
        question("{\"version\":1,\"request\":{\"execute\":{\"system\":\"polux\",\"surprise\":1}}}"),
        question("{\"version\":-1,\"request\":\"names\"}"),
        question("{\"version\":1,\"request\":\"names\"").split_last().unwrap().1.to_vec(),
        question(&deep),
        question("\u{0}\u{1}\u{2}"),
    ];
    for bytes in hostile {
        let answer = node.raw(&bytes);
        let text = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || text.contains("refused"), "{text}");
        assert!(node.ask(&Request::Names).is_ok());
    }
}

#[test]
fn another_version_is_told_which_one_is_spoken() {
    let node = Node::start(ServerSettings::default());
    let answer = node.raw(&framed(b'J', b"{\"version\":7,\"request\":{\"of\":\"tomorrow\"}}"));
    assert_eq!(&answer[5..], b"{\"version\":1}");
}

#[test]
fn a_user_has_so_many_connections_and_gets_them_back() {
    let node = Node::start(ServerSettings { connections_per_user: 3, ..ServerSettings::default() });
    let held: Vec<UnixStream> = (0..3).map(|_| UnixStream::connect(&node.socket).unwrap()).collect();
    assert!(matches!(node.ask(&Request::Names), Err(ControlError::Lost(_))));
    drop(held);
    // The server sees the connections end in its own time.
    let deadline = crate::clock::now() + std::time::Duration::from_secs(20);
    while node.ask(&Request::Names).is_err() {
        assert!(crate::clock::now() < deadline);
        std::thread::yield_now();
    }
}

#[test]
fn a_silent_client_is_given_up() {
    let settings = ServerSettings {
        question_timeout: std::time::Duration::from_millis(20),
        ..ServerSettings::default()
    };
    let node = Node::start(settings);
    let mut stream = UnixStream::connect(&node.socket).unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
}

#[test]
fn the_socket_goes_with_the_server_and_nothing_else_does() {
    let node = Node::start(ServerSettings::default());
    let socket = node.socket.clone();
    assert!(socket.exists());
    drop(node.runtime);
    assert!(!socket.exists());
    std::fs::write(&socket, "precious").unwrap();
    assert!(Server::bind(&socket, ServerSettings::default()).is_err());
    assert!(socket.exists());
}
