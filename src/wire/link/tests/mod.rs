//! Two machines on a line.

mod i;
mod pair;
