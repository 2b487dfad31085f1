//! Messages, deliveries, append intents, jobs.

use super::*;

on_both!(a_message_is_delivered_and_gone, a_large_body_survives, a_handed_delivery_follows_its_job);

async fn a_message_is_delivered_and_gone(mut home: Home) {
    let ids = home.spool.accept(Some(7), vec![message("hello\n", &["ida", "uwe"])]).await.unwrap();
    assert_eq!(home.spool.accept(Some(7), vec![message("hello\n", &["ida", "uwe"])]).await.unwrap(), ids);
    home.reopen(at(1)).await;
    assert_eq!(home.spool.queue(None).await.unwrap().len(), 2);
    assert_eq!(home.spool.next_due().await.unwrap(), Some(at(0)));

    let due = home.spool.claim_deliveries(at(1), 10, LEASE).await.unwrap();
    assert_eq!(due.iter().map(|d| d.recipient.as_str()).collect::<Vec<_>>(), ["ida", "uwe"]);
    assert!(home.spool.claim_deliveries(at(1), 10, LEASE).await.unwrap().is_empty());
    assert_eq!(read_all(&home.spool, due[0].body.id).await, b"hello\n");
    let body = due[0].body.id;
    let claims: Vec<Claim> = due.iter().map(|delivery| delivery.claim).collect();
    let outcome = |claim: Claim| Outcome::Delivered { deliveries: vec![claim], note: "mbox".into() };
    home.spool.settle(at(2), vec![outcome(claims[0]), outcome(claims[1])]).await.unwrap();
    assert!(home.spool.queue(None).await.unwrap().is_empty());
    assert!(matches!(home.spool.body_read(body, 0, 10).await, Err(SpoolError::Missing(_))));
    assert_eq!(events(&home.spool, "delivered").await.len(), 2);
    let stale = home.spool.settle(at(3), vec![outcome(claims[0])]).await;
    assert!(matches!(stale, Err(SpoolError::Conflict(_))));
}

async fn a_large_body_survives(mut home: Home) {
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    let rest = body_of(&home.spool, &bytes).await;
    let mut new = message("", &["ida"]);
    new.content = Content { head: b"Received: here\n".to_vec(), rest: Some(rest) };
    home.spool.accept(None, vec![new]).await.unwrap();
    home.reopen(at(1)).await;
    let due = home.spool.claim_deliveries(at(1), 10, LEASE).await.unwrap();
    let expected = [b"Received: here\n".as_slice(), &bytes].concat();
    assert_eq!(due[0].body.size, expected.len() as u64);
    assert!(read_all(&home.spool, due[0].body.id).await == expected);
}

async fn a_handed_delivery_follows_its_job(home: Home) {
    home.spool.accept(None, vec![message("hello\n", &["ida"])]).await.unwrap();
    let due = home.spool.claim_deliveries(at(1), 10, LEASE).await.unwrap();
    let mut handed = job("polux", 'C', "From jan\n");
    handed.content = Some(Content { head: b"From jan\n".to_vec(), rest: Some(due[0].body.id) });
    let outcome = Outcome::Handed { deliveries: vec![due[0].claim], job: handed };
    home.spool.settle(at(1), vec![outcome]).await.unwrap();
    assert_eq!(home.spool.queue(None).await.unwrap()[0].state, DeliveryState::Handed);
    assert_eq!(home.spool.waiting(system("polux")).await.unwrap(), Grade::new('C'));

    let jobs = home.spool.claim_jobs(at(2), system("polux"), None, 10, LEASE).await.unwrap();
    assert_eq!(read_all(&home.spool, jobs[0].body.unwrap().id).await, b"From jan\nhello\n");
    let done = Outcome::JobDone { job: jobs[0].claim, note: "CY".into() };
    home.spool.settle(at(3), vec![done]).await.unwrap();
    assert!(home.spool.queue(None).await.unwrap().is_empty());
    assert!(home.spool.jobs(None, None).await.unwrap().is_empty());
    assert!(matches!(home.spool.body_read(due[0].body.id, 0, 10).await, Err(SpoolError::Missing(_))));
}
