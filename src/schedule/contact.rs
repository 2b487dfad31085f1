//! When a system is to be in contact, if all goes well: by this it is told what was missed.

use super::retry::later;
use super::{Plan, Soon};
use crate::job::Grade;
use jiff::{SignedDuration, Zoned};
use std::time::Duration;

/// Where nothing says when a system is called, or it calls us, it is expected once a day.
const EXPECTED: Duration = Duration::from_secs(24 * 3600);
/// How finely the end of the hours is looked for, and up to when: hours that go on for longer have no end worth waiting for.
const STEP: SignedDuration = SignedDuration::from_mins(15);
const STEPS: usize = 24 * 4;

impl Plan {
    /// The scheduled contacts of a system for which work of this grade waits from a moment on: that moment itself, if such work is
    /// called for at once and it may be called then. After a contact that was missed the next one is the next poll, or in the next
    /// hours in which it may be called; attempts within the same hours are one contact.
    pub fn contacts(&self, grade: Grade, from: &Zoned) -> impl Iterator<Item = Zoned> {
        let first = match self.calls_for(grade) {
            true => self.times.next_open(grade, from),
            false => self.contact_after(grade, from),
        };
        std::iter::successors(first, move |contact| self.contact_after(grade, contact))
    }

    /// Work of this grade is a reason to call, without a limit that it may never reach.
    fn calls_for(&self, grade: Grade) -> bool {
        self.call_for.iter().any(|rule| grade <= rule.worst && !matches!(rule.soon, Soon::After(_)))
    }

    fn contact_after(&self, grade: Grade, moment: &Zoned) -> Option<Zoned> {
        let after = |wait| later(moment.timestamp(), wait).to_zoned(moment.time_zone().clone());
        let polls = self.every.map(after).into_iter().chain(self.at.next(moment));
        let hours = self.calls_for(grade).then(|| match self.hours_end(grade, moment) {
            Some(end) => end,
            None => after(self.retry.max),
        });
        let next = polls.chain(hours).min().unwrap_or_else(|| after(EXPECTED));
        self.times.next_open(grade, &next).filter(|open| open > moment)
    }

    /// When the hours end in which a moment lies, if they do within a day.
    fn hours_end(&self, grade: Grade, moment: &Zoned) -> Option<Zoned> {
        let steps = std::iter::successors(Some(moment.clone()), |at| at.checked_add(STEP).ok());
        steps.take(STEPS).find(|at| self.times.next_open(grade, at).as_ref() != Some(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{CallFor, PollTimes, Times, Timetables};

    fn contacts(plan: &Plan, from: &str) -> Vec<String> {
        let from = from.parse().unwrap();
        let shown = |contact: Zoned| contact.strftime("%a %H:%M").to_string();
        plan.contacts(Grade::MAIL, &from).take(3).map(shown).collect()
    }

    fn hours(text: &str) -> Times {
        Timetables::default().read(text).unwrap().into()
    }

    #[test]
    fn contacts_are_polls_hours_or_days() {
        let friday = "2026-11-27T18:00[Europe/Berlin]";
        let any = Plan::default();
        assert_eq!(contacts(&any, friday), ["Sat 18:00", "Sun 18:00", "Mon 18:00"]);
        let at: PollTimes = PollTimes::new(vec!["02:30".parse().unwrap()]);
        let daily = Plan { at, ..Plan::default() };
        assert_eq!(contacts(&daily, friday), ["Sat 02:30", "Sun 02:30", "Mon 02:30"]);
        let call_for = vec![CallFor { worst: Grade::WORST, soon: Soon::AtOnce }];
        let at_once = Plan { call_for: call_for.clone(), ..Plan::default() };
        assert_eq!(contacts(&at_once, friday), ["Fri 18:00", "Fri 19:00", "Fri 20:00"]);
        let by_night = Plan { times: hours("Any2300-0600"), call_for: call_for.clone(), ..Plan::default() };
        assert_eq!(contacts(&by_night, friday), ["Fri 23:00", "Sat 23:00", "Sun 23:00"]);
        let never = Plan { times: hours("Never"), call_for, ..Plan::default() };
        assert!(contacts(&never, friday).is_empty());
    }
}
