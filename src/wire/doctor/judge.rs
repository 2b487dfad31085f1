//! From what was seen to what is to be changed.

use super::{Answer, Opening, Process, Said, Seen, answer};
use crate::wire::line::{SAFE_WITHOUT_FIFO, WITHOUT_FIFO, is_adapter};
use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Calls do not work so.
    Wrong,
    /// They work, but not as well as they may, or not always.
    Doubtful,
    /// Good to know.
    Note,
}

/// One thing that was seen, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    pub weight: Weight,
    pub saw: String,
    pub change: String,
}

const IGNORED_BY_MODEM_MANAGER: &str = "keep ModemManager away from it: a udev rule for this adapter with ENV{ID_MM_DEVICE_IGNORE}=\"1\", or `systemctl mask --now ModemManager`";

/// Everything that is the matter, in the order in which it is looked for.
pub fn judge(seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::new();
    opening(seen, &mut findings);
    others(seen, &mut findings);
    name(seen, &mut findings);
    uart(seen, &mut findings);
    signals(seen, &mut findings);
    trials(seen, &mut findings);
    findings
}

fn add(findings: &mut Vec<Finding>, weight: Weight, saw: impl Into<String>, change: impl Into<String>) {
    findings.push(Finding { weight, saw: saw.into(), change: change.into() });
}

fn opening(seen: &Seen, findings: &mut Vec<Finding>) {
    let (saw, change) = match &seen.opening {
        Opening::Opened => return,
        Opening::Missing => (
            "it is not there".to_owned(),
            "plug the adapter in and see that its driver is loaded (`dmesg`), or correct `device`".to_owned(),
        ),
        Opening::Denied { user, group, mode } => (
            format!("the user {user} may not open it: it is for the group {group} (mode {mode})"),
            format!("`usermod -aG {group} {user}`, then start uugate anew"),
        ),
        Opening::NoTerminal => {
            ("it is no serial line".to_owned(), "name a serial port in `device`".to_owned())
        }
        Opening::Held(holder) => (format!("{} has it", who(holder.as_ref())), stop(seen, holder.as_ref())),
        Opening::Failed(error) => {
            (error.clone(), "see what the driver says (`dmesg`); try another port or adapter".to_owned())
        }
    };
    add(findings, Weight::Wrong, saw, change);
}

fn others(seen: &Seen, findings: &mut Vec<Finding>) {
    let told = match &seen.opening {
        Opening::Held(holder) => holder.as_ref(),
        _ => None,
    };
    for process in seen.others.iter().filter(|process| Some(*process) != told) {
        let saw = format!("{} has it open too, and takes a part of what comes", who(Some(process)));
        add(findings, Weight::Wrong, saw, stop(seen, Some(process)));
    }
    let holds = |process: &Process| process.program.as_deref() == Some("ModemManager");
    if seen.modem_manager && is_adapter(&seen.node()) && !told.into_iter().chain(&seen.others).any(holds) {
        add(
            findings,
            Weight::Doubtful,
            "ModemManager runs, and tries out every adapter that is plugged in",
            IGNORED_BY_MODEM_MANAGER,
        );
    }
}

fn who(process: Option<&Process>) -> String {
    match process {
        Some(Process { pid, program: Some(program) }) => format!("process {pid} ({program})"),
        Some(Process { pid, program: None }) => format!("process {pid}"),
        None => "another program".to_owned(),
    }
}

/// How the line is got back from a program.
fn stop(seen: &Seen, process: Option<&Process>) -> String {
    let Some(program) = process.and_then(|process| process.program.as_deref()) else {
        return "ask as root which one (`fuser -v DEVICE`), and stop it".to_owned();
    };
    let node = seen.node();
    let device = node.rsplit('/').next().unwrap_or_default();
    match program {
        "ModemManager" => IGNORED_BY_MODEM_MANAGER.to_owned(),
        "uugate" => {
            "stop the daemon for this examination; only a line that answers is held between calls".to_owned()
        }
        _ if program.ends_with("getty") => format!(
            "`systemctl disable --now serial-getty@{device}`, unless it is to take the calls: then leave `answer` off, and have it make lock files in `lock-directory`"
        ),
        _ => format!("stop {program}, or give it another port"),
    }
}

impl Seen {
    /// The device itself.
    fn node(&self) -> String {
        self.leads_to.as_ref().unwrap_or(&self.device).clone()
    }
}

fn name(seen: &Seen, findings: &mut Vec<Finding>) {
    if !is_adapter(&seen.device) || seen.opening == Opening::Missing {
        return;
    }
    let change = match &seen.stable_name {
        Some(name) => format!("device = \"{name}\""),
        None => "use a name below /dev/serial/by-id or /dev/serial/by-path".to_owned(),
    };
    add(
        findings,
        Weight::Doubtful,
        format!("{} may be another adapter after the next start", seen.device),
        change,
    );
}

fn uart(seen: &Seen, findings: &mut Vec<Finding>) {
    let Some(uart) = &seen.uart else { return };
    if WITHOUT_FIFO.contains(&uart.name.as_str()) && seen.speed > SAFE_WITHOUT_FIFO {
        add(
            findings,
            Weight::Doubtful,
            format!(
                "the UART is a {}, which holds one character: it loses some at {} bit/s",
                uart.name, seen.speed
            ),
            format!("use a port with a 16550A, or set speed = \"{SAFE_WITHOUT_FIFO} bit/s\""),
        );
    }
}

fn signals(seen: &Seen, findings: &mut Vec<Finding>) {
    let Some(signals) = seen.signals else {
        if seen.opening == Opening::Opened && seen.modem {
            add(
                findings,
                Weight::Note,
                "it has no modem lines: the end of a call is told by the modem's words alone",
                "nothing, on a pseudo terminal; on a real port use an adapter that has DCD and DTR",
            );
        }
        return;
    };
    if seen.hardware_flow && !signals.cts {
        add(
            findings,
            Weight::Wrong,
            "CTS is low: with hardware flow control nothing leaves the port",
            "switch the modem on, use a cable with CTS, or set flow = \"none\" for a cable with three wires",
        );
    }
    if seen.modem && signals.dcd && !was_in_call(seen) {
        add(
            findings,
            Weight::Wrong,
            "DCD is high though no call is up",
            "let it follow the carrier: AT&C1 (init = \"&C1\"), and no switch of the modem or bridge of the cable that forces it",
        );
    }
    if seen.modem && !signals.dsr && spoke(seen).is_none() {
        add(
            findings,
            Weight::Doubtful,
            "DSR is low: the modem is off, or the cable lacks the wire",
            "switch the modem on, and look at the cable",
        );
    }
}

/// The speed at which a modem said OK to `AT`.
fn spoke(seen: &Seen) -> Option<u32> {
    let ok = |heard: &[u8]| matches!(answer(heard), Answer::Ok { .. });
    seen.trials.iter().find(|trial| trial.said == Said::At && ok(&trial.bytes())).map(|trial| trial.speed)
}

/// It said OK to the escape, and before that to nothing.
fn was_in_call(seen: &Seen) -> bool {
    let ok = |heard: &[u8]| matches!(answer(heard), Answer::Ok { .. });
    seen.trials.iter().any(|trial| trial.said == Said::Escape && ok(&trial.bytes()))
}

fn trials(seen: &Seen, findings: &mut Vec<Finding>) {
    if seen.trials.is_empty() {
        return;
    }
    if was_in_call(seen) {
        add(
            findings,
            Weight::Wrong,
            "the modem was in a call and took AT for data until it heard +++",
            "let DTR end calls: AT&D2 (init = \"&D2\"), and a cable with DTR",
        );
    }
    let speed = seen.speed;
    let here = seen.trials.iter().filter(|trial| trial.speed == speed && trial.said == Said::At);
    let heard = here.map(|trial| answer(&trial.bytes())).rfind(|answer| *answer != Answer::Silence);
    match (heard.unwrap_or(Answer::Silence), spoke(seen)) {
        (Answer::Ok { echo, numbers }, _) => {
            if echo {
                add(
                    findings,
                    Weight::Note,
                    "the modem echoes what it is told",
                    "nothing: ATE0 is said before each call; ATE0&W keeps it so",
                );
            }
            if numbers {
                add(
                    findings,
                    Weight::Note,
                    "the modem answers in numbers",
                    "nothing: ATV1 is said before each call; ATV1&W keeps it so",
                );
            }
        }
        (_, Some(other)) => add(
            findings,
            Weight::Wrong,
            format!("the modem speaks {other} bit/s, not {speed}"),
            format!(
                "speed = \"{other} bit/s\", or tell the modem: AT+IPR={speed}, or AT&W when it has heard AT at {speed}"
            ),
        ),
        (Answer::SevenBits { format }, None) => add(
            findings,
            Weight::Wrong,
            "the answer is of seven bits and a parity",
            format!("format = \"{format}\""),
        ),
        (Answer::EchoAlone, None) => add(
            findings,
            Weight::Wrong,
            "what is sent comes back, and nothing else",
            "a modem that is told to be quiet says results after ATQ0V1&W; a loop-back plug or another computer never does",
        ),
        (Answer::Other(text), None) => add(
            findings,
            Weight::Wrong,
            format!("it answers, but not as a modem: {text}"),
            "see what the cable leads to; a login prompt is that of another machine",
        ),
        (Answer::Garbage, None) => add(
            findings,
            Weight::Wrong,
            "what comes back is no text at any usual speed",
            "compare `speed` and `format` with what the modem has; look at the cable and its shield",
        ),
        (Answer::Silence, None) => add(
            findings,
            Weight::Wrong,
            "nothing comes back, at any usual speed",
            "switch the modem on; try another cable (straight to a modem, crossed to a computer), and the other ports of this machine",
        ),
    }
}
