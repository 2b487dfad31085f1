//! What calls cost, to the thousandth.

use super::*;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// 0.060 a minute by day on working days, 0.015 else; by the minute.
pub(super) fn tariff() -> Tariff {
    let bands = [("0.060", "Wk0800-1800"), ("0.015", "Any")];
    let bands = bands.map(|(price, hours)| Band { per_minute: money(price), hours: windows(hours) });
    Tariff { bands: bands.to_vec(), step: Duration::from_secs(60), ..Tariff::free() }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn amounts_are_read_and_written_to_the_thousandth() {
    for (text, thousandths) in [("0", 0), ("20", 20_000), ("0.06", 60), ("1.005", 1005), ("0.1", 100)] {
        assert_eq!(money(text), Money(thousandths));
    }
    assert_eq!(Money(1005).to_string(), "1.005");
    for wrong in ["", ".5", "1.", "1.0005", "-1", "1,5", "1e3", "99999999999999999999"] {
        assert!(wrong.parse::<Money>().is_err(), "{wrong}");
    }
}

#[test]
fn what_is_begun_is_paid_at_the_price_of_its_hour() {
    let tariff = tariff();
    let noon = utc("Mo", "12:00");
    for (length, cost) in [(0, 60), (1, 60), (60, 60), (61, 120), (600, 600)] {
        assert_eq!(tariff.cost(&noon, seconds(length)), Money(cost), "{length} s");
    }
    assert_eq!(tariff.cost(&utc("Su", "12:00"), seconds(600)), Money(150));
    assert_eq!(tariff.cost(&utc("Mo", "17:58:30"), seconds(240)), Money(60 + 60 + 15 + 15), "by its steps");
    let by_the_second = Tariff { step: seconds(1), connection: money("0.1"), ..tariff.clone() };
    assert_eq!(by_the_second.cost(&utc("Su", "12:00"), seconds(1)), Money(101), "rounded up once");
    assert_eq!(by_the_second.cost(&utc("Su", "12:00"), seconds(240)), Money(160));
    let at_least = Tariff { minimum: money("0.2"), ..tariff };
    assert_eq!(at_least.cost(&noon, seconds(61)), Money(200));
    assert_eq!(at_least.cost(&noon, seconds(300)), Money(300));
    let nothing_said = Tariff { bands: at_least.bands[..1].to_vec(), ..at_least };
    assert_eq!(nothing_said.cost(&utc("Su", "12:00"), seconds(600)), Money(600), "as the dearest");
}

#[test]
fn a_call_is_given_what_is_left() {
    let mut tariff = tariff();
    tariff.budget =
        Budget { money: Some(money("1")), airtime: Some(seconds(3600)), reserve: 25, urgent: grade('C') };
    let (noon, day) = (utc("Mo", "12:00"), seconds(86400));
    let permits = |spent: u64, airtime, letter| {
        let spent = Spent { money: Money(spent), airtime: seconds(airtime) };
        tariff.permits(&noon, None, spent, grade(letter), day)
    };
    let longest = |seconds_: u64, worst| Ok(Allowance { longest: seconds(seconds_), worst });
    assert_eq!(permits(0, 0, 'N'), longest(12 * 60, None));
    assert_eq!(permits(600, 0, 'N'), longest(2 * 60, None));
    assert_eq!(permits(700, 0, 'N'), Err(NotPaid::Reserve), "less than a call needs");
    assert_eq!(permits(700, 0, 'C'), longest(5 * 60, Some(grade('C'))), "the reserve");
    assert_eq!((permits(940, 0, 'C'), permits(940, 0, 'N')), (Err(NotPaid::Money), Err(NotPaid::Money)));
    assert_eq!(permits(0, 2570, 'N'), longest(130, None));
    assert_eq!(permits(0, 2600, 'N'), Err(NotPaid::Reserve));
    assert_eq!(permits(0, 3500, 'A'), Err(NotPaid::Airtime));
    assert_eq!(permits(0, 2700, 'A'), longest(900, Some(grade('C'))));
    let before_dearer = utc("Mo", "07:59");
    let allowance = tariff.permits(&before_dearer, None, Spent::default(), grade('N'), day).unwrap();
    assert_eq!(allowance.longest, seconds(12 * 60), "it may be connected in the dearer hour");
}

#[test]
fn what_is_paid_may_be_used() {
    let noon = utc("Mo", "12:00");
    let tariff = tariff();
    for (so_far, paid) in [(0, 60), (1, 60), (60, 60), (61, 120)] {
        assert_eq!(tariff.paid_for(&noon, seconds(so_far)), seconds(paid), "{so_far} s");
    }
    let at_least = Tariff { minimum: money("0.2"), ..tariff.clone() };
    assert_eq!(at_least.paid_for(&noon, seconds(1)), seconds(180), "what is paid at least lasts so long");
    let budget = Budget { airtime: Some(seconds(3600)), ..Budget::default() };
    let on_air = Tariff { budget, ..tariff };
    assert_eq!(on_air.paid_for(&noon, seconds(1)), seconds(1), "airtime is used second by second");
}

#[test]
fn a_budget_that_is_not_enough_for_one_call_is_known() {
    let suffices = |money: &str, airtime, reserve| {
        let mut tariff = Tariff { connection: Money(100), ..tariff() };
        tariff.budget.money = money.parse().ok();
        tariff.budget.airtime = Some(seconds(airtime));
        tariff.suffices(reserve)
    };
    // Two minutes in the cheapest hour, and the connection.
    assert_eq!(suffices("0.13", 3600, 0), Ok(()));
    assert_eq!(suffices("0.129", 3600, 0), Err(NotPaid::Money));
    assert_eq!(suffices("0.13", 3600, 1), Err(NotPaid::Money));
    assert_eq!(suffices("100", 119, 0), Err(NotPaid::Airtime));
    assert_eq!((suffices("100", 3600, 96), suffices("100", 3600, 97)), (Ok(()), Err(NotPaid::Airtime)));
    assert_eq!(Tariff::free().suffices(99), Ok(()));
}

#[test]
fn what_is_not_urgent_waits_for_a_cheaper_hour_within_its_patience() {
    let mut tariff = tariff();
    tariff.patience = seconds(600);
    tariff.budget.urgent = grade('C');
    let at =
        |time, letter| tariff.permits(&utc("Mo", time), None, Spent::default(), grade(letter), seconds(600));
    let six = utc("Mo", "18:00").timestamp();
    assert!(at("17:49", 'N').is_ok());
    assert_eq!(at("17:50", 'N'), Err(NotPaid::Cheaper(six)));
    assert_eq!(at("17:59:59", 'N'), Err(NotPaid::Cheaper(six)));
    assert!(at("17:59", 'C').is_ok() && at("18:00", 'N').is_ok() && at("07:59", 'N').is_ok());
}

#[test]
fn nothing_is_paid_while_the_clock_is_not_believed() {
    let permits =
        |doubt| tariff().permits(&utc("Mo", "12:00"), doubt, Spent::default(), Grade::BEST, seconds(600));
    assert_eq!(permits(Some(Doubt::Unset)), Err(NotPaid::Clock(Doubt::Unset)));
    assert!(permits(None).is_ok());
}

#[test]
fn months_are_those_of_the_zone() {
    let last = at("2026-10-31T23:30[Europe/Berlin]");
    assert_eq!(
        (month(&last), month(&last.with_time_zone(jiff::tz::TimeZone::UTC))),
        ("2026-10".into(), "2026-10".into())
    );
    let next = at("2026-11-01T00:30[Europe/Berlin]");
    assert_eq!(
        (month(&next), month(&next.with_time_zone(jiff::tz::TimeZone::UTC))),
        ("2026-11".into(), "2026-10".into())
    );
    assert_eq!(next_month(&last), Some(at("2026-11-01T00:00[Europe/Berlin]")));
}

proptest! {
    #[test]
    fn what_is_affordable_costs_no_more_and_a_step_more_would(
        begin in 0i64..10_000, step in 1u64..=180, money in 0u64..5000, connection in 0u64..100, minimum in 0u64..200,
    ) {
        let tariff = Tariff {
            step: seconds(step), connection: Money(connection), minimum: Money(minimum), ..tariff()
        };
        let begin = &utc("Su", "00:00") + SignedDuration::from_mins(begin);
        let most = seconds(step * 50);
        let longest = tariff.affordable(&begin, Money(money), most);
        if !longest.is_zero() {
            prop_assert!(tariff.cost(&begin, longest) <= Money(money));
        }
        if longest < most {
            prop_assert!(tariff.cost(&begin, longest + seconds(1)) > Money(money));
        }
    }
}
