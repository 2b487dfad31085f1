//! Whom the agent serves, and what it does with those who say something else.

use super::{JAN, LOW, MAIL, Site, write};
use crate::support::output_with_input;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use uugate::agent::AgentError;
use uugate::fault::{Retry, ToFault};

#[tokio::test]
async fn root_the_system_and_strangers_are_no_mail_users() {
    let site = Site::new("", |_| {});
    let agent = site.agent();
    for name in ["root", "low", "nobody-of-that-name", "../jan", "-jan"] {
        assert_eq!(agent.look_up(name).await.unwrap(), None, "{name}");
        // The node may say what it likes.
        let refused = agent.read_file(name, LOW, &site.path("home/low/.forward"), 10).await.unwrap_err();
        assert!(matches!(refused, AgentError::Refused(_)), "{name}: {refused}");
        assert_eq!(refused.fault().retry, Retry::Never, "{name}");
    }
    // A name is looked up again: another uid said beside it counts for nothing.
    write(&site.path("home/jan/.forward"), b"x\n", JAN, 0o600);
    let seen = agent.read_file("jan", LOW, &site.path("home/jan/.forward"), 10).await.unwrap().unwrap();
    assert_eq!(seen.facts.uid, JAN);
}

#[tokio::test]
async fn a_session_has_the_group_of_mailboxes_for_them_alone() {
    let site = Site::new("lda = [\"/bin/sh\", \"-c\", \"id -G\"]", |_| {});
    let agent = site.agent();
    let open = agent.open_mailbox(&site.account("jan", JAN)).await.unwrap();
    let groups = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.lines().find(|line| line.starts_with("Groups:")).unwrap().to_owned()
    };
    assert!(groups(site.child()).contains(&MAIL.to_string()));
    // What belongs to that group is no business of his files.
    write(&site.path("mail/of-the-group"), b"secret\n", 0, 0o640);
    std::os::unix::fs::chown(site.path("mail/of-the-group"), Some(0), Some(MAIL)).unwrap();
    drop(open);
    let mut other = site.account("jan", JAN);
    other.mailbox = site.path("mail/of-the-group");
    let refused = agent.open_mailbox(&other).await.unwrap_err();
    assert_eq!(refused.fault().retry, Retry::Never, "{refused}");
}

/// Not even root, which these tests are.
#[tokio::test]
async fn nobody_but_the_node_is_heard() {
    let mut site = Site::new("", |_| {});
    let file = site.path("uugate.toml");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replace("node-user = \"0\"", "node-user = \"61003\"")).unwrap();
    site.crash();
    let mut stream = UnixStream::connect(site.path("run/agent")).unwrap();
    let opening = b"{\"user\":\"jan\",\"kind\":\"files\"}";
    let _ = stream.write_all(&[&b"J\0\0\0"[..], &[opening.len() as u8], opening].concat());
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    assert!(said.is_empty());
    let refused = site.agent().read_file("jan", JAN, &site.path("home/jan/.forward"), 10).await.unwrap_err();
    assert!(matches!(refused, AgentError::Lost(_)), "{refused}");
}

#[tokio::test]
async fn hostile_frames_end_their_own_connection_alone() {
    let site = Site::new("", |_| {});
    let framed = |text: &str| [&b"J"[..], &(text.len() as u32).to_be_bytes(), text.as_bytes()].concat();
    let opening = framed("{\"user\":\"jan\",\"kind\":\"files\"}");
    let long = framed(&format!("{{\"user\":\"{}\",\"kind\":\"files\"}}", "x".repeat(1000)));
    let hostile: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.0\r\n\r\n".to_vec(),
        vec![b'J', 0xff, 0xff, 0xff, 0xff],
        b"B\0\0\0\x01x".to_vec(),
        framed("{}"),
        framed("[[[["),
        framed("{\"user\":\"jan\",\"kind\":\"root\"}"),
        framed("{\"user\":\"jan\",\"kind\":\"files\",\"uid\":0}"),
        long,
        Vec::new(),
        [opening.clone(), b"E\0\0\0\0".to_vec()].concat(),
        [opening.clone(), framed("{\"read\":{\"path\":\"/etc/shadow\"}}")].concat(),
        [opening.clone(), framed("\"append\""), b"E\0\0\0\0".to_vec()].concat(),
        [
            opening.clone(),
            framed("{\"run\":{\"program\":\"lda\",\"sender\":\"\",\"recipient\":\"\",\"extension\":\"\"}}"),
        ]
        .concat(),
        [opening, b"J\0\x10\0\x01".to_vec()].concat(),
    ];
    for bytes in hostile {
        let mut stream = UnixStream::connect(site.path("run/agent")).unwrap();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        assert!(said.is_empty() || said.contains("refused"), "{said}");
    }
    let forward = site.path("home/jan/.forward");
    assert_eq!(site.agent().read_file("jan", JAN, &forward, 10).await.unwrap(), None);
}

#[test]
fn a_configuration_that_others_may_write_is_not_obeyed() {
    let site = Site::new("", |_| {});
    let file = site.path("uugate.toml");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_uugate"));
    let output = output_with_input(command.arg("agent").arg("-I").arg(&file), b"");
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("writable by nobody else"), "{output:?}");
}

#[test]
fn a_second_agent_does_not_take_the_place_of_the_first() {
    let site = Site::new("", |_| {});
    let mut command = Command::new(env!("CARGO_BIN_EXE_uugate"));
    let output = output_with_input(command.arg("agent").arg("-I").arg(site.path("uugate.toml")), b"");
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert!(UnixStream::connect(site.path("run/agent")).is_ok());
}
