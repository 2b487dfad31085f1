//! The end that sends a large file is killed in the middle of it: the next call brings the rest of it alone, be it mail, a
//! file that is sent, or one that is fetched.

use super::reliable;
use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::relay::{End, join_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// About what a file has, and where the first call ends, in bytes.
const ALL: usize = 3_000_000;
const KILLED: u64 = 2_000_000;
/// What the second call may carry: the rest, what was lost in pipes, and the talk about it.
const REST: u64 = 1_400_000;

/// Lines of text, all different.
fn text() -> String {
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= ALL {
            break;
        }
        text.push_str(&format!("{number} lines came before this one, and each of them in its turn\n"));
    }
    text
}

struct Pair {
    leaf: Node,
    polux: Node,
    _folder: tempfile::TempDir,
}

impl Pair {
    fn new(protocol: char) -> Pair {
        let folder = open_folder();
        let protocol = format!("protocols = \"{protocol}\"");
        let node = |name, peer| Node::new(folder.path(), name, &reliable(peer, &protocol));
        let (leaf, polux) = (node("leaf", "polux"), node("polux", "leaf"));
        for node in [&leaf, &polux] {
            fs::create_dir_all(node.path("public")).expect("a public directory");
        }
        Pair { leaf, polux, _folder: folder }
    }

    /// A call of leaf in which one end is killed, and another.
    fn killed_and_called_again(&self, end: End) {
        let call = |after| join_until(&mut self.leaf.caller("polux"), &mut self.polux.called(), after, end);
        let first = call(KILLED);
        assert!(first.carried >= KILLED, "{first:?}");
        let second = call(u64::MAX);
        assert!(second.caller.success() && second.called.success(), "{second:?}");
        assert!(second.carried < REST, "{second:?}");
        assert_eq!((self.leaf.waiting(), self.polux.waiting()), ((0, 0), (0, 0)));
    }
}

/// A file that everybody may read.
fn public(node: &Node, name: &str, text: &str) -> String {
    let path = node.path("public").join(name);
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("its mode");
    path.display().to_string()
}

#[test]
fn mail_goes_on_where_its_killed_sender_stopped() {
    let pair = Pair::new('t');
    let message = format!("Subject: long\n\n{}", text());
    pair.leaf.mail("root", &["ann@polux.uucp"], message.as_bytes());
    pair.killed_and_called_again(End::KillCaller);
    let kept = pair.polux.mailbox("ann");
    assert_eq!(kept.len(), 1);
    assert!(kept[0].ends_with(text().as_bytes()));
}

#[test]
fn a_file_goes_on_where_its_killed_sender_stopped() {
    let pair = Pair::new('t');
    let path = public(&pair.leaf, "plan", &text());
    pair.leaf.run("uucp", &["-r", &path, "polux!~/got"], b"");
    pair.killed_and_called_again(End::KillCaller);
    assert!(fs::read(pair.polux.path("public/got")).expect("the file") == text().as_bytes());
}

#[test]
fn a_fetched_file_goes_on_where_its_killed_owner_stopped() {
    for protocol in ['t', 'i'] {
        let pair = Pair::new(protocol);
        public(&pair.polux, "plan", &text());
        pair.leaf.run("uucp", &["-r", "polux!~/plan", "~/got"], b"");
        pair.killed_and_called_again(End::KillCalled);
        assert!(fs::read(pair.leaf.path("public/got")).expect("the file") == text().as_bytes());
    }
}
