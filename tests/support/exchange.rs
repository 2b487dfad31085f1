//! `uugate exchange`, running.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// It is killed when this is dropped.
pub struct Program {
    child: Option<Child>,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it with modems in a folder, each a name and a number, and waits until all of them are there.
    pub fn start(folder: &Path, modems: &[&str], options: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_uugate"));
        command.arg("exchange").args(options).stdin(Stdio::null()).stdout(Stdio::piped());
        for modem in modems {
            command.arg("--modem").arg(format!("{}/{modem}", folder.display()));
        }
        let mut child = command.spawn().expect("the exchange starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut program = Program { child: Some(child), output };
        for modem in modems {
            let name = modem.split('=').next().expect("a name");
            assert!(program.line().contains(&format!("/{name}")), "each modem is told");
        }
        program
    }

    /// The next line that it says.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("text");
        assert!(line.ends_with('\n'), "the exchange has ended");
        line
    }

    /// Tells it to end, and waits for that.
    pub fn stop(mut self) -> ExitStatus {
        let child = self.child.take().expect("it runs");
        let process = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("it can be told");
        super::wait(child)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
