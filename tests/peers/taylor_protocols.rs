//! uugate and Taylor UUCP over a pipe by each of the protocols beside `i` and `g`: who calls and who is called, mail both
//! ways, every byte as it was.

use super::taylor_pipe::Pair;
use crate::support::node::{Node, neighbour};
use crate::support::open_folder;
use crate::support::taylor::{Settings, Taylor};

/// Four messages: with bytes of every value, with those that lines like to eat, none at all, and a large one.
fn messages(direction: &str) -> Vec<Vec<u8>> {
    let all: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    let spread = |n: usize| (n * n / 3 + n / 7) as u8;
    let bodies =
        [all, b"\x11\x13\x00\x10~~\x7e\x7f\xff\r".repeat(40), Vec::new(), (0..200_000).map(spread).collect()];
    let message =
        |(n, body): (usize, Vec<u8>)| [format!("Subject: {direction} {n}\n\n").into_bytes(), body].concat();
    bodies.into_iter().enumerate().map(message).collect()
}

fn exchange(protocol: char, taylor_calls: bool) {
    let folder = open_folder();
    // What standard input is fit for has to be told.
    let config = neighbour("leaf", &format!("protocols = \"{protocol}\"")) + "reliable = true\n";
    let settings = Settings { protocol, ..Settings::default() };
    let pair = Pair {
        uugate: Node::new(folder.path(), "polux", &config),
        taylor: Taylor::new(folder.path(), "leaf", "polux", &settings),
    };
    pair.exchange(&messages("there"), &messages("back"), taylor_calls);
}

/// Both ways of calling, by one protocol.
macro_rules! protocols {
    ($($name:ident $letter:literal),*) => {
        $(mod $name {
            #[test]
            fn taylor_calls() {
                super::exchange($letter, true);
            }

            #[test]
            fn taylor_is_called() {
                super::exchange($letter, false);
            }
        })*
    };
}

protocols!(big_g 'G', v 'v', j 'j', t 't', e 'e', f 'f', y 'y');
