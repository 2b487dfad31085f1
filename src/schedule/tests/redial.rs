//! Dialling again: which number, and when.

use super::*;
use crate::fault::CallFailure;

const HOUR: i64 = 3600;

fn noon() -> Timestamp {
    utc("Mo", "12:00").timestamp()
}

/// Calls so many seconds before noon, newest first; no failure: it connected.
fn past(calls: &[(i64, Option<CallFailure>)]) -> Vec<Attempt> {
    let attempt = |(ago, failure): &(i64, Option<CallFailure>)| Attempt {
        at: noon() - SignedDuration::from_secs(*ago),
        connected: failure.is_none(),
        failure: *failure,
    };
    calls.iter().map(attempt).collect()
}

/// Why a number is held, and until how many seconds from noon.
fn held(calls: &[(i64, Option<CallFailure>)]) -> Option<(Hold, Option<i64>)> {
    let held = Redial::default().held(&past(calls))?;
    assert_eq!(held.tried, past(calls)[0].at);
    Some((held.why, held.until.map(|until| until.duration_since(noon()).as_secs())))
}

#[test]
fn a_person_is_left_in_peace_longer_each_time_and_then_for_good() {
    let voice = Some(CallFailure::Voice);
    assert_eq!(held(&[]), None);
    assert_eq!(held(&[(0, None), (60, voice)]), None, "a modem answers there");
    assert_eq!(held(&[(0, voice)]), Some((Hold::Person, Some(6 * HOUR))));
    assert_eq!(held(&[(0, voice), (7 * HOUR, voice)]), Some((Hold::Person, Some(12 * HOUR))));
    let thrice = [(0, voice), (13 * HOUR, voice), (20 * HOUR, voice)];
    assert_eq!(held(&thrice), Some((Hold::GivenUp, None)));
    let busy = [&[(0, Some(CallFailure::Busy))], &thrice[..]].concat();
    assert_eq!(held(&busy), Some((Hold::GivenUp, None)), "a busy tone says nothing of who answers");
    assert_eq!(held(&[(0, Some(CallFailure::Busy)), (60, voice)]), Some((Hold::Person, Some(6 * HOUR - 60))));
}

#[test]
fn where_no_modem_was_ever_met_who_does_not_connect_is_taken_for_a_person() {
    let (none, mute) = (Some(CallFailure::NoCarrier), Some(CallFailure::NoAnswer));
    assert_eq!(held(&[(0, none), (60, mute)]), None);
    assert_eq!(held(&[(0, none), (60, mute), (120, none)]), Some((Hold::Person, Some(6 * HOUR))));
    let five: Vec<_> = (0..5).map(|day| (day * 24 * HOUR, none)).collect();
    assert_eq!(held(&five), Some((Hold::GivenUp, None)));
    let met = [&five[..], &[(200 * 24 * HOUR, None)]].concat();
    assert_eq!(held(&met), None, "a modem that is switched off");
}

#[test]
fn the_modem_says_how_long_a_number_is_barred_or_the_rule_does() {
    let said = Some(CallFailure::Delayed { seconds: Some(90) });
    let delayed = Some(CallFailure::Delayed { seconds: None });
    let listed = Some(CallFailure::Blacklisted);
    assert_eq!(held(&[(0, said)]), Some((Hold::Delayed, Some(90))));
    assert_eq!(held(&[(0, delayed)]), Some((Hold::Delayed, Some(120))));
    assert_eq!(held(&[(0, delayed), (120, delayed)]), Some((Hold::Delayed, Some(240))));
    assert_eq!(held(&[(0, listed)]), Some((Hold::Blacklisted, Some(2 * HOUR))));
    let person = Some(CallFailure::Voice);
    assert_eq!(
        held(&[(0, listed), (60, person)]),
        Some((Hold::Person, Some(6 * HOUR - 60))),
        "the longer one"
    );
}

#[test]
fn a_system_is_held_only_if_all_its_numbers_are() {
    let number = |seconds: Option<i64>, tried: i64| {
        let at = |seconds| noon() + SignedDuration::from_secs(seconds);
        Some(Held { why: Hold::Person, until: seconds.map(at), tried: at(tried) })
    };
    assert_eq!(soonest_number(&[]), None);
    assert_eq!(soonest_number(&[number(Some(60), 0), None]), None);
    assert_eq!(
        soonest_number(&[number(None, 3), number(Some(90), 1), number(Some(60), 2)]),
        number(Some(60), 3)
    );
    assert_eq!(soonest_number(&[number(None, 3), number(None, 5)]), number(None, 5));
}

#[test]
fn numbers_have_their_turn_and_what_works_goes_on_being_used() {
    let (mute, busy, voice) =
        (Some(CallFailure::NoAnswer), Some(CallFailure::Busy), Some(CallFailure::Voice));
    let turn = |pasts: [&[(i64, Option<CallFailure>)]; 3], row: Option<i64>| {
        let pasts = pasts.map(past).to_vec();
        let row = row.map(|ago| noon() - SignedDuration::from_secs(ago));
        turn_of_numbers(&Redial::default(), &pasts, row, noon())
    };
    assert_eq!(turn([&[], &[], &[]], None), [0, 1, 2]);
    assert_eq!(turn([&[(60, busy)], &[], &[]], Some(60)), [1, 2, 0]);
    assert_eq!(turn([&[(180, mute)], &[(120, busy)], &[(60, mute)]], Some(180)), [0, 1, 2], "all around");
    assert_eq!(
        turn([&[(240, mute)], &[(60, None), (120, busy)], &[]], None),
        [1, 2, 0],
        "the second connected"
    );
    assert_eq!(turn([&[(25 * HOUR, mute)], &[(60, None)], &[]], None), [0, 1, 2], "a day later");
    assert_eq!(turn([&[(240, busy)], &[(60, None)], &[]], None), [0, 1, 2], "busy it was then");
    assert_eq!(turn([&[(60, voice)], &[(30, mute)], &[]], Some(60)), [2, 1, 0], "who is held comes last");
}

/// The last call was at noon, and failed so often in this way.
fn set_back(kind: CallFailure, times: u32) -> History {
    let setback = Some(Setback { kind, times });
    History { last: Some(noon()), failures: times, setback, ..History::default() }
}

fn wait(plan: &Plan, history: &History) -> (i64, Option<Hold>) {
    let next = next_call(&utc("Mo", "12:00"), plan, history).unwrap();
    let Due::At(at) = next.due else { panic!("{next:?}") };
    (at.duration_since(noon()).as_secs(), next.held)
}

#[test]
fn a_busy_number_is_redialled_after_the_pause_so_often_and_then_waited_for() {
    let plan = Plan::default();
    for times in 1..=10 {
        assert_eq!(wait(&plan, &set_back(CallFailure::Busy, times)), (60, Some(Hold::Busy)), "{times}");
    }
    let over = set_back(CallFailure::Busy, 11);
    assert_eq!(wait(&plan, &over), (3600, Some(Hold::Retry)));
    let since = noon() + SignedDuration::from_secs(5);
    let wish = Some(Wished { since, grade: grade('C'), at_once: false, why: Why::Wish });
    let new_work = |history: History| wait(&plan, &History { wish, ..history }).0;
    assert_eq!(new_work(over), 3600, "new work makes no more redials legal");
    assert_eq!(new_work(History { failures: 11, ..set_back(CallFailure::NoAnswer, 1) }), 60);
    let retry = Some(Duration::from_secs(900));
    let times = Times::new(vec![CallHours { windows: Windows::any(), worst: Grade::WORST, retry }]);
    let fixed = Plan { times, ..Plan::default() };
    assert_eq!(
        wait(&fixed, &set_back(CallFailure::Busy, 1)),
        (900, Some(Hold::Retry)),
        "what is said counts"
    );
}

#[test]
fn a_wrong_password_is_not_tried_again_for_new_work_but_for_who_asks_by_hand() {
    let plan = Plan::default();
    let refused = set_back(CallFailure::Login, 1);
    assert_eq!(wait(&plan, &refused), (HOUR, Some(Hold::Login)));
    assert_eq!(wait(&plan, &set_back(CallFailure::Login, 3)), (4 * HOUR, Some(Hold::Login)));
    let wish = |at_once| {
        let since = noon() + SignedDuration::from_secs(5);
        History {
            wish: Some(Wished { since, grade: grade('C'), at_once, why: Why::Wish }),
            ..refused.clone()
        }
    };
    assert_eq!(wait(&plan, &wish(false)), (HOUR, Some(Hold::Login)));
    assert_eq!(wait(&plan, &wish(true)), (5, None));
}

#[test]
fn a_number_that_was_given_up_is_called_for_who_asks_by_hand_alone() {
    let now = utc("Mo", "12:00");
    let tried = noon() - SignedDuration::from_secs(60);
    let held = Some(Held { why: Hold::GivenUp, until: None, tried });
    let asked = |ago, at_once| {
        let since = noon() - SignedDuration::from_secs(ago);
        let wish = Some(Wished { since, grade: grade('C'), at_once, why: Why::Wish });
        let history = History { held, wish, last: Some(tried), ..History::default() };
        next_call(&now, &Plan::default(), &history).unwrap()
    };
    for (ago, at_once) in [(30, false), (90, false), (90, true)] {
        assert_eq!((asked(ago, at_once).due, asked(ago, at_once).held), (Due::Never, Some(Hold::GivenUp)));
    }
    assert_eq!(asked(30, true).due, Due::At(noon() - SignedDuration::from_secs(30)));
    let polled = Plan { every: Some(Duration::from_secs(3600)), ..Plan::default() };
    let history = History { held, last: Some(tried), ..History::default() };
    assert_eq!(next_call(&now, &polled, &history).unwrap().due, Due::Never);
    let until = Some(noon() + SignedDuration::from_hours(6));
    let later = History { held: Some(Held { why: Hold::Person, until, tried }), ..history };
    assert_eq!(wait(&polled, &later), (6 * HOUR, Some(Hold::Person)));
}
