//! The program: finds the command by the name it was called by, runs it, ends with its exit code.

fn main() {}
