//! A batch file from one site to another, over spools in memory.

use super::*;
use crate::agent::Agent;
use crate::clock;
use crate::job::{Command, Execute, Grade, Notify, Send, SystemName, Work};
use crate::post::address::Address;
use crate::post::delivery::uucp;
use crate::post::mail::{Envelope, Sender, With};
use crate::post::queue::{self, Asked, Door, Incoming, Origin, Worker};
use crate::post::route::{Neighbour, Tables, Transport};
use crate::spool::{Content, JobState, NewJob, Spool, Wanted};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn system(name: &str) -> SystemName {
    name.parse().unwrap()
}

struct Site {
    folder: tempfile::TempDir,
    name: SystemName,
    door: Door,
    worker: Worker,
}

impl Site {
    fn new(name: &str, peer: &str, transport: Transport) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let mut tables = Tables::new(system(name));
        tables.users.insert("jan".to_owned(), folder.path().join("jan"));
        tables
            .neighbours
            .insert(system(peer), Neighbour { transport: Some(transport), ..Neighbour::default() });
        let host = format!("{name}.example");
        let door = Door::new(Spool::in_memory(), queue::Settings::new(host.clone()), tables);
        let agent = Agent::new(crate::agent::Settings::default());
        let worker = Worker::new(door.clone(), agent, uucp::Settings::new(system(name), host));
        Site { folder, name: system(name), door, worker }
    }

    fn spool(&self) -> &Spool {
        self.door.spool()
    }

    async fn sends(&self, sender: &str, recipient: &str, text: &str) {
        let origin =
            Origin { with: With::Local, from: None, claimed: None, text: "test".to_owned(), submitter: None };
        let mail = Incoming {
            envelope: Envelope {
                sender: Sender::parse(sender).unwrap(),
                recipients: vec![Address::parse(recipient).unwrap()],
            },
            unreadable: Vec::new(),
            content: Content::bytes(text.as_bytes().to_vec()),
            origin,
            arrived: clock::wall(),
            asked: Asked::default(),
        };
        self.door.accept(mail).await.unwrap();
        self.work().await;
    }

    async fn work(&self) {
        while self.worker.pass().await.unwrap() > 0 {}
    }

    async fn export(&self, to: &str, path: &Path) -> Result<Exported, BundleError> {
        export(self.spool(), &self.name, "polux.example", &system(to), path).await
    }

    async fn jobs(&self, state: JobState) -> usize {
        let jobs = self.spool().jobs(None, None).await.unwrap();
        jobs.iter().filter(|job| job.state == state).count()
    }

    fn mailbox(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("jan")).unwrap_or_default()
    }
}

const TEXT: &str = "Subject: hello\n\n.\nFrom x\nend\n";

/// polux with mail for leaf, and the file that it is to be in.
async fn polux(transport: Transport) -> (Site, PathBuf) {
    let site = Site::new("polux", "leaf", transport);
    site.sends("jan", "leaf!jan", TEXT).await;
    site.sends("<>", "leaf!jan", "Subject: report\n\nx\n").await;
    let path = site.folder.path().join("batch");
    (site, path)
}

#[tokio::test]
async fn mail_travels_by_file_once_whichever_way_it_waits() {
    // Mail that waits in a batch is gathered in one.
    for (transport, jobs) in [(Transport::Uux, 2), (Transport::Uusmtp, 1)] {
        let (polux, path) = polux(transport).await;
        let exported = polux.export("leaf", &path).await.unwrap();
        assert_eq!((exported.jobs, exported.messages, exported.left.len()), (jobs, 2, 0));
        assert_eq!(exported.bytes, std::fs::metadata(&path).unwrap().len());
        assert_eq!(polux.jobs(JobState::Withheld).await, jobs);
        let lease = Duration::from_secs(60);
        assert!(
            polux
                .spool()
                .claim_jobs(clock::wall(), system("leaf"), Wanted::default(), 9, lease)
                .await
                .unwrap()
                .is_empty()
        );

        let leaf = Site::new("leaf", "polux", Transport::Uux);
        let imported = import(&leaf.door, &path, &system("polux")).await.unwrap();
        assert_eq!((imported.messages, imported.already), (2, false));
        let again = import(&leaf.door, &path, &system("polux")).await.unwrap();
        assert_eq!((again.messages, again.already), (0, true));
        leaf.work().await;
        let mbox = leaf.mailbox();
        assert_eq!(mbox.matches("\nSubject: hello\n\n.\n>From x\nend\n").count(), 1, "{mbox}");
        assert_eq!(mbox.matches("\nSubject: report\n").count(), 1);
        assert!(mbox.contains("From polux!jan ") && mbox.contains("From MAILER-DAEMON "), "{mbox}");

        assert_eq!(done(polux.spool(), &path).await.unwrap(), jobs as u64);
        assert_eq!(done(polux.spool(), &path).await.unwrap(), 0);
        assert!(polux.spool().jobs(None, None).await.unwrap().is_empty());
        assert!(polux.spool().queue(None).await.unwrap().is_empty());
        assert!(matches!(recall(polux.spool(), &path).await, Err(BundleError::Settled { .. })));
    }
}

#[tokio::test]
async fn a_recalled_file_gives_its_jobs_back() {
    let (polux, path) = polux(Transport::Uux).await;
    polux.export("leaf", &path).await.unwrap();
    assert!(matches!(polux.export("leaf", &path).await, Err(BundleError::Exists(_))));
    assert_eq!(recall(polux.spool(), &path).await.unwrap(), 2);
    assert_eq!(polux.jobs(JobState::Queued).await, 2);
    // The same jobs make the same file once more.
    let other = path.with_extension("2");
    polux.export("leaf", &other).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&other).unwrap());
}

#[tokio::test]
async fn what_is_not_mail_is_left_and_said() {
    let (polux, path) = polux(Transport::Uux).await;
    let job = |work, content| NewJob {
        system: system("leaf"),
        grade: Grade::DEFAULT,
        work,
        content: Some(Content::bytes(content)),
        created: clock::wall(),
    };
    let send = Send {
        from: "a".to_owned(),
        to: "~/a".to_owned(),
        user: "jan".to_owned(),
        mode: 0o644,
        make_directories: true,
        notify: None,
    };
    let execute = |line: &str| {
        let command = Command::parse(line).unwrap();
        Work::Execute(Execute { command, user: "jan".to_owned(), requestor: None, notify: Notify::Never })
    };
    for (work, content) in [
        (Work::Send(send), b"file".to_vec()),
        (execute("lpr -Px"), b"text".to_vec()),
        (execute("rsmtp"), b"MAIL FROM:<jan>\nRCPT TO:<x>\nDATA\ncut".to_vec()),
    ] {
        polux.spool().submit_job(None, job(work, content)).await.unwrap();
    }
    let exported = polux.export("leaf", &path).await.unwrap();
    assert_eq!((exported.jobs, exported.left.len()), (2, 3));
    assert!(exported.left.iter().any(|line| line == "file to ~/a: it is not mail"), "{:?}", exported.left);
    assert_eq!((polux.jobs(JobState::Withheld).await, polux.jobs(JobState::Queued).await), (2, 3));
    let nothing = polux.export("leaf", &path.with_extension("2")).await;
    assert!(matches!(nothing, Err(BundleError::Nothing(_))));
    assert_eq!(polux.jobs(JobState::Queued).await, 3);
    // The batch and the mailbox of nobody: no draft is left.
    assert_eq!(std::fs::read_dir(polux.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_draft_of_an_export_that_crashed_gives_its_jobs_back() {
    let (polux, path) = polux(Transport::Uux).await;
    polux.export("leaf", &path).await.unwrap();
    // As if the crash had come before the rename.
    std::fs::rename(&path, file::draft_path(&path).unwrap()).unwrap();
    let exported = polux.export("leaf", &path).await.unwrap();
    assert_eq!((exported.jobs, polux.jobs(JobState::Withheld).await), (2, 2));
    assert!(!file::draft_path(&path).unwrap().exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_written_leaves_the_jobs_to_calls() {
    let (polux, path) = polux(Transport::Uux).await;
    let nowhere = path.join("no/directory");
    assert!(matches!(polux.export("leaf", &nowhere).await, Err(BundleError::Io { .. })));
    assert_eq!(polux.jobs(JobState::Queued).await, 2);
    assert_eq!(polux.export("leaf", &path).await.unwrap().jobs, 2);
}

#[tokio::test]
async fn a_file_that_is_not_ours_settles_nothing() {
    let (polux, path) = polux(Transport::Uux).await;
    polux.export("leaf", &path).await.unwrap();
    let other = path.with_extension("2");
    std::fs::write(&other, "HELO x\nQUIT\n").unwrap();
    assert!(matches!(done(polux.spool(), &other).await, Err(BundleError::NotOurs { .. })));
    assert!(matches!(recall(polux.spool(), &other).await, Err(BundleError::NotOurs { .. })));
    let nowhere = path.with_extension("3");
    assert!(matches!(done(polux.spool(), &nowhere).await, Err(BundleError::Io { .. })));
    assert!(matches!(recall(polux.spool(), &nowhere).await, Err(BundleError::NotOurs { .. })));
    assert_eq!(polux.jobs(JobState::Withheld).await, 2);
}

#[tokio::test]
async fn a_file_that_is_lost_or_changed_is_recalled_by_its_name() {
    for changed in [false, true] {
        let (polux, path) = polux(Transport::Uux).await;
        polux.export("leaf", &path).await.unwrap();
        if changed {
            std::fs::write(&path, "HELO pol").unwrap();
            let refused = done(polux.spool(), &path).await;
            assert!(matches!(refused, Err(BundleError::NotOurs { .. })), "{refused:?}");
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        assert_eq!(recall(polux.spool(), &path).await.unwrap(), 2);
        assert_eq!(recall(polux.spool(), &path).await.unwrap(), 0);
        assert_eq!(polux.jobs(JobState::Queued).await, 2);
    }
}

#[tokio::test]
async fn a_file_that_stayed_there_is_done_by_its_name_if_that_means_one() {
    let (polux, path) = polux(Transport::Uux).await;
    for _ in 0..2 {
        polux.sends("jan", "leaf!jan", TEXT).await;
        polux.export("leaf", &path).await.unwrap();
        std::fs::remove_file(&path).unwrap();
    }
    let refused = done(polux.spool(), &path).await;
    assert!(matches!(refused, Err(BundleError::Several { count: 2, .. })), "{refused:?}");
    assert_eq!(recall(polux.spool(), &path).await.unwrap(), 1, "the newest");
    assert_eq!(done(polux.spool(), &path).await.unwrap(), 3);
    assert!(matches!(recall(polux.spool(), &path).await, Ok(0) | Err(BundleError::Settled { .. })));
    assert_eq!(polux.jobs(JobState::Queued).await, 1);
}

#[tokio::test]
async fn a_file_that_holds_nothing_is_an_error_unless_it_says_so_to_its_end() {
    let leaf = Site::new("leaf", "polux", Transport::Uux);
    let path = leaf.folder.path().join("batch");
    for text in ["", "\n\n", "QUIT\n", "HELO polux.example\n", "HELO pol"] {
        std::fs::write(&path, text).unwrap();
        for _ in 0..2 {
            let refused = import(&leaf.door, &path, &system("polux")).await;
            assert!(matches!(refused, Err(BundleError::Empty { .. })), "{text:?}: {refused:?}");
        }
    }
    assert!(leaf.spool().quarantined(None).await.unwrap().is_empty());
    std::fs::write(&path, "HELO polux.example\nQUIT\n").unwrap();
    let imported = import(&leaf.door, &path, &system("polux")).await.unwrap();
    assert_eq!((imported.messages, imported.already), (0, false));
}

#[tokio::test]
async fn a_broken_file_is_kept_whole_and_nothing_of_it_is_taken() {
    let leaf = Site::new("leaf", "polux", Transport::Uux);
    let path = leaf.folder.path().join("batch");
    let text =
        "MAIL FROM:<a>\nRCPT TO:<jan>\nDATA\nSubject: one\n\nx\n.\nMAIL FROM:<a>\nRCPT TO:<jan>\nDATA\ncut";
    std::fs::write(&path, text).unwrap();
    for _ in 0..2 {
        let refused = import(&leaf.door, &path, &system("polux")).await;
        assert!(matches!(refused, Err(BundleError::Broken { quarantined: 1, .. })), "{refused:?}");
    }
    leaf.work().await;
    assert_eq!(leaf.mailbox(), "");
    let kept = leaf.spool().quarantined(None).await.unwrap();
    assert_eq!(kept.len(), 1, "it is kept once");
    let body = kept[0].body.unwrap();
    assert_eq!(leaf.spool().body_read(body.id, 0, 65536).await.unwrap(), text.as_bytes());
}
