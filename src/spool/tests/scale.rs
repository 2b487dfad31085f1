//! What a verb takes does not depend on how much waits. Counted are the steps of SQLite's machine, not time.

use super::super::store::Store;
use super::*;

/// A spool where so many messages wait: two thirds for one site that failed, a third each for a site of its own; a tenth are held, and
/// a tenth are jobs. One more, the last, is due now.
fn filled(count: i64) -> Store {
    let mut store = Store::in_memory().unwrap();
    store.begin(true).unwrap();
    let later = at(100_000).as_microsecond();
    for sql in [
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO bodies (id, size, head, digest, filed) SELECT 10000000 + i, 0, x'', x'', 0 FROM n"
        ),
        format!(
            "INSERT INTO messages (id, sender, body, accepted, origin) SELECT id - 10000000, 'jan', id, {later}, '' FROM bodies"
        ),
        format!(
            "INSERT INTO deliveries (message, recipient, transport, site, address, state, due, attempts, deaths, note, tell, job)
                SELECT id, 'r' || id, 'smtp', iif(id % 3, 'smart', 's' || id), '',
                    CASE id % 10 WHEN 1 THEN 'held' WHEN 2 THEN 'handed' ELSE 'queued' END,
                    {later} + id, 1, 0, '', {later} + id, iif(id % 10 = 2, id, NULL) FROM messages"
        ),
        "INSERT INTO sites SELECT transport, site, min(due), 0, 0, NULL FROM deliveries WHERE state = 'queued'
            GROUP BY transport, site"
            .to_owned(),
        format!("UPDATE sites SET failures = 3, retry = {later} WHERE site = 'smart'"),
    ] {
        store.sql(&sql).unwrap();
    }
    store.commit().unwrap();
    store
}

/// The steps of each verb.
fn steps(count: i64) -> Vec<(&'static str, u64)> {
    let mut store = filled(count);
    store.begin(true).unwrap();
    let mut all = Vec::new();
    let mut verb = |name, store: &mut Store, work: &mut dyn FnMut(&mut Store)| {
        all.push((name, store.steps(|store| work(store))));
    };
    // What is prepared once is prepared before.
    let accept = |store: &mut Store| store.accept(None, vec![message("a\n", &["ida"])]).map(drop).unwrap();
    accept(&mut store);
    verb("accept", &mut store, &mut |store| accept(store));
    verb("next due", &mut store, &mut |store| assert_eq!(store.next_due().unwrap(), Some(at(0))));
    let mut due = Vec::new();
    verb("claim", &mut store, &mut |store| due = store.claim_deliveries(at(1), 1000, LEASE).unwrap());
    assert_eq!(due.len(), 2);
    verb("one message", &mut store, &mut |store| {
        assert_eq!(store.message(MessageId(count as u64 / 2 + 1)).unwrap().len(), 1);
    });
    verb("summary", &mut store, &mut |store| assert!(store.totals().unwrap().messages >= 2));
    verb("overdue", &mut store, &mut |store| assert!(store.overdue(at(1), 1000).unwrap().is_empty()));
    let outcome = Outcome::Delivered { deliveries: claims(&due), note: String::new() };
    verb("settle", &mut store, &mut |store| store.settle(at(2), outcome.clone()).unwrap());
    verb("site fails", &mut store, &mut |store| {
        store.site_failed("smtp", "smart", at(200_000)).unwrap();
    });
    verb("nothing due", &mut store, &mut |store| {
        assert!(store.claim_deliveries(at(3), 1000, LEASE).unwrap().is_empty());
    });
    verb("hold", &mut store, &mut |store| {
        assert_eq!(store.by_hand(ByHand::Hold, &[count as u64 / 10 * 10 - 1], "", at(4)).unwrap().done, 1);
    });
    all
}

#[test]
fn a_verb_takes_as_much_with_100_000_messages_as_with_100() {
    let (few, many) = (steps(100), steps(100_000));
    for ((name, few), (_, many)) in few.into_iter().zip(many) {
        assert!(few > 0 && many <= few * 3 / 2, "{name}: {few} steps with 100, {many} with 100 000");
    }
}
