//! Mail by a transport on demand is reason enough to call.

use super::pair;
use crate::support::open_folder;
use crate::support::telephone::Telephone;
use uugate::wire::exchange::Settings;

#[test]
fn mail_on_demand_has_its_system_called_at_once() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone, "transport = \"demand\"");
    let (answering, calling) = (feed.start(), leaf.start());
    leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], b"Subject: now\n\nnow\n");
    feed.await_mail("ann", 1);
    assert!(calling.stop().success() && answering.stop().success());
    assert_eq!(leaf.ended_calls().len(), 1);
}
