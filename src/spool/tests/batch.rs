//! Batches that wait for a call, and become larger ones.

use super::*;

on_both!(
    a_batch_that_no_call_has_had_is_open,
    a_larger_batch_takes_the_place_of_others_at_once,
    what_a_call_has_in_its_hands_is_not_taken_away,
    a_batch_of_before_is_closed,
);

const SINCE: i64 = -100;

async fn open(spool: &Spool) -> Vec<OpenBatch> {
    spool.open_batches(system("polux"), Grade::new('C').unwrap(), at(SINCE), 10).await.unwrap()
}

/// Claims a message for these people at polux, by the transport.
async fn due(spool: &Spool, text: &str, people: &[&str], transport: &str) -> Vec<Delivery> {
    let mut message = message(text, people);
    for delivery in &mut message.deliveries {
        (delivery.transport, delivery.site) = (transport.to_owned(), "polux".to_owned());
    }
    spool.accept(None, vec![message]).await.unwrap();
    claim_deliveries(spool, 1).await
}

/// A batch of one message; gives the number of its job.
async fn batch(spool: &Spool, text: &str, people: &[&str]) -> u64 {
    let due = due(spool, text, people, "uusmtp").await;
    let handed = Outcome::Handed { deliveries: claims(&due), job: job("polux", 'C', text) };
    spool.settle(at(1), vec![handed]).await.unwrap();
    open(spool).await[0].number
}

async fn a_batch_that_no_call_has_had_is_open(home: Home) {
    let spool = &home.spool;
    let number = batch(spool, "hello\n", &["ida", "jan"]).await;
    assert_eq!(open(spool).await, [OpenBatch { number, messages: 1, bytes: 6 }]);
    let carried = spool.carried(number).await.unwrap();
    let addresses: Vec<&str> = carried.iter().map(|one| one.address.as_str()).collect();
    assert_eq!(addresses, ["ida", "jan"]);
    assert_eq!((carried[0].message, &*carried[0].sender), (carried[1].message, "jan@polux"));
    assert_eq!(read_all(spool, carried[0].body.id).await, b"hello\n");
    // Neither one of another grade or system, nor one that is too old, nor what is no batch.
    let of = async |name, grade, since| {
        spool.open_batches(system(name), Grade::new(grade).unwrap(), at(since), 10).await.unwrap().len()
    };
    assert_eq!((of("castor", 'C', SINCE).await, of("polux", 'D', SINCE).await), (0, 0));
    assert_eq!(of("polux", 'C', 1).await, 0, "its job was made at 0");
    let alone = due(spool, "alone\n", &["kim"], "uux").await;
    let handed = Outcome::Handed { deliveries: claims(&alone), job: job("polux", 'C', "x") };
    spool.settle(at(1), vec![handed]).await.unwrap();
    spool.submit_job(None, job("polux", 'C', "x")).await.unwrap();
    assert_eq!(open(spool).await.len(), 1);
}

async fn a_larger_batch_takes_the_place_of_others_at_once(home: Home) {
    let spool = &home.spool;
    let first = batch(spool, "one\n", &["ida"]).await;
    let second = batch(spool, "two\n", &["ida"]).await;
    let due = due(spool, "three\n", &["ida"], "uusmtp").await;
    let larger = NewJob { created: at(1), ..job("polux", 'C', "one two three") };
    let gathered =
        Outcome::Gathered { deliveries: claims(&due), job: larger, instead_of: vec![second, first] };
    spool.settle(at(1), vec![gathered]).await.unwrap();
    let now_open = open(spool).await;
    assert_eq!((now_open.len(), now_open[0].messages, now_open[0].bytes), (1, 3, 14));
    let jobs = spool.jobs(None, None).await.unwrap();
    assert_eq!((jobs.len(), jobs[0].stable.number), (1, now_open[0].number));
    assert_eq!(jobs[0].created, at(0), "as old as the oldest in it");
    assert!(spool.carried(first).await.unwrap().is_empty());
    assert_eq!(events(spool, "gathered").await.len(), 2);
    let claimed = claim_jobs(spool, "polux").await;
    let done = Outcome::JobDone { job: claimed[0].claim, note: "CY".into() };
    spool.settle(at(2), vec![done]).await.unwrap();
    assert!(spool.queue(None).await.unwrap().is_empty(), "all three went with it");
    assert_eq!(events(spool, "acknowledged").await.len(), 3);
}

async fn what_a_call_has_in_its_hands_is_not_taken_away(home: Home) {
    let spool = &home.spool;
    let number = batch(spool, "one\n", &["ida"]).await;
    let claimed = claim_jobs(spool, "polux").await;
    assert!(open(spool).await.is_empty());
    let due = due(spool, "two\n", &["ida"], "uusmtp").await;
    let gathered = Outcome::Gathered {
        deliveries: claims(&due),
        job: job("polux", 'C', "one two"),
        instead_of: vec![number],
    };
    assert!(is_conflict(spool.settle(at(1), vec![gathered]).await));
    assert_eq!(spool.jobs(None, None).await.unwrap().len(), 1, "nothing of it was done");
    // The peer may have begun on it: it stays as it is, also when the call is over.
    let deferred = Outcome::JobDeferred { job: claimed[0].claim, note: "carrier lost".into() };
    spool.settle(at(2), vec![deferred]).await.unwrap();
    assert!(open(spool).await.is_empty());
    let alone = Outcome::Handed { deliveries: claims(&due), job: job("polux", 'C', "two") };
    spool.settle(at(2), vec![alone]).await.unwrap();
    assert_eq!(open(spool).await.len(), 1);
}

async fn a_batch_of_before_is_closed(mut home: Home) {
    let in_memory = home.folder.is_none();
    batch(&home.spool, "one\n", &["ida"]).await;
    home.reopen(at(2)).await;
    assert_eq!(open(&home.spool).await.len(), usize::from(in_memory));
    let number = batch(&home.spool, "two\n", &["ida"]).await;
    assert_eq!(open(&home.spool).await[0].number, number);
}
