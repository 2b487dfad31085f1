//! Files that one end asks the other for, by name and by pattern, what is permitted, and whose turn it is, with the packaged
//! Taylor UUCP.

use super::taylor_session::{Site, call, sites};
use crate::support::taylor::Taylor;
use crate::support::{self, run_with_input};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use uugate::job::{Expand, Fetch, Grade, Work};

fn public_file(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, Permissions::from_mode(0o666)).expect("a public file");
}

/// A directory that Taylor may write to, with its slash.
fn open_directory(path: &Path) -> String {
    fs::create_dir(path).expect("a directory");
    fs::set_permissions(path, Permissions::from_mode(0o777)).expect("an open directory");
    format!("{}/", path.display())
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

fn uucp(taylor: &Taylor, arguments: &[&str]) {
    let mut uucp: Command = taylor.command("uucp");
    run_with_input(uucp.arg("-r").args(arguments), b"");
}

fn fetch(from: &str, to: &str) -> Work {
    let (from, to, user) = (from.to_owned(), to.to_owned(), "jan".to_owned());
    Work::Fetch(Fetch { from, to, user, make_directories: true })
}

async fn by_pattern(we_call: bool, protocol: char) {
    let folder = support::open_folder();
    let (us, taylor) = sites(folder.path(), protocol, &[]);
    // What comes by pattern is sent by us, so it has to be where Taylor lets others write.
    let theirs = open_directory(&taylor.path("pub/in"));
    for name in ["a.txt", "b.txt", "c.doc"] {
        public_file(&us.node.public.join(name), name);
        public_file(&taylor.path("pub").join(format!("t-{name}")), name);
    }
    uucp(&taylor, &["leaf!~/*.txt", &theirs]);
    uucp(&taylor, &["leaf!~/*.none", &theirs]);
    let (from, to, user) = ("~/*.txt".to_owned(), "~/in/".to_owned(), "jan".to_owned());
    us.submit(Work::Expand(Expand { from, to, user, make_directories: true }), None).await;
    // What the master asked for may come after both have hung up.
    for _ in 0..2 {
        let record = call(we_call, &us, &taylor, None).await;
        assert_eq!(record.failure, None, "{}", taylor.log());
    }
    assert_eq!((us.waiting().await, taylor.jobs_waiting()), (0, 0), "{}", taylor.log());
    assert_eq!(names(&theirs), ["a.txt", "b.txt"], "{}", taylor.log());
    let arrived = us.arrived().await;
    let expected = ["a.txt", "b.txt"].map(|name| (format!("~/in/t-{name}"), name.as_bytes().to_vec()));
    assert_eq!(arrived, expected, "{}", taylor.log());
}

#[tokio::test]
async fn files_by_pattern_over_g_when_we_call() {
    by_pattern(true, 'g').await;
}

#[tokio::test]
async fn files_by_pattern_over_g_when_taylor_calls() {
    by_pattern(false, 'g').await;
}

#[tokio::test]
async fn files_by_pattern_over_i_when_we_call() {
    by_pattern(true, 'i').await;
}

#[tokio::test]
async fn files_by_pattern_over_i_when_taylor_calls() {
    by_pattern(false, 'i').await;
}

fn system(us: &mut Site) -> &mut uugate::wire::call::System {
    us.node.systems.values_mut().next().expect("a peer")
}

#[tokio::test]
async fn what_is_not_permitted_is_refused_to_taylor_and_its_mail_goes() {
    for protocol in ['g', 'i'] {
        let folder = support::open_folder();
        let (mut us, taylor) = sites(folder.path(), protocol, &[]);
        let theirs = open_directory(&folder.path().join("theirs"));
        public_file(&us.node.public.join("a.txt"), "a");
        system(&mut us).permissions.fetch = false;
        system(&mut us).called_transfer = false;
        uucp(&taylor, &["leaf!~/a.txt", &format!("{theirs}a")]);
        uucp(&taylor, &["leaf!~/*.txt", &theirs]);
        taylor.mail("bob", &["jan"], b"mail\n");
        us.mail("ann", b"mail\n").await;
        let record = call(false, &us, &taylor, None).await;
        assert_eq!(record.failure, None, "{}", taylor.log());
        assert_eq!((us.waiting().await, taylor.jobs_waiting()), (1, 0), "{}", taylor.log());
        assert_eq!(names(&theirs), [""; 0]);
        assert_eq!(us.arrived().await, [("rmail jan".to_owned(), b"mail\n".to_vec())]);
        // In a call of ours it goes; and nothing is taken any more.
        system(&mut us).permissions.put = false;
        taylor.mail("bob", &["jan"], b"more mail\n");
        let record = call(true, &us, &taylor, None).await;
        assert_eq!(record.failure, None, "{}", taylor.log());
        assert_eq!((us.waiting().await, taylor.jobs_waiting()), (0, 0), "{}", taylor.log());
        assert_eq!(us.arrived().await, []);
        assert!(taylor.log().contains("permission denied by remote"), "{}", taylor.log());
    }
}

#[tokio::test]
async fn a_file_of_taylor_that_is_too_large_for_us_does_not_come_and_may_be_asked_for_again() {
    for protocol in ['g', 'i'] {
        let folder = support::open_folder();
        let (mut us, taylor) = sites(folder.path(), protocol, &[]);
        public_file(&taylor.path("pub/theirs"), "12345");
        us.submit(fetch("~/theirs", "~/theirs"), None).await;
        for (largest, waiting) in [(4, 1), (5, 0)] {
            system(&mut us).permissions.largest = largest;
            let record = call(true, &us, &taylor, None).await;
            assert_eq!(record.failure, None, "{}", taylor.log());
            assert_eq!(us.waiting().await, waiting, "{}", taylor.log());
        }
        assert_eq!(us.arrived().await, [("~/theirs".to_owned(), b"12345".to_vec())]);
    }
}

/// Taylor, which called, has five jobs; ours is more urgent than the rest of them.
#[tokio::test]
async fn taylor_gives_way_to_more_urgent_work_over_g() {
    let folder = support::open_folder();
    let (us, taylor) = sites(folder.path(), 'g', &[]);
    for number in 0..5 {
        let mut uux = taylor.command("uux");
        uux.args(["-r", "-gN", "-", "leaf!rmail"]).arg(format!("(jan{number})"));
        run_with_input(&mut uux, b"From bob Mon Nov 23 12:00:00 2026\nmail\n");
    }
    us.mail_at(Grade::new('A').expect("a grade"), "urgent", b"mail\n").await;
    us.mail_at(Grade::new('Z').expect("a grade"), "patient", b"mail\n").await;
    let record = call(false, &us, &taylor, None).await;
    assert_eq!(record.failure, None, "{}", taylor.log());
    assert_eq!((record.jobs_sent, record.jobs_received), (2, 5));
    assert_eq!((us.waiting().await, taylor.jobs_waiting()), (0, 0), "{}", taylor.log());
    let log = taylor.log();
    let place = |what: &str| log.find(what).unwrap_or_else(|| panic!("{what}: {log}"));
    let before = &log[..place("Receiving rmail urgent")];
    assert_eq!(before.matches("Sending rmail jan").count(), 1, "{log}");
    taylor.execute();
    assert_eq!(taylor.inbox().len(), 2, "{}", taylor.log());
    assert_eq!(us.arrived().await.len(), 5);
}
