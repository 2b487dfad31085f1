//! `uugate line doctor`, against modems of the exchange: it sees what the transcripts say, of which the reports are made.

use super::locks::Holder;
use crate::support::modem_lines::{DCD, ModemLines, UART_16450};
use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::telephone::{Telephone, Terminal};
use std::path::Path;
use uugate::exit;
use uugate::wire::doctor::{Opening, Seen};
use uugate::wire::exchange::Settings;

/// What is seen of the one line of a node, with what differs from run to run as the transcripts have it.
fn examined(node: &Node, code: u8) -> Seen {
    let output = node.try_run("line", &["doctor", "--json"], b"");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code.into()), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let mut report: serde_json::Value = serde_json::from_str(&text).expect("a report");
    let line = &mut report["lines"][0];
    assert_eq!(line["line"], "modem");
    let mut seen: Seen = serde_json::from_value(line["seen"].take()).expect("what was seen");
    if seen.device.ends_with("/telephone/leaf") {
        seen.device = "/tmp/telephone/leaf".to_owned();
    }
    if let Some(node) = &mut seen.leads_to
        && node.starts_with("/dev/pts/")
    {
        *node = "/dev/pts/1".to_owned();
    }
    if let Opening::Held(Some(holder)) = &mut seen.opening {
        holder.pid = 4711;
        // Some systems have the version in the name.
        holder.program = holder.program.take().map(|name| name.chars().take(7).collect());
    }
    seen
}

fn transcript(name: &str) -> Seen {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/line-doctor");
    let text = std::fs::read_to_string(folder.join(name)).expect("a transcript");
    toml::from_str(text.split_once("--\n").expect("two parts").0).expect("what was seen")
}

fn leaf(folder: &Path, telephone: &Telephone) -> Node {
    Node::new(folder, "leaf", &telephone.line("leaf", ""))
}

#[test]
fn a_modem_is_seen_as_it_is() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let leaf = leaf(folder.path(), &telephone);
    assert_eq!(examined(&leaf, exit::OK), transcript("exchange.txt"));
    let told = String::from_utf8(leaf.run("line", &["doctor", "modem"], b"").stdout).expect("text");
    assert!(told.starts_with("modem: ") && told.ends_with("nothing has to be changed\n"), "{told}");

    // A device need not be configured.
    let device = telephone.device("leaf").display().to_string();
    let told = String::from_utf8(leaf.run("line", &["doctor", &device], b"").stdout).expect("text");
    assert!(told.starts_with(&device) && told.contains("OK"), "{told}");

    // Another program has left it so.
    let mut other = Terminal::open(&telephone.device("leaf"));
    other.say("ATE1V0\r");
    other.expect("0\r");
    drop(other);
    assert_eq!(examined(&leaf, exit::OK), transcript("exchange-in-numbers.txt"));
}

#[test]
fn modem_lines_and_uart_are_seen_as_they_are() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let lines = ModemLines::new(folder.path());
    let leaf = leaf(folder.path(), &telephone).in_environment(lines.environment());
    assert_eq!(examined(&leaf, exit::OK), transcript("exchange-with-modem-lines.txt"));
    lines.set(DCD);
    lines.set_uart(UART_16450, 1);
    assert_eq!(examined(&leaf, exit::UNAVAILABLE), transcript("exchange-with-stuck-lines.txt"));
}

#[test]
fn a_line_that_cannot_be_opened_is_told_why() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let leaf = leaf(folder.path(), &telephone);
    let _other = Holder::with_lock_file(&leaf.path("LCK..leaf"));
    assert_eq!(examined(&leaf, exit::UNAVAILABLE), transcript("held.txt"));
    let nowhere =
        "[[line]]\nname = \"modem\"\ntype = \"serial\"\ndevice = \"/nowhere/ttyUSB0\"\nmodem = \"generic\"\n";
    leaf.configure(nowhere);
    assert_eq!(examined(&leaf, exit::UNAVAILABLE), transcript("missing.txt"));
    let wrong = leaf.try_run("line", &["doctor", "modm"], b"");
    assert_eq!(wrong.status.code(), Some(exit::USAGE.into()));
}
