//! The packaged Taylor UUCP with itself: what the other tests of this folder rest upon.

use crate::support::{self, relay, taylor};

#[test]
fn two_sites_of_taylor_exchange_a_message() {
    let folder = support::open_folder();
    let polux = taylor::Taylor::new(folder.path(), "polux", "leaf", &Default::default());
    let leaf = taylor::Taylor::new(folder.path(), "leaf", "polux", &Default::default());
    leaf.mail("jan", &["ann"], b"Subject: hello\n\nno final newline");
    let (caller, called) = support::join(&mut leaf.caller(), &mut polux.called());
    assert!(caller.success() && called.success(), "{}{}", leaf.log(), polux.log());
    polux.execute();
    let inbox = polux.inbox();
    assert_eq!(inbox.len(), 1, "{}", polux.log());
    assert_eq!(inbox[0].recipients, "ann");
    assert_eq!(inbox[0].message(), b"Subject: hello\n\nno final newline");
    assert_eq!(leaf.jobs_waiting(), 0);
}

#[test]
fn a_site_of_taylor_passes_mail_on_along_a_bang_path() {
    let folder = support::open_folder();
    let middle = taylor::Taylor::new(folder.path(), "middle", "leaf", &Default::default());
    let leaf = taylor::Taylor::new(folder.path(), "leaf", "middle", &Default::default());
    leaf.mail("jan", &["leaf!ann"], b"Subject: round\n\nthere and back\n");
    support::join(&mut leaf.caller(), &mut middle.called());
    middle.execute();
    support::join(&mut leaf.caller(), &mut middle.called());
    leaf.execute();
    let inbox = leaf.inbox();
    assert_eq!(inbox.len(), 1, "{}{}", leaf.log(), middle.log());
    assert!(inbox[0].bytes.starts_with(b"From leaf!jan "), "{:?}", String::from_utf8_lossy(&inbox[0].bytes));
}

#[test]
fn a_line_that_is_cut_ends_the_call_of_both() {
    let folder = support::open_folder();
    let polux = taylor::Taylor::new(folder.path(), "polux", "leaf", &Default::default());
    let leaf = taylor::Taylor::new(folder.path(), "leaf", "polux", &Default::default());
    leaf.mail("jan", &["ann"], &[b'x'; 20_000]);
    let outcome = relay::join_until(&mut leaf.caller(), &mut polux.called(), 10_000, relay::End::Cut);
    assert_eq!(outcome.carried, 10_000);
    assert!(!outcome.caller.success() && !outcome.called.success());
    support::join(&mut leaf.caller(), &mut polux.called());
    polux.execute();
    assert_eq!(polux.inbox().len(), 1);
}
