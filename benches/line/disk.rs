//! What the disk alone takes: the yardstick for large files, which are to be on it at the end.

use crate::support::open_folder;
use std::fs::File;
use std::io::Write;
use std::time::Duration;
use uugate::clock;

const BYTES: usize = 64 << 20;
const PIECE: usize = 64 << 10;
const SYNCS: usize = 101;

/// Writes a file and syncs it, as `dd bs=64k conv=fsync` does, and prints how fast that was and what the sync cost of the
/// processor: a part of what each program that does so is charged with.
pub fn print_yardstick() {
    let folder = open_folder();
    let piece = vec![0x5a; PIECE];
    let began = clock::now();
    let mut file = File::create(folder.path().join("yardstick")).expect("a file");
    for _ in 0..BYTES / PIECE {
        file.write_all(&piece).expect("room on the disk");
    }
    let before = used();
    file.sync_all().expect("a sync");
    let (cpu, seconds) = ((used() - before).as_secs_f64(), (clock::now() - began).as_secs_f64());
    let gibibytes = BYTES as f64 / f64::from(1 << 30);
    println!("\nthe disk alone, 64 MiB and a sync: {:.0} MB/s", BYTES as f64 / seconds / 1e6);
    println!("the sync of that: {:.2} s of the processor for 2^30 bytes", cpu / gibibytes);
    let mut each = Vec::new();
    for _ in 0..SYNCS {
        let began = clock::now();
        file.write_all(&piece).and_then(|()| file.sync_all()).expect("a sync");
        each.push(clock::now() - began);
    }
    each.sort();
    println!("a sync of 64 KiB: {:.2} ms, the median of {SYNCS}", each[SYNCS / 2].as_secs_f64() * 1e3);
}

/// What this thread has used of the processor (proc(5): nanoseconds).
fn used() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
