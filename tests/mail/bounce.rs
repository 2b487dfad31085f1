//! Mail to a user that nobody knows, across uugate, Taylor UUCP and uugate: one bounce comes back the same way, and
//! dies where it is itself undeliverable.

use crate::support::node::{Node, neighbour};
use crate::support::taylor::{Settings, Taylor};
use crate::support::{self, open_folder};
use std::path::Path;

/// `leaf`, a Taylor `middle`, and `far`.
struct Chain {
    leaf: Node,
    middle: Taylor,
    far: Node,
}

/// The neighbours of a Taylor that has two.
fn two_neighbours(middle: &Taylor) {
    let sys = std::fs::read_to_string(middle.path("sys")).expect("its sys file");
    let second = sys.replace("system leaf", "system far");
    std::fs::write(middle.path("sys"), format!("{sys}\n{second}")).expect("its sys file");
}

fn chain(folder: &Path) -> Chain {
    let middle = Taylor::new(folder, "middle", "leaf", &Settings::default());
    two_neighbours(&middle);
    Chain {
        leaf: Node::new(folder, "leaf", &neighbour("middle", "")),
        far: Node::new(folder, "far", &neighbour("middle", "")),
        middle,
    }
}

impl Chain {
    /// Both ends call the middle until nothing waits any more. Returns the number of rounds.
    fn settle(&self) -> usize {
        for round in 1..=6 {
            for node in [&self.leaf, &self.far] {
                let (caller, called) = support::join(&mut node.caller("middle"), &mut self.middle.called());
                assert!(caller.success() && called.success(), "{}", self.middle.log());
                self.middle.execute();
            }
            let quiet = [&self.leaf, &self.far].iter().all(|node| node.waiting() == (0, 0));
            let folder = |peer: &str| self.middle.path("spool").join(peer).join("C.");
            let jobs = |peer: &str| std::fs::read_dir(folder(peer)).map_or(0, Iterator::count);
            if quiet && jobs("leaf") + jobs("far") == 0 {
                return round;
            }
        }
        panic!("mail goes round and round:\n{}", self.middle.log());
    }
}

fn text(message: &[u8]) -> String {
    String::from_utf8_lossy(message).into_owned()
}

#[test]
fn a_bounce_crosses_both_nodes_and_taylor_once() {
    let folder = open_folder();
    let chain = chain(folder.path());
    chain.leaf.mail("ann@leaf.uucp", &["far!nobody"], b"Subject: to nobody\n\nhello\n");
    chain.settle();
    let came_back = chain.leaf.mailbox("ann");
    assert_eq!(came_back.len(), 1, "{:?}", came_back.iter().map(|m| text(m)).collect::<Vec<_>>());
    let bounce = text(&came_back[0]);
    for part in
        ["multipart/report", "message/delivery-status", "nobody", "Subject: to nobody", "Status: 5.1.1"]
    {
        assert!(bounce.contains(part), "{part}: {bounce}");
    }
    let mailbox = std::fs::read_to_string(chain.leaf.path("mail/ann")).expect("a mailbox");
    assert!(mailbox.starts_with("From MAILER-DAEMON "), "{mailbox}");
    for (node, user) in [(&chain.leaf, "root"), (&chain.far, "root"), (&chain.far, "ann")] {
        assert_eq!(node.mailbox(user).len(), 0, "{} {user}", node.name);
    }
    assert!(chain.middle.inbox().is_empty(), "only passed on");
}

/// The sender does not exist either: the bounce dies at his node and makes no other.
#[test]
fn a_bounce_that_cannot_be_delivered_dies() {
    let folder = open_folder();
    let chain = chain(folder.path());
    chain.leaf.mail("ghost@leaf.uucp", &["far!nobody"], b"Subject: to nobody\n\nhello\n");
    chain.settle();
    let told: usize = [&chain.leaf, &chain.far]
        .iter()
        .flat_map(|node| [node.mailbox("ann"), node.mailbox("root")])
        .map(|messages| messages.len())
        .sum();
    // A postmaster may be told of what died, once; nobody else, and nothing goes on.
    assert!(told <= 1, "{told} messages");
    assert!(chain.middle.inbox().is_empty());
}
