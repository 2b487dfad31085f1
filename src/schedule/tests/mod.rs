//! The manual's examples, and days of odd length.

mod cost;
mod month;
mod plan;
mod redial;
mod trust;

use super::*;
use crate::job::Grade;
use jiff::{SignedDuration, Timestamp, Zoned};
use proptest::prelude::*;
use std::time::Duration;

fn at(text: &str) -> Zoned {
    text.parse().unwrap()
}

/// A moment of the week that begins on Sunday, 2026-11-22, in UTC.
fn utc(day: &str, time: &str) -> Zoned {
    let date = match day {
        "Su" => "2026-11-22",
        "Mo" => "2026-11-23",
        "Fr" => "2026-11-27",
        "Sa" => "2026-11-28",
        _ => panic!("no such day here"),
    };
    at(&format!("{date}T{time}[UTC]"))
}

fn windows(text: &str) -> Windows {
    text.parse().unwrap()
}

fn grade(letter: char) -> Grade {
    Grade::new(letter).unwrap()
}

#[test]
fn the_manuals_night_rates_are_read_as_it_explains_them() {
    let night = windows("Wk2305-0855,Sa,Su2305-1655");
    for (day, time, open) in [
        ("Mo", "08:54", true),
        ("Mo", "08:55", false),
        ("Mo", "23:04:59", false),
        ("Mo", "23:05", true),
        ("Fr", "23:59:59", true),
        ("Sa", "12:00", true),
        ("Su", "16:54", true),
        ("Su", "16:55", false),
        ("Su", "23:05", true),
    ] {
        assert_eq!(night.open_at(&utc(day, time)), open, "{day} {time}");
    }
}

#[test]
fn any_is_always_open_and_never_is_not() {
    assert!(windows("Any").open_at(&utc("Su", "00:00")));
    assert_eq!(windows("Any"), Windows::any());
    assert_eq!(windows("Never").next_open(&utc("Su", "00:00")), None);
    assert_eq!(windows("Never"), Windows::never());
}

#[test]
fn lists_bars_commas_and_several_days_are_read() {
    assert_eq!(windows("Mo|Fr0800-0900"), windows("mo,fr0800-0900"));
    assert!(windows("MoFr0800-1200").open_at(&utc("Fr", "11:59")));
    assert!(!windows("MoFr0800-1200").open_at(&utc("Sa", "11:59")));
    assert!(windows("Any0000-2400").open_at(&utc("Sa", "23:59")));
}

#[test]
fn hours_with_a_name_stand_where_days_do() {
    assert_eq!(windows("Night"), windows("Wk2305-0755,Sa,Su2305-1655"));
    assert_eq!(windows("evening|Mo1200-1300"), windows("Wk1705-0755,Sa,Su,Mo1200-1300"));
    let mut tables = Timetables::default();
    tables.define("Cheap", windows("Any2200-0600"));
    assert_eq!(tables.read("cheap,Su").unwrap(), windows("Any2200-0600,Su"));
    tables.define("Night", windows("Any0000-0500"));
    assert_eq!(tables.read("Night").unwrap(), windows("Any0000-0500"), "a name may get other hours");
    assert!("Cheap".parse::<Windows>().is_err() && tables.read("Cheap0100-0200").is_err());
}

#[test]
fn what_is_no_time_string_is_refused_at_its_place() {
    for (text, at) in
        [("", 0), ("Any,", 3), ("Wk0800", 2), ("Wk0860-0900", 2), ("Wk2401-0100", 2), ("Xy", 0), ("Any ", 3)]
    {
        let error = text.parse::<Windows>().expect_err(text);
        assert_eq!(error.at, at, "{text}");
        assert!(error.to_string().contains(text));
    }
}

#[test]
fn the_next_opening_is_found_over_days_and_weeks() {
    let office = windows("Wk0800-1800");
    assert_eq!(office.next_open(&utc("Mo", "12:00:30")), Some(utc("Mo", "12:00:30")));
    assert_eq!(office.next_open(&utc("Su", "12:00:30.5")), Some(utc("Mo", "08:00")));
    assert_eq!(windows("Su0100-0200").next_open(&utc("Su", "02:00")), Some(at("2026-11-29T01:00[UTC]")));
}

#[test]
fn a_window_in_the_hour_that_summer_time_skips_opens_with_what_is_left_of_it() {
    // On 2026-03-29 the clock goes from 02:00 to 03:00.
    let before = at("2026-03-29T01:30[Europe/Berlin]");
    let opened = windows("Su0230-0400").next_open(&before).unwrap();
    assert_eq!(opened, at("2026-03-29T03:00[Europe/Berlin]"));
    let skipped = windows("Su0210-0250").next_open(&before).unwrap();
    assert_eq!(skipped, at("2026-04-05T02:10[Europe/Berlin]"));
}

#[test]
fn a_window_in_the_hour_that_is_repeated_opens_twice() {
    let first = at("2026-10-25T02:29+02:00[Europe/Berlin]");
    let window = windows("Su0230-0300");
    let opened = window.next_open(&first).unwrap();
    assert_eq!(opened, at("2026-10-25T02:30+02:00[Europe/Berlin]"));
    let closed = at("2026-10-25T02:00+01:00[Europe/Berlin]");
    assert!(!window.open_at(&closed));
    assert_eq!(window.next_open(&closed).unwrap(), at("2026-10-25T02:30+01:00[Europe/Berlin]"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        if let Err(error) = text.parse::<Windows>() {
            prop_assert!(error.at <= text.len());
        }
    }

    #[test]
    fn what_next_open_gives_is_open_and_nothing_before_it_is(
        start in 0u16..24, end in 0u16..24, day in 0usize..7, from in 0i64..10_000,
    ) {
        let day = ["Su", "Mo", "Tu", "We", "Th", "Fr", "Sa"][day];
        let windows = windows(&format!("{day}{start:02}00-{end:02}00"));
        let from = &utc("Su", "00:00") + SignedDuration::from_mins(from);
        let open = windows.next_open(&from).unwrap();
        prop_assert!(windows.open_at(&open));
        let before = &open - SignedDuration::from_secs(1);
        prop_assert!(open == from || !windows.open_at(&before));
    }
}

#[test]
fn the_largest_file_goes_by_the_hour() {
    let limits = SizeLimits::new(vec![(1000, windows("Any0000-2200")), (100, windows("Wk0800-1800"))]);
    assert_eq!(limits.at(&utc("Mo", "08:00")), Some(100), "the smallest that is for the hour");
    assert_eq!(limits.at(&utc("Mo", "07:59")), Some(1000));
    assert_eq!(limits.at(&utc("Mo", "22:00")), None);
    let noon = utc("Mo", "12:00:30");
    assert_eq!(limits.next(100, &noon), Some(noon.clone()));
    assert_eq!(limits.next(101, &noon), Some(utc("Mo", "18:00")));
    assert_eq!(limits.next(1001, &noon), Some(utc("Mo", "22:00")));
    assert_eq!(limits.ever(), None);
    assert_eq!(limits.classes(), [(100, Some(1000)), (1000, None)]);

    let always = SizeLimits::new(vec![(100, windows("Wk")), (1000, windows("Any"))]);
    assert_eq!(always.ever(), Some(1000));
    assert_eq!(always.next(1001, &noon), None);
    assert_eq!((SizeLimits::default().at(&noon), SizeLimits::default().ever()), (None, None));
    let sizes = Sizes { call_local: always, ..Sizes::default() };
    assert_eq!((sizes.local_ever(), sizes.local(true).ever()), (None, Some(1000)), "it may call us for it");
}
