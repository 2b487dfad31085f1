//! What a peer sent is carried out, over a spool in memory.

mod batches;

use super::run::Ended;
use super::*;
use crate::agent::Agent;
use crate::clock;
use crate::fault::{Fault, Retry, Stage, Whose};
use crate::job::{Command, Execute, Notify, SystemName, Work};
use crate::post::delivery::uucp;
use crate::post::queue::{self, Door, Worker};
use crate::post::route::{Neighbour, Tables};
use crate::spool::{Arrival, ArrivalKind, CHUNK, Identity, Spool, Wanted};
use std::time::Duration;

struct Site {
    folder: tempfile::TempDir,
    spool: Spool,
    executor: Executor,
    worker: Worker,
    names: std::cell::Cell<u32>,
}

fn system(name: &str) -> SystemName {
    name.parse().unwrap()
}

fn execute(line: &str, user: &str, requestor: Option<&str>) -> Execute {
    let command = Command::parse(line).unwrap();
    let requestor = requestor.map(str::to_owned);
    Execute { command, user: user.to_owned(), requestor, notify: Notify::OnError }
}

impl Site {
    /// `polux`, with the user jan and the neighbour leaf.
    fn new() -> Site {
        Site::with(|_| {})
    }

    fn with(set: impl FnOnce(&mut queue::Settings)) -> Site {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("public")).unwrap();
        let spool = Spool::in_memory();
        let mut tables = Tables::new(system("polux"));
        tables.users.insert("jan".to_owned(), folder.path().join("jan"));
        tables.neighbours.insert(system("leaf"), Neighbour::default());
        let mut settings = queue::Settings::new("polux.example".to_owned());
        set(&mut settings);
        let door = Door::new(spool.clone(), settings, tables);
        let roots = Roots { public: folder.path().join("public"), others: Vec::new() };
        let executor = Executor::new(door.clone(), Settings { node: system("polux"), roots });
        let uucp = uucp::Settings::new(system("polux"), "polux.example".to_owned());
        let worker = Worker::new(door, Agent::new(crate::agent::Settings::default()), uucp);
        Site { folder, spool, executor, worker, names: std::cell::Cell::new(0) }
    }

    async fn arrives(&self, kind: ArrivalKind, bytes: &[u8]) {
        let body = self.spool.body_new().await.unwrap();
        let mut offset = 0;
        for piece in bytes.chunks(CHUNK) {
            self.spool.body_append(body, offset, piece.to_vec()).await.unwrap();
            offset += piece.len() as u64;
        }
        self.spool.body_sync(body).await.unwrap();
        self.names.set(self.names.get() + 1);
        let temp = format!("D.{:04}", self.names.get());
        let size = Some(bytes.len() as u64);
        let identity = Identity {
            peer: system("leaf"),
            temp,
            size,
            user: "jan".to_owned(),
            command: String::new(),
            digest: None,
        };
        let arrival = Arrival { identity, stable: None, kind, body, received: clock::wall() };
        self.spool.receive(arrival).await.unwrap();
    }

    async fn runs(&self, execute: Execute, bytes: &[u8]) {
        self.arrives(ArrivalKind::Execution(execute), bytes).await;
        self.work().await;
    }

    async fn work(&self) {
        while self.executor.pass().await.unwrap() + self.worker.pass().await.unwrap() > 0 {}
    }

    fn mailbox(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("jan")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    async fn quarantined(&self) -> Vec<String> {
        self.spool.quarantined(None).await.unwrap().into_iter().map(|kept| kept.reason).collect()
    }

    /// The commands of the jobs for the leaf, and their input.
    async fn sent(&self) -> Vec<(String, String)> {
        let lease = Duration::from_secs(60);
        let jobs = self
            .spool
            .claim_jobs(clock::wall(), system("leaf"), Wanted::default(), 100, lease)
            .await
            .unwrap();
        let mut sent = Vec::new();
        for job in jobs {
            let Work::Execute(execute) = &job.work else { panic!("{:?}", job.work) };
            let bytes = self.spool.body_read(job.body.unwrap().id, 0, CHUNK).await.unwrap();
            sent.push((execute.command.to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
        sent
    }
}

const FROM: &[u8] = b"From joe Sun Nov 22 10:00:00 2026 remote from leaf\n>From ann date remote from deep\n";

#[tokio::test]
async fn rmail_delivers_and_the_path_back_begins_with_the_peer() {
    let site = Site::new();
    let message = [FROM, b"Subject: hello\n\nbody \xe9\n"].concat();
    site.runs(execute("rmail jan (jan)", "uucp", Some("ann")), &message).await;
    let bytes = std::fs::read(site.folder.path().join("jan")).unwrap();
    let mbox = String::from_utf8_lossy(&bytes);
    assert!(mbox.starts_with("From leaf!deep!ann "), "{mbox}");
    assert_eq!(mbox.matches("Subject: hello\n").count(), 1);
    assert!(mbox.contains("Received: from leaf\n\tby polux.example with UUCP id "), "{mbox}");
    assert!(bytes.windows(8).any(|part| part == b"body \xe9\n\n"));
    assert!(!mbox.contains("remote from"));
}

#[tokio::test]
async fn large_mail_loses_its_from_line_and_nothing_else() {
    let site = Site::new();
    let body = "line of text\n".repeat(20_000);
    let message = [FROM, b"Subject: big\n\n", body.as_bytes()].concat();
    site.runs(execute("rmail jan", "uucp", None), &message).await;
    let mbox = site.mailbox();
    assert!(mbox.ends_with(&format!("Subject: big\n\n{body}\n")));
    assert!(!mbox.contains("remote from"));
}

#[tokio::test]
async fn mail_for_a_user_who_is_not_here_goes_back_once() {
    let site = Site::new();
    let message = [FROM, b"Subject: hello\n\nbody\n"].concat();
    site.runs(execute("rmail nobody |sh -oQ/tmp", "uucp", None), &message).await;
    let sent = site.sent().await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, "rmail deep!ann");
    assert!(sent[0].1.starts_with("From MAILER-DAEMON "));
    assert_eq!(sent[0].1.matches("Final-Recipient").count(), 3, "{}", sent[0].1);
}

#[tokio::test]
async fn no_form_of_the_null_sender_is_answered() {
    for (first, requestor) in [
        ("From MAILER-DAEMON date remote from leaf\n", None),
        ("From <> date remote from leaf\n", None),
        ("From far!MAILER-DAEMON date remote from leaf\n", None),
        ("", Some("MAILER-DAEMON")),
        ("From joe date remote from leaf\n", Some("MAILER-DAEMON")),
        ("From |sh date remote from leaf\n", Some("joe")),
    ] {
        let site = Site::new();
        let message = format!("{first}Subject: report\n\nx\n");
        site.runs(execute("rmail nobody", "uucp", requestor), message.as_bytes()).await;
        assert!(site.sent().await.is_empty(), "{first}{requestor:?}");
        assert_eq!(site.quarantined().await.len(), 1);
    }
}

#[tokio::test]
async fn a_command_that_is_not_allowed_is_kept_and_its_asker_told() {
    let site = Site::new();
    site.runs(execute("/bin/rmail jan", "ann", Some("victim@bank.example")), b"x").await;
    assert_eq!(site.quarantined().await, ["the command \"/bin/rmail\" is not allowed here"]);
    let sent = site.sent().await;
    assert_eq!(sent[0].0, "rmail ann");
    assert!(sent[0].1.contains("Subject: Command refused (leaf)\n"), "{}", sent[0].1);
    assert_eq!(site.mailbox(), "");
}

#[tokio::test]
async fn a_batch_is_delivered() {
    let site = Site::new();
    let batch = "MAIL FROM:<joe@leaf.example>\nRCPT TO:<jan>\nRCPT TO:<a b>\nRCPT TO:<nobody>\nDATA\n\
                 Subject: one\n\n..\n.\n";
    site.runs(execute("rsmtp", "uucp", None), batch.as_bytes()).await;
    let mbox = site.mailbox();
    assert!(mbox.contains("with BSMTP") && mbox.contains("\nSubject: one\n\n.\n\n"), "{mbox}");
    // The two that could not be reached are reported together; joe's host is not known here, so to postmaster.
    assert_eq!(mbox.matches("Subject: Undelivered mail\n").count(), 1);
    assert_eq!(mbox.matches("Final-Recipient: ").count(), 2);
}

#[tokio::test]
async fn a_batch_with_a_report_for_nobody_delivers_the_rest_and_is_kept() {
    let site = Site::new();
    let batch =
        "MAIL FROM:<>\nRCPT TO:<nobody>\nDATA\nlost\n.\nMAIL FROM:<ann>\nRCPT TO:<jan>\nDATA\nS: x\n.\n";
    site.runs(execute("rsmtp", "uucp", None), batch.as_bytes()).await;
    assert!(site.mailbox().contains("S: x"));
    let kept = site.spool.quarantined(None).await.unwrap();
    assert_eq!(kept.len(), 1);
    let body = kept[0].body.unwrap();
    assert_eq!(site.spool.body_read(body.id, 0, CHUNK).await.unwrap(), batch.as_bytes());
}

#[tokio::test]
async fn a_broken_batch_is_kept_whole_and_both_postmasters_told() {
    let site = Site::new();
    let batch = "MAIL FROM:<ann>\nRCPT TO:<jan>\nDATA\nSubject: one\n\nx\n.\nMAIL FROM:<ann>\nRCPT TO:<jan>\nDATA\ncut";
    site.runs(execute("rsmtp", "uucp", None), batch.as_bytes()).await;
    let kept = site.spool.quarantined(None).await.unwrap();
    let body = kept[0].body.unwrap();
    assert_eq!(site.spool.body_read(body.id, 0, CHUNK).await.unwrap(), batch.as_bytes());
    assert!(kept[0].reason.contains("breaks off inside a message"), "{}", kept[0].reason);
    assert!(!site.mailbox().contains("Subject: one"));
    assert_eq!(site.mailbox().matches("Subject: Broken batch (leaf)\n").count(), 1);
    assert_eq!(site.sent().await[0].0, "rmail postmaster");
}

#[tokio::test]
async fn a_file_is_put_into_the_public_directory_and_told_of() {
    let site = Site::new();
    let kind = |to: &str| ArrivalKind::File {
        to: to.to_owned(),
        mode: 0o644,
        make_directories: true,
        notify: Some("jan".to_owned()),
    };
    let bytes = vec![7; 200_000];
    site.arrives(kind("~/new/file"), &bytes).await;
    site.arrives(kind("~/../escape"), b"bad").await;
    site.work().await;
    assert_eq!(std::fs::read(site.folder.path().join("public/new/file")).unwrap(), bytes);
    assert!(site.mailbox().contains("/public/new/file from jan at leaf has arrived."), "{}", site.mailbox());
    assert!(!site.folder.path().join("escape").exists());
    assert_eq!(site.quarantined().await.len(), 1);
    assert_eq!(site.sent().await[0].0, "rmail jan");
}

#[tokio::test]
async fn our_own_user_hears_of_a_fetched_file_that_cannot_be_put_in_its_place() {
    let site = Site::new();
    let fetched = ArrivalKind::Fetched { to: "~/../escape".to_owned(), mode: 0o644, make_directories: true };
    site.arrives(fetched, b"bad").await;
    site.work().await;
    assert!(site.mailbox().contains("Subject: File not received (leaf)\n"), "{}", site.mailbox());
    assert!(site.sent().await.is_empty());
}

#[tokio::test]
async fn a_user_here_sends_by_our_own_rmail() {
    let site = Site::new();
    let request = execute("rmail leaf!ann nobody", "jan", None);
    let content = crate::spool::Content::bytes(b"Subject: mine\n\nx\n".to_vec());
    site.spool.submit_execution(None, system("polux"), request, content, clock::wall()).await.unwrap();
    site.work().await;
    let sent = site.sent().await;
    assert_eq!(sent[0].0, "rmail ann");
    assert!(sent[0].1.starts_with("From jan "), "{}", sent[0].1);
    assert!(site.mailbox().contains("Final-Recipient: rfc822; nobody\n"));
}

#[tokio::test]
async fn the_executor_sees_to_what_arrives_until_it_is_stopped() {
    let site = Site::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(site.executor.clone().run(stopped));
    let kind = ArrivalKind::Execution(execute("rmail jan", "uucp", None));
    site.arrives(kind, b"Subject: hello\n\nx\n").await;
    while site.spool.queue(None).await.unwrap().is_empty() {
        site.spool.changed().await;
    }
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn who_asked_for_it_hears_that_a_command_went_well() {
    let site = Site::new();
    let asked = Execute { notify: Notify::Always, ..execute("rmail jan", "ann", None) };
    site.runs(asked, b"Subject: hello\n\nx\n").await;
    assert_eq!(site.mailbox().matches("Subject: hello\n").count(), 1);
    let sent = site.sent().await;
    let [(command, text)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(command, "rmail ann");
    assert!(
        text.contains("Subject: Command carried out (leaf)\n") && text.contains("  rmail jan\n"),
        "{text}"
    );
    // The null sender and who is content without hear nothing.
    site.runs(Execute { notify: Notify::Always, ..execute("rmail jan", "MAILER-DAEMON", None) }, b"x\n")
        .await;
    site.runs(execute("rmail jan", "ann", None), b"x\n").await;
    assert_eq!(site.sent().await, []);
}

#[tokio::test]
async fn what_cannot_be_done_for_days_is_given_up_kept_and_said() {
    let site = Site::new();
    let days = |days: i64| clock::wall() - jiff::SignedDuration::from_hours(24 * days);
    let faulty = Fault {
        stage: Stage::Execute,
        whose: Whose::Local,
        retry: Retry::Later,
        message: "no space".to_owned(),
        advice: String::new(),
    };
    for age in [0, 5] {
        site.arrives(ArrivalKind::Execution(execute("rmail jan", "ann", None)), b"Subject: x\n\nx\n").await;
        let lease = Duration::from_secs(60);
        let mut due = site.spool.claim_executions(clock::wall(), 1, lease).await.unwrap();
        let mut execution = due.pop().unwrap();
        execution.received = days(age);
        site.executor.settle(execution, Ended::Later(faulty.clone())).await.unwrap();
        let given_up = site.quarantined().await;
        assert_eq!(given_up.len(), usize::from(age > 0), "{given_up:?}");
    }
    // The first waits for its next attempt, which is not due yet.
    assert_eq!(site.executor.pass().await.unwrap(), 0);
    site.work().await;
    let sent = site.sent().await;
    assert!(sent.len() == 1 && sent[0].0 == "rmail ann" && sent[0].1.contains("no space"), "{sent:?}");
}
