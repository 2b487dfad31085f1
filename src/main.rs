//! The program: finds the command by the name it was called by, runs it, ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(uugate::commands::run(std::env::args_os()))
}
