//! The daemon is killed while mail is handed in, again and again. What was acknowledged arrives, once; what was not may
//! arrive, once.

use crate::support::messages::mark_and_body;
use crate::support::node::Node;
use crate::support::smtp::Client;
use crate::support::{open_folder, seeded};
use std::net::SocketAddr;
use std::sync::mpsc;

const KILLS: usize = 10;
/// Submissions each time, and who hands them in: every other client by SMTP.
const SUBMISSIONS: usize = 20;
const CLIENTS: usize = 4;

/// Hands in one client's share; says each mark that was acknowledged.
fn submit(node: &Node, server: SocketAddr, round: usize, client: usize, acknowledged: &mpsc::Sender<String>) {
    let mut smtp = Client::connect(server).ok().filter(|_| client.is_multiple_of(2));
    for number in (client..SUBMISSIONS).step_by(CLIENTS) {
        let mark = format!("Subject: {round}.{number}");
        let message = [mark.as_bytes(), b"\n\n", &b"text\n".repeat(number * 200)].concat();
        let kept = if client.is_multiple_of(2) {
            smtp.as_mut()
                .is_some_and(|smtp| smtp.send("marie@leaf.example", "ann@polux.uucp", &message).is_ok())
        } else {
            node.try_run("sendmail", &["-i", "-f", "marie@leaf.example", "ann"], &message).status.success()
        };
        if kept {
            acknowledged.send(mark).expect("the test listens");
        }
    }
}

#[test]
fn what_was_acknowledged_before_the_daemon_was_killed_arrives_once() {
    let folder = open_folder();
    let node = Node::new(folder.path(), "polux", "[smtp]\nlisten = \"127.0.0.1:0\"\n");
    let mut moments = seeded(0xdae_0001, SUBMISSIONS as u64 - 1);
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..KILLS {
        let mut daemon = Some(node.start());
        let server = node.await_address("listening for SMTP");
        let moment = moments.next().expect("endless");
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (node, tell) = (&node, tell.clone());
                scope.spawn(move || submit(node, server, round, client, &tell));
            }
            drop(tell);
            for (count, mark) in told.iter().enumerate() {
                acknowledged.push(mark);
                if count as u64 >= moment {
                    daemon.take();
                }
            }
        });
    }
    // What was left half done is taken up by the next that opens the spool.
    let daemon = node.start();
    node.await_mail("ann", acknowledged.len());
    assert!(daemon.stop().success(), "{}", node.log());
    node.run("uuxqt", &[], b"");
    assert_eq!(node.waiting(), (0, 0), "{}", String::from_utf8_lossy(&node.run("mailq", &[], b"").stdout));
    let mut arrived: Vec<String> = node
        .mailbox("ann")
        .iter()
        .map(|message| {
            String::from_utf8_lossy(mark_and_body(message)).lines().next().expect("a mark").to_owned()
        })
        .collect();
    println!("{} acknowledged, {} arrived", acknowledged.len(), arrived.len());
    arrived.sort();
    let count = arrived.len();
    arrived.dedup();
    assert_eq!(arrived.len(), count, "something arrived twice");
    let lost: Vec<_> = acknowledged.iter().filter(|mark| arrived.binary_search(mark).is_err()).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}
