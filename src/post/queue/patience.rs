//! How long a sender waits before he is told something: the second clock of a delivery. The first one, when it is tried, is
//! [`super::retry`], and for a neighbour the schedule of its calls.

use crate::job::{Grade, SystemName};
use crate::schedule::Plan;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The third contact that comes and goes: two were missed, and it could not have been told earlier than in the next hours.
const MISSED: usize = 2;

/// What a site may set about it.
#[derive(Debug, Clone)]
pub struct Patience {
    /// The sender hears that it takes longer after this; by default 4 h, the customary `delay_warning_time`. Mail for a neighbour
    /// waits for two missed contacts too. Setting `warn-after`.
    pub warn: SignedDuration,
    /// What is tried again and again is given up after this; by default 4 days, as the reference site has it. Setting
    /// `bounce-after` in [queue].
    pub give_up: SignedDuration,
    /// The neighbours that have hours, polls or patience of their own.
    pub links: BTreeMap<SystemName, Link>,
    /// That of their hours.
    pub zone: TimeZone,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            warn: SignedDuration::from_hours(4),
            give_up: SignedDuration::from_hours(4 * 24),
            links: BTreeMap::new(),
            zone: TimeZone::UTC,
        }
    }
}

/// A neighbour that mail waits for.
#[derive(Debug, Clone)]
pub struct Link {
    /// When it is called.
    pub plan: Plan,
    /// Mail for it is given up after this. Setting `bounce-after` of a system.
    pub give_up: SignedDuration,
}

impl Default for Link {
    /// It comes when it comes, and has 7 days.
    fn default() -> Link {
        Link { plan: Plan::default(), give_up: SignedDuration::from_hours(7 * 24) }
    }
}

/// When the sender of a delivery is told what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// That it takes longer; None: it is given up before that.
    pub warn: Option<Timestamp>,
    /// That it was given up.
    pub give_up: Timestamp,
}

impl Patience {
    /// When it is looked at for the first time whether somebody has to be told about something that is accepted now.
    pub fn first_look(&self, now: Timestamp) -> Option<Timestamp> {
        now.checked_add(self.warn.min(self.give_up)).ok()
    }

    /// When the sender of something that was accepted then is told about it.
    pub fn terms(&self, transport: &str, site: &str, accepted: Timestamp) -> Terms {
        let after = |wait| accepted.checked_add(wait).unwrap_or(Timestamp::MAX);
        let soonest = after(self.warn);
        let (warn, give_up) = match transport {
            "uux" | "uusmtp" | "queueonly" => {
                let usual = Link::default();
                // What is kept says the transport before the site.
                let site = site.rsplit(' ').next().unwrap_or(site);
                let named = site.parse::<SystemName>().ok().and_then(|system| self.links.get(&system));
                let link = named.unwrap_or(&usual);
                let from = accepted.to_zoned(self.zone.clone());
                let third = link.plan.contacts(Grade::MAIL, &from).nth(MISSED);
                (third.map(|contact| contact.timestamp().max(soonest)), after(link.give_up))
            }
            _ => (Some(soonest), after(self.give_up)),
        };
        Terms { warn: warn.filter(|warn| *warn < give_up), give_up }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::PollTimes;

    fn hours(terms: Terms) -> (Option<i64>, i64) {
        let hours = |at: Timestamp| at.duration_since(Timestamp::UNIX_EPOCH).as_hours();
        (terms.warn.map(hours), hours(terms.give_up))
    }

    #[test]
    fn a_host_has_four_days_and_a_neighbour_two_missed_contacts_and_a_week() {
        let mut patience = Patience::default();
        let at = PollTimes::new(vec!["06:00".parse().unwrap()]);
        let polled = Link { plan: Plan { at, ..Plan::default() }, ..Link::default() };
        let hurried = Link { give_up: SignedDuration::from_hours(24), plan: Plan::default() };
        patience.links.insert("polled".parse().unwrap(), polled);
        patience.links.insert("hurried".parse().unwrap(), hurried);
        let terms = |transport, site| hours(patience.terms(transport, site, Timestamp::UNIX_EPOCH));
        assert_eq!(terms("smtp", "far.example"), (Some(4), 96));
        assert_eq!(terms("local", "jan"), (Some(4), 96));
        assert_eq!(
            terms("uux", "polled"),
            (Some(54), 168),
            "at 6 h, 30 h nobody came, and at 54 h it is said"
        );
        assert_eq!(terms("uusmtp", "other"), (Some(72), 168), "nobody knows when it calls: once a day");
        assert_eq!(terms("queueonly", "uux polled"), (Some(54), 168));
        assert_eq!(terms("uux", "hurried"), (None, 24));
    }
}
