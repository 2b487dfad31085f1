//! Two machines on a line.

mod drive;
mod g;
mod hostile;
mod i;
mod limit;
mod noise;
mod pair;
mod soak;
mod stream;
mod taylor;
