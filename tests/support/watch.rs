//! Waiting for what happens to the files of a folder, by inotify: no sleeps, and no time lost.

use super::PATIENCE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::retry_on_intr;
use std::path::Path;

/// Waits until something is so; looks again whenever a file of the folder was changed.
#[track_caller]
pub fn until(folder: &Path, what: &str, mut is_so: impl FnMut() -> bool) {
    let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).expect("inotify");
    let changes = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_TO;
    inotify::add_watch(&watch, folder, changes).expect("a folder to watch");
    let patience = Timespec::try_from(PATIENCE).expect("a short time");
    let mut events = [0; 4096];
    while !is_so() {
        let changed = retry_on_intr(|| poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&patience)))
            .expect("poll works");
        assert!(changed > 0, "waited {PATIENCE:?} for {what}");
        while rustix::io::read(&watch, &mut events).is_ok_and(|count| count > 0) {}
    }
}
