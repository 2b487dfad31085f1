//! Calls that nobody asks for by name.

use super::pair;
use crate::support::open_folder;
use crate::support::telephone::Telephone;
use uugate::wire::exchange::Settings;

#[test]
fn a_job_without_r_is_called_for_at_once() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    leaf.run("uux", &["-", "-r", "feed!rmail", "ann"], b"Subject: one\n\nwaits\n");
    leaf.run("uux", &["-", "feed!rmail", "ann"], b"Subject: two\n\ngoes\n");
    feed.await_mail("ann", 2);
    telephone.until_hung_up();
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}

#[test]
fn a_system_with_a_poll_interval_is_called_by_itself() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone, "poll = \"1 min\"");
    feed.mail("ann@feed.uucp", &["ann@leaf.uucp"], b"Subject: down\n\nhello\n");
    let feed_daemon = feed.start();
    let leaf_daemon = leaf.start();
    leaf.await_mail("ann", 1);
    telephone.until_hung_up();
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}
