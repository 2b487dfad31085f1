//! What the last calls with a system on a line say of the next one there: how fast the line is, how many errors it has, and
//! which protocols do not get through it. It is read from the records of the calls, so that a restart forgets nothing.

use crate::clock;
use crate::fault::CallFailure;
use crate::job::SystemName;
use crate::spool::{CallRecord, PastCall, Spool, SpoolError};
use crate::wire::link::Expected;
use jiff::{SignedDuration, Timestamp};

/// How many past calls are looked at.
const PAST: usize = 32;
/// A call that sent fewer bytes says little of its line.
const TELLING: u64 = 4096;
/// A protocol that did not start so often in a row is not tried first.
const STARTS: usize = 2;
/// For so long: a week, for somebody may have put the line right.
const MEMORY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Between modems that correct errors; what is left of them is made between modem and computer.
const CORRECTED: u32 = 100_000;
/// Between modems that do not: the first packets of `i` are of some 250 bytes.
const UNCORRECTED: u32 = 5000;
/// Of a line that has lost packets, and of one that has not.
const PER_ERROR: std::ops::RangeInclusive<u64> = 400..=CORRECTED as u64;
/// When a window of `g` goes back it sends this many packets again for one that was lost: about half a window.
const SENT_AGAIN_BY_G: u64 = 4;

/// What worked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Worked {
    /// Bytes a second from us, as the modems said or as it was measured.
    rate: Option<u32>,
    /// Between modems that did not say that they correct errors.
    bytes_per_error: Option<u32>,
    /// Protocols that did not start, and when they last did not.
    stuck: Vec<(char, Timestamp)>,
}

impl Worked {
    /// On this line, with this system.
    pub(super) async fn on(spool: &Spool, system: &SystemName, line: &str) -> Result<Worked, SpoolError> {
        let now = clock::wall();
        let tried = spool.calls_tried(system.clone(), now, PAST).await?;
        let here = tried.calls.into_iter().filter(|past| past.ended.is_some() && past.call.line == line);
        Ok(Worked::of(&here.collect::<Vec<_>>(), now))
    }

    /// By these calls, newest first.
    fn of(past: &[PastCall], now: Timestamp) -> Worked {
        let good = || past.iter().map(|past| &past.record).filter(|record| record.failure.is_none());
        let rate = good().find_map(|record| {
            let pace = record.pace.as_ref()?;
            let measured = record.bytes_sent.saturating_mul(1000) / pace.milliseconds.max(1);
            let measured = u32::try_from(measured).ok().filter(|_| record.bytes_sent >= TELLING);
            pace.sent.or(measured)
        });
        let uncorrected = |record: &&CallRecord| {
            record.bytes_sent >= TELLING
                && record.pace.as_ref().is_some_and(|pace| pace.corrected != Some(true))
        };
        let bytes_per_error = good().find(uncorrected).map(|record| {
            let lost = match record.protocol {
                Some('i' | 'j') => record.packets_resent,
                _ => record.packets_resent.div_ceil(SENT_AGAIN_BY_G),
            };
            let bytes = record.bytes_sent.checked_div(lost).unwrap_or(u64::MAX);
            bytes.clamp(*PER_ERROR.start(), *PER_ERROR.end()) as u32
        });
        let mut stuck = Vec::new();
        for protocol in past.iter().filter_map(|past| past.record.protocol) {
            let with = past.iter().filter(|past| past.record.protocol == Some(protocol));
            let ends: Vec<_> = with.take(STARTS).map(|past| (past.record.kind, past.call.began)).collect();
            let newest =
                ends.first().map(|(_, began)| *began).filter(|began| now.duration_since(*began) < MEMORY);
            let never =
                ends.len() == STARTS && ends.iter().all(|(kind, _)| *kind == Some(CallFailure::NoStart));
            if let Some(newest) =
                newest.filter(|_| never && !stuck.iter().any(|(other, _)| *other == protocol))
            {
                stuck.push((protocol, newest));
            }
        }
        Worked { rate, bytes_per_error, stuck }
    }

    /// What is expected of a connection there. `rate` (bytes a second from us) and `corrected` are what the modems have said.
    pub(super) fn expected(&self, rate: Option<u32>, corrected: Option<bool>) -> Expected {
        let bytes_per_error = match corrected {
            Some(true) => CORRECTED,
            Some(false) => self.bytes_per_error.unwrap_or(UNCORRECTED),
            None => self.bytes_per_error.unwrap_or(Expected::USUAL),
        };
        Expected { rate: rate.or(self.rate), bytes_per_error }
    }

    /// The letters of protocols in the order in which they are to be offered: those that did not start go last.
    pub(super) fn order(&self, letters: &str) -> String {
        let mut letters: Vec<char> = letters.chars().collect();
        let failed = |letter: &char| self.stuck.iter().find(|(stuck, _)| stuck == letter).map(|(_, at)| *at);
        letters.sort_by_key(failed);
        letters.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{CallId, NewCall, Pace};
    use std::time::Duration;

    fn now() -> Timestamp {
        "2026-11-28T12:00:00Z".parse().unwrap()
    }

    fn call(hours_ago: i64, record: CallRecord) -> PastCall {
        let began = now() - SignedDuration::from_hours(hours_ago);
        let call =
            NewCall { system: "polux".parse().unwrap(), line: "modem".to_owned(), outgoing: true, began };
        PastCall { id: CallId(1), call, ended: Some(began), record }
    }

    fn good(protocol: char, bytes_sent: u64, packets_resent: u64, pace: Pace) -> CallRecord {
        let (protocol, pace) = (Some(protocol), Some(pace));
        CallRecord { protocol, bytes_sent, packets_resent, pace, ..CallRecord::default() }
    }

    fn pace(sent: Option<u32>, corrected: Option<bool>) -> Pace {
        Pace { milliseconds: 100_000, sent, received: None, corrected }
    }

    fn no_start(protocol: char) -> CallRecord {
        let (failure, kind) = (Some("no start".to_owned()), Some(CallFailure::NoStart));
        CallRecord { protocol: Some(protocol), failure, kind, ..CallRecord::default() }
    }

    #[test]
    fn a_line_is_expected_to_be_what_its_modems_say_or_what_it_was() {
        let worked = |records: Vec<CallRecord>| {
            Worked::of(&records.into_iter().map(|record| call(1, record)).collect::<Vec<_>>(), now())
        };
        let nothing = worked(vec![]);
        assert_eq!(nothing, Worked::default());
        assert_eq!(nothing.expected(None, None), Expected::default());
        assert_eq!(
            nothing.expected(Some(120), Some(false)),
            Expected { rate: Some(120), bytes_per_error: 5000 }
        );
        assert_eq!(nothing.expected(Some(3420), Some(true)).bytes_per_error, 100_000);

        let noisy = worked(vec![no_start('i'), good('i', 100_000, 50, pace(None, None))]);
        assert_eq!(noisy.expected(None, None), Expected { rate: Some(1000), bytes_per_error: 2000 });
        assert_eq!(
            noisy.expected(Some(240), Some(false)),
            Expected { rate: Some(240), bytes_per_error: 2000 }
        );
        assert_eq!(noisy.expected(None, Some(true)).bytes_per_error, 100_000, "the modems see to it now");
        let by_g = worked(vec![good('g', 100_000, 50, pace(Some(120), Some(false)))]);
        assert_eq!(by_g.expected(None, None), Expected { rate: Some(120), bytes_per_error: 7692 });
        let clean = worked(vec![good('i', 20_000, 0, pace(None, Some(false)))]);
        assert_eq!(clean.expected(None, Some(false)).bytes_per_error, 100_000);
        let hopeless = worked(vec![good('i', 20_000, 9000, pace(None, None))]);
        assert_eq!(hopeless.expected(None, None).bytes_per_error, 400);
        let short =
            worked(vec![good('i', 300, 9, pace(None, None)), good('i', 9000, 9, pace(None, Some(true)))]);
        assert_eq!(short.expected(None, None), Expected { rate: Some(90), ..Expected::default() });
    }

    #[test]
    fn a_protocol_that_does_not_get_through_is_tried_after_the_others_for_a_week() {
        let order = |calls: &[(i64, CallRecord)]| {
            let past: Vec<_> = calls.iter().map(|(ago, record)| call(*ago, record.clone())).collect();
            Worked::of(&past, now()).order("igGj")
        };
        let fine = |protocol| good(protocol, 9000, 0, pace(None, None));
        assert_eq!(order(&[]), "igGj");
        assert_eq!(order(&[(1, no_start('i'))]), "igGj", "once may happen to anybody");
        assert_eq!(order(&[(1, no_start('i')), (2, no_start('i'))]), "gGji");
        assert_eq!(order(&[(1, fine('g')), (2, no_start('i')), (3, no_start('i'))]), "gGji", "g it is");
        assert_eq!(order(&[(1, no_start('i')), (2, fine('i')), (3, no_start('i'))]), "igGj");
        assert_eq!(order(&[(1, fine('g')), (200, no_start('i')), (201, no_start('i'))]), "igGj");
        let both = [(1, no_start('g')), (2, no_start('g')), (3, no_start('i')), (4, no_start('i'))];
        assert_eq!(order(&both), "Gjig", "the older failure first");
    }

    #[tokio::test]
    async fn what_worked_is_known_after_a_restart_for_its_own_line_and_system() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), clock::wall()).await.unwrap();
        let record = good('i', 100_000, 50, pace(Some(240), Some(false)));
        for (line, record) in [("modem", record), ("other", good('i', 100_000, 0, pace(Some(3420), None)))] {
            let began = clock::wall();
            let new =
                NewCall { system: "polux".parse().unwrap(), line: line.to_owned(), outgoing: true, began };
            let lease = spool.call_began(new, Duration::from_secs(60)).await.unwrap();
            spool.call_ended(lease, began, record).await.unwrap();
        }
        spool.close().await;
        let spool = Spool::open(folder.path(), clock::wall()).await.unwrap();
        let on = async |system: &str, line: &str| {
            Worked::on(&spool, &system.parse().unwrap(), line).await.unwrap().expected(None, None)
        };
        assert_eq!(on("polux", "modem").await, Expected { rate: Some(240), bytes_per_error: 2000 });
        assert_eq!(on("polux", "other").await, Expected { rate: Some(3420), bytes_per_error: 100_000 });
        assert_eq!(on("castor", "modem").await, Expected::default());
    }
}
