//! Leases: who may settle, and what becomes of the work of the dead.

use super::*;

on_both!(
    a_lease_that_ran_out_is_taken_back,
    a_renewed_lease_holds,
    an_outcome_with_a_stale_claim_does_nothing,
    one_bad_outcome_spares_the_others,
    what_sees_two_deaths_alone_is_held,
    nothing_is_worked_on_beside_a_suspect,
    those_that_died_in_company_are_not_blamed,
    a_job_is_not_blamed_for_cut_calls,
);

fn delivered(claims: Vec<Claim>) -> Outcome {
    Outcome::Delivered { deliveries: claims, note: String::new() }
}

async fn a_lease_that_ran_out_is_taken_back(home: Home) {
    let spool = &home.spool;
    accept(spool, "a\n", &["ida"]).await;
    let first = claim_deliveries(spool, 0).await;
    spool.recover(at(599)).await.unwrap();
    assert!(claim_deliveries(spool, 599).await.is_empty());
    spool.recover(at(600)).await.unwrap();
    let second = claim_deliveries(spool, 600).await;
    assert_eq!(second[0].attempts, 1, "counted before the work");
    assert!(is_conflict(spool.settle(at(601), vec![delivered(claims(&first))]).await));
    assert!(is_conflict(spool.renew(at(601), claims(&first), LEASE).await));
    spool.settle(at(601), vec![delivered(claims(&second))]).await.unwrap();
}

async fn a_renewed_lease_holds(home: Home) {
    let spool = &home.spool;
    accept(spool, "a\n", &["ida"]).await;
    let due = claim_deliveries(spool, 0).await;
    spool.renew(at(500), claims(&due), LEASE).await.unwrap();
    spool.recover(at(1000)).await.unwrap();
    spool.settle(at(1001), vec![delivered(claims(&due))]).await.unwrap();
}

async fn an_outcome_with_a_stale_claim_does_nothing(home: Home) {
    let spool = &home.spool;
    accept(spool, "a\n", &["ida", "uwe"]).await;
    let due = claim_deliveries(spool, 0).await;
    let forged = Claim { token: due[1].claim.token ^ 1, ..due[1].claim };
    let handed = Outcome::Handed { deliveries: vec![due[0].claim, forged], job: job("polux", 'C', "x") };
    assert!(is_conflict(spool.settle(at(1), vec![handed]).await));
    assert!(spool.jobs(None, None).await.unwrap().is_empty());
    spool.settle(at(1), vec![delivered(claims(&due))]).await.unwrap();
    // A claim on a delivery says nothing about a job of the same number.
    let wrong = Outcome::JobDone { job: due[0].claim, note: String::new() };
    assert!(is_conflict(spool.settle(at(1), vec![wrong]).await));
}

async fn one_bad_outcome_spares_the_others(home: Home) {
    let spool = &home.spool;
    accept(spool, "a\n", &["ida", "uwe"]).await;
    let due = claim_deliveries(spool, 0).await;
    let forged = Claim { token: 1, ..due[0].claim };
    let outcomes = vec![delivered(vec![forged]), delivered(vec![due[1].claim])];
    assert!(is_conflict(spool.settle(at(1), outcomes).await));
    assert_eq!(spool.queue(None).await.unwrap()[0].recipient, "ida");
    assert_eq!(spool.queue(None).await.unwrap().len(), 1);
}

/// The next recovery finds every owner dead.
async fn everybody_dies(spool: &Spool, now: i64) {
    meddle(spool, "INSERT OR IGNORE INTO owners VALUES (999, 'an earlier boot', 1, 1)").await;
    meddle(spool, "UPDATE leases SET owner = 999").await;
    spool.recover(at(now)).await.unwrap();
}

async fn what_sees_two_deaths_alone_is_held(home: Home) {
    let spool = &home.spool;
    accept(spool, "poison\n", &["ida"]).await;
    accept(spool, "bread\n", &["uwe"]).await;
    assert_eq!(claim_deliveries(spool, 1).await.len(), 2);
    everybody_dies(spool, 2).await;
    let suspect = claim_deliveries(spool, 2).await;
    assert_eq!(suspect.len(), 1, "what saw a death is worked on alone");
    everybody_dies(spool, 3).await;
    assert_eq!(claim_deliveries(spool, 3).await.len(), 1);
    everybody_dies(spool, 3).await;
    let queue = spool.queue(None).await.unwrap();
    assert_eq!((queue[0].state, queue[1].state), (DeliveryState::Held, DeliveryState::Queued));
    assert_eq!(events(spool, "held").await.len(), 1);
    let bread = claim_deliveries(spool, 3).await;
    assert_eq!(bread[0].recipient, "uwe");
    spool.settle(at(4), vec![delivered(claims(&bread))]).await.unwrap();
}

async fn those_that_died_in_company_are_not_blamed(home: Home) {
    let spool = &home.spool;
    for name in ["a", "b", "c"] {
        accept(spool, name, &["ida"]).await;
    }
    claim_deliveries(spool, 1).await;
    everybody_dies(spool, 2).await;
    // Three workers, each with one suspect: only what is claimed when the second death comes is held.
    let one = claim_deliveries(spool, 2).await;
    spool.settle(at(2), vec![delivered(claims(&one))]).await.unwrap();
    let one = claim_deliveries(spool, 2).await;
    let later = Outcome::Deferred { deliveries: claims(&one), until: at(2), note: String::new() };
    spool.settle(at(2), vec![later]).await.unwrap();
    everybody_dies(spool, 3).await;
    assert!(spool.queue(None).await.unwrap().iter().all(|entry| entry.state == DeliveryState::Queued));
}

async fn nothing_is_worked_on_beside_a_suspect(home: Home) {
    let spool = &home.spool;
    accept(spool, "suspect\n", &["ida"]).await;
    claim_deliveries(spool, 1).await;
    everybody_dies(spool, 2).await;
    let suspect = claim_deliveries(spool, 2).await;
    accept(spool, "bread\n", &["uwe"]).await;
    assert!(claim_deliveries(spool, 3).await.is_empty(), "a death now would prove nothing against either");
    spool.settle(at(3), vec![delivered(claims(&suspect))]).await.unwrap();
    let bread = claim_deliveries(spool, 3).await;
    assert_eq!(bread[0].recipient, "uwe");
    accept(spool, "suspect\n", &["ida"]).await;
    meddle(spool, "UPDATE deliveries SET deaths = 1 WHERE recipient = 'ida'").await;
    assert!(claim_deliveries(spool, 5).await.is_empty(), "the suspect waits for what is under way");
    spool.settle(at(5), vec![delivered(claims(&bread))]).await.unwrap();
    assert_eq!(claim_deliveries(spool, 5).await[0].recipient, "ida");
}

async fn a_job_is_not_blamed_for_cut_calls(home: Home) {
    let spool = &home.spool;
    spool.submit_job(None, job("polux", 'C', "x")).await.unwrap();
    for round in 0..10 {
        assert_eq!(claim_jobs(spool, "polux").await[0].attempts, round);
        everybody_dies(spool, 20).await;
    }
}
