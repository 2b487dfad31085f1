//! `uugate calls`, `uustat -m`, `uugate poll`: calls.

use super::short_time;
use crate::schedule::Money;
use crate::spool::{CallRecord, Pace, PastCall};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Calls {
    /// Newest first.
    pub calls: Vec<Call>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call {
    pub call: u64,
    pub system: String,
    pub line: String,
    pub outgoing: bool,
    pub began: Timestamp,
    /// None: under way.
    pub ended: Option<Timestamp>,
    pub record: CallRecord,
}

impl From<PastCall> for Call {
    fn from(past: PastCall) -> Call {
        Call {
            call: past.id.0,
            system: past.call.system.to_string(),
            line: past.call.line,
            outgoing: past.call.outgoing,
            began: past.call.began,
            ended: past.ended,
            record: past.record,
        }
    }
}

/// How the calls that were asked for went; without `--wait`, which were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Poll {
    pub wished: Vec<String>,
    pub calls: Vec<Call>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallRecord { jobs_sent, jobs_received, bytes_sent, bytes_received, .. } = &self.record;
        let way = if self.outgoing { "called" } else { "called us" };
        write!(f, "{:<14} {} {way} on {}: ", self.system, short_time(self.began), self.line)?;
        match (&self.record.failure, self.ended) {
            (_, None) => write!(f, "talking"),
            (Some(failure), _) => {
                write!(f, "{failure}")?;
                self.record.cause.as_ref().map_or(Ok(()), |cause| write!(f, " [{cause}]"))
            }
            (None, Some(_)) if self.record.by_hand => write!(f, "talked to by hand"),
            (None, Some(_)) => write!(f, "Conversation complete"),
        }?;
        write!(
            f,
            " (sent {jobs_sent} jobs, {bytes_sent} bytes; received {jobs_received} jobs, {bytes_received} bytes)"
        )?;
        if let Some(pace) = &self.record.pace {
            write_pace(f, pace, &self.record)?;
        }
        if let Some(charge) = &self.record.charge {
            write!(f, "; cost {} for {} s", Money(charge.thousandths), charge.seconds)?;
        }
        if let Some(modem) = &self.record.modem {
            write!(f, "; modem: {}", modem.text)?;
        }
        let Some(errors) = &self.record.errors else { return Ok(()) };
        let counts = [
            (errors.overruns, "overruns"),
            (errors.framing, "framing errors"),
            (errors.parity, "parity errors"),
            (errors.breaks, "breaks"),
            (errors.buffer_overruns, "buffer overruns"),
        ];
        let mut seen = counts.iter().filter(|(count, _)| *count > 0);
        let Some((count, what)) = seen.next() else { return Ok(()) };
        write!(f, "; serial port: {count} {what}")?;
        seen.try_for_each(|(count, what)| write!(f, ", {count} {what}"))?;
        errors.hint.iter().try_for_each(|hint| write!(f, ": {hint}"))
    }
}

/// The busier way, and what of the promise that was.
fn write_pace(f: &mut fmt::Formatter<'_>, pace: &Pace, record: &CallRecord) -> fmt::Result {
    let way =
        |bytes: u64, promised: Option<u32>| (bytes.saturating_mul(1000) / pace.milliseconds.max(1), promised);
    let busier = match record.bytes_sent > record.bytes_received {
        true => way(record.bytes_sent, pace.sent),
        false => way(record.bytes_received, pace.received),
    };
    write!(f, "; {} bytes/s in {}.{} s", busier.0, pace.milliseconds / 1000, pace.milliseconds % 1000 / 100)?;
    if let (rate, Some(promised)) = busier {
        write!(f, ", {} % of the line", rate.saturating_mul(100) / u64::from(promised.max(1)))?;
    }
    if record.packets_resent > 0 {
        write!(f, ", {} packets sent again", record.packets_resent)?;
    }
    Ok(())
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.calls.iter().try_for_each(|call| writeln!(f, "{call}"))
    }
}

impl fmt::Display for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let called = |name: &&String| self.calls.iter().any(|call| call.system == **name);
        let waiting: Vec<&String> = self.wished.iter().filter(|name| !called(name)).collect();
        waiting.iter().try_for_each(|name| writeln!(f, "{name} will be called"))?;
        self.calls.iter().try_for_each(|call| writeln!(f, "{call}"))
    }
}

impl Poll {
    /// What went wrong, a call each.
    pub fn failures(&self) -> Vec<String> {
        let failed = |call: &Call| {
            let failure = call.record.failure.as_ref()?;
            Some(format!("{}: {failure}", call.system))
        };
        self.calls.iter().filter_map(failed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Retry, Stage, Whose};
    use crate::spool::{Failure, ModemReport, PortErrors};

    fn call(record: CallRecord) -> Call {
        Call {
            call: 1,
            system: "polux".to_owned(),
            line: "modem".to_owned(),
            outgoing: true,
            began: Timestamp::UNIX_EPOCH,
            ended: Some(Timestamp::UNIX_EPOCH),
            record,
        }
    }

    #[test]
    fn how_fast_a_call_was_is_said_beside_what_its_line_promised() {
        let pace =
            Pace { milliseconds: 10_000, sent: Some(3990), received: Some(6175), corrected: Some(true) };
        let record = CallRecord {
            bytes_received: 60_000,
            packets_resent: 2,
            pace: Some(pace),
            ..CallRecord::default()
        };
        let text = call(record).to_string();
        assert!(text.ends_with("; 6000 bytes/s in 10.0 s, 97 % of the line, 2 packets sent again"), "{text}");
    }

    #[test]
    fn a_failure_is_told_with_its_word_and_what_was_heard_and_an_old_one_as_it_was() {
        let failure = Some("dial: the number is busy".to_owned());
        let old: CallRecord = serde_json::from_str(
            r#"{"connect":null,"protocol":null,"bytes_sent":0,"bytes_received":0,"jobs_sent":0,"jobs_received":0,
                "packets_resent":0,"failure":"dial: the number is busy"}"#,
        )
        .unwrap();
        assert_eq!(old, CallRecord { failure: failure.clone(), ..CallRecord::default() });
        assert!(call(old).to_string().contains("on modem: dial: the number is busy (sent 0 jobs"));
        let cause = Failure {
            stage: Stage::Dial,
            code: "dial-busy".to_owned(),
            whose: Whose::Line,
            retry: Retry::Later,
            advice: String::new(),
            modem_said: Some("BUSY".to_owned()),
            last_bytes: Some(r"\r\nBUSY\r\n".to_owned()),
        };
        let busy = CallRecord { failure, cause: Some(cause.clone()), ..CallRecord::default() };
        let text = call(busy.clone()).to_string();
        assert!(text.contains("the number is busy [dial-busy, the modem said BUSY] (sent"), "{text}");
        let cause = Failure { stage: Stage::Login, code: "login-refused".to_owned(), ..cause };
        let text = call(CallRecord { cause: Some(cause), ..busy }).to_string();
        assert!(
            text.contains(r"[login-refused, the modem said BUSY, last heard \r\nBUSY\r\n] (sent"),
            "{text}"
        );
    }

    #[test]
    fn what_the_modem_told_of_the_call_is_said() {
        let modem = ModemReport { text: "V.34, retrains asked: 2".to_owned(), ..ModemReport::default() };
        let text = call(CallRecord { modem: Some(modem), ..CallRecord::default() }).to_string();
        assert!(text.ends_with("; modem: V.34, retrains asked: 2"), "{text}");
    }

    #[test]
    fn what_the_serial_port_saw_go_wrong_is_said_if_there_was_anything() {
        let call = |errors| call(CallRecord { errors, ..CallRecord::default() });
        let clean = PortErrors { uart: Some("16550A".to_owned()), ..PortErrors::default() };
        for silent in [None, Some(clean.clone())] {
            assert!(call(silent).to_string().ends_with("received 0 jobs, 0 bytes)"));
        }
        let errors = PortErrors { overruns: 3, parity: 1, ..clean };
        let text = call(Some(errors.clone())).to_string();
        assert!(text.ends_with("; serial port: 3 overruns, 1 parity errors"), "{text}");
        let hint = Some("lower the speed".to_owned());
        let text = call(Some(PortErrors { hint, ..errors })).to_string();
        assert!(text.ends_with("1 parity errors: lower the speed"), "{text}");
    }
}
