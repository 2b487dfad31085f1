//! The time of the day that the programs under test see, set from here (`wall_clock.c`).

use super::preload;
use jiff::Timestamp;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use uugate::clock;

pub struct WallClock {
    library: PathBuf,
    path: PathBuf,
    file: File,
}

impl WallClock {
    /// One that shows this time, and goes on from there.
    pub fn new(folder: &Path, time: Timestamp) -> WallClock {
        let path = folder.join("wall_clock");
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let library = preload::library("wall_clock", folder);
        let clock = WallClock { library, path, file: file.expect("a file for the clock") };
        clock.set(time);
        clock
    }

    /// What a program needs in its environment to see it.
    pub fn environment(&self) -> [(&'static str, OsString); 2] {
        [("LD_PRELOAD", self.library.clone().into()), ("WALL_CLOCK", self.path.clone().into())]
    }

    pub fn set(&self, time: Timestamp) {
        let ahead = time.as_second() - clock::wall().as_second();
        self.file.write_all_at(&ahead.to_ne_bytes(), 0).expect("the clock");
    }
}
