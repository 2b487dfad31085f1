//! The two clocks of a delivery, in virtual time: when it is tried, and when its sender is told.

use super::*;
use crate::fault::{Fault, Retry, Stage, Whose};
use crate::post::delivery::Failed;
use crate::spool::{Delivery, EventFilter, MessageId, NewMessage, Notify, Return};
use jiff::{SignedDuration, Timestamp};

/// A transport that reaches no site.
pub(in crate::post::queue) fn unreachable(deliveries: Vec<Delivery>) -> Vec<Failed> {
    let fault = Fault {
        stage: Stage::Deliver,
        whose: Whose::Line,
        retry: Retry::Later,
        message: "no answer".to_owned(),
        advice: String::new(),
    };
    vec![Failed { deliveries, fault }]
}

const LEASE: Duration = Duration::from_secs(600);

/// So long after some time, which is not that of the clock.
fn after(hours: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + hours * 3600).unwrap()
}

fn hours(at: Timestamp) -> i64 {
    at.duration_since(after(0)).as_hours()
}

/// A message of ida that came in at hour 0, with what its envelope says beside.
async fn accept(site: &Site, to: &[&str], text: &str, change: impl Fn(&mut NewMessage)) -> MessageId {
    let mut mail = Site::incoming("ida", to, text);
    mail.arrived = after(0);
    let mut prepared = site.door.prepare(mail).await.unwrap().messages;
    prepared.iter_mut().for_each(change);
    site.spool.accept(None, prepared).await.unwrap()[0]
}

/// Works from one due time to the next, up to an hour.
async fn work_until(site: &Site, until: i64) {
    while let Some(next) = site.spool.next_due().await.unwrap().filter(|next| *next <= after(until)) {
        site.worker.pass_at(next).await.unwrap();
    }
}

/// The hours at which something happened.
async fn happened(site: &Site, what: &str) -> Vec<i64> {
    let (mut all, mut last) = (Vec::new(), None);
    loop {
        let filter = EventFilter { after: last, ..EventFilter::default() };
        let page = site.spool.events(filter).await.unwrap();
        let Some((id, _)) = page.last() else { return all };
        last = Some(*id);
        let found = page.into_iter().map(|(_, event)| event).filter(|event| event.what == what);
        all.extend(found.map(|event| hours(event.at)));
    }
}

fn count(site: &Site, what: &str) -> usize {
    site.mailbox("ida").matches(what).count()
}

#[tokio::test]
async fn a_locked_mailbox_is_tried_every_quarter_of_an_hour_warned_of_once_and_given_up_once() {
    let site = Site::new();
    std::fs::write(site.path("jan"), "no mbox\n").unwrap();
    accept(&site, &["jan"], TEXT, |_| {}).await;
    work_until(&site, 3).await;
    assert_eq!(
        happened(&site, "deferred").await.len(),
        1 + 1 + 12,
        "at once, after 1, 5, 20, 35 minutes and so on"
    );
    assert_eq!(site.mailbox("ida"), "");
    work_until(&site, 95).await;
    assert_eq!((count(&site, "Subject: Delayed mail"), count(&site, "Undelivered")), (1, 0));
    assert_eq!(happened(&site, "warned").await, [4]);
    work_until(&site, 500).await;
    assert_eq!((count(&site, "Subject: Delayed mail"), count(&site, "Subject: Undelivered")), (1, 1));
    assert_eq!(happened(&site, "bounced").await, [96]);
    let mbox = site.mailbox("ida");
    assert!(mbox.contains("Status: 4.4.7") && mbox.contains("given up after 4 days: "), "{mbox}");
    assert!(mbox.contains("Will-Retry-Until: "));
    assert!(site.spool.queue(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_job_is_warned_of_after_two_missed_contacts_and_recalled_after_a_week() {
    let site = Site::new();
    accept(&site, &["leaf!x", "leaf!y"], TEXT, |_| {}).await;
    work_until(&site, 71).await;
    assert_eq!((site.mailbox("ida").as_str(), happened(&site, "handed").await.len()), ("", 2));
    work_until(&site, 167).await;
    assert_eq!(count(&site, "Subject: Delayed mail"), 1, "one for both recipients");
    assert_eq!(happened(&site, "warned").await, [72, 72]);
    assert!(site.mailbox("ida").contains("it waits for a call with leaf"));
    work_until(&site, 1000).await;
    assert_eq!(count(&site, "Subject: Undelivered"), 1);
    assert_eq!(happened(&site, "bounced").await, [168, 168]);
    assert_eq!(happened(&site, "recalled").await, [168]);
    assert!(site.spool.jobs(None, None).await.unwrap().is_empty());
    assert!(site.spool.queue(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_job_in_a_call_is_given_up_when_the_call_has_left_it() {
    let site = Site::new();
    accept(&site, &["leaf!x"], TEXT, |_| {}).await;
    work_until(&site, 167).await;
    let week = Duration::from_secs(10 * 24 * 3600);
    let jobs = site.spool.claim_jobs(after(167), system("leaf"), Wanted::default(), 9, week).await.unwrap();
    work_until(&site, 169).await;
    assert_eq!((count(&site, "Undelivered"), happened(&site, "bounced").await.len()), (0, 0));
    let cut = Outcome::JobDeferred { job: jobs[0].claim, note: "carrier lost".to_owned() };
    site.spool.settle(after(169), vec![cut]).await.unwrap();
    work_until(&site, 170).await;
    assert_eq!(happened(&site, "bounced").await, [169]);
    // What the call had got through after all would have been settled by it.
    let stale = Outcome::JobDone { job: jobs[0].claim, note: "CY".to_owned() };
    assert!(site.spool.settle(after(171), vec![stale]).await.is_err());
}

#[tokio::test]
async fn a_sender_hears_what_it_asked_to_hear() {
    let site = Site::new();
    std::fs::write(site.path("jan"), "no mbox\n").unwrap();
    let notify = |notify: Notify| {
        move |message: &mut NewMessage| {
            message.deliveries.iter_mut().for_each(|delivery| delivery.notify = Some(notify));
        }
    };
    accept(&site, &["jan"], TEXT, notify(Notify::NEVER)).await;
    accept(&site, &["leaf!x"], TEXT, notify(Notify::NEVER)).await;
    work_until(&site, 1000).await;
    assert_eq!(site.mailbox("ida"), "", "nothing, ever");
    assert_eq!(happened(&site, "bounced").await.len(), 2);

    let only_success = |message: &mut NewMessage| {
        notify(Notify { success: true, ..Notify::NEVER })(message);
        message.envid = Some("QQ+3D314159".to_owned());
        message.ret = Some(Return::Full);
        message.deliveries[0].orcpt = Some("rfc822;a@b".to_owned());
    };
    accept(&site, &["leaf!y"], TEXT, only_success).await;
    work_until(&site, 1).await;
    assert_eq!(site.mailbox("ida"), "", "it is only handed over");
    let jobs = site.spool.claim_jobs(after(1), system("leaf"), Wanted::default(), 9, LEASE).await.unwrap();
    let done = Outcome::JobDone { job: jobs[0].claim, note: "CY".to_owned() };
    site.spool.settle(after(1), vec![done]).await.unwrap();
    work_until(&site, 2).await;
    let mbox = site.mailbox("ida");
    assert!(mbox.contains("Subject: Delivered mail") && mbox.contains("\nAction: relayed\n"), "{mbox}");
    assert!(mbox.contains("Original-Envelope-Id: QQ=314159\n"), "{mbox}");
    assert!(mbox.contains("Original-Recipient: rfc822;a@b\nFinal-Recipient: rfc822; leaf!y\n"), "{mbox}");
    assert!(mbox.contains("text/rfc822-headers"), "what arrived does not come back");
    accept(&site, &["ida"], TEXT, only_success).await;
    // A mailbox is written at the time of the clock.
    work_until(&site, 1_000_000).await;
    assert_eq!(count(&site, "Action: delivered"), 1);
    assert!(site.spool.queue(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_site_that_does_not_answer_is_not_tried_for_each_message() {
    let site = Site::new();
    let to_host = |message: &mut NewMessage| {
        message.deliveries.iter_mut().for_each(|delivery| {
            (delivery.transport, delivery.site) = ("down".to_owned(), "far.example".to_owned());
        });
    };
    for _ in 0..50 {
        accept(&site, &["jan"], TEXT, to_host).await;
    }
    accept(&site, &["jan"], TEXT, |_| {}).await;
    site.worker.pass_at(after(0)).await.unwrap();
    assert_eq!(site.mailbox("jan").matches("Subject: hello").count(), 1, "others do not wait");
    let queue = site.spool.queue(None).await.unwrap();
    assert_eq!((queue.len(), queue.iter().filter(|entry| entry.note == "no answer").count()), (50, 50));
    let first = site.spool.next_due().await.unwrap().unwrap();
    assert_eq!(first, after(0) + SignedDuration::from_mins(1));
    site.worker.pass_at(first).await.unwrap();
    let tried =
        |entries: Vec<crate::spool::QueueEntry>| entries.iter().filter(|entry| entry.attempts > 1).count();
    assert_eq!(
        tried(site.spool.queue(None).await.unwrap()),
        10,
        "with a few, and after the first of them no more"
    );
    assert_eq!(site.spool.next_due().await.unwrap(), Some(first + SignedDuration::from_mins(4)));
    work_until(&site, 500).await;
    assert_eq!(count(&site, "Subject: Delayed mail"), 50);
    assert_eq!(count(&site, "Subject: Undelivered mail"), 50);
}

#[tokio::test]
async fn nobody_is_told_of_what_a_stranger_wrote_in_his_name() {
    let site = Site::new();
    for sender in ["ida", "ida@polux.example", "polux!ida"] {
        let mut mail = Site::incoming(sender, &["nobody", "leaf!x"], TEXT);
        mail.origin.submitter = None;
        site.door.accept(mail).await.unwrap();
    }
    site.work().await;
    let jobs = site.jobs("leaf").await;
    for (job, _) in jobs {
        let refused = Outcome::JobRefused { job: job.claim, note: "no".to_owned(), notice: None };
        site.spool.settle(clock::wall(), vec![refused]).await.unwrap();
    }
    site.work().await;
    assert_eq!(site.mailbox("ida"), "");
    assert!(site.spool.queue(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn reports_to_one_address_have_a_limit_and_postmaster_may_have_copies() {
    let site = Site::with(|settings| {
        settings.reports_per_hour = 3;
        settings.postmaster_copies = true;
    });
    for _ in 0..5 {
        site.accept("joe@leaf.uucp", &["nobody"], "Subject: lost\n\nsecret\n").await;
    }
    site.work().await;
    assert_eq!(site.jobs("leaf").await.len(), 3);
    // Postmaster is ida, for want of another.
    assert_eq!(count(&site, "Subject: Undelivered mail"), 3);
    assert_eq!((count(&site, "Subject: lost"), count(&site, "secret")), (3, 0), "headers alone");
}
