//! How a batch is packed for the line: not at all, or compressed as a whole.
//!
//! | wrapper | command | form | begins with |
//! | --- | --- | --- | --- |
//! | plain | `rsmtp` | the batch itself | a command |
//! | compress | `rcsmtp` | LZW, as `compress` of Unix writes it (`.Z`) | `1f 9d` |
//! | gzip | `rgsmtp` | RFC 1952 | `1f 8b` |
//! | zstd | `rzsmtp` | RFC 8878 | `28 b5 2f fd` |
//!
//! Who packs names a command, and who unpacks goes by the content alone ([`Unwrapper`]): batchers of all times called the
//! same content by many names ([`COMMANDS`]). What comes out of one wrapper is a batch and never another wrapper.
//!
//! Both machines take pieces and keep a window at most: 64 KiB of gzip, 400 KiB of compress, 8 MiB of zstd.

mod gzip;
mod lzw;
mod unwrap;
mod wrap;
mod zstd;

pub use unwrap::{Limits, UnwrapError, Unwrapper};
pub use wrap::{Packer, PackerError};

#[cfg(test)]
mod tests;

/// Commands that take a batch, whatever its wrapper. Ours, and those of the programs that batched mail before.
pub const COMMANDS: [&str; 9] =
    ["rsmtp", "rcsmtp", "rgsmtp", "rzsmtp", "bsmtp", "cbsmtp", "crsmtp", "rbsmtp", "rfsmtp"];

/// Whether a command takes a batch. Only the exact name counts.
pub fn takes_batch(command: &str) -> bool {
    COMMANDS.contains(&command)
}

/// How a batch is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wrapper {
    #[default]
    Plain,
    Compress,
    Gzip,
    Zstd,
}

impl Wrapper {
    pub const ALL: [Wrapper; 4] = [Wrapper::Plain, Wrapper::Compress, Wrapper::Gzip, Wrapper::Zstd];

    /// The command that such a batch is the input of.
    pub fn command(self) -> &'static str {
        match self {
            Wrapper::Plain => "rsmtp",
            Wrapper::Compress => "rcsmtp",
            Wrapper::Gzip => "rgsmtp",
            Wrapper::Zstd => "rzsmtp",
        }
    }

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Wrapper::Plain => "none",
            Wrapper::Compress => "compress",
            Wrapper::Gzip => "gzip",
            Wrapper::Zstd => "zstd",
        }
    }

    pub fn named(name: &str) -> Option<Wrapper> {
        Wrapper::ALL.into_iter().find(|wrapper| wrapper.name() == name)
    }
}
