//! Shows what happens: lines with the time, and on a terminal a progress bar for each job that crosses the line.

use super::site::{FEED, LEAF};
use crate::clock;
use crate::observe::printable;
use crate::wire::exchange::Event;
use crate::wire::session::Progress;
use crate::wire::station::{CallEvent, CallStep};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

/// The longest text of a peer or a modem that is shown, in bytes.
const SHOWN: usize = 100;

pub struct Screen {
    begun: Instant,
    /// Only errors are shown: the result is wanted as JSON.
    quiet: bool,
    bars: MultiProgress,
    /// The bars of the jobs that are under way, by direction and name.
    jobs: HashMap<(bool, String), Job>,
}

struct Job {
    what: String,
    size: Option<u64>,
    bar: ProgressBar,
}

impl Screen {
    pub fn new(quiet: bool) -> Screen {
        let on_terminal = !quiet && std::io::stdout().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        Screen {
            begun: clock::now(),
            quiet,
            bars: MultiProgress::with_draw_target(target),
            jobs: HashMap::new(),
        }
    }

    /// One line, with the time since the start.
    pub fn say(&self, text: &str) {
        let seconds = clock::now().duration_since(self.begun).as_secs_f64();
        self.line(&format!("{seconds:7.2} s  {text}"));
    }

    /// One line as it is.
    pub fn line(&self, text: &str) {
        if self.quiet {
            return;
        }
        // Somebody who stops reading has seen enough.
        self.bars.suspend(|| {
            let _ = writeln!(std::io::stdout(), "{text}");
        });
    }

    /// What the exchange has to tell. Its first modem is the feeding host's.
    pub fn exchange(&self, event: &Event) {
        let who = |port: &usize| if *port == 0 { FEED } else { LEAF };
        match event {
            Event::Dialled { port, number } => self.say(&format!("{} dials {number}", who(port))),
            Event::Refused { port, reason } => self.say(&format!("{} hears {reason}", who(port))),
            Event::Ringing { to, .. } => self.say(&format!("{} rings", who(to))),
            Event::Connected { from, up, down, modulation, corrected, .. } => self.say(&format!(
                "CONNECT {modulation}: {} sends at {up} bit/s and receives at {down}, {} error correction",
                who(from),
                if *corrected { "with" } else { "without" }
            )),
            Event::Ended { sent, received, dropped, .. } => self.say(&format!(
                "{}: {sent} bytes there, {received} back",
                if *dropped { "THE CARRIER IS LOST" } else { "hung up" }
            )),
            Event::CarrierLost { .. } => {}
        }
    }

    /// What the calling node has to tell.
    pub fn call(&mut self, event: &CallEvent) {
        match &event.step {
            CallStep::Session(progress) => self.session(progress),
            CallStep::Ended(record) => {
                for (_, job) in self.jobs.drain() {
                    job.bar.finish_and_clear();
                }
                match &record.failure {
                    Some(failure) => self.say(&format!("the call failed: {}", shown(failure))),
                    None => self.say(&format!(
                        "the call is over: {} jobs sent, {} received",
                        record.jobs_sent, record.jobs_received
                    )),
                }
            }
            CallStep::Calling { .. } | CallStep::Connected { .. } => {}
        }
    }

    fn session(&mut self, progress: &Progress) {
        match progress {
            Progress::Agreed { peer, protocol } => {
                self.say(&format!("logged in at {peer}, protocol {protocol}"));
            }
            Progress::Begun { sending, job, what, size, from } => {
                let bar = self.bars.add(ProgressBar::new(size.unwrap_or(0)));
                let style = "           {prefix} {wide_msg} {bytes:>10} of {total_bytes:<10} {bar:24}";
                if let Ok(style) = ProgressStyle::with_template(style) {
                    bar.set_style(style);
                }
                bar.set_prefix(arrow(*sending));
                bar.set_message(shown(what));
                bar.set_position(*from);
                if *from > 0 {
                    self.say(&format!("{} {} goes on from byte {from}", arrow(*sending), shown(what)));
                }
                let begun = Job { what: shown(what), size: *size, bar };
                self.jobs.insert((*sending, job.clone()), begun);
            }
            Progress::Bytes { sending, job, bytes } => {
                if let Some(job) = self.jobs.get(&(*sending, job.clone())) {
                    job.bar.set_position(*bytes);
                }
            }
            Progress::Done { sending, job, refused } => {
                let Some(job) = self.jobs.remove(&(*sending, job.clone())) else { return };
                job.bar.finish_and_clear();
                let size = job.size.map(|size| format!(" ({size} bytes)")).unwrap_or_default();
                match refused {
                    None => self.say(&format!("{} {}{size}", arrow(*sending), job.what)),
                    Some(why) => {
                        self.say(&format!("{} {} REFUSED: {}", arrow(*sending), job.what, shown(why)))
                    }
                }
            }
        }
    }
}

fn arrow(sending: bool) -> &'static str {
    if sending { "->" } else { "<-" }
}

fn shown(text: &str) -> String {
    printable(text.as_bytes(), SHOWN).to_string()
}
