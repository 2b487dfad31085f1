//! What is done to deliveries beside delivering them: told of, given up, held, released, thrown away; and sites that fail.

use super::*;

on_both!(
    a_sender_is_told_once_of_a_delay,
    what_asks_for_it_is_kept_until_its_arrival_is_told,
    giving_up_recalls_the_job,
    a_job_in_a_call_or_a_file_is_left,
    all_that_a_report_is_about_ends_or_nothing,
    what_is_held_waits_until_it_is_released,
    what_is_thrown_away_is_gone,
    a_site_that_failed_is_left_alone,
    the_urgent_goes_first_and_bulk_is_not_forgotten,
    reports_to_one_address_are_counted,
    what_there_is_is_counted,
);

/// A message whose sender is to be looked at in time.
async fn accept_told(spool: &Spool, recipients: &[&str]) -> MessageId {
    let new = NewMessage { tell: Some(at(10)), ..message("hello\n", recipients) };
    spool.accept(None, vec![new]).await.unwrap()[0]
}

/// Deliveries of a message that have become one job for polux.
async fn hand(spool: &Spool, recipients: &[&str]) -> Vec<u64> {
    accept_told(spool, recipients).await;
    let due = claim_deliveries(spool, 1).await;
    let outcome = Outcome::Handed { deliveries: claims(&due), job: job("polux", 'C', "batch") };
    spool.settle(at(1), vec![outcome]).await.unwrap();
    due.iter().map(|delivery| delivery.claim.id).collect()
}

async fn a_sender_is_told_once_of_a_delay(home: Home) {
    let spool = &home.spool;
    let id = accept_told(spool, &["ida"]).await;
    assert!(spool.overdue(at(9), 100).await.unwrap().is_empty());
    let overdue = spool.overdue(at(10), 100).await.unwrap();
    assert_eq!((overdue.len(), overdue[0].delivery.message), (1, id));
    let delivery = vec![overdue[0].delivery.claim.id];
    let report = || message("late\n", &["jan"]);
    spool.told(delivery.clone(), report(), Some(at(100)), at(10)).await.unwrap();
    assert!(is_conflict(spool.told(delivery.clone(), report(), Some(at(100)), at(10)).await));
    assert_eq!(spool.queue(None).await.unwrap().len(), 2, "the message and one report");
    assert!(spool.overdue(at(99), 100).await.unwrap().is_empty());
    assert!(spool.overdue(at(100), 100).await.unwrap()[0].delivery.warned);
    assert_eq!(events(spool, "warned").await.len(), 1);
}

async fn what_asks_for_it_is_kept_until_its_arrival_is_told(home: Home) {
    let spool = &home.spool;
    let mut new = message("hello\n", &["ida", "uwe"]);
    new.deliveries[0].notify = Some(super::super::Notify { success: true, ..super::super::Notify::NEVER });
    new.deliveries[0].orcpt = Some("rfc822;ida@x".to_owned());
    new.envid = Some("E1".to_owned());
    spool.accept(None, vec![new]).await.unwrap();
    let due = claim_deliveries(spool, 1).await;
    let delivered = Outcome::Delivered { deliveries: claims(&due), note: "mbox".into() };
    spool.settle(at(2), vec![delivered]).await.unwrap();
    assert!(spool.queue(None).await.unwrap().is_empty(), "it waits for nothing but its report");
    assert_eq!(spool.next_due().await.unwrap(), Some(at(2)));
    let overdue = spool.overdue(at(2), 100).await.unwrap();
    let found = &overdue[0].delivery;
    assert_eq!((overdue.len(), overdue[0].state), (1, DeliveryState::Delivered));
    assert_eq!((found.orcpt.as_deref(), found.envid.as_deref()), (Some("rfc822;ida@x"), Some("E1")));
    assert_eq!(read_all(spool, found.body.id).await, b"hello\n");
    spool.told(vec![found.claim.id], message("there\n", &["jan"]), None, at(3)).await.unwrap();
    assert!(is_missing(spool.body_read(found.body.id, 0, 1).await));
    assert!(spool.overdue(at(1000), 100).await.unwrap().is_empty());
}

async fn giving_up_recalls_the_job(home: Home) {
    let spool = &home.spool;
    let ids = hand(spool, &["ida", "uwe"]).await;
    spool.give_up(vec![ids[0]], "late".into(), vec![message("report\n", &["jan"])], at(20)).await.unwrap();
    assert!(spool.jobs(None, None).await.unwrap().is_empty());
    let queue = spool.queue(None).await.unwrap();
    let left: Vec<&str> = queue.iter().map(|entry| entry.recipient.as_str()).collect();
    assert_eq!(left, ["uwe", "jan"], "who shared the job goes again");
    assert_eq!(claim_deliveries(spool, 20).await.len(), 2);
    assert!(is_missing(spool.give_up(vec![ids[0]], "late".into(), Vec::new(), at(20)).await), "once");
    assert_eq!((events(spool, "recalled").await.len(), events(spool, "bounced").await.len()), (1, 1));
}

async fn a_job_in_a_call_or_a_file_is_left(home: Home) {
    let spool = &home.spool;
    let ids = hand(spool, &["ida"]).await;
    let give_up = || spool.give_up(ids.clone(), "late".into(), vec![message("report\n", &["jan"])], at(20));
    let offered = claim_jobs(spool, "polux").await;
    assert!(is_conflict(give_up().await));
    assert_eq!(spool.by_hand(ByHand::Hold, ids.clone(), String::new(), at(20)).await.unwrap().left.len(), 1);
    let deferred = Outcome::JobDeferred { job: offered[0].claim, note: "cut off".into() };
    spool.settle(at(21), vec![deferred]).await.unwrap();
    let again = claim_jobs(spool, "polux").await;
    spool.withhold([1; 32], "file".into(), vec![again[0].claim], at(22)).await.unwrap();
    assert!(is_conflict(give_up().await));
    assert_eq!(spool.queue(None).await.unwrap().len(), 1, "no report was kept");
    spool.settle_withheld([1; 32], BundleState::Recalled, at(23)).await.unwrap();
    give_up().await.unwrap();
    assert_eq!(spool.queue(None).await.unwrap()[0].recipient, "jan");
}

async fn all_that_a_report_is_about_ends_or_nothing(home: Home) {
    let spool = &home.spool;
    accept_told(spool, &["ida", "uwe"]).await;
    let all: Vec<u64> =
        spool.overdue(at(10), 10).await.unwrap().iter().map(|one| one.delivery.claim.id).collect();
    let claimed = spool.claim_deliveries(at(10), 1, LEASE).await.unwrap();
    assert!(is_conflict(spool.give_up(all, "late".into(), vec![message("r\n", &["jan"])], at(10)).await));
    assert_eq!(spool.queue(None).await.unwrap().len(), 2);
    assert_eq!(claimed.len(), 1);
}

async fn what_is_held_waits_until_it_is_released(home: Home) {
    let spool = &home.spool;
    let ids = hand(spool, &["ida"]).await;
    let by_hand = |what, now| spool.by_hand(what, ids.clone(), "by jan".into(), at(now));
    assert_eq!(by_hand(ByHand::Hold, 5).await.unwrap().done, 1);
    assert_eq!(by_hand(ByHand::Hold, 5).await.unwrap(), Handled::default(), "it is");
    assert!(spool.jobs(None, None).await.unwrap().is_empty(), "its job was recalled");
    assert!(claim_deliveries(spool, 1000).await.is_empty());
    assert!(spool.overdue(at(1000), 10).await.unwrap().is_empty());
    assert_eq!(by_hand(ByHand::Release, 2000).await.unwrap().done, 1);
    assert_eq!(spool.overdue(at(2000), 10).await.unwrap().len(), 1);
    assert_eq!(claim_deliveries(spool, 2000).await.len(), 1);
    assert_eq!(by_hand(ByHand::Requeue, 2001).await.unwrap().left.len(), 1, "it is at work");
}

async fn what_is_thrown_away_is_gone(home: Home) {
    let spool = &home.spool;
    let ids = hand(spool, &["ida", "uwe"]).await;
    let handled = spool.by_hand(ByHand::Delete, vec![ids[0], 999], "by jan".into(), at(5)).await.unwrap();
    assert_eq!((handled.done, handled.left[0].0), (1, 999));
    assert_eq!(spool.queue(None).await.unwrap()[0].recipient, "uwe");
    spool.by_hand(ByHand::Delete, ids, "by jan".into(), at(6)).await.unwrap();
    assert!(spool.queue(None).await.unwrap().is_empty());
    assert_eq!(spool.queue_totals().await.unwrap(), QueueTotals::default());
    assert_eq!(events(spool, "deleted").await.len(), 2);
}

async fn a_site_that_failed_is_left_alone(home: Home) {
    let spool = &home.spool;
    for _ in 0..30 {
        accept(spool, "a\n", &["ida"]).await;
    }
    let due = claim_deliveries(spool, 1).await;
    assert_eq!((due.len(), due[0].site_failures), (30, 0));
    spool.site_failed("local".into(), "ida".into(), at(60)).await.unwrap();
    let deferred = Outcome::Deferred { deliveries: claims(&due), until: at(10), note: "down".into() };
    spool.settle(at(2), vec![deferred]).await.unwrap();
    accept(spool, "new\n", &["ida"]).await;
    accept(spool, "other\n", &["uwe"]).await;
    assert_eq!(
        claim_deliveries(spool, 59).await.iter().map(|d| d.site.as_str()).collect::<Vec<_>>(),
        ["uwe"]
    );
    assert_eq!(spool.next_due().await.unwrap(), Some(at(60)));
    let probe = claim_deliveries(spool, 60).await;
    assert_eq!((probe.len(), probe[0].site_failures), (10, 1), "it is tried with a few");
    let done = Outcome::Delivered { deliveries: claims(&probe), note: String::new() };
    spool.settle(at(61), vec![done]).await.unwrap();
    assert_eq!(claim_deliveries(spool, 61).await.len(), 21, "and then with all that waits");
}

async fn the_urgent_goes_first_and_bulk_is_not_forgotten(home: Home) {
    let spool = &home.spool;
    for (count, priority) in [(20, Priority::Bulk), (20, Priority::Normal), (20, Priority::Urgent)] {
        for _ in 0..count {
            let new = NewMessage { priority, ..message("a\n", &["ida"]) };
            spool.accept(None, vec![new]).await.unwrap();
        }
    }
    let due = spool.claim_deliveries(at(1), 16, LEASE).await.unwrap();
    let messages: Vec<u64> = due.iter().map(|delivery| delivery.message.0).collect();
    let urgent = 41..=52;
    assert_eq!(messages, urgent.chain([21, 22, 1, 2]).collect::<Vec<u64>>());
}

async fn reports_to_one_address_are_counted(home: Home) {
    let spool = &home.spool;
    for (now, may) in [(0, true), (1, true), (2, false), (3, false), (3600, true)] {
        assert_eq!(spool.may_report("Joe@x.org".into(), 2, at(now)).await.unwrap(), may, "{now}");
    }
    assert!(spool.may_report("ann@x.org".into(), 2, at(3)).await.unwrap());
    assert_eq!(events(spool, "reports-stopped").await.len(), 1);
}

async fn what_there_is_is_counted(home: Home) {
    let spool = &home.spool;
    hand(spool, &["ida"]).await;
    accept(spool, "a\n", &["ida", "uwe"]).await;
    let totals = spool.queue_totals().await.unwrap();
    let of = |state| ("local".to_owned(), state);
    let counted = |state, number| (of(state).0, state, number);
    assert_eq!(totals.messages, 2);
    assert_eq!(totals.deliveries, [counted(DeliveryState::Handed, 1), counted(DeliveryState::Queued, 2)]);
    let due = claim_deliveries(spool, 1).await;
    let done = Outcome::Delivered { deliveries: claims(&due), note: String::new() };
    spool.settle(at(2), vec![done]).await.unwrap();
    assert_eq!(spool.queue_totals().await.unwrap().deliveries, [counted(DeliveryState::Handed, 1)]);
}
