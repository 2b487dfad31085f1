//! What whole-system tests share: sites of uugate and of Taylor UUCP, and ways to join them.

pub mod authority;
pub mod disk;
pub mod exchange;
pub mod letters;
pub mod mail_server;
pub mod messages;
pub mod modem_lines;
pub mod mta;
pub mod node;
pub mod preload;
pub mod relay;
pub mod replay;
pub mod smtp;
pub mod taylor;
pub mod telephone;
pub mod wall_clock;
pub mod watch;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// How long anything may take before a test gives up; far more than it ever does.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a command to its end with this standard input; fails the test if the command fails.
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Output {
    let output = output_with_input(command, input);
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// The same, whatever the exit code.
pub fn output_with_input(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    // A command may end without reading all of it: then the pipe breaks, and its exit code tells.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the command can be waited for");
    feeder.join().expect("the feeder ends");
    output
}

/// Joins two programs by a pair of pipes, standard output to standard input, and waits for both.
pub fn join(caller: &mut Command, called: &mut Command) -> (ExitStatus, ExitStatus) {
    let (to_called, from_caller) = std::io::pipe().expect("a pipe");
    let (to_caller, from_called) = std::io::pipe().expect("a pipe");
    let caller = start(caller, to_caller.into(), from_caller.into());
    let called = start(called, to_called.into(), from_called.into());
    (wait(caller), wait(called))
}

/// Starts a program on these ends of a line, and lets go of them here, so that its death is the end of the line.
pub fn start(command: &mut Command, input: Stdio, output: Stdio) -> Child {
    let child = command.stdin(input).stdout(output).spawn();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    child.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Waits for a child; one that does not end is killed, and the test fails.
pub fn wait(mut child: Child) -> ExitStatus {
    let process = rustix::process::Pid::from_child(&child);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait()));
    match told.recv_timeout(PATIENCE) {
        Ok(status) => status.expect("the child can be waited for"),
        Err(_) => {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
            panic!("process {} did not end within {PATIENCE:?}", process.as_raw_nonzero());
        }
    }
}

/// A temporary folder that every user may enter, for programs that run as another one.
pub fn open_folder() -> tempfile::TempDir {
    open_folder_in(&std::env::temp_dir())
}

/// The same below a folder of choice.
pub fn open_folder_in(parent: &Path) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir_in(parent).expect("a temporary folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("its mode");
    folder
}

/// Numbers below `below` without an order that is seen, the same for the same seed, which is printed.
pub fn seeded(seed: u64, below: u64) -> impl Iterator<Item = u64> {
    println!("seed {seed}");
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) % below
    })
}

/// Makes a hash of a password that is cheap to check; what it costs is not what these tests are about.
pub fn hashed(password: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let params = Params::new(64, 1, 1, None).expect("parameters in range");
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_with_salt(password.as_bytes(), b"saltsaltsalt").expect("a hash").to_string()
}
