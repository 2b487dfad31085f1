//! `uugate when`, `uugate why`: what will become of a system, a job or a message, and by which rule.

use super::short_time;
use crate::node::config::Rule;
use crate::schedule::Money;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that is so, and where the configuration says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Because {
    pub text: String,
    /// None: no key of the configuration says it.
    pub rule: Option<Rule>,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.rule.as_ref().map_or(Ok(()), |rule| write!(f, " ({rule})"))
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct When {
    pub systems: Vec<Ahead>,
}

/// When a system is called next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ahead {
    pub system: String,
    /// It was asked then.
    pub now: Timestamp,
    /// Since when it is in a call.
    pub in_call: Option<Timestamp>,
    /// Why it is to be called; none: there is no reason to.
    pub why: Option<Because>,
    /// From when on it is called as soon as a line is free; none: never, as things are.
    pub due: Option<Timestamp>,
    /// What the call has waited for until then.
    pub held: Option<Because>,
    /// Calls that failed since the last good one.
    pub failures: u32,
    /// Its numbers that are not dialled for now.
    #[serde(default)]
    pub numbers: Vec<NumberAhead>,
    /// The lines that it is called on.
    pub lines: Vec<LineAhead>,
}

/// A number of a system that is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NumberAhead {
    pub number: String,
    /// Why.
    pub held: Because,
    /// When that is over; none: when somebody asks for it.
    pub until: Option<Timestamp>,
}

/// A line, as it is at this moment for a system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LineAhead {
    pub line: String,
    /// Why it may not be used now.
    pub held: Option<Because>,
    /// When that is over.
    pub until: Option<Timestamp>,
    /// What a call may take now, in seconds; none where calls cost nothing.
    pub longest: Option<u64>,
    /// Which work alone goes in that call, for only the reserve is left.
    #[serde(default)]
    pub reserve: Option<Because>,
    /// What was spent on it this month.
    pub spent: Option<Account>,
}

/// The account of a month of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Account {
    pub month: String,
    pub calls: u64,
    pub seconds: u64,
    /// Of the unit of money.
    pub thousandths: u64,
}

impl fmt::Display for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.system)?;
        if let Some(since) = self.in_call {
            write!(f, "in a call since {}; then ", short_time(since))?;
        }
        match (&self.why, self.due) {
            (None, _) => return writeln!(f, "there is no reason to call it"),
            (Some(why), None) => writeln!(f, "never called, as things are, though {why}")?,
            (Some(why), Some(due)) if due <= self.now => writeln!(f, "due since {}: {why}", short_time(due))?,
            (Some(why), Some(due)) => writeln!(f, "called at {}: {why}", short_time(due))?,
        }
        if let Some(held) = &self.held {
            writeln!(f, "    not before, for {held}")?;
        }
        self.numbers.iter().try_for_each(|number| writeln!(f, "    {number}"))?;
        self.lines.iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}

impl fmt::Display for NumberAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number {}: not dialled, for {}", self.number, self.held)?;
        self.until.map_or(Ok(()), |until| write!(f, ", until {}", short_time(until)))
    }
}

impl fmt::Display for LineAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on {}", self.line)?;
        match (&self.held, self.longest) {
            (Some(held), _) => write!(f, ": not now, for {held}")?,
            (None, Some(longest)) => write!(f, ": at most {} min", longest / 60)?,
            (None, None) => {}
        }
        if let Some(reserve) = &self.reserve {
            write!(f, ", {reserve}")?;
        }
        if let Some(until) = self.until {
            write!(f, ", until {}", short_time(until))?;
        }
        let Some(spent) = &self.spent else { return Ok(()) };
        let (cost, minutes) = (Money(spent.thousandths), spent.seconds / 60);
        write!(f, "; spent in {}: {cost}, {minutes} min, {} calls", spent.month, spent.calls)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.systems.iter().try_for_each(|ahead| ahead.fmt(f))
    }
}

/// Why something is still here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Why {
    /// The job or message.
    pub what: String,
    pub because: Vec<Because>,
    /// The calls that it waits for.
    pub calls: Vec<Ahead>,
    /// Of a message: what has happened to it so far.
    #[serde(default)]
    pub history: Vec<Happened>,
}

/// Something that happened to a message, or to one of its recipients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Happened {
    pub at: Timestamp,
    /// `accepted`, `deferred`, `handed`, `acknowledged`, `delivered` and the like.
    pub what: String,
    pub text: String,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        self.because.iter().try_for_each(|because| writeln!(f, "    {because}"))?;
        self.calls.iter().try_for_each(|ahead| ahead.fmt(f))?;
        let line = |Happened { at, what, text }: &Happened| format!("    {} {what} {text}", short_time(*at));
        self.history.iter().try_for_each(|happened| writeln!(f, "{}", line(happened)))
    }
}
