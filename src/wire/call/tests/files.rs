//! Files that one end has the other send, and what may go in whose call.

use super::*;
use crate::job::{Expand, Fetch};
use crate::spool::JobState;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Two sites, the second with a public directory in this folder.
fn sites_with_files(folder: &Path) -> (Site, Site) {
    let (leaf, mut polux) = sites();
    polux.node.public = folder.to_owned();
    (leaf, polux)
}

/// Everybody may read it.
fn public_file(folder: &Path, name: &str, bytes: &[u8], mode: u32) {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Asks for a file, or for files.
async fn ask(site: &Site, work: Work) {
    let system = site.other();
    let job = NewJob { system, grade: Grade::DEFAULT, work, content: None, created: clock::wall() };
    site.spool.submit_job(None, job).await.unwrap();
}

/// Asks for files by a pattern.
async fn ask_by_pattern(site: &Site, pattern: &str) {
    let (from, to) = (pattern.to_owned(), "~/in".to_owned());
    ask(site, Work::Expand(Expand { from, to, user: "jan".to_owned(), make_directories: true })).await;
}

/// The record of a call from leaf to polux that went well.
async fn good_call(leaf: &Site, polux: &Site) -> CallRecord {
    let (a, b) = duplex(4096);
    let (placed, answered) = call(leaf, polux, Login::Trusted, a, b).await;
    assert_eq!((&placed.failure, answered.record.failure), (&None, None));
    placed
}

#[tokio::test]
async fn our_work_goes_only_in_the_calls_in_which_it_may() {
    let (mut leaf, mut polux) = sites();
    leaf.mail("a@polux", b"there").await;
    polux.mail("b@leaf", b"back").await;
    leaf.neighbour().call_transfer = false;
    polux.neighbour().called_transfer = false;
    let record = good_call(&leaf, &polux).await;
    assert_eq!((record.jobs_sent, record.jobs_received), (0, 0));
    // What is forbidden for the calls of the other is no hindrance in ours.
    (leaf.neighbour().call_transfer, leaf.neighbour().called_transfer) = (true, false);
    (polux.neighbour().call_transfer, polux.neighbour().called_transfer) = (false, true);
    let record = good_call(&leaf, &polux).await;
    assert_eq!((record.jobs_sent, record.jobs_received), (1, 1));
    assert_eq!((leaf.waiting().await, polux.waiting().await), (0, 0));
}

#[tokio::test]
async fn from_who_may_not_send_nothing_is_taken_and_it_keeps_all() {
    let (leaf, mut polux) = sites();
    leaf.mail("a@polux", b"there").await;
    polux.neighbour().permissions.put = false;
    good_call(&leaf, &polux).await;
    assert_eq!(polux.arrived().await, []);
    let jobs = leaf.spool.jobs(None, None).await.unwrap();
    assert!(matches!(&jobs[..], [job] if job.state == JobState::Quarantined), "{jobs:?}");
}

#[tokio::test]
async fn a_file_is_fetched_whole_if_it_is_no_larger_than_both_permit() {
    let folder = tempfile::tempdir().unwrap();
    let (mut leaf, polux) = sites_with_files(folder.path());
    let large = text(1, 200_000);
    public_file(folder.path(), "large", &large, 0o644);
    let fetch = Fetch {
        from: "~/large".to_owned(),
        to: "~/in/large".to_owned(),
        user: "jan".to_owned(),
        make_directories: true,
    };
    ask(&leaf, Work::Fetch(fetch)).await;
    leaf.neighbour().permissions.largest = 199_999;
    let record = good_call(&leaf, &polux).await;
    assert!(record.bytes_received < 1000, "it was refused before it came");
    assert_eq!(leaf.waiting().await, 1, "it may be smaller next time, or we may take more");
    leaf.neighbour().permissions.largest = 200_000;
    good_call(&leaf, &polux).await;
    assert_eq!(leaf.arrived().await, [("~/in/large".to_owned(), large)]);
    assert_eq!(leaf.waiting().await, 0);
}

#[tokio::test]
async fn files_that_fit_a_pattern_come_in_jobs_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (leaf, polux) = sites_with_files(folder.path());
    let large = text(1, 100_000);
    public_file(folder.path(), "large.txt", &large, 0o644);
    public_file(folder.path(), "empty.txt", b"", 0o755);
    public_file(folder.path(), "closed.txt", b"secret", 0o640);
    std::fs::create_dir(folder.path().join("directory.txt")).unwrap();
    ask_by_pattern(&leaf, "~/*.txt").await;
    good_call(&leaf, &polux).await;
    let expected = [("~/in/empty.txt".to_owned(), Vec::new()), ("~/in/large.txt".to_owned(), large)];
    assert_eq!(leaf.arrived().await, expected);
    assert_eq!((leaf.waiting().await, polux.waiting().await), (0, 0));
}

#[tokio::test]
async fn of_files_by_pattern_only_so_many_wait_for_a_system() {
    let folder = tempfile::tempdir().unwrap();
    let (leaf, mut polux) = sites_with_files(folder.path());
    for number in 0..200 {
        public_file(folder.path(), &format!("{number}"), b"x", 0o644);
    }
    let refused = async || {
        let jobs = leaf.spool.jobs(None, None).await.unwrap();
        jobs.iter().filter(|job| job.state == JobState::Quarantined).count()
    };
    // They are queued, and stay there.
    polux.neighbour().called_transfer = false;
    for (pattern, waiting, refusals) in
        [("~/*", 200, 0), ("~/1*", 200, 1), ("~/1?", 210, 1), ("~/x*", 210, 2)]
    {
        ask_by_pattern(&leaf, pattern).await;
        good_call(&leaf, &polux).await;
        assert_eq!((polux.waiting().await, refused().await), (waiting, refusals), "{pattern}");
    }
    let jobs = polux.spool.jobs(None, None).await.unwrap();
    assert!(jobs.iter().all(|job| job.work.user() == "leaf!jan" && job.grade == Grade::DEFAULT));
}
