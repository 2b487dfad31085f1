//! uugate and Taylor UUCP over a pipe: who calls and who is called, protocols i and g, mail both ways.

use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::{Node, neighbour};
use crate::support::taylor::{Delivered, Settings, Taylor};
use crate::support::{self, open_folder};
use std::path::Path;

pub struct Pair {
    pub uugate: Node,
    pub taylor: Taylor,
}

/// A node `polux` and a Taylor `leaf`, neighbours by this protocol.
pub fn pair(folder: &Path, protocol: char) -> Pair {
    let settings = format!("protocols = \"{protocol}\"");
    Pair {
        uugate: Node::new(folder, "polux", &neighbour("leaf", &settings)),
        taylor: Taylor::new(folder, "leaf", "polux", &Settings { protocol, ..Settings::default() }),
    }
}

impl Pair {
    /// A call to its good end.
    #[track_caller]
    pub fn call(&self, taylor_calls: bool) {
        let (caller, called) = if taylor_calls {
            support::join(&mut self.taylor.caller(), &mut self.uugate.called())
        } else {
            support::join(&mut self.uugate.caller("leaf"), &mut self.taylor.called())
        };
        assert!(caller.success() && called.success(), "{caller} {called}\n{}", self.taylor.log());
    }

    /// Messages both ways in one call; each arrives once and as it was sent, and nothing is left.
    #[track_caller]
    pub fn exchange(&self, there: &[Vec<u8>], back: &[Vec<u8>], taylor_calls: bool) {
        for message in there {
            self.uugate.mail("ann@polux.uucp", &["jan@leaf.uucp"], message);
        }
        for message in back {
            self.taylor.mail("jan", &["ann"], message);
        }
        self.call(taylor_calls);
        self.taylor.execute();
        assert_arrived(there, self.taylor.inbox().into_iter().map(bytes), false);
        assert_arrived(back, self.uugate.mailbox("ann"), true);
        assert_eq!((self.taylor.jobs_waiting(), self.uugate.waiting()), (0, (0, 0)));
    }
}

/// By rmail the bytes stay as they are; a mailbox ends every message with a line end.
pub fn bytes(delivered: Delivered) -> Vec<u8> {
    delivered.message().to_vec()
}

/// Twenty messages each way in one call.
fn exchange(protocol: char, taylor_calls: bool) {
    let folder = open_folder();
    pair(folder.path(), protocol).exchange(&twenty("there"), &twenty("back"), taylor_calls);
}

#[test]
fn taylor_calls_with_i() {
    exchange('i', true);
}

#[test]
fn taylor_is_called_with_i() {
    exchange('i', false);
}

#[test]
fn taylor_calls_with_g() {
    exchange('g', true);
}

#[test]
fn taylor_is_called_with_g() {
    exchange('g', false);
}
