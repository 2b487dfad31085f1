//! Calls that cost money, and calls at hours that are for some grades alone.

use super::*;
use crate::schedule::{Band, Budget, CallHours, Money, Tariff, Times};
use crate::spool::{Charge, Charges};
use crate::wire::call::meter::Meter;

/// 0.060 a second.
fn tariff(budget: u64) -> Tariff {
    let band = Band { per_minute: Money(3600), hours: Windows::any() };
    let budget = Budget { money: Some(Money(budget)), reserve: 50, urgent: Grade::MAIL, ..Budget::default() };
    Tariff { bands: vec![band], budget, ..Tariff::free() }
}

fn paying(budget: u64) -> (Site, Site) {
    let (mut leaf, polux) = sites();
    leaf.node.tariffs.insert("test".to_owned(), tariff(budget));
    (leaf, polux)
}

async fn account(leaf: &Site) -> Charges {
    let month = crate::schedule::month(&leaf.node.now());
    leaf.spool.charges("test".to_owned(), month).await.unwrap()
}

async fn news(leaf: &Site) {
    let command = Command::parse("rnews").unwrap();
    let execute = Execute { command, user: "news".to_owned(), requestor: None, notify: Notify::OnError };
    leaf.submit_at(Grade::new('d').unwrap(), Work::Execute(execute), b"news").await;
}

async fn called(leaf: &Site, polux: &Site) -> CallRecord {
    let (a, b) = duplex(4096);
    call(leaf, polux, Login::Trusted, a, b).await.0
}

#[tokio::test]
async fn a_call_that_costs_says_so_and_its_account_knows_it() {
    let (leaf, polux) = paying(1_000_000);
    leaf.mail("a", b"to polux").await;
    let record = called(&leaf, &polux).await;
    let charge = record.charge.expect("it costs");
    assert_eq!((record.failure, charge.thousandths), (None, 60 * charge.seconds));
    let Charges { calls, seconds, thousandths } = account(&leaf).await;
    assert_eq!((calls, seconds, thousandths), (1, charge.seconds, charge.thousandths));
    leaf.spool.calls(None, 1).await.unwrap().iter().for_each(|past| {
        assert_eq!(past.record.charge.as_ref(), Some(&charge));
    });
}

#[tokio::test]
async fn the_reserve_carries_what_is_urgent_alone() {
    // Ten minutes' money, half of it kept.
    let (leaf, polux) = paying(36_000);
    let lease = begin(&leaf.spool, &leaf.node, &leaf.other(), "test").await.unwrap();
    let month = crate::schedule::month(&leaf.node.now());
    let charge = Some(Charge { month, seconds: 300, thousandths: 18_000 });
    leaf.spool
        .call_ended(lease, clock::wall(), CallRecord { charge, ..CallRecord::default() })
        .await
        .unwrap();
    news(&leaf).await;
    let refused = called(&leaf, &polux).await;
    let failure = refused.failure.expect("it was connected for nothing");
    assert!(failure.contains("what is left of this month is kept for what is urgent"), "{failure}");
    assert!(refused.charge.is_some_and(|charge| charge.thousandths > 0), "that was not for nothing");
    assert_eq!(polux.arrived().await, []);

    leaf.mail("a", b"to polux").await;
    assert_eq!(called(&leaf, &polux).await.failure, None);
    assert_eq!(polux.arrived().await, [("rmail a".to_owned(), b"to polux".to_vec())]);
    assert_eq!(leaf.waiting().await, 1, "the news wait for the next month");
}

#[tokio::test]
async fn on_the_reserve_other_work_goes_in_what_is_paid_for_if_it_fits() {
    // Ten minutes' money, half of it kept and the other half spent; by the minute.
    let (mut leaf, polux) = paying(36_000);
    leaf.node.tariffs.values_mut().for_each(|tariff| tariff.step = Duration::from_secs(60));
    let lease = begin(&leaf.spool, &leaf.node, &leaf.other(), "test").await.unwrap();
    let month = crate::schedule::month(&leaf.node.now());
    let charge = Some(Charge { month, seconds: 300, thousandths: 18_000 });
    let spent = CallRecord { charge, ..CallRecord::default() };
    leaf.spool.call_ended(lease, clock::wall(), spent).await.unwrap();
    leaf.mail("a", b"to polux").await;
    news(&leaf).await;
    // More than 2400 bit/s carry in half a minute.
    let command = Command::parse("rnews").unwrap();
    let execute = Execute { command, user: "news".to_owned(), requestor: None, notify: Notify::OnError };
    leaf.submit_at(Grade::new('d').unwrap(), Work::Execute(execute), &text(1, 10_000)).await;
    let record = called(&leaf, &polux).await;
    assert_eq!((record.failure, record.jobs_sent), (None, 2));
    assert_eq!(record.charge.unwrap().thousandths, 3600, "for the minute that was to be paid anyway");
    let arrived = polux.arrived().await.into_iter().map(|(what, _)| what).collect::<Vec<_>>();
    assert_eq!(arrived, ["rmail a", "rnews"]);
    assert_eq!(leaf.waiting().await, 1, "the long one waits for the next month");
}

/// As a call with `polux` on the line that is paid has it, which was dialled so long ago.
async fn meter(leaf: &Site, lease: CallLease, dialled: u64) -> Meter {
    let dialled = clock::now().checked_sub(Duration::from_secs(dialled));
    let meter = Meter::start(&leaf.spool, &leaf.node, &leaf.other(), lease, "test", dialled).await;
    meter.unwrap().unwrap()
}

#[tokio::test]
async fn a_call_is_over_before_its_money_is() {
    let (mut leaf, _) = paying(36_000);
    let most = Duration::from_secs(3600);
    leaf.neighbour().max_time = most;
    let lease = lease(&leaf).await;
    let meter = meter(&leaf, lease, 0).await;
    let cut = meter.cut().saturating_duration_since(clock::now());
    assert!(cut > Duration::from_secs(280) && cut <= Duration::from_secs(290), "{cut:?} of five minutes");
    assert!(meter.left() < cut, "there is time for a farewell");
    let too_long = || CallError::Session(SessionError::TooLong(most));
    assert!(matches!(meter.explain(too_long(), "test", most), CallError::SpentUp { .. }));
    let shorter = Duration::from_secs(60);
    assert!(matches!(meter.explain(too_long(), "test", shorter), CallError::Session(_)), "that was max-time");
    assert!(meter.charge().thousandths < 1000, "it has hardly begun");
    let counting = meter.account(&leaf.spool, Duration::from_secs(90));
    clock::within(Duration::from_millis(50), counting).await;
    let ahead = account(&leaf).await;
    assert!((95..=97).contains(&ahead.seconds), "{ahead:?} until the next word, and to hang up");
    let free = Meter::start(&leaf.spool, &leaf.node, &leaf.other(), lease, "cable", None).await.unwrap();
    assert!(free.is_none());
}

#[tokio::test]
async fn the_exchange_counts_before_the_modems_are_connected() {
    let (leaf, _) = paying(36_000);
    let lease = lease(&leaf).await;
    for (dialled, seconds) in [(0, 5), (10, 15), (29, 34), (30, 35), (90, 35)] {
        let before = clock::now();
        let meter = meter(&leaf, lease, dialled).await;
        let counted = |at| meter.counted(at, at);
        let seconds = Duration::from_secs(seconds);
        assert!(counted(before) <= seconds && seconds <= counted(clock::now()), "{dialled} s after the dial");
    }
    // Nobody knows when somebody picked up.
    let dialled = clock::now().checked_sub(Duration::from_secs(90)).unwrap();
    let attempt = Meter::of_attempt(&leaf.node, &leaf.other(), lease, "test", dialled).unwrap();
    let error = CallError::UnknownProtocol('x');
    let charge = Some(attempt.charge());
    let record =
        not_connected(&leaf.spool, lease, &error, Tried { charge: charge.clone(), ..Tried::default() }).await;
    assert_eq!(record.charge, charge);
    let Charges { calls, seconds, thousandths } = account(&leaf).await;
    assert!(calls == 1 && seconds >= 95 && thousandths == 60 * seconds, "{seconds}");
}

#[tokio::test]
async fn a_call_that_is_not_seen_to_end_goes_on_costing_for_as_long_as_it_was_permitted() {
    let (mut leaf, _) = paying(36_000);
    leaf.neighbour().max_time = Duration::from_secs(240);
    let lease = lease(&leaf).await;
    let meter = meter(&leaf, lease, 0).await;
    let since = clock::now();
    let counted = |seconds| meter.counted(since + Duration::from_secs(seconds), since).as_secs();
    assert_eq!([60, 234, 235, 600].map(counted), [65, 239, 240, 240]);
    let late = since + Duration::from_secs(300);
    assert_eq!(meter.counted(late, late).as_secs(), 305, "what it has cost already it has cost");

    // As it was when it ended, some time ago.
    let charge = Charge { seconds: 1, ..meter.charge() };
    let record = CallRecord { charge: Some(charge), ..CallRecord::default() };
    leaf.spool.call_ended(lease, clock::wall(), record).await.unwrap();
    let spool = &leaf.spool;
    meter.count_on(spool, Duration::from_secs(90), std::future::ready(())).await;
    let counted = account(&leaf).await;
    assert!(counted.calls == 1 && counted.seconds > 5, "{counted:?}");
    let told = spool.calls(None, 1).await.unwrap()[0].record.charge.clone();
    assert_eq!(told.map(|charge| charge.seconds), Some(counted.seconds), "its record says so too");
}

async fn lease(leaf: &Site) -> CallLease {
    begin(&leaf.spool, &leaf.node, &leaf.other(), "test").await.unwrap()
}

#[tokio::test]
async fn hours_for_some_grades_carry_these_alone_in_our_calls() {
    let (mut leaf, mut polux) = sites();
    let hours = CallHours { windows: Windows::any(), worst: Grade::MAIL, retry: None };
    leaf.neighbour().times = Times::new(vec![hours.clone()]);
    polux.neighbour().times = Times::new(vec![hours]);
    leaf.mail("a", b"to polux").await;
    news(&leaf).await;
    news(&polux).await;
    assert_eq!(called(&leaf, &polux).await.failure, None);
    assert_eq!(polux.arrived().await, [("rmail a".to_owned(), b"to polux".to_vec())]);
    assert_eq!((leaf.waiting().await, polux.waiting().await), (1, 0), "who is called sends what it likes");
}
