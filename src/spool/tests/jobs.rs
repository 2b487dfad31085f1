//! Jobs for neighbours, and those that travel in files.

use super::*;

on_both!(
    jobs_come_by_grade_and_age,
    the_smallest_jobs_come_first_within_their_grade,
    a_large_job_is_passed_by_smaller_ones_for_a_time_alone,
    a_job_number_is_never_given_twice,
    several_jobs_are_kept_together_or_not_at_all,
    a_restored_spool_gives_numbers_that_were_not_given_since,
    a_handed_delivery_follows_its_job,
    a_refused_job_gives_its_mail_back,
    a_spoiled_job_gives_its_mail_back_and_is_kept_aside,
    a_refused_file_is_kept_aside,
    a_deferred_job_stays,
    withheld_jobs_stay_away_from_calls,
);

async fn jobs_come_by_grade_and_age(home: Home) {
    let spool = &home.spool;
    assert_eq!(spool.waiting(system("polux"), None).await.unwrap(), None);
    for (grade, text) in [('z', "last"), ('C', "second"), ('C', "third"), ('5', "first")] {
        spool.submit_job(None, job("polux", grade, text)).await.unwrap();
    }
    spool.submit_job(None, job("castor", '0', "elsewhere")).await.unwrap();
    assert_eq!(spool.waiting(system("polux"), None).await.unwrap(), Grade::new('5'));
    let wanted = Wanted { worst: Grade::new('C'), ..Wanted::default() };
    let jobs = spool.claim_jobs(at(1), system("polux"), wanted, 100, LEASE).await.unwrap();
    let mut texts = Vec::new();
    for job in &jobs {
        texts.push(read_all(spool, job.body.unwrap().id).await);
    }
    assert_eq!(texts, [b"first".to_vec(), b"second".to_vec(), b"third".to_vec()]);
    assert_eq!(spool.waiting(system("polux"), None).await.unwrap(), Grade::new('z'));
    let all = spool.jobs(Some(system("polux")), None).await.unwrap();
    let offered = all.iter().filter(|job| job.state == JobState::Offered).count();
    assert_eq!((all.len(), offered, spool.jobs(None, None).await.unwrap().len()), (4, 3, 5));
    let rest = spool.jobs(None, Some(all[0].stable.number)).await.unwrap();
    assert_eq!(rest.len(), 4);
}

async fn a_job_number_is_never_given_twice(mut home: Home) {
    let mut known = Vec::new();
    for round in 0..3 {
        let id = home.spool.submit_job(Some(round), job("polux", 'C', "x")).await.unwrap();
        assert_eq!(home.spool.submit_job(Some(round), job("polux", 'C', "x")).await.unwrap(), id);
        assert_eq!(id.spool, home.spool.id());
        assert!(!known.contains(&id));
        known.push(id);
        let jobs = claim_jobs(&home.spool, "polux").await;
        assert_eq!(jobs[0].stable, id);
        let done = Outcome::JobDone { job: jobs[0].claim, note: "CY".into() };
        home.spool.settle(at(1), vec![done]).await.unwrap();
        home.reopen(at(2)).await;
    }
    let other = Spool::in_memory();
    let elsewhere = other.submit_job(None, job("polux", 'C', "x")).await.unwrap();
    assert!(other.id() != home.spool.id() && elsewhere.number != known[0].number);
}

async fn several_jobs_are_kept_together_or_not_at_all(home: Home) {
    let spool = &home.spool;
    let lost = NewJob { content: Some(Content::body(BodyId(1 << 40))), ..job("polux", 'C', "x") };
    let kept = || job("polux", 'C', "x");
    assert!(spool.submit_jobs(vec![kept(), lost]).await.is_err());
    assert!(spool.jobs(None, None).await.unwrap().is_empty());
    spool.submit_jobs(vec![kept(), kept()]).await.unwrap();
    assert_eq!(spool.jobs(None, None).await.unwrap().len(), 2);
}

async fn a_restored_spool_gives_numbers_that_were_not_given_since(home: Home) {
    let spool = &home.spool;
    let submit = async || spool.submit_job(None, job("polux", 'C', "x")).await.unwrap();
    let waits = submit().await;
    spool.restored().await.unwrap();
    let next = submit().await;
    assert_eq!(next.spool, waits.spool, "what waits is known by its id");
    assert!(next.number - waits.number > 1 << 32 && next.number < 1 << 48, "{waits} {next}");
    let listed: Vec<_> = spool.jobs(None, None).await.unwrap().iter().map(|job| job.stable).collect();
    assert_eq!(listed, [waits, next]);
}

/// A message for ida that has become a job for polux.
async fn handed(spool: &Spool) -> Delivery {
    accept(spool, "hello\n", &["ida"]).await;
    let due = claim_deliveries(spool, 1).await.remove(0);
    let mut job = job("polux", 'C', "");
    job.content = Some(Content { head: b"From jan\n".to_vec(), rest: Some(due.body.id) });
    spool.settle(at(1), vec![Outcome::Handed { deliveries: vec![due.claim], job }]).await.unwrap();
    due
}

async fn a_handed_delivery_follows_its_job(home: Home) {
    let spool = &home.spool;
    let due = handed(spool).await;
    assert_eq!(spool.queue(None).await.unwrap()[0].state, DeliveryState::Handed);
    assert!(claim_deliveries(spool, 5).await.is_empty());
    let jobs = claim_jobs(spool, "polux").await;
    assert_eq!(read_all(spool, jobs[0].body.unwrap().id).await, b"From jan\nhello\n");
    let done = Outcome::JobDone { job: jobs[0].claim, note: "CY".into() };
    spool.settle(at(3), vec![done]).await.unwrap();
    assert!(spool.queue(None).await.unwrap().is_empty());
    assert!(spool.jobs(None, None).await.unwrap().is_empty());
    assert!(is_missing(spool.body_read(due.body.id, 0, 10).await));
    assert_eq!(events(spool, "acknowledged").await.len(), 1);
    assert_eq!(events(spool, "sent").await[0].system, Some(system("polux")));
}

async fn a_refused_job_gives_its_mail_back(home: Home) {
    let spool = &home.spool;
    handed(spool).await;
    let jobs = claim_jobs(spool, "polux").await;
    let refused = Outcome::JobRefused { job: jobs[0].claim, note: "SN2".into(), notice: None };
    spool.settle(at(3), vec![refused]).await.unwrap();
    assert!(spool.jobs(None, None).await.unwrap().is_empty());
    let due = claim_deliveries(spool, 3).await;
    assert_eq!(due[0].refusal.as_deref(), Some("SN2"));
    assert_eq!(read_all(spool, due[0].body.id).await, b"hello\n");
}

async fn a_spoiled_job_gives_its_mail_back_and_is_kept_aside(home: Home) {
    let spool = &home.spool;
    handed(spool).await;
    let jobs = claim_jobs(spool, "polux").await;
    let notice = NewNotice { to: "postmaster".into(), subject: "damaged".into(), text: "x".into() };
    let spoiled = Outcome::JobSpoiled { job: jobs[0].claim, note: "damaged".into(), notice };
    spool.settle(at(3), vec![spoiled]).await.unwrap();
    assert!(spool.jobs(None, None).await.unwrap().is_empty());
    let due = claim_deliveries(spool, 3).await;
    assert_eq!((due.len(), due[0].refusal.as_deref()), (1, None));
    let kept = spool.quarantined(None).await.unwrap();
    assert_eq!(read_all(spool, kept[0].body.unwrap().id).await, b"From jan\nhello\n");
    assert_eq!(events(spool, "spoiled").await.len(), 1);
    assert_eq!(spool.claim_notices(at(3), 10, LEASE).await.unwrap().len(), 1);
}

async fn a_refused_file_is_kept_aside(home: Home) {
    let spool = &home.spool;
    spool.submit_job(None, job("polux", 'N', "bytes")).await.unwrap();
    let jobs = claim_jobs(spool, "polux").await;
    let notice = NewNotice { to: "jan".into(), subject: "refused".into(), text: "sorry".into() };
    let refused = Outcome::JobRefused { job: jobs[0].claim, note: "SN7".into(), notice: Some(notice) };
    spool.settle(at(3), vec![refused]).await.unwrap();
    assert_eq!(spool.jobs(None, None).await.unwrap()[0].state, JobState::Quarantined);
    assert!(claim_jobs(spool, "polux").await.is_empty());
    let kept = spool.quarantined(None).await.unwrap();
    assert_eq!(kept[0].reason, "SN7");
    assert_eq!(read_all(spool, kept[0].body.unwrap().id).await, b"bytes");
    assert_eq!(spool.claim_notices(at(3), 10, LEASE).await.unwrap()[0].notice.to, "jan");
}

async fn a_deferred_job_stays(home: Home) {
    let spool = &home.spool;
    spool.submit_job(None, job("polux", 'N', "bytes")).await.unwrap();
    let jobs = claim_jobs(spool, "polux").await;
    let deferred = Outcome::JobDeferred { job: jobs[0].claim, note: "SN4".into() };
    spool.settle(at(3), vec![deferred]).await.unwrap();
    let again = claim_jobs(spool, "polux").await;
    assert_eq!((again[0].stable, again[0].attempts), (jobs[0].stable, 1));
    assert_eq!(spool.jobs(None, None).await.unwrap()[0].note, "SN4");
}

async fn withheld_jobs_stay_away_from_calls(home: Home) {
    let spool = &home.spool;
    let file = [9; 32];
    assert!(is_missing(spool.settle_withheld(file, BundleState::Done, at(1)).await));
    handed(spool).await;
    let export = async |file| {
        let jobs = claim_jobs(spool, "polux").await;
        spool.withhold(file, "batch".to_owned(), jobs.iter().map(|job| job.claim).collect(), at(1)).await
    };
    export(file).await.unwrap();
    assert!(claim_jobs(spool, "polux").await.is_empty());
    assert_eq!(spool.waiting(system("polux"), None).await.unwrap(), None);
    assert_eq!(spool.jobs(None, None).await.unwrap()[0].state, JobState::Withheld);
    assert_eq!(spool.settle_withheld(file, BundleState::Recalled, at(2)).await.unwrap(), 1);
    assert!(is_conflict(spool.settle_withheld(file, BundleState::Done, at(2)).await));

    export(file).await.unwrap();
    assert!(is_conflict(spool.withhold(file, "batch".to_owned(), vec![], at(3)).await));
    assert_eq!(spool.settle_withheld(file, BundleState::Done, at(3)).await.unwrap(), 1);
    assert_eq!(spool.settle_withheld(file, BundleState::Done, at(3)).await.unwrap(), 0);
    assert!(spool.jobs(None, None).await.unwrap().is_empty());
    assert!(spool.queue(None).await.unwrap().is_empty(), "the mail behind it is delivered");
}

async fn the_smallest_jobs_come_first_within_their_grade(home: Home) {
    let spool = &home.spool;
    for (grade, size, created) in [('C', 300, 0), ('C', 100, 0), ('N', 0, 0), ('C', 200, 0), ('C', 150, 1)] {
        let mut job = job("polux", grade, &"x".repeat(size));
        job.created = at(created);
        spool.submit_job(None, job).await.unwrap();
    }
    let sizes = async |wanted| -> Vec<u64> {
        let jobs = spool.claim_jobs(at(2), system("polux"), wanted, 100, LEASE).await.unwrap();
        for job in &jobs {
            let back = Outcome::JobDeferred { job: job.claim, note: String::new() };
            spool.settle(at(2), vec![back]).await.unwrap();
        }
        jobs.iter().map(|job| job.body.map_or(0, |body| body.size)).collect()
    };
    let smallest_first = Wanted { order: Order::Size, ..Wanted::default() };
    // The one that came a second later is behind those that are less than 1000 bytes larger.
    assert_eq!(sizes(smallest_first).await, [100, 200, 300, 150, 0]);
    assert_eq!(sizes(Wanted::default()).await, [300, 100, 200, 150, 0]);
    assert_eq!(sizes(Wanted { largest: Some(200), ..smallest_first }).await, [100, 200, 150, 0]);
    let beyond = Wanted { largest: Some(100), or_beyond: Some(200), ..Wanted::default() };
    assert_eq!(sizes(beyond).await, [300, 100, 0]);
}

/// A line that never rests: a small job comes each second, and one is sent each second.
async fn a_large_job_is_passed_by_smaller_ones_for_a_time_alone(home: Home) {
    let spool = &home.spool;
    let submit = async |size: usize, now: i64| {
        let mut job = job("polux", 'C', &"x".repeat(size));
        job.created = at(now);
        spool.submit_job(None, job).await.unwrap()
    };
    let large = submit(20_000, 0).await;
    let wanted = Wanted { order: Order::Size, ..Wanted::default() };
    for now in 1.. {
        submit(1000, now).await;
        let next = spool.claim_jobs(at(now), system("polux"), wanted, 1, LEASE).await.unwrap().remove(0);
        if next.stable == large {
            // It is larger by 19 000 bytes, which count 19 seconds; of two that count alike the older goes first.
            assert_eq!(now, 19);
            return;
        }
        let done = Outcome::JobDone { job: next.claim, note: String::new() };
        spool.settle(at(now), vec![done]).await.unwrap();
    }
}

#[tokio::test]
async fn a_large_body_stays_until_its_job_cannot_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), at(0)).await.unwrap();
    let files = || std::fs::read_dir(folder.path().join("bodies")).unwrap().count();
    let body = body_of(&spool, &vec![7; 200_000]).await;
    let new = NewJob { content: Some(Content::body(body)), ..job("polux", 'C', "") };
    spool.submit_job(None, new).await.unwrap();
    let job = claim_jobs(&spool, "polux").await.remove(0);
    spool.settle_soon(at(11), Outcome::JobDone { job: job.claim, note: String::new() }).await.unwrap();
    // A power cut might take that back.
    assert_eq!(files(), 1);
    accept(&spool, "hello", &["ida"]).await;
    assert_eq!(files(), 0);
}
