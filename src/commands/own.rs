//! `uugate` itself: its own subcommands.

use super::site::Site;
use super::{
    Common, Failure, PROGRAMS, agent, bundle, check, demo, exchange, line, mailq, password, spool, terminal,
    trace,
};
use crate::exit;
use crate::node::daemon;
use crate::node::report::Report;
use crate::node::verbs::{PollRequest, QueueAction, QueueFilter, Request, RouteRequest, SequenceRequest};
use clap::{Args, Parser, Subcommand};
use rustix::process::Signal;
use std::ffi::OsString;
use std::path::PathBuf;

/// UUCP and dial-up mail in one program.
#[derive(Debug, Parser)]
#[command(name = "uugate", version, arg_required_else_help = true, after_help = after_help())]
struct Command {
    #[command(subcommand)]
    what: What,
}

/// Options of every subcommand that concerns a node.
#[derive(Debug, Args)]
struct Node {
    /// The configuration file.
    #[arg(short = 'I', long = "config", value_name = "FILE", env = "UUGATE_CONFIG", global = true)]
    config: Option<String>,
    /// Report as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run the node: SMTP listener, queue, calls, control socket.
    ///
    /// SIGTERM stops it, SIGHUP reads the configuration again. It stays in the foreground and logs to standard error.
    Run {
        /// The configuration file.
        #[arg(short = 'I', long = "config", value_name = "FILE", env = "UUGATE_CONFIG")]
        config: Option<String>,
        /// Stop when the process that started this is gone, however it ended.
        #[arg(long, hide = true)]
        with_parent: bool,
    },
    /// Serve the node with what must be done as other users: mailboxes, forward files, programs of theirs.
    ///
    /// Runs as root, beside `uugate run`, which runs as a user of its own. Reads [agent] of the configuration when it
    /// starts; SIGTERM stops it.
    Agent {
        /// The configuration file; root alone may be able to write it.
        #[arg(short = 'I', long = "config", value_name = "FILE", env = "UUGATE_CONFIG")]
        config: Option<String>,
    },
    /// One session of the agent, on standard input.
    #[command(hide = true)]
    AgentChild { orders: String },
    /// Say everything that is wrong with the configuration.
    ///
    /// Each finding has file, line, column and what to write instead. Secrets are never shown. The exit code is 78
    /// if the node cannot run so.
    Check {
        #[command(flatten)]
        node: Node,
    },
    /// Ask for a call to a system now.
    Poll {
        /// The system; without it, every one that has work.
        system: Option<String>,
        /// Wait until the call is over, and say how it went.
        #[arg(long)]
        wait: bool,
        /// Call without a daemon, and write every byte down for `uugate trace`; passwords are left out.
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
        #[command(flatten)]
        node: Node,
    },
    /// Show the number of the last conversation with a system, or set it.
    ///
    /// The calls with a system that has `sequence = true` are numbered. When both ends are apart (somebody has called in the
    /// name of one of them, or a spool was restored), the calls are refused until the numbers are set alike by hand.
    Sequence {
        system: String,
        /// What the last number is to be: the one that the other end has.
        #[arg(long, value_name = "N")]
        set: Option<u32>,
        #[command(flatten)]
        node: Node,
    },
    /// Say when a system will be called, why, and why not now; without a system, of all.
    ///
    /// Each reason comes with the place in the configuration that decides it.
    When {
        system: Option<String>,
        #[command(flatten)]
        node: Node,
    },
    /// Say what a job or a message waits for.
    Why {
        /// A job as `uustat` shows it, or a message as `mailq` does.
        #[arg(value_name = "JOB|MESSAGE")]
        what: String,
        #[command(flatten)]
        node: Node,
    },
    /// List the last calls: how each went, how fast, and what it cost.
    Calls {
        /// The system; without it, all.
        system: Option<String>,
        /// How many calls.
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: usize,
        #[command(flatten)]
        node: Node,
    },
    /// List the mail that waits, or do something to it.
    Queue {
        #[command(subcommand)]
        what: Option<QueueCommand>,
        /// How much there is, without a list.
        #[arg(long)]
        summary: bool,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        node: Node,
    },
    /// Say where mail for an address goes, and which rule decides: its file and line.
    ///
    /// Nothing is sent and nobody is called.
    Route {
        #[arg(required = true)]
        address: Vec<String>,
        /// Show how the next system is told of this sender, too.
        #[arg(long, value_name = "ADDRESS")]
        sender: Option<String>,
        #[command(flatten)]
        node: Node,
    },
    /// Watch two sites exchange mail over a telephone exchange of virtual modems.
    ///
    /// Everything lies in a temporary folder. The exit code is 0 only if every message arrived exactly once and as it
    /// was written.
    Demo(demo::Options),
    /// Write the mail that waits for a system into a file, to be carried there.
    ///
    /// The jobs in the file are withheld from calls until it is said what became of it: --done or --recall.
    Export {
        #[command(flatten)]
        options: bundle::ExportOptions,
        #[command(flatten)]
        node: Node,
    },
    /// Take in the mail of a file that another system exported; the same file only once.
    Import {
        file: PathBuf,
        /// The system that made the file; not needed if there is only one.
        #[arg(long, value_name = "SYSTEM")]
        from: Option<String>,
        #[command(flatten)]
        node: Node,
    },
    /// Look after the spool itself, beside a daemon or without one.
    Spool {
        #[command(subcommand)]
        what: SpoolCommand,
        // Before the word or behind it.
        #[command(flatten)]
        node: Node,
    },
    /// Look after the lines.
    Line {
        #[command(subcommand)]
        what: LineCommand,
        #[command(flatten)]
        node: Node,
    },
    /// A telephone exchange of virtual modems, for any programs that drive modems.
    ///
    /// Each modem is published at its path, and stays until this is interrupted.
    Exchange(exchange::Options),
    /// Talk to a modem, or to a system that is called first, by hand.
    ///
    /// At the beginning of a line `~.` ends it, `~#` sends a break, `~~` a `~`. The line must be free: a daemon that answers
    /// on it holds it.
    Terminal {
        /// The configuration file.
        #[arg(short = 'I', long = "config", value_name = "FILE", env = "UUGATE_CONFIG")]
        config: Option<String>,
        #[command(flatten)]
        options: terminal::Options,
    },
    /// Print a recorded call: every packet, its meaning, what was sent again, and when.
    Trace {
        /// What --record or [record] wrote.
        file: PathBuf,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make the hash of a password, for called-password-hash or [smtp.passwords]. The password is read from standard input.
    Password,
}

/// Which mail: everything that is given has to fit. Of others' mail for trusted users alone.
#[derive(Debug, Args)]
struct Which {
    /// Messages, as the list shows them.
    #[arg(value_name = "MESSAGE")]
    messages: Vec<u64>,
    /// For this recipient.
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// For this system, host or user.
    #[arg(long)]
    site: Option<String>,
}

impl From<Which> for QueueFilter {
    fn from(Which { messages, recipient, site }: Which) -> QueueFilter {
        QueueFilter { messages, recipient, site, ..QueueFilter::default() }
    }
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Keep mail until it is released; its sender is told nothing meanwhile.
    Hold(Which),
    /// Let mail that is held go.
    Release(Which),
    /// Try mail now; jobs that wait for a call are taken back and made anew.
    Requeue(Which),
    /// Throw mail away. Nobody is told.
    Delete(Which),
    /// Send mail back to its sender now.
    Bounce(Which),
}

impl QueueCommand {
    fn run(self, common: &Common) -> Result<u8, Failure> {
        let (what, which) = match self {
            QueueCommand::Hold(which) => (QueueAction::Hold, which),
            QueueCommand::Release(which) => (QueueAction::Release, which),
            QueueCommand::Requeue(which) => (QueueAction::Requeue, which),
            QueueCommand::Delete(which) => (QueueAction::Delete, which),
            QueueCommand::Bounce(which) => (QueueAction::Bounce, which),
        };
        mailq::handle(common, what, which.into())
    }
}

#[derive(Debug, Subcommand)]
enum LineCommand {
    /// Say what is the matter with a serial line, and what to change.
    ///
    /// Looks at the device, who has it, its UART and modem lines, and talks to the modem; no call may be up. The exit code is
    /// 69 if calls cannot work so. A line that the daemon answers on is held by it: stop the daemon first.
    Doctor {
        /// The name of a line, or the path of a device; without it, every serial line of this machine.
        line: Option<String>,
    },
    /// Take away the lock files of a line that programs have left which are gone.
    ///
    /// Opening a line does the same; this is for other programs that wait for it. The exit code is 75 if one is alive.
    Unlock {
        /// Those alone: no lock of a program that runs is ever taken away.
        #[arg(long, required = true)]
        stale: bool,
        /// The name of a line.
        line: String,
    },
}

#[derive(Debug, Subcommand)]
enum SpoolCommand {
    /// Hold what is in the spool against itself. The exit code is 65 if something is damaged.
    Verify,
    /// Write every message and job as plain files into a new directory, also from a damaged spool.
    Dump { directory: PathBuf },
    /// Say that the spool was restored from a backup, before the next call.
    ///
    /// New jobs then get numbers that no job had that was sent since the backup was made: by these numbers other systems know
    /// what they have received.
    Restored,
}

/// The other programs in here.
fn after_help() -> String {
    let names: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
    format!("Also subcommands, and programs when called by their names: {}", names.join(", "))
}

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let command = match Command::try_parse_from(words) {
        Ok(command) => command,
        Err(error) => {
            let code = if error.use_stderr() { exit::USAGE } else { exit::OK };
            let _ = error.print();
            return Ok(code);
        }
    };
    let common = |node: Node| Common::new(node.config, node.json);
    match command.what {
        What::Run { config, with_parent } => {
            if with_parent {
                let told = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
                told.map_err(|error| Failure::new(exit::OSERR, format!("config: --with-parent: {error}")))?;
            }
            daemon::run(&Site::find(config).file)?;
            Ok(exit::OK)
        }
        What::Agent { config } => agent::run(&Site::find(config).file),
        What::AgentChild { orders } => agent::child(&orders),
        What::Check { node } => check::run(&common(node)),
        What::Export { options, node } => bundle::export(&common(node), options),
        What::Import { file, from, node } => bundle::import(&common(node), file, from),
        What::Spool { what: SpoolCommand::Verify, node } => spool::verify(&common(node)),
        What::Spool { what: SpoolCommand::Dump { directory }, node } => {
            spool::dump(&common(node), &directory)
        }
        What::Spool { what: SpoolCommand::Restored, node } => ask(&common(node), Request::Restored),
        What::Line { what: LineCommand::Doctor { line }, node } => line::doctor(&common(node), line),
        What::Line { what: LineCommand::Unlock { line, .. }, node } => {
            line::unlock_stale(&common(node), &line)
        }
        What::Exchange(options) => exchange::run(options),
        What::Trace { file, json } => trace::run(&file, json),
        What::Terminal { config, options } => terminal::run(&Common::new(config, false), &options),
        What::Password => password::run(),
        What::Demo(options) => demo::run(options),
        What::Calls { system, last, node } => ask(&common(node), Request::Calls { system, limit: last }),
        What::Route { address, sender, node } => {
            ask(&common(node), Request::Route(RouteRequest { addresses: address, sender }))
        }
        What::Queue { what: Some(what), node, .. } => what.run(&common(node)),
        What::Queue { summary: true, node, .. } => ask(&common(node), Request::QueueSummary),
        What::Queue { which, node, .. } => mailq::show(&common(node), which.into()),
        What::When { system, node } => ask(&common(node), Request::When { system }),
        What::Why { what, node } => ask(&common(node), Request::Why { what }),
        What::Sequence { system, set, node } => {
            ask(&common(node), Request::Sequence(SequenceRequest { system, set }))
        }
        What::Poll { system, wait, record, node } => {
            let mut common = common(node);
            let wait = wait || record.is_some();
            common.site.record = record;
            let poll = PollRequest { system, force: true, if_work: false, wait };
            let report = common.site.ask(Request::Poll(poll), None)?;
            common.print(&report)?;
            let failed = matches!(&report, Report::Poll(poll) if !poll.failures().is_empty());
            Ok(if failed { exit::TEMPFAIL } else { exit::OK })
        }
    }
}

/// Asks the node, and prints what it answers.
fn ask(common: &Common, request: Request) -> Result<u8, Failure> {
    common.print(&common.site.ask(request, None)?)?;
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_a_node_stand_before_a_nested_word_or_behind_it() {
        for line in ["spool -I F --json dump out", "spool dump -I F out --json", "spool dump --json out -I F"]
        {
            let words = std::iter::once("uugate").chain(line.split(' '));
            let What::Spool { what: SpoolCommand::Dump { directory }, node } =
                Command::try_parse_from(words).expect(line).what
            else {
                panic!("{line}")
            };
            assert_eq!(directory, PathBuf::from("out"), "{line}");
            assert_eq!((node.config.as_deref(), node.json), (Some("F"), true), "{line}");
        }
    }
}
