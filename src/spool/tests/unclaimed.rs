//! What nobody claims is said once, and in one letter a day.

use super::*;

on_both!(
    what_lies_too_long_is_told_once_and_once_a_day_at_most,
    what_somebody_came_for_is_not_told,
    a_flood_is_one_letter,
);

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// The usual limit, and a moment.
const TOO_OLD: i64 = 7 * DAY + 1;

async fn letters(spool: &Spool) -> Vec<NewNotice> {
    let notices = spool.claim_notices(at(0), 1000, Duration::ZERO).await.unwrap();
    notices.into_iter().map(|notice| notice.notice).collect()
}

async fn late(spool: &Spool, seconds: i64) -> Vec<NewNotice> {
    spool.recover(at(seconds)).await.unwrap();
    letters(spool).await
}

fn from(seconds: i64, to: &str) -> NewJob {
    NewJob { created: at(seconds), ..job(to, 'N', "text") }
}

async fn what_lies_too_long_is_told_once_and_once_a_day_at_most(home: Home) {
    let spool = &home.spool;
    let mut jobs = Vec::new();
    for job in [from(0, "polux"), from(2 * HOUR, "castor")] {
        jobs.push(format!("job={:x}", spool.submit_job(None, job).await.unwrap().number));
    }
    for hours in [0, 24, 6 * 24, 7 * 24] {
        assert_eq!(late(spool, hours * HOUR).await.len(), 0, "after {hours} h nothing is too old");
    }
    let content = Content::bytes(b"a broken batch".to_vec());
    let refused = spool.quarantine("polux".into(), "no batch".into(), content, Vec::new(), at(9 * DAY)).await;
    let first = late(spool, TOO_OLD + DAY).await;
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].to.as_str(), first[0].subject.as_str()), ("postmaster", "2 things lie unclaimed"));
    let polux =
        format!("\n{} since 2026-01-01T00:00:00Z: waits for a call with polux, grade N, 4 bytes\n", jobs[0]);
    assert!(first[0].text.contains(&polux), "{}", first[0].text);
    let told = events(spool, "unclaimed").await;
    assert_eq!(told.iter().map(|event| event.ids.as_str()).collect::<Vec<_>>(), jobs);
    assert_eq!(told[0].system, Some(system("polux")));
    // They lie on, and are told no more; a third one is, when its time has come.
    for days in 9..16 {
        assert_eq!(late(spool, days * DAY).await.len(), 1, "the letter of before, on day {days}");
    }
    let all = late(spool, 9 * DAY + TOO_OLD + DAY).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].subject, "1 thing lies unclaimed");
    assert!(all[1].text.contains(&format!("quarantine={} ", refused.unwrap())), "{}", all[1].text);
    assert_eq!(events(spool, "unclaimed").await.len(), 3);
}

async fn what_somebody_came_for_is_not_told(home: Home) {
    let spool = &home.spool;
    spool.submit_job(None, from(0, "polux")).await.unwrap();
    let job = claim_jobs(spool, "polux").await.remove(0);
    spool.settle(at(20), vec![Outcome::JobDone { job: job.claim, note: String::new() }]).await.unwrap();
    assert_eq!(late(spool, TOO_OLD + DAY).await.len(), 0);
    assert_eq!(events(spool, "unclaimed").await.len(), 0);
}

async fn a_flood_is_one_letter(home: Home) {
    let spool = &home.spool;
    for _ in 0..150 {
        spool.submit_job(None, from(0, "polux")).await.unwrap();
    }
    let letters = late(spool, TOO_OLD + DAY).await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].text.ends_with("and 50 more; the events of the node have them all\n"));
    assert_eq!(events(spool, "unclaimed").await.len(), 150);
}
