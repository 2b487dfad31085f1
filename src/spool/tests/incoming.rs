//! Receipts, partial files, executions, pairs of D. and X. files.

use super::*;
use crate::job::{Digest, StableId};

on_both!(
    an_execution_is_kept_and_run_once,
    a_receipt_in_doubt_answers_only_the_same_offer,
    a_settled_receipt_refuses_nothing,
    the_same_bytes_in_doubt_are_dropped,
    a_stable_id_is_known_for_long,
    an_id_that_is_given_twice_hides_no_other_job,
    a_pair_comes_in_either_order,
    a_name_that_is_used_again_overwrites_nothing,
    the_newest_halves_belong_together,
    halves_that_stay_alone_are_kept_aside,
    a_file_is_to_be_placed,
    a_partial_is_found_by_its_whole_identity,
    a_partial_goes_on_where_it_is_safe,
    what_is_not_what_its_digest_says_is_dropped_with_its_partial,
    a_fetch_that_was_begun_is_known_by_its_job,
    a_name_that_says_nothing_is_taken_for_no_other,
    what_came_without_a_size_is_known_by_its_bytes,
    what_stays_in_doubt_does_so_for_as_long_as_anything_is_known,
    executions_are_deferred_and_refused,
    our_own_executions_are_kept_once,
);

fn identity(temp: &str, size: u64) -> Identity {
    Identity {
        peer: system("polux"),
        temp: temp.to_owned(),
        size: Some(size),
        user: "jan".to_owned(),
        command: "rmail ida".to_owned(),
        digest: None,
    }
}

/// Of a file of one block.
fn digest(bytes: &[u8]) -> Digest {
    Digest::of(*blake3::hash(bytes).as_bytes())
}

async fn arrival(spool: &Spool, identity: Identity, kind: ArrivalKind, bytes: &[u8]) -> Arrival {
    let body = body_of(spool, bytes).await;
    Arrival { identity, stable: None, kind, body, received: at(0) }
}

async fn mail(spool: &Spool, temp: &str, text: &str) -> Received {
    let kind = ArrivalKind::Execution(rmail("ida"));
    let arrival = arrival(spool, identity(temp, text.len() as u64), kind, text.as_bytes()).await;
    spool.receive(arrival).await.unwrap()
}

async fn data(spool: &Spool, name: &str, text: &str) -> Received {
    let mut identity = identity(name, text.len() as u64);
    identity.command = name.to_owned();
    let kind = ArrivalKind::Data { name: name.to_owned() };
    let arrival = arrival(spool, identity, kind, text.as_bytes()).await;
    spool.receive(arrival).await.unwrap()
}

async fn execution_file(spool: &Spool, name: &str, wants: &str, to: &str) -> Received {
    let text = format!("I {wants}\nC rmail {to}\n");
    let mut identity = identity(name, text.len() as u64);
    identity.command = name.to_owned();
    let input = Input::Spooled(wants.to_owned());
    let kind = ArrivalKind::ExecutionFile { name: name.to_owned(), execute: rmail(to), input };
    let arrival = arrival(spool, identity, kind, text.as_bytes()).await;
    spool.receive(arrival).await.unwrap()
}

/// What is due: to whom, and the text.
async fn due(spool: &Spool, now: i64) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for execution in spool.claim_executions(at(now), 100, LEASE).await.unwrap() {
        let Task::Run(execute) = &execution.task else { panic!("{execution:?}") };
        let text = match execution.body {
            Some(body) => read_all(spool, body.id).await,
            None => Vec::new(),
        };
        found.push((execute.command.arguments.join(" "), String::from_utf8(text).unwrap()));
    }
    found
}

fn pair(to: &str, text: &str) -> (String, String) {
    (to.to_owned(), text.to_owned())
}

async fn an_execution_is_kept_and_run_once(mut home: Home) {
    assert_eq!(mail(&home.spool, "D.1", "hello\n").await, Received::Kept);
    home.reopen(at(1)).await;
    assert_eq!(home.spool.next_due().await.unwrap(), Some(at(0)));
    let executions = home.spool.claim_executions(at(1), 10, LEASE).await.unwrap();
    assert_eq!(executions[0].peer, system("polux"));
    assert_eq!(executions[0].task, Task::Run(rmail("ida")));
    let body = executions[0].body.unwrap();
    let mut kept = message("", &["ida"]);
    kept.content = Content { head: b"Received: polux\n".to_vec(), rest: Some(body.id) };
    let done =
        Outcome::Executed { execution: executions[0].claim, messages: vec![kept], note: "rmail".into() };
    home.spool.settle(at(2), vec![done]).await.unwrap();
    assert!(home.spool.claim_executions(at(3), 10, LEASE).await.unwrap().is_empty());
    let due = claim_deliveries(&home.spool, 3).await;
    assert_eq!(read_all(&home.spool, due[0].body.id).await, b"Received: polux\nhello\n");
}

async fn a_receipt_in_doubt_answers_only_the_same_offer(home: Home) {
    let spool = &home.spool;
    mail(spool, "D.1", "hello\n").await;
    let same = identity("D.1", 6);
    assert!(spool.already_received(same.clone(), None).await.unwrap());
    let others = [
        Identity { peer: system("castor"), ..same.clone() },
        Identity { temp: "D.2".into(), ..same.clone() },
        Identity { size: Some(7), ..same.clone() },
        Identity { size: None, ..same.clone() },
        Identity { user: "uwe".into(), ..same.clone() },
        Identity { command: "rmail uwe".into(), ..same.clone() },
    ];
    for other in others {
        assert!(!spool.already_received(other.clone(), None).await.unwrap(), "{other:?}");
    }
}

async fn a_settled_receipt_refuses_nothing(mut home: Home) {
    mail(&home.spool, "D.1", "hello\n").await;
    home.spool.heard(system("castor"), at(1)).await.unwrap();
    assert!(home.spool.already_received(identity("D.1", 6), None).await.unwrap());
    home.spool.heard(system("polux"), at(1)).await.unwrap();
    home.reopen(at(2)).await;
    assert!(!home.spool.already_received(identity("D.1", 6), None).await.unwrap());
    assert_eq!(mail(&home.spool, "D.1", "hello\n").await, Received::Kept);
    assert_eq!(mail(&home.spool, "D.1", "other\n").await, Received::Kept);
    let texts: Vec<_> = due(&home.spool, 9).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["hello\n", "hello\n", "other\n"], "a peer may use a name again");
}

async fn the_same_bytes_in_doubt_are_dropped(mut home: Home) {
    assert_eq!(mail(&home.spool, "D.1", "hello\n").await, Received::Kept);
    home.reopen(at(1)).await;
    assert_eq!(mail(&home.spool, "D.1", "hello\n").await, Received::Already);
    assert_eq!(mail(&home.spool, "D.1", "HELLO\n").await, Received::Kept);
    assert_eq!(mail(&home.spool, "D.2", "hello\n").await, Received::Kept);
    assert_eq!(due(&home.spool, 1).await.len(), 3);
    // In whatever pieces a large one comes.
    let large = "x".repeat(3 * CHUNK);
    assert_eq!(mail(&home.spool, "D.3", &large).await, Received::Kept);
    let identity = identity("D.3", large.len() as u64);
    let again = arrival(&home.spool, identity, ArrivalKind::Execution(rmail("ida")), b"").await;
    for (piece, offset) in large.as_bytes().chunks(1000).zip((0..).step_by(1000)) {
        home.spool.body_append(again.body, offset, piece.to_vec()).await.unwrap();
    }
    assert_eq!(home.spool.receive(again).await.unwrap(), Received::Already);
}

async fn a_stable_id_is_known_for_long(home: Home) {
    let spool = &home.spool;
    let stable = Some(StableId { spool: u64::MAX, number: 7 });
    let identity = |temp: &str, size| Identity { digest: Some(digest(b"x")), ..identity(temp, size) };
    let offer = async |temp: &str| {
        let kind = ArrivalKind::Execution(rmail("ida"));
        let new = Arrival { stable, ..arrival(spool, identity(temp, 1), kind, b"x").await };
        spool.receive(new).await.unwrap()
    };
    assert!(!spool.already_received(identity("D.1", 1), stable).await.unwrap());
    assert_eq!(offer("D.1").await, Received::Kept);
    spool.heard(system("polux"), at(1)).await.unwrap();
    assert_eq!(offer("D.2").await, Received::Already);
    // Another peer that tells the same id, by accident or by a lie, hides nothing by it.
    let other = Identity { peer: system("leaf"), ..identity("D.2", 1) };
    assert!(!spool.already_received(other, stable).await.unwrap());
    spool.recover(at(399 * 86_400)).await.unwrap();
    assert!(spool.already_received(identity("D.3", 1), stable).await.unwrap());
    spool.recover(at(401 * 86_400)).await.unwrap();
    assert!(!spool.already_received(identity("D.3", 1), stable).await.unwrap());

    // The two halves of a pair are one job.
    let stable = Some(StableId { spool: 1, number: 8 });
    let half = async |name: &str, kind| {
        let identity = Identity { command: name.to_owned(), ..identity(name, 1) };
        spool.receive(Arrival { stable, ..arrival(spool, identity, kind, b"x").await }).await.unwrap()
    };
    let input = Input::Spooled("D.8".to_owned());
    let execution = ArrivalKind::ExecutionFile { name: "X.8".to_owned(), execute: rmail("ida"), input };
    assert_eq!(half("D.8", ArrivalKind::Data { name: "D.8".to_owned() }).await, Received::Kept);
    assert_eq!(half("X.8", execution.clone()).await, Received::Kept);
    assert_eq!(half("X.8", execution).await, Received::Already);
}

/// A peer whose spool was restored from a backup goes on from an earlier number.
async fn an_id_that_is_given_twice_hides_no_other_job(home: Home) {
    let spool = &home.spool;
    let stable = Some(StableId { spool: 9, number: 7 });
    let whole = async |temp: &str, to: &str, text: &str| {
        let identity = Identity { command: format!("rmail {to}"), ..identity(temp, text.len() as u64) };
        let kind = ArrivalKind::Execution(rmail(to));
        let new = arrival(spool, identity, kind, text.as_bytes()).await;
        spool.receive(Arrival { stable, ..new }).await.unwrap()
    };
    let half = async |name: &str, kind, text: &str| {
        let identity = Identity { command: name.to_owned(), ..identity(name, text.len() as u64) };
        let new = arrival(spool, identity, kind, text.as_bytes()).await;
        spool.receive(Arrival { stable, ..new }).await.unwrap()
    };
    assert_eq!(whole("D.7", "ida", "first\n").await, Received::Kept);
    spool.heard(system("polux"), at(1)).await.unwrap();
    let offered = async |text: &str, digest| {
        let told = Identity { digest, ..identity("D.7", text.len() as u64) };
        spool.already_received(told, stable).await.unwrap()
    };
    assert!(offered("first\n", Some(digest(b"first\n"))).await);
    assert!(!offered("other\n", Some(digest(b"other\n"))).await);
    assert!(!offered("other\n", None).await, "nothing says that it is the same");

    assert_eq!(whole("D.7", "ida", "other\n").await, Received::Kept);
    spool.heard(system("polux"), at(2)).await.unwrap();
    assert_eq!(whole("D.7", "ida", "other\n").await, Received::Already, "it is the one that is known now");
    assert_eq!(whole("D.7", "uwe", "other\n").await, Received::Kept, "the same text for somebody else");
    spool.heard(system("polux"), at(3)).await.unwrap();
    // As a pair of files, of which the first tells that it is another job.
    let input = Input::Spooled("D.7".to_owned());
    let execution = ArrivalKind::ExecutionFile { name: "X.7".to_owned(), execute: rmail("eva"), input };
    for came in [Received::Kept, Received::Already] {
        assert_eq!(half("D.7", ArrivalKind::Data { name: "D.7".to_owned() }, "third\n").await, came);
        assert_eq!(half("X.7", execution.clone(), "C rmail eva\n").await, came);
    }
    let expected = [("ida", "first\n"), ("ida", "other\n"), ("uwe", "other\n"), ("eva", "third\n")];
    assert_eq!(due(spool, 9).await, expected.map(|(to, text)| pair(to, text)));
}

async fn a_pair_comes_in_either_order(mut home: Home) {
    data(&home.spool, "D.1", "first\n").await;
    assert!(due(&home.spool, 1).await.is_empty());
    home.reopen(at(1)).await;
    execution_file(&home.spool, "X.1", "D.1", "ida").await;
    assert_eq!(due(&home.spool, 1).await, [pair("ida", "first\n")]);

    execution_file(&home.spool, "X.2", "D.2", "uwe").await;
    assert!(due(&home.spool, 1).await.is_empty());
    home.reopen(at(1)).await;
    data(&home.spool, "D.other", "no\n").await;
    assert!(due(&home.spool, 1).await.is_empty());
    data(&home.spool, "D.2", "second\n").await;
    assert_eq!(due(&home.spool, 1).await, [pair("uwe", "second\n")]);
}

async fn a_name_that_is_used_again_overwrites_nothing(home: Home) {
    let spool = &home.spool;
    for (text, to) in [("one\n", "ida"), ("two\n", "uwe")] {
        assert_eq!(data(spool, "D.1", text).await, Received::Kept);
        assert_eq!(execution_file(spool, "X.1", "D.1", to).await, Received::Kept);
        spool.heard(system("polux"), at(1)).await.unwrap();
    }
    assert_eq!(due(spool, 1).await, [pair("ida", "one\n"), pair("uwe", "two\n")]);
}

async fn the_newest_halves_belong_together(home: Home) {
    let spool = &home.spool;
    data(spool, "D.1", "forgotten by a peer that lost its spool\n").await;
    data(spool, "D.1", "new\n").await;
    execution_file(spool, "X.1", "D.1", "ida").await;
    assert_eq!(due(spool, 1).await, [pair("ida", "new\n")]);
    execution_file(spool, "X.2", "D.1", "uwe").await;
    assert_eq!(due(spool, 1).await, [pair("uwe", "forgotten by a peer that lost its spool\n")]);
}

async fn halves_that_stay_alone_are_kept_aside(home: Home) {
    let spool = &home.spool;
    data(spool, "D.1", "data\n").await;
    execution_file(spool, "X.2", "D.2", "ida").await;
    spool.recover(at(13 * 86_400)).await.unwrap();
    assert!(spool.quarantined(None).await.unwrap().is_empty());
    spool.recover(at(15 * 86_400)).await.unwrap();
    let kept = spool.quarantined(None).await.unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(read_all(spool, kept[0].body.unwrap().id).await, b"data\n");
    assert!(kept[1].reason.contains("rmail ida"), "{}", kept[1].reason);
}

async fn a_file_is_to_be_placed(home: Home) {
    let spool = &home.spool;
    let kind = ArrivalKind::File {
        to: "/pub/x".into(),
        mode: 0o644,
        make_directories: true,
        notify: Some("ida".into()),
    };
    let new = arrival(spool, identity("D.1", 3), kind, b"abc").await;
    spool.receive(new).await.unwrap();
    let executions = spool.claim_executions(at(1), 10, LEASE).await.unwrap();
    let task = Task::Place {
        to: "/pub/x".into(),
        mode: 0o644,
        make_directories: true,
        notify: Some("ida".into()),
        user: "jan".into(),
        fetched: false,
    };
    assert_eq!(executions[0].task, task);
    assert_eq!(read_all(spool, executions[0].body.unwrap().id).await, b"abc");
}

async fn a_partial_is_found_by_its_whole_identity(home: Home) {
    let spool = &home.spool;
    let same = identity("D.1", 100_000);
    let body = body_of(spool, &[b'x'; 70_000]).await;
    spool.keep_partial(same.clone(), body, at(10)).await.unwrap();
    let found = spool.find_partial(same.clone(), at(0)).await.unwrap();
    assert_eq!(found, Some(Partial { body, offset: 70_000 }));
    assert_eq!(spool.find_partial(same.clone(), at(11)).await.unwrap(), None, "too old");
    let others = [
        Identity { peer: system("castor"), ..same.clone() },
        Identity { temp: "D.2".into(), ..same.clone() },
        Identity { size: Some(7), ..same.clone() },
        Identity { size: None, ..same.clone() },
        Identity { user: "uwe".into(), ..same.clone() },
        Identity { command: "rmail uwe".into(), ..same.clone() },
        Identity { digest: Some(digest(b"x")), ..same.clone() },
    ];
    for other in others {
        assert_eq!(spool.find_partial(other, at(0)).await.unwrap(), None);
    }
}

async fn a_partial_goes_on_where_it_is_safe(mut home: Home) {
    let same = identity("D.1", 8);
    let body = home.spool.body_new().await.unwrap();
    home.spool.keep_partial(same.clone(), body, at(0)).await.unwrap();
    home.spool.body_append(body, 0, b"abcd".to_vec()).await.unwrap();
    home.spool.body_sync(body).await.unwrap();
    home.spool.body_append(body, 4, b"unsynced".to_vec()).await.unwrap();
    home.reopen(at(1)).await;
    let found = home.spool.find_partial(same.clone(), at(0)).await.unwrap().unwrap();
    assert_eq!(found, Partial { body, offset: 4 });
    home.spool.body_append(body, 2, b"CD".to_vec()).await.unwrap();
    home.reopen(at(2)).await;
    let found = home.spool.find_partial(same.clone(), at(0)).await.unwrap().unwrap();
    assert_eq!(found.offset, 2, "what was cut off is not safe any more");
    home.spool.body_append(body, 2, b"CDEFGH".to_vec()).await.unwrap();
    assert_eq!(read_all(&home.spool, body).await, b"abCDEFGH");

    let new = Arrival {
        identity: same.clone(),
        stable: None,
        kind: ArrivalKind::Execution(rmail("ida")),
        body,
        received: at(3),
    };
    assert_eq!(home.spool.receive(new.clone()).await.unwrap(), Received::Kept);
    assert_eq!(home.spool.find_partial(same, at(0)).await.unwrap(), None);
    home.reopen(at(4)).await;
    assert_eq!(due(&home.spool, 4).await, [pair("ida", "abCDEFGH")]);
}

/// It is read beside the writer, who may give it up meanwhile to make room.
#[tokio::test]
async fn a_partial_is_gone_on_with_only_if_it_is_still_there_once_it_is_read() {
    for given_up in [false, true] {
        let mut home = Home::directory().await;
        let same = identity("D.1", 8);
        let body = body_of(&home.spool, b"abcd").await;
        home.spool.keep_partial(same.clone(), body, at(0)).await.unwrap();
        home.reopen(at(1)).await;
        let writer = home.spool.writer();
        let found = writer.verb(0, move |store| store.find_partial(&same, at(0))).await.unwrap();
        let Some(store::FoundPartial::Unread(unread)) = found else { panic!("{found:?}") };
        if given_up {
            writer.verb(0, |store| store.sql("DELETE FROM partials").map(|_| ())).await.unwrap();
        }
        let read = unread.read().unwrap();
        let resumed = writer.verb(0, move |store| store.resume(read)).await.unwrap();
        assert_eq!(resumed, (!given_up).then_some(Partial { body, offset: 4 }));
    }
}

#[tokio::test]
async fn what_a_power_cut_leaves_behind_a_partial_is_no_part_of_it() {
    let mut home = Home::directory().await;
    let same = identity("D.1", 8);
    let body = body_of(&home.spool, b"abcd").await;
    home.spool.keep_partial(same.clone(), body, at(0)).await.unwrap();
    home.spool.close().await;
    let path = home.folder.as_ref().unwrap().path().join("bodies").join(format!("{:016x}", body.0));
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, &[0; 4]).unwrap();
    home.reopen(at(1)).await;
    let sound = Some(Partial { body, offset: 4 });
    assert_eq!(home.spool.find_partial(same.clone(), at(0)).await.unwrap(), sound);
    // The line drops before the first new byte.
    home.spool.keep_partial(same.clone(), body, at(2)).await.unwrap();
    home.reopen(at(3)).await;
    assert_eq!(home.spool.find_partial(same, at(0)).await.unwrap(), sound);
    assert_eq!(read_all(&home.spool, body).await, b"abcd");
}

async fn executions_are_deferred_and_refused(home: Home) {
    let spool = &home.spool;
    mail(spool, "D.1", "hello\n").await;
    let executions = spool.claim_executions(at(1), 10, LEASE).await.unwrap();
    let later =
        Outcome::ExecutionDeferred { execution: executions[0].claim, until: at(60), note: "busy".into() };
    spool.settle(at(1), vec![later]).await.unwrap();
    assert_eq!(spool.next_due().await.unwrap(), Some(at(60)));
    assert!(spool.claim_executions(at(59), 10, LEASE).await.unwrap().is_empty());
    let executions = spool.claim_executions(at(60), 10, LEASE).await.unwrap();
    assert_eq!(executions[0].attempts, 1);
    let notice = NewNotice { to: "polux!jan".into(), subject: "no".into(), text: "not allowed".into() };
    let refused = Outcome::Quarantined {
        execution: executions[0].claim,
        reason: "not allowed".into(),
        notices: vec![notice],
    };
    spool.settle(at(61), vec![refused]).await.unwrap();
    let kept = spool.quarantined(None).await.unwrap();
    assert_eq!((kept[0].from.as_str(), kept[0].reason.as_str()), ("polux", "not allowed"));
    assert_eq!(read_all(spool, kept[0].body.unwrap().id).await, b"hello\n");
    let notices = spool.claim_notices(at(61), 10, LEASE).await.unwrap();
    assert!(spool.claim_notices(at(61), 10, LEASE).await.unwrap().is_empty());
    let made = Outcome::Noticed { notice: notices[0].claim, message: Some(message("no\n", &["jan"])) };
    spool.settle(at(62), vec![made]).await.unwrap();
    spool.recover(at(100_000)).await.unwrap();
    assert!(spool.claim_notices(at(100_000), 10, LEASE).await.unwrap().is_empty());
    assert_eq!(spool.queue(None).await.unwrap().len(), 1);
}

async fn our_own_executions_are_kept_once(home: Home) {
    let spool = &home.spool;
    for _ in 0..2 {
        let content = Content::bytes(b"hello\n".to_vec());
        spool.submit_execution(Some(3), system("barberouge"), rmail("ida"), content, at(0)).await.unwrap();
    }
    assert_eq!(due(spool, 1).await, [pair("ida", "hello\n")]);
}

async fn what_is_not_what_its_digest_says_is_dropped_with_its_partial(mut home: Home) {
    let told = Identity { digest: Some(digest(b"hello\n")), ..identity("D.1", 6) };
    let kind = ArrivalKind::Execution(rmail("ida"));
    let wrong = arrival(&home.spool, told.clone(), kind.clone(), b"hallo\n").await;
    home.spool.keep_partial(told.clone(), wrong.body, at(0)).await.unwrap();
    assert_eq!(home.spool.receive(wrong.clone()).await.unwrap(), Received::Damaged);
    home.reopen(at(1)).await;
    assert!(due(&home.spool, 1).await.is_empty());
    assert_eq!(home.spool.find_partial(told.clone(), at(0)).await.unwrap(), None);
    assert!(is_missing(home.spool.body_read(wrong.body, 0, 1).await));
    assert!(!home.spool.already_received(told.clone(), None).await.unwrap(), "no receipt of it");
    let right = arrival(&home.spool, told, kind, b"hello\n").await;
    assert_eq!(home.spool.receive(right).await.unwrap(), Received::Kept);
    assert_eq!(due(&home.spool, 2).await, [pair("ida", "hello\n")]);
}

async fn a_fetch_that_was_begun_is_known_by_its_job(mut home: Home) {
    let told = Identity { digest: Some(digest(b"whole")), ..identity("R.7", 100_000) };
    let body = body_of(&home.spool, &[b'x'; 70_000]).await;
    home.spool.keep_partial(told.clone(), body, at(10)).await.unwrap();
    home.reopen(at(11)).await;
    let spool = &home.spool;
    let begun = async |peer, name: &str, oldest| {
        spool.begun(system(peer), name.to_owned(), at(oldest)).await.unwrap()
    };
    assert_eq!(begun("polux", "R.7", 0).await, Some((digest(b"whole"), 70_000)));
    assert_eq!(begun("polux", "R.8", 0).await, None);
    assert_eq!(begun("castor", "R.7", 0).await, None);
    assert_eq!(begun("polux", "R.7", 11).await, None, "too old");
    assert!(spool.find_partial(told, at(0)).await.unwrap().is_some());
}

async fn a_name_that_says_nothing_is_taken_for_no_other(home: Home) {
    for _ in 0..2 {
        assert_eq!(mail(&home.spool, "", "hello\n").await, Received::Kept);
        assert!(!home.spool.already_received(identity("", 6), None).await.unwrap());
    }
    assert_eq!(due(&home.spool, 1).await.len(), 2);
}

/// Who tells no sizes cannot be told that something came before; it sends again, and the same bytes are dropped.
async fn what_came_without_a_size_is_known_by_its_bytes(home: Home) {
    let spool = &home.spool;
    let told = Identity { size: None, ..identity("D.1", 0) };
    for (text, received) in
        [("hello\n", Received::Kept), ("hello\n", Received::Already), ("other\n", Received::Kept)]
    {
        assert!(!spool.already_received(told.clone(), None).await.unwrap());
        let kind = ArrivalKind::Execution(rmail("ida"));
        let new = arrival(spool, told.clone(), kind, text.as_bytes()).await;
        assert_eq!(spool.receive(new).await.unwrap(), received);
    }
}

async fn what_stays_in_doubt_does_so_for_as_long_as_anything_is_known(mut home: Home) {
    mail(&home.spool, "D.1", "hello\n").await;
    home.reopen(at(1)).await;
    home.spool.recover(at(399 * 86_400)).await.unwrap();
    assert!(home.spool.already_received(identity("D.1", 6), None).await.unwrap());
    assert_eq!(mail(&home.spool, "D.1", "hello\n").await, Received::Already);
}
