//! The programs from outside: what a user or a mail program sees of them, with a daemon and without one.

mod alone;
mod bundles;
mod channels;
mod daemon;
mod fetch;
mod parallel;
mod users;

use crate::support::node::Node;
use std::process::Output;

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A node with one neighbour, which is reached by standard input alone.
fn leaf(folder: &tempfile::TempDir) -> Node {
    Node::new(folder.path(), "leaf", "[[system]]\nname = \"feed\"\n")
}
