//! Files that go out before the verdict on them. With channels every file does; without, only between uugates, as drawn
//! here. There no answer need be awaited between one job and the next; to everybody else each step waits for the one
//! before it.
//!
//! ```text
//! master   +E ... 0x800 rmail jan   2048 bytes   (empty)   +E ... 0x2000 rmail ann   4096 bytes   (empty)
//! slave                                EY  CY                                       EY
//! master                                                     the other 4096 bytes   (empty)   H
//! slave                                                                                CY  HY
//! ```
//!
//! Without channels a command whose file follows at once has a `+` before it. Whatever becomes of the offer, the file comes
//! from its first byte on, up to [`PART`] bytes of it, and then the empty packet that ends a file; so the slave knows where
//! the next command begins even when it refuses this one, and no protocol has to break off a length that it has told. Of a
//! larger file the rest comes as if it were a file by itself, if the offer was taken: from the place where the first part
//! ended or, if that is further, from the one that the answer has named.
//!
//! The answers come in the order of the commands. An R is said alone: nothing follows it until it is done.

use super::Features;

/// With channels: how much of a file goes out before the verdict on it, in bytes. Enough to keep the line busy while the
/// verdict waits behind what the other end is sending, and travels; little enough to lose when the file is refused.
pub const BEFORE_VERDICT: u64 = 16 * 1024;

/// Without channels: how much of a file goes out before the verdict on it, in bytes. Enough to keep a line of 160 kbit/s
/// busy for a round trip of 200 ms, and little enough where the peer has a part of a large file already.
///
/// Both ends reckon with it, so that it can never change.
pub const PART: u64 = 4096;

/// How many jobs may wait for an answer at once.
pub const JOBS: u8 = 7;

/// What both ends must know: each other, and the commands that make one file of a job, with its size.
pub const FEATURES: Features = Features::UUGATE.with(Features::EXECUTE).with(Features::SIZE);

const MARK: u8 = b'+';

/// A command, as it is said when its file follows at once.
pub fn marked(command: &[u8]) -> Vec<u8> {
    [&[MARK], command].concat()
}

/// The command, if its file follows at once.
pub fn command(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(&[MARK])
}
