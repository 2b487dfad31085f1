//! `uugate password`: the hash of a password, for `called-password-hash` and `[smtp.passwords]`.

use super::{Failure, common};
use crate::exit;
use argon2::{Argon2, PasswordHasher};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Read, Write};

/// The longest password, in bytes.
const LONGEST: u64 = 1024;

pub fn run() -> Result<u8, Failure> {
    let unread =
        |error: std::io::Error| Failure::new(exit::NOINPUT, format!("config: standard input: {error}"));
    let text = read().map_err(unread)?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::new(exit::DATAERR, "config: the password is empty"));
    }
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| Failure::new(exit::SOFTWARE, format!("config: no hash: {error}")))?;
    common::say(&format!("{hash}\n"))?;
    Ok(exit::OK)
}

/// A line of standard input; typed on a terminal it is not shown.
fn read() -> std::io::Result<String> {
    let stdin = std::io::stdin();
    let mut line = String::new();
    if !stdin.is_terminal() {
        stdin.lock().take(LONGEST).read_line(&mut line)?;
        return Ok(line);
    }
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    write!(std::io::stderr(), "Password: ")?;
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let read = stdin.lock().take(LONGEST).read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    writeln!(std::io::stderr())?;
    read.map(|_| line)
}
