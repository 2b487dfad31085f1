//! `redial` of a `[[system]]`: how long it, or its number, is left alone after failures of some kinds.

use super::section::Section;
use super::units::duration;
use crate::schedule::{Redial, Retry};
use std::time::Duration;

/// No exchange is called again sooner.
const LEAST_PAUSE: Duration = Duration::from_secs(5);
/// A person is not called again sooner by a machine.
const LEAST_PEACE: Duration = Duration::from_secs(3600);
/// The most attempts in a row at one number that the rules of European countries allow.
const MOST_ATTEMPTS: u32 = 15;

/// Reads the table `redial`; what it does not say is as usual.
pub fn read(section: &mut Section<'_>) -> Redial {
    let usual = Redial::default();
    let Some(mut table) = section.section("redial") else { return usual };
    let mut wait = |key, usual: Retry, least| {
        let first = table.value(key, |text| at_least(text, least)).unwrap_or(usual.first);
        let max = if usual.first == usual.max { first } else { usual.max.max(first) };
        Retry { first, max, ..usual }
    };
    let mut redial = Redial {
        busy: wait("busy", usual.busy, LEAST_PAUSE),
        person: wait("person", usual.person, LEAST_PEACE),
        delayed: wait("delayed", usual.delayed, LEAST_PAUSE),
        blacklisted: wait("blacklisted", usual.blacklisted, LEAST_PAUSE),
        login: wait("login", usual.login, LEAST_PAUSE),
        ..usual
    };
    let mut attempts = |key, usual| table.count(key, 1..=MOST_ATTEMPTS).unwrap_or(usual);
    redial.busy_attempts = attempts("busy-attempts", usual.busy_attempts);
    redial.person_attempts = attempts("person-attempts", usual.person_attempts);
    table.finish();
    redial
}

fn at_least(text: &str, least: Duration) -> Result<Duration, String> {
    let wait = duration(text)?;
    if wait >= least { Ok(wait) } else { Err(format!("write \"{} s\" or more", least.as_secs())) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, titles};
    use super::super::{Kind, Rule};
    use super::*;

    const SITE: &str = r#"[node]
name = "barberouge"
[[line]]
name = "modem"
type = "serial"
device = "/dev/ttyS0"
[[system]]
name = "polux"
line = "modem"
number = "1234"
[system.redial]
busy = "2 min"
busy-attempts = 4
person = "2 days"
person-attempts = 2
login = "3 h"
"#;

    #[test]
    fn a_system_says_how_it_is_dialled_again() {
        let (config, findings) = read(SITE);
        assert_eq!(findings.render(false), "");
        let config = config.unwrap();
        let redial = config.station().systems[0].plan.redial;
        let waits = |retry: Retry| [1, 2, 9].map(|times| retry.wait(times).as_secs() / 60);
        assert_eq!((waits(redial.busy), redial.busy_attempts), ([2, 2, 2], 4));
        assert_eq!((waits(redial.person), redial.person_attempts), ([2880, 2880, 2880], 2));
        assert_eq!(waits(redial.login), [180, 360, 1440]);
        assert_eq!(
            (redial.delayed, redial.blacklisted),
            (Redial::default().delayed, Redial::default().blacklisted)
        );
        let rule = config.rules.find(Kind::System, "polux", "redial.busy");
        let file = "/tmp/site/uugate.toml".to_owned();
        assert_eq!(rule, Some(Rule { file, line: 12, key: "redial.busy".to_owned() }));
    }

    #[test]
    fn what_no_exchange_or_person_would_bear_is_refused() {
        let wrong = SITE
            .replace("2 min", "1 s")
            .replace("busy-attempts = 4", "busy-attempts = 40")
            .replace("2 days", "10 min")
            .replace("login", "logins");
        assert_eq!(
            titles(&read(&wrong).1),
            [
                "12:8 wrong `busy` in [redial]",
                "13:17 `busy-attempts` is out of range in [redial]",
                "14:10 wrong `person` in [redial]",
                "16:1 unknown key `logins` in [redial]",
            ]
        );
    }
}
