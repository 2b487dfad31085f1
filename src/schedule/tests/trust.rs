//! When the wall clock is believed.

use super::*;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn a_clock_that_is_not_set_is_not_believed_until_it_is() {
    let mut watch = ClockWatch::default();
    assert_eq!(watch.look(Timestamp::UNIX_EPOCH, minutes(0), None), Some(Doubt::Unset));
    let set = utc("Mo", "12:00").timestamp();
    assert_eq!(watch.look(set, minutes(1), None), None, "it was put right");
    assert_eq!(Doubt::of(Timestamp::UNIX_EPOCH, None), Some(Doubt::Unset));
    assert_eq!(Doubt::of(set, None), None);
}

#[test]
fn a_clock_that_has_jumped_is_believed_again_when_it_runs_steadily() {
    let start = utc("Mo", "12:00").timestamp();
    let at = |minutes: i64| start + SignedDuration::from_mins(minutes);
    for jump in [-120, 120] {
        let mut watch = ClockWatch::default();
        assert_eq!(watch.look(start, minutes(0), None), None);
        assert_eq!(watch.look(at(3), minutes(1), None), None, "a little may be put right");
        let doubt = watch.look(at(4 + jump), minutes(2), None);
        assert!(matches!(doubt, Some(Doubt::Jumped { by, .. }) if by.as_mins() == jump), "{doubt:?}");
        assert!(watch.look(at(13 + jump), minutes(11), None).is_some());
        assert_eq!(watch.look(at(19 + jump), minutes(17), None), None);
    }
}

#[test]
fn a_clock_that_begins_before_the_last_call_is_not_believed_until_it_is_set() {
    let last = utc("Mo", "12:00").timestamp();
    let (saved, real) = (last - SignedDuration::from_hours(3), last + SignedDuration::from_hours(24));
    let mut watch = ClockWatch::default();
    let behind = Some(Doubt::Behind { by: SignedDuration::from_hours(3) });
    assert_eq!(watch.look(saved, minutes(0), Some(last)), behind, "a machine without a battery");
    let later = saved + SignedDuration::from_mins(1);
    assert!(matches!(watch.look(later, minutes(1), Some(last)), Some(Doubt::Behind { .. })));
    assert!(matches!(watch.look(real, minutes(2), Some(last)), Some(Doubt::Jumped { .. })));
    let steady = real + SignedDuration::from_mins(15);
    assert_eq!(watch.look(steady, minutes(17), Some(last)), None);
    // It was wrong when the last call was placed, and is put right.
    let mut watch = ClockWatch::default();
    assert_eq!(watch.look(last, minutes(0), Some(last)), None);
    assert!(watch.look(saved, minutes(1), Some(last)).is_some());
    assert_eq!(watch.look(saved + SignedDuration::from_mins(16), minutes(17), Some(last)), None);
    // A little is nothing.
    let moment = last - SignedDuration::from_mins(4);
    assert_eq!(ClockWatch::default().look(moment, minutes(0), Some(last)), None);
}
