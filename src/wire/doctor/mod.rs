//! What is the matter with a serial line: what was seen of it, and what that means.
//!
//! [`drive::examine`] looks at a device and talks to whatever is connected; what it saw is a [`Seen`], plain data.
//! [`judge`] makes findings of that: what was seen, and what is to be changed. Facts: tty_ioctl(4), ITU-T V.250 section 5
//! (echo, results in words and in numbers), the manuals of systemd (serial-getty) and ModemManager (udev tags), and
//! firmware-notes/16550.md.

mod answer;
pub mod drive;
mod judge;
mod seen;

pub use answer::{Answer, answer};
pub use judge::{Finding, Weight, judge};
pub use seen::{Opening, Process, Said, Seen, Signals, Trial, Uart};
