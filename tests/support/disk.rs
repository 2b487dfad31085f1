//! A small file system in memory, which a test can fill.

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// It is taken away when this is dropped.
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many MiB over a new folder.
    pub fn mount(path: &Path, mebibytes: u32) -> SmallDisk {
        fs::create_dir_all(path).expect("a folder to mount on");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m,mode=0700"), "tmpfs"]).arg(path);
        let output = mount.output().expect("mount(8) of the package mount");
        assert!(
            output.status.success(),
            "a small file system cannot be mounted: {}\nRun the tests as root with the right to mount (in a container \
             with CAP_SYS_ADMIN), or in a name space of their own: unshare -rm tests/run",
            String::from_utf8_lossy(&output.stderr)
        );
        SmallDisk { path: path.to_owned() }
    }

    /// Free space, in bytes.
    pub fn free(&self) -> u64 {
        let space = statvfs(&self.path).expect("a file system");
        space.f_bavail * space.f_frsize
    }

    /// Something else fills the disk, but for so many bytes; 0 leaves nothing at all.
    pub fn fill(&self, leave: u64) {
        let ballast = File::options().create(true).append(true).open(self.ballast()).expect("the ballast");
        let more = self.free().saturating_sub(leave);
        let length = ballast.metadata().expect("its size").len();
        if more > 0 {
            fallocate(&ballast, FallocateFlags::empty(), length, more).expect("room for the ballast");
        }
    }

    /// Somebody has made room.
    pub fn relieve(&self) {
        fs::remove_file(self.ballast()).expect("the ballast");
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whatever still has a file open on it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}
