//! Mail through the door and out at the other end, over a spool in memory.

pub(super) mod clocks;

use super::*;
use crate::agent::Agent;
use crate::clock;
use crate::job::{Grade, SystemName, Work};
use crate::post::address::{Address, AddressStyle};
use crate::post::delivery::uucp;
use crate::post::mail::{Envelope, Sender, With};
use crate::post::route::{Neighbour, Tables, Transport};
use crate::spool::{ByHand, Content, DeliveryState, Job, NewNotice, Outcome, Spool, Wanted};
use std::path::PathBuf;
use std::time::Duration;

/// The site `polux` with users jan and ida, neighbours leaf (rmail) and feed (rsmtp).
struct Site {
    folder: tempfile::TempDir,
    spool: Spool,
    door: Door,
    worker: Worker,
}

fn system(name: &str) -> SystemName {
    name.parse().unwrap()
}

impl Site {
    fn new() -> Site {
        Site::on(Spool::in_memory())
    }

    fn on(spool: Spool) -> Site {
        Site::made(spool, |_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Site {
        Site::made(Spool::in_memory(), change)
    }

    fn made(spool: Spool, change: impl FnOnce(&mut Settings)) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let mut tables = Tables::new(system("polux"));
        tables.domains = vec!["polux.example".to_owned()];
        for user in ["jan", "ida"] {
            tables.users.insert(user.to_owned(), folder.path().join(user));
        }
        tables
            .aliases
            .insert("all".to_owned(), vec!["jan".to_owned(), "ida".to_owned(), "nobody".to_owned()]);
        tables.neighbours.insert(system("leaf"), Neighbour::default());
        let feed = Neighbour { transport: Some(Transport::Uusmtp), ..Neighbour::default() };
        tables.neighbours.insert(system("feed"), feed);
        for (name, transport) in [
            ("oldbsd", Transport::UuxOneAddr),
            ("sun", Transport::Demand),
            ("curdsgw", Transport::DemandUusmtp),
            ("museum", Transport::Queueonly),
        ] {
            let grade = Grade::new('Q').filter(|_| name == "sun");
            let neighbour = Neighbour { transport: Some(transport), grade, ..Neighbour::default() };
            tables.neighbours.insert(system(name), neighbour);
        }
        let mut settings = Settings::new("polux.example".to_owned());
        change(&mut settings);
        let door = Door::new(spool.clone(), settings, tables);
        let agent = Agent::new(crate::agent::Settings { lock_wait: Duration::ZERO, ..Default::default() });
        let uucp = uucp::Settings::new(system("polux"), "polux.example".to_owned());
        let worker = Worker::new(door.clone(), agent, uucp);
        Site { folder, spool, door, worker }
    }

    /// The same, with everything for `leaf` and addresses in one style.
    fn styled(style: AddressStyle) -> Site {
        let mut site = Site::new();
        let mut tables = Tables::clone(&site.door.tables());
        tables.neighbours.insert(system("leaf"), Neighbour { style: Some(style), ..Neighbour::default() });
        tables.smart_host = Some(system("leaf").into());
        site.door = Door::new(site.spool.clone(), site.door.settings().clone(), tables);
        let agent = Agent::new(crate::agent::Settings {
            lock_wait: Duration::ZERO,
            ..crate::agent::Settings::default()
        });
        let uucp = uucp::Settings::new(system("polux"), "polux.example".to_owned());
        site.worker = Worker::new(site.door.clone(), agent, uucp);
        site
    }

    fn incoming(sender: &str, recipients: &[&str], text: &str) -> Incoming {
        let recipients = recipients.iter().map(|text| Address::parse(text).unwrap()).collect();
        Incoming {
            envelope: Envelope { sender: Sender::parse(sender).unwrap(), recipients },
            unreadable: Vec::new(),
            content: Content::bytes(text.as_bytes().to_vec()),
            origin: Origin {
                with: With::Smtp,
                from: Some("127.0.0.1".to_owned()),
                claimed: None,
                text: "smtp 127.0.0.1".to_owned(),
                // It may send as whom it likes.
                submitter: Some(Submitter { from: "somebody@polux.example".to_owned(), full_name: None }),
            },
            arrived: clock::wall(),
            asked: Asked::default(),
        }
    }

    async fn accept(&self, sender: &str, recipients: &[&str], text: &str) -> Accepted {
        self.door.accept(Site::incoming(sender, recipients, text)).await.unwrap()
    }

    async fn body_of(&self, text: &str) -> crate::spool::BodyId {
        let body = self.spool.body_new().await.unwrap();
        for (number, piece) in text.as_bytes().chunks(crate::spool::CHUNK).enumerate() {
            let offset = (number * crate::spool::CHUNK) as u64;
            self.spool.body_append(body, offset, piece.to_vec()).await.unwrap();
        }
        body
    }

    /// Works until nothing is due.
    async fn work(&self) {
        while self.worker.pass().await.unwrap() > 0 {}
    }

    fn mailbox(&self, user: &str) -> String {
        let bytes = std::fs::read(self.folder.path().join(user)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn path(&self, user: &str) -> PathBuf {
        self.folder.path().join(user)
    }

    async fn jobs(&self, peer: &str) -> Vec<(Job, String)> {
        let now = clock::wall();
        let claimed = self
            .spool
            .claim_jobs(now, system(peer), Wanted::default(), 100, Duration::from_secs(60))
            .await
            .unwrap();
        let mut jobs = Vec::new();
        for job in claimed {
            let bytes =
                crate::post::delivery::body::read_whole(&self.spool, job.body.unwrap()).await.unwrap();
            jobs.push((job, String::from_utf8_lossy(&bytes).into_owned()));
        }
        jobs
    }
}

fn command(job: &Job) -> String {
    match &job.work {
        Work::Execute(execute) => execute.command.to_string(),
        other => panic!("{other:?}"),
    }
}

const TEXT: &str = "Subject: hello\n\nFrom here\n.\nend";

#[tokio::test]
async fn mail_for_a_user_here_reaches_the_mailbox_once() {
    let site = Site::new();
    let accepted = site.accept("joe@far.example", &["jan", "ida@polux.example", "Jan"], TEXT).await;
    site.work().await;
    for user in ["jan", "ida"] {
        let mbox = site.mailbox(user);
        assert_eq!(mbox.matches("Subject: hello\n").count(), 1, "{mbox}");
        assert!(mbox.starts_with("From joe@far.example "), "{mbox}");
        assert!(
            mbox.contains("Return-Path: <joe@far.example>\nReceived: from 127.0.0.1\n\tby polux.example")
        );
        assert!(mbox.contains(&format!(" id {};", accepted.id)));
        assert!(mbox.ends_with("\n\n>From here\n.\nend\n\n"));
    }
    assert!(site.spool.queue(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn mail_for_a_neighbour_becomes_rmail_jobs_of_five_addresses() {
    let site = Site::new();
    let recipients: Vec<String> = (0..12).map(|number| format!("leaf!user{number}")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    site.accept("jan", &recipients, TEXT).await;
    site.work().await;
    let jobs = site.jobs("leaf").await;
    let commands: Vec<String> = jobs.iter().map(|(job, _)| command(job)).collect();
    let expected =
        ["rmail user0 user1 user2 user3 user4", "rmail user5 user6 user7 user8 user9", "rmail user10 user11"];
    assert_eq!(commands, expected);
    for (job, text) in &jobs {
        assert!(text.starts_with("From jan ") && text.contains(" remote from polux\nReceived: "), "{text}");
        assert!(text.ends_with(TEXT));
        assert_eq!(job.grade.letter(), 'C');
        assert!(matches!(&job.work, Work::Execute(execute) if execute.requestor.as_deref() == Some("jan")));
    }
}

#[tokio::test]
async fn mail_for_an_rsmtp_neighbour_is_one_batch() {
    let site = Site::new();
    site.accept("jan", &["feed!a", "feed!b"], TEXT).await;
    site.accept("", &["feed!c"], "Subject: report\n\nx\n").await;
    site.work().await;
    let jobs = site.jobs("feed").await;
    assert_eq!(jobs.len(), 1);
    let (job, batch) = &jobs[0];
    assert_eq!(command(job), "rsmtp");
    assert!(
        batch.starts_with("HELO polux.example\nMAIL FROM:<polux!jan>\nRCPT TO:<a>\nRCPT TO:<b>\nDATA\n"),
        "{batch}"
    );
    assert!(batch.contains("\n..\nend\n.\nMAIL FROM:<>\nRCPT TO:<c>\nDATA\n"));
    assert!(batch.ends_with("\n.\nQUIT\n"));
}

#[tokio::test]
async fn a_batch_grows_with_recipients_and_ends_with_bytes() {
    let site = Site::new();
    let recipients: Vec<String> = (0..500).map(|number| format!("feed!user{number}")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    site.accept("jan", &recipients, TEXT).await;
    site.work().await;
    let jobs = site.jobs("feed").await;
    assert_eq!((jobs.len(), jobs[0].1.matches("RCPT TO:").count()), (1, 500));
    let large = format!("Subject: large\n\n{}", "0123456789\n".repeat(4_500));
    for _ in 0..30 {
        site.accept("jan", &["feed!a", "feed!b"], &large).await;
    }
    site.work().await;
    let messages: Vec<usize> =
        site.jobs("feed").await.iter().map(|(_, batch)| batch.matches("\nDATA\n").count()).collect();
    assert_eq!(messages, [21, 9]);
}

#[tokio::test]
async fn the_null_sender_leaves_as_mailer_daemon() {
    let site = Site::new();
    site.accept("<>", &["leaf!joe"], TEXT).await;
    site.work().await;
    let jobs = site.jobs("leaf").await;
    assert!(jobs[0].1.starts_with("From MAILER-DAEMON "));
    assert!(matches!(&jobs[0].0.work, Work::Execute(execute)
        if execute.requestor.as_deref() == Some("MAILER-DAEMON") && execute.notify == crate::job::Notify::Never));
}

#[tokio::test]
async fn all_unknown_users_of_a_message_are_reported_once() {
    let site = Site::new();
    let accepted = site.accept("ida", &["nobody1", "jan", "nobody2", "x@nowhere.example", "all"], TEXT).await;
    assert_eq!(accepted.messages.len(), 2);
    site.work().await;
    assert_eq!(site.mailbox("jan").matches("Subject: hello").count(), 1);
    let mbox = site.mailbox("ida");
    // The copy by the alias, and one report that quotes the message.
    assert_eq!(mbox.matches("Subject: Undelivered mail\n").count(), 1, "{mbox}");
    for failed in ["nobody1", "nobody2", "x@nowhere.example", "all"] {
        assert_eq!(mbox.matches(&format!("Final-Recipient: rfc822; {failed}\n")).count(), 1, "{failed}");
    }
    assert!(mbox.contains("Status: 5.1.1") && mbox.contains("Status: 5.1.2"));
    assert!(mbox.contains("From MAILER-DAEMON "));
}

#[tokio::test]
async fn what_the_null_sender_sends_to_nobody_is_kept_and_not_answered() {
    let site = Site::new();
    let accepted = site.accept("<>", &["nobody"], TEXT).await;
    assert!(accepted.messages.is_empty());
    let kept = site.spool.quarantined(None).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].reason.contains("the sender is null"), "{}", kept[0].reason);
    let events =
        site.spool.events(crate::spool::EventFilter { limit: 100, ..Default::default() }).await.unwrap();
    assert_eq!(events.iter().filter(|(_, event)| event.what == "dropped").count(), 1);
    assert!(site.spool.queue(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_report_without_a_way_to_the_sender_goes_to_postmaster() {
    let site = Site::new();
    site.accept("ghost@nowhere.example", &["nobody"], TEXT).await;
    site.work().await;
    // No alias and no setting: the first user.
    let mbox = site.mailbox("ida");
    assert!(mbox.contains("To: <ghost@nowhere.example>\nSubject: Undelivered mail\n"), "{mbox}");
    assert!(site.spool.queue(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_loop_ends_with_one_report() {
    let site = Site::new();
    let text = format!("{}Subject: round\n\nx\n", "Received: by a; now\n".repeat(25));
    site.accept("ida", &["leaf!jan", "jan"], &text).await;
    site.work().await;
    assert!(site.jobs("leaf").await.is_empty());
    assert_eq!(site.mailbox("jan"), "");
    assert_eq!(site.mailbox("ida").matches("Status: 5.4.6").count(), 2);
}

#[tokio::test]
async fn what_comes_back_from_a_mailbox_ends_with_one_report() {
    let site = Site::new();
    site.accept("joe@leaf.uucp", &["jan@polux.example"], TEXT).await;
    site.work().await;
    let mbox = site.mailbox("jan");
    let (_, forwarded) = mbox.split_once('\n').unwrap();
    assert!(forwarded.contains("\nDelivered-To: jan@polux.example\n"), "{mbox}");
    site.accept("ida", &["Jan", "ida"], forwarded).await;
    site.work().await;
    assert_eq!(site.mailbox("jan"), mbox);
    let report = site.mailbox("ida");
    assert_eq!((report.matches("Status: 5.4.6").count(), report.matches("Subject: hello").count()), (1, 2));
}

#[tokio::test]
async fn a_job_that_the_neighbour_refuses_is_reported() {
    let site = Site::new();
    site.accept("ida", &["leaf!x", "leaf!y"], TEXT).await;
    site.work().await;
    let jobs = site.jobs("leaf").await;
    let note = "command not allowed".to_owned();
    let refused = Outcome::JobRefused { job: jobs[0].0.claim, note, notice: None };
    site.spool.settle(clock::wall(), vec![refused]).await.unwrap();
    site.work().await;
    let mbox = site.mailbox("ida");
    assert_eq!(mbox.matches("Subject: Undelivered mail\n").count(), 1, "{mbox}");
    assert_eq!(mbox.matches("leaf refused it: command not allowed").count(), 4);
    assert!(site.spool.queue(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_mailbox_of_another_format_defers_and_is_left_alone() {
    let site = Site::new();
    std::fs::write(site.path("jan"), "\u{1}\u{1}\u{1}\u{1}\n").unwrap();
    site.accept("ida", &["jan"], TEXT).await;
    site.work().await;
    assert_eq!(site.mailbox("jan"), "\u{1}\u{1}\u{1}\u{1}\n");
    let queue = site.spool.queue(None).await.unwrap();
    assert_eq!((queue.len(), queue[0].state), (1, DeliveryState::Queued));
    assert!(queue[0].due > clock::wall());
    assert!(queue[0].note.contains("does not begin like an mbox"), "{}", queue[0].note);
}

#[tokio::test]
async fn an_old_message_warns_once_and_is_given_up_with_one_report() {
    let site = Site::new();
    std::fs::write(site.path("jan"), "no mbox\n").unwrap();
    let hours = |hours: i64| clock::wall() - jiff::SignedDuration::from_hours(hours);
    let mut mail = Site::incoming("ida", &["jan"], TEXT);
    mail.arrived = hours(5);
    site.door.accept(mail).await.unwrap();
    site.work().await;
    let warnings = site.mailbox("ida").matches("Subject: Delayed mail").count();
    assert_eq!(warnings, 1);
    let mut mail = Site::incoming("ida", &["jan"], TEXT);
    mail.arrived = hours(97);
    site.door.accept(mail).await.unwrap();
    site.work().await;
    assert_eq!(site.mailbox("ida").matches("Status: 4.4.7").count(), 1);
    assert_eq!(site.spool.queue(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_notice_becomes_mail_that_nobody_answers() {
    let site = Site::new();
    for to in ["ida", "leaf!joe", "nobody", "no address\n"] {
        let subject = "Job failed\nBcc: all".to_owned();
        let notice = NewNotice { to: to.to_owned(), subject, text: "it did".to_owned() };
        site.spool.notify(notice, clock::wall()).await.unwrap();
    }
    site.work().await;
    let mbox = site.mailbox("ida");
    assert!(mbox.contains("Subject: Job failed Bcc: all\n") && mbox.ends_with("\n\nit did\n\n"), "{mbox}");
    assert_eq!(
        mbox.matches("To: <nobody>\n").count(),
        1,
        "postmaster reads what was for nobody here: {mbox}"
    );
    assert!(site.jobs("leaf").await[0].1.starts_with("From MAILER-DAEMON "));
    assert!(site.spool.queue(None).await.unwrap().iter().all(|entry| entry.state == DeliveryState::Handed));
}

#[tokio::test]
async fn a_large_message_keeps_every_byte() {
    let site = Site::new();
    let text: Vec<u8> =
        b"Subject: big\n\n".iter().copied().chain((0..3_000_000u32).map(|n| (n % 255) as u8 | 1)).collect();
    let mut writer = crate::post::delivery::body::Writer::new(&site.spool);
    for piece in text.chunks(10_001) {
        writer.write(piece).await.unwrap();
    }
    assert_eq!(writer.length(), text.len() as u64);
    let mut mail = Site::incoming("ida", &["jan", "leaf!joe"], "");
    mail.content = writer.finish().await.unwrap();
    site.door.accept(mail).await.unwrap();
    site.work().await;
    let jobs = site
        .spool
        .claim_jobs(clock::wall(), system("leaf"), Wanted::default(), 1, Duration::from_secs(60))
        .await
        .unwrap();
    let sent = crate::post::delivery::body::read_whole(&site.spool, jobs[0].body.unwrap()).await.unwrap();
    assert!(sent.ends_with(&text));
    assert!(std::fs::metadata(site.path("jan")).unwrap().len() > text.len() as u64);
}

#[tokio::test]
async fn a_header_too_large_for_our_trace_is_kept_whole() {
    let site = Site::new();
    let text = format!("Subject: {}\n\nbody\n", "x".repeat(65_500));
    site.accept("ida", &["jan"], &text).await;
    site.work().await;
    assert!(site.mailbox("jan").ends_with(&format!("{text}\n")));
}

#[tokio::test]
async fn a_batch_is_taken_whole_or_not_at_all() {
    let site = Site::new();
    let good = "HELO leaf\nMAIL FROM:<joe>\nRCPT TO:<jan>\nRCPT TO:<|sh>\nDATA\nSubject: one\n\n..x\n.\n\
                MAIL FROM:<>\nRCPT TO:<ida>\nDATA\nSubject: two\n\nx\n.\nQUIT\n";
    for cut in [good.len(), good.len() - 20] {
        let body = site.spool.body_new().await.unwrap();
        site.spool.body_append(body, 0, good.as_bytes()[..cut].to_vec()).await.unwrap();
        let body = crate::spool::BodyRef { id: body, size: cut as u64 };
        let batch =
            site.door.prepare_batch(body, Some(&system("leaf")), "rsmtp from leaf", clock::wall()).await;
        if cut < good.len() {
            assert!(matches!(batch, Err(UnbatchError::Broken(_))));
            continue;
        }
        let batch = batch.unwrap();
        assert_eq!((batch.count, batch.messages.len(), batch.dropped.len()), (2, 3, 0));
        site.spool.accept(None, batch.messages).await.unwrap();
    }
    site.work().await;
    assert!(site.mailbox("jan").contains("\nSubject: one\n\n.x\n"));
    assert!(site.mailbox("ida").contains("\nSubject: two\n\nx\n"));
    let report = &site.jobs("leaf").await[0];
    assert_eq!(command(&report.0), "rmail joe");
    assert!(report.1.contains("Status: 5.1.3"), "{}", report.1);
}

#[tokio::test]
async fn the_worker_sees_to_what_comes_in_until_it_is_stopped() {
    let site = Site::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(site.worker.clone().run(stopped));
    site.accept("ida", &["jan"], TEXT).await;
    while !site.spool.queue(None).await.unwrap().is_empty() {
        site.spool.changed().await;
    }
    assert_eq!(site.mailbox("jan").matches("Subject: hello").count(), 1);
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_locked_mailbox_does_not_hold_up_the_others() {
    let mut site = Site::new();
    // Nobody waits that long in this test.
    let agent =
        Agent::new(crate::agent::Settings { lock_wait: Duration::from_secs(600), ..Default::default() });
    let uucp = uucp::Settings::new(system("polux"), "polux.example".to_owned());
    site.worker = Worker::new(site.door.clone(), agent, uucp);
    let mut lock = std::fs::File::create(site.folder.path().join("jan.lock")).unwrap();
    std::io::Write::write_all(&mut lock, format!("{}\n", std::process::id()).as_bytes()).unwrap();
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(site.worker.clone().run(stopping));
    site.accept("ann@leaf.uucp", &["jan"], TEXT).await;
    for count in 1..=3 {
        site.accept("ann@leaf.uucp", &["ida"], TEXT).await;
        let delivered = async {
            while site.mailbox("ida").matches("Subject: hello\n").count() < count {
                tokio::task::yield_now().await;
            }
        };
        clock::within(Duration::from_secs(120), delivered).await.unwrap();
    }
    assert_eq!(site.mailbox("jan"), "");
    std::fs::remove_file(site.folder.path().join("jan.lock")).unwrap();
    stop.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(site.mailbox("jan").matches("Subject: hello\n").count(), 1, "what was begun is finished");
}

/// A body that a disk has lost: neither the mailbox nor the report can have it.
#[tokio::test]
async fn a_message_that_cannot_be_read_is_held_alone() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on(Spool::open(folder.path(), clock::wall()).await.unwrap());
    let large = format!("Subject: large\n\n{}", "0123456789\n".repeat(9_000));
    site.accept("ann@leaf.uucp", &["jan"], TEXT).await;
    let mut mail = Site::incoming("ann@leaf.uucp", &["jan", "ida"], "");
    mail.content = Content::body(site.body_of(&large).await);
    site.door.accept(mail).await.unwrap();
    site.accept("ann@leaf.uucp", &["jan"], TEXT).await;
    let mut lost = 0;
    for entry in std::fs::read_dir(folder.path().join("bodies")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
        lost += 1;
    }
    assert!(lost > 0);
    site.accept("ann@leaf.uucp", &["ida"], TEXT).await;
    site.work().await;
    let count = |user: &str| site.mailbox(user).matches("Subject: hello\n").count();
    assert_eq!((count("jan"), count("ida")), (2, 1), "the others are delivered");
    let left = site.spool.queue(None).await.unwrap();
    assert_eq!(left.len(), 2);
    for entry in left {
        assert_eq!(entry.state, DeliveryState::Held);
        assert!(entry.note.contains("cannot be told"), "{}", entry.note);
    }
}

#[tokio::test]
async fn each_transport_makes_its_own_jobs() {
    let site = Site::new();
    for neighbour in ["leaf", "oldbsd", "sun", "curdsgw", "museum"] {
        let recipients: Vec<String> = (0..12).map(|n| format!("{neighbour}!user{n}")).collect();
        let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
        site.accept("jan", &recipients, TEXT).await;
    }
    site.work().await;
    let wishes = site.spool.wishes().await.unwrap();
    let mut wished: Vec<_> = wishes.iter().map(|wish| (wish.system.as_str(), wish.grade.letter())).collect();
    wished.sort_unstable();
    assert_eq!(wished, [("curdsgw", 'C'), ("sun", 'Q')]);
    for (neighbour, jobs) in [("leaf", 3), ("oldbsd", 12), ("sun", 3), ("curdsgw", 1), ("museum", 0)] {
        assert_eq!(site.jobs(neighbour).await.len(), jobs, "{neighbour}");
    }
    let queue = site.spool.queue(None).await.unwrap();
    let museum: Vec<_> = queue.iter().filter(|entry| entry.transport == "queueonly").collect();
    assert_eq!(museum.len(), 12);
    assert!(museum.iter().all(|entry| entry.state == DeliveryState::Queued && entry.site == "uux museum"));
    let kept: Vec<u64> = museum.iter().map(|entry| entry.delivery).collect();
    site.spool.by_hand(ByHand::Requeue, kept, String::new(), clock::wall()).await.unwrap();
    site.work().await;
    assert_eq!(site.jobs("museum").await.len(), 3);
}

/// The four styles of sendmail, to one neighbour each: what `rmail` is given, the From_ line, the header.
#[tokio::test]
async fn each_style_of_addresses_is_written_as_sendmail_does() {
    let text = "From: Jan <jan@polux.example>\nTo: bill@far.example, leaf!ann\nSubject: bill@far.example\n\nbill@far.example\n";
    let paths = "From: Jan <polux!jan>\nTo: polux!far.example!bill, ann\nSubject: bill@far.example\n\nbill@far.example\n";
    for (style, command, sender, foreign, message) in [
        (AddressStyle::UucpOld, "rmail far.example!bill", "jan", "b.example!joe", paths),
        (AddressStyle::Suucp, "rmail far.example!bill", "jan", "b.example!joe", paths),
        (AddressStyle::UucpDom, "rmail bill@far.example", "jan@polux.example", "joe@b.example", text),
        (AddressStyle::UucpUudom, "rmail bill@far.example", "jan", "b.example!joe", text),
    ] {
        for (from, told) in
            [("jan@polux.example", sender), ("joe@b.example", foreign), ("<>", "MAILER-DAEMON")]
        {
            let site = Site::styled(style);
            site.accept(from, &["bill@far.example"], text).await;
            site.work().await;
            let jobs = site.jobs("leaf").await;
            assert_eq!(command_of(&jobs), [command], "{style}");
            let (line, rest) = jobs[0].1.split_once('\n').unwrap();
            assert!(line.starts_with(&format!("From {told} ")), "{style}: {line}");
            assert!(line.ends_with(" remote from polux"), "{style}: {line}");
            assert!(rest.starts_with("Received: "), "{style}");
            assert!(rest.ends_with(message), "{style}: {rest}");
        }
    }
    let site = Site::styled(AddressStyle::UucpOld);
    site.accept("jan", &["leaf!a", "leaf!b", "leaf!c"], text).await;
    site.work().await;
    assert_eq!(command_of(&site.jobs("leaf").await), ["rmail a", "rmail b", "rmail c"]);
}

fn command_of(jobs: &[(Job, String)]) -> Vec<String> {
    jobs.iter().map(|(job, _)| command(job)).collect()
}

#[tokio::test]
async fn a_sender_goes_out_under_the_public_name_and_the_reply_comes_home() {
    let mut site = Site::new();
    let mut tables = Tables::clone(&site.door.tables());
    let address = |text: &str| Address::parse(text).unwrap();
    tables.rewriting.generics.insert("jan".to_owned(), address("Jan.Bart@polux.example"));
    tables.rewriting.canonical.insert("jan.bart@polux.example".to_owned(), address("jan@polux.example"));
    site.door = Door::new(site.spool.clone(), site.door.settings().clone(), tables);
    let padding = "X-Padding: ".to_owned() + &"x".repeat(crate::spool::CHUNK) + "\n";
    for (number, padding) in ["", &padding].into_iter().enumerate() {
        let text = format!(
            "{padding}From: Jan <jan@polux.example>\nTo: jan@far.example\n\nFrom: jan@polux.example\n"
        );
        let mut mail = Site::incoming("jan@polux.example", &["leaf!bill"], "");
        mail.content = Content::body(site.body_of(&text).await);
        site.door.accept(mail).await.unwrap();
        site.work().await;
        let (_, job) = &site.jobs("leaf").await[0];
        assert!(job.starts_with("From Jan.Bart@polux.example "), "{number}: {}", &job[..60]);
        assert!(
            job.ends_with(
                "From: Jan <Jan.Bart@polux.example>\nTo: jan@far.example\n\nFrom: jan@polux.example\n"
            ),
            "{number}"
        );
        assert_eq!(job.matches("X-Padding").count(), number);
    }
    site.accept("bill@far.example", &["Jan.Bart@polux.example"], TEXT).await;
    site.work().await;
    assert_eq!(site.mailbox("jan").matches("Subject: hello").count(), 1);
}
