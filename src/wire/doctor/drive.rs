//! Looks at a serial line: its device, who has it, its UART and modem lines, and what answers there.

use super::{Answer, Opening, Process, Said, Seen, Signals, Trial, Uart, answer};
use crate::clock;
use crate::wire::line::{Flow, Holder, Line, LineError, Port, SPEEDS, SerialSettings, running, users_of};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where udev keeps names of adapters that stay (its rule 60-serial).
const STABLE_NAMES: &str = "/dev/serial/by-id";
/// More than a modem answers to `AT`, in bytes.
const MOST: usize = 512;

/// How long whatever is connected is listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// From `AT` to the first byte, and at most to the last.
    pub answer: Duration,
    /// Silence by which it has said all.
    pub quiet: Duration,
    /// Silence before and after the escape; the modem's S12, usually 1 s, and a little more.
    pub guard: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            answer: Duration::from_millis(1500),
            quiet: Duration::from_millis(300),
            guard: Duration::from_millis(1200),
        }
    }
}

/// Looks at the line; `tell` hears what is being done. Takes about 20 s if nothing answers, else one or two. No call may be
/// up: whatever is connected is talked to.
pub async fn examine(
    settings: &SerialSettings,
    modem: bool,
    patience: &Patience,
    tell: &mut dyn FnMut(String),
) -> Seen {
    let device = &settings.device;
    tell(format!("looking at {}", device.display()));
    let mut seen = Seen {
        device: device.display().to_string(),
        speed: settings.speed,
        hardware_flow: settings.flow == Flow::RtsCts,
        modem,
        modem_manager: !running("ModemManager").is_empty(),
        others: users_of(device).into_iter().map(process).collect(),
        ..Seen::default()
    };
    if let Ok(node) = fs::canonicalize(device) {
        seen.stable_name = stable_name(&node);
        seen.leads_to = (node != *device).then(|| node.display().to_string());
    }
    let mut line = match Port::Serial(settings.clone()).open().await {
        Ok(line) => line,
        Err(error) => {
            seen.opening = opening(device, error);
            return seen;
        }
    };
    seen.uart = line.chip().map(|chip| Uart { name: chip.name.to_owned(), fifo: chip.fifo });
    let signals =
        |s: crate::wire::line::Signals| Signals { cts: s.cts, dsr: s.dsr, dcd: s.dcd, ring: s.ring };
    seen.signals = line.signals().map(signals);
    if modem {
        let mut talk = Talk { line: &mut line, patience, speed: settings.speed, trials: Vec::new() };
        talk.all(tell).await;
        seen.trials = talk.trials;
    }
    line.close(patience.quiet).await;
    seen
}

fn process(holder: Holder) -> Process {
    Process { pid: holder.pid, program: holder.program }
}

/// Why the device did not open.
fn opening(device: &Path, error: LineError) -> Opening {
    match error {
        LineError::Open { source, .. } if source.kind() == ErrorKind::NotFound => Opening::Missing,
        LineError::Open { source, .. } if source.kind() == ErrorKind::PermissionDenied => denied(device),
        LineError::Held { holder, .. } => Opening::Held(holder.map(process)),
        LineError::NotATerminal { .. } => Opening::NoTerminal,
        error => Opening::Failed(error.to_string()),
    }
}

fn denied(device: &Path) -> Opening {
    let user = rustix::process::geteuid().as_raw();
    let name = uzers::get_user_by_uid(user).map(|user| user.name().to_string_lossy().into_owned());
    let status = fs::metadata(device).ok();
    let group = status.as_ref().map(MetadataExt::gid).unwrap_or_default();
    let group_name = uzers::get_group_by_gid(group).map(|group| group.name().to_string_lossy().into_owned());
    Opening::Denied {
        user: name.unwrap_or_else(|| user.to_string()),
        group: group_name.unwrap_or_else(|| group.to_string()),
        mode: status.map_or_else(String::new, |status| format!("{:o}", status.mode() & 0o777)),
    }
}

/// The name of this device that stays, if udev has made one.
fn stable_name(node: &Path) -> Option<String> {
    let names = fs::read_dir(STABLE_NAMES).ok()?.flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        names.filter(|name| fs::canonicalize(name).is_ok_and(|to| to == node)).collect();
    found.sort();
    found.first().map(|name| name.display().to_string())
}

/// The dialogue with whatever is connected.
struct Talk<'a> {
    line: &'a mut Line,
    patience: &'a Patience,
    /// As configured.
    speed: u32,
    trials: Vec<Trial>,
}

impl Talk<'_> {
    async fn all(&mut self, tell: &mut dyn FnMut(String)) {
        let configured = self.speed;
        tell(format!("saying AT at {configured} bit/s"));
        if self.attention(configured).await == Answer::Silence {
            // The first one may have woken it.
            self.attention(configured).await;
        }
        if self.was_silent() {
            tell("saying +++: it may be in a call".to_owned());
            if matches!(self.escape().await, Answer::Ok { .. }) {
                self.hear(b"ATH\r").await;
                self.attention(configured).await;
            }
        }
        for speed in SPEEDS.into_iter().filter(|speed| *speed != configured) {
            if self.was_ok() || self.line.end().is_some() {
                break;
            }
            tell(format!("saying AT at {speed} bit/s"));
            if self.line.set_speed(speed).is_ok() {
                self.attention(speed).await;
            }
        }
    }

    fn last(&self) -> Answer {
        self.trials.last().map_or(Answer::Silence, |trial| answer(&trial.bytes()))
    }

    fn was_silent(&self) -> bool {
        self.last() == Answer::Silence
    }

    fn was_ok(&self) -> bool {
        matches!(self.last(), Answer::Ok { .. })
    }

    async fn attention(&mut self, speed: u32) -> Answer {
        let heard = self.hear(b"AT\r").await;
        self.trials.push(Trial::new(speed, Said::At, &heard));
        answer(&heard)
    }

    async fn escape(&mut self) -> Answer {
        clock::sleep(self.patience.guard).await;
        self.line.discard();
        let mut heard = Vec::new();
        if self.say(b"+++").await {
            self.listen(&mut heard, self.patience.guard + self.patience.answer).await;
        }
        self.trials.push(Trial::new(self.speed, Said::Escape, &heard));
        answer(&heard)
    }

    async fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.line.discard();
        let mut heard = Vec::new();
        if self.say(bytes).await {
            self.listen(&mut heard, self.patience.answer).await;
        }
        heard
    }

    async fn say(&mut self, bytes: &[u8]) -> bool {
        matches!(clock::within(self.patience.answer, self.line.write_all(bytes)).await, Some(Ok(())))
    }

    /// Listens until it is quiet, or for `limit`.
    async fn listen(&mut self, heard: &mut Vec<u8>, limit: Duration) {
        let end = clock::now() + limit;
        while heard.len() < MOST {
            let left = end.saturating_duration_since(clock::now());
            let wait = if heard.is_empty() { left } else { left.min(self.patience.quiet) };
            let mut buffer = [0; MOST];
            match clock::within(wait, self.line.read(&mut buffer)).await {
                Some(Ok(count)) if count > 0 => heard.extend(buffer.iter().take(count)),
                _ => break,
            }
        }
    }
}

#[cfg(test)]
mod tests;
