//! Calls, wishes, history.

use super::*;
use crate::fault::CallFailure;

on_both!(
    one_call_a_system,
    a_good_call_takes_its_wish,
    what_the_modem_tells_afterwards_is_in_the_record,
    a_wish_during_a_call_stays_if_work_is_left,
    what_was_asked_for_at_once_is_tried_at_once_but_once,
    what_was_never_dialled_hides_nothing_that_was,
    the_calls_to_a_number_are_told_apart,
    a_call_whose_owner_is_gone_is_over,
    what_calls_cost_is_in_the_account_of_their_month,
    the_account_knows_what_a_call_cost_that_broke_off,
    history_is_read_in_pages,
    what_strangers_do_is_noted_so_often_an_hour_and_then_said_once,
    something_refused_at_the_door_is_kept,
);

fn call(to: &str) -> NewCall {
    NewCall { system: system(to), line: "tty0".into(), outgoing: true, began: at(0) }
}

async fn one_call_a_system(home: Home) {
    let spool = &home.spool;
    let lease = spool.call_began(call("polux"), LEASE).await.unwrap();
    assert!(is_conflict(spool.call_began(call("polux"), LEASE).await));
    spool.call_began(call("castor"), LEASE).await.unwrap();
    spool.renew(at(100), vec![lease.claim], LEASE).await.unwrap();
    let record = CallRecord { bytes_sent: 7, connect: Some("CONNECT 9600".into()), ..CallRecord::default() };
    spool.call_ended(lease, at(9), record.clone()).await.unwrap();
    assert!(is_conflict(spool.call_ended(lease, at(9), record.clone()).await));
    spool.call_began(call("polux"), LEASE).await.unwrap();
    let calls = spool.calls(Some(system("polux")), 10).await.unwrap();
    assert_eq!((calls.len(), calls[0].ended, calls[1].ended), (2, None, Some(at(9))));
    assert_eq!(calls[1].record, record);
    assert_eq!(spool.calls(None, 1).await.unwrap().len(), 1);
}

async fn a_good_call_takes_its_wish(mut home: Home) {
    let wish = |grade, why: &str, since| Wish {
        system: system("polux"),
        grade: Grade::new(grade).unwrap(),
        why: why.to_owned(),
        since: at(since),
        at_once: grade == 'z',
    };
    for new in [wish('N', "files", 5), wish('C', "mail", 9), wish('z', "news", 7)] {
        home.spool.want_call(new).await.unwrap();
    }
    home.reopen(at(10)).await;
    let wishes = home.spool.wishes().await.unwrap();
    assert_eq!(wishes.len(), 1);
    assert_eq!((wishes[0].grade.letter(), wishes[0].why.as_str(), wishes[0].since), ('C', "mail", at(9)));
    assert!(wishes[0].at_once, "one of them was");
    let began = |seconds| NewCall { began: at(seconds), ..call("polux") };
    let failed = CallRecord { failure: Some("BUSY".into()), ..CallRecord::default() };
    let lease = home.spool.call_began(began(10), LEASE).await.unwrap();
    home.spool.call_ended(lease, at(11), failed).await.unwrap();
    assert_eq!(home.spool.wishes().await.unwrap().len(), 1, "a failed call fulfils nothing");
    let lease = home.spool.call_began(began(12), LEASE).await.unwrap();
    home.spool.call_ended(lease, at(13), CallRecord::default()).await.unwrap();
    assert!(home.spool.wishes().await.unwrap().is_empty());
}

async fn what_the_modem_tells_afterwards_is_in_the_record(home: Home) {
    let spool = &home.spool;
    let lease = spool.call_began(call("polux"), LEASE).await.unwrap();
    let record = CallRecord { bytes_sent: 7, ..CallRecord::default() };
    spool.call_ended(lease, at(2), record.clone()).await.unwrap();
    let report =
        ModemReport { blocks_resent: Some(3), text: "blocks sent again: 3".into(), ..ModemReport::default() };
    spool.call_reported(lease.id, report.clone()).await.unwrap();
    let calls = spool.calls(None, 10).await.unwrap();
    assert_eq!(calls[0].record, CallRecord { modem: Some(report), ..record });
}

async fn a_wish_during_a_call_stays_if_work_is_left(home: Home) {
    let spool = &home.spool;
    let wish =
        Wish { system: system("polux"), grade: Grade::MAIL, why: "mail".into(), since: at(5), at_once: true };
    let during = || async {
        let lease = spool.call_began(call("polux"), LEASE).await.unwrap();
        spool.want_call(wish.clone()).await.unwrap();
        spool.call_ended(lease, at(9), CallRecord::default()).await.unwrap();
        spool.wishes().await.unwrap().len()
    };
    assert_eq!(during().await, 0, "the call has done it all");
    spool.submit_job(None, job("polux", 'C', "late")).await.unwrap();
    assert_eq!(during().await, 1);
}

fn failed(kind: CallFailure) -> CallRecord {
    CallRecord { failure: Some("it failed".into()), kind: Some(kind), ..CallRecord::default() }
}

async fn past(spool: &Spool, new: NewCall, record: CallRecord) {
    let began = new.began;
    let lease = spool.call_began(new, LEASE).await.unwrap();
    spool.call_ended(lease, began, record).await.unwrap();
}

async fn what_was_asked_for_at_once_is_tried_at_once_but_once(home: Home) {
    let spool = &home.spool;
    let wish = |since, at_once| Wish {
        system: system("polux"),
        grade: Grade::MAIL,
        why: "mail".into(),
        since: at(since),
        at_once,
    };
    let urgent = async || spool.wishes().await.unwrap()[0].at_once;
    let began = |seconds, outgoing| NewCall { began: at(seconds), outgoing, ..call("polux") };
    spool.want_call(wish(5, true)).await.unwrap();
    past(spool, began(6, true), failed(CallFailure::OwnSide)).await;
    let taken = CallRecord { line_taken: true, ..failed(CallFailure::Busy) };
    past(spool, began(7, true), taken).await;
    past(spool, began(8, false), failed(CallFailure::Login)).await;
    assert!(urgent().await, "it was not tried yet");
    past(spool, began(4, true), failed(CallFailure::Voice)).await;
    assert!(urgent().await, "it was uttered after that");
    past(spool, began(9, true), failed(CallFailure::Voice)).await;
    assert!(!urgent().await);
    spool.want_call(wish(10, false)).await.unwrap();
    assert!(!urgent().await, "nobody has asked for that one at once");
    spool.want_call(wish(11, true)).await.unwrap();
    assert!(urgent().await);
}

async fn what_was_never_dialled_hides_nothing_that_was(home: Home) {
    let spool = &home.spool;
    let began = |seconds| NewCall { began: at(seconds), ..call("polux") };
    past(spool, began(1), failed(CallFailure::Busy)).await;
    past(spool, began(2), CallRecord::default()).await;
    let taken = CallRecord { line_taken: true, failure: Some("in use".into()), ..CallRecord::default() };
    for seconds in 3..103 {
        let record = if seconds % 2 == 0 { taken.clone() } else { failed(CallFailure::OwnSide) };
        past(spool, began(seconds), record).await;
    }
    let tried = spool.calls_tried(system("polux"), at(1000), 2).await.unwrap();
    let seen: Vec<_> = tried.calls.iter().map(|past| (past.call.began, past.record.kind)).collect();
    assert_eq!(seen, [(at(2), None), (at(1), Some(CallFailure::Busy))]);
    assert_eq!((tried.line_taken, tried.taken_last), (50, Some(at(102))));
    let before = spool.calls_tried(system("polux"), at(10), 2).await.unwrap();
    assert_eq!((before.line_taken, before.taken_last), (4, Some(at(10))), "as it was then");
    past(spool, began(200), CallRecord::default()).await;
    let tried = spool.calls_tried(system("polux"), at(1000), 1).await.unwrap();
    assert_eq!((tried.calls.len(), tried.line_taken, tried.taken_last), (1, 0, None));
    assert_eq!(
        spool.calls_on_line("tty0".into(), 200).await.unwrap().len(),
        53,
        "but for those that it was taken for"
    );
    assert!(spool.calls_on_line("tty1".into(), 200).await.unwrap().is_empty());
}

async fn the_calls_to_a_number_are_told_apart(home: Home) {
    let spool = &home.spool;
    for (seconds, number) in [(1, "5551"), (2, "5552"), (3, "5551"), (4, "5552"), (5, "5552")] {
        let record = CallRecord { number: Some(number.into()), ..CallRecord::default() };
        past(spool, NewCall { began: at(seconds), ..call("polux") }, record).await;
    }
    past(spool, NewCall { began: at(6), ..call("polux") }, CallRecord::default()).await;
    let to = async |number: &str, rows| {
        let calls = spool.calls_to_number(system("polux"), number.into(), rows).await.unwrap();
        calls.into_iter().map(|past| past.call.began).collect::<Vec<_>>()
    };
    assert_eq!(to("5551", 9).await, [at(3), at(1)]);
    assert_eq!(to("5552", 2).await, [at(5), at(4)]);
    assert!(to("5553", 9).await.is_empty());
}

async fn a_call_whose_owner_is_gone_is_over(home: Home) {
    let spool = &home.spool;
    spool.call_began(call("polux"), LEASE).await.unwrap();
    spool.recover(at(599)).await.unwrap();
    assert!(is_conflict(spool.call_began(call("polux"), LEASE).await));
    spool.recover(at(600)).await.unwrap();
    spool.call_began(call("polux"), LEASE).await.unwrap();
    let calls = spool.calls(None, 10).await.unwrap();
    assert!(calls[1].record.failure.is_some());
}

fn charge(month: &str, seconds: u64, thousandths: u64) -> Charge {
    Charge { month: month.into(), seconds, thousandths }
}

async fn what_calls_cost_is_in_the_account_of_their_month(mut home: Home) {
    for (to, month, cost) in [("polux", "2026-10", 7), ("castor", "2026-11", 60), ("polux", "2026-11", 65)] {
        let lease = home.spool.call_began(call(to), LEASE).await.unwrap();
        home.spool.call_costs(lease, charge(month, 600, 999)).await.unwrap();
        let record = CallRecord { charge: Some(charge(month, cost, cost)), ..CallRecord::default() };
        home.spool.call_ended(lease, at(9), record).await.unwrap();
    }
    let free = home.spool.call_began(call("polux"), LEASE).await.unwrap();
    home.spool.call_ended(free, at(10), CallRecord::default()).await.unwrap();
    home.reopen(at(11)).await;
    let account =
        async |line: &str, month: &str| home.spool.charges(line.into(), month.into()).await.unwrap();
    let november = Charges { calls: 2, seconds: 125, thousandths: 125 };
    assert_eq!(account("tty0", "2026-11").await, november, "what it was to cost is forgotten");
    assert_eq!(account("tty0", "2026-10").await.thousandths, 7);
    assert_eq!(account("tty1", "2026-11").await, Charges::default());
    home.spool.recover(at(500 * 86_400)).await.unwrap();
    assert_eq!(
        account("tty0", "2026-11").await,
        november,
        "a clock that runs ahead gives nobody the money back"
    );
}

async fn the_account_knows_what_a_call_cost_that_broke_off(home: Home) {
    let spool = &home.spool;
    let lease = spool.call_began(call("polux"), LEASE).await.unwrap();
    spool.call_costs(lease, charge("2026-11", 90, 120)).await.unwrap();
    spool.call_costs(lease, charge("2026-11", 180, 240)).await.unwrap();
    spool.recover(at(600)).await.unwrap();
    let past = spool.calls(None, 1).await.unwrap();
    assert_eq!(past[0].record.charge, Some(charge("2026-11", 180, 240)));
    assert!(past[0].record.failure.is_some());
    assert_eq!(spool.charges("tty0".into(), "2026-11".into()).await.unwrap().thousandths, 240);
}

async fn history_is_read_in_pages(home: Home) {
    let spool = &home.spool;
    for number in 0..5 {
        let event = Event {
            at: at(number),
            what: "test".into(),
            ids: format!("n={number}"),
            system: (number % 2 == 0).then(|| system("polux")),
            text: "text".into(),
        };
        spool.note(event).await.unwrap();
    }
    let all = spool.events(EventFilter::default()).await.unwrap();
    assert_eq!(all.len(), 5);
    let filter = EventFilter { system: Some(system("polux")), after: Some(all[0].0), limit: 1 };
    let some = spool.events(filter).await.unwrap();
    assert_eq!(some, [all[2].clone()]);
    spool.recover(at(500 * 86_400)).await.unwrap();
    assert!(spool.events(EventFilter::default()).await.unwrap().is_empty());
}

async fn what_strangers_do_is_noted_so_often_an_hour_and_then_said_once(home: Home) {
    let event = |second: i64| Event {
        at: at(second),
        what: "call".to_owned(),
        ids: "line=modem".to_owned(),
        system: None,
        text: "garbage".to_owned(),
    };
    let beginning = 3600 - at(0).as_second().rem_euclid(3600);
    for second in 0..100 {
        home.spool.note_at_most(3, event(beginning + second)).await.unwrap();
    }
    let texts = |events: Vec<(u64, Event)>| -> Vec<String> {
        events.into_iter().map(|(_, event)| event.text).collect()
    };
    let kept = texts(home.spool.events(EventFilter::default()).await.unwrap());
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert_eq!(kept[2], "garbage");
    assert!(kept[3].starts_with("garbage; there are more"), "{kept:?}");
    home.spool.note_at_most(3, event(beginning + 3600)).await.unwrap();
    assert_eq!(home.spool.events(EventFilter::default()).await.unwrap().len(), 5, "another hour");
}

async fn something_refused_at_the_door_is_kept(mut home: Home) {
    let notice = NewNotice { to: "root".into(), subject: "batch".into(), text: "broken".into() };
    let content = Content::bytes(b"HELO\n".to_vec());
    let id = home
        .spool
        .quarantine("batch.rsmtp".into(), "cut off".into(), content, vec![notice], at(1))
        .await
        .unwrap();
    home.reopen(at(2)).await;
    let kept = home.spool.quarantined(None).await.unwrap();
    assert_eq!((kept.len(), kept[0].id, kept[0].at), (1, id, at(1)));
    assert!(home.spool.quarantined(Some(id)).await.unwrap().is_empty());
    assert_eq!(read_all(&home.spool, kept[0].body.unwrap().id).await, b"HELO\n");
    assert_eq!(home.spool.claim_notices(at(2), 10, LEASE).await.unwrap().len(), 1);
    assert_eq!(events(&home.spool, "quarantined").await.len(), 1);
}
