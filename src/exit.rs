//! Exit codes of the programs: the values of sysexits.h, which mail programs act upon.

/// Done.
pub const OK: u8 = 0;
/// The command line was wrong.
pub const USAGE: u8 = 64;
/// The input was wrong.
pub const DATAERR: u8 = 65;
/// An input file does not exist or cannot be read.
pub const NOINPUT: u8 = 66;
/// The addressee is unknown.
pub const NOUSER: u8 = 67;
/// The host is unknown.
pub const NOHOST: u8 = 68;
/// A service or the line is unavailable.
pub const UNAVAILABLE: u8 = 69;
/// A defect in the program.
pub const SOFTWARE: u8 = 70;
/// The operating system refused something.
pub const OSERR: u8 = 71;
/// An output file cannot be made.
pub const CANTCREAT: u8 = 73;
/// Reading or writing failed.
pub const IOERR: u8 = 74;
/// Not now; trying again later can help.
pub const TEMPFAIL: u8 = 75;
/// The other end broke the protocol.
pub const PROTOCOL: u8 = 76;
/// Not permitted.
pub const NOPERM: u8 = 77;
/// The configuration is wrong.
pub const CONFIG: u8 = 78;
