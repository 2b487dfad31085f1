//! Who is called next: polls, wishes, work, failures.

use super::*;

#[test]
fn the_retry_clock_grows_to_its_limit() {
    let retry = Retry { first: Duration::from_secs(60), factor: 2, max: Duration::from_secs(600) };
    let waits: Vec<u64> = (0..=6).map(|failures| retry.wait(failures).as_secs()).collect();
    assert_eq!(waits, [0, 60, 120, 240, 480, 600, 600]);
    let last = Timestamp::UNIX_EPOCH;
    assert_eq!(retry.next(5, last), last + SignedDuration::from_secs(600));
    assert_eq!(retry.wait(u32::MAX), Duration::from_secs(600), "no overflow");
}

#[test]
fn chance_makes_a_wait_a_little_longer_and_the_same_each_time() {
    let retry = Retry::default();
    let mut seen = std::collections::BTreeSet::new();
    for attempt in 1..40 {
        let chance = Chance::of("barberouge!polux", attempt);
        assert_eq!(chance, Chance::of("barberouge!polux", attempt));
        let (plain, spread) = (retry.wait(attempt), retry.wait_spread(attempt, chance));
        assert!(plain <= spread && spread <= plain * 5 / 4, "{plain:?} {spread:?}");
        seen.insert(spread.as_millis());
    }
    assert!(seen.len() > 30, "they differ");
    assert_ne!(Chance::of("a!polux", 1), Chance::of("b!polux", 1));
}

fn plan(every: Option<u64>) -> Plan {
    Plan { every: every.map(Duration::from_secs), ..Plan::default() }
}

fn seconds(moment: &Zoned, after: i64) -> Due {
    Due::At(moment.timestamp() + SignedDuration::from_secs(after))
}

/// A wish so many seconds after noon.
fn wish(now: &Zoned, after: i64, at_once: bool) -> Option<Wished> {
    let since = now.timestamp() + SignedDuration::from_secs(after);
    Some(Wished { since, grade: grade('C'), at_once, why: Why::Wish })
}

/// The last call was now, and so many have failed.
fn failed(now: &Zoned, failures: u32) -> History {
    History { last: Some(now.timestamp()), failures, ..History::default() }
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
    assert_eq!(next_call(&now, &plan(Some(900)), &failed(&now, 0)).unwrap().due, seconds(&now, 900));
}

#[test]
fn a_poll_at_a_time_of_the_day_is_due_at_the_next_of_them() {
    let times = ["06:00", "Wk 18:30"].map(|time| time.parse().unwrap());
    let plan = Plan { at: PollTimes::new(times.to_vec()), ..Plan::default() };
    let now = utc("Fr", "12:00");
    let at = |moment: &Zoned| next_call(moment, &plan, &failed(moment, 0)).unwrap();
    assert_eq!((at(&now).due, at(&now).why), (Due::At(utc("Fr", "18:30").timestamp()), Why::PollTime));
    assert_eq!(at(&utc("Fr", "18:30")).due, Due::At(utc("Sa", "06:00").timestamp()));
    assert_eq!(at(&utc("Sa", "06:00")).due, Due::At(at_("2026-11-29T06:00[UTC]")));
    let slept = next_call(&utc("Sa", "12:00"), &plan, &failed(&now, 0)).unwrap();
    assert_eq!(slept.due, Due::At(utc("Fr", "18:30").timestamp()), "what was missed is made up for");
    let never = next_call(&now, &plan, &History::default()).unwrap();
    assert_eq!(never.due, seconds(&now, 0), "it was never called");
    for wrong in ["6:00", "06:60", "24:00", "0600", "Xy 06:00", "Wk06:00", ""] {
        assert!(wrong.parse::<PollTime>().is_err(), "{wrong}");
    }
}

fn at_(text: &str) -> Timestamp {
    at(text).timestamp()
}

#[test]
fn a_time_of_the_day_comes_once_a_day_whatever_the_clock_does() {
    let times = ["02:30", "12:00"].map(|time| time.parse().unwrap());
    let polls = PollTimes::new(times.to_vec());
    for (before, skips) in
        [("2026-03-28T12:00[Europe/Berlin]", true), ("2026-10-24T12:00[Europe/Berlin]", false)]
    {
        let night = polls.next(&at(before)).unwrap();
        let noon = polls.next(&night).unwrap();
        let hour = if skips { "03:30" } else { "02:30" };
        assert_eq!(night.strftime("%H:%M").to_string(), hour);
        assert_eq!(noon.strftime("%H:%M").to_string(), "12:00", "the second half past two is none");
    }
}

#[test]
fn a_failed_call_is_tried_again_by_the_retry_clock_and_a_new_wish_hurries_it() {
    let now = utc("Mo", "12:00");
    let mut history = failed(&now, 4);
    let next = next_call(&now, &plan(None), &history).unwrap();
    assert_eq!((next.due, next.why, next.held), (seconds(&now, 480), Why::Retry, Some(Hold::Retry)));
    history.wish = wish(&now, -5, false);
    assert_eq!(next_call(&now, &plan(None), &history).unwrap().due, seconds(&now, 480), "tried before");
    history.wish = wish(&now, 5, false);
    let next = next_call(&now, &plan(None), &history).unwrap();
    assert_eq!((next.due, next.why), (seconds(&now, 60), Why::Wish));
}

#[test]
fn after_too_many_failures_there_is_a_call_a_day() {
    let now = utc("Mo", "12:00");
    let day = seconds(&now, 24 * 3600);
    let plan = Plan { every: Some(Duration::from_secs(900)), ..Plan::default() };
    assert_eq!(next_call(&now, &plan, &failed(&now, 25)).unwrap().due, seconds(&now, 3600));
    let next = next_call(&now, &plan, &failed(&now, 26)).unwrap();
    assert_eq!((next.due, next.held), (day, Some(Hold::OnceADay)));
    let asked = |after, at_once| {
        let history = History { wish: wish(&now, after, at_once), ..failed(&now, 26) };
        next_call(&now, &plan, &history).unwrap().due
    };
    assert_eq!(asked(120, false), day, "whatever comes meanwhile");
    assert_eq!(asked(120, true), seconds(&now, 120), "but for somebody who knows better");
    let fewer = Plan { max_retries: 3, ..plan.clone() };
    assert_eq!(next_call(&now, &fewer, &failed(&now, 3)).unwrap().due, day);
}

#[test]
fn an_urgent_wish_does_not_wait_for_the_retry_clock() {
    let now = utc("Mo", "12:00");
    for failures in [1, 30] {
        let history = History { wish: wish(&now, 1, true), ..failed(&now, failures) };
        let next = next_call(&now, &plan(None), &history).unwrap();
        assert_eq!((next.due, next.why), (seconds(&now, 1), Why::Wish));
        let tried = History { wish: wish(&now, 0, true), ..history };
        assert_ne!(next_call(&now, &plan(None), &tried).unwrap().due, seconds(&now, 0), "once at once");
    }
}

#[test]
fn a_call_back_that_was_promised_is_waited_for() {
    let now = utc("Mo", "12:00");
    let promised = History { calls_back: true, ..failed(&now, 1) };
    for wish in [None, wish(&now, -1, true), wish(&now, 1, false)] {
        let history = History { wish, ..promised.clone() };
        let next = next_call(&now, &plan(None), &history).unwrap();
        assert_eq!((next.due, next.held), (seconds(&now, 600), Some(Hold::CallBack)));
    }
    let urgent = History { wish: wish(&now, 1, true), ..promised.clone() };
    assert_eq!(next_call(&now, &plan(None), &urgent).unwrap().due, seconds(&now, 1));
    // It never came: the retry clock goes on.
    let often = History { failures: 6, ..promised };
    assert_eq!(next_call(&now, &plan(None), &often).unwrap().due, seconds(&now, 1920));
}

#[test]
fn a_line_that_another_program_has_is_waited_for() {
    let now = utc("Mo", "12:00");
    let plan = plan(Some(3600));
    let last = Some(now.timestamp() - SignedDuration::from_secs(3600));
    let taken = |times| History { last, line_taken: Some((now.timestamp(), times)), ..History::default() };
    for (times, wait) in [(1, 60), (2, 120), (9, 600)] {
        let next = next_call(&now, &plan, &taken(times)).unwrap();
        assert_eq!((next.due, next.why, next.held), (seconds(&now, wait), Why::Poll, Some(Hold::LineTaken)));
    }
    let urgent = History { wish: wish(&now, 1, true), ..taken(9) };
    assert_eq!(next_call(&now, &plan, &urgent).unwrap().due, seconds(&now, 1));
    let later = History { last: Some(now.timestamp()), ..taken(1) };
    assert_eq!(next_call(&now, &plan, &later).unwrap().due, seconds(&now, 3600), "by then it may be free");
}

#[test]
fn after_a_good_call_there_is_none_for_a_while() {
    let now = utc("Mo", "12:00");
    let plan = Plan { success_wait: Duration::from_secs(1800), ..plan(Some(900)) };
    let next = next_call(&now, &plan, &failed(&now, 0)).unwrap();
    assert_eq!((next.due, next.held), (seconds(&now, 1800), Some(Hold::SuccessWait)));
    let urgent = History { wish: wish(&now, 1, true), ..failed(&now, 0) };
    assert_eq!(next_call(&now, &plan, &urgent).unwrap().due, seconds(&now, 1));
    assert_eq!(
        next_call(&now, &plan, &failed(&now, 1)).unwrap().due,
        seconds(&now, 60),
        "that was no good one"
    );
}

#[test]
fn a_wish_waits_for_the_window() {
    let now = utc("Su", "12:00");
    let mut plan = Plan { times: windows("Wk0800-1800").into(), ..Plan::default() };
    let history = History { wish: wish(&now, 0, false), ..History::default() };
    let next = next_call(&now, &plan, &history).unwrap();
    assert_eq!((next.due, next.held), (Due::At(utc("Mo", "08:00").timestamp()), Some(Hold::Times)));
    plan.times = Windows::never().into();
    assert_eq!(next_call(&now, &plan, &history).unwrap().due, Due::Never);
}

/// Night for everything, the day for grade C and better, with a fixed wait after failures by day.
fn day_and_night() -> Times {
    let retry = Some(Duration::from_secs(300));
    Times::new(vec![
        CallHours { windows: windows("Any2300-0700"), worst: Grade::WORST, retry: None },
        CallHours { windows: windows("Any0700-2300"), worst: grade('C'), retry },
    ])
}

#[test]
fn hours_for_some_grades_are_for_work_of_these_alone() {
    let plan = Plan { times: day_and_night(), every: Some(Duration::from_secs(3600)), ..Plan::default() };
    let noon = utc("Mo", "12:00");
    let asked = |grade| {
        let wish = Some(Wished { since: noon.timestamp(), grade, at_once: false, why: Why::Wish });
        next_call(&noon, &plan, &History { wish, ..failed(&noon, 0) }).unwrap()
    };
    assert_eq!(asked(grade('C')).due, seconds(&noon, 0));
    assert_eq!(
        (asked(grade('N')).due, asked(grade('N')).held),
        (Due::At(utc("Mo", "23:00").timestamp()), Some(Hold::Times))
    );
    let poll = next_call(&noon, &plan, &failed(&noon, 0)).unwrap();
    assert_eq!(poll.due, Due::At(utc("Mo", "23:00").timestamp()), "a poll is no urgent work");
    let times = day_and_night();
    assert_eq!(
        (times.worst_at(&noon), times.worst_at(&utc("Mo", "23:00"))),
        (Some(grade('C')), Some(Grade::WORST))
    );
    let retry =
        next_call(&noon, &plan, &History { wish: wish(&noon, -9, false), ..failed(&noon, 9) }).unwrap();
    assert_eq!(retry.due, seconds(&noon, 300), "a wait that is given is the same each time");
}

#[test]
fn work_is_called_for_by_its_grade() {
    let now = utc("Mo", "12:00");
    let rule = |letter, soon| CallFor { worst: grade(letter), soon };
    let call_for = vec![
        rule('C', Soon::AtOnce),
        rule('N', Soon::Every(Duration::from_secs(1800))),
        rule('z', Soon::After(1000)),
    ];
    let plan = Plan { call_for, ..Plan::default() };
    let waiting = |letter, after: i64, bytes| {
        let since = now.timestamp() + SignedDuration::from_secs(after);
        Waiting { grade: grade(letter), oldest: since, youngest: since, bytes }
    };
    let next = |work: &[Waiting]| {
        let history = History { work: work.to_vec(), ..failed(&now, 0) };
        next_call(&now, &plan, &history).map(|next| (next.due, next.grade.letter()))
    };
    assert_eq!(next(&[]), None);
    assert_eq!(next(&[waiting('A', 5, 1)]), Some((seconds(&now, 5), 'A')));
    assert_eq!(next(&[waiting('N', 5, 1)]), Some((seconds(&now, 1800), 'N')));
    assert_eq!(next(&[waiting('N', 2000, 1)]), Some((seconds(&now, 2000), 'N')));
    assert_eq!(next(&[waiting('d', 5, 999)]), None);
    assert_eq!(next(&[waiting('d', 5, 999), waiting('e', 7, 1)]), Some((seconds(&now, 7), 'd')));
    let left = next(&[waiting('C', -5, 1)]);
    assert_eq!(
        left,
        Some((seconds(&now, 1800), 'C')),
        "what a good call has left is not called for over and over"
    );
}

#[test]
fn of_systems_that_share_a_line_none_starves() {
    // Five that always have a reason, calls of a minute, one line: each is called once in five minutes.
    let start = utc("Mo", "00:00");
    let plan = Plan { every: Some(Duration::from_secs(60)), ..Plan::default() };
    let mut last = [None; 5];
    let mut served = [0; 5];
    let mut now = start.clone();
    for _ in 0..500 {
        let due = (0..5).filter_map(|system| {
            let history = History { last: last[system], ..History::default() };
            match next_call(&now, &plan, &history)?.due {
                Due::At(at) if at <= now.timestamp() => Some((Turn::new(at, last[system]), system)),
                _ => None,
            }
        });
        if let Some((_, system)) = due.min() {
            last[system] = Some(now.timestamp());
            served[system] += 1;
        }
        now = &now + SignedDuration::from_secs(61);
    }
    assert_eq!(served, [100; 5]);
}

#[test]
fn a_call_that_is_due_is_for_the_most_urgent_of_all_that_is_due() {
    let now = utc("Mo", "12:00");
    let plan = Plan { call_for: vec![CallFor { worst: grade('C'), soon: Soon::AtOnce }], ..plan(Some(3600)) };
    let before = |hours| now.timestamp() - SignedDuration::from_hours(hours);
    let mail = Waiting { grade: grade('C'), oldest: before(0), youngest: before(0), bytes: 1 };
    let mut history = History { last: Some(before(5)), ..History::default() };
    assert_eq!(next_call(&now, &plan, &history).unwrap().grade, Grade::WORST);
    history.work = vec![mail];
    let next = next_call(&now, &plan, &history).unwrap();
    assert_eq!((next.why, next.grade), (Why::Poll, grade('C')), "the poll has waited longer");
}
