//! When the wall clock is believed.

use super::*;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn a_clock_that_is_not_set_is_not_believed_until_it_is() {
    let mut watch = ClockWatch::default();
    assert_eq!(watch.look(Timestamp::UNIX_EPOCH, minutes(0)), Some(Doubt::Unset));
    let set = utc("Mo", "12:00").timestamp();
    assert_eq!(watch.look(set, minutes(1)), None, "it was put right");
    assert_eq!(Doubt::of(Timestamp::UNIX_EPOCH), Some(Doubt::Unset));
    assert_eq!(Doubt::of(set), None);
}

#[test]
fn a_clock_that_has_jumped_is_believed_again_when_it_runs_steadily() {
    let start = utc("Mo", "12:00").timestamp();
    let at = |minutes: i64| start + SignedDuration::from_mins(minutes);
    for jump in [-120, 120] {
        let mut watch = ClockWatch::default();
        assert_eq!(watch.look(start, minutes(0)), None);
        assert_eq!(watch.look(at(3), minutes(1)), None, "a little may be put right");
        let doubt = watch.look(at(4 + jump), minutes(2));
        assert!(matches!(doubt, Some(Doubt::Jumped { by, .. }) if by.as_mins() == jump), "{doubt:?}");
        assert!(watch.look(at(13 + jump), minutes(11)).is_some());
        assert_eq!(watch.look(at(19 + jump), minutes(17)), None);
    }
}
