//! One line for calls both ways, and for one caller after the other.

use crate::support::messages::assert_arrived;
use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::telephone::{LOGIN, PASSWORD, Telephone, Terminal, caller, dialled};
use uugate::wire::exchange::{Event, Settings};

/// Somebody else calls this number and is asked for a name.
fn call_in(telephone: &Telephone, number: &str) -> Terminal {
    let mut other = Terminal::open(&telephone.device("other"));
    other.say(&format!("ATDT{number}\r"));
    other.expect("CONNECT");
    other.expect("login: ");
    other
}

fn hang_up(telephone: &mut Telephone, other: Terminal) {
    drop(other);
    telephone.until("the end of the call", |event| matches!(event, Event::Ended { .. }));
}

#[test]
fn no_caller_comes_into_the_session_of_the_one_before() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let feed = format!("{}{}", caller("leaf", ""), telephone.line("feed", "answer = true"));
    let feed = Node::new(folder.path(), "feed", &feed);
    let daemon = feed.start();
    // Cut off between name and password, and then in the session: each time the next is asked for its name.
    let mut half = call_in(&telephone, "5552");
    half.say(&format!("{LOGIN}\r"));
    half.expect("word:");
    hang_up(&mut telephone, half);
    let mut whole = call_in(&telephone, "5552");
    whole.say(&format!("{LOGIN}\r"));
    whole.expect("word:");
    whole.say(&format!("{PASSWORD}\r"));
    whole.expect("Shere=feed\0");
    hang_up(&mut telephone, whole);
    let last = call_in(&telephone, "5552");
    hang_up(&mut telephone, last);
    assert!(daemon.stop().success());
}

#[test]
fn a_call_of_ours_waits_until_the_caller_on_our_line_has_gone() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let feed = format!("{}{}", caller("leaf", ""), telephone.line("feed", "answer = true"));
    let leaf = format!(
        "[routes]\nsmart-host = \"feed\"\n{}{}{}",
        dialled("feed", "5552", ""),
        caller("other", ""),
        telephone.line("leaf", "answer = true")
    );
    let (feed, leaf) = (Node::new(folder.path(), "feed", &feed), Node::new(folder.path(), "leaf", &leaf));
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    let other = call_in(&telephone, "5551");
    let message = b"Subject: up\n\nhello\n".to_vec();
    leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], &message);
    leaf.run("poll", &["feed"], b"");
    assert!(leaf.ended_calls().is_empty(), "the line is in use, which is no failure");
    hang_up(&mut telephone, other);
    feed.await_mail("ann", 1);
    assert_arrived(&[message], feed.mailbox("ann"), true);
    telephone.until_hung_up();
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
    let calls = leaf.ended_calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
}
