//! One program, run as who this process is, with a message as its input.
//!
//! It gets three descriptors, a clean environment and words made here: no shell reads any of it. Its time is bounded,
//! of its output the beginning is kept, and whatever of its process group is left when it ends is killed.

use super::{AgentError, Permit};
use crate::clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How much of what a program says is kept for the report, in bytes.
pub const OUTPUT: usize = 2048;
/// How much is read at once of its output, in bytes; what goes beyond [`OUTPUT`] is dropped.
const PIECE: usize = 4096;
/// How often its output is read once more when it has ended: a pipe holds 64 KiB.
const LAST_READS: usize = 16;
/// Where programs find others.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// The most words of a command.
const WORDS: usize = 64;

/// What is to be run, and for which mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Task {
    pub program: Program,
    /// The sender of the envelope; empty for the null sender.
    pub sender: String,
    /// The recipient of the envelope, as it was given.
    pub recipient: String,
    /// What stood behind the user's name in it; mostly empty.
    pub extension: String,
}

/// The words for which a value may stand in the arguments of `lda`.
pub const ARGUMENT_NAMES: [&str; 5] = ["user", "home", "sender", "recipient", "extension"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// The one that gets the local mail of the user.
    Lda,
    /// A program of `programs` and its arguments, as an address names them.
    Command(Vec<String>),
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ended {
    pub how: How,
    /// The beginning of what it wrote to its output and errors, [`OUTPUT`] bytes at most.
    pub output: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// By itself, with this exit status.
    Exit(i32),
    /// By a signal.
    Signal(i32),
    /// It was killed, for it took too long.
    TimedOut,
}

/// A program and its words.
#[derive(Debug)]
pub(super) struct Invocation {
    words: Vec<String>,
    environment: Vec<(&'static str, String)>,
    directory: PathBuf,
    time: Duration,
}

impl Invocation {
    /// What a task comes to for a user, if it is permitted.
    pub(super) fn new(permit: &Permit, task: &Task) -> Result<Invocation, AgentError> {
        let user = &permit.user;
        let home = user.home.to_string_lossy().into_owned();
        let refused = |what: String| AgentError::NoProgram { user: user.name.clone(), what };
        let of_task = [&task.sender, &task.recipient, &task.extension];
        if of_task.iter().any(|value| value.chars().any(char::is_control)) {
            return Err(refused("an address with control characters".to_owned()));
        }
        let words = match &task.program {
            Program::Lda if permit.lda.is_empty() => {
                return Err(AgentError::NoLda { user: user.name.clone() });
            }
            Program::Lda => {
                let values = [user.name.as_str(), &home, &task.sender, &task.recipient, &task.extension];
                let values: Vec<_> = ARGUMENT_NAMES.into_iter().zip(values).collect();
                let fill = |template: &super::Template| {
                    let word = template.fill(&values);
                    // The operator writes options, nobody else.
                    match template.begins_open() && word.starts_with('-') {
                        true => Err(refused(format!("{word:?}, which would be taken for an option"))),
                        false => Ok(word),
                    }
                };
                permit.lda.iter().map(fill).collect::<Result<Vec<_>, _>>()?
            }
            Program::Command(words) => {
                let (program, arguments) =
                    words.split_first().ok_or_else(|| refused("no words".to_owned()))?;
                let control = |word: &String| word.chars().any(char::is_control);
                if words.len() > WORDS || arguments.iter().any(control) {
                    return Err(refused("words that no program takes".to_owned()));
                }
                let permitted = permitted(program, &permit.programs);
                let permitted = permitted
                    .ok_or_else(|| refused(format!("{program:?}, which `programs` does not have")))?;
                let permitted = permitted.to_string_lossy().into_owned();
                std::iter::once(permitted).chain(arguments.iter().cloned()).collect()
            }
        };
        let environment = vec![
            ("PATH", SEARCH_PATH.to_owned()),
            ("SHELL", "/bin/sh".to_owned()),
            ("USER", user.name.clone()),
            ("LOGNAME", user.name.clone()),
            ("HOME", home),
            ("SENDER", task.sender.clone()),
            ("RECIPIENT", task.recipient.clone()),
            ("EXTENSION", task.extension.clone()),
        ];
        let directory = if user.home.is_dir() { user.home.clone() } else { PathBuf::from("/") };
        Ok(Invocation { words, environment, directory, time: permit.program_time })
    }

    /// Runs it. `input` gives the message piece by piece, nothing at its end, and an error if it breaks off: then the
    /// program is killed and the error comes back. All of the input is taken, even if the program wants no more.
    pub(super) fn run(
        &self,
        mut input: impl FnMut() -> io::Result<Option<Vec<u8>>>,
    ) -> Result<Ended, AgentError> {
        let name = self.words.first().cloned().unwrap_or_default();
        let failed = |source: io::Error| AgentError::Program { program: name.clone(), source };
        let mut running = match self.start() {
            Ok(running) => running,
            Err(error) => {
                while input().map_err(failed)?.is_some() {}
                return Err(failed(error));
            }
        };
        let how = running.attend(&mut input, self.time).map_err(failed)?;
        // Whoever sends the message waits until it was taken.
        while running.wants_input && input().map_err(failed)?.is_some() {}
        Ok(Ended { how, output: std::mem::take(&mut running.output) })
    }

    fn start(&self) -> io::Result<Running> {
        let (program, arguments) = self.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let (for_input, to_program) = pipe_with(PipeFlags::CLOEXEC)?;
        let (from_program, for_output) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&to_program, true)?;
        rustix::io::ioctl_fionbio(&from_program, true)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory)
            .stdin(Stdio::from(for_input))
            .stdout(Stdio::from(for_output.try_clone()?))
            .stderr(Stdio::from(for_output))
            .process_group(0);
        let child = command.spawn()?;
        // The ends that the program has are closed here with the command.
        drop(command);
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        let ended = pidfd_open(pid, PidfdFlags::empty());
        let mut running = Running {
            child,
            pid,
            to_program: Some(to_program),
            from_program,
            output: Vec::new(),
            wants_input: true,
            is_over: false,
            ended: None,
        };
        running.ended = Some(ended?);
        Ok(running)
    }
}

/// The permitted program that a word names: its whole path, or its last part.
fn permitted<'a>(word: &str, programs: &'a [PathBuf]) -> Option<&'a Path> {
    let named = |program: &&PathBuf| {
        program.as_os_str() == word || program.file_name().is_some_and(|name| name == word)
    };
    programs.iter().find(named).map(PathBuf::as_path)
}

/// A program that runs; when this is dropped, its whole group is killed.
struct Running {
    child: Child,
    pid: Pid,
    /// Until it wants no more, or there is no more.
    to_program: Option<OwnedFd>,
    from_program: OwnedFd,
    output: Vec<u8>,
    /// Whether there may be more of the message to take.
    wants_input: bool,
    is_over: bool,
    /// Readable when the program has ended.
    ended: Option<OwnedFd>,
}

impl Running {
    /// Feeds it and hears it, until it ends or its time is up.
    fn attend(
        &mut self,
        input: &mut impl FnMut() -> io::Result<Option<Vec<u8>>>,
        time: Duration,
    ) -> io::Result<How> {
        let until = clock::now() + time;
        let mut piece: Vec<u8> = Vec::new();
        let mut output_is_open = true;
        loop {
            if piece.is_empty() && self.to_program.is_some() {
                match input()? {
                    Some(next) => piece = next,
                    None => (self.wants_input, self.to_program) = (false, None),
                }
            }
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                return self.end(true).map(|_| How::TimedOut);
            }
            let (ended, readable, writable) = self.wait(left, output_is_open)?;
            if readable {
                output_is_open = self.hear()?;
            }
            if ended {
                for _ in 0..LAST_READS {
                    if !self.hear()? {
                        break;
                    }
                }
                let status = self.end(false)?;
                return Ok(status.map_or(How::TimedOut, how));
            }
            if writable && let Some(pipe) = &self.to_program {
                match rustix::io::write(pipe, &piece) {
                    Ok(count) => drop(piece.drain(..count)),
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    // It wants no more; what it says at its end counts.
                    Err(Errno::PIPE) => (piece, self.to_program) = (Vec::new(), None),
                    Err(errno) => return Err(errno.into()),
                }
            }
        }
    }

    /// Waits for its end, its output, and room for its input.
    fn wait(&self, left: Duration, output_is_open: bool) -> io::Result<(bool, bool, bool)> {
        let mut waited = Vec::with_capacity(3);
        let nothing = PollFlags::empty();
        let ended = self.ended.as_ref().ok_or(io::ErrorKind::NotFound)?;
        waited.push(PollFd::new(ended, PollFlags::IN));
        // A closed pipe would be ready for ever.
        let output = if output_is_open { self.from_program.as_fd() } else { ended.as_fd() };
        waited.push(PollFd::from_borrowed_fd(output, if output_is_open { PollFlags::IN } else { nothing }));
        if let Some(pipe) = &self.to_program {
            waited.push(PollFd::new(pipe, PollFlags::OUT));
        }
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut waited, Some(&left)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready = |at: usize| waited.get(at).is_some_and(|fd| !fd.revents().is_empty());
        Ok((ready(0), output_is_open && ready(1), ready(2)))
    }

    /// Takes what it says; false: there is no more for now, or ever.
    fn hear(&mut self) -> io::Result<bool> {
        let mut piece = [0; PIECE];
        match rustix::io::read(&self.from_program, &mut piece) {
            Ok(0) => Ok(false),
            Ok(count) => {
                let room = OUTPUT.saturating_sub(self.output.len());
                self.output.extend(piece.iter().take(count.min(room)));
                Ok(true)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(true),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Kills what is left of its group, and gives its exit status. The group is killed before the status is taken: until
    /// then nobody else can have its number. None: it runs, with rights that are more than ours, and is left alone.
    fn end(&mut self, runs: bool) -> io::Result<Option<ExitStatus>> {
        self.to_program = None;
        self.is_over = true;
        match kill_process_group(self.pid, Signal::KILL) {
            Err(Errno::PERM) if runs => return Ok(None),
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(errno) => return Err(errno.into()),
        }
        self.child.wait().map(Some)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            // What cannot be killed cannot be told to anybody from here.
            let _ = self.end(true);
        }
    }
}

fn how(status: ExitStatus) -> How {
    match (status.code(), status.signal()) {
        (Some(code), _) => How::Exit(code),
        (None, signal) => How::Signal(signal.unwrap_or_default()),
    }
}

#[cfg(test)]
#[path = "program_tests.rs"]
mod tests;
