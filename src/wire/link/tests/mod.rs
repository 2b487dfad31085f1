//! Two machines on a line.

mod drive;
mod i;
mod pair;
