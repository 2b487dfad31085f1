//! Early write-back: what has been written of a large body goes to disk while the rest still comes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

/// A thread that syncs files, begun when there is the first.
#[derive(Debug, Default)]
pub struct WriteBack {
    paths: Option<SyncSender<PathBuf>>,
}

impl WriteBack {
    /// Begins to write a file to disk. While another is on its way one may wait; more do without.
    pub fn begin(&mut self, path: &Path) {
        let paths = self.paths.get_or_insert_with(start);
        let _ = paths.try_send(path.to_owned());
    }
}

fn start() -> SyncSender<PathBuf> {
    let (paths, queue) = sync_channel::<PathBuf>(1);
    let thread = std::thread::Builder::new().name("spool-write-back".into()).spawn(move || {
        for path in queue {
            // Through a descriptor of its own: the kernel tells of a failed write once for each, and it is the writer, who syncs
            // again, who has to hear of it.
            let _ = File::open(path).and_then(|file| file.sync_data());
        }
    });
    if let Err(error) = thread {
        tracing::debug!(%error, "no early write-back");
    }
    paths
}
