//! Who has tried to log in here with a wrong name or password, call after call, and how long it is not listened to. Calls are
//! those of telephones and of networks, by UUCP or by SMTP.

use crate::schedule::Retry;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// One call with wrong logins may happen to anybody.
const FORGIVEN: u32 = 1;
/// Callers that are remembered; beyond that the one that was here longest ago is forgotten.
const MOST: usize = 1000;
/// After so long without a wrong login all is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);

/// How a caller's login went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Welcome {
    /// It gave wrong names or passwords and no right one, be it that it hung up before it was sent away.
    Refused,
    Admitted,
    /// It did not come to that.
    Unknown,
}

/// Callers of one line, each by what it is known by: a number, an address.
#[derive(Debug)]
pub struct Guests {
    waits: Retry,
    refused: BTreeMap<String, (u32, Instant)>,
}

impl Guests {
    /// `longest`: no guest is kept waiting for longer after a call.
    pub fn new(longest: Duration) -> Guests {
        let waits = Retry { first: Duration::from_secs(5), factor: 2, max: longest };
        Guests { waits, refused: BTreeMap::new() }
    }

    /// A call of this guest is over.
    pub fn called(&mut self, now: Instant, guest: &str, welcome: Welcome) {
        match welcome {
            Welcome::Refused => self.refused(now, guest),
            Welcome::Admitted => self.admitted(guest),
            Welcome::Unknown => {}
        }
    }

    /// A call of this guest ended with a wrong login.
    pub fn refused(&mut self, now: Instant, guest: &str) {
        let before = self.count(now, guest);
        self.refused.insert(guest.to_owned(), (before.saturating_add(1), now));
        if self.refused.len() > MOST {
            let oldest = self.refused.iter().min_by_key(|(_, (_, at))| *at).map(|(guest, _)| guest.clone());
            oldest.and_then(|guest| self.refused.remove(&guest));
        }
    }

    /// It has logged in.
    pub fn admitted(&mut self, guest: &str) {
        self.refused.remove(guest);
    }

    /// How long this guest is not listened to yet.
    pub fn wait(&self, now: Instant, guest: &str) -> Duration {
        let Some((_, at)) = self.refused.get(guest) else { return Duration::ZERO };
        let wait = self.waits.wait(self.count(now, guest).saturating_sub(FORGIVEN));
        wait.saturating_sub(now.saturating_duration_since(*at))
    }

    /// Calls in a row that ended so.
    fn count(&self, now: Instant, guest: &str) -> u32 {
        let fresh = |(_, at): &&(u32, Instant)| now.saturating_duration_since(*at) < MEMORY;
        self.refused.get(guest).filter(fresh).map_or(0, |(count, _)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_waits_longer_and_longer_and_who_logs_in_does_not() {
        let mut now = crate::clock::now();
        let mut guests = Guests::new(Duration::from_secs(60));
        let mut waits = Vec::new();
        for _ in 0..6 {
            guests.refused(now, "5551");
            let wait = guests.wait(now, "5551");
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(guests.wait(now, "5551"), Duration::ZERO);
        }
        assert_eq!(waits, [0, 5, 10, 20, 40, 60]);
        assert_eq!(guests.wait(now, "5552"), Duration::ZERO);
        guests.admitted("5551");
        guests.refused(now, "5551");
        assert_eq!(guests.wait(now, "5551"), Duration::ZERO);
    }

    #[test]
    fn a_thousand_guesses_take_hours_and_a_bounded_memory() {
        let begin = crate::clock::now();
        let mut now = begin;
        let mut guests = Guests::new(Duration::from_secs(60));
        for _ in 0..1000 / 3 {
            guests.refused(now, "5551");
            now += guests.wait(now, "5551");
        }
        assert!(now - begin > Duration::from_secs(5 * 3600));
        (0..2000).for_each(|number| guests.refused(now, &number.to_string()));
        assert!(guests.refused.len() <= MOST);
        now += MEMORY;
        guests.refused(now, "1999");
        guests.refused(now, "1999");
        assert_eq!(guests.wait(now, "1999"), Duration::from_secs(5), "what was long ago is forgotten");
    }
}
