//! What was acknowledged outlives the process that acknowledged it. The process that dies is this test program,
//! started once more for one of the parts below.

use super::*;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where a part finds its spool; without it, it has nothing to do.
const FOLDER: &str = "UUGATE_TEST_SPOOL";

fn start(part: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("spool::tests::crash::{part}"), "--nocapture", "--ignored"])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn opened() -> Option<Spool> {
    let folder = PathBuf::from(std::env::var_os(FOLDER)?);
    Some(Spool::open(&folder, crate::clock::wall()).await.unwrap())
}

/// Accepts messages, small and large, in several tasks, and says each that was acknowledged.
#[tokio::test]
#[ignore = "a part that is started by the tests below, and killed"]
async fn accepts_for_ever() {
    let Some(spool) = opened().await else { return };
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let spool = spool.clone();
        tasks.spawn(async move {
            for number in 0.. {
                let mut new = message(&format!("{task}.{number}\n"), &["ida"]);
                if number % 5 == 4 {
                    let large = body_of(&spool, format!("{number}").repeat(100_000).as_bytes()).await;
                    new.content.rest = Some(large);
                }
                let id = spool.accept(None, vec![new]).await.unwrap()[0];
                // One write, so that a line is whole or not there.
                let line = format!("\nkept {} {task} {number}\n", id.0);
                rustix::io::write(std::io::stdout(), line.as_bytes()).unwrap();
            }
        });
    }
    tasks.join_all().await;
}

/// Claims what is due and never settles it.
#[tokio::test]
#[ignore = "a part that is started by the tests below, and killed"]
async fn claims_and_hangs() {
    let Some(spool) = opened().await else { return };
    let due = spool.claim_deliveries(crate::clock::wall(), 10, LEASE).await.unwrap();
    rustix::io::write(std::io::stdout(), format!("\nclaimed {}\n", due.len()).as_bytes()).unwrap();
    std::future::pending::<()>().await;
}

/// A verb panics.
#[tokio::test]
#[ignore = "a part that is started by the tests below, and dies"]
async fn panics_in_the_writer() {
    let Some(spool) = opened().await else { return };
    accept(&spool, "before\n", &["ida"]).await;
    let _ = spool.writer().verb(0, |_| -> Result<(), SpoolError> { panic!("a defect") }).await;
    outlives().await;
}

/// A commit fails for a reason that leaves its outcome unknown.
#[tokio::test]
#[ignore = "a part that is started by the tests below, and dies"]
async fn fails_to_commit() {
    let Some(spool) = opened().await else { return };
    accept(&spool, "before\n", &["ida"]).await;
    let _ = spool.writer().verb(0, |store| store.sql("COMMIT")).await;
    let _ = spool.accept(None, vec![message("after\n", &["ida"])]).await;
    outlives().await;
}

/// A process that should have died by now ends in a way that the test can tell.
async fn outlives() {
    crate::clock::sleep(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut known = Vec::new();
    for lines in [1, 30, 100, 300] {
        let mut child = start("accepts_for_ever", folder.path());
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut output = output.lines().map(Result::unwrap).filter(|line| line.starts_with("kept "));
        known.extend(output.by_ref().take(lines));
        child.kill().unwrap();
        child.wait().unwrap();
        known.extend(output);

        assert_eq!(verify(folder.path()).unwrap().findings.iter().filter(|one| one.is_damage()).count(), 0);
        let spool = Spool::open(folder.path(), crate::clock::wall()).await.unwrap();
        let mut queue = Vec::new();
        while let more = spool.queue(queue.last().map(|entry: &QueueEntry| entry.message)).await.unwrap()
            && !more.is_empty()
        {
            queue.extend(more);
        }
        for line in &known {
            let words: Vec<u64> =
                line.split(' ').skip(1).map_while(|word| word.trim().parse().ok()).collect();
            let [id, task, number] = words[..] else { panic!("{line:?}") };
            let entry = queue.iter().find(|entry| entry.message.0 == id).unwrap();
            let large = if number % 5 == 4 { number.to_string().len() * 100_000 } else { 0 };
            assert_eq!(entry.size, (format!("{task}.{number}\n").len() + large) as u64);
        }
        let due = spool.claim_deliveries(crate::clock::wall(), 1000, LEASE).await.unwrap();
        assert!(!due.is_empty());
        for delivery in due {
            assert_eq!(read_all(&spool, delivery.body.id).await.len() as u64, delivery.body.size);
            let until = crate::clock::wall();
            let again = Outcome::Deferred { deliveries: vec![delivery.claim], until, note: String::new() };
            spool.settle(until, vec![again]).await.unwrap();
        }
        spool.close().await;
    }
    assert!(known.len() >= 431);
}

#[tokio::test]
async fn the_work_of_a_killed_process_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), at(0)).await.unwrap();
    accept(&spool, "a\n", &["ida", "uwe"]).await;
    spool.close().await;
    let mut child = start("claims_and_hangs", folder.path());
    let output = BufReader::new(child.stdout.take().unwrap());
    let said = output.lines().map(Result::unwrap).find(|line| line.starts_with("claimed"));
    assert_eq!(said.as_deref(), Some("claimed 2"));
    let refused = Spool::open(folder.path(), at(0)).await;
    assert!(matches!(refused, Err(SpoolError::Conflict(text)) if text.contains(&child.id().to_string())));
    child.kill().unwrap();
    child.wait().unwrap();
    let spool = Spool::open(folder.path(), at(1)).await.unwrap();
    assert_eq!(claim_deliveries(&spool, 1).await[0].attempts, 1);
}

#[tokio::test]
async fn a_writer_that_cannot_be_trusted_ends_the_process() {
    const SIGABRT: i32 = 6;
    for part in ["panics_in_the_writer", "fails_to_commit"] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = start(part, folder.path());
        assert_eq!(child.wait().unwrap().signal(), Some(SIGABRT), "{part}");
        let spool = Spool::open(folder.path(), at(1)).await.unwrap();
        assert_eq!(spool.queue(None).await.unwrap().len(), 1, "{part}: the one that was acknowledged");
    }
}
