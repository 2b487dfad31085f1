//! The writer: group commit, hints, the reserve, the gate.

use super::*;

on_both!(many_writers_are_all_served, a_change_is_hinted_at, a_closed_spool_says_so);

async fn many_writers_are_all_served(mut home: Home) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..50 {
        let spool = home.spool.clone();
        tasks.spawn(async move {
            let mut ids = Vec::new();
            for number in 0..10 {
                ids.extend(
                    spool.accept(None, vec![message(&format!("{task}.{number}\n"), &["ida"])]).await.unwrap(),
                );
            }
            ids
        });
    }
    let mut ids: Vec<MessageId> = tasks.join_all().await.into_iter().flatten().collect();
    home.reopen(at(1)).await;
    let mut queued: Vec<MessageId> =
        home.spool.queue(None).await.unwrap().into_iter().map(|entry| entry.message).collect();
    ids.sort_unstable();
    queued.sort_unstable();
    assert_eq!(ids.len(), 500);
    assert_eq!(ids, queued);
}

async fn a_change_is_hinted_at(home: Home) {
    let hinted = async |spool: &Spool| tokio::time::timeout(Duration::ZERO, spool.changed()).await.is_ok();
    let other = home.spool.clone();
    home.spool.queue(None).await.unwrap();
    assert!(!hinted(&home.spool).await, "reading changes nothing");
    let waits = tokio::spawn({
        let waiter = home.spool.clone();
        async move { waiter.changed().await }
    });
    accept(&home.spool, "a\n", &["ida"]).await;
    waits.await.unwrap();
    assert!(hinted(&home.spool).await && hinted(&other).await, "each handle is told");
    assert!(!hinted(&home.spool).await, "once");
}

async fn a_closed_spool_says_so(home: Home) {
    accept(&home.spool, "a\n", &["ida"]).await;
    home.spool.close().await;
    home.spool.close().await;
    assert_eq!(home.spool.queue(None).await.unwrap_err(), SpoolError::Closed);
}

#[tokio::test]
async fn bodies_that_wait_hold_no_files_open() {
    let home = Home::directory().await;
    let spool = &home.spool;
    let mut bodies = Vec::new();
    for (number, length) in (0..40).zip([10, CHUNK + 10].into_iter().cycle()) {
        let body = body_of(spool, &vec![number; length]).await;
        spool.body_sync(body).await.unwrap();
        bodies.push((body, vec![number; length]));
    }
    let folder = home.folder.as_ref().unwrap().path().join("bodies");
    let open = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok());
    assert_eq!(open.filter(|path| path.starts_with(&folder)).count(), 0);
    // They go on, are read and are kept as before.
    for (body, bytes) in &mut bodies {
        spool.body_append(*body, bytes.len() as u64, b"end".to_vec()).await.unwrap();
        bytes.extend(b"end");
        assert_eq!(read_all(spool, *body).await, *bytes);
        let mut new = message("", &["ida"]);
        new.content = Content::body(*body);
        spool.accept(None, vec![new]).await.unwrap();
        assert_eq!(read_all(spool, *body).await, *bytes);
    }
}

#[tokio::test]
async fn verbs_that_wait_together_share_a_commit() {
    let home = Home::directory().await;
    let log = home.folder.as_ref().unwrap().path().join("spool.db-wal");
    // Queued before the writer can take the first, for this runtime has one thread and the first one blocks it.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let writer = home.spool.writer();
    let blocked = writer.enqueue(0, move |_| wait.recv().map_err(|_| SpoolError::Closed)).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..200 {
        let new = message("x\n", &["ida"]);
        answers.push(writer.enqueue(2, move |store| store.accept(None, vec![new])).await.unwrap());
    }
    let before = std::fs::metadata(&log).unwrap().len();
    go.send(()).unwrap();
    blocked.await.unwrap().unwrap();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    let pages = (std::fs::metadata(&log).unwrap().len() - before) / 4096;
    assert!(pages < 200, "{pages} pages for 200 messages: each commit writes several");
}

#[tokio::test]
async fn a_second_opening_is_told_who_has_the_spool() {
    let home = Home::directory().await;
    let folder = home.folder.as_ref().unwrap();
    let Err(SpoolError::Conflict(text)) = Spool::open(folder.path(), at(1)).await else { panic!() };
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    home.spool.close().await;
    Spool::open(folder.path(), at(1)).await.unwrap().close().await;
}

#[tokio::test]
async fn under_the_reserve_only_what_was_begun_goes_on() {
    let mut home = Home::directory().await;
    accept(&home.spool, "a\n", &["ida"]).await;
    home.spool.close().await;
    let settings = Settings { reserve: u64::MAX, ..Settings::default() };
    let folder = home.folder.as_ref().unwrap();
    home.spool = Spool::open_with(folder.path(), settings, at(1)).await.unwrap();
    let spool = &home.spool;
    let full = |error| matches!(error, SpoolError::Full(_));
    assert!(full(spool.accept(None, vec![message("b\n", &["ida"])]).await.unwrap_err()));
    assert!(full(spool.submit_job(None, job("polux", 'C', "x")).await.unwrap_err()));
    let body = spool.body_new().await.unwrap();
    assert!(full(spool.body_append(body, 0, b"x".to_vec()).await.unwrap_err()));
    let due = claim_deliveries(spool, 1).await;
    let done = Outcome::Delivered { deliveries: claims(&due), note: String::new() };
    spool.settle(at(2), vec![done]).await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_grow_loses_nothing() {
    let mut home = Home::directory().await;
    accept(&home.spool, "before\n", &["ida"]).await;
    let pages = home.spool.writer().verb(0, |store| store.limit_pages(60)).await.unwrap();
    assert!(pages > 0);
    let mut kept = 1;
    let refusal = loop {
        match home.spool.accept(None, vec![message(&"x".repeat(30_000), &["ida"])]).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, SpoolError::Full(_)), "{refusal}");
    assert_eq!(home.spool.queue(None).await.unwrap().len(), kept, "reading goes on");
    home.reopen(at(1)).await;
    assert_eq!(home.spool.queue(None).await.unwrap().len(), kept);
    accept(&home.spool, "after\n", &["ida"]).await;
}

#[tokio::test]
async fn the_log_of_writes_is_kept_short() {
    let home = Home::directory().await;
    let log = home.folder.as_ref().unwrap().path().join("spool.db-wal");
    for _ in 0..400 {
        accept(&home.spool, &"x".repeat(60_000), &["ida"]).await;
    }
    let length = std::fs::metadata(&log).unwrap().len();
    // What the writer lets stand when the checkpointer gets no processor, and one commit.
    assert!(length < 21 * 1024 * 1024, "{length} bytes after 24 MB");
}

#[tokio::test]
async fn loose_files_are_swept_and_others_stay() {
    let home = Home::directory().await;
    let spool = &home.spool;
    let bodies = home.folder.as_ref().unwrap().path().join("bodies");
    let now = crate::clock::wall();
    let hours = |hours| now + jiff::SignedDuration::from_hours(hours);
    for name in ["00000000000f0000", "readme"] {
        std::fs::write(bodies.join(name), "x").unwrap();
    }
    spool.recover(hours(0)).await.unwrap();
    assert!(bodies.join("00000000000f0000").exists(), "young");
    let written = body_of(spool, &[0; 100_000]).await;
    let partial = body_of(spool, &[0; 10]).await;
    let identity = Identity {
        peer: system("polux"),
        temp: "D.1".into(),
        size: Some(100),
        user: "jan".into(),
        command: "rmail ida".into(),
        digest: None,
    };
    spool.keep_partial(identity, partial, hours(0)).await.unwrap();
    let kept = body_of(spool, &[0; 100_000]).await;
    let mut new = message("", &["ida"]);
    new.content = Content::body(kept);
    spool.accept(None, vec![new]).await.unwrap();
    spool.recover(hours(2)).await.unwrap();
    assert!(!bodies.join("00000000000f0000").exists());
    assert!(bodies.join("readme").exists());
    assert_eq!(read_all(spool, partial).await.len(), 10);
    assert_eq!(read_all(spool, kept).await.len(), 100_000);
    // A slow line may be writing it.
    spool.body_append(written, 100_000, vec![1]).await.unwrap();
    spool.recover(hours(8 * 24)).await.unwrap();
    assert!(
        is_missing(spool.body_append(written, 100_001, vec![1]).await),
        "nobody wrote it for longer than any call"
    );
}
