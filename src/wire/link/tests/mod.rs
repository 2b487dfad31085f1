//! Two machines on a line.

mod drive;
mod g;
mod i;
mod noise;
mod pair;
