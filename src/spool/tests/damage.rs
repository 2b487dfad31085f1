//! Damage: it is said, and what is sound is salvaged.

use super::*;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A closed spool with 100 messages (every tenth with a file), a job, an execution and something in quarantine.
async fn filled() -> tempfile::TempDir {
    let Home { spool, folder } = Home::directory().await;
    for number in 0..100 {
        let mut new = message(&format!("message {number}\n{}", "x".repeat(3000)), &["ida"]);
        if number % 10 == 0 {
            new.content.rest = Some(body_of(&spool, &[b'y'; 70_000]).await);
        }
        spool.accept(None, vec![new]).await.unwrap();
    }
    spool.submit_job(None, job("polux", 'C', "a job\n")).await.unwrap();
    let content = Content::bytes(b"an execution\n".to_vec());
    spool.submit_execution(None, system("polux"), rmail("ida"), content, at(0)).await.unwrap();
    let content = Content::bytes(b"refused\n".to_vec());
    spool.quarantine("somewhere".into(), "bad".into(), content, vec![], at(0)).await.unwrap();
    spool.close().await;
    folder.unwrap()
}

fn flip(path: &Path, offset: u64) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], offset).unwrap();
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

/// Dumps, and gives how many messages came out word for word.
fn salvaged(folder: &Path) -> (Dumped, usize) {
    let out = folder.join("out");
    let dumped = dump(folder, &out).unwrap();
    let whole = (0..100)
        .filter(|number| {
            let text = std::fs::read(out.join(format!("messages/{}.body", number + 1))).unwrap_or_default();
            let mut expected = format!("message {number}\n{}", "x".repeat(3000)).into_bytes();
            if number % 10 == 0 {
                expected.extend([b'y'; 70_000]);
            }
            text == expected
        })
        .count();
    std::fs::remove_dir_all(out).unwrap();
    (dumped, whole)
}

#[tokio::test]
async fn a_sound_spool_is_sound_and_dumps_whole() {
    let folder = filled().await;
    let verified = verify(folder.path()).unwrap();
    assert_eq!(verified.findings, []);
    assert_eq!((verified.messages, verified.jobs, verified.executions), (100, 1, 1));
    let out = folder.path().join("out");
    let dumped = dump(folder.path(), &out).unwrap();
    assert_eq!(dumped.lost, Vec::<String>::new());
    let counts = (dumped.messages, dumped.jobs, dumped.executions, dumped.quarantined, dumped.loose_bodies);
    assert_eq!(counts, (100, 1, 1, 1, 0));
    let words = std::fs::read_to_string(out.join("messages/1.txt")).unwrap();
    assert!(words.contains("sender: jan@polux") && words.contains("recipient: ida"), "{words}");
    assert_eq!(std::fs::read(out.join("executions/1.body")).unwrap(), b"an execution\n");
    assert_eq!(std::fs::read(out.join("quarantine/1.body")).unwrap(), b"refused\n");
    let refused = dump(folder.path(), &out);
    assert!(is_conflict(refused), "nothing is overwritten");
    std::fs::remove_dir_all(out).unwrap();
    assert_eq!(salvaged(folder.path()).1, 100);
}

#[tokio::test]
async fn a_spool_is_looked_at_while_it_is_open() {
    let home = Home::directory().await;
    accept(&home.spool, "a\n", &["ida"]).await;
    body_of(&home.spool, &[0; 100_000]).await;
    let folder = home.folder.as_ref().unwrap();
    let verified = verify(folder.path()).unwrap();
    assert_eq!((verified.messages, verified.findings), (1, vec![]));
}

#[tokio::test]
async fn bodies_are_held_against_their_rows() {
    let folder = filled().await;
    let bodies = folder.path().join("bodies");
    let mut files: Vec<_> = std::fs::read_dir(&bodies).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    std::fs::remove_file(&files[0]).unwrap();
    std::fs::OpenOptions::new().write(true).open(&files[1]).unwrap().set_len(9).unwrap();
    std::fs::write(bodies.join("0000000000ffffff"), "x").unwrap();
    let findings = verify(folder.path()).unwrap().findings;
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert!(matches!(findings[0], Finding::NoFile { .. }));
    assert!(matches!(findings[1], Finding::Size { found: 9, expected: 70_000, .. }));
    assert!(matches!(&findings[2], Finding::Orphan { name } if name == "0000000000ffffff"));
    assert_eq!(findings.iter().filter(|finding| finding.is_damage()).count(), 2);
    let (dumped, whole) = salvaged(folder.path());
    assert_eq!((dumped.messages, whole, dumped.loose_bodies), (100, 98, 1));
    assert_eq!(dumped.lost.len(), 2, "the one that is gone and the one that was cut: {:?}", dumped.lost);
}

#[tokio::test]
async fn a_flipped_bit_in_a_body_is_noticed_when_it_is_read() {
    let folder = filled().await;
    let database = folder.path().join("spool.db");
    let bytes = std::fs::read(&database).unwrap();
    let needle = b"message 42\n";
    let place = bytes.windows(needle.len()).position(|window| window == needle).unwrap() as u64;
    flip(&database, place + 20);
    let findings = verify(folder.path()).unwrap().findings;
    assert!(matches!(findings[..], [Finding::Content { .. }]), "{findings:?}");
    let spool = Spool::open(folder.path(), at(1)).await.unwrap();
    let due = claim_deliveries(&spool, 1).await;
    let mut damaged = 0;
    for delivery in due {
        match spool.body_read(delivery.body.id, 0, CHUNK).await {
            Ok(_) => {}
            Err(SpoolError::Corrupt(_)) => damaged += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(damaged, 1);
}

/// The file of the only body in files.
fn only_file(folder: &Path) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(folder.join("bodies")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}

/// Reads a body in pieces of `limit` bytes up to its end or an error.
async fn read_up_to_damage(spool: &Spool, body: BodyId, limit: usize) -> (usize, Option<SpoolError>) {
    let mut length = 0;
    loop {
        match spool.body_read(body, length as u64, limit).await {
            Ok(piece) if piece.is_empty() => return (length, None),
            Ok(piece) => length += piece.len(),
            Err(error) => return (length, Some(error)),
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_file_is_noticed_before_it_is_handed_out() {
    for place in [0, 65_535, 65_536, 150_000, 199_999] {
        let Home { spool, folder } = Home::directory().await;
        let folder = folder.unwrap();
        let body = body_of(&spool, &[b'y'; 200_000]).await;
        let mut new = message("head\n", &["ida"]);
        new.content.rest = Some(body);
        spool.accept(None, vec![new]).await.unwrap();
        assert_eq!(read_up_to_damage(&spool, body, 999).await, (200_000, None));
        flip(&only_file(folder.path()), place);

        let findings = verify(folder.path()).unwrap().findings;
        assert_eq!(findings, [Finding::Content { body }]);
        let whole = claim_deliveries(&spool, 1).await[0].body;
        for (body, before, limit) in [(body, 0, 999), (body, 0, CHUNK), (whole.id, 5, CHUNK)] {
            let (read, error) = read_up_to_damage(&spool, body, limit).await;
            assert!(matches!(error, Some(SpoolError::Corrupt(_))), "{place}: {error:?}");
            assert!(read <= before + place as usize, "{place}: {read}");
        }
        let refused = spool.body_check(whole).await;
        assert!(matches!(refused, Err(SpoolError::Corrupt(_))), "{refused:?}");

        let out = folder.path().join("out");
        let dumped = dump(folder.path(), &out).unwrap();
        assert_eq!(dumped.lost.len(), 1, "{:?}", dumped.lost);
        assert!(dumped.lost[0].contains("is not what was written; it is kept as it is"), "{:?}", dumped.lost);
        assert_eq!(size(&out.join("messages/1.body")), 200_005);
    }
}

#[tokio::test]
async fn a_file_that_was_cut_and_written_on_is_sound() {
    let Home { spool, folder } = Home::directory().await;
    let body = body_of(&spool, &[1; 200_000]).await;
    for offset in [150_000, 131_072, 70_000] {
        spool.body_append(body, offset, vec![2; 60_000]).await.unwrap();
    }
    let mut new = message("", &["ida"]);
    new.content = Content::body(body);
    spool.accept(None, vec![new]).await.unwrap();
    assert_eq!(read_all(&spool, body).await, [vec![1; 70_000], vec![2; 60_000]].concat());
    assert_eq!(verify(folder.unwrap().path()).unwrap().findings, []);
}

#[tokio::test]
async fn a_partial_that_was_damaged_is_not_resumed() {
    for damaged in [false, true] {
        let mut home = Home::directory().await;
        let identity = Identity {
            peer: system("polux"),
            temp: "D.1".to_owned(),
            size: Some(300_000),
            user: "jan".to_owned(),
            command: "rmail ida".to_owned(),
            digest: None,
        };
        let body = body_of(&home.spool, &[7; 100_000]).await;
        home.spool.keep_partial(identity.clone(), body, at(0)).await.unwrap();
        // Cut, and synced again.
        home.spool.body_append(body, 90_000, vec![8; 10]).await.unwrap();
        home.spool.body_sync(body).await.unwrap();
        home.spool.close().await;
        let folder = home.folder.as_ref().unwrap().path().to_owned();
        if damaged {
            flip(&only_file(&folder), 70_000);
        }
        home.reopen(at(1)).await;
        let found = home.spool.find_partial(identity.clone(), at(-1)).await.unwrap();
        assert_eq!(found.map(|partial| partial.offset), (!damaged).then_some(90_010));
        assert_eq!(std::fs::read_dir(folder.join("bodies")).unwrap().count(), usize::from(!damaged));
    }
}

#[tokio::test]
async fn bodies_from_before_their_digests_are_known_by_length() {
    let Home { spool, folder } = Home::directory().await;
    let folder = folder.unwrap();
    let body = body_of(&spool, &[b'y'; 100_000]).await;
    let mut new = message("", &["ida"]);
    new.content = Content::body(body);
    spool.accept(None, vec![new]).await.unwrap();
    meddle(&spool, "UPDATE bodies SET blocks = NULL").await;
    assert_eq!(read_all(&spool, body).await, vec![b'y'; 100_000]);
    assert_eq!(verify(folder.path()).unwrap().findings, []);
    spool.close().await;
    // As a spool that no newer program has opened.
    let database = rusqlite::Connection::open(folder.path().join("spool.db")).unwrap();
    database.execute_batch("ALTER TABLE bodies DROP COLUMN blocks").unwrap();
    assert_eq!(verify(folder.path()).unwrap().findings, []);
    assert_eq!(dump(folder.path(), &folder.path().join("out")).unwrap().lost, Vec::<String>::new());
    std::fs::OpenOptions::new().write(true).open(only_file(folder.path())).unwrap().set_len(9).unwrap();
    let findings = verify(folder.path()).unwrap().findings;
    assert_eq!(findings, [Finding::Size { body, expected: 100_000, found: 9 }]);
}

#[tokio::test]
async fn a_truncated_database_is_refused_and_dumped() {
    for share in [2, 3, 10] {
        let folder = filled().await;
        let database = folder.path().join("spool.db");
        let whole = size(&database);
        let cut = whole - whole / share;
        std::fs::OpenOptions::new().write(true).open(&database).unwrap().set_len(cut).unwrap();
        let refused = Spool::open(folder.path(), at(1)).await;
        assert!(matches!(refused, Err(SpoolError::Corrupt(_))), "{refused:?}");
        assert!(verify(folder.path()).unwrap().findings.iter().any(Finding::is_damage));
        let (dumped, whole) = salvaged(folder.path());
        assert!(!dumped.lost.is_empty());
        assert!(whole > 10, "{whole} of 100 with 1/{share} cut off");
        assert_eq!(size(&database), cut, "read only");
    }
}

#[tokio::test]
async fn a_lost_database_is_no_new_spool() {
    let folder = filled().await;
    let database = folder.path().join("spool.db");
    std::fs::File::create(&database).unwrap();
    let refused = Spool::open(folder.path(), at(1)).await;
    assert!(matches!(refused, Err(SpoolError::Corrupt(_))), "{refused:?}");
    std::fs::remove_file(&database).unwrap();
    let refused = Spool::open(folder.path(), at(1)).await;
    assert!(matches!(refused, Err(SpoolError::Corrupt(_))), "{refused:?}");
    std::fs::write(&database, "not a database at all, but long enough to be taken for one".repeat(100))
        .unwrap();
    let refused = Spool::open(folder.path(), at(1)).await;
    assert!(matches!(refused, Err(SpoolError::Corrupt(_))), "{refused:?}");
    let dumped = salvaged(folder.path()).0;
    assert_eq!((dumped.messages, dumped.loose_bodies), (0, 10), "the large bodies are left");
    assert!(!dumped.lost.is_empty());
}

#[tokio::test]
async fn flipped_bits_anywhere_are_refused_or_harmless_and_the_rest_is_dumped() {
    let folder = filled().await;
    let database = folder.path().join("spool.db");
    let sound = std::fs::read(&database).unwrap();
    // One place in each of many pages, the header of the page among them.
    let places =
        (0..sound.len() as u64).step_by(4096 * 7).flat_map(|page| [page + 1, page + 100, page + 2000]);
    for place in places {
        std::fs::write(&database, &sound).unwrap();
        flip(&database, place);
        let verified = verify(folder.path());
        let (_, whole) = salvaged(folder.path());
        match verified {
            Ok(verified) if verified.findings.is_empty() => {
                assert_eq!(whole, 100, "byte {place}: nothing was found, so nothing may be lost");
            }
            Ok(_) => {}
            Err(SpoolError::Corrupt(_)) => {}
            Err(error) => panic!("byte {place}: {error}"),
        }
    }
}
