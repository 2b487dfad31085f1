//! A line through a child process: its stdin and stdout (ssh, a telnet client, another uucico).

use super::LineError;
use crate::clock;
use crate::observe::printable;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// How long a program may take to end by itself once its stdin is closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// How much of what a program says on stderr is logged at once, in bytes.
const STDERR_LIMIT: usize = 400;
/// How much of it is logged in one call; the rest is read, so that the program goes on, and forgotten.
const STDERR_LOGGED: usize = 16 * 1024;

/// A line through a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PipeSettings {
    /// The program and its arguments; no shell sees them. In each, `\H` is the host of the system that is called, and
    /// `\Z` its name.
    pub argv: Vec<String>,
}

impl PipeSettings {
    /// For a call to this system; without an address its name is its host.
    pub fn to(&self, system: &str, host: Option<&str>) -> PipeSettings {
        let expanded = |word: &String| expand(word, system, host.unwrap_or(system));
        // A word with another escape never passed the configuration.
        let argv = self.argv.iter().map(|word| expanded(word).unwrap_or_else(|_| word.clone()));
        PipeSettings { argv: argv.collect() }
    }

    /// Whether a word may stand in a command: what is wrong if not.
    pub fn check(word: &str) -> Result<(), String> {
        expand(word, "", "").map(drop)
    }
}

/// Puts in what the escapes of a word stand for; what is wrong if there is another one.
fn expand(word: &str, system: &str, host: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut letters = word.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (letter, false) => out.push(letter),
            (_, true) => match letters.next() {
                Some('H') => out.push_str(host),
                Some('Z') => out.push_str(system),
                Some('\\') => out.push('\\'),
                _ => {
                    return Err(
                        r"write \H for the host, \Z for the system, and \\ for a backslash".to_owned()
                    );
                }
            },
        }
    }
    Ok(out)
}

#[derive(Debug)]
pub(super) struct PipeLine {
    child: Child,
    /// The child leads a process group of its own, so that what it started ends with it.
    group: Option<Pid>,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl PipeLine {
    pub(super) fn start(settings: &PipeSettings) -> Result<Self, LineError> {
        let (program, arguments) = settings.argv.split_first().ok_or(LineError::NoProgram)?;
        let failed = |source| LineError::Start { program: program.clone(), source };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let (input, output, errors) = match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(output), Some(errors)) => (input, output, errors),
            _ => return Err(failed(io::Error::other("its pipes are not there"))),
        };
        tokio::spawn(log_errors(program.clone(), errors));
        Ok(PipeLine { child, group, input: Some(input), output })
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(cx, buf)
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    pub(super) fn close_input(&mut self) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }

    /// Ends the program: by end of file, then SIGTERM, then SIGKILL, to its whole group.
    pub(super) async fn stop(&mut self) {
        self.input = None;
        if clock::within(GRACE, self.child.wait()).await.is_none() {
            self.signal(Signal::TERM);
            if clock::within(GRACE, self.child.wait()).await.is_none() {
                self.signal(Signal::KILL);
                // SIGKILL cannot be refused; the rest is the kernel's.
                let _ = clock::within(GRACE, self.child.wait()).await;
            }
        }
        self.group = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may be gone already.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for PipeLine {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
        }
    }
}

async fn log_errors(program: String, mut errors: ChildStderr) {
    let mut buffer = [0; STDERR_LIMIT];
    let mut logged = 0;
    while let Ok(read) = errors.read(&mut buffer).await {
        let Some(said) = buffer.get(..read).filter(|said| !said.is_empty()) else { return };
        if logged > STDERR_LOGGED {
            continue;
        }
        logged += read;
        tracing::info!(
            program,
            "program of the line says: {}",
            printable(said.trim_ascii_end(), STDERR_LIMIT)
        );
    }
}
