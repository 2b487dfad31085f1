//! Messages, deliveries, append intents.

use super::*;

on_both!(
    a_message_is_delivered_and_gone,
    a_large_body_survives,
    a_body_is_written_in_order_and_cut,
    a_finished_body_is_shared_until_nobody_needs_it,
    all_messages_or_none,
    deferred_deliveries_wait_for_their_time,
    a_bounce_may_be_made_of_the_bounced,
    held_deliveries_stay,
    deliveries_come_in_order_of_age,
    the_queue_comes_in_pages,
    an_intent_keeps_its_deliveries_until_it_is_settled,
    an_open_intent_is_given_out_after_a_crash,
    imported_files_are_kept_once,
);

async fn a_message_is_delivered_and_gone(mut home: Home) {
    let ids = home.spool.accept(Some(7), vec![message("hello\n", &["ida", "uwe"])]).await.unwrap();
    assert_eq!(home.spool.accept(Some(7), vec![message("hello\n", &["ida", "uwe"])]).await.unwrap(), ids);
    home.reopen(at(1)).await;
    assert_eq!(home.spool.accept(Some(7), vec![message("hello\n", &["ida", "uwe"])]).await.unwrap(), ids);
    let queue = home.spool.queue(None).await.unwrap();
    assert_eq!(queue.len(), 2);
    assert_eq!((queue[0].size, queue[0].state, queue[0].attempts), (6, DeliveryState::Queued, 0));
    assert_eq!(home.spool.next_due().await.unwrap(), Some(at(0)));

    let due = claim_deliveries(&home.spool, 1).await;
    assert_eq!(due.iter().map(|d| d.recipient.as_str()).collect::<Vec<_>>(), ["ida", "uwe"]);
    assert_eq!((due[0].sender.as_str(), due[0].attempts, due[0].refusal.as_ref()), ("jan@polux", 0, None));
    assert!(claim_deliveries(&home.spool, 1).await.is_empty());
    assert_eq!(home.spool.next_due().await.unwrap(), None);
    assert_eq!(read_all(&home.spool, due[0].body.id).await, b"hello\n");
    let outcome =
        |index: usize| Outcome::Delivered { deliveries: vec![due[index].claim], note: "mbox".into() };
    home.spool.settle(at(2), vec![outcome(0)]).await.unwrap();
    assert_eq!(home.spool.queue(None).await.unwrap().len(), 1);
    home.spool.settle(at(2), vec![outcome(1)]).await.unwrap();
    assert!(home.spool.queue(None).await.unwrap().is_empty());
    assert!(is_missing(home.spool.body_read(due[0].body.id, 0, 10).await));
    assert_eq!(events(&home.spool, "delivered").await.len(), 2);
    assert_eq!(events(&home.spool, "accepted").await.len(), 1);
    assert!(is_conflict(home.spool.settle(at(3), vec![outcome(0)]).await));
}

async fn a_large_body_survives(mut home: Home) {
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    let rest = body_of(&home.spool, &bytes).await;
    let mut new = message("", &["ida"]);
    new.content = Content { head: b"Received: here\n".to_vec(), rest: Some(rest) };
    home.spool.accept(None, vec![new]).await.unwrap();
    home.reopen(at(1)).await;
    let due = claim_deliveries(&home.spool, 1).await;
    let expected = [b"Received: here\n".as_slice(), &bytes].concat();
    assert_eq!(due[0].body.size, expected.len() as u64);
    assert!(read_all(&home.spool, due[0].body.id).await == expected);
    let done = Outcome::Delivered { deliveries: claims(&due), note: String::new() };
    home.spool.settle(at(2), vec![done]).await.unwrap();
    if let Some(folder) = &home.folder {
        assert_eq!(std::fs::read_dir(folder.path().join("bodies")).unwrap().count(), 0);
    }
}

async fn a_body_is_written_in_order_and_cut(home: Home) {
    let spool = &home.spool;
    let body = spool.body_new().await.unwrap();
    spool.body_append(body, 0, b"hello".to_vec()).await.unwrap();
    spool.body_append(body, 5, b" world".to_vec()).await.unwrap();
    spool.body_append(body, 5, b" world".to_vec()).await.unwrap();
    assert_eq!(read_all(spool, body).await, b"hello world");
    spool.body_append(body, 5, b"!".to_vec()).await.unwrap();
    assert_eq!(read_all(spool, body).await, b"hello!");
    assert_eq!(spool.body_read(body, 2, 3).await.unwrap(), b"llo");
    assert!(spool.body_read(body, 100, 3).await.unwrap().is_empty());
    let gap = spool.body_append(body, 7, b"x".to_vec()).await;
    assert!(matches!(gap, Err(SpoolError::Misuse(_))));
    let much = spool.body_append(body, 6, vec![0; MOST_AT_ONCE + 1]).await;
    assert!(matches!(much, Err(SpoolError::Misuse(_))));
    let early = spool.body_append_begin(body, 6, vec![b'?'; MOST_AT_ONCE]).await.unwrap();
    let late = spool.body_append_begin(body, 6 + MOST_AT_ONCE as u64, b"!".to_vec()).await.unwrap();
    late.done().await.unwrap();
    early.done().await.unwrap();
    assert!(read_all(spool, body).await == [b"hello!".as_slice(), &[b'?'; MOST_AT_ONCE], b"!"].concat());
    spool.body_sync(body).await.unwrap();
    spool.body_drop(body).await.unwrap();
    assert!(is_missing(spool.body_append(body, 0, b"x".to_vec()).await));
    assert!(is_missing(spool.body_read(body, 0, 1).await));
}

async fn a_finished_body_is_shared_until_nobody_needs_it(home: Home) {
    let spool = &home.spool;
    let shared = body_of(spool, &[b'x'; 70_000]).await;
    let with_head = |head: &str| {
        let mut new = message("", &["ida"]);
        new.content = Content { head: head.as_bytes().to_vec(), rest: Some(shared) };
        new
    };
    spool.accept(None, vec![with_head("one\n"), with_head("two\n"), with_head("")]).await.unwrap();
    let late = spool.body_append(shared, 0, b"no".to_vec()).await;
    assert!(matches!(late, Err(SpoolError::Misuse(_))));
    let due = claim_deliveries(spool, 1).await;
    assert_eq!(due.iter().map(|d| d.body.size).collect::<Vec<_>>(), [70_004, 70_004, 70_000]);
    for (index, delivery) in due.iter().enumerate() {
        assert_eq!(spool.body_read(due[2].body.id, 0, 1).await.unwrap(), b"x", "{index}");
        let start = spool.body_read(delivery.body.id, 0, 4).await.unwrap();
        assert_eq!(start, [b"one\n", b"two\n", b"xxxx"][index]);
        let done = Outcome::Delivered { deliveries: vec![delivery.claim], note: String::new() };
        spool.settle(at(2), vec![done]).await.unwrap();
    }
    assert!(is_missing(spool.body_read(shared, 0, 1).await));
}

async fn all_messages_or_none(home: Home) {
    let mut broken = message("", &["uwe"]);
    broken.content = Content::body(BodyId(999));
    let refused = home.spool.accept(Some(1), vec![message("a\n", &["ida"]), broken]).await;
    assert!(is_missing(refused));
    assert!(home.spool.queue(None).await.unwrap().is_empty());
    assert!(events(&home.spool, "accepted").await.is_empty());
    home.spool.accept(Some(1), vec![message("a\n", &["ida"])]).await.unwrap();
    assert_eq!(home.spool.queue(None).await.unwrap().len(), 1);
}

async fn deferred_deliveries_wait_for_their_time(home: Home) {
    accept(&home.spool, "a\n", &["ida"]).await;
    let due = claim_deliveries(&home.spool, 1).await;
    let deferred = Outcome::Deferred { deliveries: claims(&due), until: at(60), note: "locked".into() };
    home.spool.settle(at(1), vec![deferred]).await.unwrap();
    assert!(claim_deliveries(&home.spool, 59).await.is_empty());
    assert_eq!(home.spool.next_due().await.unwrap(), Some(at(60)));
    assert_eq!(home.spool.queue(None).await.unwrap()[0].note, "locked");
    assert_eq!(claim_deliveries(&home.spool, 60).await[0].attempts, 1);
}

async fn a_bounce_may_be_made_of_the_bounced(home: Home) {
    accept(&home.spool, "a\n", &["nobody"]).await;
    let due = claim_deliveries(&home.spool, 1).await;
    let mut report = message("", &["jan"]);
    report.content = Content { head: b"report\n".to_vec(), rest: Some(due[0].body.id) };
    let bounced =
        Outcome::Bounced { deliveries: claims(&due), note: "unknown".into(), reports: vec![report] };
    home.spool.settle(at(2), vec![bounced]).await.unwrap();
    let due = claim_deliveries(&home.spool, 2).await;
    assert_eq!(due.len(), 1);
    assert_eq!(read_all(&home.spool, due[0].body.id).await, b"report\na\n");
    assert_eq!(events(&home.spool, "bounced").await.len(), 1);
}

async fn held_deliveries_stay(home: Home) {
    accept(&home.spool, "a\n", &["ida"]).await;
    let due = claim_deliveries(&home.spool, 1).await;
    let held = Outcome::Held { deliveries: claims(&due), note: "odd".into() };
    home.spool.settle(at(2), vec![held]).await.unwrap();
    assert!(claim_deliveries(&home.spool, 1_000_000).await.is_empty());
    assert_eq!(home.spool.queue(None).await.unwrap()[0].state, DeliveryState::Held);
}

async fn deliveries_come_in_order_of_age(home: Home) {
    for (age, name) in [(5, "late"), (1, "first"), (3, "middle")] {
        let mut new = message(name, &[name]);
        new.accepted = at(age);
        home.spool.accept(None, vec![new]).await.unwrap();
    }
    let due = home.spool.claim_deliveries(at(5), 2, LEASE).await.unwrap();
    assert_eq!(due.iter().map(|d| d.recipient.as_str()).collect::<Vec<_>>(), ["first", "middle"]);
}

async fn the_queue_comes_in_pages(home: Home) {
    let messages = (0..600).map(|n| message(&n.to_string(), &["ida", "uwe"])).collect();
    home.spool.accept(None, messages).await.unwrap();
    let first = home.spool.queue(None).await.unwrap();
    let second = home.spool.queue(Some(first.last().unwrap().message)).await.unwrap();
    assert!(first.len() <= 1000);
    assert_eq!(first.len() + second.len(), 1200);
}

fn intent(path: &str, deliveries: &[Delivery]) -> Intent {
    Intent {
        id: 0,
        path: path.to_owned(),
        device: 1,
        inode: u64::MAX,
        length_before: 10,
        length: 20,
        digest: [7; 32],
        deliveries: claims(deliveries),
    }
}

async fn an_intent_keeps_its_deliveries_until_it_is_settled(home: Home) {
    let spool = &home.spool;
    accept(spool, "a\n", &["ida"]).await;
    accept(spool, "b\n", &["ida"]).await;
    let due = claim_deliveries(spool, 1).await;
    let id = spool.intend(intent("/mail/ida", &due)).await.unwrap();
    assert!(is_conflict(spool.intend(intent("/mail/ida", &[])).await));
    assert!(spool.open_intents(at(1), LEASE).await.unwrap().is_empty(), "somebody works on it");
    spool.settle_intent(id, vec![due[0].claim], at(30), at(2)).await.unwrap();
    assert!(is_missing(spool.settle_intent(id, vec![], at(30), at(2)).await));
    assert!(claim_deliveries(spool, 29).await.is_empty());
    let again = claim_deliveries(spool, 30).await;
    assert_eq!(again.iter().map(|d| d.message).collect::<Vec<_>>(), [due[1].message]);
    let id = spool.intend(intent("/mail/ida", &again)).await.unwrap();
    spool.settle_intent(id, claims(&again), at(40), at(31)).await.unwrap();
    assert!(spool.queue(None).await.unwrap().is_empty());
}

async fn an_open_intent_is_given_out_after_a_crash(home: Home) {
    let spool = &home.spool;
    accept(spool, "a\n", &["ida"]).await;
    accept(spool, "b\n", &["ida"]).await;
    let mut due = claim_deliveries(spool, 1).await;
    due.reverse();
    spool.intend(intent("/mail/ida", &due)).await.unwrap();
    spool.recover(at(10_000)).await.unwrap();
    assert!(claim_deliveries(spool, 10_000).await.is_empty(), "the mailbox was not looked at yet");
    let open = spool.open_intents(at(10_000), LEASE).await.unwrap();
    let (found, deliveries) = &open[0];
    assert_eq!((found.path.as_str(), found.inode, found.digest), ("/mail/ida", u64::MAX, [7; 32]));
    let order: Vec<_> = deliveries.iter().map(|d| d.message).collect();
    assert_eq!(order, [due[0].message, due[1].message], "as they were written");
    assert!(spool.open_intents(at(10_000), LEASE).await.unwrap().is_empty());
    let stale = spool.settle_intent(found.id, claims(&due), at(1), at(10_001)).await;
    assert!(is_conflict(stale));
    spool.settle_intent(found.id, claims(deliveries), at(1), at(10_001)).await.unwrap();
    assert!(spool.queue(None).await.unwrap().is_empty());
}

async fn imported_files_are_kept_once(home: Home) {
    let batch = || vec![message("a\n", &["ida"]), message("b\n", &["ida"])];
    assert_eq!(home.spool.import([1; 32], batch(), at(1)).await.unwrap(), Import::Kept);
    assert_eq!(home.spool.import([1; 32], batch(), at(2)).await.unwrap(), Import::Already);
    assert_eq!(home.spool.queue(None).await.unwrap().len(), 2);
}
