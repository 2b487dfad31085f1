//! What differs from modem to modem, as data. The families are in [`families`], their numeric result codes in [`codes`];
//! each rests on its page of firmware-notes.

mod codes;
mod families;

use std::time::Duration;

/// Numeric result codes that mean something else in each family, and the words that stand for them.
pub type Codes = &'static [(u32, &'static str)];

/// Commands by which modems are told to say who calls; the first that is taken is enough.
pub type CallerId = &'static [&'static str];

/// How a call is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// Drop DTR and watch the carrier fall; needs a line with modem signals. Without them, as `Escape`.
    Dtr,
    /// Guard time, escape, guard time, then the hang-up command.
    Escape,
}

/// How long each stage may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// A command until its answer. V.250 knows no limit; a reset takes modems up to two seconds.
    pub command: Duration,
    /// How often `AT` is tried at the start.
    pub tries: u32,
    /// Silence by which a modem is known to have said all.
    pub quiet: Duration,
    /// From the dial command to `CONNECT`; the modem's own S7 should be shorter.
    pub dial: Duration,
    /// From the answer command to `CONNECT`.
    pub answer: Duration,
    /// A RING that is followed by none for so long was the last one.
    pub ring_gap: Duration,
    /// Silence before and after the escape; the modem's S12 is set to a sixth less.
    pub guard: Duration,
    /// From dropping DTR to the fall of the carrier.
    pub hang_up: Duration,
    /// How long DTR is low at a hang-up: modems look after S25 (50 ms by default), old ones after up to a second, and what
    /// stands in for a modem may want longer (`dtr-low`).
    pub dtr_low: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            command: Duration::from_secs(3),
            tries: 4,
            quiet: Duration::from_millis(300),
            dial: Duration::from_secs(90),
            answer: Duration::from_secs(60),
            ring_gap: Duration::from_secs(8),
            guard: Duration::from_millis(1200),
            hang_up: Duration::from_secs(5),
            dtr_low: Duration::from_secs(1),
        }
    }
}

/// One model of modem: what to say to it, and how long to wait. Commands are without their carriage return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// Back to a known state.
    pub reset: String,
    /// Sent after the reset, each to be answered with OK.
    pub init: Vec<String>,
    /// The number follows it.
    pub dial: String,
    pub answer: String,
    /// The modem is to answer by itself after so many rings (S0); 0: it is told to, with `answer`.
    pub auto_answer: u8,
    /// Rings before `answer` is sent.
    pub rings: u32,
    /// How this family is told to say who calls; empty: by no way that is known.
    pub caller_id: CallerId,
    /// It is told to. The number comes between the first ring and the second, so there have to be two `rings`.
    pub asks_caller: bool,
    pub hang_up: HangUp,
    pub hang_up_command: String,
    /// Takes the line off hook, so that callers find it busy; `hang_up_command` gives it back.
    pub busy_out: Option<String>,
    /// The escape character after a reset (S2).
    pub escape: u8,
    /// The command that switches the escape off; said where DTR ends calls.
    pub no_escape: Option<String>,
    /// The escape character where it has to stay on: one that data seldom has three of (set by S2).
    pub escape_elsewhere: Option<u8>,
    /// Asks, after a call, what became of it; [`super::CallReport`] reads the answer.
    pub report: Option<String>,
    pub codes: Codes,
    /// The characters that a number may hold.
    pub number_characters: String,
    pub timeouts: Timeouts,
}

impl Profile {
    /// Any modem of the Hayes family.
    pub fn generic() -> Self {
        Profile {
            name: "generic".to_owned(),
            reset: "ATZ".to_owned(),
            // No echo, verbose result codes, all of them; then carrier and DTR as signals, which the plainest
            // modems and adapters do not know: such a command would have to be taken out here.
            init: vec!["ATE0V1Q0X4".to_owned(), "AT&C1&D2".to_owned()],
            dial: "ATDT".to_owned(),
            answer: "ATA".to_owned(),
            auto_answer: 0,
            rings: 1,
            // ITU-T V.253, and what Rockwell had before it.
            caller_id: &["AT+VCID=1", "AT#CID=1"],
            asks_caller: false,
            hang_up: HangUp::Dtr,
            hang_up_command: "ATH".to_owned(),
            busy_out: None,
            escape: b'+',
            no_escape: Some("ATS2=255".to_owned()),
            escape_elsewhere: Some(28),
            report: None,
            codes: &[],
            number_characters: "0123456789*#+,WTPwtp@!()- ".to_owned(),
            timeouts: Timeouts::default(),
        }
    }

    /// The modem of `wire::exchange` (firmware-notes/exchange-modem.md): reports modulation and rates by
    /// themselves, and is never slow to answer.
    pub fn exchange() -> Self {
        Profile {
            name: "exchange".to_owned(),
            init: vec!["ATE0V1Q0X4&C1&D2".to_owned(), "AT+MR=1;+ER=1;+DR=1".to_owned()],
            busy_out: Some("ATH1".to_owned()),
            // It has no DTR to hang up by.
            timeouts: Timeouts { guard: Duration::from_millis(250), ..Timeouts::default() },
            ..Profile::generic()
        }
    }

    /// The guard time for S12, in 1/50 s.
    pub fn guard_register(&self) -> u128 {
        self.timeouts.guard.as_millis() * 5 / 6 / 20
    }

    /// A profile by the name that a configuration gives.
    pub fn named(name: &str) -> Option<Profile> {
        Profile::all().into_iter().find(|profile| profile.name == name)
    }

    pub fn all() -> Vec<Profile> {
        let mut all = vec![Profile::generic(), Profile::exchange()];
        all.extend(families::all());
        all
    }
}

#[cfg(test)]
mod tests;
