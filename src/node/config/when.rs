//! When a system is called: keys of a `[[system]]`. Names and meaning are those of Taylor UUCP, where it has them.

use super::redial;
use super::section::Section;
use super::units::{duration, size};
use crate::job::Grade;
use crate::schedule::{CallFor, CallHours, Plan, PollTimes, Soon, Times, Timetables, Windows};
use jiff::{SignedDuration, Zoned};
use std::time::Duration;

/// The most failed calls that are counted.
const MOST_RETRIES: u32 = 500;

/// The shortest wait between two calls.
const LEAST_WAIT: Duration = Duration::from_secs(60);

/// Reads `times`, `poll`, `poll-at`, `call-for`, `max-retries`, `redial` and `success-wait`.
pub fn read(section: &mut Section<'_>, tables: &Timetables) -> Plan {
    let usual = Plan::default();
    let times = section.list("times", |text| call_hours(text, tables));
    let plan = Plan {
        times: times.map_or(usual.times, Times::new),
        every: section.value("poll", duration),
        at: section.list("poll-at", poll_time).map(PollTimes::new).unwrap_or_default(),
        call_for: section.list("call-for", call_for).unwrap_or_default(),
        retry: usual.retry,
        redial: redial::read(section),
        max_retries: section.count("max-retries", 1..=MOST_RETRIES).unwrap_or(usual.max_retries),
        success_wait: section.value("success-wait", duration).unwrap_or(usual.success_wait),
    };
    if plan.every.is_some_and(|poll| poll < LEAST_WAIT) {
        section.wrong(
            "poll",
            "a poll every few seconds would hold the line for ever",
            "write \"1 min\" or more",
        );
    }
    if let Some(closed) = closed_poll(&plan) {
        section.doubtful(
            "poll-at",
            format!(
                "at {} it may not be called: it is called when its hours begin",
                closed.strftime("%a %H:%M")
            ),
            "add the time to `times`",
        );
    }
    plan
}

/// The first poll of a week that is outside of all hours.
fn closed_poll(plan: &Plan) -> Option<Zoned> {
    // Any week without a change of the clock: it begins on a Sunday.
    let begin = jiff::civil::date(2026, 11, 21).at(23, 59, 59, 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    let end = begin.checked_add(SignedDuration::from_hours(7 * 24)).ok()?;
    let polls = std::iter::successors(plan.at.next(&begin), |poll| plan.at.next(poll));
    let is_open = |poll: &Zoned| plan.times.worst_at(poll).is_some_and(|worst| worst >= plan.times.worst());
    polls.take_while(|poll| *poll <= end).find(|poll| !is_open(poll))
}

/// Hours, with a grade in front if they are for work of that grade or better alone, and the wait after a failed call behind.
fn call_hours(text: &str, tables: &Timetables) -> Result<CallHours, String> {
    let hint = "write days and hours, as \"Any\" or \"Wk2300-0800\"; with a grade, as \"C Wk0800-1800\"; with the wait after \
                a failed call, as \"Any retry 15 min\"";
    let (hours, retry) = match text.split_once(" retry ") {
        Some((hours, wait)) => (hours, Some(wait_of(wait)?)),
        None => (text, None),
    };
    let (worst, hours) = match hours.split_once(' ') {
        Some((letter, hours)) => (grade(letter).ok_or(hint)?, hours.trim_start()),
        None => (Grade::WORST, hours),
    };
    Ok(CallHours { windows: windows(hours, tables)?, worst, retry })
}

fn poll_time(text: &str) -> Result<crate::schedule::PollTime, String> {
    text.parse().map_err(|error: crate::schedule::PollTimeError| error.to_string())
}

/// A grade, and how soon its work is called for.
fn call_for(text: &str) -> Result<CallFor, String> {
    let hint = "write a grade, as \"C\", if its work is called for at once, or with a limit, as \"Z every 30 min\" or \"Z after 64 KiB\"";
    let (letter, limit) = text.split_once(' ').unwrap_or((text, ""));
    let worst = grade(letter).ok_or(hint)?;
    let soon = match limit.trim().split_once(' ') {
        None if limit.is_empty() => Soon::AtOnce,
        Some(("every", wait)) => Soon::Every(wait_of(wait)?),
        Some(("after", bytes)) => Soon::After(size(bytes)?),
        _ => return Err(hint.into()),
    };
    Ok(CallFor { worst, soon })
}

/// Between two calls.
fn wait_of(text: &str) -> Result<Duration, String> {
    let wait = duration(text)?;
    if wait >= LEAST_WAIT {
        Ok(wait)
    } else {
        Err("write \"1 min\" or more: the line is not for this alone".into())
    }
}

fn grade(letter: &str) -> Option<Grade> {
    letter.parse::<char>().ok().and_then(Grade::new)
}

/// A time string.
pub fn windows(text: &str, tables: &Timetables) -> Result<Windows, String> {
    tables.read(text).map_err(|error| format!("{error}, or the name of a timetable"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, titles};
    use crate::job::Grade;
    use crate::schedule::{CallFor, Soon};
    use std::time::Duration;

    const SITE: &str = r#"[node]
name = "barberouge"
time-zone = "Europe/Berlin"
[timetable]
cheap = "Any2200-0600"
Night = "cheap,Su"
[[line]]
name = "modem"
type = "serial"
device = "/dev/ttyS0"
[[system]]
name = "polux"
line = "modem"
number = "1234"
times = ["cheap", "C Wk0600-2200 retry 15 min"]
poll-at = ["02:30", "Sa 23:00"]
call-for = ["C", "N every 30 min", "z after 64 KiB"]
max-retries = 5
success-wait = "10 min"
call-timegrade = "Z night"
call-local-size = "1 MiB NonPeak"
"#;

    #[test]
    fn a_system_says_when_it_is_called() {
        let (config, findings) = read(SITE);
        assert_eq!(findings.render(false), "");
        let config = config.unwrap();
        let station = config.station();
        assert_eq!(station.zone.iana_name(), Some("Europe/Berlin"));
        let plan = &station.systems[0].plan;
        let grade = |letter| Grade::new(letter).unwrap();
        let moment = |time: &str| format!("2026-11-23T{time}[Europe/Berlin]").parse().unwrap();
        assert_eq!(plan.times.worst_at(&moment("23:00")), Some(Grade::WORST));
        assert_eq!(plan.times.worst_at(&moment("12:00")), Some(grade('C')));
        assert_eq!(plan.times.retry_at(&moment("12:00")), Some(Duration::from_secs(900)));
        assert_eq!(plan.at.next(&moment("02:30")), Some("2026-11-24T02:30[Europe/Berlin]".parse().unwrap()));
        let rule = |letter, soon| CallFor { worst: grade(letter), soon };
        let half_an_hour = Soon::Every(Duration::from_secs(1800));
        let rules = [rule('C', Soon::AtOnce), rule('N', half_an_hour), rule('z', Soon::After(64 << 10))];
        assert_eq!(plan.call_for, rules);
        assert_eq!((plan.max_retries, plan.success_wait), (5, Duration::from_secs(600)));
        let polux = &config.call_node().systems[&station.systems[0].name];
        let sunday = "2026-11-22T12:00[Europe/Berlin]".parse().unwrap();
        assert_eq!(polux.call_grades.at(&sunday), Some(grade('Z')), "a name that was given other hours");
        assert_eq!(polux.sizes.call_local.at(&sunday), Some(1 << 20));
        assert_eq!(polux.times, plan.times);
    }

    #[test]
    fn what_is_wrong_about_it_is_said_with_its_place() {
        let wrong = SITE
            .replace("Europe/Berlin", "Europe/Atlantis")
            .replace("cheap = \"Any", "Any = \"Any")
            .replace("C Wk0600-2200 retry", "CC Wk0600-2200 retry")
            .replace("Sa 23:00", "Sa 23")
            .replace("N every 30 min", "N often")
            .replace("max-retries = 5", "max-retries = 0");
        assert_eq!(
            titles(&read(&wrong).1),
            [
                "3:13 wrong `time-zone` in [node]",
                "5:1 `Any` cannot be the name of a timetable",
                "6:9 wrong `Night` in [timetable]",
                "15:10 wrong `times` in [[system]]",
                "15:19 wrong `times` in [[system]]",
                "16:21 wrong `poll-at` in [[system]]",
                "17:18 wrong `call-for` in [[system]]",
                "18:15 `max-retries` is out of range in [[system]]",
            ]
        );
        let by_day = SITE.replace("\"02:30\"", "\"12:30\"");
        let (config, findings) = read(&by_day);
        assert!(config.is_some());
        assert_eq!(
            titles(&findings),
            ["16:11 at Sun 12:30 it may not be called: it is called when its hours begin"]
        );
    }
}
