//! Libraries in C that are put before the system's own in a program under test.

use super::run_with_input;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles one of them, `NAME.c` beside this file, into a folder.
pub fn library(name: &str, folder: &Path) -> PathBuf {
    let library = folder.join(name).with_extension("so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name).with_extension("c");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(source);
    run_with_input(&mut compile, b"");
    library
}
