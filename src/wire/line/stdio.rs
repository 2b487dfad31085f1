//! Our own stdin and stdout as a line: uucico as a login shell, under inetd or sshd, or at the end of a pipe.
//!
//! Non-blocking mode and the settings of a terminal belong to the open file, which our parent shares: what is
//! changed here is put back when the line is dropped.

use super::LineError;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;
use tokio::io::unix::AsyncFd;

#[derive(Debug)]
pub(super) struct StdioLine {
    input: Ready,
    output: Ready,
    restore: Restore,
}

/// A descriptor that tells when it is ready; plain files cannot, and need not.
#[derive(Debug)]
enum Ready {
    Told(AsyncFd<OwnedFd>),
    Always(OwnedFd),
}

/// What to put back. Both flags are read before either is changed, for both ends may be one open file.
#[derive(Debug)]
struct Restore {
    input: (OwnedFd, OFlags),
    output: (OwnedFd, OFlags),
    terminal: Option<Termios>,
}

impl StdioLine {
    pub(super) fn own() -> Result<Self, LineError> {
        Self::over(io::stdin().as_fd(), io::stdout().as_fd())
            .map_err(|source| LineError::Open { line: "stdin".to_owned(), source })
    }

    pub(super) fn over(input: BorrowedFd<'_>, output: BorrowedFd<'_>) -> io::Result<Self> {
        let restore = Restore {
            input: (input.try_clone_to_owned()?, fcntl_getfl(input)?),
            output: (output.try_clone_to_owned()?, fcntl_getfl(output)?),
            terminal: if isatty(input) { Some(tcgetattr(input)?) } else { None },
        };
        if let Some(terminal) = &restore.terminal {
            let mut raw = terminal.clone();
            raw.make_raw();
            tcsetattr(input, OptionalActions::Now, &raw)?;
        }
        fcntl_setfl(input, restore.input.1 | OFlags::NONBLOCK)?;
        fcntl_setfl(output, restore.output.1 | OFlags::NONBLOCK)?;
        Ok(StdioLine {
            input: Ready::of(input.try_clone_to_owned()?)?,
            output: Ready::of(output.try_clone_to_owned()?)?,
            restore,
        })
    }

    pub(super) fn is_tty(&self) -> bool {
        self.restore.terminal.is_some()
    }

    /// A pipe or a socket that gave or took less than it was asked to has no more for now, and need not be asked again before it
    /// says so (epoll(7), question 9); a terminal may have.
    fn is_spent(&self, moved: &io::Result<usize>, asked: usize) -> bool {
        !self.is_tty() && moved.as_ref().is_ok_and(|count| (1..asked).contains(count))
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = match &self.input {
            Ready::Always(file) => rustix::io::read(file, buf.initialize_unfilled()).map_err(io::Error::from),
            Ready::Told(file) => loop {
                let mut guard = ready!(file.poll_read_ready(cx))?;
                let room = buf.initialize_unfilled();
                if let Ok(read) =
                    guard.try_io(|file| rustix::io::read(file, &mut *room).map_err(io::Error::from))
                {
                    if self.is_spent(&read, room.len()) {
                        guard.clear_ready();
                    }
                    break read;
                }
            },
        };
        buf.advance(read?);
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &self.output {
            Ready::Always(file) => Poll::Ready(Ok(rustix::io::write(file, bytes)?)),
            Ready::Told(file) => loop {
                let mut guard = ready!(file.poll_write_ready(cx))?;
                if let Ok(written) =
                    guard.try_io(|file| rustix::io::write(file, bytes).map_err(io::Error::from))
                {
                    if self.is_spent(&written, bytes.len()) {
                        guard.clear_ready();
                    }
                    return Poll::Ready(written);
                }
            },
        }
    }
}

impl Ready {
    #[expect(
        deprecated,
        reason = "an OwnedFd keeps its descriptor for as long as it lives, which is what is asked"
    )]
    fn of(file: OwnedFd) -> io::Result<Self> {
        match AsyncFd::try_new(file) {
            Ok(file) => Ok(Ready::Told(file)),
            Err(refused) => match refused.into_parts() {
                // epoll(7): plain files are always ready, and refused.
                (file, error) if Errno::from_io_error(&error) == Some(Errno::PERM) => Ok(Ready::Always(file)),
                (_, error) => Err(error),
            },
        }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        // Nobody is left to tell: the terminal may be gone.
        if let Some(terminal) = &self.terminal {
            let _ = tcsetattr(&self.input.0, OptionalActions::Now, terminal);
        }
        let _ = fcntl_setfl(&self.input.0, self.input.1);
        let _ = fcntl_setfl(&self.output.0, self.output.1);
    }
}
