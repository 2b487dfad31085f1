//! Bodies that are read beside the writer.

use super::*;

on_both!(
    a_body_is_read_from_its_beginning_to_its_end,
    a_body_is_read_from_any_place,
    a_body_that_is_being_read_may_go,
    a_small_body_comes_in_one_piece,
);

/// A body of two pieces, and its bytes.
async fn of_two_pieces(spool: &Spool, length: usize) -> (BodyRef, Vec<u8>) {
    let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
    let mut new = message("", &["ida"]);
    new.content = Content { head: b"Received: here\n".to_vec(), rest: Some(body_of(spool, &bytes).await) };
    spool.accept(None, vec![new]).await.unwrap();
    (claim_deliveries(spool, 1).await[0].body, [b"Received: here\n".as_slice(), &bytes].concat())
}

async fn a_body_is_read_from_its_beginning_to_its_end(home: Home) {
    let (body, expected) = of_two_pieces(&home.spool, 700_000).await;
    let mut reader = home.spool.body_open(body).await.unwrap();
    reader.check().await.unwrap();
    for limit in [1000, CHUNK, MOST_AT_ONCE, usize::MAX] {
        let mut found = Vec::new();
        loop {
            let more = reader.read(found.len() as u64, limit).await.unwrap();
            assert!(more.len() <= limit.min(MOST_AT_ONCE));
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        assert!(found == expected, "{limit}");
    }
}

async fn a_body_is_read_from_any_place(home: Home) {
    let (body, expected) = of_two_pieces(&home.spool, 200_000).await;
    let mut reader = home.spool.body_open(body).await.unwrap();
    for place in [150_000, 3, 65_536, 65_536 + 15, 0, 200_014, 131_087, 14] {
        let found = reader.read(place as u64, 70_000).await.unwrap();
        assert!(!found.is_empty() && expected[place..].starts_with(&found), "{place}");
    }
    for behind in [200_015, u64::MAX] {
        assert!(reader.read(behind, 1).await.unwrap().is_empty());
    }
}

async fn a_body_that_is_being_read_may_go(home: Home) {
    let bytes = vec![7; 200_000];
    let body = body_of(&home.spool, &bytes).await;
    let new = NewJob { content: Some(Content::body(body)), ..job("polux", 'C', "") };
    home.spool.submit_job(None, new).await.unwrap();
    let job = claim_jobs(&home.spool, "polux").await.remove(0);
    let mut reader = home.spool.body_open(job.body.unwrap()).await.unwrap();
    home.spool.settle_soon(at(11), Outcome::JobDone { job: job.claim, note: String::new() }).await.unwrap();
    assert!(is_missing(home.spool.body_read(body, 0, 1).await));
    assert!(reader.read(0, usize::MAX).await.unwrap() == bytes);
    let gone = home.spool.body_open(job.body.unwrap()).await;
    assert!(matches!(gone, Err(SpoolError::Corrupt(_))), "{gone:?}");
}

/// As one, for each piece costs a packet.
async fn a_small_body_comes_in_one_piece(home: Home) {
    let (body, expected) = of_two_pieces(&home.spool, 2000).await;
    let mut reader = home.spool.body_open(body).await.unwrap();
    assert_eq!(reader.read(0, CHUNK).await.unwrap(), expected);
}
