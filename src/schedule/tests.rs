//! The manual's examples, days of odd length, and the plans of polls.

use super::*;
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

#[test]
fn the_retry_clock_grows_to_its_limit_and_gives_up_by_number() {
    let retry =
        Retry { first: Duration::from_secs(60), factor: 2, max: Duration::from_secs(600), give_up: Some(6) };
    let waits: Vec<u64> = (0..=6).map(|failures| retry.wait(failures).as_secs()).collect();
    assert_eq!(waits, [0, 60, 120, 240, 480, 600, 600]);
    let last = Timestamp::UNIX_EPOCH;
    assert_eq!(retry.next(5, last), Some(last + SignedDuration::from_secs(600)));
    assert_eq!(retry.next(6, last), None);
    assert_eq!(retry.wait(u32::MAX), Duration::from_secs(600), "no overflow");
}

fn plan(every: Option<u64>) -> Plan {
    Plan { every: every.map(Duration::from_secs), ..Plan::default() }
}

fn seconds(moment: &Zoned, after: i64) -> Due {
    Due::At(moment.timestamp() + SignedDuration::from_secs(after))
}

#[test]
fn without_a_reason_nobody_is_called() {
    assert_eq!(next_call(&utc("Mo", "12:00"), &plan(None), &History::default()), None);
}

#[test]
fn a_poll_is_due_at_once_and_then_every_so_often() {
    let now = utc("Mo", "12:00");
    let first = next_call(&now, &plan(Some(900)), &History::default()).unwrap();
    assert_eq!((first.due, first.why), (seconds(&now, 0), Why::Poll));
    let history = History { last: Some(now.timestamp()), ..History::default() };
    assert_eq!(next_call(&now, &plan(Some(900)), &history).unwrap().due, seconds(&now, 900));
}

#[test]
fn a_failed_call_is_tried_again_by_the_retry_clock_and_a_new_wish_hurries_it() {
    let now = utc("Mo", "12:00");
    let mut history =
        History { last: Some(now.timestamp()), failures: 4, wished: None, at_once: false, calls_back: false };
    let next = next_call(&now, &plan(None), &history).unwrap();
    assert_eq!((next.due, next.why), (seconds(&now, 480), Why::Retry));
    history.wished = Some(now.timestamp() - SignedDuration::from_secs(5));
    assert_eq!(next_call(&now, &plan(None), &history).unwrap().due, seconds(&now, 480), "tried before");
    history.wished = Some(now.timestamp() + SignedDuration::from_secs(5));
    let next = next_call(&now, &plan(None), &history).unwrap();
    assert_eq!((next.due, next.why), (seconds(&now, 60), Why::Wish));
}

#[test]
fn after_giving_up_only_a_new_wish_calls_again() {
    let now = utc("Mo", "12:00");
    let plan = Plan { retry: Retry { give_up: Some(3), ..Retry::default() }, ..Plan::default() };
    let mut history =
        History { last: Some(now.timestamp()), failures: 3, wished: None, at_once: false, calls_back: false };
    assert_eq!(next_call(&now, &plan, &history).unwrap().due, Due::GivenUp);
    history.wished = Some(now.timestamp());
    assert_eq!(next_call(&now, &plan, &history).unwrap().due, Due::GivenUp, "it was tried");
    let polled = Plan { every: Some(Duration::from_secs(900)), ..plan.clone() };
    assert!(matches!(next_call(&now, &polled, &history).unwrap().due, Due::At(_)), "polls go on");
    history.wished = Some(now.timestamp() + SignedDuration::from_secs(120));
    assert_eq!(next_call(&now, &plan, &history).unwrap().due, seconds(&now, 120));
}

#[test]
fn an_urgent_wish_does_not_wait_for_the_retry_clock() {
    let now = utc("Mo", "12:00");
    let plan = Plan { retry: Retry { give_up: Some(3), ..Retry::default() }, ..Plan::default() };
    for failures in [1, 3] {
        let last = Some(now.timestamp());
        let wished = Some(now.timestamp() + SignedDuration::from_secs(1));
        let history = History { last, failures, wished, at_once: true, calls_back: false };
        let next = next_call(&now, &plan, &history).unwrap();
        assert_eq!((next.due, next.why), (seconds(&now, 1), Why::Wish));
        let tried = next_call(&now, &plan, &History { wished: last, ..history }).unwrap();
        assert_ne!(tried.due, seconds(&now, 0), "once at once, not for ever");
    }
}

#[test]
fn a_call_back_that_was_promised_is_waited_for() {
    let now = utc("Mo", "12:00");
    let wished = |after| Some(now.timestamp() + SignedDuration::from_secs(after));
    let promised =
        History { last: Some(now.timestamp()), failures: 1, wished: None, at_once: false, calls_back: true };
    for history in [
        promised,
        History { wished: wished(-1), at_once: true, ..promised },
        History { wished: wished(1), ..promised },
    ] {
        assert_eq!(next_call(&now, &plan(None), &history).unwrap().due, seconds(&now, 600));
    }
    let urgent = History { wished: wished(1), at_once: true, ..promised };
    assert_eq!(next_call(&now, &plan(None), &urgent).unwrap().due, seconds(&now, 1));
    // It never came: the retry clock goes on.
    let often = History { failures: 6, ..promised };
    assert_eq!(next_call(&now, &plan(None), &often).unwrap().due, seconds(&now, 1920));
}

#[test]
fn a_wish_waits_for_the_window() {
    let now = utc("Su", "12:00");
    let mut plan = Plan { windows: windows("Wk0800-1800"), ..Plan::default() };
    let history = History { wished: Some(now.timestamp()), ..History::default() };
    assert_eq!(next_call(&now, &plan, &history).unwrap().due, Due::At(utc("Mo", "08:00").timestamp()));
    plan.windows = Windows::never();
    assert_eq!(next_call(&now, &plan, &history).unwrap().due, Due::NoWindow);
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
