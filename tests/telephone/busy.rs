//! A line on which nobody would be answered is busy.

use crate::support::node::Node;
use crate::support::telephone::{Telephone, Terminal, caller};
use crate::support::{open_folder, watch};
use uugate::wire::exchange::Settings;

#[test]
fn a_line_whose_modem_does_not_take_its_commands_is_busy_and_rings_again_when_it_is_given_up() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let feed = format!("{}{}", caller("leaf", ""), telephone.line("feed", "answer = true\ninit = \"+NO=1\""));
    let feed = Node::new(folder.path(), "feed", &feed);
    let daemon = feed.start();
    let refused = || feed.log().contains("no calls can be answered");
    watch::until(&feed.path(""), "the modem that refuses", refused);
    let mut other = Terminal::open(&telephone.device("other"));
    other.say("ATDT5552\r");
    other.expect("BUSY\r\n");
    assert!(daemon.stop().success());
    other.say("ATS7=1DT5552\r");
    other.expect("NO ANSWER\r\n");
}
