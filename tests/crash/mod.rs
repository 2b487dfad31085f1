//! What is left when a program dies or a line is cut at a moment that nobody chose: everything, once.

mod calls;
mod daemon;
mod resume;
mod taylor;

use crate::support::messages::twenty;
use crate::support::node::neighbour;

/// The configuration of a node whose one neighbour is met on standard input and output, which lose nothing here.
fn reliable(peer: &str, settings: &str) -> String {
    format!("{}reliable = true\n", neighbour(peer, settings))
}

/// Twenty messages, the largest such that it is sent in pieces and its rest goes on after a cut.
fn moderate(direction: &str) -> Vec<Vec<u8>> {
    let mut messages = twenty(direction);
    messages.iter_mut().for_each(|message| message.truncate(150_000));
    messages
}
